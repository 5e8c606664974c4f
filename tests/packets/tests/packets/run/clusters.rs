//! Random clusters: packets, the engine and the oracle must agree on every probe.

use std::net::IpAddr;

use portcullis_engine::net::Protocol;
use portcullis_oracle::check::{edges, ports};
use portcullis_oracle::cluster::{
    Cluster, Direction, Labels, Node, Phase, PolicyVersion, Protocol as OracleProtocol, TierPeer,
};
use portcullis_oracle::oracle::{End, Traffic, Verdict, verdict, worlds_of};
use portcullis_oracle::random::Random;
use portcullis_oracle::{generate, write};
use portcullis_packets::probe::Probe;

use super::scenario::{KINDS, Scenario};
use super::tables::usable;
use super::{Test, in_parallel};

pub const TESTS: &[Test] = &[("random clusters: packets, engine and oracle agree", agree)];

/// Probes of one cluster at most, so that many clusters are seen.
const PROBES_OF_ONE: usize = 600;

/// Ports of one cluster at most: every one is listened at by everybody.
const PORTS_OF_ONE: usize = 24;

/// How many probes are wanted, and from which seed on: both may be said in the environment.
pub fn wanted() -> (usize, u64) {
    let number = |name: &str, default: u64| {
        std::env::var(name).ok().map_or(default, |text| text.parse().unwrap())
    };
    (usize::try_from(number("PROBES", 5_000)).unwrap(), number("FIRST", 0))
}

fn agree() {
    agree_on("mixed policies", wanted().0, generate::mixed);
}

/// Sends so many probes in random clusters of a kind, and compares them.
pub fn agree_on(what: &str, wanted: usize, generate: impl Fn(u64) -> Cluster + Sync) {
    let (_, mut first) = self::wanted();
    let (mut sent, mut allowed, mut clusters) = (0, 0, 0);
    while sent < wanted {
        let seed = |at: usize| first + u64::try_from(at).unwrap();
        let check = |at: usize| check(generate(seed(at)), seed(at));
        let results = in_parallel(8, check, |at| format!("seed {}", seed(at)));
        for (probes, passed) in results {
            (sent, allowed) = (sent + probes, allowed + passed);
            clusters += usize::from(probes > 0);
        }
        first += 8;
    }
    println!("packets, {what}: {sent} probes in {clusters} clusters, {allowed} allowed, 0 wrong");
    assert!(allowed > sent / 10 && allowed < sent * 9 / 10, "nearly all the same");
}

/// One cluster: how many probes were sent, and how many of them were allowed.
fn check(cluster: Cluster, seed: u64) -> (usize, usize) {
    let Some((cluster, outside)) = realise(cluster, seed) else { return (0, 0) };
    let kind = KINDS[usize::try_from(seed % 4).unwrap()];
    let scenario = Scenario::build(kind, &write::files(&cluster, seed), &outside);
    let Questions { ports, probes, expected } = questions(&scenario, &cluster, seed);
    let _answering = scenario.answering(&ports);
    scenario.enforce();
    scenario.expect(&probes, &expected);
    (probes.len(), expected.iter().filter(|allowed| **allowed).count())
}

/// What is asked about a cluster, and what the engine and the oracle both say.
pub struct Questions {
    pub ports: Vec<u16>,
    pub probes: Vec<Probe>,
    pub expected: Vec<bool>,
}

/// Some probes of all pairs at the edges of all ports; engine and oracle agree about them.
pub fn questions(scenario: &Scenario, cluster: &Cluster, seed: u64) -> Questions {
    let mut random = Random::new(seed);
    let mut ports = ports(cluster);
    random.shuffle(&mut ports);
    ports.truncate(PORTS_OF_ONE);
    let mut probes = scenario.all_probes(&ports);
    random.shuffle(&mut probes);
    probes.truncate(PROBES_OF_ONE);
    // Where the source's port decides, a question does not say it.
    probes.retain(|probe| opinion(cluster, probe).is_some());
    let expected: Vec<bool> = probes.iter().filter_map(|probe| opinion(cluster, probe)).collect();
    for (probe, expected) in probes.iter().zip(&expected) {
        assert_eq!(scenario.allows(probe), *expected, "engine against oracle: {probe}");
    }
    Questions { ports, probes, expected }
}

