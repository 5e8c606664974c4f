//! Options about how much one policy may ask for.

use clap::Args;
use portcullis_engine::dataplane::Limits;

/// How much one policy may ask for.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "How it is enforced")]
pub struct PolicyLimits {
    /// Rules of iptables that one policy may need in a direction: each peer of a rule by each 15 of
    /// its ports, or so. A policy that needs more isolates and admits nothing, and the others are
    /// enforced.
    #[arg(long, env = "PORTCULLIS_MOST_RULES_PER_POLICY", value_name = "RULES",
          default_value_t = Limits::default().rules)]
    pub most_rules_per_policy: usize,
    /// The same for members of sets: blocks that are left of an `ipBlock` after its exceptions, and
    /// ports.
    #[arg(long, env = "PORTCULLIS_MOST_MEMBERS_PER_POLICY", value_name = "MEMBERS",
          default_value_t = Limits::default().members)]
    pub most_members_per_policy: usize,
}

impl PolicyLimits {
    /// The limits of each policy.
    pub fn of_each(&self) -> Limits {
        Limits { rules: self.most_rules_per_policy, members: self.most_members_per_policy }
    }
}
