//! Evidence and filters agree with what they are evidence and filters of, on random clusters.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, reason = "test code")]

use std::collections::{BTreeMap, BTreeSet};

use portcullis_engine::manifest::Direction;
use portcullis_engine::report::{
    Connection, EndReport, EndState, EndpointKind, EndpointReport, EntryEvidence, Evidence,
    FlowQuery, FlowReport, Isolation, ListReport, Match, PolicyEvidence, PortQuery, Protocol,
    RuleEvidence, Verdict,
};
use portcullis_engine::{ListFilter, Session};
use portcullis_tests::random::{Random, hold_with_calico, hold_with_network_policies};

/// Some flows between ends that the list names.
fn flows(session: &Session, rng: &mut Random) -> Vec<FlowQuery> {
    let list = session.list(&ListFilter::default());
    let names: Vec<String> = list.endpoints.iter().filter_map(name).collect();
    if names.is_empty() {
        return Vec::new();
    }
    let flow = |_| {
        let (from, to) = (rng.pick(&names).clone(), rng.pick(&names).clone());
        let protocol = *rng.pick(&Protocol::ALL);
        let port = *rng.pick(&[1, 79, 80, 81, 443, 8080, 65535]);
        FlowQuery { from, to, protocol, port: PortQuery::Number(port) }
    };
    (0..60).map(flow).collect()
}

fn name(endpoint: &EndpointReport) -> Option<String> {
    if endpoint.kind == EndpointKind::Addresses {
        let cidr = endpoint.addresses.first()?;
        return cidr.split('/').next().map(str::to_owned);
    }
    let (namespace, name) = (endpoint.namespace.as_ref()?, endpoint.name.as_ref()?);
    let kind = endpoint.workload_kind.as_ref()?;
    Some(match endpoint.pods.first() {
        Some(pod) => format!("{namespace}/Pod/{pod}"),
        None => format!("{namespace}/{kind}/{name}"),
    })
}

#[test]
fn evidence_adds_up_to_the_verdict() {
    hold_with_network_policies("evidence", |cluster, seed| {
        let session = cluster.session();
        for flow in flows(&session, &mut Random::new(seed)) {
            let Ok(report) = session.evaluate(&flow) else {
                continue;
            };
            adds_up(&report).map_err(|why| format!("{flow:?}: {why}: {report:#?}"))?;
        }
        Ok(())
    });
}

fn adds_up(report: &FlowReport) -> Result<(), String> {
    let ends = [&report.evidence.egress, &report.evidence.ingress];
    for end in ends {
        end_adds_up(end)?;
    }
    let least = ends.iter().map(|end| end.verdict).min().unwrap();
    // Several cases (families, pods) may differ: the evidence is that of one of them.
    let agrees = report.verdict == least || report.verdict == Verdict::Unknown;
    ensure(agrees, "the ends do not add up")?;
    ensure(report.reason.is_some() == (report.verdict == Verdict::Unknown), "reason")?;
    let allowed = report.allowed.as_deref().unwrap_or("");
    let listed = allows(allowed, report.protocol, report.port.number().unwrap());
    ensure(listed == (report.verdict == Verdict::Allow), "what is allowed in all differs")
}

fn ensure(holds: bool, what: &str) -> Result<(), String> {
    if holds { Ok(()) } else { Err(what.to_owned()) }
}

/// Whether `TCP 80,90-95,UDP 53` and the like have a port.
fn allows(text: &str, protocol: Protocol, port: u16) -> bool {
    if text == "All Connections" {
        return true;
    }
    let mut current = "";
    text.split(',').any(|part| {
        let ports = match part.split_once(' ') {
            Some((protocol, ports)) => {
                current = protocol;
                ports
            }
            None => part,
        };
        let (first, last) = ports.split_once('-').unwrap_or((ports, ports));
        let range = first.parse::<u16>().unwrap_or(u16::MAX)..=last.parse().unwrap_or(0);
        current == protocol.name() && range.contains(&port)
    })
}

fn end_adds_up(end: &EndReport) -> Result<(), String> {
    if end.state != EndState::Isolated {
        ensure(end.verdict == Verdict::Allow, "not isolated, and yet not allowed")?;
        return ensure(end.policies.is_empty(), "not isolated, and yet policies");
    }
    ensure(!end.policies.is_empty(), "isolated by nothing")?;
    for policy in &end.policies {
        policy_adds_up(policy)?;
    }
    let most = end.policies.iter().map(|policy| policy.matches).max().unwrap();
    match end.verdict {
        // Several entries together may admit what none of them does alone.
        Verdict::Allow => ensure(most >= Match::Unknown, "allowed by nothing"),
        Verdict::Deny => ensure(most == Match::No, "denied though something admits"),
        // Then it is open which policies apply, or who is on which node.
        Verdict::Unknown => Ok(()),
    }
}

