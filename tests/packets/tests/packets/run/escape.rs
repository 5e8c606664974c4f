//! Pods that try to get past their policies by what no policy names: addresses of no pod, messages
//! between neighbours, tunnels of the node. Beside each packet that is stopped stands one that is
//! not: each test counts what arrives without the agent first, and probes what is allowed after.

use std::net::{IpAddr, Ipv6Addr, SocketAddr, SocketAddrV6, UdpSocket};
use std::time::{Duration, Instant};

use portcullis_engine::net::Protocol;
use portcullis_packets::fabric::Wiring;
use portcullis_packets::host::Host;
use portcullis_packets::probe::Probe;
use socket2::{Domain, Socket, Type};

use super::Test;
use super::agent::{Running, once};
use super::basics::shop;
use super::scenario::{Files, KINDS, Scenario};

pub const TESTS: &[Test] = &[
    ("addresses that no pod has do not get past policies", foreign),
    ("a pod cannot reach its node past its policies", node),
    ("a pod is no router to its neighbours, and sends nothing out as one", router),
    ("a pod's frames for tunnels reach nobody", tunnels),
    ("a pod that forwards for others may, where it is named", forwarder),
    ("where the kernel forwards to Services, policies are asked when packets leave", ipvs),
];

/// The shop, with pods that may only talk to `db` at port 80, and `db` only to nobody.
fn isolated() -> Files {
    let all = "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\n\
         metadata: {name: all, namespace: shop}\nspec:\n  podSelector: {}\n  \
         policyTypes: [Ingress, Egress]\n  egress:\n  \
         - {to: [{podSelector: {matchLabels: {app: db}}}], ports: [{port: 80}]}\n";
    let mut files = shop();
    files.push(("all.yaml".into(), all.into()));
    files
}

pub fn host<'s>(scenario: &'s Scenario, name: &str) -> &'s Host {
    scenario.fabric.hosts().find(|host| host.name == name).unwrap()
}

/// How many packets that match come to a host while something is done by another.
pub fn arrivals(to: &Host, matches: &[&str], by: &Host, send: impl FnOnce() + Send) -> u64 {
    let six = matches.iter().any(|word| word.contains("ipv6") || word.contains("::"));
    let tool = if six { "ip6tables-nft" } else { "iptables-nft" };
    // The last rule: it counts what the agent's have let through.
    to.namespace.run(&[&[tool, "-A", "INPUT"][..], matches].concat()).unwrap();
    by.namespace
        .enter(|| {
            send();
            Ok(())
        })
        .unwrap();
    std::thread::sleep(Duration::from_millis(100));
    let listed = to.namespace.run(&[tool, "-n", "-L", "INPUT", "-v", "-x"]).unwrap();
    to.namespace.run(&[&[tool, "-D", "INPUT"][..], matches].concat()).unwrap();
    let last = listed.lines().rfind(|line| !line.trim().is_empty()).unwrap();
    last.split_whitespace().next().unwrap().parse().unwrap()
}

/// Sends five datagrams by `eth0`, from whatever address the kernel takes.
fn datagrams(to: IpAddr, port: u16) {
    let any = if to.is_ipv4() { Domain::IPV4 } else { Domain::IPV6 };
    let socket = Socket::new(any, Type::DGRAM, None).unwrap();
    socket.bind_device(Some(b"eth0")).unwrap();
    socket.set_broadcast(true).unwrap();
    let socket = UdpSocket::from(socket);
    let index = std::fs::read_to_string("/proc/thread-self/net/if_inet6").unwrap();
    let own = index.lines().find(|line| line.ends_with(" eth0")).unwrap();
    let index = u32::from_str_radix(own.split_whitespace().nth(1).unwrap(), 16).unwrap();
    let to = match to {
        IpAddr::V4(v4) => SocketAddr::from((v4, port)),
        IpAddr::V6(v6) => SocketAddrV6::new(v6, port, 0, index).into(),
    };
    for _ in 0..5 {
        // What is refused by the agent is an error to the sender.
        let _ = socket.send_to(b"x", to);
    }
}

/// `web` reaches `db` at port 80, and nothing else does.
fn still_right(scenario: &Scenario) {
    let _answering = scenario.answering(&[80, 81]);
    let mut probes = Vec::new();
    for (six, from, port) in [false, true]
        .into_iter()
        .flat_map(|six| [(six, "web", 80), (six, "web", 81), (six, "job", 80)])
    {
        let (from, to) = (format!("shop/{from}"), "shop/db");
        let (from, to) = (scenario.address(&from, six), scenario.address(to, six));
        probes.push(Probe { from, to, protocol: Protocol::Tcp, port });
    }
    assert_eq!(scenario.compare(&probes), 2);
}

fn address(text: &str) -> IpAddr {
    text.parse().unwrap()
}

