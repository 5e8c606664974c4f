//! Labels of metrics.

use portcullis_engine::dataplane::{Budget, Effect};
use portcullis_engine::manifest::Direction;
use prometheus_client::encoding::{EncodeLabelSet, EncodeLabelValue};

/// A part of the way from a change to the kernel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, EncodeLabelValue)]
pub enum Phase {
    /// Reading and compiling policies.
    Compile,
    /// Making the program.
    Lower,
    /// Proving it right.
    Verify,
    /// Writing it to the kernel.
    Write,
}

/// What has come of an attempt to write the node's status object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, EncodeLabelValue)]
pub enum StatusWrite {
    /// It was written.
    Written,
    /// Its kind is not installed.
    Absent,
    /// The agent may not write it.
    Forbidden,
    /// It failed, and is tried again.
    Failed,
}

/// What has come of a write.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct StatusWriteLabel {
    /// What has come of it.
    pub result: StatusWrite,
}

/// What has become of policies.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct StateLabel {
    /// The state.
    pub state: String,
}

/// A part of the way to the kernel.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct PhaseLabel {
    /// The part.
    pub phase: Phase,
}

/// An address family.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct FamilyLabel {
    /// The family.
    pub family: &'static str,
}

/// A tool that speaks to the kernel.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct ToolLabel {
    /// The tool.
    pub tool: String,
}

/// A budget of policies.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct BudgetLabel {
    /// The budget.
    pub budget: &'static str,
}

/// Budgets as labels name them.
pub const BUDGETS: [(&str, Budget); 3] =
    [("namespace", Budget::Namespace), ("node", Budget::Node), ("cluster", Budget::Cluster)];

/// A part of the agent.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct PartLabel {
    /// The part.
    pub part: &'static str,
}

/// What notes are about.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct AboutLabel {
    /// The subject.
    pub about: &'static str,
}

/// A resource of the API server.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct ResourceLabel {
    /// The resource.
    pub resource: &'static str,
}

/// Where packets are denied.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct DenialLabel {
    /// The direction.
    pub direction: &'static str,
    /// The family.
    pub family: &'static str,
}

/// What a policy does in a direction.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct PolicyLabel {
    /// The policy.
    pub policy: String,
    /// The direction.
    pub direction: &'static str,
    /// What it does.
    pub action: &'static str,
}

impl PolicyLabel {
    /// The label of a policy.
    pub fn new(policy: &str, (direction, effect): (Direction, Effect)) -> Self {
        let action = match effect {
            Effect::Allowed => "allow",
            Effect::Denied => "deny",
        };
        Self { policy: policy.to_owned(), direction: direction.field(), action }
    }
}
