//! From the engine's list to what is drawn: addresses merged, names for asking, edges by number.

use std::cell::OnceCell;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::net::IpAddr;
use std::sync::Arc;

use portcullis_engine::net::AddrSet;
use portcullis_engine::report::{
    Connection, Direction, EndpointKind, EndpointReport, Family, Isolation, ListReport, PortRange,
};
use portcullis_engine::{ListFilter, Session};

use super::addresses;
use super::message::{Edge, Namespace, Node, Policed, PortSet, Scene, What, Workload};

/// From so many edges on, those that no policy decides are not sent to the page.
const EDGES: usize = 20_000;
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
        // What is drawn puts addresses together in its own way.
        let list = session.list(&ListFilter::default()).in_pairs();
        let links = Links::new(&list);
        let merged = merge(&list, &links);
        let nodes = nodes(&list, &merged);
        let names = names(&list, &merged.node_of);
        let node_of = list.endpoints.iter().zip(&merged.node_of);
        let node_of = node_of
            .filter_map(|(endpoint, node)| Some((Arc::clone(&endpoint.id), number((*node)?))));
        let node_of = node_of.collect();
        let scene = Scene {
            nodes,
            namespaces: namespaces(session),
            edges: links.edges(&merged.node_of),
            port_sets: links.port_sets(&list),
            left_out: 0,
            notes: list.notes,
            summary: list.summary,
        };
        let explained = OnceCell::new();
        Self { scene, ranges: merged.ranges, names, node_of, explained }
    }

    /// The list with what decides. `session` is the one that the atlas was made of.
    pub fn explained(&self, session: &Session) -> &ListReport {
        self.explained.get_or_init(|| {
            let filter = ListFilter { explain: true, certain_only: true, ..ListFilter::default() };
            session.list(&filter).in_pairs()
        })
    }

    /// Edges that connections of a list are part of.
    pub fn edges<'c>(&self, of: impl Iterator<Item = &'c Connection>) -> Vec<Edge> {
        let node = |id: &Arc<str>| self.node_of.get(id).copied();
        let pairs: BTreeSet<(u32, u32)> =
            of.filter_map(|one| Some((node(&one.from)?, node(&one.to)?))).collect();
        let edges = self.scene.edges.iter();
        edges.filter(|edge| pairs.contains(&(edge.from, edge.to))).copied().collect()
    }

    /// The scene without edges that a page could not hold.
    pub fn to_draw(&self) -> Scene {
        let mut scene = self.scene.clone();
        if scene.edges.len() > EDGES {
            let before = scene.edges.len();
            let nodes = &scene.nodes;
            scene.edges.retain(|edge| !is_by_default(nodes, edge));
            scene.edges.truncate(EDGES);
            scene.left_out = number(before - scene.edges.len());
        }
        scene
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

fn is_by_default(nodes: &[Node], edge: &Edge) -> bool {
    let node = |index: u32| nodes.get(index as usize);
    let open = |policed: Option<Policed>| policed.is_none_or(Policed::is_open);
    node(edge.from).is_some_and(|node| open(node.egress))
        && node(edge.to).is_some_and(|node| open(node.ingress))
}

/// Connections by index, with both families of a pair in one.
struct Links {
    sets: Vec<Joined>,
    pairs: BTreeMap<(usize, usize), (Option<u32>, Option<u32>)>,
}

impl Links {
    fn new(list: &ListReport) -> Self {
        let ids: HashMap<&str, usize> =
            list.endpoints.iter().enumerate().map(|(i, endpoint)| (&*endpoint.id, i)).collect();
        let mut sets = Sets::default();
        let mut pairs = BTreeMap::new();
        for connection in &list.connections {
            let ends = ids.get(&*connection.from).zip(ids.get(&*connection.to));
            let Some((&from, &to)) = ends else {
                continue;
            };
            let (allowed, unknown) = pairs.entry((from, to)).or_insert((None, None));
            let part =
                |key: &Option<Arc<str>>| Some((Arc::clone(key.as_ref()?), connection.family));
            *allowed = sets.joined(*allowed, part(&connection.allowed));
            *unknown = sets.joined(*unknown, part(&connection.unknown));
        }
        Self { sets: sets.all, pairs }
    }

    fn port_sets(&self, list: &ListReport) -> Vec<PortSet> {
        self.sets.iter().map(|joined| port_set(list, joined)).collect()
    }

    /// Each pair of nodes once: endpoints that share a node have the same connections.
    fn edges(&self, node_of: &[Option<usize>]) -> Vec<Edge> {
        let node = |endpoint: usize| node_of.get(endpoint).copied().flatten().map(number);
        let edges = self.pairs.iter().filter_map(|(&(from, to), &(allowed, unknown))| {
            Some(((node(from)?, node(to)?), (allowed, unknown)))
        });
        let edges: BTreeMap<_, _> = edges.collect();
        let edge = |((from, to), (allowed, unknown))| Edge { from, to, allowed, unknown };
        edges.into_iter().map(edge).collect()
    }
}

/// Keys of the list's port sets that one edge has, with the family where they differ by it.
type Joined = Vec<(Arc<str>, Option<Family>)>;

fn port_set(list: &ListReport, joined: &Joined) -> PortSet {
    let text = |(key, family): &(Arc<str>, Option<Family>)| match family {
        Some(family) => format!("{key} ({family})"),
        None => key.to_string(),
    };
    let texts: Vec<String> = joined.iter().map(text).collect();
    let ranges = joined.iter().filter_map(|(key, _)| list.port_sets.get(key));
    PortSet { text: texts.join("; "), ranges: ranges.flatten().cloned().collect() }
}

/// Sets of ports, each once.
#[derive(Default)]
struct Sets {
    all: Vec<Joined>,
    known: HashMap<Joined, u32>,
}

impl Sets {
    fn joined(
        &mut self,
        before: Option<u32>,
        part: Option<(Arc<str>, Option<Family>)>,
    ) -> Option<u32> {
        let Some(part) = part else {
            return before;
        };
        let before = before.and_then(|index| self.all.get(index as usize));
        let mut joined = before.cloned().unwrap_or_default();
        if !joined.contains(&part) {
            joined.push(part);
        }
        let next = number(self.all.len());
        Some(*self.known.entry(joined).or_insert_with_key(|joined| {
            self.all.push(joined.clone());
            next
        }))
    }
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

type Signature = Vec<(bool, usize, Option<u32>, Option<u32>)>;

/// Address endpoints with the same connections, in the order of the list.
fn address_groups(list: &ListReport, links: &Links) -> Vec<Vec<usize>> {
    let is_range =
        |index: usize| list.endpoints.get(index).is_some_and(|e| e.kind == EndpointKind::Addresses);
    let mut signatures: BTreeMap<usize, Signature> = BTreeMap::new();
    for (&(from, to), &(allowed, unknown)) in &links.pairs {
        if is_range(from) {
            signatures.entry(from).or_default().push((true, to, allowed, unknown));
        }
        if is_range(to) {
            signatures.entry(to).or_default().push((false, from, allowed, unknown));
        }
    }
    let mut groups: Vec<(Signature, Vec<usize>)> = Vec::new();
    for (index, signature) in signatures {
        match groups.iter_mut().find(|(known, _)| *known == signature) {
            Some((_, members)) => members.push(index),
            None => groups.push((signature, vec![index])),
        }
    }
    groups.into_iter().map(|(_, members)| members).collect()
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
