//! What can be typed.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use ipnet::IpNet;
use portcullis_engine::manifest::Direction;
use portcullis_engine::net::Protocol;
use portcullis_engine::report::{Severity, Verdict, parse_protocol};
use portcullis_engine::{DomainName, Options};

use crate::render;

const STATUS: &str = "\
Exit status:
  0  answered
  1  findings at or above --fail-on, or --expect not met
  2  unusable input or arguments

Input:
  A folder is read recursively: every .yaml, .yml and .json file, except in hidden folders and
  node_modules. `-` is standard input. Namespaces, pods, workloads with a pod template,
  services, nodes, NetworkPolicies and ClusterNetworkPolicies (with the kinds before them) are
  used; other kinds are ignored. One broken document does not hide the others:
  `portcullis check` shows what is wrong with it.";

const EXAMPLES: &str = "\
Examples:
  portcullis list manifests/
  kubectl get ns,pod,netpol,node -A -o yaml | portcullis list -
  portcullis eval --from shop/web --to shop/db --port 5432 manifests/
  portcullis eval --from shop/web --to 192.0.2.7 --port 443 --expect deny manifests/
  portcullis check --fail-on warning manifests/";

/// Shows which network flows Kubernetes policies allow, and which line of which policy decides.
///
/// Reads manifests (YAML or JSON, as written or as `kubectl get -o yaml` prints them) and does not
/// connect to any cluster.
#[derive(Debug, Parser)]
#[command(name = "portcullis", version, max_term_width = 100)]
#[command(after_help = EXAMPLES, after_long_help = format!("{EXAMPLES}\n\n{STATUS}"))]
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
    /// What is not listed is denied or unknown: the notes below the list say which rules leave
    /// something open and what would settle it.
    #[command(after_long_help = STATUS)]
    List(ListArgs),
    /// Show whether a flow is allowed, and why
    ///
    /// The verdict in one line, then the result at each end and which line of which policy decides.
    #[command(after_long_help = STATUS)]
    Eval(EvalArgs),
    /// Show everything that decides a flow
    ///
    /// Both ends, and every policy, rule, peer and port entry that was evaluated: ✓ admits or
    /// matches, ✗ does not and why, ? is unknown.
    #[command(after_long_help = STATUS)]
    Explain(EvalArgs),
    /// Check manifests: what the API server would reject, and likely mistakes
    #[command(after_long_help = STATUS)]
    Check(CheckArgs),
    /// Print the iptables rules and ipset sets with which a node enforces the policies
    ///
    /// For the pods that the input says are on the node, with their addresses: what
    /// `kubectl get ns,pod,netpol,node -A -o yaml` prints is sufficient. The program is checked
    /// against the policies before it is printed. Nothing is changed on this machine.
    #[command(after_help = render::EXAMPLES)]
    #[command(after_long_help = format!("{}\n\n{STATUS}", render::EXAMPLES))]
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

/// What is read and what it does not say.
#[derive(Debug, Args)]
pub struct InputArgs {
    /// Files, folders, or `-` for standard input
    #[arg(required = true, value_name = "PATH", value_hint = clap::ValueHint::AnyPath)]
    pub paths: Vec<PathBuf>,
    /// Pod CIDR to assume for pods without an address; may be repeated
    #[arg(long, value_name = "CIDR", value_delimiter = ',', help_heading = "Input")]
    pub pod_cidr: Vec<IpNet>,
    /// Node CIDR to assume for nodes without an address; may be repeated
    #[arg(long, value_name = "CIDR", value_delimiter = ',', help_heading = "Input")]
    pub node_cidr: Vec<IpNet>,
    /// An address that a domain name of a policy resolves to; may be repeated
    #[arg(
        long = "domain",
        value_name = "NAME=ADDRESS",
        value_delimiter = ',',
        help_heading = "Input"
    )]
    pub domains: Vec<DomainName>,
    /// The namespace of objects that have none
    #[arg(long, short, default_value = "default", help_heading = "Input")]
    pub namespace: String,
}

impl InputArgs {
    pub fn options(&self) -> Options {
        Options {
            pod_cidrs: self.pod_cidr.clone(),
            node_cidrs: self.node_cidr.clone(),
            default_namespace: self.namespace.clone(),
            ..Options::default()
        }
        .with_domain_names(self.domains.iter().cloned())
    }
}

