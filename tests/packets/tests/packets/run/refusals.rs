//! What the sender of a denied packet hears, and where its pod's rules are.

use std::time::Duration;

use portcullis_engine::net::Protocol;
use portcullis_packets::probe::{Outcome, Probe, Refusal, Refusals};

use super::Test;
use super::basics::{everything, shop};
use super::scenario::{KINDS, Scenario};

pub const TESTS: &[Test] = &[
    ("a denied sender is told that the port is unreachable", told),
    ("only pods that a policy selects have a chain", chains),
];

/// Type and code of "port unreachable": those of ICMP, and those of ICMPv6.
const PORT_UNREACHABLE: [(u8, u8); 2] = [(3, 3), (1, 4)];

/// From the same node and from another one, in all protocols: the wire has the error, and the
/// program that asked has "connection refused".
fn told() {
    for kind in KINDS {
        let scenario = Scenario::build(kind, &shop(), &[]);
        let _answering = scenario.answering(&[80]);
        scenario.enforce();
        for (pod, six) in
            [("shop/job", false), ("shop/job", true), ("shop/far", false), ("shop/far", true)]
        {
            let (from, to) = (scenario.address(pod, six), scenario.address("shop/db", six));
            let host = scenario.fabric.owner(from).unwrap();
            for protocol in Protocol::ALL {
                let refusals = Refusals::listen(host, from).unwrap();
                let probe = Probe { from, to, protocol, port: 80 };
                assert_eq!(scenario.send(&[probe]), [Outcome::Refused], "{kind:?}: {probe}");
                let (kind, code) = PORT_UNREACHABLE[usize::from(six)];
                let expected = Refusal { kind, code, to, port: 80 };
                assert_eq!(refusals.next(Duration::from_secs(2)), Some(expected), "{probe}");
            }
        }
    }
}

/// `db` alone is selected, for ingress alone: one class, and the way to it is its address's.
fn chains() {
    for kind in KINDS {
        let scenario = Scenario::build(kind, &shop(), &[]);
        scenario.enforce();
        let text = everything(&scenario, 0);
        let classes = |start: &str| text.lines().filter(|line| line.starts_with(start)).count();
        // One for each family.
        assert_eq!((classes(":PCL-I-"), classes(":PCL-E-")), (2, 0), "{kind:?}: {text}");
        let ways: Vec<&str> = text.lines().filter(|line| line.contains("-g PCL-I-")).collect();
        assert_eq!(ways.len(), 2, "{ways:?}");
        assert!(ways[0].contains("-d 10.0.0.2/32 "), "{ways:?}");
        assert!(ways[1].contains("-d fd00::2/128 "), "{ways:?}");
        // The other node has no pod that is selected.
        assert!(!everything(&scenario, 1).contains("PCL-I-"));
    }
}
