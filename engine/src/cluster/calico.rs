//! What Calico's kinds say of a cluster: tiers, sets of addresses, ServiceAccounts.

use std::collections::BTreeMap;
use std::sync::Arc;

use rustc_hash::FxHashMap;

use super::build::{Input, namespace_of};
use super::{
    AddressSpace, AskedLabels, ClusterModel, Hosts, ItemLabels, NamespaceId, PodLabels, Undeclared,
};
use crate::manifest::calico::{BUILT_IN_TIERS, CalicoBody, Order, TierEnd};
use crate::manifest::{Action, Body, LabelList, Object};
use crate::net::AddrSet;
use crate::selector::Match;
use crate::selector::expression::Expression;

/// What Calico's kinds say, besides policies.
#[derive(Clone, Debug, Default)]
pub struct Calico {
    /// Tiers by name; those that Calico makes itself are not in it.
    pub tiers: BTreeMap<Arc<str>, Arc<TierPlace>>,
    /// Sets of addresses, and addresses of hosts under the labels of their endpoints.
    pub sets: Vec<ItemSet>,
    /// Host endpoints, and what settings say of them.
    pub hosts: Hosts,
}

/// Where a tier stands among others, and how it ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TierPlace {
    /// Its order: lower ones come first, then names.
    pub order: Order,
    /// Its name.
    pub name: Arc<str>,
    /// What becomes of what no rule of it matches.
    pub end: Action,
}

/// Addresses under labels.
#[derive(Clone, Debug)]
pub struct ItemSet {
    /// The namespace; none if it is in none.
    pub namespace: Option<NamespaceId>,
    /// Its labels, sorted by key.
    pub labels: LabelList,
    /// Its addresses.
    pub addresses: AddrSet,
}

/// A ServiceAccount, as its pods have it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Account {
    /// Its name.
    pub name: Arc<str>,
    /// Its labels, sorted by key.
    pub labels: LabelList,
    /// Whether it may have labels that the input does not show.
    pub is_open: bool,
}

impl Account {
    /// The value of a label.
    pub fn value(&self, key: &str) -> Option<&str> {
        let at = self.labels.binary_search_by(|(known, _)| (**known).cmp(key)).ok()?;
        self.labels.get(at).map(|(_, value)| &**value)
    }
}

impl Calico {
    /// The place of a tier. One that is not there comes after all others, and ends in denial.
    ///
    /// # Source
    /// Calico §6, §10.1.
    pub fn tier(&self, name: &Arc<str>) -> Arc<TierPlace> {
        if let Some((_, order, end)) = BUILT_IN_TIERS.iter().find(|(own, ..)| *own == &**name) {
            let (order, end) = (Order(*order), end_of(*end));
            return Arc::new(TierPlace { order, name: name.clone(), end });
        }
        self.tiers.get(name).cloned().unwrap_or_else(|| {
            let order = Order(f64::INFINITY);
            Arc::new(TierPlace { order, name: name.clone(), end: Action::Deny })
        })
    }

    /// Addresses of sets that an expression matches: for certain, and those that it may.
    pub fn addresses(&self, model: &ClusterModel, expression: &Expression) -> [AddrSet; 2] {
        let [mut certain, mut possible] = [AddrSet::default(), AddrSet::default()];
        for set in &self.sets {
            let matches = expression.matches(&set.item_labels(model));
            if matches == Match::Yes {
                certain = certain.union(&set.addresses);
            }
            if matches != Match::No {
                possible = possible.union(&set.addresses);
            }
        }
        [certain, possible]
    }
}

impl ItemSet {
    fn item_labels<'m>(&'m self, model: &'m ClusterModel) -> ItemLabels<'m> {
        let namespace = self.namespace.and_then(|id| model.namespaces.get(id));
        ItemLabels {
            own: PodLabels { labels: &self.labels, hidden: &[] },
            namespace: namespace.map(|own| (&*own.name, own.labels())),
            account: None,
            is_pod: false,
        }
    }
}

fn end_of(end: TierEnd) -> Action {
    match end {
        TierEnd::Deny => Action::Deny,
        TierEnd::Pass => Action::Pass,
    }
}

/// The order of a tier that names none. [Calico §10.1]
const WITHOUT_ORDER: f64 = 1_000_000.0;

impl ClusterModel {
    /// Has all that Calico's kinds say besides policies be what these objects say.
    pub fn follow_calico(
        &mut self,
        objects: &[Arc<Object>],
        (default_namespace, automatic_hosts): (&str, bool),
    ) {
        let (asked, space) = (&AskedLabels::default(), &AddressSpace::default());
        let (accounts, undeclared) = (&[][..], &Undeclared::default());
        let input = Input {
            objects,
            default_namespace,
            accounts,
            asked,
            space,
            undeclared,
            automatic_hosts,
        };
        self.calico = Arc::new(calico(self, input));
    }
}

/// What the objects of an input say.
pub(super) fn calico(model: &ClusterModel, input: Input<'_>) -> Calico {
    let nodes = if input.automatic_hosts { model.nodes.as_slice() } else { &[] };
    let mut all = Calico { hosts: Hosts::new(input.objects, nodes), ..Calico::default() };
    for object in input.objects {
        let Body::Calico(_, body) = &object.body else { continue };
        let namespace = match object.is_namespaced() {
            true => model.namespace(&namespace_of(object, input.default_namespace)),
            false => None,
        };
        let labels = || object.meta.labels.clone();
        let mut add = |addresses| {
            all.sets.push(ItemSet { namespace, labels: labels(), addresses });
        };
        match body {
            CalicoBody::NetworkSet(nets) => add(AddrSet::from_cidrs(nets.iter().copied())),
            CalicoBody::Tier(tier) => {
                let name = object.meta.name.clone();
                let order = tier.order.unwrap_or(Order(WITHOUT_ORDER));
                let place = TierPlace { order, name: name.clone(), end: end_of(tier.end) };
                all.tiers.insert(name, Arc::new(place));
            }
            CalicoBody::HostEndpoint(_)
            | CalicoBody::Policy(_)
            | CalicoBody::Profile(_)
            | CalicoBody::Felix(_)
            | CalicoBody::Other => {}
        }
    }
    all.sets.extend(all.hosts.all.iter().map(|host| ItemSet {
        namespace: None,
        labels: host.labels.clone(),
        addresses: AddrSet::from_addresses(host.addresses.iter().copied()),
    }));
    all
}

/// ServiceAccounts by namespace and name, if anybody asks for them.
pub(super) struct Accounts<'i> {
    known: Option<FxHashMap<(&'i str, &'i str), Arc<Account>>>,
}

impl<'i> Accounts<'i> {
    /// Those of an input.
    pub(super) fn new(input: Input<'i>) -> Self {
        let known = input.asked.of_accounts.then(|| {
            let all = input.accounts.iter().map(|(namespace, account)| {
                let (name, labels) = (account.name.clone(), account.labels.clone());
                let known = Account { name, labels, is_open: false };
                ((&**namespace, &*account.name), Arc::new(known))
            });
            all.collect()
        });
        Self { known }
    }

    /// That of a pod of a namespace which names it so; none if nobody asks.
    pub(super) fn of(&self, namespace: &str, name: Option<&str>) -> Option<Arc<Account>> {
        let name = name.unwrap_or("default");
        let known = self.known.as_ref()?.get(&(namespace, name)).cloned();
        Some(known.unwrap_or_else(|| {
            let name: Arc<str> = name.into();
            Arc::new(Account { name, labels: LabelList::new(), is_open: true })
        }))
    }
}
