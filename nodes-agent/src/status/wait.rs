//! Waiting until a policy is in force on all nodes that it concerns: those with pods that it
//! selects, as the API server has them, whose status objects must list it in this version.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant, SystemTime};

use anyhow::bail;
use jiff::Timestamp;
use portcullis_engine::policy::CompiledPolicy;
use portcullis_engine::report::nodes_concerned;
use portcullis_engine::{Options, Session};
use serde_json::Value;

use super::Answer;
use crate::observe::Status;
use crate::options::PolicyArgument;
use crate::source::apiserver::{ApiServer, Patience, StatusReader};
use crate::source::{ChangeSink, Changes, DesiredState, Source as _};

/// How often objects are asked for.
const ROUND: Duration = Duration::from_secs(1);

/// Longer than that no agent that is alive leaves its object alone: it renews it after five minutes,
/// and waits for ten at most before it writes.
const STALE: Duration = Duration::from_secs(20 * 60);

/// How many nodes are named at the end.
const NAMED: usize = 10;

/// What is waited for, and where it is looked for.
#[derive(Clone, Debug)]
pub struct Wait {
    /// The policy.
    pub policy: PolicyArgument,
    /// Not before it has this generation.
    pub generation: Option<u32>,
    /// For how long.
    pub timeout: Duration,
    /// A kubeconfig file; none: that of a pod.
    pub kubeconfig: Option<PathBuf>,
}

/// Which version of which object is waited for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Version {
    kind: String,
    namespace: Option<String>,
    name: String,
    uid: Option<Arc<str>>,
    generation: Option<u32>,
}

/// Waits; a sentence, and whether the policy is in force.
///
/// # Errors
/// If the API server cannot be asked at all.
pub fn wait(wanted: &Wait) -> anyhow::Result<(String, Answer)> {
    let patience = Patience { spread: Duration::ZERO, ..Patience::default() };
    let (status, kubeconfig) = (Arc::<Status>::default(), wanted.kubeconfig.clone());
    let server = ApiServer {
        kubeconfig,
        patience,
        status: Arc::clone(&status),
        events: None,
        node_status: None,
    };
    let mut waiting = Waiting {
        wanted,
        reader: StatusReader::connect(&server)?,
        version: Version::default(),
        missing: BTreeMap::new(),
        done: BTreeMap::new(),
        state: "the API server has not listed everything yet".to_owned(),
    };
    let (to, changes) = channel();
    Box::new(server).start(ChangeSink::from(to))?;
    let outcome = waiting.run(&changes)?;
    if outcome.is_none()
        && waiting.version == Version::default()
        && let Some(why) = status.obstacle().filter(|why| why.contains("could not list"))
    {
        bail!("{why}");
    }
    Ok(waiting.sentence(outcome))
}

struct Waiting<'w> {
    wanted: &'w Wait,
    reader: StatusReader,
    version: Version,
    /// Nodes on which it is not in force, and why.
    missing: BTreeMap<Arc<str>, String>,
    /// Nodes on which it is.
    done: BTreeMap<Arc<str>, ()>,
    /// Why no nodes are asked.
    state: String,
}

