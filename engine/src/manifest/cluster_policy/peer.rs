//! `subject`, and the elements of `from` and `to`.

use std::sync::Arc;

use super::super::policy::{Direction, Networks, Peer, PeerKind};
use super::super::read::{Fields, Keys, Path};
use super::context::{Context, Length};
use super::{ClusterPolicyKind, Subject, selector};
use crate::diagnostic::{Code, Diagnostic};
use crate::net::{AddrSet, Cidr};
use crate::selector::Selector;
use crate::tree::Node;

/// Reads `subject`; none if it does not say one thing.
pub fn subject(context: &mut Context<'_>, path: &Path<'_>, node: &Node<'_>) -> Option<Subject> {
    if !context.is_map(path, node) {
        return None;
    }
    let known = &["namespaces", "pods"];
    let fields = context.reader.fields(path, node, Keys::Exactly(known));
    let (member, node) = one_member(context, path, &fields, known)?;
    let path = path.field(member);
    let (namespaces, pods) = match member {
        "namespaces" => (selector::read(context, &path, node), Selector::default()),
        _ => pods(context, &path, node)?,
    };
    Some(Subject { namespaces, pods })
}

/// Reads a peer; none if it does not say one thing.
pub fn read(
    context: &mut Context<'_>,
    path: &Path<'_>,
    direction: Direction,
    node: &Node<'_>,
) -> Option<Peer> {
    if !context.is_map(path, node) {
        return None;
    }
    let known = members(context.kind, direction);
    let fields = context.reader.fields(path, node, Keys::Exactly(known));
    let (member, value) = one_member(context, path, &fields, known)?;
    let path = path.field(member);
    let kind = match member {
        "namespaces" => {
            PeerKind::Pods { namespaces: Some(selector::read(context, &path, value)), pods: None }
        }
        "pods" => {
            let (namespaces, pods) = pods(context, &path, value)?;
            PeerKind::Pods { namespaces: Some(namespaces), pods: Some(pods) }
        }
        "networks" => PeerKind::Networks(networks(context, &path, value)),
        "nodes" => {
            context.experimental(&path, value.span);
            PeerKind::Nodes(selector::read(context, &path, value))
        }
        _ => {
            context.experimental(&path, value.span);
            PeerKind::DomainNames(domain_names(context, &path, value))
        }
    };
    Some(Peer { kind, span: node.span })
}

fn members(kind: ClusterPolicyKind, direction: Direction) -> &'static [&'static str] {
    match (direction, kind) {
        (Direction::Ingress, _) => &["namespaces", "pods"],
        (Direction::Egress, ClusterPolicyKind::BaselineAdminNetworkPolicy) => {
            &["namespaces", "pods", "nodes", "networks"]
        }
        (Direction::Egress, _) => &["namespaces", "pods", "nodes", "networks", "domainNames"],
    }
}

/// The one field of those that exclude each other; none, or several, is reported.
pub fn one_member<'n, 't>(
    context: &mut Context<'_>,
    path: &Path<'_>,
    fields: &Fields<'n, 't>,
    known: &[&'static str],
) -> Option<(&'static str, &'n Node<'t>)> {
    let mut given = known.iter().filter_map(|name| Some((*name, fields.get(name)?)));
    let first = given.next();
    let second = given.next();
    match (first, second) {
        (Some(only), None) => return Some(only),
        (Some((first, _)), Some((second, node))) => {
            let message = format!("`{first}` and `{second}` exclude each other: give one");
            let finding = Diagnostic::new(Code::OneMember, message).at(node.span);
            context.reader.refuse(path, finding.with_help("make two elements of it"));
        }
        (None, _) => {
            let message = format!("`{path}` needs one of {}", known.join(", "));
            let finding = Diagnostic::new(Code::EmptyPeer, message).at(fields.span);
            let help = "where a later version's field is dropped, what remains is refused too";
            context.reader.refuse(path, finding.with_help(help));
        }
    }
    None
}

/// The selectors of namespaces and of pods.
fn pods(
    context: &mut Context<'_>,
    path: &Path<'_>,
    node: &Node<'_>,
) -> Option<(Selector, Selector)> {
    if !context.is_map(path, node) {
        return None;
    }
    let known = ["namespaceSelector", "podSelector"];
    let fields = context.reader.fields(path, node, Keys::Exactly(&known));
    let mut read = |name: &'static str, required: bool| match fields.get(name) {
        Some(node) => selector::read(context, &path.field(name), node),
        None => {
            if required {
                context.missing(&path.field(name), fields.span, "write `{}` to select all");
            }
            Selector::default()
        }
    };
    // Since `v1alpha2`, all namespaces are meant where they are not named.
    let namespaces = read("namespaceSelector", false);
    let pods = read("podSelector", true);
    if context.is_outdated() && fields.get("namespaceSelector").is_none() {
        let path = path.field("namespaceSelector");
        context.missing(&path, fields.span, "write `{}` to select all");
    }
    Some((namespaces, pods))
}

