//! A random cluster whose every node runs the program made for it.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use portcullis_engine::cluster::{Addresses, ClusterModel, Life};
use portcullis_engine::dataplane::{
    Admitted, Denial, FilterProgram, FlowLog, Input, InvalidPackets, Settings, UNKNOWN_WIRING,
    Wiring, ipset_restore, iptables_restore, lower,
};
use portcullis_engine::net;
use portcullis_engine::{Change, Options, Session, SourceFile};
use portcullis_oracle::check::{Engine, edges, some_audited};
use portcullis_oracle::cluster::{self, Cluster};
use portcullis_oracle::generate;
use portcullis_oracle::oracle::Traffic;
use portcullis_oracle::random::Random;

use crate::kernel::{Failure, Kernel, Packet, Protocol, Verdict};

/// A cluster, and the kernels of its nodes.
pub struct Site {
    /// What the engine read.
    pub session: Session,
    /// Kernels with their programs, by node.
    pub nodes: BTreeMap<String, (FilterProgram, Kernel)>,
}

/// A device that leads to a pod, and another one.
const TO_PODS: [&str; 2] = ["p1", "p2"];
/// The device that leads outside.
const UPLINK: &str = "up0";

/// Ways to attach pods: nothing known, each by a device of its own, all by a bridge, and where the
/// kernel forwards to Services.
pub fn wiring(seed: u64) -> Wiring {
    let names = |names: &[&str]| names.iter().filter_map(|name| name.parse().ok()).collect();
    match seed % 4 {
        0 => Wiring::default(),
        1 => Wiring { pods: names(&["p+"]), forwarders: names(&["p9"]), ..Wiring::default() },
        2 => Wiring { pods: names(&["p1", "p2", "br0"]), ..Wiring::default() },
        _ => {
            let service = |address: IpAddr| (address, net::Protocol::Tcp, 80);
            let services = [
                service(Ipv4Addr::new(10, 96, 0, 1).into()),
                service(Ipv4Addr::new(10, 96, 0, 2).into()),
                service(Ipv6Addr::new(0xfd00, 0x96, 0, 0, 0, 0, 0, 1).into()),
            ];
            Wiring {
                pods: names(&["p+"]),
                forwarders: Vec::new(),
                services: Some(services.into_iter().collect()),
                host: None,
            }
        }
    }
}

/// What operators may decide, by the seed.
pub fn settings(seed: u64) -> Settings {
    let mut settings = Settings::default();
    if seed.is_multiple_of(2) {
        let blocks = ["10.0.0.0/28", "fd00::/64"];
        settings.unknown_local =
            blocks.into_iter().filter_map(|block| block.parse().ok()).collect();
    }
    if seed.is_multiple_of(3) {
        settings.denial = Denial::Drop;
        settings.flow_log = Some(FlowLog { group: 1, per_second: 5, burst: 9, admitted: true });
    }
    if seed.is_multiple_of(5) {
        settings.admitted = Admitted::Accept;
    }
    if seed.is_multiple_of(4) {
        // No pods share the chain of an Admin tier.
        settings.walked = 0;
    }
    if seed.is_multiple_of(7) {
        settings.invalid = InvalidPackets::Dropped;
    }
    settings
}

/// How many random clusters to spoil the programs of: so many, unless `MUTATION_CLUSTERS` says more.
pub fn clusters(usual: u64) -> u64 {
    let more = std::env::var("MUTATION_CLUSTERS").ok().and_then(|n| n.parse().ok());
    more.unwrap_or(usual)
}

/// Addresses of a cluster's pods and nodes, and those at the ends of what its policies name, sorted.
pub fn addresses(cluster: &Cluster) -> Vec<IpAddr> {
    let pods = cluster.pods.iter().flat_map(|pod| &pod.addresses);
    let nodes = cluster.nodes.iter().flat_map(|node| &node.addresses);
    let all: BTreeSet<IpAddr> = pods.chain(nodes).copied().chain(edges(cluster)).collect();
    all.into_iter().collect()
}

