//! `/metrics`, `/healthz` and `/readyz`.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use tiny_http::{Header, Request, Response, Server};

use super::Status;

/// How often a port that is taken is tried again, and after how long. An agent that was killed may
/// leave a tool that it had just begun to start: until that is loaded, it has the agent's port.
const AGAIN: (u32, Duration) = (10, Duration::from_millis(100));

/// Serves an agent's status at an address, from a thread of its own.
///
/// # Errors
/// If the address cannot be listened at.
pub fn serve(address: SocketAddr, status: Arc<Status>) -> anyhow::Result<SocketAddr> {
    let server = listen(address)
        .map_err(|error| anyhow::anyhow!("{error}"))
        .with_context(|| format!("could not serve metrics at {address}"))?;
    let bound = server.server_addr().to_ip().unwrap_or(address);
    std::thread::Builder::new()
        .name("http".into())
        .spawn(move || server.incoming_requests().for_each(|request| answer(request, &status)))
        .context("could not start a thread")?;
    Ok(bound)
}

fn listen(address: SocketAddr) -> Result<Server, Box<dyn std::error::Error + Send + Sync>> {
    for _ in 0..AGAIN.0 {
        if let Ok(server) = Server::http(address) {
            return Ok(server);
        }
        std::thread::sleep(AGAIN.1);
    }
    Server::http(address)
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
        _ => (404, "not found: try /metrics, /healthz or /readyz\n".to_owned()),
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

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;

    #[test]
    fn a_port_is_waited_for() {
        let taken = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = taken.local_addr().unwrap();
        let waiting =
            std::thread::spawn(move || listen(address).map(|server| server.server_addr()));
        std::thread::sleep(AGAIN.1);
        assert!(!waiting.is_finished());
        drop(taken);
        assert_eq!(waiting.join().unwrap().unwrap().to_ip(), Some(address));
    }
}
