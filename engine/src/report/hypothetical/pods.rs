//! Pods that may come to be in some places, one of all that nothing distinguishes.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::Arc;

use super::addresses::Free;
use super::combine::combinations;
use super::mentioned::{Mentioned, Selection};
use super::places::Place;
use super::{Limits, Undecidable};
use crate::cluster::PodLabels;
use crate::manifest::{LabelList, NamedPort};
use crate::net::Protocol;
use crate::selector::{Match, Selector};

/// A pod that may come to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewPod {
    /// Its name, which decides nothing.
    pub name: Arc<str>,
    /// Its namespace.
    pub namespace: Arc<str>,
    /// Labels, sorted by key.
    pub labels: LabelList,
    /// Names of ports.
    pub ports: Vec<NamedPort>,
    /// Its address; none: any that a pod may have.
    pub address: Option<IpAddr>,
}

/// How pods of a question are made.
#[derive(Clone, Copy, Debug)]
pub struct Making<'m> {
    /// Only pods of these are asked about; none: of all.
    pub ends: Option<&'m [Selection]>,
    /// Whether each pod has one like it besides, for what passes between the two.
    pub twins: bool,
    /// Whether all names of ports are thought of, or only such as let most pass.
    pub all_names: bool,
}

/// Names of the first pod of a kind and of its twin.
const NAMES: [&str; 2] = ["new-pod", "new-twin"];

/// The pods of all places.
///
/// # Errors
/// If there are too many.
pub fn pods(
    places: &[Place],
    mentioned: &Mentioned,
    (making, free): (Making<'_>, &mut Free),
    limits: Limits,
) -> Result<Vec<NewPod>, Undecidable> {
    let ports = port_variants(mentioned, making.all_names)?;
    let mut known: BTreeMap<BTreeSet<&Selector>, Vec<LabelList>> = BTreeMap::new();
    let mut kinds: Vec<(&Place, LabelList)> = Vec::new();
    for place in places {
        let selectors = selectors(place, mentioned);
        let labels = match known.get(&selectors) {
            Some(labels) => labels.clone(),
            None => {
                let all: Vec<&Selector> = selectors.iter().copied().collect();
                let labels = combinations(&all, None, limits.pods)?;
                known.insert(selectors, labels.clone());
                labels
            }
        };
        let asked = |labels: &LabelList| making.ends.is_none_or(|ends| is_end(place, labels, ends));
        kinds.extend(labels.into_iter().filter(asked).map(|labels| (place, labels)));
    }
    let twins = if making.twins { 2 } else { 1 };
    let count = kinds.len() * ports.len() * twins;
    let addresses = free.kinds(count);
    let total = count.saturating_mul(addresses.len());
    if total > limits.pods {
        return Err(Undecidable::TooMany { found: total });
    }
    // What labels of a namespace leave open is settled pair by pair.
    let open = kinds.iter().filter(|(place, _)| place.open).count() * ports.len() * twins;
    if !mentioned.namespace_selectors().is_empty() && open.saturating_mul(total) > limits.open_pairs
    {
        return Err(Undecidable::TooMany { found: total });
    }
    let mut all = Vec::with_capacity(total);
    for (place, labels) in &kinds {
        for ports in &ports {
            for address in &addresses {
                for kind in NAMES.into_iter().take(twins) {
                    let number = all.len();
                    all.push(NewPod {
                        name: format!("{kind}-{number}").into(),
                        namespace: place.name.clone(),
                        labels: labels.clone(),
                        ports: ports.clone(),
                        address: address.and_then(|kind| free.next(kind)),
                    });
                }
            }
        }
    }
    Ok(all)
}

/// Selectors of pods that can say something of a pod in a place.
fn selectors<'m>(place: &Place, mentioned: &'m Mentioned) -> BTreeSet<&'m Selector> {
    let own = mentioned.own.get(&place.name).into_iter().flatten();
    let here = |one: &&Selection| one.namespaces.matches(&place.asked()) != Match::No;
    let others = mentioned.matching.iter().filter(here).map(|one| &one.pods);
    own.chain(others).filter(|selector| !selector.is_empty()).collect()
}

/// Whether a pod may be an end that is asked about.
fn is_end(place: &Place, labels: &LabelList, ends: &[Selection]) -> bool {
    let labels = PodLabels { labels, hidden: &[] };
    ends.iter().any(|end| {
        end.namespaces.matches(&place.asked()) != Match::No
            && end.pods.matches(&labels) != Match::No
    })
}

/// Which names of ports a pod has: what a name does depends on which of them stand for a port, so
/// each is given to all ports that something else distinguishes.
///
/// Where rules only accept, two names at most are needed for a flow to pass, one at each end, and
/// all of them let most pass. Where a rule that names a port denies, any of them may matter.
fn port_variants(
    mentioned: &Mentioned,
    all_names: bool,
) -> Result<Vec<Vec<NamedPort>>, Undecidable> {
    /// More names than these make too many sets of them.
    const MOST_NAMES: usize = 6;
    let names: Vec<&(Arc<str>, Protocol)> = mentioned.port_names.iter().collect();
    let some: Vec<u32> = match (names.len(), mentioned.names_deny) {
        (0, _) => vec![0],
        (n, true) if n > MOST_NAMES => return Err(Undecidable::TooMany { found: 1 << n.min(30) }),
        (n, true) => (0..1 << n).collect(),
        (n, false) if n > 30 => return Err(Undecidable::TooMany { found: n * n / 2 }),
        (n, false) if all_names => (0..1_u32 << n).filter(|set| set.count_ones() <= 2).collect(),
        (n, false) => vec![0, (1 << n) - 1],
    };
    let ports = mentioned.ports();
    let named = |set: &u32| {
        let chosen = names.iter().enumerate().filter(|(at, _)| set >> at & 1 == 1);
        let at_all = chosen.flat_map(|(_, (name, protocol))| {
            let of = ports.iter().filter(move |(own, _)| own == protocol);
            of.map(|(protocol, port)| NamedPort {
                name: name.clone(),
                protocol: *protocol,
                port: *port,
            })
        });
        at_all.collect()
    };
    Ok(some.iter().map(named).collect())
}
