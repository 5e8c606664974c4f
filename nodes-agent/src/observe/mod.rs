//! What the agent tells of itself: metrics, health and readiness, the flow log, complaints about
//! policies that are not enforced as written, a report of all policies, and a warning where Services hide their clients.

mod complaint;
pub mod flowlog;
mod http;
mod in_force;
mod labels;
pub mod masquerade;
mod metrics;
mod report;
pub mod unenforced;

pub use complaint::{Complaint, PolicyName, Reporter};
pub use http::{Endpoint, Paths, TlsFiles, serve};
pub use in_force::InForceLog;
pub use metrics::{Metrics, Phase, StatusWrite};
#[cfg(test)]
pub use report::policy;
pub use report::{Counts, Enforced, FamilySize, Identity, NodeReport, Nodes, shown};

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use portcullis_engine::report::NodePolicy;

/// The part of the agent without which a family is open, as operators know it.
pub const TABLES: &str = "tables";

/// How long the agent's loop may be silent before it counts as stuck: while it waits for something
/// to do, which is never for long, and while it is at work. A slow tool, or a program that takes
/// minutes to make, is no reason to kill the agent, which would begin it all again.
const PATIENCE: Duration = Duration::from_secs(120);
const PATIENCE_AT_WORK: Duration = Duration::from_secs(3600);

/// How long the loop may be at one piece of work before that keeps the agent from being ready.
const LONG_WORK: Duration = Duration::from_secs(60);

/// What is known of the agent at any time, by all its threads.
#[derive(Debug)]
pub struct Status {
    /// Numbers.
    pub metrics: Metrics,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    /// Why the desired state is not in force; none if it is.
    obstacle: Option<String>,
    /// Kinds of objects that the agent may not list, with what the API server answered: the
    /// desired state is then not all that the cluster says.
    not_listed: BTreeMap<&'static str, String>,
    /// Parts of the agent that do not work, and why.
    degraded: BTreeMap<&'static str, String>,
    /// What operators should know though it keeps nothing from being in force, by what it is about.
    notes: BTreeMap<&'static str, Vec<String>>,
    /// When the API server was last heard of each resource.
    heard: BTreeMap<&'static str, Instant>,
    /// When the kernel's rules were last read to compare them; at first, when the agent began.
    audited: Instant,
    /// When the loop last came round.
    beat: Instant,
    activity: Activity,
    identity: Identity,
    enforced: Enforced,
}

/// What the loop does since its last sign of life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Activity {
    /// It waits for something to do.
    Waiting,
    /// It works.
    Working,
}

impl State {
    fn new() -> Self {
        Self {
            obstacle: Some("nothing has been applied yet".to_owned()),
            not_listed: BTreeMap::new(),
            degraded: BTreeMap::new(),
            notes: BTreeMap::new(),
            heard: BTreeMap::new(),
            audited: Instant::now(),
            beat: Instant::now(),
            activity: Activity::Working,
            identity: Identity::default(),
            enforced: Enforced::default(),
        }
    }

    fn obstacles(&self) -> Option<String> {
        let parts = self.parts().map(|(_, why)| why.to_owned());
        let all: Vec<String> = self.why_not_in_force().into_iter().chain(parts).collect();
        (!all.is_empty()).then(|| all.join("; "))
    }

    /// Why what the cluster says is not in force, or not for certain.
    fn why_not_in_force(&self) -> Vec<String> {
        let tables = self.degraded.get(TABLES);
        let all = self.obstacle.iter().chain(self.not_listed.values()).chain(tables).cloned();
        all.chain(self.long_work()).collect()
    }

    /// Parts of the agent that do not work, and why, though all is in force.
    fn parts(&self) -> impl Iterator<Item = (&'static str, &str)> {
        let parts = self.degraded.iter().filter(|(part, _)| **part != TABLES);
        parts.map(|(part, why)| (*part, why.as_str()))
    }

    fn long_work(&self) -> Option<String> {
        let since = self.beat.elapsed();
        let long = self.activity == Activity::Working && since > LONG_WORK;
        long.then(|| format!("a change has been under way for {} s", since.as_secs()))
    }
}

