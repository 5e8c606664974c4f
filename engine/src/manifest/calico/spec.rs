//! `spec` of a policy.

use std::sync::Arc;

use super::super::policy::{ByDirection, Direction};
use super::super::read::{Fields, Keys, Path};
use super::context::Context;
use super::rule::{self, CalicoRule};
use super::tier::Order;
use super::{CalicoKind, Group, items_of};
use crate::diagnostic::{Code, Diagnostic};
use crate::selector::expression::Expression;
use crate::source::Span;
use crate::tree::{Node, Value};

/// A policy, staged or not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CalicoPolicy {
    /// `tier`.
    pub tier: Arc<str>,
    /// `order`; none comes after all others.
    pub order: Option<Order>,
    /// `selector`.
    pub selector: Expression,
    /// Whether `selector` is written, and not blank.
    pub has_selector: bool,
    /// `serviceAccountSelector`.
    pub accounts: Option<Expression>,
    /// `namespaceSelector`, which only policies in no namespace have.
    pub namespaces: Option<Expression>,
    /// At which of a host's stages it stands.
    pub stages: HostStages,
    /// Its rules of each direction that it is for, in order.
    pub rules: ByDirection<Option<Vec<CalicoRule>>>,
    /// What a staged policy would do; none of another.
    pub staged: Option<StagedAction>,
}

/// At which of a host's stages a policy stands, besides that of its own processes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct HostStages {
    /// `applyOnForward`.
    pub forward: bool,
    /// `preDNAT`.
    pub before_dnat: bool,
    /// `doNotTrack`.
    pub untracked: bool,
}

/// What a staged policy would do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StagedAction {
    /// Be there.
    Set,
    /// Take the policy of its name away.
    Delete,
    /// Be made from flows.
    Learn,
    /// Nothing.
    Ignore,
}

const STAGED: [(&str, StagedAction); 4] = [
    ("Set", StagedAction::Set),
    ("Delete", StagedAction::Delete),
    ("Learn", StagedAction::Learn),
    ("Ignore", StagedAction::Ignore),
];

const COMMON: [&str; 8] = [
    "tier",
    "order",
    "selector",
    "serviceAccountSelector",
    "types",
    "ingress",
    "egress",
    "performanceHints",
];
const GLOBAL: [&str; 4] = ["namespaceSelector", "applyOnForward", "preDNAT", "doNotTrack"];
const MOST_RULES: usize = 1024;

/// Reads a policy; what is missing or wrong of it has its default.
pub fn read(context: &mut Context<'_>, object: &Node<'_>) -> CalicoPolicy {
    let path = Path::Root.field("spec");
    let empty = Node { value: Value::Null, span: object.span };
    let node = context.spec(object).unwrap_or(&empty);
    let global = context.kind.is_global_policy();
    let staged = context.kind.is_staged();
    let known: Vec<&str> = COMMON
        .into_iter()
        .chain(GLOBAL.into_iter().filter(|_| global))
        .chain(["stagedAction"].into_iter().filter(|_| staged))
        .collect();
    let fields = context.reader.fields(&path, node, Keys::Exactly(&known));
    let mut selector = |name: &str| context.own_selector(&path.field(name), fields.get(name));
    let own = selector("selector").unwrap_or(Expression::All);
    let accounts = selector("serviceAccountSelector");
    let has_selector = fields.get("selector").and_then(Node::as_str);
    let has_selector = has_selector.is_some_and(|text| !text.trim().is_empty());
    let namespaces = global.then(|| selector("namespaceSelector")).flatten();
    let tier = context.reader.text(&path.field("tier"), fields.get("tier"));
    let tier = tier.filter(|tier| !tier.is_empty()).unwrap_or("default").into();
    let order = context.number(&path.field("order"), fields.get("order")).map(Order);
    let stages = if global { stages(context, &path, &fields) } else { HostStages::default() };
    let action = fields.get("stagedAction");
    let action = context.word(&path.field("stagedAction"), action, &STAGED);
    let staged = staged.then_some(action.unwrap_or(StagedAction::Set));
    let rules = rules(context, &path, &fields, object.span);
    check_stages(context, &path, stages, &fields);
    check_hints(context, &path.field("performanceHints"), &fields);
    if staged == Some(StagedAction::Delete) {
        check_deletion(context, &path, &fields);
    }
    let selector = own;
    CalicoPolicy {
        tier,
        order,
        selector,
        has_selector,
        accounts,
        namespaces,
        stages,
        rules,
        staged,
    }
}

fn stages(context: &mut Context<'_>, path: &Path<'_>, fields: &Fields<'_, '_>) -> HostStages {
    let mut flag = |name: &str| context.reader.boolean(&path.field(name), fields.get(name));
    HostStages {
        forward: flag("applyOnForward"),
        before_dnat: flag("preDNAT"),
        untracked: flag("doNotTrack"),
    }
}

