//! The engine, off the page's thread.
//!
//! `desk` answers and knows nothing of browsers; `serve` listens in the worker; `client` asks from
//! the page.

mod addresses;
mod client;
mod desk;
mod hints;
pub mod message;
mod rule;
mod scene;
mod serve;

pub use client::{Client, Event, Wanted};
pub use serve::serve;
