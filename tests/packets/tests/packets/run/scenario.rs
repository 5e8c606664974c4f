//! A cluster of manifests, built of namespaces, and questions about it.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use portcullis_agent::kernel::iptables::Backend;
use portcullis_engine::cluster::{Addresses, Life};
use portcullis_engine::net::Protocol;
use portcullis_engine::verdict::Verdict;
use portcullis_engine::{Change, FlowQuery, Options, Session, SourceFile};
use portcullis_packets::fabric::{Fabric, NodePlan, Wiring};
use portcullis_packets::host::Host;
use portcullis_packets::probe::{self, Answering, Outcome, Probe};

use super::agent;

/// Name and text of files.
pub type Files = Vec<(String, String)>;

/// Both ways to wire and both implementations of iptables.
pub const KINDS: [(Wiring, Backend); 4] = [
    (Wiring::Routed, Backend::Nft),
    (Wiring::Bridged, Backend::Nft),
    (Wiring::Routed, Backend::Legacy),
    (Wiring::Bridged, Backend::Legacy),
];

/// A cluster that is there.
pub struct Scenario {
    pub session: Session,
    pub fabric: Fabric,
    pub wiring: Wiring,
    pub backend: Backend,
    pub folder: PathBuf,
}

impl Scenario {
    /// Builds the pods of a cluster that have addresses and a node, their nodes, and addresses
    /// outside.
    pub fn build((wiring, backend): (Wiring, Backend), files: &Files, outside: &[IpAddr]) -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("portcullis-packets-{}-{count}", std::process::id());
        let folder = std::env::temp_dir().join(name);
        std::fs::create_dir_all(&folder).unwrap();
        let session = session(files);
        let fabric = Fabric::build(wiring, &plans(&session), outside).unwrap();
        let scenario = Self { session, fabric, wiring, backend, folder };
        scenario.write(files);
        scenario
    }

    /// Replaces all manifests.
    pub fn rewrite(&mut self, files: &Files) {
        self.session = session(files);
        self.write(files);
    }

    /// Replaces all manifests, though the engine is still asked about the old ones.
    pub fn write(&self, files: &Files) {
        for entry in std::fs::read_dir(&self.folder).unwrap().flatten() {
            let name = entry.file_name().into_string().unwrap();
            if !files.iter().any(|(known, _)| *known == name) {
                std::fs::remove_file(entry.path()).unwrap();
            }
        }
        for (name, text) in files {
            // The agent takes a file without anything for one that is still being written.
            let text = if text.trim().is_empty() { "# nothing\n" } else { text };
            let next = self.folder.join(format!(".{name}"));
            std::fs::write(&next, text).unwrap();
            std::fs::rename(next, self.folder.join(name)).unwrap();
        }
    }

    /// A node.
    pub fn node(&self, at: usize) -> &Host {
        &self.fabric.nodes[at].host
    }

    /// Has the agents of all nodes apply, each once.
    pub fn enforce(&self) {
        for node in &self.fabric.nodes {
            agent::once(&node.host, &self.folder, self.backend, &[]);
        }
        self.forget();
    }

    /// The same, with the namespace of objects that name none.
    pub fn enforce_in(&self, namespace: &str) {
        for node in &self.fabric.nodes {
            let more = ["--namespace", namespace];
            agent::once(&node.host, &self.folder, self.backend, &more);
        }
        self.forget();
    }

    /// Has the nodes forget all connections, so that probes are new ones.
    pub fn forget(&self) {
        for node in &self.fabric.nodes {
            node.host.namespace.run(&["conntrack", "-F"]).unwrap();
        }
    }

    /// What becomes of probes. Those that time out are sent again: on a busy machine, packets can
    /// be late.
    pub fn send(&self, probes: &[Probe]) -> Vec<Outcome> {
        let mut outcomes = probe::send(&self.fabric, probes, Duration::from_secs(1)).unwrap();
        let late: Vec<usize> =
            (0..probes.len()).filter(|at| outcomes[*at] == Outcome::TimedOut).collect();
        let again: Vec<Probe> = late.iter().map(|at| probes[*at]).collect();
        let again = probe::send(&self.fabric, &again, Duration::from_secs(2)).unwrap();
        for (at, outcome) in late.into_iter().zip(again) {
            outcomes[at] = outcome;
        }
        outcomes
    }

    /// Sends probes and compares with what the engine says; how many were allowed.
    pub fn compare(&self, probes: &[Probe]) -> usize {
        let expected: Vec<bool> = probes.iter().map(|probe| self.allows(probe)).collect();
        self.expect(probes, &expected);
        expected.into_iter().filter(|allowed| *allowed).count()
    }

    /// Sends probes and compares with what was expected.
    pub fn expect(&self, probes: &[Probe], expected: &[bool]) {
        let outcomes = self.send(probes);
        let all = probes.iter().zip(expected).zip(&outcomes);
        let wrong = all.filter(|((_, allowed), outcome)| **outcome != expected_outcome(**allowed));
        let wrong: Vec<String> = wrong
            .map(|((probe, allowed), outcome)| {
                format!("{probe}: expected {:?}, was {outcome:?}", expected_outcome(*allowed))
            })
            .collect();
        let shown = wrong.iter().take(20).cloned().collect::<Vec<_>>().join("\n");
        assert!(wrong.is_empty(), "{} of {} wrong:\n{shown}", wrong.len(), probes.len());
    }

    /// What the engine says of a probe: what it does not know is closed.
    pub fn allows(&self, probe: &Probe) -> bool {
        let (from, to) = (probe.from.to_string(), probe.to.to_string());
        let query = FlowQuery { from, to, protocol: probe.protocol, port: probe.port.into() };
        self.session.evaluate(&query).unwrap().verdict == Verdict::Allow
    }

    /// The address in a family of a pod `NAMESPACE/NAME`.
    pub fn address(&self, pod: &str, six: bool) -> IpAddr {
        let host = self.fabric.hosts().find(|host| host.name == pod);
        let addresses = &host.unwrap_or_else(|| panic!("no {pod}")).addresses;
        *addresses.iter().find(|address| address.is_ipv6() == six).unwrap()
    }

    /// All pairs of which one is a pod, at some ports, in all protocols.
    pub fn all_probes(&self, ports: &[u16]) -> Vec<Probe> {
        let pods = self.fabric.nodes.iter().flat_map(|node| &node.pods);
        let pods: Vec<IpAddr> = pods.flat_map(|pod| pod.addresses.clone()).collect();
        let everybody: Vec<IpAddr> =
            self.fabric.hosts().flat_map(|h| h.addresses.clone()).collect();
        let mut probes = Vec::new();
        for &from in &everybody {
            let to = everybody.iter().filter(|to| to.is_ipv4() == from.is_ipv4());
            for &to in to.filter(|to| pods.contains(to) || pods.contains(&from)) {
                for &port in ports {
                    let all = Protocol::ALL.into_iter();
                    probes.extend(all.map(|protocol| Probe { from, to, protocol, port }));
                }
            }
        }
        probes
    }

    /// Everybody answers at some ports, until what is returned is dropped.
    pub fn answering(&self, ports: &[u16]) -> Answering {
        Answering::start(&self.fabric, ports).unwrap()
    }
}