/// How it is said.
#[derive(Clone, Copy, Debug, Args)]
pub struct OutputArgs {
    /// Print only the answer: no counts, hints or progress
    #[arg(long, short, help_heading = "Output")]
    pub quiet: bool,
    /// When to use colour; NO_COLOR is honoured too
    #[arg(long, value_name = "WHEN", default_value = "auto", help_heading = "Output")]
    pub color: Color,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum Color {
    /// On a terminal
    Auto,
    Always,
    Never,
}

#[derive(Debug, Args)]
pub struct ListArgs {
    #[command(flatten)]
    pub input: InputArgs,
    /// The output format
    #[arg(long, short, value_enum, default_value = "text", help_heading = "Output")]
    pub output: ListForm,
    #[command(flatten)]
    pub say: OutputArgs,
    /// Only connections of these; may be repeated: NAMESPACE, NAMESPACE/NAME,
    /// NAMESPACE/KIND/NAME, or a workload's NAME
    #[arg(long, value_name = "WHO", help_heading = "Filter")]
    pub focus: Vec<String>,
    /// With --focus: only connections to them (ingress) or from them (egress)
    #[arg(long, value_enum, requires = "focus", help_heading = "Filter")]
    pub direction: Option<FocusDirection>,
    /// Only connections that include this port, for example 5432 or 53/UDP
    #[arg(long, value_name = "PORT[/PROTOCOL]", value_parser = port, help_heading = "Filter")]
    pub port: Option<(Protocol, u16)>,
    /// Also list connections between pods of the same workload
    #[arg(long, help_heading = "Filter")]
    pub siblings: bool,
    /// Show for each connection which rules admit it, at both ends, and where they are
    ///
    /// `explain` shows more about a single flow, also why policies that isolate an end do not
    /// admit it.
    #[arg(short, long, help_heading = "Output")]
    pub explain: bool,
    /// Exit with 1 for findings of this severity or above in the input
    #[arg(
        long,
        value_enum,
        value_name = "SEVERITY",
        default_value = "never",
        help_heading = "Exit status"
    )]
    pub fail_on: FailOn,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ListForm {
    /// A line per connection
    Text,
    /// Everything, for programs
    Json,
    /// Comma-separated values
    Csv,
    /// A Markdown table
    Md,
    /// A Graphviz graph
    Dot,
    /// A Mermaid flowchart
    Mermaid,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum FocusDirection {
    Ingress,
    Egress,
}

impl From<FocusDirection> for Direction {
    fn from(direction: FocusDirection) -> Self {
        match direction {
            FocusDirection::Ingress => Self::Ingress,
            FocusDirection::Egress => Self::Egress,
        }
    }
}

#[derive(Debug, Args)]
pub struct EvalArgs {
    #[command(flatten)]
    pub input: InputArgs,
    /// The source: NAMESPACE/POD, NAMESPACE/KIND/NAME of a workload, or an address
    #[arg(long, value_name = "WHO", required_unless_present = "flows", help_heading = "Flow")]
    pub from: Option<String>,
    /// The destination, as --from, or NAMESPACE/service/NAME
    #[arg(long, value_name = "WHO", required_unless_present = "flows", help_heading = "Flow")]
    pub to: Option<String>,
    /// The destination port: the pod's own, or the Service's if --to is one
    #[arg(long, value_name = "N", required_unless_present = "flows", help_heading = "Flow")]
    #[arg(value_parser = clap::value_parser!(u16).range(1..))]
    pub port: Option<u16>,
    /// TCP, UDP or SCTP
    #[arg(long, default_value = "TCP", value_parser = parse_protocol, help_heading = "Flow")]
    pub protocol: Protocol,
    /// Evaluate all flows of a file: a JSON or YAML list of {from, to, protocol, port}
    #[arg(long, value_name = "FILE", value_hint = clap::ValueHint::FilePath, help_heading = "Flow")]
    #[arg(conflicts_with_all = ["from", "to", "port", "protocol"])]
    pub flows: Option<PathBuf>,
    /// The output format
    #[arg(long, short, value_enum, default_value = "text", help_heading = "Output")]
    pub output: Form,
    #[command(flatten)]
    pub say: OutputArgs,
    /// Exit with 1 unless this is the verdict; with --flows, the verdict of every flow
    #[arg(long, value_enum, value_name = "VERDICT", help_heading = "Exit status")]
    pub expect: Option<Expect>,
    /// Exit with 1 for findings of this severity or above in the input
    #[arg(
        long,
        value_enum,
        value_name = "SEVERITY",
        default_value = "never",
        help_heading = "Exit status"
    )]
    pub fail_on: FailOn,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Form {
    Text,
    Json,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum Expect {
    Allow,
    Deny,
}

impl From<Expect> for Verdict {
    fn from(expect: Expect) -> Self {
        match expect {
            Expect::Allow => Self::Allow,
            Expect::Deny => Self::Deny,
        }
    }
}

#[derive(Debug, Args)]
pub struct CheckArgs {
    #[command(flatten)]
    pub input: InputArgs,
    /// The output format
    #[arg(long, short, value_enum, default_value = "text", help_heading = "Output")]
    pub output: Form,
    #[command(flatten)]
    pub say: OutputArgs,
    /// Exit with 1 for findings of this severity or above
    #[arg(
        long,
        value_enum,
        value_name = "SEVERITY",
        default_value = "error",
        help_heading = "Exit status"
    )]
    pub fail_on: FailOn,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum FailOn {
    Error,
    Warning,
    Info,
    Never,
}

impl FailOn {
    /// The least severity that fails.
    pub fn least(self) -> Option<Severity> {
        match self {
            Self::Error => Some(Severity::Error),
            Self::Warning => Some(Severity::Warning),
            Self::Info => Some(Severity::Info),
            Self::Never => None,
        }
    }
}

/// `5432`, `53/UDP`, and the other way round as other tools write it.
fn port(text: &str) -> Result<(Protocol, u16), String> {
    let (number, protocol) = match text.split_once(['/', '-']) {
        None => (text, "TCP"),
        Some((number, protocol)) if number.starts_with(|c: char| c.is_ascii_digit()) => {
            (number, protocol)
        }
        Some((protocol, number)) => (number, protocol),
    };
    let protocol = parse_protocol(protocol).map_err(|error| error.to_string())?;
    match number.parse::<u16>() {
        Ok(port) if port > 0 => Ok((protocol, port)),
        _ => Err(format!("`{number}` is not a valid port: ports are 1 to 65535")),
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn arguments_are_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn ports_are_written_in_several_ways() {
        assert_eq!(port("5432"), Ok((Protocol::Tcp, 5432)));
        assert_eq!(port("53/udp"), Ok((Protocol::Udp, 53)));
        assert_eq!(port("tcp-80"), Ok((Protocol::Tcp, 80)));
        assert!(port("0").is_err());
        assert!(port("http").is_err());
        assert!(port("70000").is_err());
    }
}
