//! NetworkPolicy, read, defaulted and validated as the API server does.

mod block;
mod pitfalls;
mod port;
pub(super) mod selector;

use std::sync::Arc;

use enum_map::{Enum, EnumMap};
use serde::{Deserialize, Serialize};

use super::read::{Keys, Path, Reader};
use crate::diagnostic::{Code, Diagnostic, Edit, Fix};
use crate::net::AddrSet;
use crate::selector::Selector;
use crate::source::Span;
use crate::tree::Node;

use super::calico::Condition;
pub use block::Block;
pub use port::{PortEntry, PortMatch};
pub(super) use port::{check_name, check_number};

/// Something for each direction.
pub type ByDirection<T> = EnumMap<Direction, T>;

/// A direction, seen from the subject of a policy.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Enum, Serialize, Deserialize,
)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum Direction {
    /// Traffic to the subject.
    Ingress,
    /// Traffic from the subject.
    Egress,
}

impl Direction {
    /// Both.
    pub const BOTH: [Self; 2] = [Self::Ingress, Self::Egress];

    /// That of the other end.
    #[must_use]
    pub fn opposite(self) -> Self {
        match self {
            Self::Ingress => Self::Egress,
            Self::Egress => Self::Ingress,
        }
    }

    /// The field of `spec` that has the rules.
    pub fn field(self) -> &'static str {
        match self {
            Self::Ingress => "ingress",
            Self::Egress => "egress",
        }
    }

    /// The field of a rule that has the peers.
    pub fn peers_field(self) -> &'static str {
        match self {
            Self::Ingress => "from",
            Self::Egress => "to",
        }
    }
}

/// A policy as stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NetworkPolicy {
    /// Which pods of its namespace it selects.
    pub subject: Selector,
    /// `ingress`, in order.
    pub ingress: Vec<Rule>,
    /// `egress`, in order.
    pub egress: Vec<Rule>,
    /// Whether it isolates for ingress.
    pub isolates_ingress: bool,
    /// Whether it isolates for egress.
    pub isolates_egress: bool,
    /// Whether `policyTypes` was written rather than defaulted.
    pub types_written: bool,
}

impl NetworkPolicy {
    /// Its rules of a direction, whether or not that direction is active.
    pub fn rules(&self, direction: Direction) -> &[Rule] {
        match direction {
            Direction::Ingress => &self.ingress,
            Direction::Egress => &self.egress,
        }
    }

    /// Whether it isolates its subjects in a direction.
    pub fn isolates(&self, direction: Direction) -> bool {
        match direction {
            Direction::Ingress => self.isolates_ingress,
            Direction::Egress => self.isolates_egress,
        }
    }
}

/// What a rule does with a flow that it matches.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum Action {
    /// It passes this end, whatever comes after.
    Accept,
    /// It is denied.
    Deny,
    /// The next tier decides.
    Pass,
    /// It is written down, and the next rule decides.
    Log,
}

impl Action {
    /// As manifests write it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Accept => "Accept",
            Self::Deny => "Deny",
            Self::Pass => "Pass",
            Self::Log => "Log",
        }
    }

    /// As sentences have it: `accept`, `deny`, `pass`.
    pub fn verb(self) -> &'static str {
        match self {
            Self::Accept => "accept",
            Self::Deny => "deny",
            Self::Pass => "pass",
            Self::Log => "log",
        }
    }
}

/// A rule: any of its peers on any of its ports.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    /// `name`; NetworkPolicy's rules have none.
    pub name: Option<Arc<str>>,
    /// `action`; NetworkPolicy's rules all accept.
    pub action: Action,
    /// Whether a part of it is not understood. Such a rule fails closed: it accepts nothing, and
    /// denies everything if it denies or passes. [ClusterNetworkPolicy §3]
    pub fails_closed: bool,
    /// Peers; none means anybody.
    pub peers: Vec<Peer>,
    /// Ports; none means any port of any protocol.
    pub ports: Vec<PortEntry>,
    /// What else must hold, all of it; only rules of Calico's policies have some, and these name
    /// neither peers nor ports.
    pub conditions: Vec<Condition>,
    /// Where the rule stands.
    pub span: Span,
}

