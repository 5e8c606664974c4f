//! Named states, each of which follows each other one: the kernel then holds what a fresh start
//! writes, rule for rule and member for member, whichever backend it is.

use std::collections::BTreeMap;
use std::path::Path;

use portcullis_oracle::random::Random;
use serde_json::{Value, json};

use super::life::{from_app, policy, shop, with};
use super::objects::{complete, files_of, named, without};
use super::stage::{Patience, Stage, begins_with, together};
use super::with_server;
use crate::run::agent::{self, Running, Source};
use crate::run::basics::try_everything;
use crate::run::clusters::wanted;
use crate::run::life::handles;
use crate::run::scenario::{KINDS, Scenario};

/// What the kernel of a node holds, by table, and chain or set: in which order those were made is
/// of no consequence.
type Held = BTreeMap<(usize, String), Vec<String>>;

/// The same for all nodes of a cluster.
type Kernels = Vec<Held>;

/// How many of a hundred changes are followed by another one before what they left is removed,
/// which takes a second: as many as there is no time for.
const HASTE: usize = 90;

pub fn follow_each_other() {
    with_server(|server| {
        let states = states();
        let files = files_of(&shop());
        let build = |kind| Scenario::build(kind, &files, &[]);
        let mut stages = Stage::build(server, &[KINDS[0], KINDS[3]], build);
        let kubeconfig = server.kubeconfig(None);
        let fresh = states.iter().map(|(_, objects)| {
            server.turn_into(objects, 0);
            together(&stages, |stage| started_afresh(stage, &kubeconfig))
        });
        let fresh: Vec<Vec<Kernels>> = fresh.collect();
        stages.iter_mut().for_each(|stage| stage.start_agents(&kubeconfig, &[]));
        let tour = tour(states.len());
        let mut random = Random::new(wanted().1);
        for (step, pair) in (0..).zip(tour.windows(2)) {
            let ((before, _), (after, objects)) = (&states[pair[0]], &states[pair[1]]);
            server.turn_into(objects, step);
            let pairs: Vec<_> = stages.iter().zip(&fresh[pair[1]]).collect();
            let what = format!("{after} after {before}");
            let again = step % 44 == 43;
            let haste = !again && random.chance(HASTE);
            let enough = if haste { is_in_force } else { Kernels::eq };
            together(&pairs, |(stage, fresh)| comes_to(stage, fresh, enough, &what));
            if again {
                applied_twice(&mut stages, &kubeconfig);
            }
        }
        println!("packets: {} states, {} changes of them", states.len(), tour.len() - 1);
    });
}

/// A way through all of them in which each follows each other one exactly once.
fn tour(count: usize) -> Vec<usize> {
    let later = |at: usize| (at + 1..count).flat_map(move |other| [at, other]);
    (0..count).flat_map(later).chain([0]).collect()
}

/// What an agent that finds nothing of its own writes; nothing of that stays.
fn started_afresh(stage: &Stage, kubeconfig: &Path) -> Kernels {
    let (nodes, backend) = (&stage.scenario.fabric.nodes, stage.scenario.backend);
    for node in nodes {
        agent::cleanup(&node.host);
        agent::once_from(Source::ApiServer(kubeconfig), &node.host, backend, &[]);
    }
    let written = kernels(stage);
    nodes.iter().for_each(|node| drop(agent::cleanup(&node.host)));
    written
}

/// Agents that begin anew find everything as it is to be: not one rule is written again.
fn applied_twice(stages: &mut [Stage], kubeconfig: &Path) {
    let held = |stages: &[Stage]| -> Vec<(Kernels, String)> {
        stages.iter().map(|stage| (kernels(stage), handles(&stage.scenario))).collect()
    };
    let before = held(stages);
    for stage in stages.iter_mut() {
        stage.agents.drain(..).for_each(Running::stop);
        stage.start_agents(kubeconfig, &[]);
        stage.agents.iter().for_each(|agent| agent.wait("/readyz", "ready\n"));
    }
    assert_eq!(before, held(stages));
}

/// Waits until the kernels of a cluster's nodes hold this; nothing else, or else perhaps more.
fn comes_to(stage: &Stage, wanted: &Kernels, enough: fn(&Kernels, &Kernels) -> bool, what: &str) {
    let mut patience = Patience::default();
    while !try_kernels(stage).is_some_and(|held| enough(wanted, &held)) {
        if patience.is_over() {
            assert_eq!(&kernels(stage), wanted, "{what}");
        }
        patience.rest();
    }
}

fn kernels(stage: &Stage) -> Kernels {
    try_kernels(stage).unwrap()
}

/// None if they change so much meanwhile that the tools fail.
fn try_kernels(stage: &Stage) -> Option<Kernels> {
    let nodes = 0..stage.scenario.fabric.nodes.len();
    nodes.map(|node| Some(held(&try_everything(&stage.scenario, node).ok()?))).collect()
}

fn held(text: &str) -> Held {
    let mut held = Held::new();
    let mut table = 0;
    for line in text.lines() {
        // How the kernel hashes the members of a set is its own affair.
        let line = line.split_once(" hashsize ").map_or(line, |(set, _)| set);
        table += usize::from(line == "*filter");
        let is_set = line.starts_with("create ") || line.starts_with("add ");
        let of = ["-A ", ":", "create ", "add "];
        let of = of.iter().find_map(|start| line.strip_prefix(start)).unwrap_or_default();
        let of = of.split(' ').next().unwrap_or_default();
        let rule = line.strip_prefix("-A ").and_then(|rule| rule.strip_prefix(of));
        let name = (if is_set { 3 } else { table }, of.to_owned());
        held.entry(name).or_default().push(rule.unwrap_or(line).trim_start().to_owned());
    }
    held
}

