//! The agent's account, as `deploy/` makes it.

use std::fs;
use std::path::{Path, PathBuf};

use kube::Client;
use serde_json::Value;

use crate::{Body, Error, send, token};

/// Where the agent's account is.
pub const AGENT_NAMESPACE: &str = "portcullis";

/// What it is called.
pub const AGENT_ACCOUNT: &str = "portcullis-agent";

/// Namespace, account, role and binding: what the agent needs to be somebody.
const ACCOUNT_FILES: usize = 4;

/// A path under `deploy/`.
pub fn deploy_path(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../deploy").join(path)
}

/// The texts of `deploy/manifests`, in the order in which they are to be created.
///
/// # Errors
/// If they cannot be read.
pub fn deploy_manifests() -> Result<Vec<String>, Error> {
    let folder = deploy_path("manifests");
    let entries = fs::read_dir(&folder).map_err(Error::at(&folder))?;
    let mut files: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
    files.sort();
    let read = |file: &PathBuf| fs::read_to_string(file).map_err(Error::at(file));
    files.iter().map(read).collect()
}

/// Creates the agent's account with its role from `deploy/manifests`, and nothing else.
///
/// # Errors
/// If they cannot be read, or as the API server says.
pub async fn create_agent_account(client: &Client) -> Result<(), Error> {
    for text in deploy_manifests()?.iter().take(ACCOUNT_FILES) {
        let path = collection(&serde_yaml::from_str(text)?)?;
        let answer = send(client, &path, Body::Yaml(text)).await?;
        if answer.status != 201 {
            return Err(Error::Refused(answer.body.to_string()));
        }
    }
    Ok(())
}

/// A token of the agent's account, good for a day: benchmarks take long.
///
/// # Errors
/// As the API server says.
pub async fn agent_token(client: &Client) -> Result<String, Error> {
    token(client, (AGENT_NAMESPACE, AGENT_ACCOUNT), 86_400).await
}

/// Where objects like this one are created.
///
/// # Errors
/// If it names no kind that tests create.
pub fn collection(object: &Value) -> Result<String, Error> {
    let text = |pointer: &str| object.pointer(pointer).and_then(Value::as_str);
    let (Some(version), Some(kind)) = (text("/apiVersion"), text("/kind")) else {
        return Err(Error::Missing("kind"));
    };
    let base = if version == "v1" { "/api" } else { "/apis" };
    let plural = match kind.to_lowercase() {
        kind if kind.ends_with("policy") => kind.trim_end_matches('y').to_owned() + "ies",
        kind => kind + "s",
    };
    Ok(match text("/metadata/namespace") {
        Some(namespace) => format!("{base}/{version}/namespaces/{namespace}/{plural}"),
        None => format!("{base}/{version}/{plural}"),
    })
}
