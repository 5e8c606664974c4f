//! Programs as text: what `iptables-restore` and `ipset restore` read, and what their listings say.
//!
//! Everything else in [`super`] is about chains, rules and sets as data. What another packet filter
//! would need is here: how a rule and a set are written (`render`), a change (`script`), and how
//! what a kernel holds is read back (`listing`, and `rule` for its rules; `protocols` for their
//! names).

mod listing;
mod protocols;
mod render;
mod rule;
mod script;

pub use render::{Comments, ipset_restore, iptables_restore, member_texts, rule_text, set_create};
