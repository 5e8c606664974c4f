//! Options: on the command line, in the environment, in a file; the first of these wins.

mod file;

use std::ffi::OsString;
use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, CommandFactory as _, FromArgMatches as _, Parser, Subcommand, ValueEnum};
use ipnet::IpNet;
use portcullis_engine::dataplane::{Admitted, Denial, FlowLog, NodeTraffic, Settings};

use crate::enforce::{AskNode, PodBlocks};
use crate::kernel::iptables::Backend;
use crate::kernel::{self, SpoofGuard};

/// Programs this node's iptables so that they admit exactly the flows that its NetworkPolicies
/// admit, and keeps them so.
///
/// Every option can also be given in the environment, under the name shown, or in the file that
/// --config names, as `option: value` lines without the dashes.
#[derive(Clone, Debug, Parser)]
#[command(name = "portcullis-agent", version, max_term_width = 100)]
#[command(args_conflicts_with_subcommands = true)]
pub struct Options {
    /// What to do instead of running.
    #[command(subcommand)]
    pub command: Option<Command>,
    /// What is to be enforced.
    #[command(flatten)]
    pub wanted: Wanted,
    /// How it is enforced.
    #[command(flatten)]
    pub enforcement: Enforcement,
    /// How it runs.
    #[command(flatten)]
    pub running: Running,
}

/// What to do instead of running.
#[derive(Clone, Debug, Subcommand)]
pub enum Command {
    /// Removes all chains and sets of the agent from this node, and with them all enforcement.
    ///
    /// Nothing else ever removes them: they stay in force when the agent stops, crashes or is
    /// replaced.
    Cleanup(Cleanup),
}

/// Options of `cleanup`.
#[derive(Clone, Debug, Args)]
pub struct Cleanup {
    /// What the names of the agent's chains and sets begin with.
    #[arg(long, env = "PORTCULLIS_PREFIX", default_value = "PCL")]
    pub prefix: String,
}

/// What is to be enforced.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "What is enforced")]
pub struct Wanted {
    /// Name of this node, as pods name it in `spec.nodeName`.
    #[arg(long, env = "NODE_NAME")]
    pub node: Option<String>,
    /// A kubeconfig file, of which the current context says where the API server is and who the
    /// agent is to it. By default the agent is a pod with a service account.
    #[arg(long, env = "PORTCULLIS_KUBECONFIG", value_name = "FILE", conflicts_with = "manifests")]
    pub kubeconfig: Option<PathBuf>,
    /// Take pods, namespaces, nodes and policies from the files of this directory, which is
    /// watched, instead of a Kubernetes API server.
    #[arg(long, env = "PORTCULLIS_MANIFESTS", value_name = "DIR")]
    pub manifests: Option<PathBuf>,
    /// The namespace of objects in those files that name none.
    #[arg(long, env = "PORTCULLIS_NAMESPACE", default_value = "default", value_name = "NAME")]
    pub namespace: String,
    /// Apply once and end.
    #[arg(long, env = "PORTCULLIS_ONCE")]
    pub once: bool,
    /// Print what would be given to ipset and iptables, and change nothing.
    #[arg(long, env = "PORTCULLIS_DRY_RUN")]
    pub dry_run: bool,
}

