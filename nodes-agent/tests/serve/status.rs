//! The command `status`, as operators run it.

use std::net::SocketAddr;
use std::process::Command;
use std::sync::Arc;
use std::time::SystemTime;

use portcullis_agent::observe::{Enforced, Identity, NodeReport};
use portcullis_engine::report::{NodePolicy, PolicyState};

use super::start;

/// What the command prints, and what it exits with.
fn run(address: SocketAddr, words: &[&str]) -> (String, i32) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_portcullis-agent"));
    command.args(["status", "--listen", &address.to_string()]).args(words);
    let output = command.output().unwrap();
    let said = [output.stdout, output.stderr].concat();
    (String::from_utf8(said).unwrap(), output.status.code().unwrap())
}

fn policy(name: &str, state: PolicyState) -> NodePolicy {
    NodePolicy {
        kind: "NetworkPolicy".into(),
        namespace: Some("shop".into()),
        name: name.into(),
        uid: None,
        generation: Some(4),
        state,
        message: None,
    }
}

#[test]
fn the_exit_code_says_whether_all_is_in_force() {
    let (address, status) = start(|_| {});
    assert_eq!(run(address, &[]).1, 1, "nothing has been applied yet");
    status.identify(Identity { node: "n1".into(), ..Identity::default() });
    let in_force = [policy("a", PolicyState::InForce), policy("b", PolicyState::Closed)];
    let enforced = |policies: &[NodePolicy]| {
        let (policies, applied) = (Arc::from(policies), Some(SystemTime::now()));
        status.enforced(Enforced { policies, applied, ..Enforced::default() });
    };
    enforced(&in_force[..1]);
    status.ready();
    let (text, code) = run(address, &[]);
    assert!(text.starts_with("node      n1\n") && text.contains("in force  yes\n"), "{text}");
    assert!(text.ends_with("in force           4  NetworkPolicy shop/a\n"), "{text}");
    assert_eq!(code, 0);
    enforced(&in_force);
    assert_eq!(run(address, &[]).1, 1);
    let (text, code) = run(address, &["--faults"]);
    assert!(!text.contains("shop/a") && text.contains("shop/b") && code == 1, "{text}");
    assert_eq!(run(address, &["--policy", "shop/a"]).1, 0);
    let (text, code) = run(address, &["--policy", "networkpolicy/shop/c"]);
    assert!(text.ends_with("shop/c does not concern this node\n") && code == 1, "{text}");
    let (text, _) = run(address, &["--output", "json", "--policy", "shop/b"]);
    let report: NodeReport = serde_json::from_str(&text).unwrap();
    assert_eq!((report.policies.len(), report.counts.policies), (1, 2));
}

#[test]
fn who_does_not_answer_is_not_in_force() {
    let nobody = start(|_| {}).0;
    let elsewhere = SocketAddr::new("127.0.0.3".parse().unwrap(), nobody.port());
    let (text, code) = run(elsewhere, &[]);
    assert!(text.contains("no agent answers at 127.0.0.3:") && code == 2, "{text}");
}
