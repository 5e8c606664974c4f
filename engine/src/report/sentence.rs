//! Evidence in words.

use crate::cluster::{ClusterModel, NamespaceId, Place, PodLabels};
use crate::manifest::calico::{Condition, ConditionKind, End};
use crate::manifest::{Direction, PeerKind, PortEntry, PortMatch};
use crate::selector::{Labels, Match, Operator, Requirement, Selector};
use crate::verdict::{EndState, Party, Verdict};

/// What a peer names, shortly: `app=web`, `all pods in team=ops`, `10.0.0.0/8`.
pub fn peer_text(peer: &PeerKind) -> String {
    match peer {
        PeerKind::Block(block) => block.text(),
        PeerKind::Nodes(nodes) if nodes.is_empty() => "all nodes".into(),
        PeerKind::Nodes(nodes) => format!("nodes with {}", nodes.text()),
        PeerKind::Networks(networks) => networks.cidrs.join(", "),
        PeerKind::DomainNames(names) => names.join(", "),
        PeerKind::Pods { namespaces: None, pods } => pods_text(pods.as_ref()),
        PeerKind::Pods { namespaces: Some(namespaces), pods } => {
            let pods = pods_text(pods.as_ref());
            if namespaces.is_empty() {
                format!("{pods} in any namespace")
            } else {
                format!("{pods} in namespaces with {}", namespaces.text())
            }
        }
    }
}

fn pods_text(pods: Option<&Selector>) -> String {
    pods.filter(|pods| !pods.is_empty()).map_or_else(|| "all pods".into(), Selector::text)
}

/// Why a peer does not match a party, or why that is not known.
pub fn peer_why(
    model: &ClusterModel,
    own: Option<NamespaceId>,
    (peer, party): (&PeerKind, &Party<'_>),
    matches: Match,
) -> Option<String> {
    if matches == Match::Yes {
        return None;
    }
    match peer {
        PeerKind::Block(_) | PeerKind::Networks(_) => Some(block_why(party, matches)),
        PeerKind::Nodes(_) => Some(match matches {
            Match::Unknown => "the input does not say which addresses these nodes have".into(),
            _ => "it is not one of these nodes".into(),
        }),
        PeerKind::DomainNames(_) => Some(match matches {
            Match::Unknown => "the input does not say what the name resolves to".into(),
            _ => "the name does not resolve to it".into(),
        }),
        PeerKind::Pods { namespaces, pods } => {
            let Some((_, group)) = party.group else {
                return Some(if party.endpoint.is_some() {
                    "selectors do not match pods on the host's network".into()
                } else {
                    "selectors match pods only, not addresses".into()
                });
            };
            let namespace = model.namespaces.get(group.namespace)?;
            let name = &namespace.name;
            let labels = namespace.labels();
            let scope = match namespaces {
                None => own.filter(|own| *own != group.namespace).map(|own| {
                    let own = model.namespace_name(own);
                    format!("a podSelector alone means namespace `{own}`, not `{name}`")
                }),
                Some(selector) => selector_why(selector, &labels, &format!("namespace `{name}`")),
            };
            let labels = PodLabels { labels: &group.labels, hidden: group.hidden };
            let pods = pods.as_ref().and_then(|pods| selector_why(pods, &labels, "the pod"));
            scope.or(pods)
        }
    }
}

fn block_why(party: &Party<'_>, matches: Match) -> String {
    match (&party.place, matches) {
        (Place::Known(address), _) => format!("{address} is not in it"),
        (Place::Within(_), Match::Unknown) => "the address is not in the input".into(),
        (Place::Within(space), _) if space.is_empty() => "no address of this family".into(),
        (Place::Within(_), _) => "none of its possible addresses is in it".into(),
    }
}

/// Why a selector does not match pods, or why that is not known; none if it does.
pub fn pod_why(selector: &Selector, labels: &impl Labels) -> Option<String> {
    selector_why(selector, labels, "the pod")
}

/// The same of a namespace, by name.
pub fn namespace_why(selector: &Selector, labels: &impl Labels, name: &str) -> Option<String> {
    selector_why(selector, labels, &format!("namespace `{name}`"))
}

/// The first requirement that labels do not meet.
fn selector_why(selector: &Selector, labels: &impl Labels, who: &str) -> Option<String> {
    let failing = selector.requirements().iter().find(|r| r.matches(labels) != Match::Yes)?;
    Some(requirement_why(failing, labels, who))
}

fn requirement_why(requirement: &Requirement, labels: &impl Labels, who: &str) -> String {
    let key = &requirement.key;
    match (labels.hidden(key), labels.value(key), requirement.operator) {
        (true, ..) => {
            format!("the controller sets `{key}`, and the template does not show its value")
        }
        (_, None, _) if labels.open() => {
            format!("{who} is not in the input, so it is unknown whether it has a label `{key}`")
        }
        (_, None, _) => format!("{who} has no label `{key}`"),
        (_, Some(_), Operator::DoesNotExist) => format!("{who} has a label `{key}`"),
        (_, Some(value), _) => format!("{who} has `{key}={value}`"),
    }
}

/// Why a port entry does not match, or why that is not known.
pub fn port_why(
    entry: &PortEntry,
    asked: (Option<crate::net::Protocol>, &str),
    matches: Match,
) -> Option<String> {
    if matches == Match::Yes {
        return None;
    }
    let (protocol, port) = asked;
    let Some(protocol) = protocol else {
        return Some(format!("it is for {} alone", entry.protocol));
    };
    let is_one = !port.contains(['-', ',']);
    Some(match &entry.ports {
        _ if entry.protocol != protocol => format!("it is for {}, not {protocol}", entry.protocol),
        PortMatch::Named(name) if matches == Match::Unknown => {
            format!("the pod is not in the input, so it is unknown which port it names `{name}`")
        }
        PortMatch::Named(name) => {
            let with = if is_one { "with number" } else { "with a number of" };
            format!("the destination has no {protocol} port named `{name}` {with} {port}")
        }
        PortMatch::Any | PortMatch::Range(..) if is_one => format!("{port} is not in it"),
        PortMatch::Any | PortMatch::Range(..) => format!("{port} are not in it"),
    })
}

/// Why a condition of a rule of Calico's does not hold, or why that is not known; `party` has the
/// ends.
pub fn condition_why<'p, 'm: 'p>(
    condition: &Condition,
    party: impl Fn(End) -> &'p Party<'m>,
    matches: Match,
) -> Option<String> {
    if matches == Match::Yes {
        return None;
    }
    let is_open = matches == Match::Unknown;
    Some(match &condition.kind {
        ConditionKind::Items(end, _) => match (is_open, party(*end).group) {
            (true, _) => "the input does not show all labels or addresses that decide it".into(),
            (false, None) => "what stands at this address does not match".into(),
            (false, Some(_)) => "the pod does not match".into(),
        },
        ConditionKind::Nets(end, _, negated) => match (negated, &party(*end).place) {
            (true, Place::Known(address)) if !is_open => format!("{address} is in it"),
            _ => block_why(party(*end), matches),
        },
        ConditionKind::Version(_) => "the flow is of the other family".into(),
        ConditionKind::Protocol(..) | ConditionKind::Icmp(..) if is_open => {
            "which of the protocols without ports is asked for is not known".into()
        }
        ConditionKind::Protocol(..) | ConditionKind::Icmp(..) => "the protocol is another".into(),
        ConditionKind::Ports(End::Source, _) => {
            "from which port the flow comes is not known".into()
        }
        ConditionKind::Ports(..) if is_open => {
            "the pod is not in the input, or its labels are not known".into()
        }
        ConditionKind::Ports(..) => "the port is another".into(),
        ConditionKind::Service(..) if is_open => {
            "what is behind the Service is not in the input".into()
        }
        ConditionKind::Service(..) => "it is not behind the Service, or its port is not".into(),
    })
}

