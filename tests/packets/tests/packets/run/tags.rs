//! Frames that a pod makes by hand: with VLAN tags, they would go around iptables on a bridge.

use std::io::{ErrorKind, Read as _};
use std::mem::MaybeUninit;
use std::net::{SocketAddr, UdpSocket};
use std::time::{Duration, Instant};

use portcullis_packets::fabric::Wiring;
use portcullis_packets::host::Host;
use portcullis_packets::probe::Outcome;
use socket2::{Domain, Protocol, SockAddr, Socket, Type};

use super::Test;
use super::agent::{Running, cleanup, once};
use super::basics::shop;
use super::life::two_flows;
use super::scenario::{Files, KINDS, Scenario};

pub const TESTS: &[Test] = &[
    ("frames with VLAN tags do not get past policies on a bridge", tagged),
    ("the table of tagged frames is kept, and goes with cleanup", kept),
];

/// What is looked for in frames.
const MARK: &[u8] = b"a datagram of portcullis";

/// Of a frame before its type, and before the checksum of UDP over IPv4.
const ADDRESSES: usize = 12;
const CHECKSUM: usize = 14 + 20 + 6;

/// Of tags: 802.1Q with the numbers 0 and 5, 802.1ad, and what that was before.
const Q0: [u8; 4] = [0x81, 0, 0, 0];
const Q5: [u8; 4] = [0x81, 0, 0, 5];
const AD0: [u8; 4] = [0x88, 0xa8, 0, 0];
const OLD0: [u8; 4] = [0x91, 0, 0, 0];

/// The shop, in which `job` may send to `db` by UDP at port 7.
fn with_udp() -> Files {
    let policy = "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\n\
         metadata: {name: udp, namespace: shop}\nspec:\n  podSelector: {matchLabels: {app: db}}\n  \
         ingress:\n  - from: [{podSelector: {matchLabels: {app: job}}}]\n    \
         ports: [{port: 7, protocol: UDP}]\n";
    let mut files = shop();
    files.push(("udp.yaml".into(), policy.into()));
    files
}

fn host<'s>(scenario: &'s Scenario, name: &str) -> &'s Host {
    scenario.fabric.hosts().find(|host| host.name == name).unwrap()
}

/// A socket that takes and sends whole frames of a host.
fn frames_of(host: &Host) -> Socket {
    const ALL: u16 = 3;
    let all = Protocol::from(i32::from(ALL.to_be()));
    let open = || Ok(Socket::new(Domain::PACKET, Type::RAW, Some(all)).unwrap());
    let socket = host.namespace.enter(open).unwrap();
    socket.set_read_timeout(Some(Duration::from_millis(100))).unwrap();
    socket
}

/// The next frame with the mark, and where it was seen; none within 300 milliseconds.
fn next(socket: &Socket) -> Option<(Vec<u8>, SockAddr)> {
    let start = Instant::now();
    while start.elapsed() < Duration::from_millis(300) {
        let mut frame = [0; 2048];
        // Looked at first, for whom it came by: what is taken by this trait does not say so.
        match socket.peek_from(&mut [MaybeUninit::uninit(); 1]) {
            Ok((_, from)) => {
                let length = (&mut &*socket).read(&mut frame).unwrap();
                if frame[..length].ends_with(MARK) {
                    return Some((frame[..length].to_vec(), from));
                }
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => {}
            Err(error) => panic!("{error}"),
        }
    }
    None
}

/// How many of frames with these tags, sent by `job`, come to `db`.
fn arrivals(scenario: &Scenario, port: u16, tags: &[&[[u8; 4]]]) -> Vec<usize> {
    let (job, db) = (host(scenario, "shop/job"), host(scenario, "shop/db"));
    let (sender, receiver) = (frames_of(job), frames_of(db));
    // The kernel makes the frame, and says by its own socket which device it was for.
    let datagram = || {
        let socket = UdpSocket::bind("0.0.0.0:9000").unwrap();
        let to = SocketAddr::new(scenario.address("shop/db", false), port);
        socket.send_to(MARK, to).unwrap();
        Ok(())
    };
    job.namespace.enter(datagram).unwrap();
    let (mut frame, device) = next(&sender).expect("a frame");
    frame[CHECKSUM..CHECKSUM + 2].fill(0);
    while next(&receiver).is_some() {}
    let one = |tags: &&[[u8; 4]]| {
        let tagged = [&frame[..ADDRESSES], tags.as_flattened(), &frame[ADDRESSES..]].concat();
        for _ in 0..3 {
            sender.send_to(&tagged, &device).unwrap();
        }
        // Not what `db` answers, which quotes it.
        let seen = std::iter::from_fn(|| next(&receiver));
        seen.filter(|(seen, _)| seen[..ADDRESSES] == frame[..ADDRESSES]).count()
    };
    tags.iter().map(one).collect()
}

const TAGS: [&[[u8; 4]]; 6] = [&[Q0], &[Q0, Q0], &[AD0], &[Q5], &[AD0, Q0], &[OLD0]];

fn tagged() {
    for kind in KINDS.into_iter().filter(|kind| kind.0 == Wiring::Bridged) {
        let scenario = Scenario::build(kind, &with_udp(), &[]);
        assert_eq!(arrivals(&scenario, 9, &[&[]]), [3], "{kind:?}: without the agent");
        assert_eq!(arrivals(&scenario, 9, &TAGS), [3; 6], "{kind:?}: without the agent");
        scenario.enforce();
        for port in [7, 9] {
            assert_eq!(arrivals(&scenario, port, &TAGS), [0; 6], "{kind:?}: {port}");
        }
        assert_eq!(arrivals(&scenario, 7, &[&[]]), [3], "{kind:?}: admitted");
        assert_eq!(arrivals(&scenario, 9, &[&[]]), [0], "{kind:?}: denied");
        let _answering = scenario.answering(&[80]);
        assert_eq!(scenario.send(&two_flows(&scenario)), [Outcome::Allowed, Outcome::Refused]);
    }
}

fn kept() {
    let kind = KINDS[1];
    let scenario = Scenario::build(kind, &with_udp(), &[]);
    let node = scenario.node(0);
    let printed = once(node, &scenario.folder, kind.1, &["--dry-run"]);
    assert!(printed.contains("# nft -f -\ntable bridge PCL"), "{printed}");
    assert_eq!(arrivals(&scenario, 7, &[&[Q0]]), [3]);
    let agent = Running::start(&scenario, 0, &["--check-seconds", "1"]);
    assert_eq!(arrivals(&scenario, 7, &[&[Q0], &[]]), [0, 3]);
    node.namespace.run(&["nft", "flush", "table", "bridge", "PCL"]).unwrap();
    let start = Instant::now();
    while arrivals(&scenario, 7, &[&[Q0]]) != [0] {
        assert!(start.elapsed() < Duration::from_secs(10), "{}", agent.complaints());
    }
    agent.wait("/metrics", "portcullis_drift_repairs_total 1\n");
    node.namespace.set(&[("bridge/bridge-nf-call-iptables", "0")]).unwrap();
    agent.wait("/metrics", "portcullis_drift_repairs_total 2\n");
    agent.wait_for("bridges were no longer filtered; repaired");
    agent.stop();
    assert_eq!(arrivals(&scenario, 7, &[&[Q0]]), [0], "what is in force stays");
    cleanup(node);
    assert_eq!(arrivals(&scenario, 7, &[&[Q0], &[]]), [3, 3]);
    let tables = node.namespace.run(&["nft", "list", "tables", "bridge"]).unwrap();
    assert!(!tables.contains("PCL"), "{tables}");
}
