//! What users say where the input does not.

use std::collections::BTreeMap;
use std::net::IpAddr;

use ipnet::IpNet;

use crate::cluster::Undeclared;
use crate::diagnostic::Code;
use crate::manifest::syntax;
use crate::net::Family;

/// What the input does not say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// Where addresses of pods lie that the input does not give; none: anywhere.
    pub pod_cidrs: Vec<IpNet>,
    /// Where addresses of nodes lie that the input does not give; none: anywhere.
    pub node_cidrs: Vec<IpNet>,
    /// The one address family that answers about flows and lists are for; none: both.
    pub family: Option<Family>,
    /// The namespace of objects that name none.
    pub default_namespace: String,
    /// What names resolve to that policies ask for: `*.` in front stands for all names below.
    pub domain_names: BTreeMap<String, Vec<IpAddr>>,
    /// Namespaces that are not in the input.
    pub namespaces: Undeclared,
    /// Whether each node has a HostEndpoint for all its interfaces, as Calico's controllers make them
    /// where they are told to.
    pub automatic_hosts: bool,
    /// Findings that are not told; each is of a lint, so that nothing is left out in silence.
    pub ignored_codes: Vec<Code>,
}

impl Options {
    /// The same without findings of these codes.
    #[must_use]
    pub fn ignoring(mut self, codes: Vec<Code>) -> Self {
        self.ignored_codes = codes;
        self
    }

    /// What names resolve to, from texts such as `api.example.com=192.0.2.7`; several of one name
    /// add up.
    #[must_use]
    pub fn with_domain_names(mut self, names: impl IntoIterator<Item = DomainName>) -> Self {
        for DomainName { name, address } in names {
            self.domain_names.entry(name).or_default().push(address);
        }
        self
    }

    /// Labels of namespaces, from texts such as `shop=team=web`; several of one namespace add up.
    #[must_use]
    pub fn with_namespace_labels(mut self, all: impl IntoIterator<Item = NamespaceLabel>) -> Self {
        for NamespaceLabel { namespace, labels } in all {
            let known = self.namespaces.labels.entry(namespace.into()).or_default();
            known.extend(labels.into_iter().map(|(key, value)| (key.into(), value.into())));
        }
        self
    }
}

/// A domain name and an address that it resolves to.
///
/// # Shape
/// As text, `NAME=ADDRESS`; the name may begin with `*.`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DomainName {
    /// The name.
    pub name: String,
    /// One of its addresses.
    pub address: IpAddr,
}

impl std::str::FromStr for DomainName {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let form = "NAME=ADDRESS expected, for example api.example.com=192.0.2.7";
        let (name, address) = text.split_once('=').ok_or(form)?;
        let address =
            address.parse().map_err(|_| format!("`{address}` is not a valid address: {form}"))?;
        if name.is_empty() {
            return Err(form.into());
        }
        Ok(Self { name: name.to_owned(), address })
    }
}

/// Labels of a namespace that is not in the input.
///
/// # Shape
/// As text, `NAMESPACE=KEY=VALUE`, with more of `KEY=VALUE` behind commas, or with none for a
/// namespace that has no labels.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NamespaceLabel {
    /// The namespace.
    pub namespace: String,
    /// Its labels: keys and values.
    pub labels: Vec<(String, String)>,
}

impl std::str::FromStr for NamespaceLabel {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let form = "NAMESPACE=KEY=VALUE expected, for example monitoring=team=ops";
        let (namespace, labels) = text.split_once('=').ok_or(form)?;
        if !syntax::is_dns_label(namespace) {
            return Err(format!("`{namespace}` is not a valid namespace: {form}"));
        }
        let labels = labels.split(',').filter(|label| !label.is_empty());
        let labels = labels.map(|label| match label.split_once('=') {
            Some((key, value)) => label_of(key, value),
            None => Err(form.into()),
        });
        Ok(Self { namespace: namespace.to_owned(), labels: labels.collect::<Result<_, _>>()? })
    }
}

fn label_of(key: &str, value: &str) -> Result<(String, String), String> {
    if let Some(why) = syntax::label_key_fault(key) {
        return Err(format!("`{key}` is not a valid label key: {why}"));
    }
    if let Some(why) = syntax::label_value_fault(value) {
        return Err(format!("`{value}` is not a valid label value: {why}"));
    }
    Ok((key.to_owned(), value.to_owned()))
}

impl Default for Options {
    fn default() -> Self {
        Self {
            pod_cidrs: Vec::new(),
            node_cidrs: Vec::new(),
            family: None,
            default_namespace: "default".into(),
            domain_names: BTreeMap::new(),
            namespaces: Undeclared::default(),
            automatic_hosts: false,
            ignored_codes: Vec::new(),
        }
    }
}
