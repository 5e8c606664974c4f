//! Waiting until a policy is in force on all nodes that it concerns: those with pods that it
//! selects, as the API server has them, whose status objects must list it in this version.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant, SystemTime};

use anyhow::bail;
use jiff::Timestamp;
use portcullis_engine::manifest::Mode;
use portcullis_engine::policy::CompiledPolicy;
use portcullis_engine::report::{NodePolicy, PolicyState, node_policy, nodes_concerned};
use portcullis_engine::{Options, Session};
use serde::Deserialize as _;
use serde_json::Value;

use super::Answer;
use crate::observe::Status;
use crate::options::PolicyArgument;
use crate::source::apiserver::{ApiServer, Patience, StatusReader};
use crate::source::{ChangeSink, Changes, DesiredState, Source as _};

/// How often objects are asked for.
const ROUND: Duration = Duration::from_secs(1);

/// Longer than that no agent that is alive leaves its object alone: in the largest cluster it pauses
/// for ten minutes and up to as long again, twice if a request fails in between.
const STALE: Duration = Duration::from_secs(45 * 60);

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
        end: Instant::now() + wanted.timeout,
        version: None,
        missing: BTreeMap::new(),
        done: BTreeSet::new(),
        state: "the API server has not listed everything yet".to_owned(),
    };
    let (to, changes) = channel();
    Box::new(server).start(ChangeSink::from(to))?;
    let outcome = waiting.run(&changes)?;
    if outcome.is_none() && waiting.version.is_none() {
        status.all_listed().map_err(anyhow::Error::msg)?;
    }
    Ok(waiting.sentence(outcome))
}

struct Waiting<'w> {
    wanted: &'w Wait,
    reader: StatusReader,
    /// When it is over.
    end: Instant,
    /// Which version of the policy is waited for; none while there is none.
    version: Option<NodePolicy>,
    /// Nodes on which it is not in force, and why.
    missing: BTreeMap<Arc<str>, String>,
    /// Nodes on which it is.
    done: BTreeSet<Arc<str>>,
    /// Why no nodes are asked.
    state: String,
}

