//! What one change costs the agent of a node with 110 pods, part by part, up to the text for the
//! kernel: one policy, or one pod, of a cluster of some size.
//!
//!   cargo run --release -p portcullis-bench --example agent
#![allow(
    clippy::print_stdout,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "it prints figures"
)]

use std::time::{Duration, Instant};

use portcullis_bench::{Object, Size, objects};
use portcullis_engine::dataplane::{
    Input, KernelState, Lowering, Settings, UNKNOWN_WIRING, Verifier, plan,
};
use portcullis_engine::live::{Event, Index};
use portcullis_engine::manifest::{Stored, read_stored};
use portcullis_engine::{Options, Session};
use serde_json::json;

/// Changes of a kind, to and fro.
const RUNS: usize = 200;

const LOCAL: usize = 110;
const NODE: &str = "here";
const PHASES: [&str; 5] = ["compile", "lower", "verify", "plan", "together"];

fn main() {
    println!("median and 99th percentile of {RUNS} changes, in milliseconds");
    for pods in [1_100, 20_000] {
        for policies in [1_000, 5_000] {
            measure(Size::of(pods, policies));
        }
    }
}

fn measure(size: Size) {
    let (workloads, policies) = located(size);
    let mut node = Node::new(&workloads, &policies);
    node.bring();
    println!("\n{} pods, {} policies\n{:32}{}", size.pods, size.policies, "", heads());
    let subject = find(&workloads, |pod| pod["spec"]["nodeName"] == NODE);
    // Neither the subject's own nor its peer already.
    let other = find(&workloads, |pod| {
        of(pod) == of(&subject) && pod["metadata"]["labels"]["app"] == "app7"
    });
    for (what, mut change) in changes(subject, other) {
        // Both states are known before: the first time is the dearest, and seldom.
        let mut times = Vec::new();
        for run in 0..RUNS + 2 {
            let event = change(run);
            times.push(node.change(event));
        }
        println!("{what:32}{}", line(&times[2..]));
    }
}

/// What happens, by the number of the run.
type Change = Box<dyn FnMut(usize) -> Event>;

fn changes(subject: Object, other: Object) -> Vec<(&'static str, Change)> {
    let app = |pod: &Object| pod["metadata"]["labels"]["app"].as_str().unwrap_or("").to_owned();
    let number: usize = app(&subject).trim_start_matches("app").parse().unwrap_or(0);
    let peer = format!("app{}", (number + 1) % 10);
    let labelled = move |pod: &Object, app: &str| {
        let mut pod = pod.clone();
        pod["metadata"]["labels"]["app"] = app.into();
        pod
    };
    let policy = json!({
        "metadata": {"name": "extra", "namespace": of(&subject)},
        "spec": {"podSelector": {"matchLabels": {"app": app(&subject)}}, "policyTypes": ["Ingress"],
            "ingress": [{"from": [{"podSelector": {"matchLabels": {"tier": "tier1"}}}]}]},
    });
    let mut far = policy.clone();
    far["metadata"]["namespace"] = "ns90".into();
    let one = other.clone();
    let mut fresh = other.clone();
    fresh["metadata"]["name"] = "fresh".into();
    fresh["status"]["podIP"] = "10.99.0.1".into();
    fresh["status"]["podIPs"] = json!([{"ip": "10.99.0.1"}]);
    let mut here = fresh.clone();
    here["spec"]["nodeName"] = NODE.into();
    let (other, fresh) = (labelled(&other, &peer), labelled(&fresh, &peer));
    vec![
        ("policy of a local pod", coming(policy, Stored::Policy)),
        ("policy of other pods", coming(far, Stored::Policy)),
        (
            "pod a peer or not",
            Box::new(move |run| put(if run % 2 == 0 { &other } else { &one }, Stored::Pod)),
        ),
        (
            "pod of labels never seen",
            Box::new({
                let fresh = fresh.clone();
                move |run| put(&labelled(&fresh, &format!("new{run}")), Stored::Pod)
            }),
        ),
        ("pod created or deleted", coming(fresh, Stored::Pod)),
        ("local pod created or deleted", coming(here, Stored::Pod)),
    ]
}

