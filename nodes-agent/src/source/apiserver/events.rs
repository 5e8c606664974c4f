//! Events that tell a policy's owner that it is not enforced as it is written.
//!
//! Every node finds the same, and one Event is enough: it is named by what it says, so that the API
//! server refuses the others.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use k8s_openapi::apimachinery::pkg::apis::meta::v1::MicroTime;
use k8s_openapi::jiff::Timestamp;
use kube::client::Body;
use portcullis_engine::manifest::Stored;
use serde_json::{Value, json};
use tokio::sync::mpsc::{Receiver, channel};
use tokio::time::sleep;

use super::connections::Connections;
use super::places::{self, Place};
use super::request::{WatchError, encoded, json_of};
use super::{Patience, backoff};
use crate::observe::{Complaint, PolicyName, Reporter};

/// How many complaints may wait; more are left out.
const WAITING: usize = 256;

/// For so long a complaint is not repeated: about as long as the API server keeps Events.
const KEPT: Duration = Duration::from_secs(3600);

/// The longest note that the API server takes, in bytes.
const LONGEST: usize = 1024;

/// Complaints on their way to the API server.
#[derive(Debug)]
pub struct Events {
    reporter: Reporter,
    complaints: Receiver<Complaint>,
    node: String,
    pace: EventPace,
    /// Names of Events, and when the API server had them.
    created: HashMap<String, Instant>,
}

/// How fast Events may come. All nodes have them at the same time.
#[derive(Clone, Copy, Debug)]
pub struct EventPace {
    /// Up to so long is waited at first.
    pub spread: Duration,
    /// So long is waited after each.
    pub between: Duration,
}

impl Default for EventPace {
    fn default() -> Self {
        Self { spread: Duration::from_secs(10), between: Duration::from_secs(1) }
    }
}

impl Events {
    /// Events that a node tells.
    pub fn of(node: &str, pace: EventPace) -> Self {
        let (to, complaints) = channel(WAITING);
        let (reporter, created) = (Reporter::new(to), HashMap::new());
        Self { reporter, complaints, node: node.to_owned(), pace, created }
    }

    /// Who takes complaints for them.
    pub fn reporter(&self) -> Reporter {
        self.reporter.clone()
    }

    /// The next complaint that waits.
    #[cfg(test)]
    pub fn waiting(&mut self) -> Option<Complaint> {
        self.complaints.try_recv().ok()
    }

    /// Tells of complaints as they come.
    pub async fn run(mut self, connections: Connections, patience: Patience) {
        sleep(backoff::between(self.pace.spread)).await;
        while let Some(complaint) = self.complaints.recv().await {
            self.created.retain(|_, created| created.elapsed() < KEPT);
            if let Err(error) = self.tell(&connections, &complaint, patience).await {
                tracing::warn!(%error, "could not create an Event");
            }
            sleep(self.pace.between).await;
        }
    }

    /// Has the API server make an Event, unless it has it or the policy is gone.
    async fn tell(
        &mut self,
        connections: &Connections,
        complaint: &Complaint,
        patience: Patience,
    ) -> Result<(), WatchError> {
        let Some(regarding) = regarding(connections, &complaint.policy, patience).await? else {
            return Ok(());
        };
        let uid = regarding.get("uid").and_then(Value::as_str).unwrap_or_default();
        let name = name(uid, &complaint.what);
        if self.created.contains_key(&name) {
            return Ok(());
        }
        let namespace = encoded(namespace(&complaint.policy));
        let path = format!("/apis/events.k8s.io/v1/namespaces/{namespace}/events");
        let body = event(complaint, (&regarding, &name), &self.node).to_string().into_bytes();
        let request = http::Request::post(path).header("Content-Type", "application/json");
        match json_of(connections, request.body(Body::from(body))?, patience).await {
            Ok(_) | Err(WatchError::Refused { code: 409, .. }) => {}
            Err(error) => return Err(error),
        }
        self.created.insert(name, Instant::now());
        Ok(())
    }
}

/// The namespace of Events about a policy: of one that has none, `default`, as the API has it.
fn namespace(policy: &PolicyName) -> &str {
    policy.namespace.as_deref().unwrap_or("default")
}

