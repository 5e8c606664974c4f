//! The node's status object: a NodePolicyStatus, which says what is in force on the node.
//!
//! Nothing waits for it. It is looked at once in a while whether there is something else to say
//! than what was written last; then it is written, in one request, at a pace at which the agents of
//! all nodes together do not keep the API server busy. A server that does not have the kind, or does
//! not let it be written, is asked again after minutes.

mod object;
mod pace;
mod read;

use std::sync::Arc;
use std::time::{Duration, Instant};

use http::header::CONTENT_TYPE;
use kube::client::Body;
use serde_json::Value;
use tokio::time::sleep;

use super::connections::Connections;
use super::request::{WatchError, encoded, json_of};
use super::{Patience, backoff};
use crate::observe::{NodeReport, Status, StatusWrite};
use object::{Content, Transitions};
pub use pace::StatusPace;
pub use read::StatusReader;

/// Where objects of the kind are.
pub const NODE_STATUSES: &str = "/apis/portcullis.dev/v1alpha1/nodepolicystatuses";

/// For so long an agent that has started keeps it to itself that nothing has been applied yet: what
/// an agent before it applied is in force.
const STARTING: Duration = Duration::from_secs(60);

/// The status object of a node on its way to the API server.
#[derive(Debug)]
pub struct NodeStatus {
    node: String,
    pace: StatusPace,
    status: Arc<Status>,
    started: Instant,
    transitions: Transitions,
    written: Option<Written>,
    /// What came of the last attempt.
    last: Option<StatusWrite>,
    /// Failures in a row.
    failures: u32,
}

/// What was written last, and when.
#[derive(Debug)]
struct Written {
    content: Content,
    at: Instant,
}

impl NodeStatus {
    /// Of a node whose agent has this status.
    pub fn new(node: &str, pace: StatusPace, status: Arc<Status>) -> Self {
        Self {
            node: node.to_owned(),
            pace,
            status,
            started: Instant::now(),
            transitions: Transitions::default(),
            written: None,
            last: None,
            failures: 0,
        }
    }

    /// Writes it whenever there is something else to say.
    pub async fn run(mut self, connections: Connections, patience: Patience) {
        loop {
            sleep(self.pace.look).await;
            let Some((bytes, nodes)) = self.due() else { continue };
            let pause = self.pace.pause(nodes, bytes);
            // All nodes hear of a change in the same moment.
            sleep(backoff::between(pause)).await;
            let wait = match self.write(&connections, patience).await {
                Ok(()) => pause,
                Err(error) => self.failed(&error, patience).max(pause),
            };
            sleep(wait).await;
        }
    }

    /// How much is to be written, if anything is, and of how many nodes.
    fn due(&self) -> Option<(usize, usize)> {
        let nodes = self.status.nodes();
        nodes.own_uid?;
        let report = NodeReport::of(&self.status);
        if report.last_applied.is_none() && self.started.elapsed() < STARTING {
            return None;
        }
        let content = Content::of(&report);
        let is_due = self.written.as_ref().is_none_or(|written| {
            written.content != content || written.at.elapsed() >= self.pace.renew
        });
        is_due.then(|| (content.bytes(), nodes.count))
    }

    async fn write(
        &mut self,
        connections: &Connections,
        patience: Patience,
    ) -> Result<(), WatchError> {
        let Some(owner) = self.status.nodes().own_uid else { return Ok(()) };
        let report = NodeReport::of(&self.status);
        let content = Content::of(&report);
        let object = content.object((&self.node, &owner), &report, &mut self.transitions);
        apply(connections, &self.node, &object, patience).await?;
        self.written = Some(Written { content, at: Instant::now() });
        self.failures = 0;
        self.noted(StatusWrite::Written);
        Ok(())
    }

    /// How long to wait after a failure.
    fn failed(&mut self, error: &WatchError, patience: Patience) -> Duration {
        let result = match error {
            error if error.is_absent() => StatusWrite::Absent,
            error if error.is_forbidden() => StatusWrite::Forbidden,
            _ => StatusWrite::Failed,
        };
        let is_news = self.noted(result);
        let wait = match result {
            StatusWrite::Absent | StatusWrite::Forbidden => {
                self.pace.refused + backoff::between(self.pace.refused / 2)
            }
            _ => {
                self.failures = self.failures.saturating_add(1);
                patience.backoff.wait(self.failures, error.retry_after())
            }
        };
        if is_news {
            report(result, error);
        }
        wait
    }

