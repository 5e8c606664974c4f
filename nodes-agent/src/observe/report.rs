//! What the agent says of its node, as data: what `/status`, `portcullis-agent status` and the
//! node's status object show.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use jiff::Timestamp;
use portcullis_engine::Session;
use portcullis_engine::dataplane::FilterProgram;
use portcullis_engine::report::{NodePolicy, PolicyState};
use serde::{Deserialize, Serialize};

use super::{State, Status};

/// What does not change while an agent runs.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity {
    /// The agent's version.
    pub version: String,
    /// Its node.
    pub node: String,
    /// Where policies come from: `API server` or `directory`.
    pub source: String,
    /// The implementation of iptables.
    pub backend: String,
    /// Whether it denies nothing, as `--mode audit` has it.
    #[serde(default)]
    pub audits: bool,
}

/// What the kernel was brought to hold last, and of which policies.
#[derive(Clone, Debug, Default)]
pub struct Enforced {
    /// Policies that concern the node, in the engine's order.
    pub policies: Arc<[NodePolicy]>,
    /// Pods of the node that have an address.
    pub pods: usize,
    /// How much the kernel holds.
    pub families: Vec<FamilySize>,
    /// When it was written; none if it was not yet.
    pub applied: Option<SystemTime>,
    /// What is known of the cluster's nodes.
    pub nodes: Nodes,
}

/// What is known of a cluster's nodes: whose a report is, and how many report.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Nodes {
    /// The uid of the node's own Node object; none where there is no such object.
    pub own_uid: Option<Arc<str>>,
    /// How many nodes there are.
    pub count: usize,
}

impl Nodes {
    /// Those of a state, as a node sees them.
    pub fn of(session: &Session, node: &str) -> Self {
        let nodes = &session.model().nodes;
        let own = nodes.iter().find(|one| *one.name == *node);
        Self { own_uid: own.and_then(|own| own.uid.clone()), count: nodes.len() }
    }
}

/// How much the kernel holds of ours in one address family.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FamilySize {
    /// `IPv4` or `IPv6`.
    pub family: String,
    /// Rules.
    pub rules: usize,
    /// Sets.
    pub sets: usize,
    /// Members of all sets.
    pub members: usize,
}

/// How many policies there are in each state.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Counts {
    /// Policies that concern the node.
    pub policies: usize,
    /// Those that are enforced as written.
    pub in_force: usize,
    /// Those that are closed.
    pub closed: usize,
    /// Those that are only audited.
    #[serde(default)]
    pub audited: usize,
    /// Those that are not in force yet.
    pub pending: usize,
    /// Pods of the node that have an address.
    pub pods: usize,
}

/// What an agent says of its node.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct NodeReport {
    /// Who says it.
    #[serde(flatten)]
    pub identity: Identity,
    /// Whether `/readyz` says so.
    pub ready: bool,
    /// Why the desired state is not in force, or not for certain; empty if it is.
    pub obstacles: Vec<String>,
    /// Parts of the agent that do not work, and why.
    pub degraded: BTreeMap<String, String>,
    /// What operators should know though all is in force.
    pub notes: Vec<String>,
    /// When the last change was applied, in UTC; none before the first.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub last_applied: Option<String>,
    /// When the kernel's rules were last read to compare them.
    pub last_audited: String,
    /// How many policies there are in each state.
    pub counts: Counts,
    /// How much the kernel holds.
    pub families: Vec<FamilySize>,
    /// Policies that concern the node, in the engine's order.
    pub policies: Arc<[NodePolicy]>,
}

impl NodeReport {
    /// What is known of an agent now.
    pub fn of(status: &Status) -> Self {
        Self::of_state(&status.state())
    }

