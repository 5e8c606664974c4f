//! What a node's kernel must be told so that it admits what the policies admit.
//!
//! [`lower`] makes a [`FilterProgram`] of the policies that concern the pods of one node: chains,
//! rules and sets of addresses as data. [`render`] writes it as `iptables-restore` and
//! `ipset restore` read it. [`plan`] leads from what a kernel holds ([`KernelState`]) to a program,
//! in steps between which nothing is judged by half of a change.

mod bound;
mod budget;
mod counted;
mod digest;
mod expressible;
mod iptables;
mod joined;
mod limits;
mod lines;
mod lower;
mod members;
mod plan;
mod program;
mod restricted;
mod settings;
mod state;
mod verify;
mod wiring;

pub use budget::{Budget, Budgets};
pub use counted::{Decided, DenialCounts, Denier, Effect, RuleCounts, denial_counts, rule_counts};
pub use iptables::{
    Comments, ipset_restore, iptables_restore, member_texts, rule_text, set_create,
};
pub use limits::Limits;
pub use lower::{Input, Lowering, lower};
pub use plan::{Plan, RuleEdit, SetEdit, Step, plan};
pub use program::{
    Action, AddressSet, Chain, ChainKind, ChainName, Class, FamilyProgram, FilterProgram,
    FilterRule, Hook, IcmpMessage, L4, Match, Members, Note, PortMember, RejectWith, RuleOrigin,
    SetKind, SetName, States,
};
pub use restricted::restricted;
pub use settings::{Admitted, Denial, FlowLog, InvalidPackets, Settings, SettingsError};
pub use state::{ChainState, KernelState, ListedRule, TableState};
pub use verify::{Counterexample, Disagreement, Verified, Verifier, verify};
pub use wiring::{HostWiring, Interface, InterfaceError, NAMED_WIRING, UNKNOWN_WIRING, Wiring};
