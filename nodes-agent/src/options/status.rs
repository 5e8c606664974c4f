//! Options of `status`.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use clap::{Args, ValueEnum};

use super::Serving;

/// Options of `status`.
#[derive(Clone, Debug, Args)]
#[command(
    after_help = "Exits with 0 if what was asked about is in force, with 1 if something of it \
                        is not, and with 2 if nobody answers."
)]
pub struct StatusOptions {
    /// The agent's file of options: where it is asked, and with which token.
    #[arg(long, env = "PORTCULLIS_CONFIG", value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// A table for people, or JSON for programs.
    #[arg(long, value_enum, default_value_t = Output::Table)]
    pub output: Output,
    /// Only this policy: NAMESPACE/NAME of a NetworkPolicy, NAME of a ClusterNetworkPolicy, or with
    /// the kind in front: networkpolicy/NAMESPACE/NAME.
    #[arg(long, value_name = "POLICY", conflicts_with = "wait")]
    pub policy: Option<PolicyArgument>,
    /// Print only policies that are closed or pending.
    #[arg(long, conflicts_with = "wait")]
    pub faults: bool,
    /// Wait until this policy, as the API server has it now or later, is in force on all nodes that
    /// have pods which it selects. This asks the API server, not the agent of this node, and works
    /// from anywhere. A policy that is closed on a node is not in force as it is written.
    #[arg(long, value_name = "POLICY")]
    pub wait: Option<PolicyArgument>,
    /// With --wait: not before the policy has this generation.
    #[arg(long, value_name = "N", requires = "wait")]
    pub generation: Option<u32>,
    /// With --wait: for how long, such as 90s or 5m.
    #[arg(long, value_name = "TIME", default_value = "60s", value_parser = time)]
    pub timeout: Duration,
    /// With --wait: a kubeconfig file; by default, this is a pod with a service account.
    #[arg(long, env = "PORTCULLIS_KUBECONFIG", value_name = "FILE")]
    pub kubeconfig: Option<PathBuf>,
    /// Where the agent is asked.
    #[command(flatten)]
    pub serving: Serving,
}

/// How `status` answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Output {
    /// A table.
    Table,
    /// An object.
    Json,
}

/// A policy on the command line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PolicyArgument {
    /// Its namespace; none for a ClusterNetworkPolicy.
    pub namespace: Option<String>,
    /// Its name.
    pub name: String,
}

impl PolicyArgument {
    /// Its kind.
    pub fn kind(&self) -> &'static str {
        match self.namespace {
            Some(_) => "NetworkPolicy",
            None => "ClusterNetworkPolicy",
        }
    }

    /// Whether it names a policy.
    pub fn names(&self, namespace: Option<&str>, name: &str) -> bool {
        namespace == self.namespace.as_deref() && name == self.name
    }
}

impl fmt::Display for PolicyArgument {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.namespace {
            Some(namespace) => write!(f, "{namespace}/{}", self.name),
            None => f.write_str(&self.name),
        }
    }
}

impl FromStr for PolicyArgument {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let parts: Vec<&str> = text.split('/').collect();
        let kind = parts.first().map(|kind| kind.to_ascii_lowercase()).unwrap_or_default();
        let (namespace, name) = match (&*kind, &*parts) {
            ("networkpolicy" | "networkpolicies", [_, namespace, name]) => {
                (Some(*namespace), *name)
            }
            ("networkpolicy" | "networkpolicies", _) => (None, ""),
            ("clusternetworkpolicy" | "clusternetworkpolicies", [_, name]) => (None, *name),
            (_, [namespace, name]) => (Some(*namespace), *name),
            (_, [name]) => (None, *name),
            _ => (None, ""),
        };
        if name.is_empty() || namespace == Some("") {
            return Err(format!(
                "`{text}` is not NAMESPACE/NAME, networkpolicy/NAMESPACE/NAME or \
                 clusternetworkpolicy/NAME"
            ));
        }
        Ok(Self { namespace: namespace.map(str::to_owned), name: name.to_owned() })
    }
}

/// A time: a number of seconds, or of what stands after it.
fn time(text: &str) -> Result<Duration, String> {
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let unit = match text.get(digits.len()..).unwrap_or_default() {
        "" | "s" => Some(1),
        "m" => Some(60),
        "h" => Some(3600),
        _ => None,
    };
    let seconds = digits.parse::<u32>().ok().zip(unit);
    let seconds = seconds.map(|(count, unit)| u64::from(count) * unit);
    seconds
        .map(Duration::from_secs)
        .ok_or_else(|| format!("`{text}` is not a time such as 90s or 5m"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn policies_are_named_with_or_without_their_kind() {
        let read = |text: &str| {
            let policy = text.parse::<PolicyArgument>().ok();
            policy.map(|policy| format!("{} {policy}", policy.kind()))
        };
        let shop = Some("NetworkPolicy shop/db".to_owned());
        for text in ["shop/db", "networkpolicy/shop/db", "NetworkPolicies/shop/db"] {
            assert_eq!(read(text), shop, "{text}");
        }
        let guard = Some("ClusterNetworkPolicy guard".to_owned());
        for text in ["guard", "clusternetworkpolicy/guard", "clusternetworkpolicies/guard"] {
            assert_eq!(read(text), guard, "{text}");
        }
        for wrong in ["", "/", "a/b/c", "networkpolicy//db", "a/", "/a", "clusternetworkpolicy/a/b"]
        {
            assert_eq!(read(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn times_have_units() {
        let seconds = |text| time(text).map(|time| time.as_secs());
        assert_eq!(["7", "90s", "5m", "1h"].map(seconds), [Ok(7), Ok(90), Ok(300), Ok(3600)]);
        assert!(["", "s", "1d", "-1s", "1.5s", "é"].into_iter().all(|text| time(text).is_err()));
    }
}
