//! What a NodePolicyStatus says, as the API server is given it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::SystemTime;

use portcullis_engine::report::{NodePolicy, PolicyState};
use serde_json::{Value, json};

use crate::observe::{Counts, Identity, NodeReport, shown};

/// The version of the kind.
pub const API_VERSION: &str = "portcullis.dev/v1alpha1";

/// The kind.
pub const KIND: &str = "NodePolicyStatus";

/// The most bytes that policies may take, as JSON: a third of what the API server's store takes for
/// one object. That is some three thousand of them.
const MOST_BYTES: usize = 512 << 10;

/// The longest message about a policy, and about the node, in bytes.
const LONGEST: (usize, usize) = (256, 1024);

/// How many policies a condition's message names.
const NAMED: usize = 5;

/// The part of the agent without which nobody knows whether rules are still there.
const AUDIT: &str = "audit";

/// What is said, but for when it is and in which words: if that is the same, nothing is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Content {
    identity: Identity,
    counts: Counts,
    conditions: [(&'static str, Verdict); 3],
    policies: Arc<[NodePolicy]>,
}

/// What a condition says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Verdict {
    status: &'static str,
    reason: &'static str,
}

/// Since when conditions are as they are.
#[derive(Debug, Default)]
pub struct Transitions(BTreeMap<&'static str, (&'static str, String)>);

impl Content {
    /// What a report comes to.
    pub fn of(report: &NodeReport) -> Self {
        Self {
            identity: report.identity.clone(),
            counts: report.counts,
            conditions: conditions(report),
            policies: Arc::clone(&report.policies),
        }
    }

    /// About how many bytes it has.
    pub fn bytes(&self) -> usize {
        policies(&self.policies).1 + LONGEST.1 * self.conditions.len()
    }

    /// The object of a node, by the node's name and the uid of its Node object.
    pub fn object(
        &self,
        (node, owner): (&str, &str),
        report: &NodeReport,
        transitions: &mut Transitions,
    ) -> Value {
        let now = shown(SystemTime::now());
        let condition = |(kind, verdict): &(&'static str, Verdict)| {
            json!({
                "type": kind,
                "status": verdict.status,
                "reason": verdict.reason,
                "message": cut(&message(kind, report), LONGEST.1),
                "lastTransitionTime": transitions.since((kind, verdict.status), &now),
            })
        };
        let conditions: Vec<Value> = self.conditions.iter().map(condition).collect();
        let policies = policies(&self.policies).0;
        let mut counts = json!(self.counts);
        if let Some(counts) = counts.as_object_mut() {
            counts.insert("omitted".to_owned(), (self.policies.len() - policies.len()).into());
        }
        let owner = json!({"apiVersion": "v1", "kind": "Node", "name": node, "uid": owner});
        json!({
            "apiVersion": API_VERSION,
            "kind": KIND,
            "metadata": {"name": node, "ownerReferences": [owner]},
            "status": {
                "agentVersion": self.identity.version,
                "backend": self.identity.backend,
                "observedTime": now,
                "lastAppliedTime": report.last_applied,
                "counts": counts,
                "conditions": conditions,
                "policies": policies,
            },
        })
    }
}

impl Transitions {
    fn since(&mut self, (kind, status): (&'static str, &'static str), now: &str) -> String {
        let known = self.0.entry(kind).or_insert_with(|| (status, now.to_owned()));
        if known.0 != status {
            *known = (status, now.to_owned());
        }
        known.1.clone()
    }
}

/// As many policies as there is room for, those that are not in force as written first; and how
/// many bytes they have.
fn policies(all: &[NodePolicy]) -> (Vec<Value>, usize) {
    let mut all: Vec<&NodePolicy> = all.iter().collect();
    all.sort_by_key(|policy| std::cmp::Reverse(policy.state));
    let (mut kept, mut bytes) = (Vec::new(), 0);
    for policy in all {
        let message = policy.message.as_deref().map(|message| cut(message, LONGEST.0));
        let value = json!(NodePolicy { message, ..policy.clone() });
        bytes += value.to_string().len() + 1;
        if bytes > MOST_BYTES {
            break;
        }
        kept.push(value);
    }
    (kept, bytes.min(MOST_BYTES))
}

