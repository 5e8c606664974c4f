//! Random packets through random programs: what the kernels let pass is what the rules of
//! NetworkPolicy let pass, at the edges of all blocks and ranges. Prints what was compared.
#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "test code")]

use std::net::IpAddr;

use portcullis_dataplane_tests::site::{Site, cluster, wiring};
use portcullis_engine::FlowQuery;
use portcullis_engine::dataplane::Settings;
use portcullis_oracle::check::{edges, every_protocol, of_protocol, of_verdict, ports};
use portcullis_oracle::cluster::Cluster;
use portcullis_oracle::oracle::{End, Verdict, verdict, worlds_of};

/// Random clusters.
const CLUSTERS: u64 = 400;

#[derive(Default, Debug)]
struct Counts {
    programs: usize,
    allowed: usize,
    denied: usize,
    asked_engine: usize,
    not_known: usize,
}

#[test]
fn kernels_pass_what_the_rules_pass() {
    let mut counts = Counts::default();
    for seed in 0..CLUSTERS {
        compare(seed, &mut counts);
    }
    println!("{counts:?}");
    assert!(counts.allowed > 50_000 && counts.denied > 50_000, "{counts:?}");
}

fn addresses(cluster: &Cluster) -> Vec<IpAddr> {
    let pods = cluster.pods.iter().flat_map(|pod| &pod.addresses);
    let nodes = cluster.nodes.iter().flat_map(|node| &node.addresses);
    let mut all: Vec<IpAddr> = pods.chain(nodes).copied().chain(edges(cluster)).collect();
    all.sort_unstable();
    all.dedup();
    all
}

fn compare(seed: u64, counts: &mut Counts) {
    let cluster = cluster(seed);
    let site = Site::new(&cluster, seed, (&Settings::default(), &wiring(seed))).unwrap();
    counts.programs += site.nodes.len();
    let addresses = addresses(&cluster);
    let traffic = every_protocol(&ports(&cluster));
    for &from in &addresses {
        for &to in addresses.iter().filter(|to| to.is_ipv4() == from.is_ipv4()) {
            let worlds = worlds_of(&cluster, &End::Address(from), &End::Address(to));
            for one in &traffic {
                let Some(passes) = site.passes(from, to, *one) else { break };
                let expected = match verdict(&cluster, &worlds, one) {
                    Some(Verdict::Allow) => true,
                    Some(Verdict::Deny) => false,
                    _ => {
                        counts.not_known += 1;
                        continue;
                    }
                };
                assert_eq!(passes, expected, "seed {seed}: {from} -> {to} {one:?}");
                if passes {
                    counts.allowed += 1;
                } else {
                    counts.denied += 1;
                }
                if (counts.allowed + counts.denied).is_multiple_of(97) {
                    counts.asked_engine += 1;
                    let query = FlowQuery {
                        from: from.to_string(),
                        to: to.to_string(),
                        protocol: of_protocol(one.protocol),
                        port: one.port.into(),
                    };
                    let said = of_verdict(site.session.evaluate(&query).unwrap().verdict);
                    assert_eq!(said == Verdict::Allow, passes, "seed {seed}: {query:?}");
                }
            }
        }
    }
}
