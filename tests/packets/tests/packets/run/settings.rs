//! What options do, seen by packets, and what happens where tools fail.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::time::Duration;

use portcullis_agent::kernel::iptables::Backend;
use portcullis_engine::net::Protocol;
use portcullis_packets::fabric::Wiring;
use portcullis_packets::namespace::Namespace;
use portcullis_packets::probe::{self, Outcome, Probe};

use super::Test;
use super::agent::{Running, once};
use super::basics::{everything, shop, without};
use super::life::open_shop;
use super::scenario::{KINDS, Scenario};

pub const TESTS: &[Test] = &[
    ("an address of no known pod is cut off where pods are expected", unknown_local),
    ("denied packets disappear if that is wanted", dropped),
    ("a host that drops what nobody accepts still lets admitted packets through", accepted),
    ("what tools refuse leaves the last good state in force, and is tried again", refused),
    ("the backend is the one that kubelet has marked", backend),
    ("options come from the command line, the environment and a file", options),
];

fn probe(scenario: &Scenario, from: &str, to: &str, six: bool) -> Probe {
    let (from, to) = (scenario.address(from, six), scenario.address(to, six));
    Probe { from, to, protocol: Protocol::Tcp, port: 80 }
}

fn unknown_local() {
    for kind in KINDS {
        let mut scenario = Scenario::build(kind, &open_shop(), &[]);
        let _answering = scenario.answering(&[80]);
        scenario.rewrite(&without("job", open_shop()));
        let probes = [false, true].map(|six| {
            [("shop/job", "shop/db"), ("shop/db", "shop/job"), ("shop/web", "shop/db")]
                .map(|(from, to)| probe(&scenario, from, to, six))
        });
        let probes = probes.concat();
        let more = ["--local-pod-cidrs", "10.0.0.0/30,fd00::/64"];
        once(scenario.node(0), &scenario.folder, kind.1, &more);
        scenario.expect(&probes, &[false, false, true, false, false, true]);
        // Once it is known, it is reached.
        scenario.rewrite(&open_shop());
        once(scenario.node(0), &scenario.folder, kind.1, &more);
        scenario.expect(&probes, &[true; 6]);
    }
}

fn dropped() {
    for kind in KINDS {
        let scenario = Scenario::build(kind, &shop(), &[]);
        let _answering = scenario.answering(&[80]);
        once(scenario.node(0), &scenario.folder, kind.1, &["--denial", "drop"]);
        let probes = [("shop/job", "shop/db"), ("shop/web", "shop/db")]
            .map(|(from, to)| probe(&scenario, from, to, false));
        let outcomes = probe::send(&scenario.fabric, &probes, Duration::from_millis(500));
        assert_eq!(outcomes.unwrap(), [Outcome::TimedOut, Outcome::Allowed], "{kind:?}");
    }
}

fn accepted() {
    for backend in [Backend::Nft, Backend::Legacy] {
        let scenario = Scenario::build((Wiring::Routed, backend), &shop(), &[]);
        let _answering = scenario.answering(&[80]);
        for tool in ["iptables", "ip6tables"] {
            let tool = format!("{tool}-{}", backend.name());
            scenario.node(0).namespace.run(&[&tool, "-P", "FORWARD", "DROP"]).unwrap();
        }
        let probes = ["shop/web", "shop/job"].map(|from| probe(&scenario, from, "shop/db", false));
        let send = || probe::send(&scenario.fabric, &probes, Duration::from_millis(300)).unwrap();
        once(scenario.node(0), &scenario.folder, backend, &[]);
        assert_eq!(send(), [Outcome::TimedOut, Outcome::Refused]);
        once(scenario.node(0), &scenario.folder, backend, &["--admitted", "accept"]);
        assert_eq!(send(), [Outcome::Allowed, Outcome::Refused]);
    }
}

/// Tools that fail while a file is there, and else are the real ones.
fn moody_tools(scenario: &Scenario, backend: Backend) -> String {
    let folder = scenario.folder.with_extension("tools");
    fs::create_dir_all(&folder).unwrap();
    for tool in ["iptables", "ip6tables"] {
        let name = format!("{tool}-{}-restore", backend.name());
        let text = format!(
            "#!/bin/sh\nif [ -e {0}/broken ]; then echo 'line 1 failed: out of order' >&2; exit 1; fi\n\
             exec /usr/sbin/{name} \"$@\"\n",
            folder.display()
        );
        fs::write(folder.join(&name), text).unwrap();
        fs::set_permissions(folder.join(name), fs::Permissions::from_mode(0o755)).unwrap();
    }
    folder.to_str().unwrap().to_owned()
}

