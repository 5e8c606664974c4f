//! Labels that the input does not show, and that only Calico asks for.

use std::collections::{BTreeMap, BTreeSet};

use super::super::namespaces;
use super::super::world::World;
use super::item::{NAME, OF_ACCOUNT, OF_NAMESPACE};
use super::rule::{positive, subject};
use crate::cluster::calico::{Atom, Expression, Test};
use crate::cluster::{Cluster, Labels};

/// Labels of namespaces and ServiceAccounts, in one of the ways in which they may be.
#[derive(Clone, Debug, Default)]
pub struct Completion(BTreeMap<Owner, Labels>);

/// Who has labels that others inherit.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Owner {
    /// A namespace.
    Namespace(String),
    /// A ServiceAccount: namespace and name.
    Account(String, String),
}

static NONE: Labels = Labels::new();

impl Completion {
    /// The labels of a namespace that has a set.
    pub fn namespace(&self, name: &str) -> &Labels {
        self.0.get(&Owner::Namespace(name.into())).unwrap_or(&NONE)
    }

    /// The labels of a ServiceAccount.
    pub fn account(&self, namespace: &str, name: &str) -> &Labels {
        self.0.get(&Owner::Account(namespace.into(), name.into())).unwrap_or(&NONE)
    }
}

/// Every way in which labels may be that the ends inherit from ServiceAccounts, and sets at their
/// addresses from namespaces.
pub fn completions(cluster: &Cluster, world: &World) -> Vec<Completion> {
    let mut all = vec![Completion::default()];
    for (owner, labelings) in owners(cluster, world) {
        let with = |completion: &Completion, labels: &Labels| {
            let mut completion = completion.clone();
            completion.0.insert(owner.clone(), labels.clone());
            completion
        };
        all = all.iter().flat_map(|one| labelings.iter().map(|l| with(one, l))).collect();
    }
    all
}

fn owners(cluster: &Cluster, world: &World) -> BTreeMap<Owner, Vec<Labels>> {
    let ends = [&world.source, &world.destination];
    let mut owners = BTreeMap::new();
    for set in &cluster.calico.sets {
        let holds = |net: &crate::cluster::Net| ends.iter().any(|end| net.contains(end.address));
        if let (Some(namespace), true) = (&set.namespace, set.nets.iter().any(holds)) {
            let owner = Owner::Namespace(namespace.clone());
            owners.entry(owner).or_insert_with(|| namespaces::labelings(cluster, namespace));
        }
    }
    for pod in ends.iter().filter_map(|end| end.pod.as_ref()) {
        // A namespace has the same labels for its pods and its sets.
        let namespace = Owner::Namespace(pod.namespace.clone());
        owners.insert(namespace, vec![pod.namespace_labels.clone()]);
        let account = Owner::Account(pod.namespace.clone(), pod.account.clone());
        let labels = match cluster.account_labels(&pod.namespace, &pod.account) {
            Some(labels) => vec![labels.clone()],
            None => made_up(cluster),
        };
        owners.insert(account, labels);
    }
    owners
}

/// All labels that a ServiceAccount may have which is not in the input: of those that no selector
/// tells apart, one.
fn made_up(cluster: &Cluster) -> Vec<Labels> {
    let atoms = asked(cluster, OF_ACCOUNT);
    let keys: BTreeSet<&String> = atoms.iter().map(|atom| &atom.key).collect();
    let mut all = vec![Labels::new()];
    for key in keys {
        let values = values(key, &atoms);
        let with = |labels: &Labels, value: &String| {
            let mut labels = labels.clone();
            labels.insert(key.clone(), value.clone());
            labels
        };
        let more = all.iter().flat_map(|labels| values.iter().map(move |v| with(labels, v)));
        let more: Vec<Labels> = more.collect();
        all.extend(more);
    }
    all
}

/// What selectors ask of the labels of namespaces.
pub fn asked_of_namespaces(cluster: &Cluster) -> Vec<Atom> {
    asked(cluster, OF_NAMESPACE)
}

/// What selectors ask of labels whose keys begin so, without that beginning. The name is known.
fn asked(cluster: &Cluster, prefix: &str) -> Vec<Atom> {
    let mut atoms: Vec<Atom> = Vec::new();
    for expression in expressions(cluster) {
        for atom in expression.atoms() {
            let Some(key) = atom.key.strip_prefix(prefix).filter(|key| *key != NAME) else {
                continue;
            };
            let atom = Atom { key: key.into(), ..atom.clone() };
            if !atoms.contains(&atom) {
                atoms.push(atom);
            }
        }
    }
    atoms
}

/// All expressions of policies in force, as they are asked of items.
fn expressions(cluster: &Cluster) -> Vec<Expression> {
    let mut all = Vec::new();
    for policy in cluster.calico.policies.iter().filter(|policy| !policy.staged) {
        all.push(subject(policy));
        for entity in policy.entities() {
            all.extend(positive(policy, entity));
            all.extend(entity.not_selector.clone());
        }
    }
    all
}

/// Values of a label that tests may tell apart: one for each set of tests that are true of it.
pub fn values(key: &str, atoms: &[Atom]) -> Vec<String> {
    let atoms: Vec<&Atom> = atoms.iter().filter(|atom| atom.key == key).collect();
    let mut seen = Vec::new();
    let mut kept = Vec::new();
    for value in candidates(&atoms) {
        let labels = Labels::from([(key.to_owned(), value.clone())]);
        let matches: Vec<bool> = atoms.iter().map(|atom| atom.matches(&labels)).collect();
        if !seen.contains(&matches) {
            seen.push(matches);
            kept.push(value);
        }
    }
    kept
}

/// Every text that a test mentions, one that none does, and all that begin, go on and end as some
/// tests ask.
fn candidates(atoms: &[&Atom]) -> BTreeSet<String> {
    let operands = || atoms.iter().flat_map(|atom| atom.operands());
    let is_other = |letter: &char| !operands().any(|one| one.contains(*letter));
    let filler: String = ('0'..='9').find(is_other).into_iter().collect();
    let mut all: BTreeSet<String> = operands().cloned().chain([filler.clone()]).collect();
    let (mut begins, mut has, mut ends) = (vec![""], vec![""], vec![""]);
    for atom in atoms {
        match &atom.test {
            Test::StartsWith(part) => begins.push(part),
            Test::Contains(part) => has.push(part),
            Test::EndsWith(part) => ends.push(part),
            _ => {}
        }
    }
    for begin in begins {
        for (first, second) in has.iter().flat_map(|one| has.iter().map(move |two| (one, two))) {
            for end in &ends {
                all.insert(format!("{begin}{first}{second}{end}"));
                all.insert(format!("{begin}{filler}{first}{filler}{second}{filler}{end}"));
            }
        }
    }
    all
}
