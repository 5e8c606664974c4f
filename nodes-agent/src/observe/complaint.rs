//! Complaints: policies that are not enforced as they are written, and who takes them.

use std::fmt;
use std::sync::Arc;

use portcullis_engine::Session;
use portcullis_engine::manifest::{Body, Stored};
use portcullis_engine::policy::PolicyId;
use tokio::sync::mpsc::Sender;

/// A policy, as operators name it: `shop/db`, or `ClusterNetworkPolicy guard`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct PolicyName {
    /// Its kind.
    pub kind: Stored,
    /// Its namespace; none for a policy of the whole cluster.
    pub namespace: Option<Arc<str>>,
    /// Its name.
    pub name: Arc<str>,
}

/// What is wrong with a policy.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Complaint {
    /// The policy.
    pub policy: PolicyName,
    /// What is wrong, as a sentence.
    pub what: String,
}

/// Who takes complaints. By default, nobody does.
#[derive(Clone, Debug, Default)]
pub struct Reporter {
    to: Option<Sender<Complaint>>,
}

impl PolicyName {
    /// The name of a policy in force.
    pub fn of(session: &Session, id: PolicyId) -> Option<Self> {
        let policy = session.policies().policy(id)?;
        let namespace = policy.namespace.map(|own| session.model().namespace_name(own).into());
        let kind = match &policy.object.body {
            Body::CalicoPolicy(policy) => Stored::Calico(policy.kind),
            Body::ClusterPolicy(_) => Stored::ClusterPolicy,
            _ => Stored::Policy,
        };
        Some(Self { kind, namespace, name: policy.object.meta.name.clone() })
    }
}

impl fmt::Display for PolicyName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.kind {
            Stored::ClusterPolicy => write!(f, "ClusterNetworkPolicy ")?,
            Stored::Calico(kind) => write!(f, "{} ", kind.full_name())?,
            _ => {}
        }
        match &self.namespace {
            Some(namespace) => write!(f, "{namespace}/{}", self.name),
            None => write!(f, "{}", self.name),
        }
    }
}

impl Reporter {
    /// One that has room for as many complaints as the channel has.
    pub fn new(to: Sender<Complaint>) -> Self {
        Self { to: Some(to) }
    }

    /// Takes a complaint, if there is room for it.
    pub fn complain(&self, complaint: Complaint) {
        if let Some(to) = &self.to {
            // It is in the log, too.
            let _ = to.try_send(complaint);
        }
    }
}
