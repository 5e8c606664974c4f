//! Asking the agent that runs on this node, at the address where it serves its health.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context as _, bail};
use http::header::{AUTHORIZATION, HOST};
use http::{Request, StatusCode};
use http_body_util::{BodyExt as _, Empty, Limited};
use hyper::body::Bytes;
use hyper::client::conn::http1::handshake;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::observe::Endpoint;
use crate::options::Serving;

/// How long the agent may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// The longest answer that is read.
const LONGEST: usize = 64 << 20;

/// Where an agent is asked, and with which token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Question {
    address: SocketAddr,
    token: Option<PathBuf>,
}

impl Question {
    /// For an agent with these options.
    ///
    /// # Errors
    /// If it serves nothing in clear text.
    pub fn of(serving: &Serving) -> anyhow::Result<Self> {
        let mut endpoints = serving.endpoints();
        // Health first: it is never served over TLS.
        endpoints.sort_by_key(|endpoint| !endpoint.paths.has_health());
        let found = Self::first(endpoints);
        found.context("the agent serves nothing that can be asked here: give it --health-listen")
    }

    /// The same, where it serves metrics.
    ///
    /// # Errors
    /// If it serves none in clear text.
    pub fn of_metrics(serving: &Serving) -> anyhow::Result<Self> {
        let mut endpoints = serving.endpoints();
        endpoints.retain(|endpoint| endpoint.paths.has_metrics());
        Self::first(endpoints).context("metrics are served over TLS, or not at all")
    }

    fn first(endpoints: Vec<Endpoint>) -> Option<Self> {
        let endpoint = endpoints.into_iter().find(|endpoint| endpoint.tls.is_none())?;
        Some(Self { address: reached(endpoint.address), token: endpoint.token })
    }

    fn request(&self, path: &str) -> anyhow::Result<Request<Empty<Bytes>>> {
        let mut request = Request::get(path).header(HOST, self.address.to_string());
        if let Some(file) = &self.token {
            let token = std::fs::read_to_string(file)
                .with_context(|| format!("the token in `{}`", file.display()))?;
            request = request.header(AUTHORIZATION, format!("Bearer {}", token.trim()));
        }
        Ok(request.body(Empty::new())?)
    }
}

/// Where the node itself reaches what listens at an address.
fn reached(address: SocketAddr) -> SocketAddr {
    let ip = match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    SocketAddr::new(ip, address.port())
}

/// What an agent answers for a path.
///
/// # Errors
/// If nobody answers, or the answer is a refusal.
pub fn ask(question: &Question, path: &str) -> anyhow::Result<Vec<u8>> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let answer = runtime.block_on(async { timeout(PATIENCE, exchange(question, path)).await });
    let address = question.address;
    let nobody = || format!("no agent answers at {address}: is it running, with these options?");
    let (status, body) =
        answer.context("no answer in time").and_then(|a| a).with_context(nobody)?;
    if status != StatusCode::OK {
        bail!("the agent at {address} answers {status}: {}", String::from_utf8_lossy(&body).trim());
    }
    Ok(body)
}

async fn exchange(question: &Question, path: &str) -> anyhow::Result<(StatusCode, Vec<u8>)> {
    let request = question.request(path)?;
    let stream = TcpStream::connect(question.address).await?;
    let (mut sender, connection) = handshake(TokioIo::new(stream)).await?;
    let connection = tokio::spawn(connection);
    let (head, body) = sender.send_request(request).await?.into_parts();
    let body =
        Limited::new(body, LONGEST).collect().await.map_err(|error| anyhow::anyhow!("{error}"))?;
    connection.abort();
    Ok((head.status, body.to_bytes().to_vec()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_agent_is_asked_where_the_node_reaches_it() {
        let reached = |address: &str| reached(address.parse().unwrap()).to_string();
        assert_eq!(reached("0.0.0.0:9105"), "127.0.0.1:9105");
        assert_eq!(reached("[::]:9105"), "[::1]:9105");
        assert_eq!(reached("192.0.2.1:9105"), "192.0.2.1:9105");
    }
}
