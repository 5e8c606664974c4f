//! Options of `status`.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use clap::{Args, ValueEnum};
use portcullis_engine::manifest::CalicoKind;

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
    /// Only policies of this name: NAMESPACE/NAME, or NAME for kinds of the whole cluster; with the
    /// kind in front only that one: networkpolicy/NAMESPACE/NAME, clusternetworkpolicy/NAME,
    /// networkpolicy.projectcalico.org/NAMESPACE/NAME, globalnetworkpolicy/NAME.
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
    /// Its kind, as reports have it; none if none was named: then it may be of any.
    pub kind: Option<&'static str>,
    /// Its namespace; none for a kind of the whole cluster.
    pub namespace: Option<String>,
    /// Its name.
    pub name: String,
}

impl PolicyArgument {
    /// Its kind, or the one that is most likely meant.
    pub fn kind(&self) -> &'static str {
        let likely = match self.namespace {
            Some(_) => "NetworkPolicy",
            None => "ClusterNetworkPolicy",
        };
        self.kind.unwrap_or(likely)
    }

    /// Whether it names a policy.
    pub fn names(&self, kind: &str, namespace: Option<&str>, name: &str) -> bool {
        self.kind.is_none_or(|own| own == kind)
            && namespace == self.namespace.as_deref()
            && name == self.name
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
        let known = parts.first().and_then(|word| kind_of(word));
        let (kind, namespace, name) = match (known, &*parts) {
            (Some((kind, true)), [_, namespace, name]) => (Some(kind), Some(*namespace), *name),
            (Some((kind, false)), [_, name]) => (Some(kind), None, *name),
            // A namespace may be called so, but then the kind has to stand before it.
            (Some((_, true)), _) => (None, None, ""),
            (_, [namespace, name]) => (None, Some(*namespace), *name),
            (_, [name]) => (None, None, *name),
            _ => (None, None, ""),
        };
        if name.is_empty() || namespace == Some("") {
            return Err(format!(
                "`{text}` is not NAMESPACE/NAME or NAME, nor such a name after its kind: \
                 networkpolicy/NAMESPACE/NAME, clusternetworkpolicy/NAME, \
                 networkpolicy.projectcalico.org/NAMESPACE/NAME, globalnetworkpolicy/NAME"
            ));
        }
        Ok(Self { kind, namespace: namespace.map(str::to_owned), name: name.to_owned() })
    }
}

/// The kind that a word names as `kubectl` would take it, in the singular or the plural, and whether
/// it is of a namespace.
fn kind_of(word: &str) -> Option<(&'static str, bool)> {
    let word = word.to_ascii_lowercase();
    match &*word {
        "networkpolicy" | "networkpolicies" => return Some(("NetworkPolicy", true)),
        "clusternetworkpolicy" | "clusternetworkpolicies" => {
            return Some(("ClusterNetworkPolicy", false));
        }
        _ => {}
    }
    let bare = GROUPS.iter().find_map(|group| word.strip_suffix(group));
    let mut kinds = CalicoKind::ALL.into_iter().filter(|kind| kind.is_policy());
    let kind = kinds.find(|kind| {
        let is_it = |word: &str| word == kind.plural() || word == kind.name().to_ascii_lowercase();
        is_it(bare.unwrap_or(&word))
    })?;
    Some((kind.full_name(), kind.is_namespaced()))
}

/// Groups that have Calico's kinds, as they stand after a kind.
const GROUPS: [&str; 2] = [".crd.projectcalico.org", ".projectcalico.org"];

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
        for (text, policy) in [
            ("networkpolicy.projectcalico.org/shop/db", "NetworkPolicy.projectcalico.org shop/db"),
            ("networkpolicies.crd.projectcalico.org/a/b", "NetworkPolicy.projectcalico.org a/b"),
            ("GlobalNetworkPolicy/security.guard", "GlobalNetworkPolicy security.guard"),
            ("globalnetworkpolicies.projectcalico.org/x", "GlobalNetworkPolicy x"),
            ("stagednetworkpolicy/shop/db", "StagedNetworkPolicy shop/db"),
        ] {
            assert_eq!(read(text).as_deref(), Some(policy), "{text}");
        }
        for wrong in ["globalnetworkpolicy/a/b", "tier/a/b", "stagednetworkpolicy/db"] {
            assert_eq!(read(wrong), None, "{wrong}");
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
