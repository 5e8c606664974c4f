//! What is in force on one node, policy by policy.

use std::cmp::Ordering;
use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{note_sentence, place};
use crate::cluster::{Addresses, Endpoint, Life};
use crate::dataplane::Note;
use crate::manifest::{Body, Direction, Mode, Object};
use crate::policy::{CompiledPolicy, PolicyId};
use crate::selector::Match;
use crate::session::Session;

/// A policy that selects pods of a node, or may, and what has become of it there.
///
/// # Shape
/// Ordered by namespace, those of the whole cluster first, name and kind.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct NodePolicy {
    /// For example `NetworkPolicy`.
    pub kind: Arc<str>,
    /// Its namespace; none for a policy of the whole cluster.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub namespace: Option<Arc<str>>,
    /// Its name.
    pub name: Arc<str>,
    /// Which object of that name; none where it comes from no API server.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uid: Option<Arc<str>>,
    /// Its version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub generation: Option<u32>,
    /// What has become of this version.
    pub state: PolicyState,
    /// Why it is not in force as written, or what else its author should know.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
}

/// What has become of a version of a policy on a node. Words as Kubernetes has them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum PolicyState {
    /// It is enforced as it is written.
    InForce,
    /// It is enforced, but what could not be known of it, or asks for too much, is closed.
    Closed,
    /// It is not enforced on purpose: what it would deny is logged and counted.
    Audited,
    /// It is not in force yet.
    Pending,
}

/// What remains in force of a policy that is not understood, as a sentence; none of others.
pub fn closed_sentence(object: &Object) -> Option<String> {
    let what = object.closed.as_deref()?;
    let outcome = match object.body {
        Body::ClusterPolicy(_) | Body::CalicoPolicy(_) => {
            "what is not understood accepts nothing, and denies where it would deny or pass"
        }
        _ => "it isolates the pods that it selects and admits nothing",
    };
    Some(format!("{what}: {outcome}"))
}

/// Policies of a state that is in force on a node of a mode, with the notes of its program.
///
/// # Cost
/// Linear in the policies and the notes, with a sort.
pub fn node_policies(
    (session, mode): (&Session, Mode),
    policies: &[PolicyId],
    notes: &[Note],
) -> Vec<NodePolicy> {
    let policy = |id: &PolicyId| {
        let policy = session.policies().policy(*id)?;
        Some(node_policy(session, policy).on_a_node_of(mode, policy.mode))
    };
    let mut all: Vec<(PolicyId, NodePolicy)> =
        policies.iter().filter_map(|id| Some((*id, policy(id)?))).collect();
    for note in notes {
        let Some((id, state)) = said_of(note) else { continue };
        if let Ok(at) = all.binary_search_by_key(&id, |(id, _)| *id)
            && let Some((_, policy)) = all.get_mut(at)
        {
            policy.add(state, &note_sentence(session, note));
        }
    }
    let mut all: Vec<NodePolicy> = all.into_iter().map(|(_, policy)| policy).collect();
    all.sort_unstable_by(NodePolicy::by_name);
    all
}

/// The policy that a note is about, and what it makes of it.
fn said_of(note: &Note) -> Option<(PolicyId, PolicyState)> {
    match *note {
        Note::SubjectUnknown(id)
        | Note::PeersUnknown(id)
        | Note::NodesUnknown(id)
        | Note::NamesUnknown(id)
        | Note::NotExpressed(id)
        | Note::TooManyTiers(id)
        | Note::OverLimits(id)
        | Note::OverBudget(id, _) => Some((id, PolicyState::Closed)),
        Note::Tie(id, _) => Some((id, PolicyState::InForce)),
        Note::NoAddress(_) => None,
    }
}

