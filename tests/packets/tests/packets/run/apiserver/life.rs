//! What changes at the API server, and what packets do then.

use std::net::IpAddr;

use portcullis_engine::net::Protocol;
use portcullis_packets::probe::Probe;
use serde_json::{Value, json};

use super::objects::{addresses, complete, files_of, named, objects_of, without};
use super::server::Server;
use super::stage::{Stage, know, settle, together};
use super::with_server;
use crate::run::life::open_shop;
use crate::run::scenario::{KINDS, Scenario};

/// `web`, `db` and `job` of the shop on one node, `far` of the office on another; no policies.
pub fn shop() -> Vec<Value> {
    let mut objects = objects_of(&open_shop());
    complete(&mut objects);
    named(&mut objects, "Pod", "far")["metadata"]["namespace"] = "office".into();
    for (name, team) in [("shop", "retail"), ("office", "accounts")] {
        let metadata = json!({"name": name, "labels": {"team": team}});
        objects.push(json!({"apiVersion": "v1", "kind": "Namespace", "metadata": metadata}));
    }
    objects
}

/// A policy of the shop whose subject is `db`.
pub fn policy(name: &str, ingress: Value) -> Value {
    let subject = json!({"matchLabels": {"app": "db"}});
    json!({
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": {"name": name, "namespace": "shop"},
        "spec": {"podSelector": subject, "policyTypes": ["Ingress"], "ingress": ingress},
    })
}

/// A rule for pods with an `app`, in the namespace of the policy.
pub fn from_app(app: &str) -> Value {
    json!({"from": [{"podSelector": {"matchLabels": {"app": app}}}], "ports": [{"port": 80}]})
}

fn from_team(team: &str) -> Value {
    json!({"from": [{"namespaceSelector": {"matchLabels": {"team": team}}}]})
}

pub fn with(objects: &[Value], more: Value) -> Vec<Value> {
    [objects, &[more]].concat()
}

fn labelled(objects: &[Value], (kind, name): (&str, &str), labels: Value) -> Vec<Value> {
    let mut objects = objects.to_vec();
    named(&mut objects, kind, name)["metadata"]["labels"] = labels;
    objects
}

/// The server, and clusters that follow it.
struct Site<'s> {
    server: &'s mut Server,
    stages: Vec<Stage>,
    steps: u64,
}

impl Site<'_> {
    /// Makes the cluster so; these then reach `db`, in both families, and nobody else does.
    fn is(&mut self, what: &str, objects: &[Value], who: &[&str]) {
        println!("packets: API server: {what}");
        self.steps += 1;
        let held = self.server.turn_into_and_mark(objects, self.steps);
        know(&mut self.stages, objects);
        settle(&self.stages, &held);
        together(&self.stages, |stage| {
            let (probes, expected) = callers(&stage.scenario, who);
            stage.expect(&probes, &expected);
            stage.scenario.compare(&of_pods(&stage.scenario, objects));
        });
    }
}

/// All of which one end is a pod now, and the other one has not ceased to be one: at devices of
/// pods nobody else is let through, whatever policies say.
fn of_pods(scenario: &Scenario, objects: &[Value]) -> Vec<Probe> {
    let pods = addresses(objects);
    let nodes = scenario.fabric.nodes.iter();
    let built: Vec<_> = nodes.flat_map(|node| &node.pods).flat_map(|pod| &pod.addresses).collect();
    let is_gone = |address: &IpAddr| built.contains(&address) && !pods.contains(address);
    let mut probes = scenario.all_probes(&[80, 81]);
    probes.retain(|probe| pods.contains(&probe.from) || pods.contains(&probe.to));
    probes.retain(|probe| !is_gone(&probe.from) && !is_gone(&probe.to));
    probes
}

