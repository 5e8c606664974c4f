//! Who is where, as the model says, kept from one state to the next.
//!
//! Programs are made from the same facts by other code: a mistake in one of the two is no mistake
//! in the other.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;

use super::super::budget::{Local, Steps};
use super::super::lower::Input;
use super::space::{self, Asked, Space};
use crate::cluster::{Addresses, Endpoint, EndpointId, Group, GroupId, GroupIndex, Life};
use crate::net::{ByFamily, Family};
use crate::shared::{PagedTable, Table};

/// A group and the addresses of one of its pods.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The group.
    pub group: GroupId,
    /// The addresses.
    pub addresses: Arc<[IpAddr]>,
}

impl Place {
    /// The addresses of a family.
    pub fn of(&self, family: Family) -> impl Iterator<Item = IpAddr> + '_ {
        self.addresses.iter().copied().filter(move |one| Family::of(*one) == family)
    }
}

/// Pods that can send and receive.
#[derive(Debug, Default)]
pub struct Places {
    endpoints: PagedTable<Endpoint>,
    groups: Arc<GroupIndex>,
    node: String,
    by_group: Table<BTreeMap<EndpointId, Arc<[IpAddr]>>, Group>,
    local: BTreeMap<EndpointId, Place>,
}

/// What is otherwise than before.
#[derive(Debug, Default)]
pub struct Change {
    /// Everything may be.
    pub afresh: bool,
    /// Where pods were that are there no more.
    pub left: Vec<Place>,
    /// Where pods are that were not there.
    pub entered: Vec<Place>,
    /// Whether it concerns pods of the node.
    pub local: bool,
}

impl Change {
    /// How many addresses groups have lost and won.
    pub fn steps(&self) -> Steps {
        let sized = |places: &[Place]| {
            places.iter().map(|place| (place.group, place.addresses.len())).collect()
        };
        Steps { afresh: self.afresh, left: sized(&self.left), entered: sized(&self.entered) }
    }

    /// Whether pods are elsewhere than before.
    pub fn is_move(&self) -> bool {
        self.afresh || !self.left.is_empty() || !self.entered.is_empty()
    }
}

/// An address of a local pod.
#[derive(Clone, Debug)]
pub struct Subject {
    /// The pod.
    pub pod: EndpointId,
    /// Its group.
    pub group: GroupId,
    /// The address.
    pub address: u128,
    /// All addresses of the pod.
    pub own: Arc<Asked>,
}

impl Places {
    /// Reads the endpoints that are not those of before.
    ///
    /// # Cost
    /// Linear in the pages of endpoints, and in the endpoints of those that have changed.
    pub fn update(&mut self, input: Input<'_>) -> Change {
        let mut change = Change::default();
        if *self.node != *input.node || !input.model.groups.continues(&self.groups) {
            *self = Self { node: input.node.to_owned(), ..Self::default() };
            (change.afresh, change.local) = (true, true);
        }
        let now = &input.model.endpoints;
        let before = std::mem::replace(&mut self.endpoints, now.clone());
        self.groups = input.model.groups.clone();
        self.by_group.resize(self.groups.len());
        for pod in now.unshared(&before) {
            let (old, new) = (before.get(pod), now.get(pod));
            self.replace(pod, old.and_then(active), new.and_then(active), &mut change);
            let here = new.filter(|one| one.node.as_deref() == Some(&*self.node));
            change.local |= self.settle(pod, here.and_then(active));
        }
        change
    }

    fn replace(
        &mut self,
        pod: EndpointId,
        old: Option<Place>,
        new: Option<Place>,
        to: &mut Change,
    ) {
        if old == new {
            return;
        }
        if let Some(old) = old {
            if let Some(pods) = self.by_group.get_mut(old.group) {
                pods.remove(&pod);
            }
            to.left.push(old);
        }
        if let Some(new) = new {
            if let Some(pods) = self.by_group.get_mut(new.group) {
                pods.insert(pod, new.addresses.clone());
            }
            to.entered.push(new);
        }
    }

    /// Notes where a pod of the node is, if it is one; whether that is news.
    fn settle(&mut self, pod: EndpointId, place: Option<Place>) -> bool {
        if self.local.get(&pod) == place.as_ref() {
            return false;
        }
        match place {
            Some(place) => self.local.insert(pod, place),
            None => self.local.remove(&pod),
        };
        true
    }

    /// Addresses of a group's pods in a family.
    pub fn of(&self, group: GroupId, family: Family) -> impl Iterator<Item = IpAddr> {
        let pods = self.by_group.get(group).into_iter().flat_map(BTreeMap::values);
        pods.flat_map(|own| own.iter().copied()).filter(move |one| Family::of(*one) == family)
    }

    /// How many addresses a group's pods have.
    pub fn size(&self, group: GroupId) -> usize {
        let pods = self.by_group.get(group).into_iter().flat_map(BTreeMap::values);
        pods.map(|own| own.len()).sum()
    }

    /// Pods of the node, as budgets count them.
    pub fn local(&self) -> impl Iterator<Item = Local> {
        self.local.values().map(|place| Local {
            group: place.group,
            families: ByFamily::from_fn(|family| place.of(family).next().is_some()),
        })
    }

    /// Groups, by number.
    pub fn groups(&self) -> impl Iterator<Item = (GroupId, &Group)> {
        self.groups.iter()
    }

    /// Addresses of local pods, ascending.
    pub fn subjects(&self, family: Family) -> Vec<Subject> {
        let mut subjects = Vec::new();
        for (&pod, place) in &self.local {
            let addresses = place.addresses.iter().copied();
            let own = Asked::fixed(space::of_addresses(addresses, family));
            for address in place.of(family).map(space::number) {
                subjects.push(Subject { pod, group: place.group, address, own: own.clone() });
            }
        }
        subjects.sort_by_key(|one| one.address);
        subjects
    }
}

/// The addresses of subjects.
pub fn addresses(subjects: &[Subject]) -> Space {
    Space::from_ranges(subjects.iter().map(|one| (one.address, one.address)))
}

fn active(endpoint: &Endpoint) -> Option<Place> {
    match (endpoint.life, endpoint.group, &endpoint.addresses) {
        (Life::Active, Some(group), Addresses::Known(own)) => {
            Some(Place { group, addresses: own.clone() })
        }
        _ => None,
    }
}
