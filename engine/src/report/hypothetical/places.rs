//! Namespaces in which pods may come to be: those of the input, and others that may be made.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::combine::{Key, combinations};
use super::mentioned::Mentioned;
use super::{Limits, Undecidable};
use crate::cluster::{NAME_LABEL, Namespace, NamespaceLabels, namespace_labels};
use crate::manifest::{LabelList, syntax};
use crate::selector::{Match, Selector};
use crate::session::Session;

/// A namespace in which pods may come to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// Its name.
    pub name: Arc<str>,
    /// Its labels, sorted by key, that of the name among them.
    pub labels: LabelList,
    /// Whether it may have labels that are not known.
    pub open: bool,
    /// Whether the input has it, or objects in it.
    pub is_known: bool,
    /// Whether its object has to be written: it is in no input, or its labels are assumed.
    pub is_written: bool,
}

impl Place {
    /// Its labels as selectors ask them.
    pub fn asked(&self) -> NamespaceLabels<'_> {
        NamespaceLabels { own: &self.labels, assumed: None, open: self.open }
    }
}

/// What to think of.
#[derive(Clone, Copy, Debug)]
pub struct Scope {
    /// Whether namespaces count that do not exist yet.
    pub new_namespaces: bool,
    /// Whether namespaces of the input whose labels are not known are given each that matters.
    pub settle_open: bool,
}

/// Places, in worlds: in each a namespace has one set of labels. Each pair of places is in a world
/// together unless they are one namespace.
///
/// # Errors
/// If there are too many.
pub fn worlds(
    sessions: &[&Session],
    mentioned: &Mentioned,
    (scope, limits): (Scope, Limits),
) -> Result<Vec<Vec<Place>>, Undecidable> {
    let selectors: Vec<&Selector> = mentioned.namespace_selectors().into_iter().collect();
    let known = known(sessions);
    let mut fixed = Vec::new();
    let mut varied: Vec<Vec<Place>> = Vec::new();
    for namespace in known.values() {
        match namespace.open && scope.settle_open {
            true => varied.push(settled(namespace, &selectors, limits)?),
            false => fixed.push(namespace.clone()),
        }
    }
    if scope.new_namespaces {
        let (others, named) = new_places(&known, &selectors, limits)?;
        fixed.extend(others);
        varied.extend(named);
    }
    let fixed = distinct(fixed, &selectors, mentioned);
    let picks = cover(&varied.iter().map(Vec::len).collect::<Vec<_>>(), limits)?;
    let world = |pick: &Vec<usize>| {
        let own = varied.iter().zip(pick).filter_map(|(all, at)| all.get(*at)).cloned();
        fixed.iter().cloned().chain(own).collect()
    };
    Ok(picks.iter().map(world).collect())
}

/// Namespaces of all sessions by name; what one declares is not open.
fn known(sessions: &[&Session]) -> BTreeMap<Arc<str>, Place> {
    let mut all: BTreeMap<Arc<str>, Place> = BTreeMap::new();
    let in_all = |name: &str| sessions.iter().all(|one| one.model().namespace(name).is_some());
    for session in sessions {
        for (_, namespace) in session.model().namespaces.iter() {
            let Namespace { name, labels, open, .. } = namespace;
            let place = Place {
                name: name.clone(),
                labels: labels.clone(),
                open: *open,
                is_known: true,
                is_written: false,
            };
            let known = all.entry(name.clone()).or_insert_with(|| place.clone());
            if known.open && !open {
                *known = place;
            }
        }
    }
    for place in all.values_mut() {
        let is_open_somewhere = sessions.iter().any(|session| {
            let model = session.model();
            let found = model.namespace(&place.name).and_then(|id| model.namespaces.get(id));
            found.is_some_and(|one| one.open)
        });
        place.is_written = !place.open && (is_open_somewhere || !in_all(&place.name));
    }
    all
}

/// A namespace with each set of labels that it may have, as far as that matters.
fn settled(
    namespace: &Place,
    selectors: &[&Selector],
    limits: Limits,
) -> Result<Vec<Place>, Undecidable> {
    let own = [namespace.name.clone()];
    let fixed = Key { key: NAME_LABEL, values: &own };
    let all = combinations(selectors, Some(&fixed), limits.places)?;
    let place = |labels| Place { labels, open: false, is_written: true, ..namespace.clone() };
    Ok(all.into_iter().map(place).collect())
}

