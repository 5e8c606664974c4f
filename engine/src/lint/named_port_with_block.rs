//! L30: a named port for addresses.
//!
//! **What.** An egress rule to an `ipBlock`, all ports of which are names.
//!
//! **Why.** Only pods have ports with names: nothing outside the cluster is ever matched.
//!
//! **Fix.** Write the number.

use super::blocks::{self, Written};
use super::text::Field;
use super::{Context, Finding};
use crate::diagnostic::{Code, Diagnostic};
use crate::manifest::{Body, Direction, PortMatch};

/// One finding for each such block.
///
/// # Cost
/// Linear in the peers.
pub fn findings(context: &Context<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (_, policy) in context.session.policies().policies() {
        let Body::Policy(body) = &policy.object.body else { continue };
        for Written { place, rule, block } in blocks::of(body, Direction::Egress) {
            let mut names = rule.ports.iter().filter_map(|entry| match &entry.ports {
                PortMatch::Named(name) => Some(name),
                PortMatch::Any | PortMatch::Range(..) => None,
            });
            let all = names.clone().count() == rule.ports.len();
            let Some(name) = names.next().filter(|_| all) else { continue };
            let message = format!(
                "only pods have ports with names: with `port: {name}`, `{}` admits nothing but \
                 pods",
                block.cidr
            );
            let finding = Diagnostic::new(Code::NamedPortWithBlock, message)
                .with_help("write the number of the port");
            let path = place.block_path();
            findings.push(context.about(&policy.object, Field::First(&[&path]), finding));
        }
    }
    findings
}