/// What the engine makes of the objects of a text.
///
/// # Panics
/// If it finds an error in them.
pub fn session(text: &str) -> Session {
    let file = SourceFile::new("all.yaml", text.as_bytes());
    let session = Session::new(Options::default()).apply(vec![Change::Put(file)]);
    assert_eq!(session.check().summary.errors, 0, "{:?}", session.check().diagnostics);
    session
}

/// Addresses of a node.
pub fn own_node(session: &Session, node: &str) -> BTreeSet<IpAddr> {
    let nodes = session.model().nodes.iter().filter(|known| *known.name == *node);
    nodes.flat_map(|node| node.addresses.clone()).collect()
}

/// The random cluster of a seed, in which every pod is on a node and all policies are
/// NetworkPolicies.
pub fn cluster(seed: u64) -> Cluster {
    on_nodes(generate::cluster(seed))
}

/// The random cluster of a seed, in which every pod is on a node; two of three have policies for all
/// namespaces as well.
pub fn mixed(seed: u64) -> Cluster {
    on_nodes(generate::mixed(seed))
}

/// The same, and of every third seed some policies are only audited.
pub fn sometimes_audited(seed: u64, random: &mut Random) -> Cluster {
    let cluster = mixed(seed);
    if seed.is_multiple_of(3) { some_audited(&cluster, random) } else { cluster }
}

/// The random cluster of a seed with Calico's policies, in which every pod is on a node.
pub fn calico(seed: u64) -> Cluster {
    on_nodes(generate::calico(seed))
}

fn on_nodes(mut cluster: Cluster) -> Cluster {
    for (index, pod) in cluster.pods.iter_mut().enumerate() {
        let node = if index % 3 == 0 { "n2" } else { "n1" };
        pod.spec.node.get_or_insert_with(|| node.to_owned());
    }
    cluster
}

impl Site {
    /// The cluster with programs loaded.
    ///
    /// # Errors
    /// If the engine or a kernel refuses something.
    pub fn new(
        cluster: &Cluster,
        seed: u64,
        (settings, wiring): (&Settings, &Wiring),
    ) -> Result<Self, Failure> {
        let engine = Engine::new(cluster, seed).map_err(|mismatch| mismatch.to_string())?;
        let session = engine.session;
        let pods = cluster.pods.iter().filter_map(|pod| pod.spec.node.clone());
        let names = cluster.nodes.iter().map(|node| node.name.clone()).chain(pods);
        let mut nodes = BTreeMap::new();
        for name in names {
            let program = program_on(&session, &name, (settings, wiring));
            let kernel = load(&program)?;
            nodes.insert(name, (program, kernel));
        }
        Ok(Self { session, nodes })
    }

    /// Whether the kernels on the way let a new connection pass; none if it cannot be said who
    /// has one of the addresses, or if the flow never comes to where a kernel would judge it.
    pub fn passes(&self, from: IpAddr, to: IpAddr, traffic: Traffic) -> Option<bool> {
        self.passes_packet(Packet::new(from, to, (protocol(traffic.protocol), traffic.port)))
    }