/// One element of `from` or `to`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Peer {
    /// Whom it names.
    pub kind: PeerKind,
    /// Where it stands.
    pub span: Span,
}

/// Whom a peer names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PeerKind {
    /// Pods: those that `pods` selects (all if absent), of the namespaces that `namespaces`
    /// selects (the policy's own if absent).
    Pods {
        /// `namespaceSelector`.
        namespaces: Option<Selector>,
        /// `podSelector`.
        pods: Option<Selector>,
    },
    /// Addresses: an `ipBlock`.
    Block(Block),
    /// Addresses of nodes that a selector matches: `nodes`.
    Nodes(Selector),
    /// Addresses: `networks`.
    Networks(Networks),
    /// Addresses that names resolve to: `domainNames`, as written.
    DomainNames(Vec<Arc<str>>),
}

/// Blocks of addresses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Networks {
    /// The blocks as written, in order.
    pub cidrs: Vec<Arc<str>>,
    /// All their addresses.
    pub addresses: Arc<AddrSet>,
}

const SPEC: &[&str] = &["podSelector", "policyTypes", "ingress", "egress"];

/// Reads `spec`; an absent or null one selects every pod of the namespace and denies ingress.
pub fn read(reader: &mut Reader, object: &Node<'_>) -> NetworkPolicy {
    let path = Path::Root.field("spec");
    let nothing = Node { value: crate::tree::Value::Null, span: object.span };
    let fields = reader.fields(&path, object.get("spec").unwrap_or(&nothing), Keys::Exactly(SPEC));
    let subject = selector::read(reader, &path.field("podSelector"), fields.get("podSelector"))
        .unwrap_or_default();
    let ingress = rules(reader, &path, Direction::Ingress, fields.get("ingress"));
    let egress = rules(reader, &path, Direction::Egress, fields.get("egress"));
    let types = policy_types(reader, &path.field("policyTypes"), fields.get("policyTypes"));
    // Defaulting: Ingress always, Egress only where there are egress rules. [NetworkPolicy §2]
    let (isolates_ingress, isolates_egress) = types.unwrap_or((true, !egress.is_empty()));
    let types_written = types.is_some();
    let policy = NetworkPolicy {
        subject,
        ingress,
        egress,
        isolates_ingress,
        isolates_egress,
        types_written,
    };
    pitfalls::check(reader, &path, &fields, &policy);
    policy
}

/// What remains of a policy that is not understood: it isolates the pods that it selects, or all of
/// its namespace's if that is not understood either, and admits nothing.
pub fn closed(object: &Node<'_>) -> NetworkPolicy {
    let path = Path::Root.field("spec");
    let mut reader = Reader::default();
    let spec = object.get("spec");
    let field = |name: &str| spec.and_then(|spec| spec.get(name));
    let subject = selector::read(&mut reader, &path, field("podSelector"));
    let subject = subject.filter(|_| reader.diagnostics.is_empty()).unwrap_or_default();
    let mut reader = Reader::default();
    let types = policy_types(&mut reader, &path, field("policyTypes"));
    let types = types.filter(|_| reader.diagnostics.is_empty());
    let (isolates_ingress, isolates_egress) = types.unwrap_or((true, true));
    let types_written = types.is_some();
    let (ingress, egress) = (Vec::new(), Vec::new());
    NetworkPolicy { subject, ingress, egress, isolates_ingress, isolates_egress, types_written }
}