/// What stands before DNAT sees only what comes in, and all of that.
fn check_stages(
    context: &mut Context<'_>,
    path: &Path<'_>,
    stages: HostStages,
    fields: &Fields<'_, '_>,
) {
    let mut refuse = |field: &str, message: &str, help: &str| {
        let span = fields.get(field).map_or(fields.span, |node| node.span);
        let fault = (Code::FieldConflict, message.to_owned());
        context.refuse(&path.field(field), fault, span, help);
    };
    if stages.before_dnat && stages.untracked {
        let help = "use two policies: one is evaluated before connections are tracked, one after";
        refuse("preDNAT", "a policy has either `preDNAT` or `doNotTrack`", help);
    }
    if (stages.before_dnat || stages.untracked) && !stages.forward {
        let message = "`preDNAT` and `doNotTrack` need `applyOnForward: true`";
        let help = "at that stage nobody knows yet whether a packet is for the host itself";
        refuse("applyOnForward", message, help);
    }
    let egress = |name: &str| fields.get(name).filter(|node| !items_of(node).is_empty());
    if stages.before_dnat && egress("egress").is_some() {
        let help = "only what comes in has its destination changed: move them to another policy";
        refuse("egress", "a policy with `preDNAT` has no rules for egress", help);
    }
    let names_egress = egress("types")
        .is_some_and(|types| items_of(types).iter().any(|one| one.as_str() == Some("Egress")));
    if stages.before_dnat && names_egress {
        refuse("types", "a policy with `preDNAT` is for ingress alone", "write `types: [Ingress]`");
    }
}

/// A deletion says which policy goes, and nothing of it.
fn check_deletion(context: &mut Context<'_>, path: &Path<'_>, fields: &Fields<'_, '_>) {
    for name in COMMON.into_iter().chain(GLOBAL).filter(|name| *name != "tier") {
        if let Some(node) = fields.get(name) {
            let message = format!("`{path}` deletes a policy, and has `{name}`");
            let help = "remove it: only `tier` stands next to `stagedAction: Delete`";
            let fault = (Code::FieldConflict, message);
            context.invalid(&path.field(name), fault, node.span, help);
        }
    }
}

/// Hints change nothing of what is allowed; a word that is none is refused all the same.
fn check_hints(context: &mut Context<'_>, path: &Path<'_>, fields: &Fields<'_, '_>) {
    let words = [("AssumeNeededOnEveryNode", ())];
    context.words(path, fields.get("performanceHints"), &words);
}

/// The rules of the directions that the policy is for.
///
/// # Source
/// Calico §4: Calico's API adds `types` where they are missing; what is stored without them is for
/// both directions. [Calico §1]
fn rules(
    context: &mut Context<'_>,
    path: &Path<'_>,
    fields: &Fields<'_, '_>,
    span: Span,
) -> ByDirection<Option<Vec<CalicoRule>>> {
    let types = types(context, &path.field("types"), fields);
    let mut read = ByDirection::from_fn(|direction| {
        let path = path.field(direction.field());
        let node = fields.get(direction.field());
        context.check_length(&path, node, MOST_RULES);
        let items = context.reader.items(&path, node).iter().enumerate();
        items
            .map(|(i, item)| rule::read(context, &path.item(i), (direction, item)))
            .collect::<Vec<_>>()
    });
    let is_there = |direction: Direction| !read[direction].is_empty();
    let (has_ingress, has_egress) = (is_there(Direction::Ingress), is_there(Direction::Egress));
    let added = ByDirection::from_fn(|direction| match direction {
        Direction::Ingress => has_ingress || !has_egress,
        Direction::Egress => has_egress,
    });
    let group = context.group;
    if types.is_none() && group == Group::Stored {
        say_both(context, path, &added, span);
    }
    let is_for = ByDirection::from_fn(|direction| match (&types, group) {
        (Some(types), _) => types.contains(&direction),
        (None, Group::Stored) => true,
        (None, Group::Public) => added[direction],
    });
    ByDirection::from_fn(|direction| {
        is_for[direction].then(|| std::mem::take(&mut read[direction]))
    })
}

fn types(
    context: &mut Context<'_>,
    path: &Path<'_>,
    fields: &Fields<'_, '_>,
) -> Option<Vec<Direction>> {
    let node = fields.get("types")?;
    let words = [("Ingress", Direction::Ingress), ("Egress", Direction::Egress)];
    let types = context.words(path, Some(node), &words);
    if matches!(&node.value, Value::Seq(items) if items.is_empty()) {
        let message = format!("`{path}` has no item, and needs at least one");
        let help = "leave it out to have the default";
        context.refuse(path, (Code::ListLength, message), node.span, help);
    }
    Some(types)
}

/// Says that the two groups mean different things by the same text.
fn say_both(context: &mut Context<'_>, path: &Path<'_>, added: &ByDirection<bool>, span: Span) {
    let added = added.iter().filter(|(_, is_added)| **is_added);
    let added: Vec<&str> = added
        .map(|(direction, _)| match direction {
            Direction::Ingress => "Ingress",
            Direction::Egress => "Egress",
        })
        .collect();
    if added.len() == 2 || context.kind == CalicoKind::StagedKubernetesNetworkPolicy {
        return;
    }
    let message = "without `types` this policy is for ingress and for egress: it is written as \
                   `crd.projectcalico.org/v1`, where nothing adds them";
    let help = format!(
        "write `types: [{}]`, which `projectcalico.org/v3` would add, or both",
        added.join(", ")
    );
    let finding = Diagnostic::new(Code::TypesLeftOut, message).at(span).with_help(help);
    context.reader.report(&path.field("types"), finding);
}
