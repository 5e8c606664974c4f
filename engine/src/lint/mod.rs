//! Findings about the whole input, which no document has alone: one file each.
//!
//! A lint is a function from a session, in a [`Context`], to findings, in [`ALL`]; its code is in
//! the registry of [`crate::diagnostic`]. It looks at what is compiled, not at text, and says nothing where the
//! input leaves open whether there is anything to say.

mod any_includes_pods;
mod block_of_pods;
mod blocks;
mod context;
mod contradictory_selector;
mod cross_namespace_pod_selector;
mod default_allow;
mod dns_forgotten;
mod dns_one_protocol;
mod dns_too_broad;
mod duplicate_name;
mod except_readmitted;
mod exposed_but_blocked;
mod half_open;
mod host_network_bypass;
mod host_pods;
mod implied;
mod known;
mod metadata_service;
mod missing_default_deny;
mod named;
mod named_port_inconsistent;
mod named_port_undefined;
mod named_port_with_block;
mod namespace_without_pods;
mod negative_selector;
mod not_enforced;
mod one_family_only;
mod port_pods;
mod priority_tie;
mod redundant_rule;
mod sctp;
mod selector_matches_nothing;
mod service_port_used;
mod shadowed_by_allow_all;
mod snat_source;
mod stray_dash;
mod text;
mod tier_missing;
mod unlabelled_namespace;
mod volatile_label;
mod wider;
mod workload_label;

use std::sync::Arc;

pub use context::Context;
pub(crate) use contradictory_selector::is_contradictory;
pub(crate) use named::{Named, Role, all as named_pods};
pub(crate) use text::{Field, Texts};

use crate::diagnostic::Diagnostic;
use crate::manifest::Object;
use crate::session::Session;

/// A finding, and where it stands: the index of the file, and of the part there; none where the
/// object was not read from a text.
pub type Finding = (Option<(usize, usize)>, Diagnostic);

/// All lints, in the order of their codes.
pub const ALL: &[fn(&Context<'_>) -> Vec<Finding>] = &[
    default_allow::findings,
    missing_default_deny::findings,
    selector_matches_nothing::findings,
    workload_label::findings,
    contradictory_selector::findings,
    negative_selector::findings,
    unlabelled_namespace::findings,
    cross_namespace_pod_selector::findings,
    volatile_label::findings,
    host_network_bypass::findings,
    namespace_without_pods::findings,
    stray_dash::findings,
    duplicate_name::findings,
    service_port_used::findings,
    named_port_undefined::findings,
    named_port_inconsistent::findings,
    named_port_with_block::findings,
    sctp::findings,
    dns_forgotten::findings,
    dns_one_protocol::findings,
    dns_too_broad::findings,
    half_open::findings,
    exposed_but_blocked::findings,
    metadata_service::findings,
    block_of_pods::findings,
    any_includes_pods::findings,
    one_family_only::findings,
    except_readmitted::findings,
    snat_source::findings,
    redundant_rule::findings,
    shadowed_by_allow_all::findings,
    not_enforced::findings,
    priority_tie::findings,
    tier_missing::findings,
];

/// What all lints find.
pub fn findings(session: &Session) -> Vec<Finding> {
    let context = Context::new(session);
    ALL.iter().flat_map(|lint| lint(&context)).collect()
}

/// The finding, said of a field of an object.
fn about(session: &Session, object: &Arc<Object>, path: &str, mut finding: Diagnostic) -> Finding {
    let namespace = object.meta.namespace.as_deref().map(str::to_owned);
    finding.object = Some((object.kind().to_owned(), namespace, object.meta.name.to_string()));
    finding.path = Some(path.to_owned());
    (session.origin(object), finding.at(object.span))
}