    pub(super) fn of_state(state: &State) -> Self {
        let Enforced { policies, pods, families, applied, .. } = state.enforced.clone();
        let degraded = state.parts().map(|(part, why)| (part.to_owned(), why.to_owned()));
        let audited = SystemTime::now().checked_sub(state.audited.elapsed());
        Self {
            identity: state.identity.clone(),
            ready: state.obstacles().is_none(),
            obstacles: state.why_not_in_force(),
            degraded: degraded.collect(),
            notes: state.notes.values().flatten().cloned().collect(),
            last_applied: applied.map(shown),
            last_audited: shown(audited.unwrap_or(SystemTime::UNIX_EPOCH)),
            counts: Counts::of(&policies, pods),
            families,
            policies,
        }
    }
}

impl Counts {
    pub(super) fn of(policies: &[NodePolicy], pods: usize) -> Self {
        let count = |state| policies.iter().filter(|policy| policy.state == state).count();
        Self {
            policies: policies.len(),
            in_force: count(PolicyState::InForce),
            closed: count(PolicyState::Closed),
            audited: count(PolicyState::Audited),
            pending: count(PolicyState::Pending),
            pods,
        }
    }
}

impl Enforced {
    /// What a program is that the kernel has just taken, for a node.
    pub fn now(session: &Session, node: &str, program: &FilterProgram) -> Self {
        Self {
            policies: Arc::default(),
            pods: 0,
            families: program.families.values().map(FamilySize::of).collect(),
            applied: Some(SystemTime::now()),
            nodes: Nodes::of(session, node),
        }
    }
}

impl FamilySize {
    fn of(program: &portcullis_engine::dataplane::FamilyProgram) -> Self {
        Self {
            family: program.family.to_string(),
            rules: program.rule_count(),
            sets: program.sets.len(),
            members: program.member_count(),
        }
    }
}

/// A time as Kubernetes writes it: UTC, whole seconds.
pub fn shown(time: SystemTime) -> String {
    let since = time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or(Duration::ZERO);
    let second = i64::try_from(since.as_secs()).unwrap_or(i64::MAX);
    Timestamp::from_second(second).unwrap_or(Timestamp::UNIX_EPOCH).to_string()
}

/// A policy of a namespace, for tests.
#[cfg(test)]
pub fn policy(name: &str, state: PolicyState) -> NodePolicy {
    NodePolicy {
        kind: "NetworkPolicy".into(),
        namespace: Some("shop".into()),
        name: name.into(),
        uid: None,
        generation: Some(3),
        state,
        message: None,
    }
}

#[cfg(test)]
mod tests {
    use super::super::TABLES;
    use super::*;

    #[test]
    fn a_report_says_what_is_in_force_and_what_is_not() {
        let status = Status::default();
        assert_eq!(NodeReport::of(&status).obstacles, ["nothing has been applied yet"]);
        let policies = [policy("a", PolicyState::InForce), policy("b", PolicyState::Closed)];
        let applied = Some(SystemTime::UNIX_EPOCH + Duration::from_secs(1));
        let policies = Arc::from(policies.to_vec());
        status.enforced(Enforced { policies, applied, pods: 2, ..Enforced::default() });
        status.ready();
        assert!(status.text().contains("\nportcullis_policies{state=\"Closed\"} 1\n"));
        let report = NodeReport::of(&status);
        assert_eq!(report.last_applied.as_deref(), Some("1970-01-01T00:00:01Z"));
        let counts =
            Counts { policies: 2, in_force: 1, closed: 1, audited: 0, pending: 0, pods: 2 };
        assert_eq!((report.counts, report.ready), (counts, true));
        status.degraded("flow log", "no");
        status.not_listed("nodes", &std::io::Error::other("no"));
        let report = NodeReport::of(&status);
        assert_eq!(report.obstacles, ["could not list nodes: no"], "a part is no obstacle");
        assert_eq!((report.degraded["flow log"].as_str(), report.ready), ("no", false));
        status.degraded(TABLES, "IPv6 is not enforced");
        let report = NodeReport::of(&status);
        assert_eq!(report.obstacles, ["could not list nodes: no", "IPv6 is not enforced"]);
        let text = serde_json::to_string(&report).unwrap();
        assert_eq!(serde_json::from_str::<NodeReport>(&text).unwrap(), report);
    }
}