/// What one end says, as a sentence.
pub fn end_summary(
    direction: Direction,
    verdict: Verdict,
    state: EndState,
    policies: usize,
) -> String {
    let way = direction.field();
    match (state, verdict) {
        (EndState::Unenforced, _) => "not a pod that policies apply to".into(),
        (EndState::NotIsolated, _) => {
            format!("no policy isolates it for {way}, so all {way} is allowed")
        }
        (EndState::SelfTraffic, _) => "a pod always reaches itself".into(),
        (EndState::OwnNode, _) => "traffic from a pod's own node is always allowed".into(),
        (EndState::HostEndpoint, verdict) => match verdict {
            Verdict::Allow => "its HostEndpoint allows the flow".into(),
            Verdict::Deny => "its HostEndpoint denies the flow".into(),
            Verdict::Unknown => "unknown whether its HostEndpoint allows the flow".into(),
        },
        (EndState::HostAction, verdict) => match verdict {
            Verdict::Allow => {
                "`defaultEndpointToHostAction` accepts what a node's own pods send".into()
            }
            Verdict::Deny => {
                "`defaultEndpointToHostAction` drops what a node's own pods send".into()
            }
            Verdict::Unknown => "`defaultEndpointToHostAction` decides what a node's own pods \
                                 may send, and the input does not say it"
                .into(),
        },
        (EndState::Selected, verdict) => {
            let then = match verdict {
                Verdict::Allow => "no rule denies the flow",
                Verdict::Deny => "a rule denies the flow",
                Verdict::Unknown => "unknown whether a rule denies the flow",
            };
            format!("selected for {way} by cluster policies, which do not isolate; {then}")
        }
        (EndState::Isolated, verdict) => {
            let by = match policies {
                1 => "1 policy".to_owned(),
                n => format!("{n} policies"),
            };
            let then = match verdict {
                Verdict::Allow => "one rule admits the flow",
                Verdict::Deny => "no rule admits the flow",
                Verdict::Unknown => "unknown whether a rule admits the flow",
            };
            format!("isolated for {way} by {by}; {then}")
        }
    }
}
