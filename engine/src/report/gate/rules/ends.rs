//! Whom rules name: pods by labels of their own and of their namespaces, and addresses outside.

use std::fmt;
use std::sync::Arc;

use crate::cluster::{ClusterModel, Endpoint, NAME_LABEL};
use crate::net::{AddrSet, internet};
use crate::report::hypothetical::Selection;
use crate::selector::{Match, Operator, Selector};

/// Ends of flows: any of some, unless it is one of others.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ends {
    /// Those that are meant.
    pub any: Vec<Party>,
    /// Those of them that are not.
    pub except: Vec<Party>,
}

/// Ends that are named together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Party {
    /// Pods.
    Pods(Selection),
    /// Addresses, and what they are called.
    Addresses(AddrSet, String),
    /// Addresses that are called by a word: of these, none where pods have theirs.
    Word(AddrSet, &'static str),
}

impl Party {
    /// Addresses that can be reached through the internet.
    pub fn internet() -> Self {
        Self::Word(internet().clone(), "the internet")
    }

    /// Addresses that are no pod's.
    pub fn outside() -> Self {
        Self::Word(AddrSet::full(), "outside")
    }

    /// All pods.
    pub fn all_pods() -> Self {
        Self::Pods(Selection::default())
    }
}

impl Ends {
    /// Ends without exceptions.
    pub fn of(any: Vec<Party>) -> Self {
        Self { any, except: Vec::new() }
    }

    /// Pods and addresses.
    pub fn anything() -> Self {
        Self::of(vec![Party::all_pods(), Party::outside()])
    }

    /// What pods are selected by, exceptions too.
    pub fn selections(&self) -> impl Iterator<Item = &Selection> {
        self.any.iter().chain(&self.except).filter_map(|party| match party {
            Party::Pods(selection) => Some(selection),
            Party::Addresses(..) | Party::Word(..) => None,
        })
    }

    /// What pods are that are meant, but for exceptions.
    pub fn pods(&self) -> impl Iterator<Item = &Selection> {
        self.any.iter().filter_map(|party| match party {
            Party::Pods(selection) => Some(selection),
            Party::Addresses(..) | Party::Word(..) => None,
        })
    }

    /// Whether a pod is meant.
    pub fn has(&self, model: &ClusterModel, endpoint: &Endpoint) -> Match {
        let is_of = |party: &Party| match party {
            Party::Pods(selection) => selects(selection, model, endpoint),
            Party::Addresses(..) | Party::Word(..) => Match::No,
        };
        let any = self.any.iter().map(is_of).max().unwrap_or(Match::No);
        let except = self.except.iter().map(is_of).max().unwrap_or(Match::No);
        any.min(!except)
    }

    /// Addresses that are meant, in a cluster.
    pub fn addresses(&self, model: &ClusterModel) -> AddrSet {
        let pods = model.pod_ranges();
        let all = |parties: &[Party]| {
            let sets = parties.iter().filter_map(|party| match party {
                Party::Addresses(addresses, _) => Some(addresses.clone()),
                Party::Word(addresses, _) => Some(addresses.difference(&pods)),
                Party::Pods(_) => None,
            });
            sets.fold(AddrSet::default(), |all, one| all.union(&one))
        };
        all(&self.any).difference(&all(&self.except))
    }
}

fn selects(selection: &Selection, model: &ClusterModel, endpoint: &Endpoint) -> Match {
    let labels = model.labels_of(endpoint);
    let pods = labels.map_or(Match::Unknown, |labels| selection.pods.matches(&labels));
    if pods == Match::No || selection.namespaces.is_empty() {
        return pods;
    }
    let workload = model.workload_of(endpoint);
    let namespace = workload.and_then(|one| model.namespaces.get(one.namespace));
    let matches = |one: &crate::cluster::Namespace| selection.namespaces.matches(&one.labels());
    pods.min(namespace.map_or(Match::Unknown, matches))
}

impl fmt::Display for Ends {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = |parties: &[Party]| {
            parties.iter().map(ToString::to_string).collect::<Vec<_>>().join(" or ")
        };
        f.write_str(&match self.any == Self::anything().any {
            true => "anything".into(),
            false => text(&self.any),
        })?;
        match self.except.as_slice() {
            [] => Ok(()),
            except => write!(f, " except {}", text(except)),
        }
    }
}

impl fmt::Display for Party {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Addresses(_, name) => f.write_str(name),
            Self::Word(_, name) => f.write_str(name),
            Self::Pods(Selection { namespaces, pods }) => {
                match pods.is_empty() {
                    true => f.write_str("pods")?,
                    false => write!(f, "pods {{{}}}", pods.text())?,
                }
                match named(namespaces) {
                    Some([name]) => write!(f, " in namespace {name}"),
                    Some(names) => write!(f, " in namespaces {}", names.join(", ")),
                    None if namespaces.is_empty() => Ok(()),
                    None => write!(f, " in namespaces {{{}}}", namespaces.text()),
                }
            }
        }
    }
}

/// Names of namespaces, if they are asked for by nothing else.
fn named(namespaces: &Selector) -> Option<&[Arc<str>]> {
    match namespaces.requirements() {
        [one] if *one.key == *NAME_LABEL && one.operator == Operator::In => Some(&one.values),
        _ => None,
    }
}
