//! Random clusters with host endpoints.

use std::net::IpAddr;

use portcullis_oracle::cluster::Cluster;
use portcullis_oracle::{generate, write};

use super::compare;
use crate::run::clusters::wanted;
use crate::run::in_parallel;
use crate::run::scenario::{KINDS, Scenario};

pub fn agree() {
    let (wanted, mut first) = wanted();
    let wanted = wanted / 2;
    let (mut sent, mut clusters) = (0, 0);
    while sent < wanted {
        let seed = |at: usize| first + u64::try_from(at).unwrap();
        let check = |at: usize| {
            let Some((cluster, outside)) = fit(seed(at)) else { return 0 };
            let files = write::files(&cluster, seed(at));
            let kind = KINDS[usize::try_from(seed(at) % 4).unwrap()];
            let scenario = Scenario::build(kind, &files, &outside);
            let _answering = scenario.answering(&PORTS);
            scenario.enforce();
            compare(&scenario, &PORTS)
        };
        let results = in_parallel(8, check, |at| format!("seed {}", seed(at)));
        sent += results.iter().sum::<usize>();
        clusters += results.iter().filter(|sent| **sent > 0).count();
        first += 8;
    }
    println!("packets, hosts: {sent} probes in {clusters} clusters, 0 wrong");
}

/// Ports that are asked about there.
const PORTS: [u16; 4] = [22, 80, 443, 8080];

/// A random cluster with host endpoints as it can be built: the interface that is called `eth0` is
/// the nodes' own, which has their addresses.
fn fit(seed: u64) -> Option<(Cluster, Vec<IpAddr>)> {
    let mut cluster: Cluster = generate::hosts(seed);
    cluster.pods.retain(|pod| !pod.spec.host_network);
    for host in &mut cluster.calico.hosts {
        let own = cluster.nodes.iter().find(|node| node.name == host.node);
        let own = own.map(|node| node.addresses.clone()).unwrap_or_default();
        match host.interface.as_deref() {
            Some("eth0") => (host.interface, host.addresses) = (Some("up0".into()), own),
            None => host.addresses = own,
            Some("*") => {}
            Some(_) => host.addresses.clear(),
        }
    }
    let outside = ["203.0.113.77", "198.51.100.7"].map(|address| address.parse().unwrap());
    (!cluster.pods.is_empty()).then(|| (cluster, outside.into()))
}
