//! The answer of `list`.

use std::collections::BTreeMap;
use std::sync::Arc;

use rustc_hash::FxHashMap;

use super::isolation::{has_cluster_policies, isolation};
use super::types::{
    Connection, EndpointKind, EndpointReport, ListReport, Note, PortRange, Protocol, UnknownReason,
};
use super::why::Explained;
use super::{path, place};
use crate::cluster::{Addresses, ClusterModel, Endpoint, EndpointId, WorkloadId};
use crate::manifest::Direction;
use crate::net::{ConnId, ConnSet};
use crate::reach::{NoteKey, Reach, Target, Unit, UnitId, UnitKind};
use crate::session::Session;
use crate::shared::Table;

/// Which connections to list.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ListFilter {
    /// Only connections of these: `NAMESPACE`, `NAMESPACE/NAME`, `NAMESPACE/KIND/NAME` or a
    /// name; none: all.
    pub focus: Vec<String>,
    /// Of those in focus, only connections to them or from them.
    pub direction: Option<Direction>,
    /// Only connections that include this port.
    pub port: Option<(Protocol, u16)>,
    /// Leave out pairs of which nothing is certain; notes count them all the same.
    pub certain_only: bool,
    /// List also what pods of one workload may send to each other.
    pub siblings: bool,
    /// Say of each connection which rules admit it.
    pub explain: bool,
}

impl Session {
    /// Who can reach whom.
    ///
    /// # Cost
    /// Linear in the answer.
    pub fn list(&self, filter: &ListFilter) -> ListReport {
        let reach = Reach::new(self.model(), self.policies());
        let ids = unit_ids(self.model(), reach.units());
        let endpoints: Vec<EndpointReport> = reach
            .units()
            .values()
            .zip(ids.values())
            .map(|(unit, id)| endpoint(self, unit, id))
            .collect();
        let focus = Focus::new(filter, &endpoints);
        let mut lister = Lister {
            reach,
            ids,
            filter,
            focus,
            texts: FxHashMap::default(),
            explained: Explained::default(),
            counts: Table::default(),
            connections: Vec::new(),
        };
        for unit in lister.reach.units().ids() {
            lister.add(unit);
        }
        let port_sets = lister.port_sets();
        let notes = lister.notes(self);
        let (explanations, admissions) = lister.explained.reports(self);
        let connections = lister.connections;
        let summary = self.summary();
        ListReport { endpoints, connections, port_sets, explanations, admissions, notes, summary }
    }
}

struct Lister<'l> {
    reach: Reach<'l>,
    ids: Table<Arc<str>, Unit>,
    filter: &'l ListFilter,
    focus: Focus,
    texts: FxHashMap<ConnId, Arc<str>>,
    explained: Explained,
    counts: Table<u32, NoteKey>,
    connections: Vec<Connection>,
}

impl Lister<'_> {
    fn add(&mut self, from: UnitId) {
        for target in self.reach.targets(from) {
            let sibling = target.unit == from;
            if (sibling && !self.filter.siblings) || !self.focus.has(from, target.unit) {
                continue;
            }
            if !self.has_port(&target) {
                continue;
            }
            for note in target.notes.iter() {
                if let Some(count) = self.counts.or_default(*note) {
                    *count += 1;
                }
            }
            if self.filter.certain_only && !self.is_listed(target.allowed) {
                continue;
            }
            let id = |unit| self.ids.get(unit).cloned().unwrap_or_default();
            let why =
                self.filter.explain.then(|| self.explained.add(self.reach.why(from, &target)));
            let connection = Connection {
                from: id(from),
                to: id(target.unit),
                allowed: self.text(target.allowed),
                unknown: self.text(target.unknown),
                family: target.family,
                why,
            };
            self.connections.push(connection);
        }
    }

    fn has_port(&self, target: &Target) -> bool {
        self.is_listed(target.allowed) || self.is_listed(target.unknown)
    }

    /// Whether a set has anything, and the port that is asked for.
    fn is_listed(&self, id: ConnId) -> bool {
        match self.filter.port {
            Some((protocol, port)) => self.reach.conn(id).ports(protocol).contains(port),
            None => id != ConnId::NONE,
        }
    }

    fn text(&mut self, id: ConnId) -> Option<Arc<str>> {
        if id == ConnId::NONE {
            return None;
        }
        let text = self.texts.entry(id).or_insert_with(|| {
            let text = self.reach.conn(id).text();
            // Protocols without ports alone.
            if text.is_empty() { "other protocols".into() } else { text.into() }
        });
        Some(text.clone())
    }

    fn port_sets(&self) -> BTreeMap<Arc<str>, Vec<PortRange>> {
        self.texts.iter().map(|(id, text)| (text.clone(), ranges(self.reach.conn(*id)))).collect()
    }

    fn notes(&self, session: &Session) -> Vec<Note> {
        let counted = self.reach.notes().values().zip(self.counts.values().copied());
        let mut notes: Vec<Note> = counted
            .filter(|(_, count)| *count > 0)
            .map(|(key, count)| note(session, key, count))
            .collect();
        notes.sort_unstable_by(|a, b| {
            (&a.location, &a.policy, &a.path, a.reason).cmp(&(
                &b.location,
                &b.policy,
                &b.path,
                b.reason,
            ))
        });
        notes
    }
}

