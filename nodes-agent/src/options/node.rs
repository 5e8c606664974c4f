//! Options of what an operator runs on a node besides the agent.

use clap::{Args, ValueEnum};

use super::Enforcement;
use crate::kernel::iptables::Backend;

/// Options of `check`.
#[derive(Clone, Debug, Args)]
pub struct Check {
    /// The implementation of iptables; by default, the one that kubelet and kube-proxy use here.
    #[arg(long, env = "PORTCULLIS_BACKEND")]
    pub backend: Option<Backend>,
    /// What the names of the agent's chains and sets begin with.
    #[arg(long, env = "PORTCULLIS_PREFIX", default_value = "PCL")]
    pub prefix: String,
    /// A table for people, or JSON for programs.
    #[arg(long, value_enum, default_value_t = CheckFormat::Text)]
    pub format: CheckFormat,
}

/// How `check` answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum CheckFormat {
    /// A table.
    Text,
    /// A list of objects.
    Json,
}

/// Options of `gate`: where pods are must be said by `--local-pod-cidrs`, `--pod-interfaces` or
/// both, since nothing else is known yet.
#[derive(Clone, Debug, Args)]
pub struct Gate {
    /// How it is enforced.
    #[command(flatten)]
    pub enforcement: Enforcement,
}

/// Options of `cleanup`.
#[derive(Clone, Debug, Args)]
pub struct Cleanup {
    /// What the names of the agent's chains and sets begin with.
    #[arg(long, env = "PORTCULLIS_PREFIX", default_value = "PCL")]
    pub prefix: String,
}
