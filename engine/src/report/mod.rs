//! What users receive: the only module whose types are serialised for them.

mod at;
mod case;
mod check;
mod evidence;
mod flow;
mod isolation;
mod list;
mod path;
mod place;
mod program;
mod query;
mod sentence;
mod service;
pub mod text;
mod types;
mod why;

pub use at::{RuleAt, RulePart};
pub use list::{ListFilter, in_focus};
pub use program::{
    ChainReport, FamilyReport, FilterRuleReport, ProgramQuery, ProgramReport, RuleSource,
    SetReport, note_sentence,
};
pub use query::{QueryError, parse_protocol};
pub use types::*;