/// What the oracle says of a probe. Everything that it asks about is known in these clusters, but
/// for the port that a probe comes from.
fn opinion(cluster: &Cluster, probe: &Probe) -> Option<bool> {
    let protocol = match probe.protocol {
        Protocol::Tcp => OracleProtocol::Tcp,
        Protocol::Udp => OracleProtocol::Udp,
        Protocol::Sctp => OracleProtocol::Sctp,
    };
    let worlds = worlds_of(cluster, &End::Address(probe.from), &End::Address(probe.to));
    let traffic = Traffic { protocol, port: probe.port };
    match verdict(cluster, &worlds, &traffic) {
        Some(Verdict::Allow) => Some(true),
        Some(Verdict::Deny) => Some(false),
        Some(Verdict::Unknown) if !cluster.calico.is_absent() => None,
        other => panic!("{probe}: the oracle says {other:?}"),
    }
}

/// A random cluster as one that can be built: every pod runs on one of two nodes, with addresses
/// of its own; templates, which have no pods to send packets, are left out. Also, addresses
/// outside at the edges of all blocks. None if there is nothing to ask.
pub fn realise(mut cluster: Cluster, seed: u64) -> Option<(Cluster, Vec<IpAddr>)> {
    let mut random = Random::new(seed ^ 0xA5A5);
    let six = cluster.pods.iter().any(|pod| pod.addresses.iter().any(IpAddr::is_ipv6));
    cluster.workloads.clear();
    // Every namespace of a cluster has its object.
    cluster.namespaces.iter_mut().for_each(|namespace| namespace.declared = true);
    (cluster.pod_cidrs, cluster.node_cidrs) = (Vec::new(), Vec::new());
    let labels: Vec<Labels> = cluster.nodes.iter().map(|node| node.labels.clone()).collect();
    cluster.nodes = [1, 2].map(|at| node(at, labels.get(usize::from(at) - 1), six)).into();
    enforceable(&mut cluster);
    cluster.pods.retain(|pod| !pod.spec.host_network);
    let mut numbers: Vec<u8> = (0..12).collect();
    random.shuffle(&mut numbers);
    numbers.truncate(cluster.pods.len());
    cluster.pods.truncate(numbers.len());
    for (pod, number) in cluster.pods.iter_mut().zip(numbers) {
        let node = &cluster.nodes[random.below(2)];
        (pod.owner, pod.phase) = (None, Some(Phase::Running));
        (pod.spec.node, pod.host_address) = (Some(node.name.clone()), None);
        pod.addresses = vec![[10, 0, number / 8, number % 8].into()];
        if six {
            pod.addresses.push(format!("fd00:{}::{}", number / 8, number % 8).parse().unwrap());
        }
    }
    let outside = outside(&cluster, six);
    let decided = !cluster.policies.is_empty()
        || !cluster.cluster_policies.is_empty()
        || !cluster.calico.policies.is_empty();
    (!cluster.pods.is_empty() && decided).then_some((cluster, outside))
}

/// Makes what is said of cluster policies certain and what an API server takes: no domain names,
/// which an agent cannot resolve, and no two policies that may come in either order.
fn enforceable(cluster: &mut Cluster) {
    for (priority, policy) in (0..).zip(&mut cluster.cluster_policies) {
        (policy.priority, policy.version) = (priority, PolicyVersion::V1Beta1);
        for direction in Direction::BOTH {
            let Some(rules) = policy.rules_mut(direction) else { continue };
            for rule in &mut *rules {
                rule.peers.retain(|peer| !matches!(peer, TierPeer::DomainNames(_)));
            }
            rules.retain(|rule| !rule.peers.is_empty());
        }
    }
}

fn node(at: u8, labels: Option<&Labels>, six: bool) -> Node {
    let mut addresses = vec![[192, 168, 0, at].into()];
    if six {
        addresses.push(format!("fd00:2::{at}").parse().unwrap());
    }
    Node { name: format!("n{at}"), labels: labels.cloned().unwrap_or_default(), addresses }
}

/// Addresses of nobody else, some of which every block of the policies has, or just has not.
fn outside(cluster: &Cluster, six: bool) -> Vec<IpAddr> {
    let pods = cluster.pods.iter().flat_map(|pod| &pod.addresses);
    let taken: Vec<IpAddr> =
        pods.chain(cluster.nodes.iter().flat_map(|node| &node.addresses)).copied().collect();
    let mut outside = edges(cluster);
    outside.push([203, 0, 113, 9].into());
    outside.retain(|address| usable(*address) && !taken.contains(address));
    outside.retain(|address| six || address.is_ipv4());
    outside.sort_unstable();
    outside.dedup();
    outside.truncate(12);
    outside
}
