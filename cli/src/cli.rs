//! The commands that there are. Each has its arguments in its own file.

use clap::{Parser, Subcommand};

use crate::check::{self, CheckArgs};
use crate::describe::{self, DescribeArgs};
use crate::diff::{self, DiffArgs};
use crate::equal::{self, EqualArgs};
use crate::eval::EvalArgs;
use crate::gate::{self, GateArgs};
use crate::list::ListArgs;
use crate::render;
use crate::short::ShortArgs;
use crate::testing::{self, TestArgs};

/// Of the whole command.
const STATUS: &str = "\
Exit status:
  0  answered, and what was expected is so
  1  it is not: findings at or above --fail-on, another verdict than expected, a broken rule, states
     that are not equal
  2  unusable input or arguments, or a flow that could not be evaluated
  3  `gate` and `equal`: not decided, there are too many combinations";

/// Of a command that only answers.
const ANSWERED: &str = "\
Exit status:
  0  answered
  2  unusable input or arguments";

/// Of `list`.
const LISTED: &str = "\
Exit status:
  0  answered
  1  findings at or above --fail-on
  2  unusable input or arguments";

/// Of `eval` and `explain`.
const JUDGED: &str = "\
Exit status:
  0  answered
  1  another verdict than --expect or a flow's `expect` says, or findings at or above --fail-on
  2  unusable input or arguments, or a flow of --flows that could not be evaluated";

/// What is read.
const INPUT: &str = "\
Input:
  A folder is read recursively: every .yaml, .yml and .json file, except in hidden folders and
  node_modules, charts and patches of kustomize trees, which --helm and --kustomize render.
  `-` is standard input. With --cluster, what is named counts as if it were applied to the cluster.
  Namespaces, pods, workloads with a pod template, services, nodes,
  NetworkPolicies and ClusterNetworkPolicies (with the kinds before them) are used; other kinds
  are ignored. One broken document does not hide the others: `portcullis check` shows what is
  wrong with it.";

const EXAMPLES: &str = "\
Examples:
  portcullis list manifests/
  portcullis list --cluster -n shop
  portcullis diff --cluster manifests/
  kubectl get ns,pod,netpol,node -A -o yaml | portcullis list -
  portcullis eval --from shop/web --to shop/db --port 5432 manifests/
  portcullis eval --from shop/web --to 192.0.2.7 --port 443 --expect deny manifests/
  portcullis eval --from 'monitoring/{app=prometheus}' --to shop/db --port metrics manifests/
  portcullis eval --flows flows.yaml -o junit manifests/ > portcullis.xml
  portcullis diff main..HEAD -- manifests/
  portcullis test expectations.yaml
  portcullis who-can shop/db --port 5432 manifests/
  portcullis describe policy shop/default-deny manifests/
  portcullis gate --rules rules.yaml manifests/
  portcullis check --fail-on warning manifests/";

