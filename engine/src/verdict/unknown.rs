//! Why a verdict cannot be known.

use serde::{Deserialize, Serialize};

use crate::policy::{Doubt, PeerSet};

/// Why a verdict cannot be known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub enum UnknownReason {
    /// Policies of equal priority disagree, and the order of their evaluation is not defined.
    Tie,
    /// A domain name decides, and what it resolves to is not in the input.
    Name,
    /// A block of addresses decides, and an end's address is not in the input.
    Address,
    /// Whether both ends are on one node decides, and the input does not say.
    Node,
    /// A label decides that the controller adds and the template does not show.
    Label,
    /// A label of a namespace decides, and the Namespace is not in the input.
    Namespace,
    /// A Service's address decides, and whether policies see it translated is not defined.
    Translation,
    /// The pods of the workload asked about do not agree.
    Group,
    /// The ports asked about do not agree.
    Ports,
    /// The name of a port decides, and the pod asked about is not in the input.
    PortName,
    /// A label of a ServiceAccount decides that is not in the input.
    ServiceAccount,
    /// The source's port decides, and no question says which it is.
    SourcePort,
    /// Which of the protocols without ports it is decides, and no question says that.
    Protocol,
    /// What is behind a Service decides, and the input does not say that.
    Service,
    /// A Profile of a host endpoint decides, and it is not in the input.
    Profile,
    /// Which host endpoint a flow passes decides, and its interface or node is not known.
    HostEndpoint,
    /// What a pod may send to its own node decides, and no settings of Calico's say that.
    HostAction,
    /// Rules let a flow pass without tracking it, and whether its replies pass is not known.
    Untracked,
}

impl From<Doubt> for UnknownReason {
    fn from(doubt: Doubt) -> Self {
        match doubt {
            Doubt::SourcePort => Self::SourcePort,
            Doubt::Protocol => Self::Protocol,
            Doubt::Service => Self::Service,
            Doubt::Profile => Self::Profile,
        }
    }
}

impl UnknownReason {
    /// Why it cannot be known of some pods whether they are of a set; nothing if it can of all.
    pub fn of_set(set: &PeerSet) -> Vec<Self> {
        match (set.unknown.is_empty(), set.elsewhere.is_empty()) {
            (true, _) => Vec::new(),
            (false, true) => vec![Self::Label],
            (false, false) if set.elsewhere == set.unknown => vec![Self::Namespace],
            (false, false) => vec![Self::Label, Self::Namespace],
        }
    }
}
