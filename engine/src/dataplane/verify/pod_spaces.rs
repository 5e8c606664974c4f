//! Who is in the sets of pods that policies name, kept from one state to the next.

use std::borrow::Cow;
use std::net::IpAddr;
use std::sync::Arc;

use rustc_hash::{FxHashMap, FxHashSet};

use super::places::{Change, Place, Places};
use super::space::{Asked, Extent, Origin, PodsKey};
use crate::cluster::GroupId;
use crate::net::{Family, IntervalSet};
use crate::policy::{PeerSet, PolicySet};
use crate::shared::Sorted;

/// Addresses of sets of pods, with what they were read from.
#[derive(Debug, Default)]
pub struct PodSpaces {
    known: FxHashMap<PodsKey, Known>,
}

#[derive(Debug)]
struct Known {
    key: PodsKey,
    pods: Arc<PeerSet>,
    asked: Arc<Asked>,
    /// Whether an address is two pods': then nothing is known of it when one of them leaves.
    shared: bool,
}

impl PodSpaces {
    /// Has sets of pods hold who is there now; which of them are others than before.
    ///
    /// # Cost
    /// Linear in the sets, for each pod that has come or gone; and in the pods of those groups that
    /// a set has more or fewer than before.
    pub fn follow(
        &mut self,
        policies: &PolicySet,
        places: &Places,
        change: &Change,
        family: Family,
    ) -> FxHashSet<PodsKey> {
        let mut changed = FxHashSet::default();
        self.known.retain(|key, known| {
            let Some(now) = policies.sets().get(key.pods) else {
                changed.insert(*key);
                return false;
            };
            let next = match known.shared {
                true => Some(Known::new(*key, now, places, family)),
                false => known.next(now, places, change, family),
            };
            if let Some(next) = next {
                if next.asked.members != known.asked.members {
                    changed.insert(*key);
                }
                *known = next;
            }
            true
        });
        changed
    }

    /// How many sets are known.
    pub fn len(&self) -> usize {
        self.known.len()
    }

    /// Forgets sets that nobody asks for.
    pub fn keep(&mut self, asked: &FxHashSet<PodsKey>) {
        self.known.retain(|key, _| asked.contains(key));
    }

    /// The addresses of a set of pods, which are read if they are not known.
    pub fn read(
        &mut self,
        key: PodsKey,
        pods: &Arc<PeerSet>,
        places: &Places,
        family: Family,
    ) -> Arc<Asked> {
        let known = self.known.entry(key);
        known.or_insert_with(|| Known::new(key, pods, places, family)).asked.clone()
    }

    /// The addresses of a set of pods.
    pub fn get(&self, key: PodsKey) -> Option<&Arc<Asked>> {
        self.known.get(&key).map(|known| &known.asked)
    }
}

impl Known {
    fn new(key: PodsKey, pods: &Arc<PeerSet>, places: &Places, family: Family) -> Self {
        let groups = groups(pods, key.extent);
        let addresses = groups.iter().flat_map(|group| places.of(group, family));
        let addresses: Vec<IpAddr> = addresses.collect();
        let count = addresses.len();
        let members: Sorted<IpAddr> = addresses.into_iter().collect();
        let shared = members.len() != count;
        let asked = Asked::of(Origin::Pods(key), members);
        Self { key, pods: pods.clone(), asked, shared }
    }

    /// What it is now; none if it is the same.
    fn next(
        &self,
        now: &Arc<PeerSet>,
        places: &Places,
        change: &Change,
        family: Family,
    ) -> Option<Self> {
        let (key, extent) = (self.key, self.key.extent);
        let meant = |place: &&Place| is_meant(&self.pods, extent, place.group);
        let left = change.left.iter().filter(meant);
        let mut left: Vec<IpAddr> = left.flat_map(|place| place.of(family)).collect();
        // Groups that are meant only now are read as a whole below.
        let still = |place: &&Place| meant(place) && is_meant(now, extent, place.group);
        let entered = change.entered.iter().filter(still);
        let mut entered: Vec<IpAddr> = entered.flat_map(|place| place.of(family)).collect();
        if !Arc::ptr_eq(now, &self.pods) {
            let of = |groups: IntervalSet<GroupId>| -> Vec<IpAddr> {
                groups.iter().flat_map(|group| places.of(group, family)).collect()
            };
            let (before, now) = (groups(&self.pods, extent), groups(now, extent));
            left.extend(of(before.difference(&now)));
            entered.extend(of(now.difference(&before)));
        } else if left.is_empty() && entered.is_empty() {
            return None;
        }
        let mut members = self.asked.members.clone();
        for address in &left {
            members.remove(address);
        }
        let shared = !entered.into_iter().fold(true, |new, address| members.insert(address) & new);
        if shared {
            return Some(Self::new(key, now, places, family));
        }
        let asked = Asked::of(Origin::Pods(key), members);
        Some(Self { key, pods: now.clone(), asked, shared: false })
    }
}

fn is_meant(pods: &PeerSet, extent: Extent, group: GroupId) -> bool {
    pods.certain.contains(group) || (extent == Extent::Possible && pods.unknown.contains(group))
}

fn groups(pods: &PeerSet, extent: Extent) -> Cow<'_, IntervalSet<GroupId>> {
    match extent {
        Extent::Certain => Cow::Borrowed(&pods.certain),
        Extent::Possible => Cow::Owned(pods.certain.union(&pods.unknown)),
    }
}
