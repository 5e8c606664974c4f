//! Labels as Calico gives them to what its selectors match.

use super::{Account, NamespaceLabels, PodLabels};
use crate::selector::Labels;
use crate::selector::expression::NAMESPACE_LABEL;

/// The label that a pod has with the name of its ServiceAccount.
pub const ACCOUNT_LABEL: &str = "projectcalico.org/serviceaccount";

const ORCHESTRATOR: &str = "projectcalico.org/orchestrator";
/// What a label of its namespace begins with.
const OF_NAMESPACE: &str = "pcns.";
/// What a label of its ServiceAccount begins with.
const OF_ACCOUNT: &str = "pcsa.";
/// The label that stands for the name of a namespace or a ServiceAccount.
const NAME: &str = "projectcalico.org/name";
/// Longer names of ServiceAccounts are no labels.
const LONGEST: usize = 63;

/// Labels of a pod, of a set of addresses or of a host's endpoint: its own, and those that it has
/// from its namespace and its ServiceAccount.
///
/// # Source
/// Calico §2, §10.2.
#[derive(Clone, Copy, Debug)]
pub struct ItemLabels<'l> {
    /// Its own.
    pub own: PodLabels<'l>,
    /// Its namespace's name and labels; none if it is in none.
    pub namespace: Option<(&'l str, NamespaceLabels<'l>)>,
    /// Its ServiceAccount, if it is a pod and that is known.
    pub account: Option<&'l Account>,
    /// Whether it is a pod.
    pub is_pod: bool,
}

impl ItemLabels<'_> {
    /// Whether it is their ServiceAccount that gives pods a label of this key.
    pub fn is_of_account(key: &str) -> bool {
        key.starts_with(OF_ACCOUNT) || key == ACCOUNT_LABEL
    }

    /// Whether pods have a label of this key from Calico alone, whatever their own are.
    pub fn is_given(key: &str) -> bool {
        key.starts_with(OF_NAMESPACE)
            || key.starts_with(OF_ACCOUNT)
            || [NAMESPACE_LABEL, ACCOUNT_LABEL, ORCHESTRATOR].contains(&key)
    }

    fn of_pod(&self, key: &str) -> Option<&str> {
        match (key, self.account) {
            (ORCHESTRATOR, _) => Some("k8s"),
            (ACCOUNT_LABEL, Some(account)) if account.name.len() < LONGEST => Some(&account.name),
            (ACCOUNT_LABEL, _) => None,
            (_, account) => match (key.strip_prefix(OF_ACCOUNT), account) {
                (Some(NAME), Some(account)) => Some(&account.name),
                (Some(key), Some(account)) => account.value(key),
                (Some(_), None) => None,
                (None, _) => self.own.value(key),
            },
        }
    }

    fn of_namespace(&self, key: &str) -> Option<&str> {
        let (name, labels) = self.namespace.as_ref()?;
        match key.strip_prefix(OF_NAMESPACE)? {
            NAME => Some(name),
            key => labels.value(key),
        }
    }
}

impl Labels for ItemLabels<'_> {
    fn value(&self, key: &str) -> Option<&str> {
        if key == NAMESPACE_LABEL {
            return self.namespace.as_ref().map(|(name, _)| *name);
        }
        match self.is_pod {
            true if key.starts_with(OF_NAMESPACE) => self.of_namespace(key),
            true => self.of_pod(key),
            false => self.own.value(key).or_else(|| self.of_namespace(key)),
        }
    }

    fn hidden(&self, key: &str) -> bool {
        self.own.hidden(key)
    }

    fn is_open(&self, key: &str) -> bool {
        if let Some(key) = key.strip_prefix(OF_NAMESPACE) {
            return key != NAME && self.namespace.as_ref().is_some_and(|(_, own)| own.open());
        }
        if !self.is_pod {
            return false;
        }
        match (key.strip_prefix(OF_ACCOUNT), self.account) {
            (Some(NAME), account) => account.is_none(),
            (Some(_), account) => account.is_none_or(|account| account.is_open),
            (None, account) => key == ACCOUNT_LABEL && account.is_none(),
        }
    }
}
