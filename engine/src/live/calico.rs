//! What Calico's kinds say of a cluster that is kept up to date.
//!
//! Tiers, sets and host endpoints are few and change seldom: when one does, what they say is read
//! afresh, and Calico's policies are compiled again. ServiceAccounts are part of what tells pods
//! apart only once a policy asks for them.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::{Index, Name};
use crate::Options;
use crate::cluster::{Account, ItemLabels};
use crate::manifest::{Body, CalicoKind, LabelList, Object};
use crate::policy::{PolicyChange, asks};

/// Objects of Calico's kinds that are no policies, and what else only Calico's policies ask for.
#[derive(Debug, Default)]
pub struct Calico {
    objects: BTreeMap<(CalicoKind, Name), Arc<Object>>,
    /// ServiceAccounts with their labels, by namespace and name.
    accounts: BTreeMap<Name, Arc<Account>>,
    /// Whether what the objects say may be otherwise than the policies know.
    is_changed: bool,
    /// Whether a policy has asked for ServiceAccounts.
    asks_accounts: bool,
    /// Whether some pods may have others than are known of them.
    are_accounts_changed: bool,
}

impl Calico {
    /// Notes what a policy asks for.
    pub fn ask(&mut self, object: &Object) {
        let Body::CalicoPolicy(policy) = &object.body else { return };
        if !self.asks_accounts && asks(policy).iter().any(|(key, _)| ItemLabels::is_of_account(key))
        {
            (self.asks_accounts, self.are_accounts_changed) = (true, true);
        }
    }

    /// Notes that a namespace has other labels, which sets in it have from it.
    pub fn relabelled(&mut self, namespace: &Arc<str>) {
        let is_in = |((_, name), _): (&(CalicoKind, Name), _)| name.0 == *namespace;
        self.is_changed |= self.objects.iter().any(is_in);
    }

    /// Notes that nodes have changed, of which host endpoints are made if they are made of nodes.
    pub fn nodes_changed(&mut self, options: &Options) {
        self.is_changed |= options.automatic_hosts;
    }

    /// The names of all objects of a kind.
    pub fn names(&self, kind: CalicoKind) -> Vec<Name> {
        let own = self.objects.keys().filter(|(other, _)| *other == kind);
        own.map(|(_, name)| name.clone()).collect()
    }

    /// The names of all ServiceAccounts.
    pub fn account_names(&self) -> Vec<Name> {
        self.accounts.keys().cloned().collect()
    }

    /// The account of pods of a namespace that name it so; none if nobody asks.
    pub fn account(&self, namespace: &Arc<str>, name: Option<&Arc<str>>) -> Option<Arc<Account>> {
        if !self.asks_accounts {
            return None;
        }
        let name = name.map_or_else(|| Arc::from("default"), Arc::clone);
        let known = self.accounts.get(&(namespace.clone(), name.clone())).cloned();
        // Its object comes by another watch, and may bring labels.
        Some(
            known.unwrap_or_else(|| {
                Arc::new(Account { name, labels: LabelList::new(), is_open: true })
            }),
        )
    }
}

impl Index {
    pub(super) fn put_calico(&mut self, kind: CalicoKind, name: Name, object: Object) {
        if object.is_namespaced() {
            self.namespace(&name.0);
        }
        let known = self.calico.objects.get(&(kind, name.clone()));
        let labels = |object: &Object| object.meta.labels.clone();
        let same =
            |known: &Arc<Object>| known.body == object.body && labels(known) == labels(&object);
        if !known.is_some_and(same) {
            self.calico.objects.insert((kind, name), Arc::new(object));
            self.calico.is_changed = true;
        }
    }

    pub(super) fn remove_calico(&mut self, kind: CalicoKind, name: &Name) {
        let gone = self.calico.objects.remove(&(kind, name.clone()));
        self.calico.is_changed |= gone.is_some();
    }

    pub(super) fn put_account(&mut self, (namespace, name): Name, labels: LabelList) {
        let account = Arc::new(Account { name: name.clone(), labels, is_open: false });
        let before = self.calico.accounts.insert((namespace, name), account.clone());
        self.calico.are_accounts_changed |= before.is_none_or(|before| before != account);
    }

    pub(super) fn remove_account(&mut self, name: &Name) {
        self.calico.are_accounts_changed |= self.calico.accounts.remove(name).is_some();
    }

    /// Has model and policies know what has changed.
    ///
    /// # Cost
    /// None where nothing has; otherwise linear in the objects of Calico's kinds or in the pods.
    pub(super) fn settle_calico(&mut self) {
        if self.calico.asks_accounts {
            if std::mem::take(&mut self.calico.are_accounts_changed) {
                self.pods.reaccount(Arc::make_mut(&mut self.model), &self.calico);
            }
            if self.pods.has_left_doubt(&self.model) {
                self.pods.compact(Arc::make_mut(&mut self.model));
                self.set = None;
            }
        }
        if !std::mem::take(&mut self.calico.is_changed) {
            return;
        }
        let objects: Vec<Arc<Object>> = self.calico.objects.values().cloned().collect();
        let Options { default_namespace, automatic_hosts, .. } = &self.options;
        let said = (&**default_namespace, *automatic_hosts);
        Arc::make_mut(&mut self.model).follow_calico(&objects, said);
        let policies = self.policies.values();
        let own = policies.filter(|policy| matches!(policy.body, Body::CalicoPolicy(_)));
        let again = own.map(|policy| PolicyChange::Put(Arc::clone(policy)));
        // What has come or gone since is told after it, and counts.
        self.pending.policies.splice(0..0, again);
    }
}