/// How it is enforced.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "How it is enforced")]
pub struct Enforcement {
    /// The implementation of iptables; by default, the one that kubelet and kube-proxy use here.
    #[arg(long, env = "PORTCULLIS_BACKEND")]
    pub backend: Option<Backend>,
    /// How to deny a packet: reject it or drop it silently.
    #[arg(long, env = "PORTCULLIS_DENIAL", value_enum, default_value_t = DenialOption::Reject)]
    pub denial: DenialOption,
    /// What to do with an admitted packet of a pod of this node: return to the rules after ours, or
    /// accept it, for hosts that drop what no rule of FORWARD accepts.
    #[arg(long, env = "PORTCULLIS_ADMITTED", value_enum, default_value_t = AdmittedOption::Return)]
    pub admitted: AdmittedOption,
    /// The blocks of this node's pods. An address in here that is not known to belong to a pod is
    /// blocked, so that no pod is reached before its policies are in force.
    #[arg(long, env = "PORTCULLIS_LOCAL_POD_CIDRS", value_name = "CIDR", value_delimiter = ',')]
    pub local_pod_cidrs: Vec<IpNet>,
    /// The same for the blocks that this node's Node object names in `spec.podCIDRs`, unless a pod
    /// of the node shows that the network takes addresses from elsewhere.
    #[arg(long, env = "PORTCULLIS_NODE_POD_CIDRS", default_value_t = true,
          action = clap::ArgAction::Set)]
    pub node_pod_cidrs: bool,
    /// Interfaces at which packets of this node's pods come in (`cali+`, `cni0`). What comes in there
    /// from an address to which the node would send elsewhere is dropped, as a spoofed address.
    #[arg(long, env = "PORTCULLIS_POD_INTERFACES", value_name = "NAME", value_delimiter = ',',
          value_parser = kernel::interface)]
    pub pod_interfaces: Vec<String>,
    /// Do not enforce policies on what pods send to their own node: needed where kube-proxy uses
    /// IPVS.
    #[arg(long, env = "PORTCULLIS_NODE_TRAFFIC_OPEN")]
    pub node_traffic_open: bool,
    /// End established connections that a change of policies no longer allows.
    #[arg(long, env = "PORTCULLIS_CUT", default_value_t = true, action = clap::ArgAction::Set)]
    pub cut: bool,
    /// The bit of the connection mark that tells such connections, which nobody else may use.
    #[arg(long, env = "PORTCULLIS_KILL_MARK", default_value = "0x00800000", value_parser = mark)]
    pub kill_mark: u32,
    /// What the names of the agent's chains and sets begin with: one to five letters or digits.
    #[arg(long, env = "PORTCULLIS_PREFIX", default_value = "PCL")]
    pub prefix: String,
}

/// How it runs.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "How it runs")]
pub struct Running {
    /// A file with options.
    #[arg(long, env = "PORTCULLIS_CONFIG", value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Where metrics and health are served; `off` for nowhere.
    #[arg(long, env = "PORTCULLIS_LISTEN", default_value = "127.0.0.1:9105", value_parser = listen)]
    pub listen: Listen,
    /// Log denied packets as JSON lines, each with the policies that deny it.
    #[arg(long, env = "PORTCULLIS_FLOW_LOG", value_enum, default_value_t = FlowLogOption::Off)]
    pub flow_log: FlowLogOption,
    /// The group of NFLOG that packets are logged to.
    #[arg(long, env = "PORTCULLIS_FLOW_LOG_GROUP", default_value_t = 105, value_name = "GROUP")]
    pub flow_log_group: u16,
    /// Packets logged a second at most, for each class of pods.
    #[arg(long, env = "PORTCULLIS_FLOW_LOG_RATE", default_value_t = 10, value_name = "PACKETS")]
    pub flow_log_rate: u32,
    /// Create Kubernetes Events for policies that are not enforced as they are written. The agent's
    /// account then needs one more right, which is in a role of its own.
    #[arg(long, env = "PORTCULLIS_EVENTS", conflicts_with = "manifests")]
    pub events: bool,
    /// How the agent's own log is written.
    #[arg(long, env = "PORTCULLIS_LOG", value_enum, default_value_t = LogFormat::Text)]
    pub log: LogFormat,
    /// Seconds between checks that packets still enter our chains.
    #[arg(long, env = "PORTCULLIS_CHECK_SECONDS", default_value_t = 3, value_name = "SECONDS",
          value_parser = clap::value_parser!(u64).range(1..=3600))]
    pub check_seconds: u64,
    /// Seconds at most between audits: comparisons of all our rules and sets with what they should
    /// be. They are made at every check where they are quick, which depends on how many rules the
    /// node has.
    #[arg(long, env = "PORTCULLIS_AUDIT_SECONDS", default_value_t = 60, value_name = "SECONDS",
          value_parser = clap::value_parser!(u64).range(1..=86_400))]
    pub audit_seconds: u64,
    /// Seconds without any sign of life after which a connection to the API server counts as
    /// broken, and is made again. The server gives one each minute.
    #[arg(long, env = "PORTCULLIS_SILENCE_SECONDS", default_value_t = 90, value_name = "SECONDS",
          value_parser = clap::value_parser!(u64).range(1..=3600))]
    pub silence_seconds: u64,
    /// Seconds between questions whether the API server serves ClusterNetworkPolicy, of which the
    /// definition may be installed or removed; up to half of that more, at random.
    #[arg(long, env = "PORTCULLIS_DISCOVERY_SECONDS", default_value_t = 30, value_name = "SECONDS",
          value_parser = clap::value_parser!(u64).range(1..=3600))]
    pub discovery_seconds: u64,
    /// Keep all capabilities instead of only those that iptables needs.
    #[arg(long, env = "PORTCULLIS_KEEP_CAPABILITIES")]
    pub keep_capabilities: bool,
}

