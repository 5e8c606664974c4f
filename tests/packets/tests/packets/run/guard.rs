//! Pods that send with addresses of others.

use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::time::{Duration, Instant};

use portcullis_packets::fabric::Wiring;
use portcullis_packets::host::Host;

use super::Test;
use super::agent::{Running, cleanup, once};
use super::basics::shop;
use super::life::open_shop;
use super::scenario::{KINDS, Scenario};

pub const TESTS: &[Test] = &[
    ("a pod that poses as another is not heard where pods are guarded", posing),
    ("guards stop nobody who is honest", honest),
    ("a guard that strangers remove is put back, and goes when it is not wanted", kept),
];

/// No guard, and addresses alone decide.
const OPEN: [&str; 2] = ["--pod-interfaces", "off"];

/// Where pods' packets come in.
fn interfaces(wiring: Wiring) -> [&'static str; 2] {
    ["--pod-interfaces", if wiring == Wiring::Bridged { "br0" } else { "p+" }]
}

fn host<'s>(scenario: &'s Scenario, name: &str) -> &'s Host {
    scenario.fabric.hosts().find(|host| host.name == name).unwrap()
}

/// Has a pod send five packets to `db`, from an address that may be another's; how many come.
fn heard(scenario: &Scenario, by: &str, from: &str, six: bool) -> u64 {
    let (from, to) = (scenario.address(from, six), scenario.address("shop/db", six));
    let db = host(scenario, "shop/db");
    let tool = if six { "ip6tables-nft" } else { "iptables-nft" };
    let counts = ["-I", "INPUT", "1", "-s", &from.to_string(), "-p", "udp", "--dport", "9"];
    db.namespace.run(&[&[tool][..], &counts].concat()).unwrap();
    let send = || {
        let socket = UdpSocket::bind(SocketAddr::new(from, 0)).unwrap();
        for _ in 0..5 {
            // The answer to an earlier one, that nobody listens there, is no failure to send.
            let _ = socket.send_to(b"x", SocketAddr::new(to, 9));
        }
        Ok(())
    };
    host(scenario, by).namespace.enter(send).unwrap();
    std::thread::sleep(Duration::from_millis(100));
    let listed = db.namespace.run(&[tool, "-n", "-L", "INPUT", "1", "-v", "-x"]).unwrap();
    db.namespace.run(&[tool, "-D", "INPUT", "1"]).unwrap();
    listed.split_whitespace().next().unwrap().parse().unwrap()
}

/// Gives a pod addresses that are another's.
fn lend(scenario: &Scenario, to: &str, of: &str) {
    for six in [false, true] {
        let address: IpAddr = scenario.address(of, six);
        let line = format!("addr add {address} dev lo{}\n", if six { " nodad" } else { "" });
        host(scenario, to).namespace.ip(&line).unwrap();
    }
}

fn posing() {
    for kind in KINDS {
        let scenario = Scenario::build(kind, &open_shop(), &[]);
        let apply = |more: &[&str]| drop(once(scenario.node(0), &scenario.folder, kind.1, more));
        apply(&interfaces(kind.0));
        for six in [false, true] {
            assert_eq!(heard(&scenario, "shop/job", "shop/job", six), 5, "{kind:?}");
        }
        // On a bridge, another pod's address comes in where it should.
        let others: &[&str] =
            if kind.0 == Wiring::Bridged { &["shop/far"] } else { &["shop/far", "shop/web"] };
        for other in others {
            lend(&scenario, "shop/job", other);
            for six in [false, true] {
                assert_eq!(heard(&scenario, "shop/job", other, six), 0, "{kind:?}: {other}");
                apply(&OPEN);
                assert_eq!(heard(&scenario, "shop/job", other, six), 5, "{kind:?}: {other}");
                apply(&interfaces(kind.0));
            }
        }
    }
}

fn honest() {
    for kind in KINDS {
        let scenario = Scenario::build(kind, &shop(), &["203.0.113.9".parse().unwrap()]);
        let _answering = scenario.answering(&[80, 81]);
        for node in &scenario.fabric.nodes {
            once(&node.host, &scenario.folder, kind.1, &interfaces(kind.0));
        }
        scenario.compare(&scenario.all_probes(&[80, 81]));
    }
}

fn kept() {
    for backend in [KINDS[0].1, KINDS[2].1] {
        let scenario = Scenario::build((Wiring::Routed, backend), &shop(), &[]);
        let namespace = &scenario.node(0).namespace;
        let tools = ["iptables", "ip6tables"].map(|tool| format!("{tool}-{}", backend.name()));
        let guarded = || {
            let listed = tools.each_ref().map(|tool| namespace.run(&[tool, "-t", "mangle", "-S"]));
            listed.map(|text| {
                let text = text.unwrap();
                text.contains("-A PREROUTING -j PCL-SPOOF\n-A PCL-SPOOF -i p+ -p udp ")
                    && text.contains("-A PCL-SPOOF -i p+ -m rpfilter --invert -j DROP")
            })
        };
        let more = [&interfaces(Wiring::Routed)[..], &["--check-seconds", "1"]].concat();
        let agent = Running::start(&scenario, 0, &more);
        assert_eq!(guarded(), [true; 2]);
        namespace.run(&[&tools[1], "-t", "mangle", "-F"]).unwrap();
        let start = Instant::now();
        while guarded() != [true; 2] {
            assert!(start.elapsed() < Duration::from_secs(5), "{}", agent.complaints());
            std::thread::sleep(Duration::from_millis(20));
        }
        agent.stop();
        assert_eq!(cleanup(scenario.node(0)), "removed all Portcullis chains and sets\n");
        assert_eq!(guarded(), [false; 2]);
        once(scenario.node(0), &scenario.folder, backend, &interfaces(Wiring::Routed));
        assert_eq!(guarded(), [true; 2]);
        once(scenario.node(0), &scenario.folder, backend, &OPEN);
        let left = namespace.run(&[&tools[0], "-t", "mangle", "-S"]).unwrap();
        assert!(!left.contains("PCL"), "{left}");
    }
}
