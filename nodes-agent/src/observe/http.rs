//! `/metrics`, `/healthz` and `/readyz`.

use std::net::SocketAddr;
use std::sync::Arc;

use anyhow::Context as _;
use tiny_http::{Header, Request, Response, Server};

use super::Status;

/// Serves an agent's status at an address, from a thread of its own.
///
/// # Errors
/// If the address cannot be listened at.
pub fn serve(address: SocketAddr, status: Arc<Status>) -> anyhow::Result<SocketAddr> {
    let server = Server::http(address)
        .map_err(|error| anyhow::anyhow!("{error}"))
        .with_context(|| format!("metrics cannot be served at {address}"))?;
    let bound = server.server_addr().to_ip().unwrap_or(address);
    std::thread::Builder::new()
        .name("http".into())
        .spawn(move || server.incoming_requests().for_each(|request| answer(request, &status)))
        .context("no thread can be started")?;
    Ok(bound)
}

fn answer(request: Request, status: &Status) {
    let path = request.url().split('?').next().unwrap_or_default();
    let (code, text) = match path {
        "/metrics" => (200, status.metrics.text()),
        "/healthz" if status.alive() => (200, "ok\n".to_owned()),
        "/healthz" => (503, "the agent's loop is stuck\n".to_owned()),
        "/readyz" => match status.obstacle() {
            None => (200, "ready\n".to_owned()),
            Some(obstacle) => (503, format!("{obstacle}\n")),
        },
        _ => (404, "there is /metrics, /healthz and /readyz\n".to_owned()),
    };
    let openmetrics = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    let kind = if path == "/metrics" { openmetrics } else { "text/plain; charset=utf-8" };
    let mut response = Response::from_string(text).with_status_code(code);
    if let Ok(header) = Header::from_bytes("Content-Type", kind) {
        response.add_header(header);
    }
    // Who does not wait for the answer does not need it.
    let _ = request.respond(response);
}
