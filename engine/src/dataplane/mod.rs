//! What a node's kernel must be told so that it admits what the policies admit.
//!
//! [`lower`] makes a [`FilterProgram`] of the policies that concern the pods of one node: chains,
//! rules and sets of addresses as data. [`render`] writes it as `iptables-restore` and
//! `ipset restore` read it.

mod digest;
mod lower;
mod program;
mod render;
mod settings;

pub use lower::{Input, lower};
pub use program::{
    Action, AddressSet, Chain, ChainKind, ChainName, Class, FamilyProgram, FilterProgram,
    FilterRule, Hook, L4, Match, Members, Note, PortMember, RejectWith, RuleOrigin, SetKind,
    SetName, States,
};
pub use render::{Comments, ipset_restore, iptables_restore, member_texts, rule_text, set_create};
pub use settings::{Admitted, Denial, FlowLog, NodeTraffic, Settings, SettingsError};
