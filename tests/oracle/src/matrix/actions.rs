//! What may happen to a cluster: for each action, the state before it.

use super::build::{deny_all, open_to_all};
use super::pods::pod;
use crate::cluster::{Cluster, Direction, Namespace, Policy};

/// An action: its tag, and how the cluster was before it; none if it is read at once.
pub type Action = (&'static str, fn(&Cluster) -> Option<Cluster>);

/// The first is the plain one. What each does is done to the state before, so that afterwards the
/// same policies are in force as without it.
pub const ACTIONS: &[Action] = &[
    ("action: none", |_| None),
    ("action: create policies", |after| change(after, |before| before.policies.clear())),
    ("action: delete policy", |after| {
        change(after, |before| {
            before.policies.push(Policy { name: "gone".into(), ..open_to_all() });
        })
    }),
    ("action: update policies", |after| {
        change(after, |before| before.policies.iter_mut().for_each(empty))
    }),
    ("action: create pod", |after| {
        change(after, |before| before.pods.retain(|pod| pod.name != "b"))
    }),
    ("action: delete pod", |after| change(after, |before| before.pods.push(pod("x", "d", 12)))),
    ("action: set labels of pods", |after| change(after, rotate_labels_of_pods)),
    ("action: create namespace", |after| {
        change(after, |before| {
            before.namespaces.retain(|space| space.name != "y");
            before.pods.retain(|pod| pod.namespace != "y");
            before.policies.retain(|policy| policy.namespace != "y");
        })
    }),
    ("action: delete namespace", |after| {
        change(after, |before| {
            let labels = super::pods::labels(&[("ns", "y")]);
            before.namespaces.push(Namespace { name: "w".into(), labels, declared: true });
            before.pods.push(pod("w", "a", 13));
            before.policies.push(Policy { namespace: "w".into(), ..deny_all() });
        })
    }),
    ("action: set labels of namespaces", |after| change(after, rotate_labels_of_namespaces)),
];

fn change(after: &Cluster, undo: impl Fn(&mut Cluster)) -> Option<Cluster> {
    let mut before = after.clone();
    undo(&mut before);
    Some(before)
}

/// As if all had been closed before.
fn empty(policy: &mut Policy) {
    let Policy { namespace, name, .. } = policy;
    let (namespace, name) = (std::mem::take(namespace), std::mem::take(name));
    let types = Some(Direction::BOTH.into());
    *policy = Policy { namespace, name, types, ..Policy::default() };
}

fn rotate_labels_of_pods(before: &mut Cluster) {
    let mut labels: Vec<_> = before.pods.iter().map(|pod| pod.labels.clone()).collect();
    labels.rotate_left(1);
    before.pods.iter_mut().zip(labels).for_each(|(pod, labels)| pod.labels = labels);
}

fn rotate_labels_of_namespaces(before: &mut Cluster) {
    let mut labels: Vec<_> = before.namespaces.iter().map(|space| space.labels.clone()).collect();
    labels.rotate_left(1);
    before.namespaces.iter_mut().zip(labels).for_each(|(space, labels)| space.labels = labels);
}
