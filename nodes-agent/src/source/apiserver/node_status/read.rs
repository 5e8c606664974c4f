//! Reading status objects, for who waits.

use std::time::Duration;

use kube::client::Body;
use serde_json::Value;
use tokio::runtime::Runtime;

use super::super::connections::Connections;
use super::super::request::{WatchError, encoded, json_of};
use super::super::{ApiServer, Patience, runtime};
use super::NODE_STATUSES;

/// Who reads status objects, one at a time.
pub struct StatusReader {
    runtime: Runtime,
    connections: Connections,
    patience: Patience,
}

impl StatusReader {
    /// Of a server.
    ///
    /// # Errors
    /// If it is not known how to reach it.
    pub fn connect(server: &ApiServer) -> anyhow::Result<Self> {
        let runtime = runtime()?;
        let connections = runtime.block_on(server.connections())?;
        Ok(Self { runtime, connections, patience: server.patience })
    }

    /// The object of a node; none if there is none, or no such kind. Else why the server did not
    /// give it within a time.
    ///
    /// # Errors
    /// If it may not be read.
    pub fn read(
        &self,
        node: &str,
        within: Duration,
    ) -> anyhow::Result<Result<Option<Value>, String>> {
        let path = format!("{NODE_STATUSES}/{}", encoded(node));
        let request = http::Request::get(path).body(Body::empty())?;
        let asked = async {
            tokio::time::timeout(within, json_of(&self.connections, request, self.patience)).await
        };
        match self.runtime.block_on(asked) {
            Ok(Ok(object)) => Ok(Ok(Some(object))),
            Ok(Err(error)) if error.is_absent() => Ok(Ok(None)),
            Ok(Err(error)) if error.is_forbidden() => Err(error.into()),
            Ok(Err(WatchError::Request(error))) => Err(error.into()),
            Ok(Err(error)) => Ok(Err(format!("the API server does not say: {error}"))),
            Err(_) => Ok(Err("the API server did not answer in time".into())),
        }
    }
}

impl std::fmt::Debug for StatusReader {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("StatusReader")
    }
}