fn policy_adds_up(policy: &PolicyEvidence) -> Result<(), String> {
    let most = policy.rules.iter().map(|rule| rule.matches).max();
    ensure(policy.matches <= most.unwrap_or(Match::No), "a policy admits more than its rules")?;
    policy.rules.iter().try_for_each(rule_adds_up)
}

fn rule_adds_up(rule: &RuleEvidence) -> Result<(), String> {
    let any = |entries: &[EntryEvidence]| {
        entries.iter().map(|entry| entry.matches).max().unwrap_or(Match::Yes)
    };
    let expected = any(&rule.peers).min(any(&rule.ports));
    ensure(rule.matches == expected, &format!("{} does not add up", rule.path))?;
    let entries = || rule.peers.iter().chain(&rule.ports);
    let explained = entries().all(|entry| entry.matches == Match::Yes || entry.why.is_some());
    ensure(explained, "an entry that does not match, without a reason")?;
    let placed = entries().all(|entry| entry.location.is_some() && entry.path.contains(&rule.path));
    ensure(placed && rule.location.is_some(), "an entry without its place")
}

/// Everything is looked at, whether or not the verdict was settled before: every policy of the
/// end, every rule of the policy, every entry of the rule.
#[test]
fn evidence_is_whole() {
    hold_with_calico("whole evidence", |cluster, seed| {
        let session = cluster.session();
        let mut known: BTreeMap<(String, bool), Vec<String>> = BTreeMap::new();
        for flow in flows(&session, &mut Random::new(seed)) {
            let Ok(report) = session.evaluate(&flow) else {
                continue;
            };
            let Evidence { egress, ingress } = &report.evidence;
            for (end, who, direction) in
                [(egress, &flow.from, Direction::Egress), (ingress, &flow.to, Direction::Ingress)]
            {
                end_is_whole(&session, end, direction)?;
                let names = end.policies.iter().map(|policy| policy.policy.name.clone());
                // Those that admit come first.
                let names: Vec<String> = names.collect::<BTreeSet<_>>().into_iter().collect();
                if end.state == EndState::Isolated && who.contains("/Pod/") {
                    let key = (who.clone(), direction == Direction::Ingress);
                    let before = known.entry(key).or_insert_with(|| names.clone());
                    ensure(*before == names, &format!("{who}: {before:?}, then {names:?}"))?;
                }
            }
        }
        Ok(())
    });
}

fn end_is_whole(session: &Session, end: &EndReport, direction: Direction) -> Result<(), String> {
    for evidence in &end.policies {
        let mut policies = session.policies().policies().map(|(_, policy)| policy);
        let named = policies.find(|policy| {
            let namespace = evidence.policy.namespace.as_deref();
            let meta = &policy.object.meta;
            policy.object.kind() == evidence.policy.kind
                && *meta.name == evidence.policy.name
                && meta.namespace.as_deref() == namespace
        });
        let Some(policy) = named.filter(|policy| policy.rules(direction).is_some()) else {
            return Err(format!("{:?} does not isolate", evidence.policy));
        };
        let written = policy.written(direction).iter().map(|rule| {
            let of_ports = rule.conditions.iter().filter(|one| one.is_of_ports()).count();
            let others = rule.conditions.len() - of_ports;
            (rule.peers.len() + others, rule.ports.len() + of_ports)
        });
        let looked_at = evidence.rules.iter().map(|rule| (rule.peers.len(), rule.ports.len()));
        ensure(written.eq(looked_at), &format!("{:?}: not everything", evidence.policy))?;
    }
    Ok(())
}

/// Where the list leaves something open it says why.
#[test]
fn what_is_not_known_is_noted() {
    hold_with_calico("notes", |cluster, _| {
        let list = cluster.session().list(&ListFilter::default());
        let open = list.connections.iter().any(|line| line.unknown.is_some());
        ensure(open != list.notes.is_empty(), &format!("{open}: {:?}", list.notes))
    });
}

// --- filters

#[test]
fn a_filter_lists_a_part_of_the_whole() {
    hold_with_calico("filters", |cluster, seed| {
        let mut rng = Random::new(seed ^ 0xf117);
        let session = cluster.session();
        let whole = session.list(&ListFilter { siblings: true, ..ListFilter::default() });
        let whole = whole.in_pairs();
        for _ in 0..6 {
            let filter = filter(&mut rng, &whole);
            let found = session.list(&filter).in_pairs();
            let expected: Vec<&Connection> =
                whole.connections.iter().filter(|one| passes(&filter, &whole, one)).collect();
            let found: Vec<&Connection> = found.connections.iter().collect();
            if found != expected {
                return Err(format!("{filter:?}:\nfound    {found:?}\nexpected {expected:?}"));
            }
        }
        Ok(())
    });
}

