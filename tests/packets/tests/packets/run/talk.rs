//! Connections that live on, and what the agent says of packets that do not pass.

use std::io::{Read as _, Write as _};
use std::net::{IpAddr, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::time::{Duration, Instant};

use portcullis_agent::kernel::iptables::Backend;
use portcullis_engine::net::Protocol;
use portcullis_packets::fabric::Wiring;
use portcullis_packets::probe::Probe;
use socket2::{Domain, Socket, Type};

use super::Test;
use super::agent::Running;
use super::basics::shop;
use super::life::open_shop;
use super::scenario::{KINDS, Scenario};

pub const TESTS: &[Test] = &[
    ("a live connection is cut when its policy goes, another one is left alone", cut),
    ("what a host began from any of its addresses is not cut", own),
    ("a flow that was cut goes on when policies admit it again", again),
    ("denied packets are logged with the policies that deny them", flow_log),
];

/// A server in a pod that sends back what it gets.
pub fn echo(scenario: &Scenario, pod: &str, six: bool) -> SocketAddr {
    let at = SocketAddr::new(scenario.address(pod, six), 80);
    let host = scenario.fabric.hosts().find(|host| host.name == pod).unwrap();
    let listener = host.namespace.enter(|| Ok(TcpListener::bind(at).unwrap())).unwrap();
    std::thread::spawn(move || {
        while let Ok((mut stream, _)) = listener.accept() {
            std::thread::spawn(move || {
                let mut byte = [0];
                while stream.read_exact(&mut byte).is_ok() && stream.write_all(&byte).is_ok() {}
            });
        }
    });
    at
}

pub fn connect(scenario: &Scenario, pod: &str, to: SocketAddr) -> TcpStream {
    let host = scenario.fabric.hosts().find(|host| host.name == pod).unwrap();
    let stream = host.namespace.enter(|| Ok(TcpStream::connect(to).unwrap())).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(3))).unwrap();
    stream
}

fn reaches(scenario: &Scenario, pod: &str, to: SocketAddr) -> bool {
    let host = scenario.fabric.hosts().find(|host| host.name == pod).unwrap();
    host.namespace.enter(|| Ok(TcpStream::connect(to).is_ok())).unwrap()
}

/// The host of a node talks to a pod from an address that no Node object names, such as a bridge's
/// gateway; then a policy selects the pod, the agent starts anew, and rules are repaired.
fn own() {
    for kind in KINDS {
        let mut scenario = Scenario::build(kind, &open_shop(), &[]);
        let agent = Running::start(&scenario, 0, &[]);
        let (node, own) = (scenario.node(0), IpAddr::from([192, 0, 2, 77]));
        node.namespace.ip("addr add 192.0.2.77 dev lo\n").unwrap();
        let db = scenario.fabric.hosts().find(|host| host.name == "shop/db").unwrap();
        db.namespace.ip("route add 192.0.2.77 via inet6 fe80::1 dev eth0\n").unwrap();
        let to = echo(&scenario, "shop/db", false);
        let began = || {
            let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
            socket.bind(&SocketAddr::new(own, 0).into()).unwrap();
            socket.connect(&to.into()).unwrap();
            Ok(TcpStream::from(socket))
        };
        let mut stream = node.namespace.enter(began).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(3))).unwrap();
        let mut denied = connect(&scenario, "shop/job", to);
        assert!(talks(&mut stream) && talks(&mut denied), "{kind:?}");
        scenario.rewrite(&shop());
        wait_until(|| !talks(&mut denied));
        assert!(talks(&mut stream), "{kind:?}: cut by a policy");
        agent.stop();
        let agent = Running::start(&scenario, 0, &[]);
        // By then it has looked through the connections.
        std::thread::sleep(Duration::from_millis(500));
        assert!(talks(&mut stream), "{kind:?}: cut by a restart");
        agent.stop();
    }
}

/// A flow of UDP keeps its ports, and so its entry among the connections, however often it is
/// refused.
fn again() {
    for kind in KINDS {
        let mut scenario = Scenario::build(kind, &open_shop(), &[]);
        let agent = Running::start(&scenario, 0, &[]);
        let to = SocketAddr::new(scenario.address("shop/db", false), 80);
        let host = |name| scenario.fabric.hosts().find(|host| host.name == name).unwrap();
        let server = host("shop/db").namespace.enter(|| Ok(UdpSocket::bind(to).unwrap())).unwrap();
        std::thread::spawn(move || {
            let mut byte = [0];
            while let Ok((_, from)) = server.recv_from(&mut byte) {
                let _ = server.send_to(&byte, from);
            }
        });
        let from = SocketAddr::new(scenario.address("shop/job", false), 40_000);
        let client = host("shop/job").namespace.enter(|| {
            let socket = UdpSocket::bind(from).unwrap();
            socket.set_read_timeout(Some(Duration::from_millis(100))).unwrap();
            Ok(socket)
        });
        let client = client.unwrap();
        let answered = || {
            let mut byte = [0];
            client.send_to(&[7], to).is_ok() && client.recv_from(&mut byte).is_ok()
        };
        wait_until(answered);
        scenario.rewrite(&shop());
        wait_until(|| !answered() && !answered());
        scenario.rewrite(&open_shop());
        wait_until(answered);
        agent.stop();
    }
}

