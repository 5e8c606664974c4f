//! Pitfalls that one NetworkPolicy has by itself, whatever else there is: what is left out, and what
//! is empty. The API server accepts all of them.

use super::super::read::{Fields, Path, Reader};
use super::{Direction, NetworkPolicy};
use crate::diagnostic::{Code, Diagnostic, Edit, Fix};
use crate::tree::{Entry, Node, Value};

/// Reports them; of a policy that is refused nothing, since that is what it is about then.
pub fn check(reader: &mut Reader, path: &Path<'_>, spec: &Fields<'_, '_>, policy: &NetworkPolicy) {
    if reader.refused {
        return;
    }
    match policy.types_written {
        true => inert_direction(reader, path, spec, policy),
        false => types_left_out(reader, path, spec, policy),
    }
    for direction in Direction::BOTH {
        let path = path.field(direction.field());
        let rules = spec.get(direction.field()).map(Node::items).unwrap_or_default();
        for (i, rule) in rules.iter().enumerate() {
            empty_peer_list(reader, &path.item(i), direction, rule);
            entries_without_port(reader, &path.item(i), rule);
        }
    }
}

/// L13: rules for a direction that is not in `policyTypes`.
///
/// **Why.** They do nothing: the pods are not isolated in that direction by this policy.
///
/// **Fix.** Add the direction to `policyTypes`, or remove the rules.
fn inert_direction(
    reader: &mut Reader,
    path: &Path<'_>,
    spec: &Fields<'_, '_>,
    policy: &NetworkPolicy,
) {
    for direction in Direction::BOTH {
        let field = direction.field();
        let Some(entry) = spec.entry(field) else { continue };
        if policy.isolates(direction) || policy.rules(direction).is_empty() {
            continue;
        }
        let name = type_name(direction);
        let message = format!("these rules do nothing: `policyTypes` does not have `{name}`");
        let finding = Diagnostic::new(Code::InertDirection, message).at(entry.key_span);
        let help = format!("add `{name}` to `policyTypes`, or remove the rules");
        reader.report(&path.field(field), finding.with_help(help));
    }
}

/// L12: a policy with egress rules, without `ingress` and without `policyTypes`.
///
/// **Why.** Left out, `policyTypes` always has `Ingress`: all ingress of the pods is denied, though
/// the policy seems to be about egress.
///
/// **Fix.** Write `policyTypes`: `[Egress]`, or `[Ingress, Egress]` if that is meant.
///
/// L14: an empty `egress` without `policyTypes`.
///
/// **Why.** Without rules and without `policyTypes`, egress is not restricted at all; ingress is.
///
/// **Fix.** Write `policyTypes` with `Egress` in it, or leave `egress` out.
fn types_left_out(
    reader: &mut Reader,
    path: &Path<'_>,
    spec: &Fields<'_, '_>,
    policy: &NetworkPolicy,
) {
    let Some(entry) = spec.entry("egress") else { return };
    let has_ingress = spec.entry("ingress").is_some();
    let path = path.field("egress");
    if policy.egress.is_empty() {
        let also = if has_ingress { "" } else { ", and all ingress is denied instead" };
        let message =
            format!("an empty `egress` without `policyTypes` does not restrict egress{also}");
        // What is denied today stays so.
        let types = vec!["Ingress", "Egress"];
        let finding = Diagnostic::new(Code::EgressEmpty, message).at(entry.key_span);
        let or =
            if has_ingress { "" } else { ", or `policyTypes: [Egress]` to leave ingress alone" };
        let help = format!(
            "to deny all egress, write `policyTypes: [Ingress, Egress]`{or}; else leave it out"
        );
        let fix = Fix::other(entry.key_span, Edit::Field("policyTypes", types));
        reader.report(&path, finding.with_help(help).with_fix(fix));
    } else if !has_ingress {
        let message = "`policyTypes` is left out, so it is `[Ingress, Egress]`: all ingress of the \
                       pods is denied, too";
        let finding = Diagnostic::new(Code::TypesMissing, message).at(entry.key_span);
        let help = "write `policyTypes: [Egress]`, or `policyTypes: [Ingress, Egress]` if that is \
                    meant";
        let edit = Edit::Field("policyTypes", vec!["Ingress", "Egress"]);
        let fix = Fix::same(entry.key_span, edit);
        reader.report(&path, finding.with_help(help).with_fix(fix));
    }
}

/// L16: a list of peers that is there and empty, as a template leaves it that had nothing to put in.
///
/// **Why.** It is the same as none: the rule is for any peer.
///
/// **Fix.** Fill it; or remove the rule, or the list if any peer is meant.
fn empty_peer_list(reader: &mut Reader, path: &Path<'_>, direction: Direction, rule: &Node<'_>) {
    let field = direction.peers_field();
    let Some(entry) = entry(rule, field).filter(|entry| is_empty(&entry.value)) else { return };
    let message = format!("an empty `{field}` matches any peer, not none");
    let finding = Diagnostic::new(Code::EmptyPeerList, message).at(entry.key_span);
    let help =
        format!("remove the rule to admit nothing, or leave `{field}` out to admit any peer");
    reader.report(&path.field(field), finding.with_help(help));
}

/// L18: an element of `ports` that says nothing.
///
/// **Why.** It is every port of TCP, and none of UDP or SCTP. Without `ports`, a rule is for every
/// port of every protocol.
///
/// **Fix.** Write the port; or the protocol, if all its ports are meant; or leave `ports` out.
fn entries_without_port(reader: &mut Reader, path: &Path<'_>, rule: &Node<'_>) {
    let path = path.field("ports");
    let ports = rule.get("ports").map(Node::items).unwrap_or_default();
    for (i, item) in ports.iter().enumerate() {
        let says = |field| item.get(field).is_some_and(|node: &Node<'_>| node.value != Value::Null);
        if says("port") || says("protocol") {
            continue;
        }
        let message = "a port entry without `port` and `protocol` is every TCP port, and none of \
                       UDP or SCTP";
        let finding = Diagnostic::new(Code::EmptyPortEntry, message).at(item.span);
        let help = "write the port, or `protocol: TCP` if all its ports are meant; for every \
                    protocol, leave `ports` out";
        reader.report(&path.item(i), finding.with_help(help));
    }
}

fn entry<'n, 't>(node: &'n Node<'t>, field: &str) -> Option<&'n Entry<'t>> {
    let Value::Map(entries) = &node.value else { return None };
    entries.iter().find(|entry| entry.key == field)
}

fn is_empty(node: &Node<'_>) -> bool {
    match &node.value {
        Value::Null => true,
        Value::Seq(items) => items.is_empty(),
        _ => false,
    }
}

fn type_name(direction: Direction) -> &'static str {
    match direction {
        Direction::Ingress => "Ingress",
        Direction::Egress => "Egress",
    }
}