fn foreign() {
    for kind in KINDS {
        let scenario = Scenario::build(kind, &isolated(), &[]);
        let (job, db) = (host(&scenario, "shop/job"), host(&scenario, "shop/db"));
        // Links of pods are numbered as the pods are: `db` is the first.
        let at =
            scenario.fabric.nodes[0].pods.iter().position(|pod| pod.name == "shop/db").unwrap();
        let link_local = IpAddr::from(Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 16 + at as u16));
        let ways = [
            (link_local, "::/0"),
            (address("ff02::1"), "::/0"),
            (address("224.0.0.1"), "0.0.0.0/0"),
            (address("255.255.255.255"), "0.0.0.0/0"),
        ];
        let heard = |(to, from): &(IpAddr, &str)| {
            arrivals(db, &["-s", from, "-p", "udp", "--dport", "9"], job, || datagrams(*to, 9))
        };
        let before: Vec<u64> = ways.iter().map(heard).collect();
        // Only a bridge carries these to another pod.
        let open = if kind.0 == Wiring::Bridged { 5 } else { 0 };
        assert_eq!(before, [open; 4], "{kind:?}: without the agent");
        scenario.enforce();
        let after: Vec<u64> = ways.iter().map(heard).collect();
        assert_eq!(after, [0; 4], "{kind:?}");
        still_right(&scenario);
    }
}

fn node() {
    for kind in KINDS {
        let scenario = Scenario::build(kind, &isolated(), &[]);
        let (job, node) = (host(&scenario, "shop/job"), scenario.node(0));
        let to = address("fe80::1");
        let heard = || {
            let matches = ["-d", "fe80::/10", "-p", "udp", "--dport", "9"];
            arrivals(node, &matches, job, || datagrams(to, 9))
        };
        assert_eq!(heard(), 5, "{kind:?}: without the agent");
        scenario.enforce();
        assert_eq!(heard(), 0, "{kind:?}");
        still_right(&scenario);
    }
}

/// A message of ICMPv6 with a payload, to all neighbours or to an address outside.
fn message(kind: u8, to: IpAddr, hops: u32) {
    let socket = Socket::new(Domain::IPV6, Type::RAW, Some(socket2::Protocol::ICMPV6)).unwrap();
    socket.bind_device(Some(b"eth0")).unwrap();
    socket.set_unicast_hops_v6(hops).unwrap();
    socket.set_multicast_hops_v6(hops).unwrap();
    let mut bytes = [0; 40];
    bytes[0] = kind;
    for _ in 0..5 {
        let _ = socket.send_to(&bytes, &SocketAddr::new(to, 0).into());
    }
}

fn router() {
    for kind in KINDS {
        let outside = address("2001:db8::9");
        let scenario = Scenario::build(kind, &isolated(), &[outside]);
        let (job, db) = (host(&scenario, "shop/job"), host(&scenario, "shop/db"));
        let of = |number: u8| number.to_string();
        let heard = |number: u8| {
            let matches = ["-p", "ipv6-icmp", "--icmpv6-type", &of(number)];
            arrivals(db, &matches, job, || message(number, address("ff02::1"), 255))
        };
        let out = |number: u8, hops| {
            let matches = ["-p", "ipv6-icmp", "--icmpv6-type", &of(number)];
            let outside = &scenario.fabric.outside;
            arrivals(outside, &matches, job, || message(number, address("2001:db8::9"), hops))
        };
        let bridged = kind.0 == Wiring::Bridged;
        assert_eq!(heard(134), if bridged { 5 } else { 0 }, "{kind:?}: without the agent");
        // What is malformed the kernel drops itself; so much as one that comes out is a way out.
        let open: Vec<u64> = [133, 134, 135, 136]
            .iter()
            .flat_map(|number| [out(*number, 255), out(*number, 64)])
            .collect();
        assert!(open.iter().all(|count| *count == 5), "{kind:?}: without the agent {open:?}");
        scenario.enforce();
        for number in [134, 137] {
            assert_eq!(heard(number), 0, "{kind:?}: {number}");
        }
        for number in 133..=137 {
            for hops in [64, 255] {
                assert_eq!(out(number, hops), 0, "{kind:?}: {number}, {hops} hops");
            }
        }
        // Neighbours are found again, whatever has been found before.
        for pod in &scenario.fabric.nodes[0].pods {
            pod.namespace.ip("neigh flush all\n").unwrap();
        }
        still_right(&scenario);
    }
}

