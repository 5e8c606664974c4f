//! Options about how much policies may ask for: one, and several together.

use clap::Args;
use portcullis_engine::dataplane::{Budgets, Limits, Settings};

/// How much policies may ask for.
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
    /// Rules that all NetworkPolicies of a namespace may need on this node together, in both
    /// directions and families. Where they need more, the largest isolate and admit nothing, and
    /// the others are enforced.
    #[arg(long, env = "PORTCULLIS_MOST_RULES_PER_NAMESPACE", value_name = "RULES",
          default_value_t = Budgets::default().namespace.rules)]
    pub most_rules_per_namespace: usize,
    /// The same for members of sets: also those of sets of pods.
    #[arg(long, env = "PORTCULLIS_MOST_MEMBERS_PER_NAMESPACE", value_name = "MEMBERS",
          default_value_t = Budgets::default().namespace.members)]
    pub most_members_per_namespace: usize,
    /// Rules that the NetworkPolicies of all namespaces may need on this node together. Where they
    /// need more, the namespace that needs most has its largest closed.
    #[arg(long, env = "PORTCULLIS_MOST_RULES_PER_NODE", value_name = "RULES",
          default_value_t = Budgets::default().node.rules)]
    pub most_rules_per_node: usize,
    /// The same for members of sets.
    #[arg(long, env = "PORTCULLIS_MOST_MEMBERS_PER_NODE", value_name = "MEMBERS",
          default_value_t = Budgets::default().node.members)]
    pub most_members_per_node: usize,
    /// Rules that all ClusterNetworkPolicies may need on this node together, which namespaces do
    /// not use up. Where they need more, the largest accept nothing, and deny everything if they
    /// have a rule that denies or passes.
    #[arg(long, env = "PORTCULLIS_MOST_RULES_OF_CLUSTER_POLICIES", value_name = "RULES",
          default_value_t = Budgets::default().cluster.rules)]
    pub most_rules_of_cluster_policies: usize,
    /// The same for members of sets.
    #[arg(long, env = "PORTCULLIS_MOST_MEMBERS_OF_CLUSTER_POLICIES", value_name = "MEMBERS",
          default_value_t = Budgets::default().cluster.members)]
    pub most_members_of_cluster_policies: usize,
}

impl PolicyLimits {
    /// Settings with these limits.
    pub fn settings(&self) -> Settings {
        Settings { limits: self.of_each(), budgets: self.of_all(), ..Settings::default() }
    }

    fn of_each(&self) -> Limits {
        Limits { rules: self.most_rules_per_policy, members: self.most_members_per_policy }
    }

    fn of_all(&self) -> Budgets {
        let limits = |rules, members| Limits { rules, members };
        Budgets {
            namespace: limits(self.most_rules_per_namespace, self.most_members_per_namespace),
            node: limits(self.most_rules_per_node, self.most_members_per_node),
            cluster: limits(
                self.most_rules_of_cluster_policies,
                self.most_members_of_cluster_policies,
            ),
        }
    }
}