/// Namespaces that are not there: such as may be any, and those of names that selectors ask for,
/// each with its sets of labels.
fn new_places(
    known: &BTreeMap<Arc<str>, Place>,
    selectors: &[&Selector],
    limits: Limits,
) -> Result<(Vec<Place>, Vec<Vec<Place>>), Undecidable> {
    let asked = selectors.iter().flat_map(|selector| selector.requirements());
    let asked = asked.filter(|one| *one.key == *NAME_LABEL).flat_map(|one| &one.values);
    let asked: BTreeSet<Arc<str>> = asked.cloned().collect();
    let is_free = |name: &Arc<str>| !known.contains_key(name) && !asked.contains(name);
    let fresh = |number: usize| match number {
        0 => Arc::from("new-namespace"),
        n => Arc::from(format!("new-namespace-{}", n + 1)),
    };
    let mut names = (0_usize..).map(fresh).filter(is_free);
    let first: Vec<Arc<str>> = names.next().into_iter().collect();
    let any = Key { key: NAME_LABEL, values: &first };
    let mut others = Vec::new();
    for (at, labels) in combinations(selectors, Some(&any), limits.places)?.into_iter().enumerate()
    {
        let name = if at == 0 { first.first().cloned() } else { names.next() };
        others.extend(name.map(|name| new_place(name, labels)));
    }
    let mut named = Vec::new();
    for name in asked {
        if known.contains_key(&name) || !syntax::is_dns_label(&name) {
            continue;
        }
        let own = [name.clone()];
        let fixed = Key { key: NAME_LABEL, values: &own };
        let all = combinations(selectors, Some(&fixed), limits.places)?;
        named.push(all.into_iter().map(|labels| new_place(name.clone(), labels)).collect());
    }
    Ok((others, named))
}

fn new_place(name: Arc<str>, labels: LabelList) -> Place {
    let labels = namespace_labels(&name, labels);
    Place { name, labels, open: false, is_known: false, is_written: true }
}

/// One of all places that nothing distinguishes: places without a policy of their own.
fn distinct(places: Vec<Place>, selectors: &[&Selector], mentioned: &Mentioned) -> Vec<Place> {
    let mut seen: BTreeSet<Vec<Match>> = BTreeSet::new();
    let is_new = |place: &Place| {
        if mentioned.own.contains_key(&place.name) {
            return true;
        }
        let matches = selectors.iter().map(|selector| selector.matches(&place.asked()));
        seen.insert(matches.collect())
    };
    // A namespace that is there is named rather than one that may be made.
    places.into_iter().filter(is_new).collect()
}

/// Picks of one of each so that each two are picked together once.
fn cover(counts: &[usize], limits: Limits) -> Result<Vec<Vec<usize>>, Undecidable> {
    let mut open: BTreeSet<[(usize, usize); 2]> = BTreeSet::new();
    for (i, a) in counts.iter().enumerate() {
        for (j, b) in counts.iter().enumerate().skip(i + 1) {
            open.extend((0..*a).flat_map(|x| (0..*b).map(move |y| [(i, x), (j, y)])));
        }
        if open.len() > limits.pods {
            return Err(Undecidable::TooMany { found: open.len() });
        }
    }
    let longest = counts.iter().copied().max().unwrap_or(1);
    let mut picks: Vec<Vec<usize>> = Vec::new();
    while !open.is_empty() || picks.len() < longest {
        if picks.len() >= limits.worlds {
            return Err(Undecidable::TooMany { found: picks.len() + 1 });
        }
        // What is asked for by an open pair comes first, then what leaves the fewest open.
        let mut pick: Vec<usize> =
            counts.iter().map(|count| picks.len() % (*count).max(1)).collect();
        if let Some([(i, x), (j, y)]) = open.first().copied() {
            pick.get_mut(i).into_iter().for_each(|slot| *slot = x);
            pick.get_mut(j).into_iter().for_each(|slot| *slot = y);
            for (k, count) in counts.iter().enumerate().filter(|(k, _)| *k != i && *k != j) {
                let gain = |value: &usize| {
                    let met = pick.iter().enumerate().filter(|(other, at)| {
                        let (own, other) = ((k, *value), (*other, **at));
                        open.contains(&[own.min(other), own.max(other)])
                    });
                    met.count()
                };
                let best = (0..*count).max_by_key(|value| (gain(value), usize::MAX - value));
                if let (Some(slot), Some(best)) = (pick.clone().get(k).is_some().then_some(k), best)
                {
                    pick.get_mut(slot).into_iter().for_each(|slot| *slot = best);
                }
            }
        }
        open.retain(|pair| !pair.iter().all(|(at, value)| pick.get(*at) == Some(value)));
        picks.push(pick);
    }
    Ok(picks)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_two_are_picked_together() {
        let limits = Limits::FLOWS;
        for counts in [vec![], vec![1, 1], vec![3], vec![2, 2, 2, 2], vec![3, 1, 2, 4]] {
            let picks = cover(&counts, limits).unwrap();
            for (i, a) in counts.iter().enumerate() {
                assert!((0..*a).all(|x| picks.iter().any(|pick| pick[i] == x)), "{counts:?}");
                for (j, b) in counts.iter().enumerate().skip(i + 1) {
                    for (x, y) in (0..*a).flat_map(|x| (0..*b).map(move |y| (x, y))) {
                        let is_there = picks.iter().any(|pick| pick[i] == x && pick[j] == y);
                        assert!(is_there, "{counts:?}: {i}={x} {j}={y}");
                    }
                }
            }
        }
        assert_eq!(cover(&[], limits).unwrap().len(), 1);
    }
}
