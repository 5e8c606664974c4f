//! What the agent tells of itself: metrics, health and readiness, the flow log, complaints about
//! policies that are not enforced as written, and a warning where Services hide their clients.

mod complaint;
pub mod flowlog;
mod http;
pub mod masquerade;
mod metrics;
pub mod unenforced;

pub use complaint::{Complaint, Reporter};
pub use http::serve;
pub use metrics::{Metrics, Phase};

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
    /// Why the agent is not ready; none if it is.
    obstacle: Option<String>,
    /// When the loop last came round.
    beat: Instant,
}

impl Default for Status {
    fn default() -> Self {
        let obstacle = Some("nothing has been applied yet".to_owned());
        let state = Mutex::new(State { obstacle, beat: Instant::now() });
        Self { metrics: Metrics::default(), state }
    }
}

impl Status {
    /// Says that the desired state is in force.
    pub fn ready(&self) {
        self.state().obstacle = None;
        self.metrics.ready.set(1);
    }

    /// Says why the desired state is not, or not for certain, in force.
    pub fn not_ready(&self, obstacle: impl Into<String>) {
        self.state().obstacle = Some(obstacle.into());
        self.metrics.ready.set(0);
    }

    /// Says that the loop is alive.
    pub fn beat(&self) {
        self.state().beat = Instant::now();
    }

    /// Why the agent is not ready; none if it is.
    pub fn obstacle(&self) -> Option<String> {
        self.state().obstacle.clone()
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
}
