//! What an agent cannot have never keeps it from enforcing.

use std::io::Write as _;
use std::net::{TcpListener, TcpStream};
use std::os::fd::OwnedFd;
use std::time::{Duration, Instant};

use portcullis_agent::kernel::iptables::Backend;
use portcullis_engine::net::Protocol;
use portcullis_packets::fabric::Wiring;
use portcullis_packets::probe::Probe;
use rustix::net::netlink::{NETFILTER, SocketAddrNetlink};
use rustix::net::sockopt::set_socket_linger;
use rustix::net::{
    AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType, bind, recv, send, socket_with,
};

use super::Test;
use super::agent::Running;
use super::basics::{shop, try_everything};
use super::life::open_shop;
use super::scenario::Scenario;

pub const TESTS: &[Test] = &[
    ("a taken port and a taken group of logged packets do not keep policies from force", taken),
    ("resets and idle connections at the agent's port do not keep changes from force", flooded),
    ("a rate that iptables prints otherwise is rounded, and none that it refuses is taken", rates),
];

/// Has the group of logged packets that agents ask for by default.
fn take_group() -> OwnedFd {
    let (netlink, raw) = (AddressFamily::NETLINK, SocketType::RAW);
    let socket = socket_with(netlink, raw, SocketFlags::CLOEXEC, Some(NETFILTER)).unwrap();
    bind(&socket, &SocketAddrNetlink::new(0, 0)).unwrap();
    // A configuration message of nfnetlink_log for group 105, with the command to bind it.
    let mut message = [0; 28];
    message[..4].copy_from_slice(&28_u32.to_ne_bytes());
    message[4..6].copy_from_slice(&0x0401_u16.to_ne_bytes());
    message[6..8].copy_from_slice(&5_u16.to_ne_bytes());
    message[18..20].copy_from_slice(&105_u16.to_be_bytes());
    message[20..22].copy_from_slice(&5_u16.to_ne_bytes());
    message[22..24].copy_from_slice(&1_u16.to_ne_bytes());
    message[24] = 1;
    send(&socket, &message, SendFlags::empty()).unwrap();
    let mut answer = [0; 64];
    recv(&socket, &mut answer, RecvFlags::empty()).unwrap();
    assert_eq!(answer[16..20], [0; 4], "the kernel refused");
    socket
}

fn taken() {
    let scenario = Scenario::build((Wiring::Routed, Backend::Nft), &shop(), &[]);
    let _answering = scenario.answering(&[80]);
    let port = || Ok((TcpListener::bind("127.0.0.1:9107").unwrap(), take_group()));
    let held = scenario.node(0).namespace.enter(port).unwrap();
    let more = ["--listen", "127.0.0.1:9107", "--health-listen", "127.0.0.1:9105"];
    let more = [&more[..], &["--flow-log", "denied"]].concat();
    let agent = Running::launch_with(&scenario, 0, &more, &[]);
    agent.wait("/readyz", "could not receive packets to log: ");
    while agent.get("/readyz").contains("nothing has been applied yet") {}
    agent.wait("/readyz", "could not serve metrics at 127.0.0.1:9107: ");
    let flow = |from: &str| Probe {
        from: scenario.address(from, false),
        to: scenario.address("shop/db", false),
        protocol: Protocol::Tcp,
        port: 80,
    };
    scenario.expect(&["shop/web", "shop/job"].map(flow), &[true, false]);
    drop(held);
    let start = Instant::now();
    while agent.get("/readyz") != "ready\n" {
        assert!(start.elapsed() < Duration::from_secs(60), "{}", agent.complaints());
        std::thread::sleep(Duration::from_millis(50));
    }
    scenario.expect(&["shop/web", "shop/job"].map(flow), &[true, false]);
    agent.stop();
}

fn flooded() {
    let mut scenario = Scenario::build((Wiring::Routed, Backend::Nft), &shop(), &[]);
    let _answering = scenario.answering(&[80]);
    let agent = Running::start(&scenario, 0, &[]);
    let flood = || {
        for _ in 0..3_000 {
            let mut stream = TcpStream::connect("127.0.0.1:9105").unwrap();
            let _ = stream.write_all(b"GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n");
            set_socket_linger(&stream, Some(Duration::ZERO)).unwrap();
        }
        let idle = (0..1_500).map(|_| TcpStream::connect("127.0.0.1:9105").unwrap());
        Ok(idle.collect::<Vec<_>>())
    };
    let idle = scenario.node(0).namespace.enter(flood).unwrap();
    let flow = |scenario: &Scenario, from: &str| Probe {
        from: scenario.address(from, false),
        to: scenario.address("shop/db", false),
        protocol: Protocol::Tcp,
        port: 80,
    };
    let flows = ["shop/web", "shop/job"].map(|from| flow(&scenario, from));
    scenario.expect(&flows, &[true, false]);
    scenario.rewrite(&open_shop());
    let start = Instant::now();
    // The tools fail where the agent removes a set that they are about to list.
    let is_isolated = |text: String| text.contains("-g PCL-I-");
    while try_everything(&scenario, 0).map_or(true, is_isolated) {
        assert!(start.elapsed() < Duration::from_secs(60), "{}", agent.complaints());
        std::thread::sleep(Duration::from_millis(20));
    }
    scenario.expect(&flows, &[true, true]);
    agent.wait("/readyz", "ready\n");
    drop(idle);
    agent.stop();
}

fn rates() {
    for backend in [Backend::Nft, Backend::Legacy] {
        let scenario = Scenario::build((Wiring::Routed, backend), &shop(), &[]);
        for rate in ["1", "300", "3000", "5000"] {
            let more = ["--flow-log", "denied", "--flow-log-rate", rate, "--check-seconds", "1"];
            let agent = Running::start(&scenario, 0, &more);
            // So long that it has looked at its rules, which a differing one would not survive.
            std::thread::sleep(Duration::from_millis(2_500));
            let repairs = agent.metric("portcullis_drift_repairs_total");
            assert_eq!(repairs, 0.0, "{rate}: {}", agent.complaints());
            agent.stop();
        }
        let more = ["--flow-log", "denied", "--flow-log-rate", "5001"];
        let agent = Running::launch_with(&scenario, 0, &more, &[]);
        agent.wait_for("`5001` is not a number from 1 to 5000");
    }
}
