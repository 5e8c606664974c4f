//! The node agent: programs one node's kernel to enforce exactly what policies allow.
//!
//! ```text
//! source ─changes→ agent: desired state ─lower, verify→ program ─→ enforce ─→ kernel
//!                    ├─ every state in force → connections that end, flow log, complaints
//!                    └─ audits: does the kernel still hold it?
//! ```
//!
//! What policies mean is the engine's affair; this crate knows about processes, tables and time.
//! Modules, each of which may use those above it: [`kernel`] runs the tools, [`observe`] tells
//! operators, [`enforce`] brings programs into the kernel and looks after them, [`source`] says
//! what is desired, [`agent`] is the loop, [`check`] looks at a node before there is one, [`status`] asks one that runs, [`diagnose`] gathers all that for a report, [`options`] and
//! `run` lead from a command line to it.
//!
//! It is of use on Linux only, and is empty elsewhere.
#![cfg(target_os = "linux")]

pub mod agent;
pub mod check;
pub mod diagnose;
pub mod enforce;
pub mod kernel;
pub mod observe;
pub mod options;
pub mod source;
pub mod status;

mod privileges;
mod run;

pub use run::run;
