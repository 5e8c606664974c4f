//! What happens to the API server, to the way there and to the agent, while packets flow.

use std::time::Duration;

use portcullis_kube::Proxy;
use serde_json::{Value, json};

use super::life::{from_app, policy, shop, with};
use super::objects::{files_of, named, without};
use super::server::Server;
use super::stage::{Stage, settle};
use super::with_server;
use crate::run::agent::Running;
use crate::run::life::probing;
use crate::run::scenario::{KINDS, Scenario};

/// After how much silence an agent gives a connection up: less than the server lets pass between
/// two signs of life, so that tests need not wait long. Those that are well begin anew then, too.
const SILENCE: [&str; 2] = ["--silence-seconds", "5"];

/// Throughout, `web` reaches `db` and `job` does not, while much else changes.
pub fn survived() {
    with_server(|server| {
        let states = states();
        let files = files_of(&states[0]);
        let build = |kind| Scenario::build(kind, &files, &[]);
        let stages = Stage::build(server, &[KINDS[0], KINDS[3]], build);
        let wire = server.wire();
        server.turn_into(&states[0], 0);
        let mut site = Site::new(server, &stages, wire);
        settle(&stages, &states[0]);
        let _answering: Vec<_> = stages.iter().map(|s| s.scenario.answering(&[80])).collect();
        let mut others = (0, Vec::new());
        let (rounds, wrong) = probing(&stages[0].scenario, || {
            others = probing(&stages[1].scenario, || site.suffer(&states));
        });
        assert!(wrong.is_empty() && others.1.is_empty(), "{wrong:?} {:?}", others.1);
        assert!(rounds > 100 && others.0 > 100, "only {rounds} and {} rounds", others.0);
        println!("packets: {} rounds through outages", rounds + others.0);
    });
}

/// States between which nothing changes for two flows, and something for each kind of object.
fn states() -> [Vec<Value>; 3] {
    let base = with(&shop(), policy("db", json!([from_app("web")])));
    let mut other = with(
        &base,
        policy(
            "further",
            json!([{"from": [{"namespaceSelector": {}, "podSelector": {"matchLabels": {"app": "far"}}}]}]),
        ),
    );
    named(&mut other, "Namespace", "office")["metadata"]["labels"] = json!({"team": "moved"});
    let mut third = without(&other, "Pod", "far");
    let mut next = named(&mut other.clone(), "Pod", "far").clone();
    next["metadata"]["name"] = "next".into();
    third.push(next);
    let spec = json!({"podSelector": {"matchLabels": {"app": "job"}}, "policyTypes": ["Ingress"]});
    let mut closed = policy("job", json!([]));
    closed["spec"] = spec;
    third.push(closed);
    [base, other, third]
}

/// The server, clusters that follow it, and what is between.
struct Site<'s> {
    server: &'s mut Server,
    stages: &'s [Stage],
    wire: Proxy,
    agents: Vec<Running>,
    steps: u64,
}

impl<'s> Site<'s> {
    fn new(server: &'s mut Server, stages: &'s [Stage], wire: Proxy) -> Self {
        let mut site = Self { server, stages, wire, agents: Vec::new(), steps: 0 };
        site.start_agents();
        site
    }

    fn start_agents(&mut self) {
        let kubeconfig = self.server.kubeconfig(Some(&self.wire));
        self.agents = Vec::new();
        for stage in self.stages {
            for node in 0..stage.scenario.fabric.nodes.len() {
                self.agents.push(Running::follow(&stage.scenario, node, &kubeconfig, &SILENCE));
            }
        }
    }

    /// All that the server holds then.
    fn turn_into(&mut self, state: &[Value]) -> Vec<Value> {
        self.steps += 1;
        self.server.turn_into_and_mark(state, self.steps)
    }

    /// All of it, one after the other.
    fn suffer(&mut self, [base, other, third]: &[Vec<Value>; 3]) {
        self.is_restarted(other);
        self.is_cut(third);
        self.is_compacted(base, other);
        self.is_slow(third);
        self.is_half_open(base);
        self.loses_its_agents(other);
    }

    fn is_restarted(&mut self, next: &[Value]) {
        println!("packets: API server: restarted");
        self.server.stop();
        self.server.start_again();
        let held = self.turn_into(next);
        settle(self.stages, &held);
    }

    fn is_cut(&mut self, next: &[Value]) {
        println!("packets: API server: cut off");
        self.wire.cut();
        let held = self.turn_into(next);
        std::thread::sleep(Duration::from_millis(500));
        self.wire.mend();
        settle(self.stages, &held);
    }

    /// What changed is forgotten, deletions among it: only a list can tell.
    fn is_compacted(&mut self, between: &[Value], next: &[Value]) {
        println!("packets: API server: compacted");
        self.wire.cut();
        self.turn_into(between);
        let held = self.turn_into(next);
        self.server.compact();
        self.server.stop();
        self.server.start_again();
        self.wire.mend();
        settle(self.stages, &held);
        for agent in &self.agents {
            let log = agent.complaints();
            assert!(log.contains("watch expired (410); listing again"), "{log}");
        }
    }

    /// Connections begin anew on a slow wire, and changes trickle through it.
    fn is_slow(&mut self, next: &[Value]) {
        println!("packets: API server: slow");
        self.wire.trickle(Duration::from_millis(2));
        self.wire.cut();
        self.wire.mend();
        let held = self.turn_into(next);
        settle(self.stages, &held);
        self.wire.trickle(Duration::ZERO);
    }

    fn is_half_open(&mut self, next: &[Value]) {
        println!("packets: API server: half-open connections");
        self.wire.go_dead();
        let held = self.turn_into(next);
        settle(self.stages, &held);
    }

    /// What agents left stays in force while they and the server are away, and while they are back
    /// and the server is not.
    fn loses_its_agents(&mut self, next: &[Value]) {
        println!("packets: API server: agents killed while it is away");
        let kubeconfig = self.server.kubeconfig(Some(&self.wire));
        self.server.stop();
        self.agents.drain(..).for_each(Running::kill);
        std::thread::sleep(Duration::from_millis(300));
        for stage in self.stages {
            for node in 0..stage.scenario.fabric.nodes.len() {
                self.agents.push(Running::follow(&stage.scenario, node, &kubeconfig, &SILENCE));
            }
        }
        std::thread::sleep(Duration::from_secs(1));
        for agent in &self.agents {
            agent.wait("/readyz", "nothing has been applied yet");
        }
        self.server.start_again();
        let held = self.turn_into(next);
        settle(self.stages, &held);
        for agent in &self.agents {
            agent.wait("/readyz", "ready\n");
            assert!(agent.metric("portcullis_apply_errors_total") == 0.0);
        }
    }
}
