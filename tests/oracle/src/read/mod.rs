//! Manifests of cases as clusters: as much as cases about Calico's policies need, and an error for
//! everything else.

mod calico;
mod expression;
mod kubernetes;

pub use expression::parse as expression;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::cluster::{Cluster, Labels};

/// Why a manifest cannot be read.
pub type Problem = String;

/// Adds the objects of a text to a cluster.
///
/// # Errors
/// With the first object that has something that is not understood.
pub fn add(cluster: &mut Cluster, text: &str) -> Result<(), Problem> {
    for document in serde_yaml::Deserializer::from_str(text) {
        let value = Value::deserialize(document).map_err(|error| error.to_string())?;
        object(cluster, value.clone()).map_err(|problem| format!("{problem}: {value}"))?;
    }
    Ok(())
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Object {
    api_version: String,
    kind: String,
    metadata: Meta,
    #[serde(default)]
    spec: Value,
    #[serde(default)]
    status: Value,
}

#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Meta {
    name: String,
    #[serde(default)]
    namespace: Option<String>,
    #[serde(default)]
    labels: Option<Labels>,
    #[serde(default)]
    annotations: Labels,
}

impl Meta {
    fn labels(&self) -> Labels {
        self.labels.clone().unwrap_or_default()
    }

    fn namespace(&self) -> String {
        self.namespace.clone().unwrap_or_else(|| "default".into())
    }
}

fn object(cluster: &mut Cluster, value: Value) -> Result<(), Problem> {
    let object: Object = parse(value)?;
    match object.api_version.as_str() {
        "v1" | "networking.k8s.io/v1" | "policy.networking.k8s.io/v1beta1" => {
            kubernetes::add(cluster, object)
        }
        "projectcalico.org/v3" | "crd.projectcalico.org/v1" => calico::add(cluster, object),
        other => Err(format!("`{other}` is not understood")),
    }
}

fn parse<T: DeserializeOwned>(value: Value) -> Result<T, Problem> {
    serde_json::from_value(value).map_err(|error| error.to_string())
}