const LIST: Length = Length { least: 1, most: 25 };

fn networks(context: &mut Context<'_>, path: &Path<'_>, node: &Node<'_>) -> Networks {
    let items = context.items(path, Some(node), LIST);
    context.check_set(path, items);
    let (mut cidrs, mut blocks) = (Vec::<Arc<str>>::new(), Vec::new());
    for (i, item) in items.iter().enumerate() {
        if let Some((text, block)) = network(context, &path.item(i), item) {
            cidrs.push(text.into());
            blocks.push(block);
        }
    }
    Networks { cidrs, addresses: Arc::new(AddrSet::from_cidrs(blocks)) }
}

const LONGEST_NETWORK: usize = 43;

fn network<'n>(
    context: &mut Context<'_>,
    path: &Path<'_>,
    item: &'n Node<'_>,
) -> Option<(&'n str, Cidr)> {
    let text = text(context, path, item)?;
    if text.len() > LONGEST_NETWORK {
        let message = format!("a network has {LONGEST_NETWORK} characters at most");
        context.reader.refuse(path, Diagnostic::new(Code::TooLong, message).at(item.span));
        return None;
    }
    let Some(block) = Cidr::parse_strict(text) else {
        let message = format!("`{text}` is not a valid CIDR");
        let help = match Cidr::parse(text) {
            Ok(block) => format!("write `{block}`"),
            Err(_) => "for example 10.0.0.0/8 or fd00::/64".to_owned(),
        };
        let finding = Diagnostic::new(Code::CidrInvalid, message).at(item.span);
        context.reader.refuse(path, finding.with_help(help));
        return None;
    };
    if Cidr::has_host_bits(text) {
        let message = format!("`{text}` has bits set behind its prefix");
        let finding = |code| {
            Diagnostic::new(code, message).at(item.span).with_help(format!("write `{block}`"))
        };
        // `v1alpha1` takes them, and means the whole block.
        if context.is_outdated() {
            context.reader.report(path, finding(Code::NoncanonicalCidr));
        } else {
            context.reader.refuse(path, finding(Code::CidrHostBits));
        }
    }
    Some((text, block))
}

fn domain_names(context: &mut Context<'_>, path: &Path<'_>, node: &Node<'_>) -> Vec<Arc<str>> {
    let items = context.items(path, Some(node), LIST);
    context.check_set(path, items);
    let mut names = Vec::new();
    for (i, item) in items.iter().enumerate() {
        let path = path.item(i);
        let Some(name) = text(context, &path, item) else { continue };
        if is_domain_name(name) {
            names.push(name.into());
            continue;
        }
        let message = format!("`{name}` is not a valid domain name");
        let finding = Diagnostic::new(Code::DomainName, message).at(item.span);
        let help =
            "two labels at least, such as `example.com`; `*.example.com` is every name below";
        context.reader.refuse(&path, finding.with_help(help));
    }
    names
}

/// As `^(\*\.)?([a-zA-Z0-9]([-a-zA-Z0-9_]*[a-zA-Z0-9])?\.)+[a-zA-Z0-9]([-a-zA-Z0-9_]*[a-zA-Z0-9])?\.?$`.
fn is_domain_name(text: &str) -> bool {
    let text = text.strip_prefix("*.").unwrap_or(text);
    let text = text.strip_suffix('.').unwrap_or(text);
    let edge = |byte: Option<u8>| byte.is_some_and(|byte| byte.is_ascii_alphanumeric());
    let label = |label: &str| {
        edge(label.bytes().next())
            && edge(label.bytes().last())
            && label.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'))
    };
    text.contains('.') && text.split('.').all(label)
}

/// A string of a list, where null is none either.
fn text<'n>(context: &mut Context<'_>, path: &Path<'_>, item: &'n Node<'_>) -> Option<&'n str> {
    if item.is_null() {
        context.null_text(path, item);
    }
    context.reader.string(path, Some(item))
}
