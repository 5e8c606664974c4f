//! Watching kinds that the server may not serve: ClusterNetworkPolicy and Calico's kinds, whose
//! definitions have to be installed, and can be removed again.
//!
//! A kind that is not served has no objects, and an agent need not wait for it. But only the
//! server can say so, and in so many words: an answer such as 403 or 503, or none, says nothing,
//! and what was known stays. Nor does a 404 of a server that has just started: it may not have
//! seen its definitions yet, so it must also be ready.
//!
//! Kinds of one API ask together: what one has learnt is [`Known`] to the others for a while.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::Value;
use tokio::sync::Mutex;
use tokio::time::sleep;

use super::follower::{Ended, Follower};
use super::places::{self, Place};
use super::request::{Resource, WatchError, json};
use super::{WatchContext, backoff};
use portcullis_engine::live::Event;
use portcullis_engine::manifest::Stored;

/// A watch that ended sooner than this is begun again after a pause that grows.
const SHORT: Duration = Duration::from_secs(10);

/// How long a server that keeps its readiness to itself gets to see its definitions.
const SETTLING: Duration = Duration::from_secs(1);

/// What the server has said of its APIs last, by path, and when: none of what it does not serve.
pub type Known = Arc<Mutex<BTreeMap<&'static str, (Instant, Option<Value>)>>>;

/// Watches a kind where it is served, until nobody listens any more.
pub async fn follow_where_served(context: WatchContext, kind: Stored, known: Known) {
    Discovery { context, kind, known, found: None, failures: 0 }.run().await;
}

struct Discovery {
    context: WatchContext,
    kind: Stored,
    known: Known,
    /// What was found last, and told; none before the first answer.
    found: Option<Found>,
    /// Failures in a row.
    failures: u32,
}

/// What the server says of the kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Found {
    Served(Place),
    Absent,
}

/// How old an answer may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Age {
    /// It is asked for again.
    New,
    /// One that another kind's question has brought is as good.
    Recent,
}

impl Discovery {
    async fn run(mut self) {
        loop {
            match self.discover().await {
                Ok(Found::Served(place)) => {
                    if self.follow(place).await == Ended::Closed {
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

    /// Follows the kind in a place until it is gone from there.
    async fn follow(&mut self, place: Place) -> Ended {
        if self.found != Some(Found::Served(place)) {
            let (version, kind) = (place.version, places::title(self.kind));
            tracing::info!(version, "{kind} is served; watching");
        }
        self.found = Some(Found::Served(place));
        let start = Instant::now();
        let follower = Follower::new(self.context.clone(), Resource::at(self.kind, place));
        let ended = tokio::select! {
            ended = follower.run() => ended,
            () = self.until_not(place) => Ended::NotServed,
        };
        if ended == Ended::NotServed {
            self.known.lock().await.clear();
        }
        self.failures = if start.elapsed() < SHORT { self.failures.saturating_add(1) } else { 0 };
        if ended == Ended::NotServed && self.failures > 0 {
            sleep(self.context.patience.backoff.wait(self.failures, None)).await;
        }
        ended
    }

    /// Waits until the server says that something else is served. The watch may outlive the
    /// definition; whoever fails to ask learns that from the watch itself.
    async fn until_not(&self, place: Place) {
        loop {
            sleep(self.pause()).await;
            let found = self.served(Age::Recent).await;
            if found.is_ok_and(|found| found != Found::Served(place)) {
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
        let kind = self.kind;
        if kind == Stored::ClusterPolicy || places::is_announced(kind) {
            let kind = places::title(kind);
            tracing::info!(
                "{kind} is not served: no such policies are enforced until its \
                 CustomResourceDefinition is installed"
            );
        }
        self.context.status.listed(Resource::of(kind).name);
        self.context.send(vec![Event::Begin(kind), Event::End(kind)])
    }

    async fn discover(&self) -> Result<Found, WatchError> {
        let found = self.served(Age::Recent).await?;
        if found != Found::Absent || self.found == Some(found) {
            return Ok(found);
        }
        self.ready().await?;
        self.served(Age::New).await
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
        let kind = Resource::of(self.kind).name;
        tracing::warn!(kind, %error, ?wait, "could not discover whether the kind is served; retrying");
        self.context.status.metrics.watch_errors.inc();
        if error.is_forbidden() && self.found.is_none() {
            self.context.status.not_listed(kind, error);
        }
        sleep(wait).await;
    }

    /// What the server serves now.
    async fn served(&self, age: Age) -> Result<Found, WatchError> {
        for place in places::of(self.kind) {
            let group = self.resources(place.group, age).await?;
            let has_version = |group: &Value| has(group, "versions", "version", place.version);
            if !group.is_some_and(|group| has_version(&group)) {
                continue;
            }
            let resources = self.resources(place.base, age).await?;
            let needed = places::needed(self.kind);
            // The group may have nothing but other kinds.
            if resources.is_some_and(|all| has(&all, "resources", "name", needed)) {
                return Ok(Found::Served(*place));
            }
        }
        Ok(Found::Absent)
    }

    /// What the server says at a path; none if there is nothing. Who asks while another one does
    /// waits for that answer.
    async fn resources(&self, path: &'static str, age: Age) -> Result<Option<Value>, WatchError> {
        let mut known = self.known.lock().await;
        let recent = self.context.patience.discovery / 2;
        if let Some((when, answer)) = known.get(path)
            && age == Age::Recent
            && when.elapsed() < recent
        {
            return Ok(answer.clone());
        }
        let answer = if_there(json(&self.context, path).await)?;
        self.context.status.heard(Resource::of(self.kind).name);
        known.insert(path, (Instant::now(), answer.clone()));
        Ok(answer)
    }

    /// Random in its last third: all agents would ask at once otherwise.
    fn pause(&self) -> Duration {
        let poll = self.context.patience.discovery;
        poll + backoff::between(poll / 2)
    }
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
