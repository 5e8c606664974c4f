//! Paths of fields of policies.

use crate::manifest::{Direction, Object};

/// A rule's, for example `spec.ingress[0]`.
pub fn rule(direction: Direction, rule: usize) -> String {
    format!("spec.{}[{rule}]", direction.field())
}

/// A rule's peer's, for example `spec.ingress[0].from[1]`.
pub fn peer(direction: Direction, rule: usize, peer: usize) -> String {
    format!("{}.{}[{peer}]", self::rule(direction, rule), direction.peers_field())
}

/// A rule's port's, for example `spec.ingress[0].ports[1]`.
pub fn port(policy: &Object, direction: Direction, rule: usize, item: usize) -> String {
    format!("{}.{}[{item}]", self::rule(direction, rule), policy.ports_field())
}