    /// Counts what has come of an attempt; whether it is another thing than the last time.
    fn noted(&mut self, result: StatusWrite) -> bool {
        self.status.metrics.status_written(result);
        self.last.replace(result) != Some(result)
    }
}

/// Says once why nothing is written.
fn report(result: StatusWrite, error: &WatchError) {
    match result {
        StatusWrite::Absent => tracing::info!(
            "NodePolicyStatus is not served: the node's status is not written until its \
             CustomResourceDefinition is installed"
        ),
        StatusWrite::Forbidden => tracing::info!(%error, "may not write the node's status object"),
        _ => tracing::warn!(%error, "could not write the node's status object; retrying"),
    }
}

/// Has the API server hold an object as it is given, whether or not it has one of the name.
async fn apply(
    connections: &Connections,
    node: &str,
    object: &Value,
    patience: Patience,
) -> Result<(), WatchError> {
    let path = format!("{NODE_STATUSES}/{}", encoded(node));
    let query = "fieldManager=portcullis-agent&force=true";
    let request = http::Request::patch(format!("{path}?{query}"));
    // YAML, of which JSON is a part.
    let request = request.header(CONTENT_TYPE, "application/apply-patch+yaml");
    let body = Body::from(object.to_string().into_bytes());
    json_of(connections, request.body(body)?, patience).await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observe::{Enforced, Nodes};

    fn status() -> Arc<Status> {
        let status = Arc::<Status>::default();
        let applied = Some(std::time::SystemTime::now());
        let nodes = Nodes { own_uid: Some("u".into()), count: 3 };
        status.enforced(Enforced { applied, nodes, ..Enforced::default() });
        status.ready();
        status
    }

    fn written(of: &NodeStatus) -> Option<Written> {
        let content = Content::of(&NodeReport::of(&of.status));
        Some(Written { content, at: Instant::now() })
    }

    #[test]
    fn it_is_written_when_there_is_something_else_to_say() {
        let mut object = NodeStatus::new("n", StatusPace::default(), status());
        assert!(object.due().is_some(), "nothing has been said yet");
        object.written = written(&object);
        assert_eq!(object.due(), None);
        object.status.not_ready("no");
        assert!(object.due().is_some());
        object.written = written(&object);
        object.status.not_ready("a change has been under way for 75 s");
        assert_eq!(object.due(), None, "what only says it in other words can wait");
        object.pace.renew = Duration::ZERO;
        assert!(object.due().is_some(), "that the agent is alive is renewed");
    }

    #[test]
    fn nothing_is_written_before_there_is_a_node_and_something_is_applied() {
        let mut object = NodeStatus::new("n", StatusPace::default(), Arc::default());
        assert_eq!(object.due(), None);
        let nodes = Nodes { own_uid: Some("u".into()), count: 3 };
        object.status.pending(Arc::default(), nodes);
        assert_eq!(object.due(), None, "what an agent before this one applied is in force");
        object.started = object.started.checked_sub(STARTING).unwrap();
        assert!(object.due().is_some(), "but it is not for long that nobody needs to know");
    }

    #[test]
    fn who_refuses_is_asked_again_after_minutes_and_that_is_said_once() {
        let mut object = NodeStatus::new("n", StatusPace::default(), status());
        let refused =
            |code| WatchError::Refused { code, message: String::new(), retry_after: None };
        let minutes = StatusPace::default().refused;
        for (code, result) in [(404, StatusWrite::Absent), (403, StatusWrite::Forbidden)] {
            assert!(object.failed(&refused(code), Patience::default()) >= minutes);
            assert!(!object.noted(result), "it is known");
        }
        object.failed(&refused(503), Patience::default());
        assert_eq!((object.last, object.failures), (Some(StatusWrite::Failed), 1));
        assert_eq!(object.status.metrics.status_writes(StatusWrite::Absent), 2);
    }
}
