//! What users receive: the only module whose types are serialised for them.
//!
//! Each answer has a file that makes it from what the engine computed (`check`, `list`, `diff`, `flow` with
//! `evidence` and `audit`, `expect`, `describe`, `program`, `node`, `at`), and all have their types in `types`, those of
//! many flows in `flows`. `query`, `words`, `port`, `supposed` and `labels` read what users ask, `place` and
//! `path` say where things stand, `sentence` says them in words, `text` writes reports for terminals
//! and documents. Nothing here decides what a policy means.

mod at;
mod audit;
mod case;
mod check;
mod describe;
mod diff;
mod evidence;
mod example;
mod expect;
mod fix;
mod flow;
mod flows;
mod gate;
mod hypothetical;
mod ignored;
mod isolation;
mod labels;
mod list;
mod node;
mod path;
mod place;
mod port;
mod program;
mod query;
pub mod sarif;
mod sentence;
mod service;
mod supposed;
pub mod text;
mod types;
mod why;
mod words;

pub use at::{RuleAt, RulePart};
pub use describe::*;
pub use diff::{BySide, DiffCause, DiffChange, DiffEndpoint, DiffReport, DiffSide, DiffSummary};
pub use expect::*;
pub use fix::FixedFile;
pub use flows::{FlowAnswer, FlowEntry, FlowError, FlowErrorCode, FlowResult};
pub use gate::{
    EqualOutcome, EqualReport, GateOutcome, GateReport, GateRuleReport, GateRules, GateSummary,
    Opening, RulesError, Witness, WitnessEnd,
};
pub use labels::parse_selector;
pub(crate) use list::workload_id;
pub use list::{ListFilter, in_focus};
pub use node::{
    NodePolicy, PolicyState, closed_sentence, node_policies, node_policy, nodes_concerned, pending,
};
pub(crate) use place::{location, object_ref};
pub use port::PortQuery;
pub use program::{
    ChainReport, FamilyReport, FilterRuleReport, ProgramQuery, ProgramReport, RuleSource,
    SetReport, note_sentence,
};
pub use query::QueryError;
pub(crate) use sentence::{namespace_why, pod_why};
pub use types::*;
pub use words::{parse_family, parse_protocol, parse_verdict};