impl Waiting<'_> {
    /// On how many nodes it is in force; none if it is not on all in time.
    fn run(&mut self, changes: &Receiver<Changes>) -> anyhow::Result<Option<usize>> {
        let (end, mut desired) =
            (Instant::now() + self.wanted.timeout, DesiredState::new(Options::default(), ""));
        let mut is_complete = false;
        loop {
            is_complete |= take(
                changes,
                &mut desired,
                ROUND.min(end.saturating_duration_since(Instant::now())),
            )?;
            if is_complete && self.look(desired.session())? {
                return Ok(Some(self.done.len()));
            }
            if Instant::now() >= end {
                return Ok(None);
            }
        }
    }

    /// Whether the policy is in force on all nodes that it concerns now.
    fn look(&mut self, session: &Session) -> anyhow::Result<bool> {
        let Some(policy) = self.find(session) else {
            let asked = &self.wanted.policy;
            self.state = format!("there is no {} {asked}", asked.kind());
            return Ok(false);
        };
        let version = Version::of(session, &policy);
        if version.generation < self.wanted.generation {
            self.state = format!("it has generation {}", version.generation.unwrap_or_default());
            return Ok(false);
        }
        if version != self.version {
            (self.version, self.done) = (version, BTreeMap::new());
        }
        let nodes = nodes_concerned(session, &policy);
        self.done.retain(|node, ()| nodes.contains(node));
        self.missing.clear();
        for node in nodes {
            if !self.done.contains_key(&node) {
                self.ask(node)?;
            }
        }
        Ok(self.missing.is_empty())
    }

    fn ask(&mut self, node: Arc<str>) -> anyhow::Result<()> {
        let object = self.reader.read(&node)?;
        match judge(object.as_ref(), &self.version, SystemTime::now()) {
            Ok(()) => drop(self.done.insert(node, ())),
            Err(why) => drop(self.missing.insert(node, why)),
        }
        Ok(())
    }

    fn find(&self, session: &Session) -> Option<Arc<CompiledPolicy>> {
        let asked = &self.wanted.policy;
        let is_it = |policy: &Arc<CompiledPolicy>| {
            let namespace = policy.namespace.map(|own| session.model().namespace_name(own));
            namespace == asked.namespace.as_deref() && *policy.object.meta.name == *asked.name
        };
        session.policies().policies().map(|(_, policy)| policy).find(|one| is_it(one)).cloned()
    }

    fn sentence(&self, outcome: Option<usize>) -> (String, Answer) {
        let asked = &self.wanted.policy;
        let named = format!("{} {asked}", asked.kind());
        let version = self.version.generation.map(|one| format!(" (generation {one})"));
        let version = version.unwrap_or_default();
        if let Some(nodes) = outcome {
            let where_ = match nodes {
                0 => "it concerns no node".to_owned(),
                _ => format!("on all nodes that it concerns: {nodes}"),
            };
            return (format!("{named}{version} is in force {where_}\n"), Answer::InForce);
        }
        let mut text =
            format!("{named}{version} is not in force after {} s", self.wanted.timeout.as_secs());
        if self.missing.is_empty() {
            return (format!("{text}: {}\n", self.state), Answer::NotInForce);
        }
        text += &format!(
            " on {} of {} nodes:\n",
            self.missing.len(),
            self.missing.len() + self.done.len()
        );
        for (node, why) in self.missing.iter().take(NAMED) {
            text += &format!("  {node}: {why}\n");
        }
        if self.missing.len() > NAMED {
            text += &format!("  and {} more\n", self.missing.len() - NAMED);
        }
        (text, Answer::NotInForce)
    }
}

/// Takes what has come in, and waits for more; whether the state is complete.
fn take(
    changes: &Receiver<Changes>,
    desired: &mut DesiredState,
    at_most: Duration,
) -> anyhow::Result<bool> {
    let (end, mut is_complete) = (Instant::now() + at_most, false);
    loop {
        match changes.recv_timeout(end.saturating_duration_since(Instant::now())) {
            Ok(Changes { changes, .. }) => is_complete |= desired.take(changes),
            Err(RecvTimeoutError::Timeout) => return Ok(is_complete),
            Err(RecvTimeoutError::Disconnected) => bail!("the watch has ended"),
        }
    }
}

impl Version {
    fn of(session: &Session, policy: &CompiledPolicy) -> Self {
        let namespace = policy.namespace.map(|own| session.model().namespace_name(own).to_owned());
        let object = &policy.object;
        Self {
            kind: object.kind().to_owned(),
            namespace,
            name: object.meta.name.to_string(),
            uid: object.meta.revision.uid.clone(),
            generation: object.meta.revision.generation,
        }
    }

    fn is_of(&self, entry: &Value) -> bool {
        let text = |field: &str| entry.get(field).and_then(Value::as_str);
        text("kind") == Some(&*self.kind)
            && text("namespace") == self.namespace.as_deref()
            && text("name") == Some(&*self.name)
    }
}