fn tunnels() {
    for kind in KINDS {
        let scenario = Scenario::build(kind, &super::life::open_shop(), &[address("203.0.113.9")]);
        let (job, node) = (host(&scenario, "shop/job"), scenario.node(0));
        let outside = &scenario.fabric.outside;
        let to_node = || {
            let heard = |port: u16| {
                let matches = ["-p", "udp", "-s", "10.0.0.3", "--dport", &port.to_string()];
                arrivals(node, &matches, job, || datagrams(address("192.168.0.1"), port))
            };
            [4789, 8472, 6081, 51820, 53].map(heard)
        };
        let outwards = || {
            let heard = |port: u16| {
                let matches = ["-p", "udp", "-s", "10.0.0.3", "--dport", &port.to_string()];
                arrivals(outside, &matches, job, || datagrams(address("203.0.113.9"), port))
            };
            [4789, 8472, 6081, 51820, 53].map(heard)
        };
        let carried = || {
            [4, 41, 47].map(|number: i32| {
                let matches = ["-p", &number.to_string(), "-s", "10.0.0.3"];
                arrivals(node, &matches, job, || {
                    let protocol = Some(socket2::Protocol::from(number));
                    let socket = Socket::new(Domain::IPV4, Type::RAW, protocol).unwrap();
                    let to = SocketAddr::new(address("192.168.0.1"), 0);
                    (0..5).for_each(|_| drop(socket.send_to(&[0; 40], &to.into())));
                })
            })
        };
        assert_eq!((to_node(), carried()), ([5; 5], [5; 3]), "{kind:?}: without the agent");
        scenario.enforce();
        assert_eq!((to_node(), carried()), ([0, 0, 0, 0, 5], [0; 3]), "{kind:?}");
        assert_eq!(outwards(), [0, 0, 0, 5, 5], "{kind:?}: tunnels of pods' own are left alone");
    }
}

fn forwarder() {
    for (wiring, backend) in KINDS.into_iter().filter(|kind| kind.0 == Wiring::Routed) {
        let scenario = Scenario::build((wiring, backend), &super::life::open_shop(), &[]);
        let (job, db) = (host(&scenario, "shop/job"), host(&scenario, "shop/db"));
        let foreign: IpAddr = address("198.51.100.7");
        job.namespace.ip("addr add 198.51.100.7 dev lo\n").unwrap();
        let send = || {
            let socket = UdpSocket::bind(SocketAddr::new(foreign, 0)).unwrap();
            let to = SocketAddr::new(scenario.address("shop/db", false), 9);
            (0..5).for_each(|_| drop(socket.send_to(b"x", to)));
        };
        let heard =
            || arrivals(db, &["-s", "198.51.100.7", "-p", "udp", "--dport", "9"], job, send);
        let apply = |more: &[&str]| drop(once(scenario.node(0), &scenario.folder, backend, more));
        apply(&[]);
        assert_eq!(heard(), 0, "{backend:?}");
        apply(&["--forwarding-pods", "shop/app=job"]);
        assert_eq!(heard(), 5, "{backend:?}");
        apply(&["--forwarding-pods", "other/app=job"]);
        assert_eq!(heard(), 0, "{backend:?}");
    }
}

/// No IPVS is needed for that: the kernel hands such packets to OUTPUT with the sender's address,
/// as a raw socket of the node can. Its device is what kube-proxy makes there.
fn ipvs() {
    for kind in KINDS {
        let scenario = Scenario::build(kind, &shop(), &[]);
        let (node, db) = (scenario.node(0), host(&scenario, "shop/db"));
        let heard = |from: &'static str, port: u16| {
            let matches = ["-s", from, "-p", "udp", "--dport", &port.to_string()];
            arrivals(db, &matches, node, || sent_as(from, "10.0.0.2", port))
        };
        assert_eq!(heard("10.0.0.3", 80), 5, "{kind:?}: without the agent");
        let agent = Running::start(&scenario, 0, &["--check-seconds", "1"]);
        assert_eq!(heard("10.0.0.3", 80), 5, "{kind:?}: without IPVS");
        node.namespace.ip("link add kube-ipvs0 type bridge\n").unwrap();
        wait_until(|| heard("10.0.0.3", 80) == 0);
        assert_eq!(heard("198.51.100.9", 80), 0, "{kind:?}: from outside");
        still_right(&scenario);
        node.namespace.ip("link del kube-ipvs0\n").unwrap();
        wait_until(|| heard("10.0.0.3", 80) == 5);
        agent.stop();
    }
}

pub fn wait_until(what: impl Fn() -> bool) {
    let start = Instant::now();
    while !what() {
        assert!(start.elapsed() < Duration::from_secs(10), "it does not come to that");
    }
}

/// Sends five datagrams with another's address.
fn sent_as(from: &str, to: &str, port: u16) {
    let socket = Socket::new(Domain::IPV4, Type::RAW, Some(socket2::Protocol::from(255))).unwrap();
    let octets = |text: &str| match address(text) {
        IpAddr::V4(v4) => v4.octets(),
        IpAddr::V6(_) => panic!("IPv4 alone"),
    };
    let mut packet = vec![0x45, 0, 0, 29, 0, 0, 0, 0, 64, 17, 0, 0];
    packet.extend(octets(from));
    packet.extend(octets(to));
    packet.extend([0x30, 0x39]);
    packet.extend(port.to_be_bytes());
    packet.extend([0, 9, 0, 0, b'x']);
    for _ in 0..5 {
        let _ = socket.send_to(&packet, &SocketAddr::new(address(to), 0).into());
    }
}
