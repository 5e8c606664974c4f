//! Clusters of namespaces whose agents follow the API server.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::{Duration, Instant};

use portcullis_agent::enforce::Enforcer;
use portcullis_agent::kernel::{Backend, Kernel};
use portcullis_engine::Session;
use portcullis_engine::dataplane::{Input, KernelState, Settings, lower};
use portcullis_packets::fabric::Wiring;
use portcullis_packets::host::Host;
use portcullis_packets::probe::Probe;
use serde_json::Value;

use super::objects::session_of;
use super::server::Server;
use crate::run::agent::Running;
use crate::run::scenario::Scenario;

/// How long a change may be on its way, on a busy machine, through pauses between attempts.
pub const PATIENCE: Duration = Duration::from_secs(40);

/// A cluster that is there, and the agents of its nodes.
pub struct Stage {
    // INVARIANT: dropped in this order: agents end before their nodes.
    pub agents: Vec<Running>,
    pub scenario: Scenario,
}

impl Stage {
    /// Clusters of the same objects, wired and enforced in these ways, on a server.
    pub fn build(
        server: &mut Server,
        kinds: &[(Wiring, Backend)],
        build: impl Fn((Wiring, Backend)) -> Scenario + Sync,
    ) -> Vec<Self> {
        let stages = together(kinds, |kind| Self { agents: Vec::new(), scenario: build(*kind) });
        for stage in &stages {
            server.attach(&stage.scenario.fabric);
        }
        stages
    }

    /// Starts an agent on every node.
    pub fn start_agents(&mut self, kubeconfig: &Path, more: &[&str]) {
        let nodes = 0..self.scenario.fabric.nodes.len();
        let follow = |node| Running::follow(&self.scenario, node, kubeconfig, more);
        self.agents = nodes.map(follow).collect();
    }

    /// Waits until on every node that is in force which a state asks for, whatever else is not
    /// removed yet.
    fn settle(&self, session: &Session) {
        for (at, node) in self.scenario.fabric.nodes.iter().enumerate() {
            let wanted = state(session, &node.host.name);
            let start = Instant::now();
            loop {
                let held = held(&node.host, self.scenario.backend);
                if held.as_ref().is_some_and(|held| is_in_force(&wanted, held)) {
                    break;
                }
                if start.elapsed() > PATIENCE {
                    let log = Running::log(&self.scenario, at);
                    let what = differences(&wanted, held.as_ref());
                    panic!("{}: what is not as it should be: {what}; {log}", node.host.name);
                }
                std::thread::sleep(Duration::from_millis(20));
            }
        }
    }

    /// Sends probes of new connections and compares with what was expected, and with what the
    /// engine says.
    pub fn expect(&self, probes: &[Probe], expected: &[bool]) {
        self.scenario.forget();
        for (probe, expected) in probes.iter().zip(expected) {
            assert_eq!(self.scenario.allows(probe), *expected, "engine: {probe}");
        }
        self.scenario.expect(probes, expected);
    }
}

/// Has the engine be asked about these objects.
pub fn know(stages: &mut [Stage], objects: &[Value]) {
    stages.iter_mut().for_each(|stage| stage.scenario.session = session_of(objects));
}

/// Waits until all of them are as these objects ask for.
pub fn settle(stages: &[Stage], objects: &[Value]) {
    let session = session_of(objects);
    together(stages, |stage| stage.settle(&session));
}

/// Does the same work for each at the same time.
pub fn together<T: Sync, R: Send>(all: &[T], work: impl Fn(&T) -> R + Sync) -> Vec<R> {
    std::thread::scope(|scope| {
        let threads: Vec<_> = all.iter().map(|one| scope.spawn(|| work(one))).collect();
        let join = |thread: std::thread::ScopedJoinHandle<'_, R>| {
            thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
        };
        threads.into_iter().map(join).collect()
    })
}

/// What a node's kernel holds after nothing but a state was enforced.
fn state(session: &Session, node: &str) -> KernelState {
    let settings = Settings::default();
    let (model, policies) = (session.model(), session.policies());
    KernelState::of(&lower(Input { model, policies, node, settings: &settings }))
}

/// What is ours in a node's kernel; none if it changed so much meanwhile that the tools failed.
fn held(node: &Host, backend: Backend) -> Option<KernelState> {
    let enforcer = Enforcer::new(Kernel::find(Some(backend)).unwrap(), "PCL");
    node.namespace.enter(|| Ok(enforcer.held().ok())).unwrap()
}

/// Whether all that packets meet is as it is to be: everything that the chains reach at which they
/// begin is among what is wanted.
fn is_in_force(wanted: &KernelState, held: &KernelState) -> bool {
    let tables = wanted.tables.iter().zip(&held.tables).all(|(wanted, held)| {
        let mut chains = wanted.chains.iter();
        wanted.hooks == held.hooks
            && chains.all(|(name, chain)| held.chains.get(name) == Some(chain))
    });
    tables && wanted.sets.iter().all(|(name, set)| held.sets.get(name) == Some(set))
}

/// Names of what is not the same.
fn differences(wanted: &KernelState, held: Option<&KernelState>) -> String {
    let Some(held) = held else { return "it cannot be read".into() };
    let mut names: BTreeSet<String> = BTreeSet::new();
    for (wanted, held) in wanted.tables.iter().zip(&held.tables) {
        let all = wanted.chains.keys().chain(held.chains.keys());
        let other = all.filter(|name| wanted.chains.get(*name) != held.chains.get(*name));
        names.extend(other.map(ToString::to_string));
        names.extend((wanted.hooks != held.hooks).then(|| format!("hooks {:?}", held.hooks)));
    }
    let all = wanted.sets.keys().chain(held.sets.keys());
    let other = all.filter(|name| wanted.sets.get(*name) != held.sets.get(*name));
    names.extend(other.map(ToString::to_string));
    names.into_iter().collect::<Vec<_>>().join(", ")
}