fn wait_until(mut what: impl FnMut() -> bool) {
    let start = Instant::now();
    while !what() {
        assert!(start.elapsed() < Duration::from_secs(10), "it does not come to that");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Whether a byte comes back.
pub fn talks(stream: &mut TcpStream) -> bool {
    let mut byte = [0];
    stream.write_all(&[7]).is_ok() && stream.read_exact(&mut byte).is_ok() && byte == [7]
}

/// Everywhere, in both families: `job` and `web` talk to `db`; then a policy comes that lets only
/// `web`.
fn cut() {
    for kind in KINDS {
        let mut scenario = Scenario::build(kind, &open_shop(), &[]);
        let agent = Running::start(&scenario, 0, &[]);
        let mut streams = Vec::new();
        for six in [false, true] {
            let to = echo(&scenario, "shop/db", six);
            let pair = ["shop/web", "shop/job"].map(|pod| connect(&scenario, pod, to));
            streams.push(pair);
        }
        assert!(streams.iter_mut().flatten().all(talks));
        scenario.rewrite(&shop());
        let start = Instant::now();
        for [_, job] in &mut streams {
            while talks(job) {
                assert!(start.elapsed() < Duration::from_secs(5), "{kind:?}: not cut");
                std::thread::sleep(Duration::from_millis(5));
            }
        }
        println!("packets: {kind:?}: cut after {:.1?}", start.elapsed());
        assert!(streams.iter_mut().all(|[web, _]| talks(web)), "{kind:?}: others were cut");
        agent.wait("/metrics", "portcullis_connections_cut_total 2\n");
        // Once it is allowed again, so is a new connection of the same two.
        scenario.rewrite(&open_shop());
        let to = SocketAddr::new(scenario.address("shop/db", false), 80);
        let start = Instant::now();
        while !reaches(&scenario, "shop/job", to) {
            assert!(start.elapsed() < Duration::from_secs(5), "{kind:?}: still refused");
        }
        assert!(talks(&mut connect(&scenario, "shop/job", to)), "{kind:?}: cut again");
        agent.stop();
    }
}

fn flow_log() {
    for backend in [Backend::Nft, Backend::Legacy] {
        let scenario = Scenario::build((Wiring::Routed, backend), &shop(), &[]);
        let _answering = scenario.answering(&[80]);
        let agent = Running::start(&scenario, 0, &["--flow-log", "all"]);
        for (from, six) in [("shop/job", false), ("shop/job", true), ("shop/web", false)] {
            let address = |pod: &str| -> IpAddr { scenario.address(pod, six) };
            let (from, to) = (address(from), address("shop/db"));
            scenario.send(&[Probe { from, to, protocol: Protocol::Tcp, port: 80 }]);
        }
        let start = Instant::now();
        let expected = [
            r#""action":"deny","direction":"ingress","source":"shop/job","destination":"shop/db","from":"10.0.0.3","to":"10.0.0.2","protocol":"TCP""#,
            r#""from":"fd00::3","to":"fd00::2""#,
            r#""verdict":"deny""#,
            r#""policies":[{"policy":"shop/db""#,
            r#""action":"allow","source":"shop/web""#,
            r#""rule":"spec.ingress[0]""#,
        ];
        let mut printed = String::new();
        while start.elapsed() < Duration::from_secs(5) {
            printed = agent.printed();
            if expected.iter().all(|text| printed.contains(text)) {
                break;
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        for text in expected {
            assert!(printed.contains(text), "{text} is not in {printed}");
        }
        assert_eq!(printed.lines().count(), 3, "each packet once: {printed}");
        // Later, policies could be others, which the line would tell of.
        let soonest = (0..5).map(|_| time_to_line(&scenario, &agent)).min().unwrap();
        println!("packets: {}: logged after {soonest:.1?} at best", backend.name());
        assert!(soonest < Duration::from_millis(500), "{soonest:?}");
        agent.stop();
    }
}

/// How long after a denied packet its line is there.
fn time_to_line(scenario: &Scenario, agent: &Running) -> Duration {
    let (from, to) = (scenario.address("shop/job", false), scenario.address("shop/db", false));
    let before = agent.printed().lines().count();
    let start = Instant::now();
    scenario.send(&[Probe { from, to, protocol: Protocol::Udp, port: 80 }]);
    while agent.printed().lines().count() == before {
        assert!(start.elapsed() < Duration::from_secs(5), "not logged");
        std::thread::sleep(Duration::from_millis(5));
    }
    start.elapsed()
}