fn ranges(conns: &ConnSet) -> Vec<PortRange> {
    let of = |protocol: Protocol| {
        let ranges = conns.ports(protocol).ranges().iter();
        ranges.map(move |&(port, end_port)| PortRange { protocol, port, end_port })
    };
    Protocol::ALL.into_iter().flat_map(of).collect()
}

fn note(session: &Session, key: &NoteKey, connections: u32) -> Note {
    let mut note = Note {
        reason: key.reason,
        message: note_message(key),
        policy: None,
        path: None,
        location: None,
        connections,
    };
    let Some((policy, direction, index)) = key.rule else {
        return note;
    };
    let Some(policy) = session.policies().policy(policy) else {
        return note;
    };
    note.policy = Some(place::object_ref(session, &policy.object));
    let rule = index.and_then(|i| policy.written(direction).get(i as usize));
    note.path = Some(match index {
        Some(index) => path::rule(direction, index as usize),
        None if key.reason == UnknownReason::Tie => "spec.priority".into(),
        None if policy.namespace.is_none() => "spec.subject".into(),
        None => "spec.podSelector".into(),
    });
    let span = rule.map_or(policy.object.span, |rule| rule.span);
    note.location = place::of_object(session, &policy.object, span);
    note
}

fn note_message(key: &NoteKey) -> String {
    match (key.reason, key.rule) {
        (UnknownReason::Address, _) => {
            "an address decides this, and the input does not have it: \
             pass `--pod-cidr` (and `--node-cidr`), or real pods and nodes"
        }
        (UnknownReason::Node, _) => {
            "pods on the host network always reach pods on their own node, and the input does not \
             say where pods run: pass real pods, with `spec.nodeName`"
        }
        (UnknownReason::Label, Some((_, _, None))) => {
            "whether the policy selects these pods depends on a label that their controller adds: \
             pass real pods"
        }
        (UnknownReason::Label, _) => {
            "a peer selects by a label that a controller adds: pass real pods"
        }
        (UnknownReason::Namespace, _) => {
            "a label of a namespace decides this, and the Namespace is not in the input: \
             pass it, or `--namespace-labels NAMESPACE=KEY=VALUE`, or \
             `--assume-unlabelled-namespaces`"
        }
        (UnknownReason::Tie, _) => {
            "policies of equal priority disagree, and their order is undefined: \
             give them different priorities"
        }
        (UnknownReason::Name, _) => "a domain name decides this: pass its addresses (`--domain`)",
        (UnknownReason::Translation, _) => {
            "the network may translate addresses before or after policies"
        }
        (UnknownReason::Group, _) => "the pods differ",
    }
    .into()
}

/// Which units are in focus.
struct Focus {
    inside: Option<Table<bool, Unit>>,
    direction: Option<Direction>,
}

impl Focus {
    fn new(filter: &ListFilter, endpoints: &[EndpointReport]) -> Self {
        let matches =
            |endpoint: &EndpointReport| filter.focus.iter().any(|focus| in_focus(focus, endpoint));
        let inside = (!filter.focus.is_empty()).then(|| endpoints.iter().map(matches).collect());
        Self { inside, direction: filter.direction }
    }

    fn has(&self, from: UnitId, to: UnitId) -> bool {
        let Some(inside) = &self.inside else {
            return true;
        };
        let has = |unit| inside.get(unit) == Some(&true);
        match self.direction {
            None => has(from) || has(to),
            Some(Direction::Egress) => has(from),
            Some(Direction::Ingress) => has(to),
        }
    }
}

