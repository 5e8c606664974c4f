//! Clusters of namespaces whose agents follow the API server.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::{Duration, Instant};

use portcullis_agent::enforce::{Attachment, Enforcer, HostEndpoints};
use portcullis_agent::kernel::iptables::{Backend, Iptables};
use portcullis_engine::Session;
use portcullis_engine::dataplane::{Input, KernelState, Lowering, Settings, TableState, Wiring};
use portcullis_engine::net::Family;
use portcullis_packets::fabric;
use portcullis_packets::host::Host;
use portcullis_packets::probe::Probe;
use serde_json::Value;

use super::objects::session_of;
use super::server::Server;
use crate::run::agent::Running;
use crate::run::scenario::Scenario;

/// How long a change may be on its way, on a busy machine, through pauses between attempts; and
/// after how much of that it is said what is waited for.
const PATIENCE: Duration = Duration::from_secs(40);
const LONG: Duration = Duration::from_secs(6);

/// The longest turn that counts as long as it took: a machine that stands still is none that works.
const TURN: Duration = Duration::from_secs(1);

/// Waiting, a turn at a time.
pub struct Patience {
    waited: Duration,
    turn: Instant,
    told: bool,
}

impl Default for Patience {
    fn default() -> Self {
        Self { waited: Duration::ZERO, turn: Instant::now(), told: false }
    }
}

impl Patience {
    /// Whether it has been long; once.
    pub fn is_long(&mut self) -> bool {
        let first = !self.told && self.waited > LONG;
        self.told |= first;
        first
    }

    /// Whether it has been too long.
    pub fn is_over(&self) -> bool {
        self.waited > PATIENCE
    }

    /// Waits as long as the last look took, or a little: what is waited for needs the processor,
    /// too.
    pub fn rest(&mut self) {
        std::thread::sleep(self.turn.elapsed().clamp(Duration::from_millis(20), TURN));
        self.waited += self.turn.elapsed().min(TURN);
        self.turn = Instant::now();
    }
}

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
        kinds: &[(fabric::Wiring, Backend)],
        build: impl Fn((fabric::Wiring, Backend)) -> Scenario + Sync,
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
            let wanted = state(session, &node.host);
            let mut patience = Patience::default();
            loop {
                let held = held(&node.host, self.scenario.backend);
                if held.as_ref().is_some_and(|held| is_in_force(&wanted, held)) {
                    break;
                }
                let what = || differences(&wanted, held.as_ref());
                let (name, log) = (&node.host.name, || Running::log(&self.scenario, at));
                if patience.is_long() {
                    println!("packets: {name} is not yet as it should be: {}", what());
                }
                assert!(!patience.is_over(), "{name} is not right: {}; {}", what(), log());
                patience.rest();
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
fn state(session: &Session, node: &Host) -> KernelState {
    let mut lowering = Lowering::default();
    let mut attachment = Attachment::default().with_host(&node.name, HostEndpoints::Objects);
    let (settings, model, policies) = (Settings::default(), session.model(), session.policies());
    let mut lower = |wiring: &Wiring| {
        let input = Input { model, policies, node: &node.name, settings: &settings, wiring };
        (lowering.lower(input), lowering.local_pods().map(|(g, own)| (g, own.clone())).collect())
    };
    let (_, pods): (_, Vec<_>) = lower(&Wiring::default());
    let local = pods.iter().map(|(group, own)| (*group, own));
    node.namespace.enter(|| Ok(attachment.follow(model, local).unwrap())).unwrap();
    KernelState::of(&lower(attachment.wiring()).0)
}

/// What is ours in a node's kernel; none if it changed so much meanwhile that the tools failed.
fn held(node: &Host, backend: Backend) -> Option<KernelState> {
    let enforcer = Enforcer::new(Iptables::find(Some(backend)).unwrap(), "PCL");
    node.namespace.enter(|| Ok(enforcer.held().ok())).unwrap()
}

/// Whether all that packets meet is as it is to be: everything that the chains reach at which they
/// begin is among what is wanted.
fn is_in_force(wanted: &KernelState, held: &KernelState) -> bool {
    let tables = families(wanted, held).all(|(family, wanted, held)| {
        let texts = |table: &TableState, name| table.chains.get(name).map(|c| c.texts(family));
        let begins = |name| match (texts(wanted, name), texts(held, name)) {
            (Some(wanted), Some(held)) => begins_with(&held, &wanted),
            _ => false,
        };
        wanted.hooks == held.hooks && wanted.chains.keys().all(begins)
    });
    tables && wanted.sets.iter().all(|(name, set)| held.sets.get(name) == Some(set))
}

/// Whether rules are these, or begin with these of which the last one ends every packet's way:
/// what comes after that is only not removed yet.
pub fn begins_with(held: &[String], wanted: &[String]) -> bool {
    let ends = wanted.last().is_some_and(|rule| rule == "-j RETURN");
    held == wanted || ends && held.starts_with(wanted)
}

fn families<'s>(
    wanted: &'s KernelState,
    held: &'s KernelState,
) -> impl Iterator<Item = (Family, &'s TableState, &'s TableState)> {
    wanted.tables.iter().map(|(family, wanted)| (family, wanted, &held.tables[family]))
}

/// Names of what is not the same.
fn differences(wanted: &KernelState, held: Option<&KernelState>) -> String {
    let Some(held) = held else { return "it cannot be read".into() };
    let mut names: BTreeSet<String> = BTreeSet::new();
    for (family, wanted, held) in families(wanted, held) {
        let all = wanted.chains.keys().chain(held.chains.keys());
        let other = all.filter(|name| wanted.chains.get(*name) != held.chains.get(*name));
        let texts = |state: &TableState, name| state.chains.get(name).map(|c| c.texts(family));
        names.extend(other.map(|name| {
            format!("{name}: {:?} instead of {:?}", texts(held, name), texts(wanted, name))
        }));
        names.extend((wanted.hooks != held.hooks).then(|| format!("hooks {:?}", held.hooks)));
    }
    let all = wanted.sets.keys().chain(held.sets.keys());
    let other = all.filter(|name| wanted.sets.get(*name) != held.sets.get(*name));
    names.extend(other.map(ToString::to_string));
    names.into_iter().collect::<Vec<_>>().join(", ")
}