/// Whether all that packets meet is as it is to be, whatever else is not removed yet.
fn is_in_force(wanted: &Kernels, held: &Kernels) -> bool {
    let nodes = wanted.iter().zip(held);
    nodes.into_iter().all(|(wanted, held)| {
        wanted
            .iter()
            .all(|(name, lines)| held.get(name).is_some_and(|held| begins_with(held, lines)))
    })
}

/// A policy by name with these fields of its specification.
fn special(name: &str, spec: Value) -> Value {
    let mut policy = policy(name, json!([]));
    policy["spec"] = spec;
    policy
}

/// Pods of the office on the other node, which are peers together.
fn many() -> Vec<Value> {
    let (mut objects, mut template) = (shop(), shop());
    let template = named(&mut template, "Pod", "far");
    for at in 10..40 {
        template["metadata"]["name"] = format!("clerk-{at}").into();
        let addresses = [format!("10.0.1.{at}"), format!("fd00:1::{at}")];
        let list = addresses.each_ref().map(|address| json!({"ip": address}));
        template["status"] = json!({"phase": "Running", "podIP": addresses[0], "podIPs": list});
        objects.push(template.clone());
    }
    let from = json!([{"from": [{"namespaceSelector": {"matchLabels": {"team": "accounts"}}}]}]);
    with(&objects, policy("db", from))
}

/// Pods that have an address of one family only.
fn one_family(at: usize) -> Vec<Value> {
    let mut objects = with(&shop(), policy("db", json!([from_app("web")])));
    for pod in objects.iter_mut().filter(|object| object["kind"] == "Pod") {
        let address = pod["status"]["podIPs"][at].clone();
        pod["status"]["podIP"] = address["ip"].clone();
        pod["status"]["podIPs"] = json!([address]);
    }
    objects
}

/// `db` serves a name at port 80, by which it is admitted.
fn port_names() -> Vec<Value> {
    let mut objects = shop();
    let container = &mut named(&mut objects, "Pod", "db")["spec"]["containers"][0];
    container["ports"] = json!([{"name": "store", "containerPort": 80}]);
    let egress = json!([{"ports": [{"port": "store"}]}]);
    let selector =
        json!({"matchExpressions": [{"key": "app", "operator": "In", "values": ["web", "job"]}]});
    let spec = json!({"podSelector": selector, "policyTypes": ["Egress"], "egress": egress});
    let by_name = policy("db", json!([{"ports": [{"port": "store"}]}]));
    with(&with(&objects, special("store", spec)), by_name)
}

fn blocks() -> Vec<Value> {
    let block = |cidr: &str, except: &[&str]| json!({"ipBlock": {"cidr": cidr, "except": except}});
    let ingress = json!([
        {"from": [block("10.0.0.0/8", &["10.0.0.2/31", "10.9.0.0/16"]), block("fd00::/8", &[])]},
        {"from": [block("203.0.113.0/24", &[])], "ports": [{"port": 1, "endPort": 1023}]},
    ]);
    let egress = json!([{"to": [block("0.0.0.0/0", &["192.168.0.0/16"]), block("::/0", &[])]}]);
    let spec = json!({"podSelector": {}, "ingress": ingress, "egress": egress});
    with(&shop(), special("blocks", spec))
}

fn on_the_host() -> Vec<Value> {
    let mut objects = with(&shop(), policy("db", json!([from_app("web")])));
    named(&mut objects, "Pod", "web")["spec"]["hostNetwork"] = true.into();
    named(&mut objects, "Pod", "web")["status"] = json!({
        "phase": "Running",
        "hostIP": "192.168.0.1",
        "hostIPs": [{"ip": "192.168.0.1"}],
        "podIP": "192.168.0.1",
        "podIPs": [{"ip": "192.168.0.1"}],
    });
    objects
}

/// States by name.
fn states() -> Vec<(&'static str, Vec<Value>)> {
    let deny = json!({"podSelector": {}, "policyTypes": ["Ingress", "Egress"]});
    let denied = with(&shop(), special("deny", deny));
    let allow = json!({"podSelector": {}, "ingress": [{}], "egress": [{}]});
    let allowed = with(&denied, special("allow", allow));
    let one = with(&shop(), policy("db", json!([from_app("web")])));
    let mut relabelled = one.clone();
    named(&mut relabelled, "Pod", "web")["metadata"]["labels"] = json!({"app": "db"});
    named(&mut relabelled, "Pod", "db")["metadata"]["labels"] = json!({"app": "web"});
    let mut few = without(&one, "Pod", "job");
    named(&mut few, "Pod", "web")["status"]["phase"] = "Failed".into();
    let mut states = vec![
        ("nothing", Vec::new()),
        ("no policy", shop()),
        ("one policy", one),
        ("nobody", denied),
        ("everybody", allowed),
        ("blocks", blocks()),
        ("port names", port_names()),
        ("many peers", many()),
        ("IPv4 alone", one_family(0)),
        ("IPv6 alone", one_family(1)),
        ("other labels", relabelled),
        ("fewer pods", few),
        ("a pod on its host's network", on_the_host()),
    ];
    states.iter_mut().for_each(|(_, objects)| complete(objects));
    states
}
