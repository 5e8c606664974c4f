//! Policies that are only audited.

use std::collections::{BTreeMap, BTreeSet};

use super::{Cluster, ClusterPolicy, Policy};

/// What annotations say of modes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Audits {
    /// Declared namespaces whose NetworkPolicies are audited unless they say otherwise.
    pub namespaces: BTreeSet<String>,
    /// What NetworkPolicies say, by namespace and name.
    pub policies: BTreeMap<(String, String), Mode>,
    /// What policies for all namespaces say, by kind and name.
    pub cluster_policies: BTreeMap<(String, String), Mode>,
}

/// A mode, as annotated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the values of the annotation")]
pub enum Mode {
    Audit,
    Enforce,
}

impl Mode {
    /// The annotation's value.
    pub fn name(self) -> &'static str {
        match self {
            Self::Audit => "audit",
            Self::Enforce => "enforce",
        }
    }
}

impl Audits {
    /// What a policy says itself.
    pub fn of(&self, policy: &Policy) -> Option<Mode> {
        self.policies.get(&(policy.namespace.clone(), policy.name.clone())).copied()
    }

    /// What a policy for all namespaces says.
    pub fn of_cluster(&self, policy: &ClusterPolicy) -> Option<Mode> {
        self.cluster_policies.get(&(policy.kind().to_owned(), policy.name.clone())).copied()
    }
}

impl Cluster {
    /// The cluster without policies that are only audited.
    pub fn in_force(&self) -> Self {
        let audits = &self.audits;
        let mut other = self.intended();
        other.policies.retain(|policy| match audits.of(policy) {
            Some(mode) => mode == Mode::Enforce,
            None => !audits.namespaces.contains(&policy.namespace),
        });
        other.cluster_policies.retain(|policy| audits.of_cluster(policy) != Some(Mode::Audit));
        other
    }

    /// The cluster without annotations of modes.
    pub fn intended(&self) -> Self {
        Self { audits: Audits::default(), ..self.clone() }
    }
}
