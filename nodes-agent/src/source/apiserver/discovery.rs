//! Watching a kind that the server may not serve: ClusterNetworkPolicy, whose definition has to be
//! installed, and can be removed again.
//!
//! A kind that is not served has no objects, and an agent need not wait for it. But only the
//! server can say so, and in so many words: an answer such as 403 or 503, or none, says nothing,
//! and what was known stays. Nor does a 404 of a server that has just started: it may not have
//! seen its definitions yet, so it must also be ready.

use std::time::{Duration, Instant};

use serde_json::Value;
use tokio::time::sleep;

use super::follower::{Ended, Follower};
use super::request::{ClusterPolicyVersion, Resource, WatchError, json};
use super::{WatchContext, backoff};
use portcullis_engine::live::Event;
use portcullis_engine::manifest::Stored;

const GROUP: &str = "/apis/policy.networking.k8s.io";

/// A watch that ended sooner than this is begun again after a pause that grows.
const SHORT: Duration = Duration::from_secs(10);

/// How long a server that keeps its readiness to itself gets to see its definitions.
const SETTLING: Duration = Duration::from_secs(1);

/// Watches ClusterNetworkPolicies where they are served, until nobody listens any more.
pub async fn follow_cluster_policies(context: WatchContext) {
    Discovery { context, found: None, failures: 0 }.run().await;
}

struct Discovery {
    context: WatchContext,
    /// What was found last, and told; none before the first answer.
    found: Option<Found>,
    /// Failures in a row.
    failures: u32,
}

/// What the server says of the kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Found {
    Served(ClusterPolicyVersion),
    Absent,
}

impl Discovery {
    async fn run(mut self) {
        loop {
            match self.discover().await {
                Ok(Found::Served(version)) => {
                    if self.follow(version).await == Ended::Closed {
                        return;
                    }
                }
                Ok(Found::Absent) => {
                    if self.tell_absent().is_err() {
                        return;
                    }
                    sleep(self.pause()).await;
                }
                Err(error) => self.recover(&error).await,
            }
        }
    }

    /// Follows a version until it is gone.
    async fn follow(&mut self, version: ClusterPolicyVersion) -> Ended {
        if self.found != Some(Found::Served(version)) {
            tracing::info!(version = version.name(), "ClusterNetworkPolicy is served; watching");
        }
        self.found = Some(Found::Served(version));
        let start = Instant::now();
        let follower = Follower::new(self.context.clone(), Resource::cluster_policies(version));
        let ended = tokio::select! {
            ended = follower.run() => ended,
            () = self.until_not(version) => Ended::NotServed,
        };
        self.failures = if start.elapsed() < SHORT { self.failures.saturating_add(1) } else { 0 };
        if ended == Ended::NotServed && self.failures > 0 {
            sleep(self.context.patience.backoff.wait(self.failures, None)).await;
        }
        ended
    }

    /// Waits until the server says that something else is served. The watch may outlive the
    /// definition; whoever fails to ask learns that from the watch itself.
    async fn until_not(&self, version: ClusterPolicyVersion) {
        loop {
            sleep(self.pause()).await;
            if served(&self.context).await.is_ok_and(|found| found != Found::Served(version)) {
                return;
            }
        }
    }

    /// That there are no objects, once.
    fn tell_absent(&mut self) -> Result<(), WatchError> {
        self.failures = 0;
        if self.found.replace(Found::Absent) == Some(Found::Absent) {
            return Ok(());
        }
        tracing::info!(
            "ClusterNetworkPolicy is not served: no such policies are enforced until its \
             CustomResourceDefinition is installed"
        );
        let kind = Stored::ClusterPolicy;
        self.context.status.listed(Resource::of(kind).name);
        self.context.send(vec![Event::Begin(kind), Event::End(kind)])
    }

    async fn discover(&self) -> Result<Found, WatchError> {
        let found = served(&self.context).await?;
        if found != Found::Absent || self.found == Some(found) {
            return Ok(found);
        }
        self.ready().await?;
        served(&self.context).await
    }

    /// Waits until the server may be believed that it does not serve a kind.
    async fn ready(&self) -> Result<(), WatchError> {
        match json(&self.context, "/readyz").await {
            // Its answer is a word, not JSON.
            Ok(_) | Err(WatchError::Answer(_)) => Ok(()),
            Err(WatchError::Refused { code: 401 | 403 | 404, .. }) => {
                sleep(SETTLING).await;
                Ok(())
            }
            Err(error) => Err(error),
        }
    }

    async fn recover(&mut self, error: &WatchError) {
        self.failures = self.failures.saturating_add(1);
        let wait = self.context.patience.backoff.wait(self.failures, error.retry_after());
        let kind = Resource::of(Stored::ClusterPolicy).name;
        tracing::warn!(kind, %error, ?wait, "could not discover whether the kind is served; retrying");
        self.context.status.metrics.watch_errors.inc();
        if error.is_forbidden() && self.found.is_none() {
            self.context.status.not_listed(kind, error);
        }
        sleep(wait).await;
    }

    /// Random in its last third: all agents would ask at once otherwise.
    fn pause(&self) -> Duration {
        let poll = self.context.patience.discovery;
        poll + backoff::between(poll / 2)
    }
}

/// What the server serves now.
async fn served(context: &WatchContext) -> Result<Found, WatchError> {
    let group = if_there(json(context, GROUP).await)?;
    context.status.heard(Resource::of(Stored::ClusterPolicy).name);
    let Some(group) = group else { return Ok(Found::Absent) };
    for version in ClusterPolicyVersion::ALL {
        if !has(&group, "versions", "version", version.name()) {
            continue;
        }
        let path = format!("{GROUP}/{}", version.name());
        let resources = if_there(json(context, &path).await)?;
        // The group may have nothing but other kinds.
        if resources.is_some_and(|all| has(&all, "resources", "name", "clusternetworkpolicies")) {
            return Ok(Found::Served(version));
        }
    }
    Ok(Found::Absent)
}

fn if_there(answer: Result<Value, WatchError>) -> Result<Option<Value>, WatchError> {
    match answer {
        Ok(value) => Ok(Some(value)),
        Err(error) if error.is_absent() => Ok(None),
        Err(error) => Err(error),
    }
}

/// Whether a list has an item of which a field is so.
fn has(value: &Value, list: &str, field: &str, wanted: &str) -> bool {
    let items = value.get(list).and_then(Value::as_array).into_iter().flatten();
    items.into_iter().any(|item| item.get(field).and_then(Value::as_str) == Some(wanted))
}
