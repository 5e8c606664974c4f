//! Pods and namespaces that are not there and may come to be, one of all that nothing
//! distinguishes.
//!
//! `mentioned` gathers what policies and a question tell pods apart by, `combine` finds the classes
//! that selectors make of labels, `places` the namespaces, `addresses` and `pods` the pods in them,
//! and `write` the manifests of these, which are then read as any others: so everything that is
//! answered of a cluster is answered of them.

mod addresses;
mod combine;
mod mentioned;
mod places;
mod pods;
pub mod write;

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::manifest::SourceFile;
use crate::net::AddrSet;
use crate::session::{Change, Session};
use addresses::Free;

pub use mentioned::{Mentioned, Selection};
pub use places::Place;
pub use pods::NewPod;

/// Why not all that may come to be is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Undecidable {
    /// There are more combinations of labels, names of ports and addresses than are looked at.
    TooMany {
        /// How many there are at least.
        found: usize,
    },
    /// Policies of Calico's kinds tell pods apart by expressions, which are not taken apart.
    Calico,
}

impl Undecidable {
    /// The same where so many have been looked at before.
    fn after(self, made: usize) -> Self {
        match self {
            Self::TooMany { found } => Self::TooMany { found: found.saturating_add(made) },
            Self::Calico => self,
        }
    }
}

/// How much is looked at.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Classes of namespaces.
    pub places: usize,
    /// Pods in all worlds together.
    pub pods: usize,
    /// Pairs of pods one of which is in a namespace whose labels are not known.
    pub open_pairs: usize,
    /// Sets of labels of namespaces that cannot be there at the same time.
    pub worlds: usize,
}

impl Limits {
    /// What may pass is computed from each class of sources.
    pub const FLOWS: Self = Self { places: 512, pods: 20_000, open_pairs: 300_000, worlds: 32 };
    /// What differs is looked for in pairs of classes.
    pub const DIFFERENCES: Self = Self { pods: 6_000, ..Self::FLOWS };
}

/// What is asked of pods that may come to be.
#[derive(Clone, Copy, Debug)]
pub enum Asked<'a> {
    /// What may pass between some ends, in one state.
    Flows {
        /// Pods that may be an end.
        ends: &'a [Selection],
        /// Whether some pods may be both ends.
        twins: bool,
        /// Whether namespaces count that do not exist yet.
        new_namespaces: bool,
    },
    /// What differs between states.
    Differences,
}

/// One set of pods that may come to be.
#[derive(Clone, Debug)]
pub struct World {
    /// Namespaces in which they are.
    pub places: BTreeMap<Arc<str>, Place>,
    /// The pods, by namespace and name.
    pub pods: BTreeMap<(Arc<str>, Arc<str>), NewPod>,
    /// Addresses that no pod is assumed to have, since they are too few.
    pub left_out: AddrSet,
}

/// The file of what may come to be.
pub const FILE: &str = "(hypothetical)";

/// All that may come to be, in as many worlds as are needed.
///
/// # Errors
/// If there are too many combinations, or policies of kinds that are not taken apart.
pub fn worlds(
    sessions: &[&Session],
    mentioned: &Mentioned,
    asked: Asked<'_>,
    limits: Limits,
) -> Result<Vec<World>, Undecidable> {
    let mut policies = sessions.iter().flat_map(|session| session.policies().in_force());
    let has_calico = policies.any(|(_, policy)| policy.place.is_some());
    if has_calico && !matches!(asked, Asked::Flows { ends: [], .. }) {
        return Err(Undecidable::Calico);
    }
    let scope = match asked {
        Asked::Flows { new_namespaces, .. } => places::Scope { new_namespaces, settle_open: false },
        Asked::Differences => places::Scope { new_namespaces: true, settle_open: true },
    };
    let worlds = places::worlds(sessions, mentioned, (scope, limits))?;
    let mut all = Vec::with_capacity(worlds.len());
    let mut made = 0;
    for places in worlds {
        let (making, mut free) = match asked {
            Asked::Flows { ends, twins, .. } => {
                let making = pods::Making { ends: Some(ends), twins, all_names: false };
                (making, Free::unknown())
            }
            Asked::Differences => {
                let making = pods::Making { ends: None, twins: true, all_names: true };
                (making, Free::new(sessions, mentioned))
            }
        };
        let left = Limits { pods: limits.pods.saturating_sub(made), ..limits };
        let pods = pods::pods(&places, mentioned, (making, &mut free), left)
            .map_err(|many| many.after(made))?;
        made += pods.len();
        let by_name = |place: Place| (place.name.clone(), place);
        all.push(World {
            places: places.into_iter().map(by_name).collect(),
            pods: pods.into_iter().map(|pod| (key(&pod), pod)).collect(),
            left_out: free.left_out,
        });
    }
    Ok(all)
}

fn key(pod: &NewPod) -> (Arc<str>, Arc<str>) {
    (pod.namespace.clone(), pod.name.clone())
}

impl World {
    /// The pod of a name, if it may come to be rather than be there.
    pub fn pod(&self, namespace: &str, name: &str) -> Option<&NewPod> {
        self.pods.get(&(Arc::from(namespace), Arc::from(name)))
    }

    /// How much has to come to be for a pod: nothing if it is there.
    pub fn rank(&self, namespace: &str, name: &str) -> u32 {
        let is_new = self.places.get(namespace).is_some_and(|place| !place.is_known);
        let of = |pod: &NewPod| 2 + 8 * u32::from(is_new) + 4 * u32::from(!pod.ports.is_empty());
        self.pod(namespace, name).map_or(0, of)
    }

    /// A session in which all of it has come to be.
    #[must_use]
    pub fn added_to(&self, session: &Session) -> Session {
        let model = session.model();
        let is_missing = |place: &&Place| {
            let known = model.namespace(&place.name).and_then(|id| model.namespaces.get(id));
            place.is_written && known.is_none_or(|known| known.open)
        };
        let places = self.places.values().filter(is_missing);
        let text = write::manifests(places, self.pods.values());
        session.apply(vec![Change::Put(SourceFile::new(FILE, text.as_bytes()))])
    }
}