fn policy_types(
    reader: &mut Reader,
    path: &Path<'_>,
    node: Option<&Node<'_>>,
) -> Option<(bool, bool)> {
    let items = reader.items(path, node);
    if let (true, Some(node)) = (items.len() > 2, node) {
        let finding =
            Diagnostic::new(Code::PolicyTypes, "more than two `policyTypes`").at(node.span);
        reader.refuse(path, finding.with_help("list `Ingress` and `Egress` at most once each"));
    }
    let (mut ingress, mut egress) = (false, false);
    for (i, item) in items.iter().enumerate() {
        let path = path.item(i);
        match reader.text(&path, Some(item)) {
            Some("Ingress") => ingress = true,
            Some("Egress") => egress = true,
            Some(other) => reader.refuse(
                &path,
                bad_word(other, &["Ingress", "Egress"], Code::PolicyTypes, item.span),
            ),
            None => {}
        }
    }
    (!items.is_empty()).then_some((ingress, egress))
}

/// A finding for a word that is none of the allowed ones; L23 if only its case is off.
pub(super) fn bad_word(word: &str, allowed: &[&str], code: Code, span: Span) -> Diagnostic {
    let message = match allowed {
        [only] => format!("`{word}` is not `{only}`, which alone is possible here"),
        _ => format!("`{word}` is not one of {}", allowed.join(", ")),
    };
    match allowed.iter().find(|known| known.eq_ignore_ascii_case(word)) {
        Some(known) => Diagnostic::new(Code::EnumCase, message)
            .with_help(format!("write `{known}`"))
            .with_fix(Fix::other(span, Edit::Scalar((*known).to_owned()))),
        None => {
            Diagnostic::new(code, message).with_help(format!("use one of {}", allowed.join(", ")))
        }
    }
    .at(span)
}

fn rules(
    reader: &mut Reader,
    spec: &Path<'_>,
    direction: Direction,
    node: Option<&Node<'_>>,
) -> Vec<Rule> {
    let path = spec.field(direction.field());
    let items = reader.items(&path, node);
    items.iter().enumerate().map(|(i, item)| rule(reader, &path.item(i), direction, item)).collect()
}

fn rule(reader: &mut Reader, path: &Path<'_>, direction: Direction, node: &Node<'_>) -> Rule {
    let peers_field = direction.peers_field();
    let fields = reader.fields(path, node, Keys::Exactly(&["ports", peers_field]));
    let ports = port::read_all(reader, &path.field("ports"), fields.get("ports"));
    let path = path.field(peers_field);
    let peers = reader.items(&path, fields.get(peers_field));
    let peers = peers
        .iter()
        .enumerate()
        .filter_map(|(i, item)| peer(reader, &path.item(i), item))
        .collect();
    let action = Action::Accept;
    let conditions = Vec::new();
    Rule { name: None, action, fails_closed: false, peers, ports, conditions, span: node.span }
}

const PEER: &[&str] = &["podSelector", "namespaceSelector", "ipBlock"];

fn peer(reader: &mut Reader, path: &Path<'_>, node: &Node<'_>) -> Option<Peer> {
    let fields = reader.fields(path, node, Keys::Exactly(PEER));
    let pods = selector::read(reader, &path.field("podSelector"), fields.get("podSelector"));
    let namespaces =
        selector::read(reader, &path.field("namespaceSelector"), fields.get("namespaceSelector"));
    let selects = fields.get("podSelector").is_some() || fields.get("namespaceSelector").is_some();
    let block =
        fields.get("ipBlock").map(|node| (node, block::read(reader, &path.field("ipBlock"), node)));
    let kind = match (block, selects) {
        (Some((node, _)), true) => {
            let message = "a peer cannot have both an `ipBlock` and selectors";
            reader.refuse(
                path,
                Diagnostic::new(Code::BlockWithSelector, message)
                    .at(node.span)
                    .with_help("split it into two peers"),
            );
            return None;
        }
        (Some((_, block)), false) => PeerKind::Block(block?),
        (None, true) => PeerKind::Pods { namespaces, pods },
        (None, false) => {
            let message = "a peer must have a `podSelector`, a `namespaceSelector` or an `ipBlock`";
            reader.refuse(
                path,
                Diagnostic::new(Code::EmptyPeer, message)
                    .at(node.span)
                    .with_help("leave the whole list out to match any peer, or add a selector"),
            );
            return None;
        }
    };
    Some(Peer { kind, span: node.span })
}
