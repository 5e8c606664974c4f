//! What users receive: the only module whose types are serialised for them.

mod case;
mod check;
mod flow;
mod list;
mod place;
mod query;

mod sentence;
mod service;
pub mod text;
mod types;
mod why;

pub use list::{ListFilter, in_focus};
pub use query::{QueryError, parse_protocol};
pub use types::*;
