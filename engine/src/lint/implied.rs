//! Whether what one selector, peer or list of ports means is always part of what another means: for
//! all pods that could exist, not only for those of the input.

use crate::cluster::NAME_LABEL;
use crate::manifest::{Peer, PeerKind, PortEntry, PortMatch};
use crate::net::Protocol;
use crate::selector::{Operator, Requirement, Selector};

/// Whether whatever matches one selector matches the other: each of its requirements follows from
/// one of the first's.
pub fn implies(narrow: &Selector, wide: &Selector) -> bool {
    let follows = |requirement: &Requirement| {
        let same = narrow.requirements().iter().filter(|one| one.key == requirement.key);
        { same }.any(|one| entails(one, requirement))
    };
    wide.requirements().iter().all(follows)
}

/// Whether a requirement follows from another one on the same key.
fn entails(one: &Requirement, other: &Requirement) -> bool {
    match (one.operator, other.operator) {
        (Operator::In | Operator::Exists, Operator::Exists) => true,
        (Operator::DoesNotExist, Operator::DoesNotExist | Operator::NotIn) => true,
        (Operator::In, Operator::In | Operator::NotIn) => {
            !one.values.is_empty() && one.values.iter().all(|value| other.takes(value))
        }
        (Operator::NotIn, Operator::NotIn) => {
            other.values.iter().all(|value| one.values.contains(value))
        }
        _ => false,
    }
}

/// Whether whoever one peer names, the other does; both of policies of one namespace.
pub fn peer_within(narrow: &Peer, wide: &Peer, own: &str) -> bool {
    match (&narrow.kind, &wide.kind) {
        (
            PeerKind::Pods { namespaces: of_narrow, pods: narrow },
            PeerKind::Pods { namespaces: of_wide, pods: wide },
        ) => {
            let every = Selector::default();
            implies(narrow.as_ref().unwrap_or(&every), wide.as_ref().unwrap_or(&every))
                && namespaces_within(of_narrow.as_ref(), of_wide.as_ref(), own)
        }
        (PeerKind::Block(narrow), PeerKind::Block(wide)) => {
            narrow.addresses.is_subset(&wide.addresses)
        }
        _ => false,
    }
}

/// The same of the namespaces that peers name: without a selector it is their own.
fn namespaces_within(narrow: Option<&Selector>, wide: Option<&Selector>, own: &str) -> bool {
    let is_name = |one: &Requirement| *one.key == *NAME_LABEL;
    match (narrow, wide) {
        (None, None) => true,
        // A namespace's name is the only label of it that nobody can change.
        (None, Some(wide)) => wide.requirements().iter().all(|one| is_name(one) && one.takes(own)),
        (Some(narrow), Some(wide)) => implies(narrow, wide),
        (Some(narrow), None) => narrow.requirements().iter().any(|one| {
            is_name(one)
                && one.operator == Operator::In
                && one.values.iter().all(|name| **name == *own)
        }),
    }
}

/// Ports of a rule, whatever their places.
pub type Ports<'p> = Vec<(Protocol, &'p PortMatch)>;

/// The ports of entries.
pub fn ports_of(entries: &[PortEntry]) -> Ports<'_> {
    entries.iter().map(|entry| (entry.protocol, &entry.ports)).collect()
}

/// Whether ports cover all of some others.
pub fn covers(wide: &Ports<'_>, others: &Ports<'_>) -> bool {
    let covered = |(protocol, other): &(Protocol, &PortMatch)| {
        wide.iter().filter(|(one, _)| one == protocol).any(|(_, one)| match (one, other) {
            (PortMatch::Any, _) => true,
            (PortMatch::Range(a, b), PortMatch::Range(c, d)) => a <= c && d <= b,
            (one, other) => one == other,
        })
    };
    wide.is_empty() || (!others.is_empty() && others.iter().all(covered))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn selector(requirements: &[(&str, Operator, &[&str])]) -> Selector {
        let of = |(key, operator, values): &(&str, Operator, &[&str])| Requirement {
            key: (*key).into(),
            operator: *operator,
            values: values.iter().map(|value| (*value).into()).collect(),
        };
        Selector::new(requirements.iter().map(of).collect())
    }

    #[test]
    fn what_follows_follows_for_all_labels() {
        use Operator::{DoesNotExist, Exists, In, NotIn};
        let values: [&[&str]; 3] = [&["a"], &["b"], &["a", "b"]];
        let mut all: Vec<(Operator, &[&str])> = vec![(Exists, &[]), (DoesNotExist, &[])];
        all.extend(values.iter().flat_map(|one| [(In, *one), (NotIn, *one)]));
        let labels = |value: Option<&str>| -> Vec<(std::sync::Arc<str>, std::sync::Arc<str>)> {
            value.map(|value| ("k".into(), value.into())).into_iter().collect()
        };
        let worlds = [None, Some("a"), Some("b"), Some("c")].map(labels);
        let matches = |one: &Selector, world: &crate::manifest::LabelList| {
            let pod = crate::cluster::PodLabels { labels: world, hidden: &[] };
            one.matches(&pod) == crate::selector::Match::Yes
        };
        for (o, v) in &all {
            for (p, w) in &all {
                let (narrow, wide) = (selector(&[("k", *o, v)]), selector(&[("k", *p, w)]));
                let holds =
                    worlds.iter().all(|world| !matches(&narrow, world) || matches(&wide, world));
                assert_eq!(implies(&narrow, &wide), holds, "{} {}", narrow.text(), wide.text());
            }
        }
        let two = selector(&[("k", In, &["a"]), ("l", Exists, &[])]);
        assert!(implies(&two, &selector(&[("k", In, &["a"])])));
        assert!(!implies(&selector(&[("k", In, &["a"])]), &two));
    }
}