    /// The same of the first packet of a connection.
    pub fn passes_packet(&self, packet: Packet) -> Option<bool> {
        let (source, destination) = (self.holder(packet.source)?, self.holder(packet.destination)?);
        let [one, other] = TO_PODS;
        let judge = |node: &str, hook, (enters, leaves)| {
            let packet = Packet { enters, leaves, ..packet };
            let kernel = self.nodes.get(node).map(|(_, kernel)| kernel.judge(hook, &packet));
            kernel.is_none_or(|verdict| verdict == Verdict::Passes)
        };
        match (source, destination) {
            // From a node to a pod of its own it is sent, not forwarded.
            (Holder::Node(a), Holder::Pod(b)) if a == b => Some(true),
            (Holder::Pod(a), Holder::Node(b)) if a == b => Some(judge(&a, "INPUT", (one, ""))),
            (Holder::Pod(a), Holder::Pod(b)) if a == b => Some(judge(&a, "FORWARD", (one, other))),
            (Holder::Pod(a), Holder::Pod(b)) => {
                let there = judge(&b, "FORWARD", (UPLINK, other));
                Some(judge(&a, "FORWARD", (one, UPLINK)) && there)
            }
            (Holder::Pod(a), _) => Some(judge(&a, "FORWARD", (one, UPLINK))),
            (_, Holder::Pod(b)) => Some(judge(&b, "FORWARD", (UPLINK, other))),
            _ => None,
        }
    }

    fn holder(&self, address: IpAddr) -> Option<Holder> {
        let model = self.session.model();
        let pod = model.by_address.get(&address).and_then(|id| model.endpoints.get(*id));
        let pod = pod.and_then(|pod| Some(Holder::Pod(pod.node.as_deref()?.to_owned())));
        let node = model.node_by_address.get(&address);
        let node = node.and_then(|id| model.nodes.get(*id as usize));
        let node = node.map(|node| Holder::Node(node.name.to_string()));
        match (pod, node) {
            (Some(_), Some(_)) => None,
            (Some(one), None) | (None, Some(one)) => Some(one),
            (None, None) => Some(Holder::Nobody),
        }
    }
}

/// The model with addresses for pods whose labels only a controller knows, and these addresses: of
/// such pods it is in doubt whether policies select or name them.
pub fn with_addresses(model: &ClusterModel) -> (ClusterModel, Vec<IpAddr>) {
    let mut model = model.clone();
    let mut given = Vec::new();
    let all: Vec<_> = model.endpoints.iter().map(|(id, _)| id).collect();
    for (id, last) in all.into_iter().zip(0..=u8::MAX) {
        let address = IpAddr::from(Ipv4Addr::new(10, 0, 77, last));
        let Some(endpoint) = model.endpoints.get_mut(id) else { continue };
        if endpoint.group.is_none() || !matches!(endpoint.addresses, Addresses::SomePod) {
            continue;
        }
        (endpoint.addresses, endpoint.life) = (Addresses::Known([address].into()), Life::Active);
        endpoint.node = Some(if last % 2 == 0 { "n1" } else { "n2" }.into());
        model.by_address.insert(address, id);
        given.push(address);
    }
    (model, given)
}

/// Who has an address, by the node.
enum Holder {
    Pod(String),
    Node(String),
    Nobody,
}

/// The program of a node of which it is not known how its pods are attached.
pub fn program(session: &Session, node: &str, settings: &Settings) -> FilterProgram {
    program_on(session, node, (settings, &UNKNOWN_WIRING))
}

/// The program of a node.
pub fn program_on(
    session: &Session,
    node: &str,
    (settings, wiring): (&Settings, &Wiring),
) -> FilterProgram {
    lower(Input { model: session.model(), policies: session.policies(), node, settings, wiring })
}

/// A kernel with a program.
///
/// # Errors
/// If it does not take it.
pub fn load(program: &FilterProgram) -> Result<Kernel, Failure> {
    let mut kernel = Kernel::default();
    for (number, family) in [4, 6].into_iter().zip(program.families.values()) {
        kernel.ipset_restore(&ipset_restore(family))?;
        kernel.iptables_restore(number, &iptables_restore(family, &|_| None))?;
    }
    Ok(kernel)
}

/// The kernel's name for a protocol.
pub fn protocol(protocol: cluster::Protocol) -> Protocol {
    match protocol {
        cluster::Protocol::Tcp => Protocol::Tcp,
        cluster::Protocol::Udp => Protocol::Udp,
        cluster::Protocol::Sctp => Protocol::Sctp,
    }
}
