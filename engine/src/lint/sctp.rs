//! L31: SCTP, which not every network plugin supports.
//!
//! **What.** A rule with `protocol: SCTP`.
//!
//! **Why.** Kubernetes leaves it to the network plugin whether it can filter SCTP, and to the kernel
//! whether it has the module; where either is missing, the rule does nothing, or more than it says.
//!
//! **Fix.** Make sure that the plugin supports it. It is an information.

use super::text::Field;
use super::{Context, Finding};
use crate::diagnostic::{Code, Diagnostic};
use crate::manifest::Direction;
use crate::net::Protocol;

/// One finding for each policy, at the first such port.
///
/// # Cost
/// Linear in the rules.
pub fn findings(context: &Context<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (_, policy) in context.session.policies().policies() {
        let object = &policy.object;
        let mut places = Direction::BOTH.into_iter().flat_map(|direction| {
            object.rules(direction).iter().enumerate().filter_map(move |(index, rule)| {
                let entry = rule.ports.iter().find(|entry| entry.protocol == Protocol::Sctp)?;
                let (rules, ports) = (direction.field(), object.ports_field());
                Some(format!("spec.{rules}[{index}].{ports}[{}]", entry.item))
            })
        });
        let Some(path) = places.next() else { continue };
        let message = "SCTP: not every network plugin and kernel can filter it";
        let finding = Diagnostic::new(Code::Sctp, message)
            .with_help("make sure that yours does, by a connection that should be denied");
        findings.push(context.about(object, Field::First(&[&path]), finding));
    }
    findings
}
