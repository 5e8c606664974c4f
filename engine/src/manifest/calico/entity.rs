//! `source` and `destination` of a rule.

use std::sync::Arc;

use super::super::read::{Fields, Keys, Path};
use super::context::Context;
use super::port::{self, CalicoPort};
use crate::diagnostic::Code;
use crate::net::Cidr;
use crate::selector::expression::Expression;
use crate::source::Span;
use crate::tree::{Node, Value};

/// One end of what a rule matches: all that is given must hold.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EntityRule {
    /// `nets`, any of which has the address; empty: any address.
    pub nets: Vec<Cidr>,
    /// `notNets`, none of which has it.
    pub not_nets: Vec<Cidr>,
    /// `selector`.
    pub selector: Option<Expression>,
    /// `notSelector`.
    pub not_selector: Option<Expression>,
    /// `namespaceSelector`.
    pub namespaces: Option<Expression>,
    /// `serviceAccounts`.
    pub accounts: Option<AccountMatch>,
    /// `services`.
    pub service: Option<ServiceMatch>,
    /// `ports`, any of which it is; empty: any.
    pub ports: Vec<CalicoPort>,
    /// `notPorts`, none of which it is.
    pub not_ports: Vec<CalicoPort>,
}

/// Pods by their service account.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AccountMatch {
    /// Any of these names; empty: any.
    pub names: Vec<Arc<str>>,
    /// And labels of the account.
    pub selector: Option<Expression>,
}

/// What is behind a Service.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ServiceMatch {
    /// Its name.
    pub name: Arc<str>,
    /// Its namespace, if one is given.
    pub namespace: Option<Arc<str>>,
}

const KNOWN: &[&str] = &[
    "nets",
    "notNets",
    "selector",
    "notSelector",
    "namespaceSelector",
    "serviceAccounts",
    "services",
    "ports",
    "notPorts",
];

const MOST_NETS: usize = 256;

/// Reads an end; the empty one, which matches anything, if it is absent.
pub fn read(context: &mut Context<'_>, path: &Path<'_>, node: Option<&Node<'_>>) -> EntityRule {
    let Some(node) = node else { return EntityRule::default() };
    let fields = context.reader.fields(path, node, Keys::Exactly(KNOWN));
    let namespaces = fields.get("namespaceSelector");
    let entity = EntityRule {
        nets: nets(context, &path.field("nets"), fields.get("nets")),
        not_nets: nets(context, &path.field("notNets"), fields.get("notNets")),
        selector: context.own_selector(&path.field("selector"), fields.get("selector")),
        not_selector: context.selector(&path.field("notSelector"), fields.get("notSelector")),
        namespaces: context.selector(&path.field("namespaceSelector"), namespaces),
        accounts: accounts(context, &path.field("serviceAccounts"), fields.get("serviceAccounts")),
        service: service(context, &path.field("services"), fields.get("services")),
        ports: port::read_all(context, &path.field("ports"), fields.get("ports")),
        not_ports: port::read_all(context, &path.field("notPorts"), fields.get("notPorts")),
    };
    let is_mixed = |one: &Expression| *one != Expression::Global && one.names_global();
    if entity.namespaces.as_ref().is_some_and(is_mixed) {
        let path = path.field("namespaceSelector");
        let message = format!("`{path}` has `global()` together with something else");
        let span = namespaces.map_or(node.span, |node| node.span);
        let help = "nothing is both in no namespace and in one that matches: use two rules";
        context.invalid(&path, (Code::Expression, message), span, help);
    }
    check_alone(context, path, &fields);
    entity
}

fn nets(context: &mut Context<'_>, path: &Path<'_>, node: Option<&Node<'_>>) -> Vec<Cidr> {
    context.check_length(path, node, MOST_NETS);
    let texts = context.set(path, node).into_iter().enumerate();
    texts.filter_map(|(i, (text, span))| context.rule_net(&path.item(i), text, span)).collect()
}

fn accounts(
    context: &mut Context<'_>,
    path: &Path<'_>,
    node: Option<&Node<'_>>,
) -> Option<AccountMatch> {
    let node = node?;
    let fields = context.reader.fields(path, node, Keys::Exactly(&["names", "selector"]));
    let names = context.set(&path.field("names"), fields.get("names"));
    let selector = context.selector(&path.field("selector"), fields.get("selector"));
    Some(AccountMatch { names: names.into_iter().map(|(name, _)| name.into()).collect(), selector })
}

fn service(
    context: &mut Context<'_>,
    path: &Path<'_>,
    node: Option<&Node<'_>>,
) -> Option<ServiceMatch> {
    let node = node?;
    let fields = context.reader.fields(path, node, Keys::Exactly(&["name", "namespace"]));
    let mut text = |name: &str| {
        let text = context.reader.text(&path.field(name), fields.get(name));
        text.filter(|text| !text.is_empty()).map(Arc::<str>::from)
    };
    let (name, namespace) = (text("name"), text("namespace"));
    if name.is_none() {
        let message = format!("`{path}` needs the name of a Service");
        let help = "write `services: {name: NAME, namespace: NAMESPACE}`";
        context.refuse(&path.field("name"), (Code::MissingField, message), node.span, help);
    }
    if namespace.is_none() && context.kind.is_global_policy() {
        let message = format!("`{path}` needs the Service's namespace: the policy has none");
        let help = "write `services: {name: NAME, namespace: NAMESPACE}`";
        let path = path.field("namespace");
        context.invalid(&path, (Code::MissingField, message), node.span, help);
    }
    name.map(|name| ServiceMatch { name, namespace })
}

/// What says where a Service's pods are says who they are, too.
fn check_alone(context: &mut Context<'_>, path: &Path<'_>, fields: &Fields<'_, '_>) {
    if fields.get("services").is_none() {
        return;
    }
    let others = ["nets", "notNets", "selector", "notSelector", "namespaceSelector"];
    for other in others.into_iter().chain(["serviceAccounts"]) {
        if let Some(node) = fields.get(other).filter(|node| !is_empty(node)) {
            let message = format!("`{path}` has `services` and `{other}`");
            conflict(context, &path.field(other), message, node.span);
        }
    }
}

/// Whether a field says as little as if it were not there.
pub fn is_empty(node: &Node<'_>) -> bool {
    match &node.value {
        Value::Null => true,
        Value::Str(text) => text.is_empty(),
        Value::Seq(items) => items.is_empty(),
        _ => false,
    }
}

/// Reports two fields that do not go together.
pub fn conflict(context: &mut Context<'_>, path: &Path<'_>, message: String, span: Span) {
    context.refuse(path, (Code::FieldConflict, message), span, "remove one, or use two rules");
}