impl Default for Status {
    fn default() -> Self {
        Self { metrics: Metrics::default(), state: Mutex::new(State::new()) }
    }
}

impl Status {
    /// Says that the desired state is in force.
    pub fn ready(&self) {
        self.update(|state| state.obstacle = None);
    }

    /// Says why the desired state is not, or not for certain, in force.
    pub fn not_ready(&self, obstacle: impl Into<String>) {
        let obstacle = obstacle.into();
        self.update(|state| state.obstacle = Some(obstacle));
    }

    /// Says that a kind may not be listed, and why.
    pub fn not_listed(&self, kind: &'static str, why: &dyn std::error::Error) {
        let why = format!("could not list {kind}: {why}");
        self.update(|state| drop(state.not_listed.insert(kind, why)));
    }

    /// Says that a kind has been listed.
    pub fn listed(&self, kind: &str) {
        self.update(|state| drop(state.not_listed.remove(kind)));
    }

    /// Whether all kinds could be listed.
    ///
    /// # Errors
    /// Why some could not.
    pub fn all_listed(&self) -> Result<(), String> {
        let why: Vec<String> = self.state().not_listed.values().cloned().collect();
        if why.is_empty() { Ok(()) } else { Err(why.join("; ")) }
    }

    /// Says that a part of the agent does not work, and why; whether that is new.
    pub fn degraded(&self, part: &'static str, why: &str) -> bool {
        let mut before = None;
        self.update(|state| before = state.degraded.insert(part, why.to_owned()));
        self.metrics.degraded(part, true);
        before.is_none_or(|before| before != why)
    }

    /// Says that a part works.
    pub fn restored(&self, part: &'static str) {
        self.update(|state| drop(state.degraded.remove(part)));
        self.metrics.degraded(part, false);
    }

    /// Says what operators should know about something, though all is in force; sentences that
    /// were not said last time.
    pub fn note(&self, about: &'static str, notes: Vec<String>) -> Vec<String> {
        self.metrics.noted(about, notes.len());
        let before = self.state().notes.insert(about, notes.clone()).unwrap_or_default();
        notes.into_iter().filter(|note| !before.contains(note)).collect()
    }

    /// What operators should know though all is in force, in the order of what it is about.
    pub fn notes(&self) -> Vec<String> {
        self.state().notes.values().flatten().cloned().collect()
    }

    /// Says who the agent is.
    pub fn identify(&self, identity: Identity) {
        self.state().identity = identity;
    }

    /// Says what the kernel has been brought to hold.
    pub fn enforced(&self, enforced: Enforced) {
        self.metrics.policies(Counts::of(&enforced.policies, enforced.pods));
        self.state().enforced = enforced;
    }

    /// Says what is to be said of policies while a change could not be applied.
    pub fn pending(&self, policies: Arc<[NodePolicy]>, nodes: Nodes) {
        let mut state = self.state();
        self.metrics.policies(Counts::of(&policies, state.enforced.pods));
        (state.enforced.policies, state.enforced.nodes) = (policies, nodes);
    }

    /// What is known of the cluster's nodes.
    pub fn nodes(&self) -> Nodes {
        self.state().enforced.nodes.clone()
    }

    fn update(&self, change: impl FnOnce(&mut State)) {
        let mut state = self.state();
        change(&mut state);
        self.metrics.ready.set(state.obstacles().is_none().into());
    }

    /// Says that the kernel's rules were read and compared.
    pub fn audited(&self) {
        self.state().audited = Instant::now();
    }

    /// Says that the API server was heard of a resource.
    pub fn heard(&self, resource: &'static str) {
        self.state().heard.insert(resource, Instant::now());
    }

    /// Says that the loop is alive, and what it does now.
    pub fn beat(&self, activity: Activity) {
        let mut state = self.state();
        (state.beat, state.activity) = (Instant::now(), activity);
    }

    /// Why the agent is not ready; none if it is.
    pub fn obstacle(&self) -> Option<String> {
        self.state().obstacles()
    }

    /// Whether the loop came round lately.
    pub fn alive(&self) -> bool {
        let state = self.state();
        let patience = match state.activity {
            Activity::Waiting => PATIENCE,
            Activity::Working => PATIENCE_AT_WORK,
        };
        state.beat.elapsed() < patience
    }

