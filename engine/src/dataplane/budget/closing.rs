//! Who is closed where a budget does not suffice.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::sync::Arc;

use rustc_hash::FxHashMap;

use super::super::limits::Limits;
use super::{AllAsked, AllSizes, Asked, Budget, Budgets, Ground, OverBudget};
use crate::policy::{PolicyId, SetId};

/// What there is a limit of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Resource {
    Rules,
    Members,
}

impl Resource {
    /// Rules first: closing for their sake also frees members.
    const ALL: [Self; 2] = [Self::Rules, Self::Members];

    fn of(self, limits: Limits) -> usize {
        match self {
            Self::Rules => limits.rules,
            Self::Members => limits.members,
        }
    }
}

/// A policy that may be closed.
#[derive(Clone, Copy)]
struct Entry<'c> {
    id: PolicyId,
    asked: &'c Asked<'c>,
    /// Members of all its sets.
    members: usize,
}

impl Entry<'_> {
    fn size(&self, resource: Resource) -> usize {
        match resource {
            Resource::Rules => self.asked.rules,
            Resource::Members => self.members,
        }
    }

    fn name(&self) -> (&'static str, &Arc<str>) {
        let object = &self.asked.policy.object;
        (object.kind(), &object.meta.name)
    }
}

/// What some policies ask for together.
#[derive(Default)]
struct Sum {
    rules: usize,
    members: usize,
    /// How many of them ask for a set of pods.
    sets: FxHashMap<SetId, usize>,
}

impl Sum {
    fn of(&self, resource: Resource) -> usize {
        match resource {
            Resource::Rules => self.rules,
            Resource::Members => self.members,
        }
    }

    fn add(&mut self, entry: &Entry<'_>, sizes: &AllSizes) {
        self.rules += entry.asked.rules;
        self.members += entry.asked.members();
        for set in &entry.asked.pods {
            let asking = self.sets.entry(*set).or_default();
            *asking += 1;
            if *asking == 1 {
                self.members += size(*set, sizes);
            }
        }
    }

    fn remove(&mut self, entry: &Entry<'_>, sizes: &AllSizes) {
        self.rules -= entry.asked.rules;
        self.members -= entry.asked.members();
        for set in &entry.asked.pods {
            let Some(asking) = self.sets.get_mut(set) else { continue };
            *asking -= 1;
            if *asking == 0 {
                self.members -= size(*set, sizes);
            }
        }
    }
}

fn size(set: SetId, sizes: &AllSizes) -> usize {
    sizes.get(&set).copied().unwrap_or_default()
}

/// The policies of a namespace, or those in none.
#[derive(Default)]
struct Account<'c> {
    open: Vec<Entry<'c>>,
    sum: Sum,
    sorted_by: Option<Resource>,
}

impl<'c> Account<'c> {
    fn add(&mut self, entry: Entry<'c>, sizes: &AllSizes) {
        self.sum.add(&entry, sizes);
        self.open.push(entry);
    }

    /// Takes the largest policy out; of several the first by name.
    fn take_largest(&mut self, resource: Resource, sizes: &AllSizes) -> Option<Entry<'c>> {
        if self.sorted_by != Some(resource) {
            self.open.sort_by(|a, b| {
                let key = |one: &Entry<'c>| one.size(resource);
                key(a).cmp(&key(b)).then_with(|| b.name().cmp(&a.name()))
            });
            self.sorted_by = Some(resource);
        }
        let largest = self.open.pop()?;
        self.sum.remove(&largest, sizes);
        Some(largest)
    }
}

/// Chooses who is closed.
pub struct Closing<'c> {
    sizes: &'c AllSizes,
    budgets: Budgets,
    /// Of namespaces, by name.
    namespaces: BTreeMap<&'c str, Account<'c>>,
    cluster: Account<'c>,
    closed: OverBudget,
}

impl<'c> Closing<'c> {
    /// Nobody so far.
    pub fn new(asked: &'c AllAsked<'c>, sizes: &'c AllSizes, ground: Ground<'c>) -> Self {
        let (namespaces, cluster) = (BTreeMap::new(), Account::default());
        let budgets = ground.budgets;
        let mut new = Self { sizes, budgets, namespaces, cluster, closed: OverBudget::new() };
        for (&id, asked) in asked {
            let pods = asked.pods.iter().map(|set| size(*set, sizes)).sum::<usize>();
            let members = asked.members() + pods;
            let account = match asked.policy.namespace {
                Some(id) => new.namespaces.entry(ground.model.namespace_name(id)).or_default(),
                None => &mut new.cluster,
            };
            account.add(Entry { id, asked, members }, sizes);
        }
        new
    }

    /// The policies that are closed: of each namespace until its budget suffices; then of the
    /// namespace that has most, as long as all have too much; and of those in no namespace.
    pub fn over_budget(mut self) -> OverBudget {
        let Budgets { namespace, cluster, .. } = self.budgets;
        for account in self.namespaces.values_mut() {
            let closed = settle(account, namespace, self.sizes);
            self.closed.extend(closed.map(|id| (id, Budget::Namespace)));
        }
        let closed = settle(&mut self.cluster, cluster, self.sizes);
        self.closed.extend(closed.map(|id| (id, Budget::Cluster)));
        self.settle_node();
        self.closed
    }

    fn settle_node(&mut self) {
        let mut sum = Sum::default();
        for entry in self.namespaces.values().flat_map(|account| &account.open) {
            sum.add(entry, self.sizes);
        }
        for resource in Resource::ALL {
            while sum.of(resource) > resource.of(self.budgets.node) {
                // Of several the first by name.
                let accounts = self.namespaces.iter_mut();
                let largest = accounts
                    .max_by_key(|(name, account)| (account.sum.of(resource), Reverse(**name)));
                let Some((_, account)) = largest else { break };
                let Some(entry) = account.take_largest(resource, self.sizes) else { break };
                sum.remove(&entry, self.sizes);
                self.closed.insert(entry.id, Budget::Node);
            }
        }
    }
}

/// Closes the largest policies of an account until it is within its limits.
fn settle<'a, 'c>(
    account: &'a mut Account<'c>,
    limits: Limits,
    sizes: &'a AllSizes,
) -> impl Iterator<Item = PolicyId> + use<'a, 'c> {
    let is_over = move |account: &Account<'_>, resource: &Resource| {
        account.sum.of(*resource) > resource.of(limits)
    };
    std::iter::from_fn(move || {
        let resource = Resource::ALL.into_iter().find(|resource| is_over(account, resource))?;
        account.take_largest(resource, sizes).map(|entry| entry.id)
    })
}