impl Drop for Scenario {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("the manifests are kept in {}", self.folder.display());
            return;
        }
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

fn expected_outcome(allowed: bool) -> Outcome {
    if allowed { Outcome::Allowed } else { Outcome::Refused }
}

/// The state of some files.
pub fn session(files: &Files) -> Session {
    session_with(Options { default_namespace: "a".into(), ..Options::default() }, files)
}

/// The state of some files under some options.
pub fn session_with(options: Options, files: &Files) -> Session {
    let put = |(name, text): &(String, String)| Change::Put(SourceFile::new(name, text.as_bytes()));
    Session::new(options).apply(files.iter().map(put).collect())
}

/// Nodes and pods of a cluster, as far as they can be built.
pub fn plans(session: &Session) -> Vec<NodePlan> {
    let model = session.model();
    let mut plans: BTreeMap<String, NodePlan> = BTreeMap::new();
    for (at, node) in (1u8..).zip(&*model.nodes) {
        let name = node.name.to_string();
        let addresses = with_both_families(&node.addresses, at);
        plans.insert(name.clone(), NodePlan { name, addresses, pods: Vec::new() });
    }
    for endpoint in model.endpoints.values().filter(|e| e.life == Life::Active && !e.host_network())
    {
        let Addresses::Known(addresses) = &endpoint.addresses else { continue };
        // Without a node, no agent is responsible for it.
        let Some(node) = endpoint.node.as_deref().map(str::to_owned) else { continue };
        let number = 100 + u8::try_from(plans.len()).unwrap();
        let plan = plans.entry(node.clone()).or_insert_with(|| NodePlan {
            name: node,
            addresses: with_both_families(&[], number),
            pods: Vec::new(),
        });
        let namespace = model.workload_of(endpoint).unwrap().namespace;
        let name = format!("{}/{}", model.namespace_name(namespace), endpoint.name);
        plan.pods.push((name, addresses.to_vec()));
    }
    plans.into_values().filter(|plan| !plan.pods.is_empty()).collect()
}

/// Addresses of a node, and one of each family that it has none of: without, it could not tell
/// anybody that a packet was rejected.
fn with_both_families(known: &[IpAddr], number: u8) -> Vec<IpAddr> {
    let mut addresses = known.to_vec();
    if !known.iter().any(IpAddr::is_ipv4) {
        addresses.push([192, 168, 255, number].into());
    }
    if !known.iter().any(IpAddr::is_ipv6) {
        addresses.push([0xfdff, 0, 0, 0, 0, 0, 0, number.into()].into());
    }
    addresses
}