    /// All numbers, as Prometheus collects them.
    pub fn text(&self) -> String {
        // What depends on the time is counted when it is asked for.
        self.update(|state| {
            self.metrics.audit_age.set(state.audited.elapsed().as_secs_f64());
            for (resource, heard) in &state.heard {
                self.metrics.heard(resource, heard.elapsed());
            }
        });
        self.metrics.text()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // What is kept is whole after every statement.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn readiness_follows_what_was_said_last() {
        let status = Status::default();
        assert!(status.obstacle().is_some());
        status.ready();
        assert_eq!(status.obstacle(), None);
        status.not_ready("no");
        assert_eq!(status.obstacle().as_deref(), Some("no"));
        assert!(status.alive());
    }

    #[test]
    fn what_may_not_be_listed_keeps_it_from_being_ready() {
        let status = Status::default();
        status.ready();
        assert_eq!(status.metrics.ready.get(), 1);
        status.not_listed("nodes", &std::io::Error::other("no"));
        status.ready();
        assert_eq!(status.obstacle().as_deref(), Some("could not list nodes: no"));
        assert_eq!(status.metrics.ready.get(), 0);
        status.not_ready("broken");
        assert_eq!(status.obstacle().as_deref(), Some("broken; could not list nodes: no"));
        status.ready();
        status.listed("nodes");
        assert_eq!((status.obstacle(), status.metrics.ready.get()), (None, 1));
    }

    fn since(status: &Status, activity: Activity, ago: Duration) {
        let mut state = status.state();
        (state.beat, state.activity) = (Instant::now().checked_sub(ago).unwrap(), activity);
    }

    #[test]
    fn long_work_is_not_death() {
        let status = Status::default();
        status.ready();
        since(&status, Activity::Waiting, PATIENCE);
        assert!(!status.alive(), "nothing wakes the loop any more");
        since(&status, Activity::Working, PATIENCE);
        assert!(status.alive());
        assert_eq!(status.obstacle().as_deref(), Some("a change has been under way for 120 s"));
        assert!(status.text().contains("portcullis_ready 0"));
        since(&status, Activity::Working, PATIENCE_AT_WORK);
        assert!(!status.alive());
        status.beat(Activity::Working);
        assert_eq!((status.alive(), status.obstacle()), (true, None));
    }

    #[test]
    fn notes_are_said_once_and_keep_nothing_from_being_ready() {
        let status = Status::default();
        status.ready();
        let note = || vec!["pods share br0".to_owned()];
        assert_eq!(status.note("devices", note()), note());
        assert_eq!(status.note("devices", note()), Vec::<String>::new());
        assert_eq!((status.obstacle(), status.notes()), (None, note()));
        assert!(status.text().contains("portcullis_notes{about=\"devices\"} 1"));
        status.note("devices", Vec::new());
        assert_eq!(status.notes(), Vec::<String>::new());
        assert!(status.text().contains("portcullis_notes{about=\"devices\"} 0"));
    }

    #[test]
    fn parts_that_do_not_work_are_said() {
        let status = Status::default();
        status.ready();
        assert!(status.degraded("flow log", "could not log"));
        assert!(!status.degraded("flow log", "could not log"));
        assert_eq!(status.obstacle().as_deref(), Some("could not log"));
        assert!(status.text().contains("portcullis_degraded{part=\"flow log\"} 1"));
        status.restored("flow log");
        assert_eq!(status.obstacle(), None);
        assert!(status.text().contains("portcullis_degraded{part=\"flow log\"} 0"));
    }

    #[test]
    fn the_age_of_watches_grows() {
        let status = Status::default();
        let ago = Instant::now().checked_sub(Duration::from_secs(70)).unwrap();
        status.state().heard.insert("pods", ago);
        let text = status.text();
        assert!(text.contains("portcullis_watch_age_seconds{resource=\"pods\"} 70."), "{text}");
        status.heard("pods");
        let text = status.text();
        assert!(!text.contains("portcullis_watch_age_seconds{resource=\"pods\"} 70."), "{text}");
    }
}