fn conditions(report: &NodeReport) -> [(&'static str, Verdict); 3] {
    let says = |status, reason| Verdict { status, reason };
    let in_force = match report.obstacles.is_empty() {
        false => says("False", "NotApplied"),
        true if report.identity.audits => says("False", "Audited"),
        true if report.degraded.contains_key(AUDIT) => says("Unknown", "NotAudited"),
        true => says("True", "Applied"),
    };
    let as_written = match report.counts.closed {
        0 => says("True", "NothingClosed"),
        _ => says("False", "PoliciesClosed"),
    };
    let ready = if report.ready { says("True", "Ready") } else { says("False", "NotReady") };
    [("InForce", in_force), ("AsWritten", as_written), ("Ready", ready)]
}

fn message(kind: &str, report: &NodeReport) -> String {
    let obstacles = report.obstacles.join("; ");
    match kind {
        "AsWritten" => closed(&report.policies),
        "InForce" if obstacles.is_empty() && report.identity.audits => {
            "the agent audits, and denies nothing".to_owned()
        }
        "InForce" if obstacles.is_empty() => match report.degraded.get(AUDIT) {
            Some(why) => why.clone(),
            None => format!("policies that concern this node: {}", report.counts.policies),
        },
        "InForce" => obstacles,
        _ => {
            let all = report.obstacles.iter().chain(report.degraded.values());
            all.cloned().collect::<Vec<_>>().join("; ")
        }
    }
}

/// Which policies are closed, some of them by name.
fn closed(policies: &[NodePolicy]) -> String {
    let mut closed = policies.iter().filter(|policy| policy.state == PolicyState::Closed);
    let named: Vec<String> = closed.by_ref().take(NAMED).map(ToString::to_string).collect();
    match (named.is_empty(), closed.count()) {
        (true, _) => "every policy that is in force is enforced as it is written".to_owned(),
        (false, 0) => format!("closed: {}", named.join(", ")),
        (false, more) => format!("closed: {}, and {more} more", named.join(", ")),
    }
}

/// A text of so many bytes at most.
fn cut(text: &str, most: usize) -> String {
    if text.len() <= most {
        return text.to_owned();
    }
    const MORE: &str = "…";
    let room = most.saturating_sub(MORE.len());
    let end = (0..=room).rev().find(|end| text.is_char_boundary(*end)).unwrap_or(0);
    format!("{}{MORE}", text.get(..end).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn policy(name: &str, state: PolicyState) -> NodePolicy {
        NodePolicy {
            uid: Some("00000000-0000-4000-8000-000000000000".into()),
            generation: Some(1),
            message: (state != PolicyState::InForce).then(|| "é".repeat(400)),
            ..crate::observe::policy(name, state)
        }
    }

    fn report(policies: Vec<NodePolicy>) -> NodeReport {
        let count = |state| policies.iter().filter(|policy| policy.state == state).count();
        let closed = count(PolicyState::Closed);
        let counts = Counts { policies: policies.len(), closed, ..Counts::default() };
        NodeReport { ready: true, counts, policies: Arc::from(policies), ..NodeReport::default() }
    }

    fn object(report: &NodeReport) -> Value {
        Content::of(report).object(("n", "u"), report, &mut Transitions::default())
    }

    /// Type, status and reason of each condition.
    fn conditions_of(report: &NodeReport) -> Vec<String> {
        let object = object(report);
        let conditions = object.pointer("/status/conditions").and_then(Value::as_array).unwrap();
        let word = |one: &Value, field: &str| one[field].as_str().unwrap().to_owned();
        let words = |one| ["type", "status", "reason"].map(|field| word(one, field)).join(" ");
        conditions.iter().map(words).collect()
    }

    #[test]
    fn an_object_has_what_is_wrong_first_and_belongs_to_its_node() {
        let states = [PolicyState::InForce, PolicyState::Pending, PolicyState::Closed];
        let report = report(states.map(|state| policy(&format!("{state:?}"), state)).to_vec());
        let object = object(&report);
        let policies = object.pointer("/status/policies").unwrap().as_array().unwrap();
        let names: Vec<&str> = policies.iter().map(|one| one["name"].as_str().unwrap()).collect();
        assert_eq!(names, ["Pending", "Closed", "InForce"]);
        let message = policies[0]["message"].as_str().unwrap();
        assert!(message.len() <= LONGEST.0 && message.ends_with('…'), "{message}");
        assert_eq!(policies[2].get("message"), None);
        assert_eq!(object.pointer("/metadata/ownerReferences/0/uid"), Some(&json!("u")));
        assert_eq!(object.pointer("/metadata/name"), Some(&json!("n")));
    }

    #[test]
    fn it_never_has_more_than_there_is_room_for() {
        let mut all = vec![policy(&"x".repeat(253), PolicyState::InForce); 9_000];
        all.push(policy("closed", PolicyState::Closed));
        let report = report(all);
        let object = object(&report);
        assert!(object.to_string().len() < 600 << 10, "{}", object.to_string().len());
        let kept = object.pointer("/status/policies").unwrap().as_array().unwrap();
        assert_eq!(kept[0]["name"], "closed");
        let omitted = object.pointer("/status/counts/omitted").unwrap();
        assert_eq!(*omitted, json!(9_001 - kept.len()));
        assert!(kept.len() > 1_000);
    }

    #[test]
    fn conditions_say_what_is_wanted_to_be_waited_for() {
        let mut report = report(vec![policy("a", PolicyState::InForce)]);
        let all = ["InForce True Applied", "AsWritten True NothingClosed", "Ready True Ready"];
        assert_eq!(conditions_of(&report), all);
        report.ready = false;
        report.degraded.insert("flow log".into(), "no".into());
        assert_eq!(conditions_of(&report)[0], "InForce True Applied", "policies are in force");
        assert_eq!(conditions_of(&report)[2], "Ready False NotReady");
        report.degraded.insert(AUDIT.into(), "no".into());
        assert_eq!(conditions_of(&report)[0], "InForce Unknown NotAudited");
        report.obstacles.push("no".into());
        report.counts.closed = 1;
        assert_eq!(conditions_of(&report)[0], "InForce False NotApplied");
        assert_eq!(conditions_of(&report)[1], "AsWritten False PoliciesClosed");
    }

    #[test]
    fn some_that_are_closed_are_named() {
        let all: Vec<NodePolicy> =
            (0..7).map(|at| policy(&format!("p{at}"), PolicyState::Closed)).collect();
        let said = closed(&all);
        assert!(said.starts_with("closed: NetworkPolicy shop/p0, "), "{said}");
        assert!(said.ends_with("NetworkPolicy shop/p4, and 2 more"), "{said}");
    }

    #[test]
    fn conditions_keep_the_time_since_which_they_hold() {
        let mut transitions = Transitions::default();
        let mut since = |status, now| transitions.since(("InForce", status), now);
        assert_eq!(["True", "True"].map(|status| since(status, "1")), ["1", "1"]);
        assert_eq!(since("True", "2"), "1");
        assert_eq!(since("False", "3"), "3");
        assert_eq!(since("False", "4"), "3");
    }
}