/// Whether a focus (see [`ListFilter::focus`]) names an endpoint.
pub fn in_focus(focus: &str, endpoint: &EndpointReport) -> bool {
    let (Some(namespace), Some(name), Some(kind)) =
        (&endpoint.namespace, &endpoint.name, &endpoint.workload_kind)
    else {
        return *endpoint.id == *focus;
    };
    let parts: Vec<&str> = focus.split('/').collect();
    match parts.as_slice() {
        [one] => one == name || one == namespace,
        [ns, ""] => ns == namespace,
        [ns, one] => ns == namespace && (one == name || endpoint.pods.iter().any(|pod| pod == one)),
        [ns, of, one] => ns == namespace && one == name && of.eq_ignore_ascii_case(kind),
        _ => false,
    }
}

/// Unique names of units: `shop/web[Deployment]`, with the pods' names where it is only a part.
pub fn unit_ids(model: &ClusterModel, units: &Table<Unit>) -> Table<Arc<str>, Unit> {
    units.values().map(|unit| unit_id(model, unit)).collect()
}

fn unit_id(model: &ClusterModel, unit: &Unit) -> Arc<str> {
    match &unit.kind {
        UnitKind::Outside(_, addresses) => addresses.range_texts().join(",").into(),
        UnitKind::Workload { workload, endpoints, part } => {
            let id = workload_id(model, *workload);
            if *part { format!("{id}{{{}}}", group_text(model, endpoints)).into() } else { id }
        }
    }
}

/// `shop/web[Deployment]`.
pub fn workload_id(model: &ClusterModel, workload: WorkloadId) -> Arc<str> {
    let Some(workload) = model.workloads.get(workload) else {
        return "".into();
    };
    let namespace = model.namespace_name(workload.namespace);
    format!("{namespace}/{}[{}]", workload.name, workload.kind).into()
}

fn group_text(model: &ClusterModel, endpoints: &[EndpointId]) -> String {
    // The first pod's name alone keeps the text unique and short.
    let first = endpoints.first().and_then(|i| model.endpoints.get(*i));
    let first = first.map_or("", |endpoint| &endpoint.name);
    match endpoints.len() {
        0 | 1 => first.to_owned(),
        n => format!("{first} and {} more", n - 1),
    }
}

fn endpoint(session: &Session, unit: &Unit, id: &Arc<str>) -> EndpointReport {
    let mut report = EndpointReport {
        id: id.clone(),
        kind: EndpointKind::Addresses,
        namespace: None,
        name: None,
        workload_kind: None,
        group: None,
        pods: Vec::new(),
        replicas: None,
        labels: BTreeMap::new(),
        addresses: Vec::new(),
        ingress: None,
        egress: None,
        cluster_policies: Vec::new(),
        host_network: false,
        location: None,
    };
    match &unit.kind {
        UnitKind::Outside(_, addresses) => report.addresses = addresses.cidrs(),
        UnitKind::Workload { workload, endpoints, part } => {
            report.group = part.then(|| group_text(session.model(), endpoints));
            fill_workload(session, &mut report, *workload, endpoints);
        }
    }
    report
}

fn fill_workload(
    session: &Session,
    report: &mut EndpointReport,
    workload: WorkloadId,
    endpoints: &[EndpointId],
) {
    let model = session.model();
    let Some(workload) = model.workloads.get(workload) else {
        return;
    };
    let endpoints: Vec<&Endpoint> =
        endpoints.iter().filter_map(|i| model.endpoints.get(*i)).collect();
    report.kind = EndpointKind::Workload;
    report.namespace = Some(model.namespace_name(workload.namespace).to_owned());
    report.name = Some(workload.name.to_string());
    report.workload_kind = Some(workload.kind.to_string());
    report.pods = endpoints.iter().filter(|e| !e.template).map(|e| e.name.to_string()).collect();
    report.pods.sort_unstable();
    report.replicas = if report.pods.is_empty() { workload.replicas } else { None };
    report.addresses = endpoints
        .iter()
        .flat_map(|e| match &e.addresses {
            Addresses::Known(addresses) => addresses.iter().map(ToString::to_string).collect(),
            Addresses::SomePod | Addresses::SomeNode => Vec::new(),
        })
        .collect();
    let Some(first) = endpoints.first() else {
        return;
    };
    if let Some(group) = first.group.and_then(|id| model.groups.get(id)) {
        report.labels = group.labels.iter().map(|(k, v)| (k.to_string(), v.to_string())).collect();
    }
    report.host_network = first.host_network();
    report.ingress = Some(isolation(session, first, Direction::Ingress));
    report.egress = Some(isolation(session, first, Direction::Egress));
    let ruled = |direction: &Direction| has_cluster_policies(session, first, *direction);
    report.cluster_policies = Direction::BOTH.into_iter().filter(ruled).collect();
    let object = workload.object.as_ref().or(first.object.as_ref());
    report.location = object.and_then(|object| place::of_object(session, object, object.span));
}