/// Shows which network flows Kubernetes policies allow, and which line of which policy decides.
///
/// Reads manifests (YAML or JSON, as written or as `kubectl get -o yaml` prints them), or with
/// --cluster a live cluster, of which it changes nothing. Installed as `kubectl-portcullis` it is
/// `kubectl portcullis`, and about the cluster.
#[derive(Debug, Parser)]
#[command(name = "portcullis", version, max_term_width = 100)]
#[command(after_help = EXAMPLES, after_long_help = format!("{EXAMPLES}\n\n{STATUS}\n\n{INPUT}"))]
pub struct Cli {
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// List who can reach whom, and on which ports
    ///
    /// One line per pair of workloads, or of a workload and a range of addresses outside, with
    /// everything that is certainly allowed. Ranges are those that the policies distinguish.
    /// Workloads that are treated alike are one entry with their number. A pod and its own node
    /// always reach each other, whatever policies say: that is not listed.
    /// What is not listed is denied or unknown: the notes below the list say which rules leave
    /// something open and what would settle it.
    #[command(after_long_help = format!("{LISTED}\n\n{INPUT}"))]
    List(ListArgs),
    /// List who can reach a workload or an address: `list --focus NAME --direction ingress`
    #[command(after_long_help = format!("{ANSWERED}\n\n{INPUT}"))]
    WhoCan(ShortArgs),
    /// List whom a workload or an address can reach: `list --focus NAME --direction egress`
    #[command(after_long_help = format!("{ANSWERED}\n\n{INPUT}"))]
    Reach(ShortArgs),
    /// Describe a pod, a workload, a policy or a namespace
    ///
    /// Of pods: the policies of both directions, and what each of their rules opens that no other
    /// does. Of a policy: the pods that it selects, and the same of its rules. Of a namespace: its
    /// workloads and the policies that select them. Then the findings of `check` about them.
    #[command(after_help = describe::EXAMPLES)]
    #[command(after_long_help = format!("{}\n\n{ANSWERED}\n\n{INPUT}", describe::EXAMPLES))]
    Describe(DescribeArgs),
    /// Show whether a flow is allowed, and why
    ///
    /// The verdict in one line, then the result at each end and which line of which policy decides.
    #[command(after_long_help = format!("{JUDGED}\n\n{INPUT}"))]
    Eval(EvalArgs),
    /// Show everything that decides a flow
    ///
    /// Both ends, and every policy, rule, peer and port entry that was evaluated: ✓ admits or
    /// matches, ✗ does not and why, ? is unknown.
    #[command(after_long_help = format!("{JUDGED}\n\n{INPUT}"))]
    Explain(EvalArgs),
    /// Compare two states: which flows are opened and closed, and which lines do it
    ///
    /// Flows of workloads that both states have, then workloads that only one of them has, with
    /// their flows. Below each change are the rules that decide in the new state and not in the old
    /// one (+), or the other way round (-).
    #[command(after_help = diff::EXAMPLES)]
    #[command(after_long_help = format!("{}\n\n{}", diff::EXAMPLES, diff::STATUS))]
    Diff(DiffArgs),
    /// Test policies: whether flows are allowed and denied as a file expects
    ///
    /// A file has `manifests`, paths from its folder, and `expect`, a list of {name, from, to, port,
    /// expect}. Ends are those of `eval`, and patterns: `shop/*`, `*/web`, `shop/{app=web}`.
    /// `expect` is allow, deny, unknown, isolated or no-internet. Below an expectation that does not
    /// hold are the lines of policies that decide.
    #[command(after_help = testing::EXAMPLES)]
    #[command(after_long_help = format!("{}\n\n{}", testing::EXAMPLES, testing::STATUS))]
    Test(TestArgs),
    /// Hold a state against rules, for pods that exist and pods that do not exist yet
    ///
    /// Rules say who must never reach whom, and to whom there must be no new access. Each is held
    /// for every combination of labels that it and the policies distinguish. A rule that is broken
    /// is shown with a flow that breaks it and the lines that open it.
    #[command(after_help = gate::EXAMPLES)]
    #[command(after_long_help = format!("{}\n\n{}", gate::EXAMPLES, gate::STATUS))]
    Gate(GateArgs),
    /// Show whether two sets of policies mean the same, for pods that exist and pods that do not yet
    ///
    /// If not, flows of which they say something else, with the lines that open them.
    #[command(after_help = equal::EXAMPLES)]
    #[command(after_long_help = format!("{}\n\n{}", equal::EXAMPLES, equal::STATUS))]
    Equal(EqualArgs),
    /// Check manifests: what the API server would reject, and likely mistakes
    ///
    /// Each finding has a code, a severity, the line and field that it is about, and what to do.
    /// Errors are what the API server rejects or what provably does not mean what it seems to,
    /// warnings are likely mistakes, infos are worth knowing. `lint` is the same command.
    #[command(visible_alias = "lint", after_help = check::EXAMPLES)]
    #[command(after_long_help = format!("{}\n\n{}", check::EXAMPLES, check::STATUS))]
    Check(CheckArgs),
    /// Print the iptables rules and ipset sets with which a node enforces the policies
    ///
    /// For the pods that the input says are on the node, with their addresses: what
    /// `kubectl get ns,pod,netpol,node -A -o yaml` prints is sufficient. The program is checked
    /// against the policies before it is printed. Nothing is changed on this machine.
    #[command(after_help = render::EXAMPLES)]
    #[command(after_long_help = format!("{}\n\n{ANSWERED}\n\n{INPUT}", render::EXAMPLES))]
    Render(render::RenderArgs),
    /// Print a shell completion script
    ///
    /// For example, for bash: portcullis completions bash > ~/.local/share/bash-completion/completions/portcullis
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
    /// Print the manual page, for `man -l -`
    Man {
        /// The page of this command instead of the main one
        command: Option<String>,
    },
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn arguments_are_consistent() {
        Cli::command().debug_assert();
    }
}