/// A policy as it is said of a node on which it is enforced.
pub fn node_policy(session: &Session, policy: &CompiledPolicy) -> NodePolicy {
    let object = &policy.object;
    let named = place::object_ref(session, object);
    let message = closed_sentence(object);
    let state = if message.is_some() { PolicyState::Closed } else { PolicyState::InForce };
    NodePolicy {
        kind: object.kind().into(),
        namespace: named.namespace.map(Arc::from),
        name: object.meta.name.clone(),
        uid: object.meta.revision.uid.clone(),
        generation: object.meta.revision.generation,
        state,
        message,
    }
}

/// What is said of policies while a state could not be brought into force, and why: those of the
/// state that was in force before stay as they were, and what the two do not share is pending.
///
/// # Shape
/// Both are ordered, and so is the answer. A policy that is gone, but still in force, is in it.
pub fn pending(in_force: &[NodePolicy], desired: &[NodePolicy], why: &str) -> Vec<NodePolicy> {
    let (mut before, mut all) = (in_force.iter().peekable(), Vec::new());
    for policy in desired {
        while let Some(gone) = before.next_if(|old| old.by_name(policy) == Ordering::Less) {
            all.push(gone.waiting(&format!("it was removed and is still in force: {why}")));
        }
        match before.next_if(|old| old.by_name(policy) == Ordering::Equal) {
            Some(old) if old.stays(policy) => all.push(old.clone()),
            Some(old) => all.push(policy.waiting(&format!("{}: {why}", old.earlier()))),
            None => all.push(policy.waiting(&format!("it is not in force yet: {why}"))),
        }
    }
    all.extend(
        before.map(|gone| gone.waiting(&format!("it was removed and is still in force: {why}"))),
    );
    all
}

impl NodePolicy {
    /// Whether both are about the policy of one kind, namespace and name.
    pub fn is_same(&self, other: &Self) -> bool {
        Self::by_name(self, other).is_eq()
    }

    fn by_name(&self, other: &Self) -> Ordering {
        let key =
            |policy: &Self| (policy.namespace.clone(), policy.name.clone(), policy.kind.clone());
        key(self).cmp(&key(other))
    }

    /// Whether this is the same version of the same object.
    pub fn is_same_version(&self, other: &Self) -> bool {
        (&self.uid, self.generation) == (&other.uid, other.generation)
    }

    /// Whether what was in force of it is what is wanted of it.
    fn stays(&self, wanted: &Self) -> bool {
        let is_audited = |one: &Self| one.state == PolicyState::Audited;
        self.is_same_version(wanted) && is_audited(self) == is_audited(wanted)
    }

    fn on_a_node_of(self, node: Mode, own: Mode) -> Self {
        let why = match (node, own) {
            (Mode::Audit, _) => "the agent audits, and denies nothing",
            (_, Mode::Audit) => "what it would deny is logged and counted, not denied",
            (Mode::Enforce, Mode::Enforce) => return self,
        };
        Self { state: PolicyState::Audited, message: Some(why.to_owned()), ..self }
    }

    fn waiting(&self, why: &str) -> Self {
        Self { state: PolicyState::Pending, message: Some(why.to_owned()), ..self.clone() }
    }

    fn earlier(&self) -> String {
        match self.generation {
            _ if self.state == PolicyState::Audited => "it is only audited still".to_owned(),
            Some(generation) => format!("generation {generation} is in force"),
            None => "what it said before is in force".to_owned(),
        }
    }

    fn add(&mut self, state: PolicyState, what: &str) {
        if self.state == PolicyState::Audited {
            return;
        }
        self.state = self.state.max(state);
        let before = self.message.take().map(|before| before + "; ").unwrap_or_default();
        self.message = Some(before + what);
    }
}

impl fmt::Display for NodePolicy {
    /// As operators name it: `NetworkPolicy shop/db`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.namespace {
            Some(namespace) => write!(f, "{} {namespace}/{}", self.kind, self.name),
            None => write!(f, "{} {}", self.kind, self.name),
        }
    }
}