/// What an Event about a policy refers to; none if the policy is gone.
async fn regarding(
    connections: &Connections,
    policy: &PolicyName,
    patience: Patience,
) -> Result<Option<Value>, WatchError> {
    for (version, path) in lists(policy) {
        // The agent may list policies, but not ask for one.
        let path = format!("{path}?fieldSelector=metadata.name%3D{}", encoded(&policy.name));
        let found =
            json_of(connections, http::Request::get(path).body(Body::empty())?, patience).await;
        let found = match found {
            Err(error) if error.is_absent() => continue,
            found => found?,
        };
        let uid = found.pointer("/items/0/metadata/uid").and_then(Value::as_str);
        return Ok(uid.map(|uid| reference(policy, &version, uid)));
    }
    Ok(None)
}

/// Versions of a policy's kind, and where its objects are.
fn lists(policy: &PolicyName) -> Vec<(String, String)> {
    let namespace = policy.namespace.as_ref();
    let within = namespace.map_or_else(String::new, |own| format!("/namespaces/{}", encoded(own)));
    let Some(names) = places::names(policy.kind) else {
        let version = "networking.k8s.io/v1";
        let path = format!("/apis/{version}{within}/networkpolicies");
        return vec![(version.to_owned(), path)];
    };
    let list = |place: &Place| {
        let version = place.base.trim_start_matches("/apis/").to_owned();
        (version, format!("{}{within}/{}", place.base, names.plural))
    };
    places::of(policy.kind).iter().map(list).collect()
}

fn reference(policy: &PolicyName, version: &str, uid: &str) -> Value {
    let name = &policy.name;
    let kind = match policy.kind {
        Stored::Calico(kind) => kind.name(),
        Stored::ClusterPolicy => "ClusterNetworkPolicy",
        _ => "NetworkPolicy",
    };
    let mut all = json!({"apiVersion": version, "kind": kind, "name": name, "uid": uid});
    if let (Some(namespace), Some(fields)) = (&policy.namespace, all.as_object_mut()) {
        fields.insert("namespace".to_owned(), json!(namespace));
    }
    all
}

fn event(complaint: &Complaint, (regarding, name): (&Value, &str), node: &str) -> Value {
    let Complaint { policy, what } = complaint;
    let end = (0..=LONGEST.min(what.len())).rev().find(|end| what.is_char_boundary(*end));
    json!({
        "apiVersion": "events.k8s.io/v1",
        "kind": "Event",
        "metadata": {"name": name, "namespace": namespace(policy)},
        "eventTime": MicroTime(Timestamp::now()),
        "type": "Warning",
        "reason": "NotEnforcedAsWritten",
        "action": "Enforce",
        "note": what.get(..end.unwrap_or(0)),
        "reportingController": "portcullis-agent",
        "reportingInstance": node,
        "regarding": regarding,
    })
}

/// The same on every node, whichever version it runs: so the hash is one that is written down
/// (FNV-1a) and not the standard library's, which may change.
fn name(uid: &str, what: &str) -> String {
    let bytes = uid.bytes().chain([0]).chain(what.bytes());
    let hash = bytes.fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    });
    format!("portcullis-{hash:016x}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn complaint(what: &str) -> Complaint {
        let (namespace, name) = (Some("shop".into()), "db".into());
        let policy = PolicyName { kind: Stored::Policy, namespace, name };
        Complaint { policy, what: what.into() }
    }

    #[test]
    fn the_same_about_the_same_policy_has_the_same_name() {
        assert_eq!(name("1", "odd"), name("1", "odd"));
        assert_ne!(name("1", "odd"), name("2", "odd"));
        assert_ne!(name("1", "odd"), name("1", "other"));
    }

    #[test]
    fn notes_are_cut_where_a_letter_ends() {
        let note = |what: &str| {
            event(&complaint(what), (&Value::Null, "x"), "a")["note"].as_str().unwrap().len()
        };
        assert_eq!(note("short"), 5);
        assert_eq!(note(&"é".repeat(600)), 1024);
        assert_eq!(note(&format!("x{}", "é".repeat(600))), 1023);
    }

    #[test]
    fn complaints_beyond_the_room_for_them_are_left_out() {
        let events = Events::of("a", EventPace::default());
        let reporter = events.reporter();
        (0..2 * WAITING).for_each(|at| reporter.complain(complaint(&at.to_string())));
        Reporter::default().complain(complaint("to nobody"));
    }
}
