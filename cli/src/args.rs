//! What may be typed with every command.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use ipnet::IpNet;
use portcullis_engine::report::Severity;
use portcullis_engine::{DomainName, NamespaceLabel, Options};

/// What is read.
#[derive(Debug, Args)]
pub struct InputArgs {
    /// Files, folders, or `-` for standard input
    #[arg(
        required_unless_present_any = ASKS_FOR_CLUSTER.into_iter().chain(["helm", "kustomize"]),
        value_name = "PATH",
        value_hint = clap::ValueHint::AnyPath
    )]
    pub paths: Vec<PathBuf>,
    #[command(flatten)]
    pub more: MoreInputArgs,
}

/// A live cluster that is read.
#[derive(Clone, Debug, Args)]
pub struct ClusterArgs {
    /// Read the cluster of the kubeconfig's current context; files and folders that are named count
    /// as if they were applied to it
    ///
    /// Every kind that can change an answer is listed, and nothing else: no Secrets and no
    /// ConfigMaps. Nothing is changed in the cluster.
    #[arg(long, help_heading = "Cluster")]
    pub cluster: bool,
    /// The context of the kubeconfig to use instead; reads its cluster
    #[arg(long, value_name = "NAME", help_heading = "Cluster")]
    pub context: Option<String>,
    /// The kubeconfig [default: what KUBECONFIG names, or ~/.kube/config]; reads its cluster
    #[arg(long, value_name = "FILE", value_hint = clap::ValueHint::FilePath)]
    #[arg(help_heading = "Cluster")]
    pub kubeconfig: Option<PathBuf>,
    /// Answer without what you have no right to read, also without policies or pods; the answer
    /// names it
    #[arg(long, help_heading = "Cluster")]
    pub partial: bool,
    /// Seconds after which a request to the API server counts as failed
    #[arg(long, value_name = "SECONDS", default_value_t = 60, value_parser = parse_seconds)]
    #[arg(help_heading = "Cluster")]
    pub request_seconds: u64,
}

/// Whether to go on.
#[derive(Clone, Copy, Debug, Args)]
pub struct WatchArgs {
    /// With a cluster: go on, and print what changes in the answer as it does
    #[arg(long, short, help_heading = "Cluster")]
    pub watch: bool,
}

/// Any of these asks for a cluster.
pub const ASKS_FOR_CLUSTER: [&str; 3] = ["cluster", "context", "kubeconfig"];

impl ClusterArgs {
    /// Whether a cluster is read.
    pub fn is_wanted(&self) -> bool {
        self.cluster || self.context.is_some() || self.kubeconfig.is_some()
    }
}

/// What is read besides paths, and how.
#[derive(Clone, Debug, Args)]
pub struct MoreInputArgs {
    #[command(flatten)]
    pub cluster: ClusterArgs,
    /// A Helm chart to render with `helm template` and read; may be repeated
    #[arg(long, value_name = "CHART", value_hint = clap::ValueHint::DirPath, help_heading = "Input")]
    pub helm: Vec<PathBuf>,
    /// Values for the charts of --helm, as `helm template --values` takes them; may be repeated
    #[arg(
        long,
        value_name = "FILE",
        requires = "helm",
        value_hint = clap::ValueHint::FilePath,
        help_heading = "Input"
    )]
    pub helm_values: Vec<PathBuf>,
    /// A folder to build with `kustomize build`, or `kubectl kustomize`, and read; may be repeated
    #[arg(long, value_name = "DIR", value_hint = clap::ValueHint::DirPath, help_heading = "Input")]
    pub kustomize: Vec<PathBuf>,
    /// Seconds after which helm or kustomize is ended
    #[arg(long, value_name = "SECONDS", default_value_t = 120, value_parser = parse_seconds)]
    #[arg(help_heading = "Input")]
    pub tool_seconds: u64,
    /// Configuration with paths and codes to ignore [default: portcullis.yaml, if there is one]
    #[arg(long, value_name = "FILE", value_hint = clap::ValueHint::FilePath, help_heading = "Input")]
    pub config: Option<PathBuf>,
    #[command(flatten)]
    pub assume: AssumeArgs,
}

/// What the input does not say.
#[derive(Clone, Debug, Args)]
pub struct AssumeArgs {
    /// Pod CIDR to assume for pods without an address; may be repeated
    #[arg(long, value_name = "CIDR", value_delimiter = ',', value_parser = parse_cidr)]
    #[arg(help_heading = "Input")]
    pub pod_cidr: Vec<IpNet>,
    /// Node CIDR to assume for nodes without an address; may be repeated
    #[arg(long, value_name = "CIDR", value_delimiter = ',', value_parser = parse_cidr)]
    #[arg(help_heading = "Input")]
    pub node_cidr: Vec<IpNet>,
    /// An address that a domain name of a policy resolves to; may be repeated
    #[arg(
        long = "domain",
        value_name = "NAME=ADDRESS",
        value_delimiter = ',',
        help_heading = "Input"
    )]
    pub domains: Vec<DomainName>,
    /// All labels of a namespace whose object is not in the input, or labels to add to or replace
    /// in one that is; may be repeated
    #[arg(long = "namespace-labels", value_name = "NS=KEY=VALUE", help_heading = "Input")]
    pub namespace_labels: Vec<NamespaceLabel>,
    /// Take namespaces whose objects are not in the input to have no labels but their names
    #[arg(long, help_heading = "Input")]
    pub assume_unlabelled_namespaces: bool,
    /// Take each Node of the input to have a HostEndpoint for all its interfaces, with its labels, as
    /// Calico's automatic host endpoints are
    #[arg(long, help_heading = "Input")]
    pub automatic_host_endpoints: bool,
    /// The namespace of objects and of ends of a flow that name none [default: default]; `list` lists
    /// this one only
    #[arg(long, short, value_name = "NAMESPACE", help_heading = "Input")]
    pub namespace: Option<String>,
}

impl AssumeArgs {
    pub fn options(&self) -> Options {
        let mut options = Options {
            pod_cidrs: self.pod_cidr.clone(),
            node_cidrs: self.node_cidr.clone(),
            ..Options::default()
        };
        if let Some(namespace) = &self.namespace {
            options.default_namespace.clone_from(namespace);
        }
        options.namespaces.unlabelled = self.assume_unlabelled_namespaces;
        options.automatic_hosts = self.automatic_host_endpoints;
        options
            .with_domain_names(self.domains.iter().cloned())
            .with_namespace_labels(self.namespace_labels.iter().cloned())
    }
}

/// A block of addresses.
fn parse_cidr(text: &str) -> Result<IpNet, String> {
    text.parse().map_err(|_| format!("`{text}` is not a CIDR: use for example 10.244.0.0/16"))
}

/// A time.
fn parse_seconds(text: &str) -> Result<u64, String> {
    text.parse().map_err(|_| format!("`{text}` is not a whole number of seconds"))
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

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Form {
    Text,
    Json,
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
