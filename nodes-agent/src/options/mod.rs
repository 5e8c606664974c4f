//! Options: on the command line, in the environment, in a file; the first of these wins.

mod diagnose;
mod file;
mod limits;
mod node;
mod numbers;
mod serving;
mod status;
mod values;

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use clap::{Args, CommandFactory as _, FromArgMatches as _, Parser, Subcommand};
use ipnet::IpNet;
use portcullis_engine::dataplane::{Admitted, Denial, FlowLog, InvalidPackets, Settings};
use portcullis_engine::manifest::Mode;

use crate::enforce::{
    AskNode, Attachment, ForwardingPods, HostEndpoints, PodBlocks, PodInterfaces, SpoofGuard,
};
use crate::kernel::iptables::Backend;
pub use diagnose::{DiagnoseOptions, Effective};
pub use limits::PolicyLimits;
pub use node::{Check, CheckFormat, Cleanup, Gate};
use numbers::{mark, rate};
pub use serving::{Listen, Serving};
pub use status::{Output, PolicyArgument, StatusOptions};
pub use values::{
    AdmittedOption, DenialOption, FlowLogOption, InvalidOption, LogFormat, ModeOption,
};

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
    /// Where it says how it is.
    #[command(flatten)]
    pub serving: Serving,
}

/// What to do instead of running.
#[derive(Clone, Debug, Subcommand)]
pub enum Command {
    /// Removes all chains and sets of the agent from this node, and with them all enforcement.
    ///
    /// Nothing else ever removes them: they stay in force when the agent stops, crashes or is
    /// replaced.
    Cleanup(Cleanup),
    /// Looks at what the agent needs of this node (tools, kernel, rights, other programs' rules) and
    /// says what to do about what is missing. Exits with 1 if policies could not be enforced.
    Check(Check),
    /// Denies what comes from pods and goes to them, and ends: for the time between a boot and the
    /// agent, which takes over what it finds.
    ///
    /// Does nothing where rules of an agent are in force.
    Gate(Box<Gate>),
    /// Says what the agent of this node knows of itself: whether what is desired is in force, and
    /// each policy that concerns the node; or waits until a policy is in force on all nodes.
    Status(Box<StatusOptions>),
    /// Writes one archive for a report of a fault: versions, options, status, metrics, what `check`
    /// says, the agent's own chains and sets, routes and devices.
    ///
    /// It has no tokens, keys, Secrets or values of the environment, and no rules of other programs;
    /// it names policies, addresses and devices. Its README.txt says what is in it.
    Diagnose(Box<DiagnoseOptions>),
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
    /// Whether policies are enforced, or only audited: then nothing is denied, and what would be is
    /// logged and counted.
    #[arg(long, env = "PORTCULLIS_MODE", value_enum, default_value_t = ModeOption::Enforce)]
    pub mode: ModeOption,
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
    /// The network devices that lead to this node's pods, separated by commas (`cni0`, `cali+`):
    /// what comes in or goes out there with an address that no pod of the node has is denied.
    /// `auto` finds them by the kernel's routes to pods; `off` has addresses alone decide.
    #[arg(long, env = "PORTCULLIS_POD_INTERFACES", value_name = "NAMES", default_value = "auto")]
    pub pod_interfaces: PodInterfaces,
    /// Drop what comes in at pods' devices from an address to which the node would send by another
    /// device: a spoofed address. `auto` does so where each pod has a device of its own, and at
    /// devices that --pod-interfaces names.
    #[arg(long, env = "PORTCULLIS_SPOOF_GUARD", value_enum, default_value_t = SpoofGuard::Auto)]
    pub spoof_guard: SpoofGuard,
    /// Pods that forward for others (gateways, VPNs), by namespace and labels: at their devices,
    /// any address may come in and go out. Whoever may label pods in the namespace can use it.
    #[arg(long, env = "PORTCULLIS_FORWARDING_PODS", value_name = "NAMESPACE/KEY=VALUE,…")]
    pub forwarding_pods: Vec<ForwardingPods>,
    /// Enforce what Calico's policies say of this node itself where it has HostEndpoints: what it
    /// sends, receives and forwards. Ports that stay open whatever policies say are those of Calico
    /// (SSH, the API server's and others), unless a FelixConfiguration names others. `auto` takes
    /// each node to have one for all its interfaces, with the labels of the Node, that allows what
    /// no policy is about; nothing is written to the cluster.
    #[arg(long, env = "PORTCULLIS_HOST_ENDPOINTS", value_enum,
          default_value_t = HostEndpoints::Objects)]
    pub host_endpoints: HostEndpoints,
    /// Seconds after which policies of HostEndpoints are taken back that have come into force, unless
    /// this node's Node has the annotation `portcullis.dev/host-endpoints: confirmed`; 0 for never.
    /// When one of them changes, they are tried again.
    #[arg(long, env = "PORTCULLIS_HOST_CONFIRM_SECONDS", default_value_t = 0, value_name = "SECONDS",
          value_parser = clap::value_parser!(u64).range(0..=86_400))]
    pub host_confirm_seconds: u64,
    /// What to do with packets that belong to no connection and begin none: evaluate the policies
    /// as for a new connection, or drop those from and to pods of this node.
    #[arg(long, env = "PORTCULLIS_INVALID", value_enum, default_value_t = InvalidOption::Police)]
    pub invalid: InvalidOption,
    /// How much one policy may ask for.
    #[command(flatten)]
    pub limits: PolicyLimits,
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
    /// Log denied packets as JSON lines, each with the policies that deny it.
    #[arg(long, env = "PORTCULLIS_FLOW_LOG", value_enum, default_value_t = FlowLogOption::Off)]
    pub flow_log: FlowLogOption,
    /// The group of NFLOG that packets are logged to.
    #[arg(long, env = "PORTCULLIS_FLOW_LOG_GROUP", default_value_t = 105, value_name = "GROUP")]
    pub flow_log_group: u16,
    /// Packets logged a second at most, for each class of pods: 1 to 5000, rounded up to what the
    /// kernel can count, such as 303 for 300.
    #[arg(long, env = "PORTCULLIS_FLOW_LOG_RATE", default_value_t = 10, value_name = "PACKETS",
          value_parser = rate)]
    pub flow_log_rate: u32,
    /// Create Kubernetes Events for policies that are not enforced as they are written. The agent's
    /// account then needs one more right, which is in a role of its own.
    #[arg(long, env = "PORTCULLIS_EVENTS", conflicts_with = "manifests")]
    pub events: bool,
    /// Write what is in force on this node to the API server, as the NodePolicyStatus of the node's
    /// name, where that kind is installed and the agent's account may write it.
    #[arg(long, env = "PORTCULLIS_STATUS_OBJECT", default_value_t = true, value_name = "BOOL",
          action = clap::ArgAction::Set)]
    pub status_object: bool,
    /// How many of these objects the agents of all nodes together write a second, at most: each
    /// takes its share. A change is then told to the API server later, the more nodes there are.
    #[arg(long, env = "PORTCULLIS_STATUS_WRITES_PER_SECOND", default_value_t = 50,
          value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub status_writes_per_second: u32,
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

    /// How many seconds a tool may take that speaks to the kernel, and one more for each megabyte of
    /// input; then it is ended. One that only reads has twice the time after that, up to 16 times.
    #[arg(long, value_name = "N", default_value_t = 10, env = "PORTCULLIS_TOOL_SECONDS")]
    #[arg(value_parser = clap::value_parser!(u64).range(1..=3600))]
    pub tool_seconds: u64,
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
    /// Seconds up to which, at random, a list of everything is put off: when the agent starts, and when
    /// the API server no longer knows what has changed since. Agents of a large cluster then do not
    /// all ask at once.
    #[arg(long, env = "PORTCULLIS_LIST_SPREAD_SECONDS", default_value_t = 1, value_name = "SECONDS",
          value_parser = clap::value_parser!(u64).range(0..=600))]
    pub list_spread_seconds: u64,
    /// Keep all capabilities instead of only those that iptables needs.
    #[arg(long, env = "PORTCULLIS_KEEP_CAPABILITIES")]
    pub keep_capabilities: bool,
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
        let Some(path) = first.file() else {
            return Ok(first);
        };
        let words = match file::with_words_of(path, &Self::command(), &matches, words) {
            // What is wrong with the file is part of what it gathers.
            Err(_) if matches!(first.command, Some(Command::Diagnose(_))) => return Ok(first),
            words => words?,
        };
        let matches = Self::command().try_get_matches_from(words)?;
        Ok(Self::from_arg_matches(&matches)?)
    }

    /// The file that has more of them, if they name one. Not for commands that ask no agent: they
    /// have options of their own, whatever the environment says.
    fn file(&self) -> Option<&Path> {
        let file = match &self.command {
            None => &self.running.config,
            Some(Command::Status(status)) => &status.config,
            Some(Command::Diagnose(diagnose)) => &diagnose.config,
            Some(Command::Cleanup(_) | Command::Check(_) | Command::Gate(_)) => &None,
        };
        file.as_deref()
    }

    /// What the engine needs to know of them.
    ///
    /// # Errors
    /// If the prefix cannot begin names.
    pub fn settings(&self) -> anyhow::Result<Settings> {
        self.enforcement.settings(self.running.flow_log())
    }
}

