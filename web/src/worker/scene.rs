//! From the engine's list to what is drawn: addresses merged, names for asking, flows by number.

use std::cell::OnceCell;
use std::collections::{BTreeSet, HashMap};
use std::net::IpAddr;
use std::sync::Arc;

use portcullis_engine::net::{AddrSet, ConnSet};
use portcullis_engine::report::{
    Connection, Direction, EndpointKind, EndpointReport, Isolation, ListReport, PortRange,
};
use portcullis_engine::{ListFilter, Session};

use super::addresses;
use super::links::Links;
use super::lone::lone;
use super::message::{Edge, Namespace, Node, Policed, Scene, What, Workload};

/// Labels of a namespace that are shown beside its name.
const LABELS: usize = 2;

/// The scene with what is needed to look things up in it.
pub struct Atlas {
    pub scene: Scene,
    /// Addresses of nodes that are ranges, by index.
    ranges: Vec<(usize, AddrSet)>,
    /// Nodes by what flows call them: ids of workloads, `NAMESPACE/POD`.
    names: HashMap<String, usize>,
    /// Nodes of the list's endpoints, by `id`.
    node_of: HashMap<Arc<str>, u32>,
    /// The list with what decides, once it was asked for.
    explained: OnceCell<ListReport>,
}

impl Atlas {
    pub fn new(session: &Session) -> Self {
        // Findings come after the drawing, which does not wait for them.
        let list = session.list(&ListFilter { unchecked: true, ..ListFilter::default() });
        let links = Links::new(&list);
        let merged = merge(&list, &links);
        let nodes = nodes(&list, &merged);
        let names = names(&list, &merged.node_of);
        let node_of = list.endpoints.iter().zip(&merged.node_of);
        let node_of = node_of
            .filter_map(|(endpoint, node)| Some((Arc::clone(&endpoint.id), number((*node)?))));
        let node_of = node_of.collect();
        let speakers = merged.members.iter().map(|members| members.first().copied());
        let mut scene = Scene {
            nodes,
            namespaces: namespaces(session),
            flows: links.flows(speakers.map(Option::unwrap_or_default)),
            port_sets: links.port_sets(&list),
            all_open: false,
            lone: lone(session),
            notes: list.notes,
            summary: list.summary,
        };
        scene.all_open = is_all_open(&scene);
        let explained = OnceCell::new();
        Self { scene, ranges: merged.ranges, names, node_of, explained }
    }

    /// The list with what decides. `session` is the one that the atlas was made of.
    pub fn explained(&self, session: &Session) -> &ListReport {
        self.explained.get_or_init(|| {
            let filter = ListFilter {
                explain: true,
                certain_only: true,
                unchecked: true,
                ..ListFilter::default()
            };
            session.list(&filter).in_pairs()
        })
    }

    /// Edges that connections of a list are part of.
    pub fn edges<'c>(&self, of: impl Iterator<Item = &'c Connection>) -> Vec<Edge> {
        let node = |id: &Arc<str>| self.node_of.get(id).copied();
        let pairs: BTreeSet<(u32, u32)> =
            of.filter_map(|one| Some((node(&one.from)?, node(&one.to)?))).collect();
        pairs.into_iter().filter_map(|(from, to)| self.scene.flows.edge(from, to)).collect()
    }

    /// The node that an end of a flow is part of.
    pub fn node_of(&self, end: &str) -> Option<String> {
        let by_address = || {
            let address: IpAddr = end.parse().ok()?;
            self.ranges.iter().find(|(_, set)| set.contains(address)).map(|(node, _)| *node)
        };
        let index = self.names.get(end).copied().or_else(by_address)?;
        self.scene.nodes.get(index).map(|node| node.id.clone())
    }

    /// How to ask about an edge.
    pub fn asks(&self, edge: Edge) -> Option<(&str, &str)> {
        let ask = |index: u32| self.scene.nodes.get(index as usize).map(|node| node.ask.as_str());
        Some((ask(edge.from)?, ask(edge.to)?))
    }

    /// Ids of an edge's ends.
    pub fn ends(&self, edge: Edge) -> Option<(String, String)> {
        let id = |index: u32| self.scene.nodes.get(index as usize).map(|node| node.id.clone());
        Some((id(edge.from)?, id(edge.to)?))
    }

    pub fn ranges(&self, port_set: u32) -> &[PortRange] {
        self.scene.port_sets.get(port_set as usize).map_or(&[], |set| &set.ranges)
    }
}

