//! The engine, off the page's thread.
//!
//! `desk` answers and knows nothing of browsers; `serve` listens in the worker; `client` asks from
//! the page.

mod addresses;
pub mod ask;
mod assume;
mod changes;
mod client;
mod desk;
pub mod flows;
mod links;
mod lone;
pub mod message;
mod pending;
mod rule;
mod scene;
mod serve;
#[cfg(test)]
mod truth;

pub use ask::Form;
pub use assume::{Assume, bad_cidr, bad_label};
pub use client::{Asked, Client, Event, Texts, Wanted};
pub use serve::serve;
