//! What a user says that the manifests do not: where addresses lie, labels of namespaces.

use portcullis_engine::{NamespaceLabel, Options};
use serde::{Deserialize, Serialize};

/// As typed: several of a kind stand apart by blanks or commas, labels by blanks only.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Assume {
    pub pod_cidrs: String,
    pub node_cidrs: String,
    /// `NAMESPACE=KEY=VALUE`.
    pub labels: String,
}

impl Assume {
    pub fn is_empty(&self) -> bool {
        [&self.pod_cidrs, &self.node_cidrs, &self.labels].iter().all(|text| text.trim().is_empty())
    }

    /// The same as options, without what is not valid.
    pub fn options(&self) -> Options {
        let cidrs = |text: &str| words(text).filter_map(|word| word.parse().ok()).collect();
        let labels = self.labels.split_whitespace();
        let labels = labels.filter_map(|word| word.parse::<NamespaceLabel>().ok());
        let options = Options::default().with_namespace_labels(labels);
        Options {
            pod_cidrs: cidrs(&self.pod_cidrs),
            node_cidrs: cidrs(&self.node_cidrs),
            ..options
        }
    }
}

fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split([' ', ',', '\n', '\t']).filter(|word| !word.is_empty())
}

/// The first word that is not a CIDR.
pub fn bad_cidr(text: &str) -> Option<&str> {
    words(text).find(|word| word.parse::<ipnet::IpNet>().is_err())
}

/// What is wrong with labels of namespaces, in the engine's words.
pub fn bad_label(text: &str) -> Option<String> {
    text.split_whitespace().find_map(|word| word.parse::<NamespaceLabel>().err())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_valid_counts_and_what_is_not_is_named() {
        let assume = Assume {
            pod_cidrs: "10.0.0.0/8, fd00::/8 nope".into(),
            labels: "mon=team=ops shop".into(),
            ..Assume::default()
        };
        assert_eq!(assume.options().pod_cidrs.len(), 2);
        assert!(assume.options().namespaces.labels.contains_key("mon"));
        assert_eq!(bad_cidr(&assume.pod_cidrs), Some("nope"));
        assert!(bad_label(&assume.labels).is_some_and(|why| why.contains("NAMESPACE=KEY=VALUE")));
    }
}
