//! Profile.

use super::super::meta::LabelList;
use super::super::policy::{ByDirection, Rule};
use super::super::read::{Keys, Path};
use super::context::Context;
use super::{rule, ruled};
use crate::tree::Node;

/// Rules that host endpoints name, which come after all policies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Profile {
    /// Its rules of each direction, in order.
    pub rules: ByDirection<Vec<Rule>>,
    /// Labels that endpoints have from it, sorted by key.
    pub labels: LabelList,
}

const KNOWN: &[&str] = &["ingress", "egress", "labelsToApply"];

/// Reads a profile; what is missing of it is empty.
pub fn read(context: &mut Context<'_>, object: &Node<'_>) -> Profile {
    let path = Path::Root.field("spec");
    let Some(spec) = context.spec(object) else {
        let labels = LabelList::new();
        return Profile { rules: ByDirection::from_fn(|_| Vec::new()), labels };
    };
    let fields = context.reader.fields(&path, spec, Keys::Exactly(KNOWN));
    let rules = ByDirection::from_fn(|direction| {
        let path = path.field(direction.field());
        let items = context.reader.items(&path, fields.get(direction.field())).iter().enumerate();
        let read = |(i, item)| rule::read(context, &path.item(i), (direction, item));
        let read: Vec<_> = items.map(read).collect();
        read.iter().map(ruled::rule).collect()
    });
    let labels = fields.get("labelsToApply");
    let labels = context.reader.labels(&path.field("labelsToApply"), labels);
    Profile { rules, labels: labels.into_iter().collect() }
}
