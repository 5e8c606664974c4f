//! What the kernel does with programs: a model of it, which reads the very text that the tools
//! would, and random clusters to let packets through it.
//!
//! The model shares no code with the engine that writes the text.

pub mod change;
pub mod kernel;
pub mod misled;
pub mod mutate;
pub mod polarity;
pub mod site;
pub mod spoiled;
pub mod watched;
pub mod written;

pub use kernel::{Kernel, Packet, Protocol, State, Verdict};