/// How a packet is denied.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum DenialOption {
    /// Its sender learns of it at once.
    Reject,
    /// It is dropped silently.
    Drop,
}

/// What happens to an admitted packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum AdmittedOption {
    /// Rules after ours decide.
    Return,
    /// It is accepted.
    Accept,
}

/// Which packets are logged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum FlowLogOption {
    /// None.
    Off,
    /// Denied ones.
    Denied,
    /// Denied ones, and the first ones of admitted connections.
    All,
}

/// How the agent's own log is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// Lines for people.
    Text,
    /// Lines of JSON.
    Json,
}

/// Where metrics and health are served.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Listen {
    /// Nowhere.
    Off,
    /// At an address.
    At(SocketAddr),
}

fn listen(text: &str) -> Result<Listen, String> {
    match text {
        "off" => Ok(Listen::Off),
        address => address.parse().map(Listen::At).map_err(|_| {
            format!(
                "`{address}` is not a valid address with a port, such as 127.0.0.1:9105, or `off`"
            )
        }),
    }
}

/// A number, in hexadecimal after `0x`.
fn mark(text: &str) -> Result<u32, String> {
    let number = match text.strip_prefix("0x") {
        Some(digits) => u32::from_str_radix(digits, 16),
        None => text.parse(),
    };
    let number = number.map_err(|_| format!("`{text}` is not a valid 32-bit number"))?;
    let one = number.count_ones() == 1;
    one.then_some(number).ok_or_else(|| format!("`{text}` is not exactly one bit"))
}

impl Options {
    /// Options of a command line, of the environment and of the file that these name.
    ///
    /// # Errors
    /// If the file cannot be read or has an option that there is not; what is wrong with the
    /// command line, as clap says it.
    pub fn read(words: &[OsString]) -> anyhow::Result<Self> {
        let matches = Self::command().try_get_matches_from(words)?;
        let first = Self::from_arg_matches(&matches)?;
        let Some(path) = &first.running.config else {
            return Ok(first);
        };
        let words = file::with_words_of(path, &Self::command(), &matches, words)?;
        let matches = Self::command().try_get_matches_from(words)?;
        Ok(Self::from_arg_matches(&matches)?)
    }

    /// What the engine needs to know of them.
    ///
    /// # Errors
    /// If the prefix cannot begin names.
    pub fn settings(&self) -> anyhow::Result<Settings> {
        let Enforcement { denial, admitted, node_traffic_open, .. } = self.enforcement;
        let settings = Settings {
            prefix: self.enforcement.prefix.clone(),
            denial: match denial {
                DenialOption::Reject => Denial::Reject,
                DenialOption::Drop => Denial::Drop,
            },
            flow_log: self.running.flow_log(),
            kill_mark: self.enforcement.kill_mark,
            unknown_local: self.enforcement.local_pod_cidrs.clone(),
            admitted: match admitted {
                AdmittedOption::Return => Admitted::Return,
                AdmittedOption::Accept => Admitted::Accept,
            },
            node_traffic: match node_traffic_open {
                true => NodeTraffic::Open,
                false => NodeTraffic::Policed,
            },
        };
        Ok(settings.checked()?)
    }
}

impl Options {
    /// What guards pods' addresses.
    pub fn spoof_guard(&self) -> SpoofGuard {
        SpoofGuard::new(self.enforcement.pod_interfaces.clone())
    }

    /// The blocks of this node's pods.
    pub fn pod_blocks(&self) -> PodBlocks {
        let ask_node = if self.enforcement.node_pod_cidrs { AskNode::Yes } else { AskNode::No };
        PodBlocks::new(self.enforcement.local_pod_cidrs.clone(), ask_node)
    }
}

impl Running {
    fn flow_log(&self) -> Option<FlowLog> {
        (self.flow_log != FlowLogOption::Off).then_some(FlowLog {
            group: self.flow_log_group,
            per_second: self.flow_log_rate,
            burst: self.flow_log_rate.saturating_mul(2),
            admitted: self.flow_log == FlowLogOption::All,
        })
    }
}