/// Whether everything may send everything to everything: there is no pair of workloads, or of a
/// workload and addresses, of which anything is denied or not known.
fn is_all_open(scene: &Scene) -> bool {
    let is_workload = |node: u32| {
        let node = scene.nodes.get(node as usize);
        node.is_some_and(|node| matches!(node.what, What::Workload(_)))
    };
    let is_range = |node: u32| !is_workload(node);
    let is_open = |edge: &Edge| {
        let allowed = edge.allowed.and_then(|set| scene.port_sets.get(set as usize));
        edge.unknown.is_none() && allowed.is_some_and(|set| set.text == ConnSet::EVERYTHING)
    };
    let flows = &scene.flows;
    let workloads = (0..flows.nodes()).filter(|node| is_workload(*node)).count() as u64;
    let ranges = u64::from(flows.nodes()) - workloads;
    workloads > 1
        && flows.count_among(is_workload, is_workload, is_open) == workloads * (workloads - 1)
        && flows.count_among(is_range, is_workload, is_open) == ranges * workloads
        && flows.count_among(is_workload, is_range, is_open) == ranges * workloads
}

/// Which endpoints make a node together.
struct Merged {
    /// By endpoint: its node; none for addresses that nobody reaches and that reach nobody.
    node_of: Vec<Option<usize>>,
    /// Endpoints of each node, the first of them speaking for all.
    members: Vec<Vec<usize>>,
    ranges: Vec<(usize, AddrSet)>,
}

fn merge(list: &ListReport, links: &Links) -> Merged {
    let mut merged = Merged {
        node_of: vec![None; list.endpoints.len()],
        members: Vec::new(),
        ranges: Vec::new(),
    };
    for members in address_groups(list, links) {
        let cidrs = members.iter().filter_map(|&member| list.endpoints.get(member));
        let cidrs: Vec<String> = cidrs.flat_map(|endpoint| endpoint.addresses.clone()).collect();
        merged.ranges.push((merged.members.len(), addresses::set_of(&cidrs)));
        merged.push(members);
    }
    for (index, endpoint) in list.endpoints.iter().enumerate() {
        if endpoint.kind == EndpointKind::Workload {
            merged.push(vec![index]);
        }
    }
    merged
}

impl Merged {
    fn push(&mut self, members: Vec<usize>) {
        for &member in &members {
            if let Some(slot) = self.node_of.get_mut(member) {
                *slot = Some(self.members.len());
            }
        }
        self.members.push(members);
    }
}

/// Address endpoints with the same connections, in the order of the list; none of those without.
fn address_groups(list: &ListReport, links: &Links) -> Vec<Vec<usize>> {
    let ranges = list.endpoints.iter().enumerate();
    let ranges = ranges.filter(|(_, endpoint)| endpoint.kind == EndpointKind::Addresses);
    let mut numbers = HashMap::new();
    let mut groups: Vec<Vec<usize>> = Vec::new();
    for (index, _) in ranges {
        let Some(key) = links.key(index) else {
            continue;
        };
        let at = *numbers.entry(key).or_insert(groups.len());
        match groups.get_mut(at) {
            Some(members) => members.push(index),
            None => groups.push(vec![index]),
        }
    }
    groups
}

fn nodes(list: &ListReport, merged: &Merged) -> Vec<Node> {
    let known = merged.ranges.iter().fold(AddrSet::default(), |all, (_, set)| all.union(set));
    let sets: HashMap<usize, &AddrSet> = merged.ranges.iter().map(|(i, set)| (*i, set)).collect();
    let shared = shared_names(list);
    let node = |(index, members): (usize, &Vec<usize>)| {
        let endpoint = list.endpoints.get(*members.first()?)?;
        Some(match sets.get(&index) {
            Some(set) => range_node(set, &known),
            None => workload_node(endpoint, &shared),
        })
    };
    merged.members.iter().enumerate().filter_map(node).collect()
}