/// Whether a node's status object says that a version is in force there, or why it does not.
fn judge(object: Option<&Value>, version: &Version, now: SystemTime) -> Result<(), String> {
    let Some(status) = object.and_then(|object| object.get("status")) else {
        return Err("it has no NodePolicyStatus: does an agent run there that may write it?".into());
    };
    let text = |value: &Value, field: &str| {
        value.get(field).and_then(Value::as_str).unwrap_or_default().to_owned()
    };
    let list = |field: &str| status.get(field).and_then(Value::as_array).into_iter().flatten();
    let observed = text(status, "observedTime");
    if is_stale(&observed, now) {
        return Err(format!("its agent has not been heard of since {observed}"));
    }
    if let Some(one) = list("conditions").find(|one| text(one, "type") == "InForce")
        && text(one, "status") != "True"
    {
        return Err(format!("InForce is {}: {}", text(one, "status"), text(one, "message")));
    }
    let Some(entry) = list("policies").find(|entry| version.is_of(entry)) else {
        let omitted = status.pointer("/counts/omitted").and_then(Value::as_u64).unwrap_or(0);
        let omitted = (omitted > 0).then(|| format!(" (it leaves out {omitted})"));
        return Err(format!("it does not list the policy yet{}", omitted.unwrap_or_default()));
    };
    if version.uid.as_deref() != entry.get("uid").and_then(Value::as_str) {
        return Err("it has another policy of this name, which was removed".into());
    }
    let generation = entry.get("generation").and_then(Value::as_u64);
    if generation < version.generation.map(u64::from) {
        return Err(format!("it has generation {}", generation.unwrap_or_default()));
    }
    match &*text(entry, "state") {
        "InForce" => Ok(()),
        state => Err(format!("{state}: {}", text(entry, "message"))),
    }
}

fn is_stale(observed: &str, now: SystemTime) -> bool {
    let observed = observed.parse::<Timestamp>().map(SystemTime::from);
    // The clocks of others may be ahead.
    observed.is_ok_and(|at| now.duration_since(at).unwrap_or_default() > STALE)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn version() -> Version {
        Version {
            kind: "NetworkPolicy".into(),
            namespace: Some("shop".into()),
            name: "db".into(),
            uid: Some("u".into()),
            generation: Some(3),
        }
    }

    fn judged(change: impl FnOnce(&mut Value)) -> Result<(), String> {
        let policy = json!({"kind": "NetworkPolicy", "namespace": "shop", "name": "db",
                            "uid": "u", "generation": 3, "state": "InForce"});
        let in_force = json!({"type": "InForce", "status": "True", "message": "m"});
        let mut object = json!({"status": {
            "observedTime": "1970-01-01T00:01:00Z", "conditions": [in_force],
            "counts": {"omitted": 0}, "policies": [policy],
        }});
        change(&mut object["status"]);
        judge(Some(&object), &version(), SystemTime::UNIX_EPOCH + Duration::from_secs(600))
    }

    #[test]
    fn only_this_version_counts() {
        assert_eq!(judged(|_| {}), Ok(()));
        let entry = |field: &'static str, value: Value| {
            judged(move |status| status["policies"][0][field] = value)
        };
        assert_eq!(entry("generation", json!(4)), Ok(()), "a later one is in force");
        assert_eq!(entry("generation", json!(2)), Err("it has generation 2".into()));
        assert!(entry("uid", json!("v")).unwrap_err().contains("another policy of this name"));
        for (field, value) in [("name", "api"), ("namespace", "other"), ("kind", "Other")] {
            let other = entry(field, json!(value));
            assert_eq!(other, Err("it does not list the policy yet".into()), "{field}");
        }
        let omitted = judged(|status| {
            status["policies"] = json!([]);
            status["counts"]["omitted"] = json!(7);
        });
        assert_eq!(omitted, Err("it does not list the policy yet (it leaves out 7)".into()));
        let closed = judged(|status| {
            status["policies"][0]["state"] = json!("Closed");
            status["policies"][0]["message"] = json!("why");
        });
        assert_eq!(closed, Err("Closed: why".into()));
    }

    #[test]
    fn a_node_that_is_silent_or_in_trouble_does_not_count() {
        assert!(judge(None, &version(), SystemTime::now()).unwrap_err().contains("no NodePolicy"));
        let trouble = judged(|status| status["conditions"][0]["status"] = json!("False"));
        assert_eq!(trouble, Err("InForce is False: m".into()));
        let object = json!({"status": {"observedTime": "1970-01-01T00:00:00Z"}});
        let now = |seconds| SystemTime::UNIX_EPOCH + Duration::from_secs(seconds);
        let silent = judge(Some(&object), &version(), now(1201)).unwrap_err();
        assert!(silent.contains("not been heard of since 1970-01-01T00:00:00Z"), "{silent}");
        assert!(judge(Some(&object), &version(), now(1200)).unwrap_err().contains("not list"));
    }
}
