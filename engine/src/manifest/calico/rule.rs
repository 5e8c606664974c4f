//! The entries of `ingress` and `egress`.

use super::super::policy::Direction;
use super::super::read::{Fields, Keys, Path};
use super::context::Context;
use super::entity::{self, EntityRule, conflict, is_empty};
use super::protocol::{self, CalicoProtocol, IcmpMatch};
use crate::diagnostic::{Code, Diagnostic};
use crate::net::{Cidr, Protocol};
use crate::source::Span;
use crate::tree::Node;

/// What a rule does with what it matches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CalicoAction {
    /// Allows it.
    Allow,
    /// Denies it.
    Deny,
    /// Writes it down and goes on.
    Log,
    /// Leaves it to the next tier.
    Pass,
}

const ACTIONS: [(&str, CalicoAction); 4] = [
    ("Allow", CalicoAction::Allow),
    ("Deny", CalicoAction::Deny),
    ("Log", CalicoAction::Log),
    ("Pass", CalicoAction::Pass),
];

/// A rule: all that is given must hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CalicoRule {
    /// What it does; none if it is missing or wrong.
    pub action: Option<CalicoAction>,
    /// `ipVersion`, 4 or 6; none: both.
    pub ip_version: Option<u8>,
    /// `protocol`; none: any.
    pub protocol: Option<CalicoProtocol>,
    /// `notProtocol`.
    pub not_protocol: Option<CalicoProtocol>,
    /// `icmp`.
    pub icmp: Option<IcmpMatch>,
    /// `notICMP`.
    pub not_icmp: Option<IcmpMatch>,
    /// Whether it asks for what is in an HTTP request.
    pub has_http: bool,
    /// `source`.
    pub source: EntityRule,
    /// `destination`.
    pub destination: EntityRule,
    /// Where it stands.
    pub span: Span,
}

const KNOWN: &[&str] = &[
    "action",
    "ipVersion",
    "protocol",
    "notProtocol",
    "icmp",
    "notICMP",
    "http",
    "source",
    "destination",
    "metadata",
];