impl Waiting<'_> {
    /// On how many nodes it is in force; none if it is not on all in time.
    fn run(&mut self, changes: &Receiver<Changes>) -> anyhow::Result<Option<usize>> {
        let (end, mut desired) = (self.end, DesiredState::new(Options::default(), ""));
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
        let mut before = std::mem::take(&mut self.missing);
        let policy = match self.find(session) {
            Ok(policy) => policy,
            Err(why) => {
                self.state = why;
                return Ok(false);
            }
        };
        let version = node_policy(session, &policy);
        if policy.mode == Mode::Audit {
            self.state = "it is audited, and not enforced".to_owned();
            return Ok(false);
        }
        if version.generation < self.wanted.generation {
            self.state = format!("it has generation {}", version.generation.unwrap_or_default());
            return Ok(false);
        }
        if self.version.as_ref() != Some(&version) {
            self.done.clear();
            before.clear();
        }
        let nodes = nodes_concerned(session, &policy);
        self.done.retain(|node| nodes.contains(node));
        for node in nodes.into_iter().filter(|node| !self.done.contains(node)).collect::<Vec<_>>() {
            match self.ask(&node, &version)? {
                Ok(()) => drop(self.done.insert(node)),
                Err(why) => {
                    // A look that the end cuts short says less than the one before it.
                    let known = before.remove(&node).filter(|_| Instant::now() >= self.end);
                    self.missing.insert(node, known.unwrap_or(why));
                }
            }
        }
        self.version = Some(version);
        Ok(self.missing.is_empty())
    }

    /// Whether the version is in force on a node, or why it is not.
    fn ask(&mut self, node: &str, version: &NodePolicy) -> anyhow::Result<Result<(), String>> {
        let left = self.end.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Ok(Err("it was not asked in time".into()));
        }
        Ok(match self.reader.read(node, left)? {
            Ok(object) => judge(object.as_ref(), version, SystemTime::now()),
            Err(why) => Err(why),
        })
    }

    /// The policy that is meant, or why it is none.
    fn find(&self, session: &Session) -> Result<Arc<CompiledPolicy>, String> {
        let asked = &self.wanted.policy;
        let is_it = |policy: &Arc<CompiledPolicy>| {
            let namespace = policy.namespace.map(|own| session.model().namespace_name(own));
            asked.names(policy.object.kind(), namespace, &policy.object.meta.name)
        };
        let all = session.policies().policies().map(|(_, policy)| policy);
        let all: Vec<&Arc<CompiledPolicy>> = all.filter(|one| is_it(one)).collect();
        match all.as_slice() {
            [] => Err(format!("there is no {} {asked}", asked.kind())),
            [one] => Ok(Arc::clone(one)),
            several => {
                let kinds: Vec<String> = several
                    .iter()
                    .map(|one| format!("{}/{asked}", one.object.kind().to_lowercase()))
                    .collect();
                Err(format!("several policies have this name: ask for {}", kinds.join(" or ")))
            }
        }
    }

    fn sentence(&self, outcome: Option<usize>) -> (String, Answer) {
        let asked = &self.wanted.policy;
        let named = format!("{} {asked}", asked.kind());
        let generation = self.version.as_ref().and_then(|version| version.generation);
        let version = generation.map(|one| format!(" (generation {one})"));
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

/// Whether a node's status object says that a version is in force there, or why it does not.
fn judge(object: Option<&Value>, version: &NodePolicy, now: SystemTime) -> Result<(), String> {
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
    let entries = list("policies").filter(|entry| is_about(entry, version));
    let entries: Result<Vec<NodePolicy>, _> = entries.map(NodePolicy::deserialize).collect();
    let entries = entries.map_err(|error| {
        format!("its entry for the policy could not be read ({error}): is its agent newer?")
    })?;
    let Some(entry) = entries.into_iter().next() else {
        let omitted = status.pointer("/counts/omitted").and_then(Value::as_u64).unwrap_or(0);
        let omitted = (omitted > 0).then(|| format!(" (it leaves out {omitted})"));
        return Err(format!("it does not list the policy yet{}", omitted.unwrap_or_default()));
    };
    if version.uid != entry.uid {
        return Err("it has another policy of this name, which was removed".into());
    }
    if entry.generation < version.generation {
        return Err(format!("it has generation {}", entry.generation.unwrap_or_default()));
    }
    match entry.state {
        PolicyState::InForce => Ok(()),
        state => Err(format!("{state:?}: {}", entry.message.unwrap_or_default())),
    }
}

/// Whether an entry has the name of a policy, and is thus one that must be understood.
fn is_about(entry: &Value, version: &NodePolicy) -> bool {
    let has = |field: &str, own: Option<&str>| entry.get(field).and_then(Value::as_str) == own;
    has("kind", Some(&version.kind))
        && has("namespace", version.namespace.as_deref())
        && has("name", Some(&version.name))
}

fn is_stale(observed: &str, now: SystemTime) -> bool {
    let observed = observed.parse::<Timestamp>().map(SystemTime::from);
    // The clocks of others may be ahead. Who does not say when is not believed.
    observed.map_or(true, |at| now.duration_since(at).unwrap_or_default() > STALE)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::observe::policy;

    fn version() -> NodePolicy {
        NodePolicy { uid: Some("u".into()), ..policy("db", PolicyState::InForce) }
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
        let unread = entry("state", json!("Elsewhere")).unwrap_err();
        assert!(unread.contains("could not be read (unknown variant `Elsewhere`"), "{unread}");
        let another = judged(|status| {
            let wrong = json!({"kind": "NetworkPolicy", "name": "x", "state": 7});
            status["policies"].as_array_mut().unwrap().insert(0, wrong);
        });
        assert_eq!(another, Ok(()), "what is not about the policy is nobody's matter");
        let untimed = judged(|status| status["observedTime"] = json!(null));
        assert!(untimed.unwrap_err().contains("not been heard of"));
    }

    #[test]
    fn a_node_that_is_silent_or_in_trouble_does_not_count() {
        assert!(judge(None, &version(), SystemTime::now()).unwrap_err().contains("no NodePolicy"));
        let trouble = judged(|status| status["conditions"][0]["status"] = json!("False"));
        assert_eq!(trouble, Err("InForce is False: m".into()));
        let object = json!({"status": {"observedTime": "1970-01-01T00:00:00Z"}});
        let now = |seconds| SystemTime::UNIX_EPOCH + Duration::from_secs(seconds);
        let silent = judge(Some(&object), &version(), now(STALE.as_secs() + 1)).unwrap_err();
        assert!(silent.contains("not been heard of since 1970-01-01T00:00:00Z"), "{silent}");
        assert!(
            judge(Some(&object), &version(), now(STALE.as_secs()))
                .unwrap_err()
                .contains("not list")
        );
    }
}
