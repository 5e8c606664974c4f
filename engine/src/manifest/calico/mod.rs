//! Calico's kinds, read and validated as Calico does, and policies in the form of all policies.
//!
//! The group decides how much is asked. What stands under `projectcalico.org` goes through Calico's
//! own API, whose validators refuse what could never match; under `crd.projectcalico.org` only the
//! schema of the CustomResourceDefinition is asked, and Calico's agents take what is stored. What
//! they would refuse of such an object is said all the same: nobody means it.

mod context;
mod endpoint;
mod entity;
mod felix;
mod kind;
mod port;
mod profile;
mod protocol;
mod rule;
mod ruled;
mod set;
mod spec;
mod stored;
mod tier;

pub use endpoint::HostEndpoint;
pub use entity::{AccountMatch, EntityRule, ServiceMatch};
pub use felix::{Failsafe, FelixSettings, HostAction};
pub use kind::{CalicoKind, Group, unserved};
pub use port::CalicoPort;
pub use profile::Profile;
pub use protocol::{CalicoProtocol, IcmpMatch};
pub use rule::{CalicoAction, CalicoRule};
pub use ruled::{Condition, ConditionKind, End, Items, PortsOf, Ruled, Subject};
pub use spec::{CalicoPolicy, HostStages, StagedAction};
pub use stored::shown;
pub(super) use stored::{kept, read_stored};
pub use tier::{BUILT_IN_TIERS, CalicoTier, Order, TierEnd};

use std::sync::Arc;

use super::Body;
use super::meta::Meta;
use super::read::{Keys, Path, Reader};
use crate::net::Cidr;
use crate::source::Span;
use crate::tree::{Node, Value};
use context::Context;

/// An object of one of Calico's kinds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CalicoObject {
    /// The kind.
    pub kind: CalicoKind,
    /// The group that it is written in.
    pub group: Group,
    /// `metadata`.
    pub meta: Meta,
    /// What it says.
    pub body: CalicoBody,
    /// Whether an API server that has the kind refuses it.
    pub is_rejected: bool,
    /// Where it stands in its document.
    pub span: Span,
}

/// What an object of one of Calico's kinds says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CalicoBody {
    /// A policy, staged or not.
    Policy(Box<CalicoPolicy>),
    /// A tier of policies.
    Tier(CalicoTier),
    /// The blocks of a set, in order.
    NetworkSet(Vec<Cidr>),
    /// Interfaces of a node.
    HostEndpoint(HostEndpoint),
    /// Rules that host endpoints name.
    Profile(Profile),
    /// Settings of Calico's agent.
    Felix(FelixSettings),
    /// A kind of which only the metadata is read.
    Other,
}

impl CalicoBody {
    /// What of an object of a kind is evaluated; none if nothing is. Policies of one order are
    /// sorted by the name.
    pub fn judged(&self, kind: CalicoKind, name: &Arc<str>) -> Option<Body> {
        match self {
            Self::Policy(policy) => {
                let policy = Ruled::of(kind, policy, name)?;
                Some(Body::CalicoPolicy(Box::new(policy)))
            }
            Self::Tier(_)
            | Self::NetworkSet(_)
            | Self::HostEndpoint(_)
            | Self::Profile(_)
            | Self::Felix(_) => Some(Body::Calico(kind, self.clone())),
            Self::Other => None,
        }
    }
}

const OBJECT: &[&str] = &["apiVersion", "kind", "metadata", "spec", "status"];

/// Reads an object, which has its metadata checked already.
pub fn read(reader: &mut Reader, node: &Node<'_>, kind: CalicoKind, group: Group) -> CalicoBody {
    reader.fields(&Path::Root, node, Keys::Exactly(OBJECT));
    let mut context = Context { reader, kind, group };
    let context = &mut context;
    match kind {
        CalicoKind::NetworkPolicy
        | CalicoKind::GlobalNetworkPolicy
        | CalicoKind::StagedNetworkPolicy
        | CalicoKind::StagedGlobalNetworkPolicy => {
            CalicoBody::Policy(Box::new(spec::read(context, node)))
        }
        CalicoKind::Tier => CalicoBody::Tier(tier::read(context, node)),
        CalicoKind::NetworkSet | CalicoKind::GlobalNetworkSet => {
            CalicoBody::NetworkSet(set::read(context, node))
        }
        CalicoKind::HostEndpoint => CalicoBody::HostEndpoint(endpoint::read(context, node)),
        CalicoKind::Profile => CalicoBody::Profile(profile::read(context, node)),
        CalicoKind::FelixConfiguration => CalicoBody::Felix(felix::read(context, node)),
        CalicoKind::StagedKubernetesNetworkPolicy => CalicoBody::Other,
    }
}

/// The items of what is a list; none of anything else.
fn items_of<'n, 't>(node: &'n Node<'t>) -> &'n [Node<'t>] {
    match &node.value {
        Value::Seq(items) => items,
        _ => &[],
    }
}

#[cfg(test)]
mod tests;
