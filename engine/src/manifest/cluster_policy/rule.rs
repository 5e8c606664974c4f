//! One element of `ingress` or `egress`.

use std::sync::Arc;

use super::super::policy::{
    Action, Direction, Peer, PeerKind, PortEntry, PortMatch, Rule, bad_word,
};
use super::super::read::{Fields, Keys, Path};
use super::context::{Context, Length};
use super::{ClusterPolicyKind, peer, port};
use crate::diagnostic::{Code, Diagnostic};
use crate::tree::Node;

/// Reads a rule; one of which anything is not understood fails closed.
pub fn read(
    context: &mut Context<'_>,
    path: &Path<'_>,
    direction: Direction,
    node: &Node<'_>,
) -> Rule {
    let (mut rule, understood) = context.part(|context| parts(context, path, direction, node));
    rule.fails_closed |= !understood;
    rule
}

fn parts(
    context: &mut Context<'_>,
    path: &Path<'_>,
    direction: Direction,
    node: &Node<'_>,
) -> Rule {
    let (ports_field, peers_field) = (context.kind.ports_field(), direction.peers_field());
    if !context.is_map(path, node) {
        let (peers, ports) = (Vec::new(), Vec::new());
        let action = Action::Deny;
        let conditions = Vec::new();
        return Rule {
            name: None,
            action,
            fails_closed: true,
            peers,
            ports,
            conditions,
            span: node.span,
        };
    }
    let known = ["name", "action", peers_field, ports_field];
    let fields = context.reader.fields(path, node, Keys::Exactly(&known));
    let name = name(context, &path.field("name"), fields.get("name"));
    // Without an action, the rule may be a denial: it fails closed as one.
    let action = action(context, &path.field("action"), &fields).unwrap_or(Action::Deny);
    let peers = peers(context, &path.field(peers_field), direction, &fields);
    let ports = port::read_all(context, &path.field(ports_field), fields.get(ports_field));
    if direction == Direction::Egress {
        check_names_and_addresses(context, path, &peers, &ports);
    }
    if action == Action::Deny {
        check_denied_names(context, &path.field(peers_field), &peers);
    }
    let conditions = Vec::new();
    Rule { name, action, fails_closed: false, peers, ports, conditions, span: node.span }
}

const LONGEST_NAME: usize = 100;

fn name(context: &mut Context<'_>, path: &Path<'_>, node: Option<&Node<'_>>) -> Option<Arc<str>> {
    let node = node?;
    let name = context.reader.string(path, Some(node))?;
    if name.chars().count() > LONGEST_NAME {
        let message = format!("a rule's name has {LONGEST_NAME} characters at most");
        context.reader.refuse(path, Diagnostic::new(Code::TooLong, message).at(node.span));
    }
    Some(name.into()).filter(|_| !name.is_empty())
}

fn action(context: &mut Context<'_>, path: &Path<'_>, fields: &Fields<'_, '_>) -> Option<Action> {
    let words: &[(&str, Action)] = match context.kind {
        ClusterPolicyKind::ClusterNetworkPolicy => {
            &[("Accept", Action::Accept), ("Deny", Action::Deny), ("Pass", Action::Pass)]
        }
        ClusterPolicyKind::AdminNetworkPolicy => {
            &[("Allow", Action::Accept), ("Deny", Action::Deny), ("Pass", Action::Pass)]
        }
        ClusterPolicyKind::BaselineAdminNetworkPolicy => {
            &[("Allow", Action::Accept), ("Deny", Action::Deny)]
        }
    };
    let names: Vec<&str> = words.iter().map(|(name, _)| *name).collect();
    let Some(node) = fields.get("action") else {
        context.missing(path, fields.span, &format!("use one of {}", names.join(", ")));
        return None;
    };
    let word = context.reader.string(path, Some(node))?;
    let action = words.iter().find(|(name, _)| *name == word).map(|(_, action)| *action);
    if action.is_none() {
        let mut finding = bad_word(word, &names, Code::UnknownWord, node.span);
        // The word of the other generation.
        match (word, context.is_outdated()) {
            ("Allow", false) => finding.help = Some("write `Accept`".into()),
            ("Accept", true) => finding.help = Some("write `Allow`".into()),
            _ => {}
        }
        context.reader.refuse(path, finding);
    }
    action
}

fn peers(
    context: &mut Context<'_>,
    path: &Path<'_>,
    direction: Direction,
    fields: &Fields<'_, '_>,
) -> Vec<Peer> {
    let node = fields.get(direction.peers_field());
    if node.is_none() {
        let help = "list at least one peer; `namespaces: {}` is all pods";
        context.missing(path, fields.span, help);
    }
    let length = Length { least: 1, most: context.most() };
    let items = context.items(path, node, length);
    items
        .iter()
        .enumerate()
        .filter_map(|(i, item)| peer::read(context, &path.item(i), direction, item))
        .collect()
}

/// Only pods have names for their ports.
fn check_names_and_addresses(
    context: &mut Context<'_>,
    path: &Path<'_>,
    peers: &[Peer],
    ports: &[PortEntry],
) {
    let of_pods = |peer: &Peer| matches!(peer.kind, PeerKind::Pods { .. });
    let named = ports.iter().find(|port| matches!(port.ports, PortMatch::Named(_)));
    if let (Some(port), false) = (named, peers.iter().all(of_pods)) {
        let message =
            "a port name with a peer that does not select pods: addresses have no port names";
        let finding = Diagnostic::new(Code::NamedPortWithAddresses, message).at(port.span);
        let help = "make a rule of its own for the pods, or give the port's number";
        context.reader.refuse(path, finding.with_help(help));
    }
}

/// The schema lets them be denied, but no implementation can know every address of a name.
fn check_denied_names(context: &mut Context<'_>, path: &Path<'_>, peers: &[Peer]) {
    for peer in peers.iter().filter(|peer| matches!(peer.kind, PeerKind::DomainNames(_))) {
        let message = "domain names are for Accept rules only: a name has more addresses than \
                       anybody has seen, and the rest stays open";
        let finding = Diagnostic::new(Code::ClusterPolicySchema, message).at(peer.span);
        let help = "accept the names that are wanted, and deny `networks: [0.0.0.0/0, \"::/0\"]` after them";
        context.reader.report(path, finding.with_help(help));
    }
}
