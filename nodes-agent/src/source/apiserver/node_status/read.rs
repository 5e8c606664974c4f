//! Reading status objects, for who waits.

use kube::Client;
use kube::client::Body;
use serde_json::Value;
use tokio::runtime::Runtime;

use super::super::request::{WatchError, encoded, json_of};
use super::super::{ApiServer, Patience, runtime};
use super::NODE_STATUSES;

/// Who reads status objects, one at a time.
pub struct StatusReader {
    runtime: Runtime,
    client: Client,
    patience: Patience,
}

impl StatusReader {
    /// Of a server.
    ///
    /// # Errors
    /// If it is not known how to reach it.
    pub fn connect(server: &ApiServer) -> anyhow::Result<Self> {
        let runtime = runtime()?;
        let client = runtime.block_on(server.client())?;
        Ok(Self { runtime, client, patience: server.patience })
    }

    /// The object of a node; none if there is none, or no such kind.
    ///
    /// # Errors
    /// If it may not be read. While the server does not answer there is none.
    pub fn read(&self, node: &str) -> anyhow::Result<Option<Value>> {
        let path = format!("{NODE_STATUSES}/{}", encoded(node));
        let request = http::Request::get(path).body(Body::empty())?;
        match self.runtime.block_on(json_of(&self.client, request, self.patience)) {
            Ok(object) => Ok(Some(object)),
            Err(error) if error.is_forbidden() => Err(error.into()),
            Err(WatchError::Request(error)) => Err(error.into()),
            Err(_) => Ok(None),
        }
    }
}

impl std::fmt::Debug for StatusReader {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("StatusReader")
    }
}