/// What everybody sends to `db`, and whether it is to pass. Who is nobody any more keeps its
/// address.
fn callers(scenario: &Scenario, who: &[&str]) -> (Vec<Probe>, Vec<bool>) {
    let mut flows = Vec::new();
    for from in ["shop/web", "shop/job", "office/far"] {
        for six in [false, true] {
            let (at, to) = (scenario.address(from, six), scenario.address("shop/db", six));
            let probe = Probe { from: at, to, protocol: Protocol::Tcp, port: 80 };
            flows.push((probe, who.contains(&from)));
        }
    }
    flows.into_iter().unzip()
}

pub fn changes() {
    with_server(|server| {
        let files = files_of(&shop());
        let build = |kind| Scenario::build(kind, &files, &["203.0.113.9".parse().unwrap()]);
        let mut stages = Stage::build(server, &[KINDS[1], KINDS[2]], build);
        let kubeconfig = server.kubeconfig(None);
        stages.iter_mut().for_each(|stage| stage.start_agents(&kubeconfig, &[]));
        let answering = together(&stages, |stage| stage.scenario.answering(&[80, 81]));
        let mut site = Site { server, stages, steps: 0 };
        policies_change(&mut site);
        pods_change(&mut site);
        drop(answering);
    });
}

fn policies_change(site: &mut Site<'_>) {
    let (web, job, far) = ("shop/web", "shop/job", "office/far");
    let open = shop();
    site.is("no policy", &open, &[web, job, far]);
    let only = |rules: Value| with(&open, policy("db", rules));
    site.is("a policy is created", &only(json!([from_app("web")])), &[web]);
    site.is("a policy is changed", &only(json!([from_app("job")])), &[job]);
    let both = json!([from_app("job"), from_team("accounts")]);
    site.is("a rule is added", &only(both), &[job, far]);
    let further = with(&only(json!([from_app("job")])), policy("further", json!([])));
    site.is("a policy is added that admits nothing", &further, &[job]);
    site.is("a policy is deleted", &without(&further, "NetworkPolicy", "db"), &[]);
    site.is("all are deleted", &open, &[web, job, far]);
}

fn pods_change(site: &mut Site<'_>) {
    let (web, job, far) = ("shop/web", "shop/job", "office/far");
    let start = with(&shop(), policy("db", json!([from_app("web"), from_team("accounts")])));
    site.is("web and the accounts", &start, &[web, far]);
    let swapped = labelled(&start, ("Pod", "web"), json!({"app": "job"}));
    let swapped = labelled(&swapped, ("Pod", "job"), json!({"app": "web"}));
    site.is("two pods swap their labels", &swapped, &[job, far]);
    let moved = labelled(&swapped, ("Namespace", "office"), json!({"team": "retail"}));
    site.is("a namespace is another team's", &moved, &[job]);
    let moved = labelled(&moved, ("Namespace", "shop"), json!({"team": "accounts"}));
    site.is("and the other one, too", &moved, &[web, job]);
    let subject = labelled(&moved, ("Pod", "db"), json!({"app": "cache"}));
    site.is("a pod is no subject any more", &subject, &[web, job, far]);
    site.is("it is again", &moved, &[web, job]);
    let mut heir = start.clone();
    named(&mut heir, "Pod", "web")["metadata"] =
        json!({"name": "heir", "namespace": "shop", "labels": {"app": "other"}});
    site.is("a pod is deleted, and its address is another's", &heir, &[far]);
    let heir = labelled(&heir, ("Pod", "heir"), json!({"app": "web"}));
    site.is("who is given its label", &heir, &[web, far]);
    let mut finished = start.clone();
    named(&mut finished, "Pod", "web")["status"]["phase"] = "Succeeded".into();
    site.is("a pod has finished", &finished, &[far]);
    let mut other = named(&mut finished, "Pod", "job").clone();
    other["metadata"] = json!({"name": "next", "namespace": "shop", "labels": {"app": "web"}});
    other["status"] = named(&mut finished, "Pod", "web")["status"].clone();
    other["status"]["phase"] = "Running".into();
    site.is("another one has its address", &with(&finished, other), &[web, far]);
}