/// Names of the nodes with pods that a policy selects, or may: those that have an address.
///
/// # Cost
/// Linear in the endpoints of the cluster.
pub fn nodes_concerned(session: &Session, policy: &CompiledPolicy) -> BTreeSet<Arc<str>> {
    let says_something = Direction::BOTH.into_iter().any(|side| policy.rules(side).is_some());
    let subject = session.policies().set(policy.subject).filter(|_| says_something);
    let is_subject = |endpoint: &&Endpoint| {
        let group = endpoint.group.filter(|_| can_send(endpoint));
        subject.zip(group).is_some_and(|(subject, group)| subject.matches(group) != Match::No)
    };
    let subjects = session.model().endpoints.values().filter(is_subject);
    subjects.filter_map(|endpoint| endpoint.node.clone()).collect()
}

fn can_send(endpoint: &Endpoint) -> bool {
    endpoint.life == Life::Active && matches!(endpoint.addresses, Addresses::Known(_))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dataplane::{Input, Lowering, Settings, UNKNOWN_WIRING};
    use crate::manifest::SourceFile;
    use crate::policy::Considered;
    use crate::{Change, Options};

    const PODS: &str = "\
apiVersion: v1\nkind: Pod\nmetadata: {name: a, namespace: x, labels: {app: a}}
spec: {nodeName: one}\nstatus: {phase: Running, podIP: 10.0.0.1, podIPs: [{ip: 10.0.0.1}]}\n---
apiVersion: v1\nkind: Pod\nmetadata: {name: b, namespace: x, labels: {app: b}}
spec: {nodeName: two}\nstatus: {phase: Running, podIP: 10.0.1.1, podIPs: [{ip: 10.0.1.1}]}\n---
apiVersion: v1\nkind: Pod\nmetadata: {name: c, namespace: x, labels: {app: a}}
spec: {nodeName: three}\nstatus: {phase: Pending}\n";

    fn policy(name: &str, (app, generation): (&str, u32), more: &str) -> String {
        format!(
            "---\napiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\n\
             metadata: {{name: {name}, namespace: x, uid: of-{name}, generation: {generation}}}\n\
             spec: {{podSelector: {{matchLabels: {{app: {app}}}}}{more}}}\n"
        )
    }

    fn session(policies: &[String]) -> Session {
        let text = format!("{PODS}{}", policies.concat());
        let file = SourceFile::new("all.yaml", text.as_bytes()).failing_closed();
        Session::new(Options::default()).apply(vec![Change::Put(file)])
    }

    /// What is said of a node.
    fn said(session: &Session, node: &str) -> Vec<NodePolicy> {
        let mut lowering = Lowering::default();
        let (settings, wiring) = (&Settings::default(), &UNKNOWN_WIRING);
        let (model, policies) = (session.model(), session.policies());
        let program = lowering.lower(Input { model, policies, node, settings, wiring });
        let policies = policies.considering(Considered::All);
        let selecting = policies.selecting(lowering.local_pods().map(|(group, _)| group));
        node_policies((session, Mode::Enforce), &selecting, &program.notes)
    }

    fn short(policies: &[NodePolicy]) -> Vec<String> {
        let generation = |policy: &NodePolicy| policy.generation.unwrap_or_default();
        let short = |one: &NodePolicy| format!("{one} {} {:?}", generation(one), one.state);
        policies.iter().map(short).collect()
    }

    #[test]
    fn a_node_has_the_policies_that_select_its_pods() {
        let of_cluster = "---\napiVersion: policy.networking.k8s.io/v1beta1\n\
             kind: ClusterNetworkPolicy\nmetadata: {name: guard, generation: 7}\n\
             spec: {tier: Admin, priority: 1, subject: {namespaces: {}},\n  \
             ingress: [{action: Deny, from: [{namespaces: {}}]}]}\n";
        let all = [policy("p", ("a", 3), ""), policy("q", ("b", 1), ""), of_cluster.to_owned()];
        let session = session(&all);
        let guard = "ClusterNetworkPolicy guard 7 InForce";
        assert_eq!(short(&said(&session, "one")), [guard, "NetworkPolicy x/p 3 InForce"]);
        assert_eq!(short(&said(&session, "two")), [guard, "NetworkPolicy x/q 1 InForce"]);
        assert_eq!(short(&said(&session, "three")), [""; 0], "its pod has no address yet");
        assert_eq!(said(&session, "one")[1].uid.as_deref(), Some("of-p"));
        let nodes = session.policies().policies().map(|(_, one)| nodes_concerned(&session, one));
        let nodes: Vec<Vec<String>> =
            nodes.map(|nodes| nodes.iter().map(ToString::to_string).collect()).collect();
        assert!(nodes.contains(&vec!["one".to_owned()]), "{nodes:?}");
        assert!(nodes.contains(&vec!["one".to_owned(), "two".to_owned()]), "{nodes:?}");
    }

    #[test]
    fn what_is_closed_says_why() {
        let session = session(&[policy("p", ("a", 2), ", later: 1")]);
        let said = said(&session, "one");
        assert_eq!(short(&said), ["NetworkPolicy x/p 2 Closed"]);
        let why = said[0].message.as_deref().unwrap();
        assert!(why.starts_with("spec.later: "), "{why}");
        assert!(
            why.ends_with(": it isolates the pods that it selects and admits nothing"),
            "{why}"
        );
    }

    #[test]
    fn what_is_audited_is_said_to_be() {
        let enforced = policy("p", ("a", 1), "");
        let audited = |text: &str| {
            text.replace("{name: p,", "{annotations: {portcullis.dev/mode: audit}, name: p,")
        };
        let (enforced, audited) =
            (session(std::slice::from_ref(&enforced)), session(&[audited(&enforced)]));
        let (before, after) = (said(&enforced, "one"), said(&audited, "one"));
        assert_eq!(short(&after), ["NetworkPolicy x/p 1 Audited"]);
        let message = "what it would deny is logged and counted, not denied";
        assert_eq!(after[0].message.as_deref(), Some(message));
        // An annotation leaves the generation as it is.
        for (old, new, why) in [
            (&before, &after, "generation 1 is in force: no"),
            (&after, &before, "it is only audited still: no"),
        ] {
            let all = pending(old, new, "no");
            assert_eq!(short(&all), ["NetworkPolicy x/p 1 Pending"]);
            assert_eq!(all[0].message.as_deref(), Some(why));
        }
        let ids: Vec<PolicyId> = enforced.policies().policies().map(|(id, _)| id).collect();
        let all = node_policies((&enforced, Mode::Audit), &ids, &[Note::OverLimits(ids[0])]);
        assert_eq!(short(&all), ["NetworkPolicy x/p 1 Audited"], "of an agent that audits");
    }

    #[test]
    fn what_is_not_in_force_yet_is_pending() {
        let before = said(&session(&["o", "p", "r"].map(|n| policy(n, ("a", 1), ""))), "one");
        let later = [("p", 1), ("q", 1), ("r", 2)].map(|(n, g)| policy(n, ("a", g), ""));
        let desired = said(&session(&later), "one");
        let all = pending(&before, &desired, "no iptables");
        let states = ["o 1 Pending", "p 1 InForce", "q 1 Pending", "r 2 Pending"];
        assert_eq!(short(&all), states.map(|state| format!("NetworkPolicy x/{state}")));
        let why: Vec<Option<&str>> = all.iter().map(|policy| policy.message.as_deref()).collect();
        assert_eq!(
            why,
            [
                Some("it was removed and is still in force: no iptables"),
                None,
                Some("it is not in force yet: no iptables"),
                Some("generation 1 is in force: no iptables"),
            ]
        );
        assert_eq!(pending(&before, &before, "no"), before);
        assert!(pending(&before, &[], "no").iter().all(|one| one.state == PolicyState::Pending));
    }
}