/// Reads a rule of a direction.
pub fn read(
    context: &mut Context<'_>,
    path: &Path<'_>,
    (direction, node): (Direction, &Node<'_>),
) -> CalicoRule {
    let fields = context.reader.fields(path, node, Keys::Exactly(KNOWN));
    let not_protocol = path.field("notProtocol");
    let rule = CalicoRule {
        action: action(context, &path.field("action"), &fields),
        ip_version: ip_version(context, &path.field("ipVersion"), &fields),
        protocol: protocol::read(context, &path.field("protocol"), fields.get("protocol")),
        not_protocol: protocol::read(context, &not_protocol, fields.get("notProtocol")),
        icmp: protocol::read_icmp(context, &path.field("icmp"), fields.get("icmp")),
        not_icmp: protocol::read_icmp(context, &path.field("notICMP"), fields.get("notICMP")),
        has_http: fields.get("http").is_some(),
        source: entity::read(context, &path.field("source"), fields.get("source")),
        destination: entity::read(context, &path.field("destination"), fields.get("destination")),
        span: node.span,
    };
    check_metadata(context, &path.field("metadata"), &fields);
    check_protocol(context, path, &rule, &fields);
    check_ports(context, path, &rule, &fields);
    check_families(context, path, &rule);
    check_services(context, path, direction, &fields);
    check_http(context, path, (direction, &rule), &fields);
    rule
}

fn action(
    context: &mut Context<'_>,
    path: &Path<'_>,
    fields: &Fields<'_, '_>,
) -> Option<CalicoAction> {
    let node = fields.get("action");
    if node.is_none() {
        let message = format!("`{path}` is required");
        let help = "write one of Allow, Deny, Log, Pass";
        context.refuse(path, (Code::MissingField, message), fields.span, help);
    }
    context.word(path, node, &ACTIONS)
}

fn ip_version(context: &mut Context<'_>, path: &Path<'_>, fields: &Fields<'_, '_>) -> Option<u8> {
    let node = fields.get("ipVersion")?;
    match context.reader.integer(path, Some(node))? {
        4 => Some(4),
        6 => Some(6),
        other => {
            let message = format!("{other} is not a version of IP");
            context.refuse(path, (Code::UnknownWord, message), node.span, "write 4 or 6");
            None
        }
    }
}

/// Annotations are texts.
fn check_metadata(context: &mut Context<'_>, path: &Path<'_>, fields: &Fields<'_, '_>) {
    let Some(node) = fields.get("metadata") else { return };
    let fields = context.reader.fields(path, node, Keys::Exactly(&["annotations"]));
    let path = path.field("annotations");
    let Some(node) = fields.get("annotations") else { return };
    for entry in context.reader.entries(&path, node) {
        context.reader.label_value(&path.key(&entry.key), &entry.value);
    }
}

/// ICMP is of one family, and its types are its own.
fn check_protocol(
    context: &mut Context<'_>,
    path: &Path<'_>,
    rule: &CalicoRule,
    fields: &Fields<'_, '_>,
) {
    let versions = [(CalicoProtocol::Icmp, 4), (CalicoProtocol::IcmpV6, 6)];
    for (field, protocol) in [("protocol", rule.protocol), ("notProtocol", rule.not_protocol)] {
        let version = versions.iter().find(|(icmp, _)| protocol == Some(*icmp));
        let Some((_, version)) = version else { continue };
        if rule.ip_version.is_some_and(|own| own != *version) {
            let message = format!("`{path}` has a protocol of version {version} of IP alone");
            let help = format!("write `ipVersion: {version}`, or leave it out");
            let span = fields.get(field).map_or(rule.span, |node| node.span);
            let path = path.field("ipVersion");
            context.refuse(&path, (Code::FieldConflict, message), span, &help);
        }
    }
    let is_icmp = versions.iter().any(|(icmp, _)| rule.protocol == Some(*icmp));
    if let (Some(node), false) = (fields.get("icmp"), is_icmp) {
        let message = format!("`{path}` has `icmp`, and its protocol is another");
        let help = "write `protocol: ICMP` or `protocol: ICMPv6`";
        context.refuse(&path.field("icmp"), (Code::FieldConflict, message), node.span, help);
    }
}

/// Numbers of ports need a protocol that has them; names have one.
fn check_ports(
    context: &mut Context<'_>,
    path: &Path<'_>,
    rule: &CalicoRule,
    fields: &Fields<'_, '_>,
) {
    let is_unreadable = rule.protocol.is_none() && fields.get("protocol").is_some();
    if is_unreadable || rule.protocol.is_some_and(CalicoProtocol::has_ports) {
        return;
    }
    for (end, entity) in [("source", &rule.source), ("destination", &rule.destination)] {
        for (field, ports) in [("ports", &entity.ports), ("notPorts", &entity.not_ports)] {
            let is_named = |port| matches!(port, &super::CalicoPort::Named(_));
            if ports.is_empty() || (rule.protocol.is_none() && ports.iter().all(is_named)) {
                continue;
            }
            let node = fields.get(end).and_then(|end| end.get(field));
            let span = node.map_or(rule.span, |node| node.span);
            let message = format!("`{path}` names ports, and no protocol that has some");
            let help = "write `protocol: TCP`, UDP or SCTP; a rule for two of them is two rules";
            let path = path.field(end);
            context.invalid(&path.field(field), (Code::MissingField, message), span, help);
        }
    }
}

/// A rule's blocks are of one family, and of that which it names.
fn check_families(context: &mut Context<'_>, path: &Path<'_>, rule: &CalicoRule) {
    let ends = [&rule.source, &rule.destination];
    let blocks = || ends.iter().flat_map(|end| end.nets.iter().chain(&end.not_nets));
    let has = |version: u8| blocks().any(|block| (version == 4) == matches!(block, Cidr::V4(_)));
    let (four, six) = (has(4), has(6));
    if four && six {
        let message = format!("`{path}` has blocks of both families: no packet matches both");
        let help = "use two rules, one for each family";
        return context.invalid(path, (Code::FieldConflict, message), rule.span, help);
    }
    let odd = rule.ip_version.filter(|version| (*version == 4 && six) || (*version == 6 && four));
    if let Some(version) = odd {
        let message =
            format!("`{path}` has `ipVersion: {version}`, and blocks of the other family");
        let help = "correct one of them: no packet matches both";
        context.invalid(path, (Code::FieldConflict, message), rule.span, help);
    }
}

/// Services are at the other end only; behind them, their pods' ports count.
fn check_services(
    context: &mut Context<'_>,
    path: &Path<'_>,
    direction: Direction,
    fields: &Fields<'_, '_>,
) {
    let (other, own) = match direction {
        Direction::Ingress => ("source", "destination"),
        Direction::Egress => ("destination", "source"),
    };
    if let Some(node) = fields.get(own).and_then(|end| end.get("services")) {
        let path = path.field(own);
        let message = format!("`{path}` of a rule for {} takes no `services`", direction.field());
        let help = format!("`{other}` does: it is the other end");
        context.invalid(&path.field("services"), (Code::FieldConflict, message), node.span, &help);
    }
    let Some(end) = fields.get("destination").filter(|end| end.get("services").is_some()) else {
        return;
    };
    for field in ["ports", "notPorts"] {
        if let Some(node) = end.get(field).filter(|node| !is_empty(node)) {
            let path = path.field("destination");
            let message = format!("`{path}` has `services` and `{field}`");
            conflict(context, &path.field(field), message, node.span);
        }
    }
}

fn check_http(
    context: &mut Context<'_>,
    path: &Path<'_>,
    (direction, rule): (Direction, &CalicoRule),
    fields: &Fields<'_, '_>,
) {
    let Some(node) = fields.get("http") else { return };
    let path = path.field("http");
    let tcp = CalicoProtocol::Ported(Protocol::Tcp);
    if rule.action.is_some_and(|action| action != CalicoAction::Allow) {
        let message = format!("`{path}` stands in a rule that does not allow");
        let help = "only `action: Allow` can ask what a request says";
        context.refuse(&path, (Code::FieldConflict, message), node.span, help);
    } else if rule.protocol.is_some_and(|protocol| protocol != tcp) {
        let message = format!("`{path}` stands in a rule for a protocol that is not TCP");
        context.refuse(&path, (Code::FieldConflict, message), node.span, "write `protocol: TCP`");
    } else if direction == Direction::Egress {
        let message = format!("`{path}` stands in a rule for egress");
        let help = "what a request says can be asked where it arrives: in `ingress`";
        context.invalid(&path, (Code::FieldConflict, message), node.span, help);
    } else {
        let message = format!("`{path}` asks for what no packet filter sees");
        let help =
            "without Calico's application layer the rule allows every request to these ports";
        let finding = Diagnostic::new(Code::ApplicationLayer, message).at(node.span);
        context.reader.report(&path, finding.with_help(help));
    }
}
