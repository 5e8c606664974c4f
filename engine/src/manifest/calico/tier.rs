//! Tier.

use std::cmp::Ordering;

use serde::{Deserialize, Serialize};

use super::super::read::{Keys, Path};
use super::context::Context;
use crate::diagnostic::Code;
use crate::tree::Node;

/// A tier: policies that are evaluated together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CalicoTier {
    /// `order`; none means 1,000,000, which is that of the tier `default`. Lower ones come first.
    pub order: Option<Order>,
    /// What becomes of what no rule of it matches.
    pub end: TierEnd,
}

/// A place among others: lower ones come first.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(transparent)]
pub struct Order(pub f64);

impl PartialEq for Order {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Order {}

impl PartialOrd for Order {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Order {
    fn cmp(&self, other: &Self) -> Ordering {
        self.0.total_cmp(&other.0)
    }
}

/// What becomes of what no rule of a tier matches, if a policy of it selects the endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TierEnd {
    /// It is denied.
    Deny,
    /// It is passed on to the next tier.
    Pass,
}

/// Tiers that Calico makes itself, each with its order and its end. [Calico §6]
pub const BUILT_IN_TIERS: [(&str, f64, TierEnd); 3] = [
    ("kube-admin", 1_000.0, TierEnd::Pass),
    ("default", 1_000_000.0, TierEnd::Deny),
    ("kube-baseline", 10_000_000.0, TierEnd::Pass),
];

const ENDS: [(&str, TierEnd); 2] = [("Deny", TierEnd::Deny), ("Pass", TierEnd::Pass)];

/// Reads a tier; what is missing or wrong of it has its default.
pub fn read(context: &mut Context<'_>, object: &Node<'_>) -> CalicoTier {
    let path = Path::Root.field("spec");
    let mut tier = CalicoTier { order: None, end: TierEnd::Deny };
    if let Some(spec) = context.spec(object) {
        let fields = context.reader.fields(&path, spec, Keys::Exactly(&["order", "defaultAction"]));
        tier.order = context.number(&path.field("order"), fields.get("order")).map(Order);
        let end = fields.get("defaultAction");
        let end = context.word(&path.field("defaultAction"), end, &ENDS);
        tier.end = end.unwrap_or(TierEnd::Deny);
    }
    check_built_in(context, &path, object, &tier);
    tier
}

fn check_built_in(
    context: &mut Context<'_>,
    path: &Path<'_>,
    object: &Node<'_>,
    tier: &CalicoTier,
) {
    let name = object.get("metadata").and_then(|metadata| metadata.get("name"));
    let name = name.and_then(Node::as_str).unwrap_or_default();
    let Some((_, order, end)) = BUILT_IN_TIERS.iter().find(|(built_in, ..)| *built_in == name)
    else {
        return;
    };
    let span = |field: &str| {
        let value = object.get("spec").and_then(|spec| spec.get(field));
        value.map_or(object.span, |value| value.span)
    };
    if tier.order != Some(Order(*order)) {
        let message = format!("the tier `{name}` has the order {order}, which cannot be changed");
        let help = format!("write `order: {order}`, or leave the tier out: it is always there");
        let path = path.field("order");
        context.refuse(&path, (Code::FieldConflict, message), span("order"), &help);
    }
    if tier.end != *end {
        let word = ENDS.iter().find(|(_, one)| one == end).map_or("Deny", |(word, _)| word);
        let message = format!("the tier `{name}` ends with {word}, which cannot be changed");
        let help = format!("write `defaultAction: {word}`, or leave the tier out");
        let path = path.field("defaultAction");
        context.refuse(&path, (Code::FieldConflict, message), span("defaultAction"), &help);
    }
}
