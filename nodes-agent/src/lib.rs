//! The node agent: has one node's kernel admit exactly the flows that its NetworkPolicies admit.
//!
//! ```text
//! Source ─changes→ Agent: Session ─lower→ FilterProgram ─→ Enforcer ─→ iptables, ipset
//!                    └─ every state in force → Cutter ─→ conntrack,  flow log
//! ```
//!
//! What policies mean is the engine's affair; this crate knows about processes, tables and time.
//! It is of use on Linux only, and is empty elsewhere.
#![cfg(target_os = "linux")]

pub mod agent;
pub mod bridge;
pub mod cut;
pub mod enforce;
pub mod expected;
pub mod flowlog;
pub mod guard;
pub mod kernel;
pub mod look;
pub mod masquerade;
pub mod observe;
pub mod options;
pub mod source;
pub mod static_mode;
pub mod tally;
pub mod upkeep;
pub mod wanted;
pub mod watch;

mod notes;
mod privileges;
mod start;

pub use start::run;