/// What is open to everybody is so to the other pods of its workload, if it has any.
#[test]
fn only_a_workload_of_several_pods_has_siblings() {
    hold_with_network_policies("siblings", |cluster, _| {
        let list = cluster.session().list(&ListFilter { siblings: true, ..ListFilter::default() });
        for endpoint in list.endpoints.iter().filter(|one| one.kind == EndpointKind::Workload) {
            let mut lines = list.connections.iter().filter(|one| one.from == endpoint.id);
            let own = lines.find(|one| one.to == endpoint.id);
            // Of a StatefulSet an endpoint may be one replica or several.
            let kind = endpoint.workload_kind.as_deref().unwrap_or_default();
            let (is_of_set, is_template) = (kind == "StatefulSet", endpoint.pods.is_empty());
            let is_scaled = kind.starts_with("Deployment") || kind.starts_with("Replica");
            let is_alone = is_scaled && endpoint.replicas.is_some_and(|replicas| replicas <= 1);
            if endpoint.pods.len() == 1 || is_template && is_alone {
                ensure(own.is_none(), &format!("{}: a pod and no other", endpoint.id))?;
                continue;
            }
            let is_open = endpoint.ingress == endpoint.egress && is_open(endpoint.egress);
            if is_open && !(is_template && is_of_set) {
                let all = own.is_some_and(|one| one.allowed.as_deref() == Some("All Connections"));
                ensure(all, &format!("{}: {own:?}", endpoint.id))?;
            }
        }
        Ok(())
    });
}

fn is_open(isolation: Option<Isolation>) -> bool {
    matches!(isolation, Some(Isolation::No | Isolation::Unenforced))
}

fn filter(rng: &mut Random, list: &ListReport) -> ListFilter {
    let workloads: Vec<&EndpointReport> =
        list.endpoints.iter().filter(|one| one.namespace.is_some()).collect();
    let mut focus = Vec::new();
    if !workloads.is_empty() && rng.chance(60) {
        let one = rng.pick(&workloads);
        let (namespace, name) = (one.namespace.clone().unwrap(), one.name.clone().unwrap());
        let kind = one.workload_kind.clone().unwrap();
        let forms = [
            namespace.clone(),
            format!("{namespace}/{name}"),
            format!("{namespace}/{kind}/{name}"),
        ];
        focus.push(rng.pick(&forms).clone());
    }
    let direction = *rng.pick(&[None, Some(Direction::Ingress), Some(Direction::Egress)]);
    let ports = [None, Some((Protocol::Tcp, 80.into())), Some((Protocol::Udp, 53.into()))];
    let port = rng.pick(&ports).clone();
    let (certain_only, siblings, expand) = (rng.chance(50), rng.chance(50), rng.chance(50));
    ListFilter { focus, direction, port, certain_only, siblings, expand, ..ListFilter::default() }
}

fn passes(filter: &ListFilter, list: &ListReport, connection: &Connection) -> bool {
    let endpoint = |id: &str| list.endpoints.iter().find(|one| *one.id == *id).unwrap();
    let focused = |id: &str| in_focus(&filter.focus, endpoint(id));
    let ends = match filter.direction {
        None => focused(&connection.from) || focused(&connection.to),
        Some(Direction::Egress) => focused(&connection.from),
        Some(Direction::Ingress) => focused(&connection.to),
    };
    let has = |set: &Option<std::sync::Arc<str>>, (protocol, port): (Protocol, u16)| {
        let ranges = set.as_ref().map_or(&[][..], |set| &list.port_sets[set]);
        let mut of = ranges.iter().filter(|range| range.protocol == protocol);
        of.any(|range| (range.port..=range.end_port).contains(&port))
    };
    // Where only what is certain is listed, the port must be among it.
    let maybe = |port| !filter.certain_only && has(&connection.unknown, port);
    let port = filter.port.as_ref();
    let port = port.map(|(protocol, port)| (*protocol, port.number().unwrap()));
    let port = port.is_none_or(|port| has(&connection.allowed, port) || maybe(port));
    let certain = !filter.certain_only || connection.allowed.is_some();
    let sibling = filter.siblings || connection.from != connection.to;
    ends && port && certain && sibling
}

/// Nothing in focus means that everything is.
fn in_focus(focus: &[String], endpoint: &EndpointReport) -> bool {
    let text = |field: &Option<String>| field.clone().unwrap_or_default();
    let (namespace, name) = (text(&endpoint.namespace), text(&endpoint.name));
    let kind = text(&endpoint.workload_kind);
    let forms = [
        namespace.clone(),
        name.clone(),
        format!("{namespace}/{name}"),
        format!("{namespace}/{kind}/{name}"),
    ];
    focus.is_empty() || focus.iter().any(|one| endpoint.name.is_some() && forms.contains(one))
}