/// An object that is created, then deleted.
fn coming(object: Object, kind: Stored) -> Change {
    let text = |key: &str| object["metadata"][key].as_str().unwrap_or_default().into();
    let name = (text("namespace"), text("name"));
    Box::new(move |run| match run % 2 {
        0 => put(&object, kind),
        _ => Event::Gone(kind, name.clone()),
    })
}

fn put(object: &Object, kind: Stored) -> Event {
    let (read, findings) = read_stored(&object.to_string(), kind);
    Event::Put(Box::new(read.unwrap_or_else(|| panic!("{findings:?}"))))
}

/// The cluster, of which one pod of each so many is on the node.
fn located(size: Size) -> (Vec<Object>, Vec<Object>) {
    let (mut workloads, policies) = objects(size);
    let every = size.pods / LOCAL;
    let pods = workloads.iter_mut().filter(|object| object["kind"] == "Pod");
    for (number, pod) in pods.enumerate() {
        if number % every == number / every % every {
            pod["spec"]["nodeName"] = NODE.into();
        }
    }
    (workloads, policies)
}

fn find(objects: &[Object], is_it: impl Fn(&Object) -> bool) -> Object {
    let mut pods = objects.iter().filter(|object| object["kind"] == "Pod");
    pods.find(|pod| is_it(pod)).cloned().unwrap_or_default()
}

fn of(object: &Object) -> String {
    object["metadata"]["namespace"].as_str().unwrap_or_default().to_owned()
}

/// An agent without a kernel.
struct Node {
    index: Index,
    session: Session,
    /// As the flow log and whoever cuts connections keep it.
    told: Session,
    lowering: Lowering,
    verifier: Verifier,
    state: KernelState,
    settings: Settings,
}

impl Node {
    fn new(workloads: &[Object], policies: &[Object]) -> Self {
        let mut index = Index::new(Options::default());
        for kind in Stored::ALL {
            index.take(Event::Begin(kind));
            index.take(Event::End(kind));
        }
        for object in workloads {
            let kind = if object["kind"] == "Pod" { Stored::Pod } else { Stored::Namespace };
            index.take(put(object, kind));
        }
        policies.iter().for_each(|policy| index.take(put(policy, Stored::Policy)));
        let session = index.session();
        Self {
            index,
            told: session.clone(),
            session,
            lowering: Lowering::default(),
            verifier: Verifier::default(),
            state: KernelState::default(),
            settings: Settings::default(),
        }
    }

    fn change(&mut self, event: Event) -> [Duration; 5] {
        self.session = Session::new(Options::default());
        let start = Instant::now();
        self.index.take(event);
        self.session = self.index.session();
        let compile = start.elapsed();
        let [lower, verify, plan] = self.bring();
        [compile, lower, verify, plan, compile + lower + verify + plan]
    }

    fn bring(&mut self) -> [Duration; 3] {
        let (model, policies) = (self.session.model(), self.session.policies());
        let input = Input {
            model,
            policies,
            node: NODE,
            settings: &self.settings,
            wiring: &UNKNOWN_WIRING,
        };
        let start = Instant::now();
        let program = self.lowering.lower(input);
        let lowered = Instant::now();
        let verified = self.verifier.verify(&program, input);
        let lower = lowered - start;
        let verify = lowered.elapsed();
        assert!(verified.is_ok(), "{verified:?}");
        let start = Instant::now();
        let plan = plan(&self.state, &program);
        let texts: usize = plan.now.iter().map(|step| step.text().len()).sum();
        plan.now.iter().for_each(|step| self.state.apply(step));
        let planned = start.elapsed();
        assert!(texts < 1 << 30);
        plan.sweep.iter().for_each(|step| self.state.apply(step));
        self.told = self.session.clone();
        [lower, verify, planned]
    }
}

fn heads() -> String {
    PHASES.map(|phase| format!("{phase:>15}")).concat()
}

fn line(times: &[[Duration; 5]]) -> String {
    let column = |phase: usize| {
        let mut column: Vec<Duration> = times.iter().map(|times| times[phase]).collect();
        column.sort_unstable();
        let at = |share: usize| column[column.len() * share / 100].as_secs_f64() * 1e3;
        format!("{:8.3} {:6.3}", at(50), at(99))
    };
    [0, 1, 2, 3, 4].map(column).concat()
}