fn range_node(set: &AddrSet, known: &AddrSet) -> Node {
    let what = addresses::name(set, known);
    let id = match &what {
        // Stays while its exceptions are being typed, and so does its place in the drawing.
        super::message::Addresses::Blocks(blocks) => blocks.join(","),
        _ => "outside".to_owned(),
    };
    let ask = addresses::sample(set).map(|address| address.to_string()).unwrap_or_default();
    Node { id, ask, what: What::Addresses(what), ingress: None, egress: None, location: None }
}

/// How many workloads of one namespace have a name.
fn shared_names(list: &ListReport) -> HashMap<(&str, &str), usize> {
    let mut counts: HashMap<(&str, &str), std::collections::BTreeSet<&str>> = HashMap::new();
    for endpoint in &list.endpoints {
        if let (Some(namespace), Some(name), Some(kind)) = parts(endpoint) {
            counts.entry((namespace, name)).or_default().insert(kind);
        }
    }
    counts.into_iter().map(|(key, kinds)| (key, kinds.len())).collect()
}

fn parts(endpoint: &EndpointReport) -> (Option<&str>, Option<&str>, Option<&str>) {
    (endpoint.namespace.as_deref(), endpoint.name.as_deref(), endpoint.workload_kind.as_deref())
}

fn workload_node(endpoint: &EndpointReport, shared: &HashMap<(&str, &str), usize>) -> Node {
    let (namespace, name, kind) = parts(endpoint);
    let (namespace, name, kind) =
        (namespace.unwrap_or_default(), name.unwrap_or_default(), kind.unwrap_or_default());
    let ask = match (&endpoint.group, endpoint.pods.first()) {
        (Some(_), Some(pod)) => format!("{namespace}/{pod}"),
        _ if shared.get(&(namespace, name)).is_some_and(|&count| count > 1) => {
            format!("{namespace}/{kind}/{name}")
        }
        _ => format!("{namespace}/{name}"),
    };
    let pods = match endpoint.pods.len() {
        0 => endpoint.replicas,
        pods => Some(number(pods)),
    };
    Node {
        id: endpoint.id.to_string(),
        ask,
        what: What::Workload(Workload {
            namespace: namespace.to_owned(),
            name: name.to_owned(),
            kind: kind.to_owned(),
            group: endpoint.group.clone(),
            pods,
        }),
        ingress: policed(endpoint, Direction::Ingress),
        egress: policed(endpoint, Direction::Egress),
        location: endpoint.location.clone(),
    }
}

fn policed(endpoint: &EndpointReport, direction: Direction) -> Option<Policed> {
    let isolation = match direction {
        Direction::Ingress => endpoint.ingress?,
        Direction::Egress => endpoint.egress?,
    };
    Some(match isolation {
        Isolation::No if endpoint.cluster_policies.contains(&direction) => Policed::Selected,
        Isolation::No => Policed::No,
        Isolation::Yes => Policed::Yes,
        Isolation::Unknown => Policed::Unknown,
        Isolation::Unenforced => Policed::Unenforced,
    })
}

fn names(list: &ListReport, node_of: &[Option<usize>]) -> HashMap<String, usize> {
    let mut names = HashMap::new();
    for (endpoint, node) in list.endpoints.iter().zip(node_of) {
        let (Some(node), (Some(namespace), Some(name), Some(kind))) = (*node, parts(endpoint))
        else {
            continue;
        };
        // What flows call a workload, and the same for each part of one that is in parts.
        names.entry(format!("{namespace}/{name}[{kind}]")).or_insert(node);
        names.insert(endpoint.id.to_string(), node);
        for pod in &endpoint.pods {
            names.insert(format!("{namespace}/{pod}"), node);
        }
    }
    names
}

fn namespaces(session: &Session) -> Vec<Namespace> {
    let labels = |labels: &[(Arc<str>, Arc<str>)]| {
        let own = labels.iter().filter(|(key, _)| &**key != "kubernetes.io/metadata.name");
        own.take(LABELS).map(|(key, value)| format!("{key}={value}")).collect()
    };
    let of = session.model().namespaces.values();
    of.map(|n| Namespace { name: n.name.to_string(), labels: labels(&n.labels) }).collect()
}

fn number(index: usize) -> u32 {
    u32::try_from(index).unwrap_or(u32::MAX)
}