impl Enforcement {
    /// What the engine needs to know of them.
    ///
    /// # Errors
    /// If the prefix cannot begin names.
    pub fn settings(&self, flow_log: Option<FlowLog>) -> anyhow::Result<Settings> {
        let Self { denial, admitted, invalid, .. } = *self;
        let settings = Settings {
            prefix: self.prefix.clone(),
            mode: match self.mode {
                ModeOption::Enforce => Mode::Enforce,
                ModeOption::Audit => Mode::Audit,
            },
            denial: match denial {
                DenialOption::Reject => Denial::Reject,
                DenialOption::Drop => Denial::Drop,
            },
            flow_log,
            kill_mark: self.kill_mark,
            unknown_local: self.local_pod_cidrs.clone(),
            admitted: match admitted {
                AdmittedOption::Return => Admitted::Return,
                AdmittedOption::Accept => Admitted::Accept,
            },
            invalid: match invalid {
                InvalidOption::Police => InvalidPackets::Policed,
                InvalidOption::Drop => InvalidPackets::Dropped,
            },
            ..self.limits.settings()
        };
        Ok(settings.checked()?)
    }
}

impl Enforcement {
    /// How long policies of HostEndpoints are tried; none if they stay at once.
    pub fn host_limit(&self) -> Option<std::time::Duration> {
        let limit = std::time::Duration::from_secs(self.host_confirm_seconds);
        (!limit.is_zero()).then_some(limit)
    }
}

impl Options {
    /// Where pods and this node are attached.
    pub fn attachment(&self, node: &str) -> Attachment {
        let Enforcement { pod_interfaces, spoof_guard, forwarding_pods, .. } = &self.enforcement;
        Attachment::new(pod_interfaces.clone(), *spoof_guard, forwarding_pods.clone())
            .with_host(node, self.enforcement.host_endpoints)
    }

    /// Up to how much later a list is asked for. Who asks once does not wait.
    pub fn spread(&self) -> std::time::Duration {
        let once = self.wanted.once || self.wanted.dry_run;
        std::time::Duration::from_secs(if once { 0 } else { self.running.list_spread_seconds })
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
