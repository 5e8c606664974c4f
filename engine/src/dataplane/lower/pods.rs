//! Who is where, kept from one state of a cluster to the next.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;

use super::super::budget::{Local, Steps};
use super::super::program::Note;
use super::Input;
use crate::cluster::{Addresses, Endpoint, EndpointId, Group, GroupId, GroupIndex, Life};
use crate::net::{ByFamily, Family};
use crate::shared::{PagedTable, Table};

/// A pod that can send and receive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// Its group.
    pub group: GroupId,
    /// Its addresses.
    pub addresses: Arc<[IpAddr]>,
}

impl Place {
    /// Its addresses of a family.
    pub fn of(&self, family: Family) -> impl Iterator<Item = IpAddr> + '_ {
        self.addresses.iter().copied().filter(move |address| Family::of(*address) == family)
    }
}

/// What has become of a pod.
#[derive(Debug)]
pub struct Move {
    /// What it was; none if it was not there.
    pub before: Option<Place>,
    /// What it is now; none if it is gone.
    pub after: Option<Place>,
}

/// Which pods have moved.
#[derive(Debug)]
pub enum Moved {
    /// These, and no others.
    Some(Vec<Move>),
    /// Perhaps all.
    All,
}

impl Moved {
    /// How many addresses groups have lost and won.
    pub fn steps(&self) -> Steps {
        let Self::Some(moves) = self else { return Steps { afresh: true, ..Steps::default() } };
        let sized = |place: &Place| (place.group, place.addresses.len());
        let left = moves.iter().filter_map(|step| step.before.as_ref()).map(sized).collect();
        let entered = moves.iter().filter_map(|step| step.after.as_ref()).map(sized).collect();
        Steps { afresh: false, left, entered }
    }
}

/// A pod of the node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LocalPod {
    /// Its group.
    pub group: GroupId,
    /// Its addresses.
    pub addresses: Arc<[IpAddr]>,
    /// Those of each family.
    own: ByFamily<Arc<[IpAddr]>>,
}

impl LocalPod {
    fn new(place: &Place) -> Self {
        let own = ByFamily::from_fn(|family| place.of(family).collect());
        Self { group: place.group, addresses: place.addresses.clone(), own }
    }

    /// What of it counts for budgets.
    pub fn counted(&self) -> Local {
        let families = ByFamily::from_fn(|family| !self.own[family].is_empty());
        Local { group: self.group, families }
    }

    /// Its addresses of a family.
    pub fn of(&self, family: Family) -> &Arc<[IpAddr]> {
        &self.own[family]
    }
}

/// Pods that can send and receive.
#[derive(Debug, Default)]
pub struct Pods {
    /// What all was read from.
    endpoints: PagedTable<Endpoint>,
    groups: Arc<GroupIndex>,
    node: String,
    by_group: Table<Vec<(EndpointId, Place)>, Group>,
    /// Pods of the node, with their addresses if they have some.
    here: BTreeMap<EndpointId, Option<Place>>,
    local: Vec<LocalPod>,
}

impl Pods {
    /// Reads what has changed.
    ///
    /// # Cost
    /// Linear in the pages of endpoints, and in the endpoints of those that are not shared.
    pub fn update(&mut self, input: Input<'_>) -> Moved {
        let (endpoints, groups) = (&input.model.endpoints, &input.model.groups);
        let afresh = *self.node != *input.node || !groups.continues(&self.groups);
        if afresh {
            *self = Self { node: input.node.to_owned(), ..Self::default() };
        }
        self.by_group.resize(groups.len());
        let before = std::mem::replace(&mut self.endpoints, endpoints.clone());
        self.groups = groups.clone();
        let (mut moves, mut here) = (Vec::new(), false);
        for id in endpoints.unshared(&before) {
            let (old, new) = (before.get(id), endpoints.get(id));
            let step = Move { before: old.and_then(place), after: new.and_then(place) };
            if step.before != step.after {
                self.step(id, &step);
                moves.push(step);
            }
            here |= self.settle(id, new);
        }
        if here {
            self.local = sorted(&self.here);
        }
        if afresh { Moved::All } else { Moved::Some(moves) }
    }

    fn step(&mut self, id: EndpointId, step: &Move) {
        if let Some(before) = &step.before
            && let Some(list) = self.by_group.get_mut(before.group)
        {
            list.retain(|(other, _)| *other != id);
        }
        if let Some(after) = &step.after
            && let Some(list) = self.by_group.get_mut(after.group)
        {
            list.push((id, after.clone()));
        }
    }

    /// Notes whether a pod is on the node; whether that is news.
    fn settle(&mut self, id: EndpointId, endpoint: Option<&Endpoint>) -> bool {
        let here = endpoint.filter(|endpoint| {
            endpoint.node.as_deref() == Some(&*self.node)
                && endpoint.life == Life::Active
                && endpoint.group.is_some()
        });
        match here.map(place) {
            Some(now) if self.here.get(&id) == Some(&now) => false,
            Some(now) => self.here.insert(id, now).is_none_or(|_| true),
            None => self.here.remove(&id).is_some(),
        }
    }

    /// Pods that are on the node and can send and receive.
    pub fn local(&self) -> &[LocalPod] {
        &self.local
    }

    /// Pods of the node that have no address.
    pub fn notes(&self) -> impl Iterator<Item = Note> {
        let homeless = self.here.iter().filter(|(_, place)| place.is_none());
        homeless.map(|(id, _)| Note::NoAddress(*id))
    }

    /// All pods.
    pub fn places(&self) -> impl Iterator<Item = Place> {
        self.by_group.values().flatten().map(|(_, place)| place.clone())
    }

    /// How many addresses a group's pods have.
    pub fn size(&self, group: GroupId) -> usize {
        let pods = self.by_group.get(group).into_iter().flatten();
        pods.map(|(_, place)| place.addresses.len()).sum()
    }

    /// The addresses of a group's pods.
    pub fn of(&self, group: GroupId, family: Family) -> impl Iterator<Item = IpAddr> {
        let pods = self.by_group.get(group).into_iter().flatten();
        pods.flat_map(move |(_, place)| place.of(family))
    }
}

/// Not in the order in which they came: of two policies that make the same chain, the same one must
/// be named in it.
fn sorted(here: &BTreeMap<EndpointId, Option<Place>>) -> Vec<LocalPod> {
    let mut pods: Vec<LocalPod> = here.values().flatten().map(LocalPod::new).collect();
    pods.sort_unstable_by(|a, b| a.addresses.cmp(&b.addresses));
    pods
}

fn place(endpoint: &Endpoint) -> Option<Place> {
    match (&endpoint.addresses, endpoint.group) {
        (Addresses::Known(addresses), Some(group)) if endpoint.life == Life::Active => {
            Some(Place { group, addresses: addresses.clone() })
        }
        _ => None,
    }
}
