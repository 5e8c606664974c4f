//! `spec`.

use super::super::policy::{Direction, Rule, bad_word};
use super::super::read::{Fields, Keys, Path, Reader};
use super::context::{Context, Length, Origin};
use super::{ClusterPolicy, ClusterPolicyKind, ClusterTier, Subject, closed, peer, rule};
use crate::diagnostic::{Code, Diagnostic};
use crate::tree::Node;

/// What is known of each part of a policy; none where it is not understood.
pub struct Parts {
    /// `tier`, or the kind's.
    pub tier: Option<ClusterTier>,
    /// `priority`, or zero for a kind that has none.
    pub priority: Option<u16>,
    /// `subject`.
    pub subject: Option<Subject>,
    /// `ingress`.
    pub ingress: Option<Vec<Rule>>,
    /// `egress`.
    pub egress: Option<Vec<Rule>>,
    /// Whether there is nothing else in the policy.
    pub complete: bool,
}

/// Reads `spec`. What is not understood of it, but stands, fails closed.
pub fn read(
    reader: &mut Reader,
    object: &Node<'_>,
    kind: ClusterPolicyKind,
    origin: Origin,
) -> ClusterPolicy {
    let mut context = Context::new(reader, kind, origin);
    let parts = parts(&mut context, object);
    closed::policy(kind, parts, object.span)
}

fn parts(context: &mut Context<'_>, object: &Node<'_>) -> Parts {
    let path = Path::Root.field("spec");
    let Some(node) = object.get("spec").filter(|node| !node.is_null()) else {
        context.missing(&path, object.span, "a policy needs `tier`, `priority` and `subject`");
        return nothing();
    };
    if !context.is_map(&path, node) {
        return nothing();
    }
    let (fields, complete) = context
        .part(|context| context.reader.fields(&path, node, Keys::Exactly(known(context.kind))));
    let tier = understood(context, |context| tier(context, &path, &fields)).flatten();
    let priority = understood(context, |context| priority(context, &path, &fields)).flatten();
    let subject = understood(context, |context| subject(context, &path, &fields)).flatten();
    let ingress = rules(context, &path, &fields, Direction::Ingress);
    let egress = rules(context, &path, &fields, Direction::Egress);
    Parts { tier, priority, subject, ingress, egress, complete }
}

fn nothing() -> Parts {
    let (tier, priority, subject, ingress, egress) = (None, None, None, None, None);
    Parts { tier, priority, subject, ingress, egress, complete: false }
}

fn known(kind: ClusterPolicyKind) -> &'static [&'static str] {
    match kind {
        ClusterPolicyKind::ClusterNetworkPolicy => {
            &["tier", "priority", "subject", "ingress", "egress"]
        }
        ClusterPolicyKind::AdminNetworkPolicy => &["priority", "subject", "ingress", "egress"],
        ClusterPolicyKind::BaselineAdminNetworkPolicy => &["subject", "ingress", "egress"],
    }
}

fn understood<'r, T>(
    context: &mut Context<'r>,
    read: impl FnOnce(&mut Context<'r>) -> T,
) -> Option<T> {
    let (value, understood) = context.part(read);
    understood.then_some(value)
}

fn tier(
    context: &mut Context<'_>,
    spec: &Path<'_>,
    fields: &Fields<'_, '_>,
) -> Option<ClusterTier> {
    if context.is_outdated() {
        return Some(context.kind.tier());
    }
    let path = spec.field("tier");
    let Some(node) = fields.get("tier") else {
        context.missing(&path, fields.span, "write `tier: Admin` or `tier: Baseline`");
        return None;
    };
    match context.reader.string(&path, Some(node))? {
        "Admin" => Some(ClusterTier::Admin),
        "Baseline" => Some(ClusterTier::Baseline),
        other => {
            let finding = bad_word(other, &["Admin", "Baseline"], Code::UnknownWord, node.span);
            context.reader.refuse(&path, finding);
            None
        }
    }
}

/// From 0 to 1000; only BaselineAdminNetworkPolicy has none.
fn priority(context: &mut Context<'_>, spec: &Path<'_>, fields: &Fields<'_, '_>) -> Option<u16> {
    if context.kind == ClusterPolicyKind::BaselineAdminNetworkPolicy {
        return Some(0);
    }
    let path = spec.field("priority");
    let Some(node) = fields.get("priority") else {
        context.missing(&path, fields.span, "write a number from 0 to 1000; lower ones come first");
        return None;
    };
    let number = context.reader.integer(&path, Some(node))?;
    let priority = u16::try_from(number).ok().filter(|number| *number <= 1000);
    if priority.is_none() {
        let message = format!("{number} is not a valid priority: priorities are 0 to 1000");
        context.reader.refuse(&path, Diagnostic::new(Code::Priority, message).at(node.span));
    }
    priority
}

fn subject(context: &mut Context<'_>, spec: &Path<'_>, fields: &Fields<'_, '_>) -> Option<Subject> {
    let path = spec.field("subject");
    let Some(node) = fields.get("subject") else {
        let help = "write `subject: {namespaces: {}}` to select all pods";
        context.missing(&path, fields.span, help);
        return None;
    };
    peer::subject(context, &path, node)
}

/// None if the list itself is not understood: each rule says for itself whether it is.
fn rules(
    context: &mut Context<'_>,
    spec: &Path<'_>,
    fields: &Fields<'_, '_>,
    direction: Direction,
) -> Option<Vec<Rule>> {
    let path = spec.field(direction.field());
    let length = Length { least: 0, most: context.most() };
    let node = fields.get(direction.field());
    let items = understood(context, |context| context.items(&path, node, length))?;
    let rules = items
        .iter()
        .enumerate()
        .map(|(i, item)| rule::read(context, &path.item(i), direction, item))
        .collect();
    Some(rules)
}
