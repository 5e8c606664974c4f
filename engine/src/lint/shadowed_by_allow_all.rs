//! L47: a policy for pods that another policy admits everything to.
//!
//! **What.** Another policy of the namespace selects all pods of this one, and has a rule for any
//! peer on any port: `ingress: [{}]`.
//!
//! **Why.** Policies add up: this one limits nothing in that direction, whatever its rules are.
//!
//! **Fix.** Remove the rule that admits everything, or narrow that policy's `podSelector`.
//!
//! It is proved for all pods that could exist, by the selectors alone.

use super::text::Field;
use super::wider::{Own, Wider};
use super::{Context, Finding};
use crate::diagnostic::{Code, Diagnostic};
use crate::manifest::{Direction, NetworkPolicy};

/// One finding for each such policy and direction.
///
/// # Cost
/// See [`Wider::of`].
pub fn findings(context: &Context<'_>) -> Vec<Finding> {
    let wider = context.wider();
    let mut findings = Vec::new();
    for (_, own) in wider.all() {
        for direction in Direction::BOTH.into_iter().filter(|one| own.body.isolates(*one)) {
            let Some(other) = opener(wider, own, direction) else { continue };
            let (field, name) = (direction.field(), &other.policy.object.meta.name);
            let message = format!(
                "this policy limits nothing for {field}: `{name}` selects all of its pods, and \
                 admits everything"
            );
            let finding = Diagnostic::new(Code::ShadowedByAllowAll, message).with_help(format!(
                "remove the rule of `{name}` that admits everything, or narrow its `podSelector`"
            ));
            let paths = [format!("spec.{field}"), "spec.podSelector".to_owned()];
            let paths = paths.each_ref().map(String::as_str);
            findings.push(context.about(&own.policy.object, Field::First(&paths), finding));
        }
    }
    findings
}

/// The policy that admits everything to all pods of another one, which does not.
pub fn opener<'s>(wider: &Wider<'s>, own: Own<'s>, direction: Direction) -> Option<Own<'s>> {
    if !wider.opens(direction) || admits_all(own.body, direction) {
        return None;
    }
    let mut others = wider.of(own).into_iter().map(|(_, one)| one);
    others.find(|one| admits_all(one.body, direction))
}

/// Whether a policy admits everything in a direction.
pub fn admits_all(policy: &NetworkPolicy, direction: Direction) -> bool {
    let mut rules = policy.rules(direction).iter();
    policy.isolates(direction)
        && rules.any(|rule| rule.peers.is_empty() && rule.ports.is_empty() && !rule.fails_closed)
}