fn refused() {
    for backend in [Backend::Nft, Backend::Legacy] {
        let mut scenario = Scenario::build((Wiring::Routed, backend), &shop(), &[]);
        let _answering = scenario.answering(&[80]);
        let tools = moody_tools(&scenario, backend);
        let path = format!("{tools}:{}", std::env::var("PATH").unwrap());
        let agent = Running::start_with(&scenario, 0, &[], &[("PATH", &path)]);
        let before = everything(&scenario, 0);
        fs::write(format!("{tools}/broken"), "").unwrap();
        scenario.rewrite(&open_shop());
        agent.wait("/readyz", "out of order (at `*filter`)");
        let flows = ["shop/web", "shop/job"].map(|from| probe(&scenario, from, "shop/db", false));
        scenario.expect(&flows, &[true, false]);
        assert_eq!(rules(&before), rules(&everything(&scenario, 0)));
        assert!(agent.metric("portcullis_apply_errors_total") >= 1.0);
        let tool = format!("iptables-{}-restore", backend.name());
        assert!(agent.metric(&format!("portcullis_tool_errors_total{{tool=\"{tool}\"}}")) >= 1.0);
        fs::remove_file(format!("{tools}/broken")).unwrap();
        agent.wait("/readyz", "ready\n");
        scenario.expect(&flows, &[true, true]);
        agent.stop();
        fs::remove_dir_all(tools).unwrap();
    }
}

fn rules(text: &str) -> Vec<&str> {
    text.lines().filter(|line| line.starts_with(['-', ':'])).collect()
}

fn options() {
    let scenario = Scenario::build((Wiring::Routed, Backend::Nft), &shop(), &[]);
    let file = scenario.folder.with_extension("config");
    fs::write(&file, "denial: drop\nprefix: FILE\nlisten: 127.0.0.1:9107\naudit-seconds: 9\n")
        .unwrap();
    let environment = [
        ("PORTCULLIS_CONFIG", file.to_str().unwrap()),
        ("PORTCULLIS_DENIAL", "reject"),
        ("PORTCULLIS_LISTEN", "127.0.0.1:9106"),
    ];
    let more = ["--listen", "127.0.0.1:9105"];
    let agent = Running::start_with(&scenario, 0, &more, &environment);
    let text = everything(&scenario, 0);
    assert!(text.contains("-A FORWARD -j FILE-FORWARD"), "{text}");
    assert!(text.contains("-j REJECT --reject-with icmp-port-unreachable"), "{text}");
    // NET_ADMIN and NET_RAW, and no way to more.
    let process = agent.process_status();
    for line in ["CapEff:\t0000000000003000", "CapBnd:\t0000000000003000", "NoNewPrivs:\t1"] {
        assert!(process.contains(line), "{line} is not in {process}");
    }
    agent.stop();
    fs::write(&file, "denail: drop\n").unwrap();
    let agent = Running::launch_with(&scenario, 0, &[], &environment);
    agent.wait_for("unknown option `denail`");
    fs::remove_file(file).unwrap();
}

fn backend() {
    for (marked, other) in [(Backend::Legacy, Backend::Nft), (Backend::Nft, Backend::Legacy)] {
        let namespace = Namespace::new("hint").unwrap();
        let detect = || namespace.enter(|| Ok(Backend::detect().unwrap())).unwrap();
        assert_eq!(detect(), Backend::Nft, "nothing tells");
        let (marked_tool, other_tool) =
            (format!("iptables-{}", marked.name()), format!("iptables-{}", other.name()));
        for _ in 0..3 {
            let rule = [&other_tool, "-t", "mangle", "-A", "FORWARD", "-j", "ACCEPT"];
            namespace.run(&rule).unwrap();
        }
        assert_eq!(detect(), other, "more rules");
        namespace.run(&[&marked_tool, "-t", "mangle", "-N", "KUBE-IPTABLES-HINT"]).unwrap();
        assert_eq!(detect(), marked, "the mark");
    }
}
