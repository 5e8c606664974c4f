//! What the agent tells of itself: metrics, health and readiness, the flow log, complaints about
//! policies that are not enforced as written, and a warning where Services hide their clients.

mod complaint;
pub mod flowlog;
mod http;
pub mod masquerade;
mod metrics;
pub mod unenforced;

pub use complaint::{Complaint, PolicyName, Reporter};
pub use http::serve;
pub use metrics::{Metrics, Phase};

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// How long the agent's loop may be silent before it counts as stuck.
const PATIENCE: Duration = Duration::from_secs(120);

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
    /// When the loop last came round.
    beat: Instant,
}

impl State {
    fn obstacles(&self) -> Option<String> {
        let all: Vec<&str> =
            self.obstacle.iter().chain(self.not_listed.values()).map(String::as_str).collect();
        (!all.is_empty()).then(|| all.join("; "))
    }
}

impl Default for Status {
    fn default() -> Self {
        let obstacle = Some("nothing has been applied yet".to_owned());
        let state =
            Mutex::new(State { obstacle, not_listed: BTreeMap::new(), beat: Instant::now() });
        Self { metrics: Metrics::default(), state }
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

    fn update(&self, change: impl FnOnce(&mut State)) {
        let mut state = self.state();
        change(&mut state);
        self.metrics.ready.set(state.obstacles().is_none().into());
    }

    /// Says that the loop is alive.
    pub fn beat(&self) {
        self.state().beat = Instant::now();
    }

    /// Why the agent is not ready; none if it is.
    pub fn obstacle(&self) -> Option<String> {
        self.state().obstacles()
    }

    /// Whether the loop came round lately.
    pub fn alive(&self) -> bool {
        self.state().beat.elapsed() < PATIENCE
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
}
