//! The server of metrics and health goes on answering, whatever those who reach it do.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "test code"
)]

mod access;
mod diagnose;
mod floods;
mod status;

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use portcullis_agent::observe::{Endpoint, Paths, Status, serve};

/// How long anything may take, on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

fn endpoint(address: &str) -> Endpoint {
    Endpoint { address: address.parse().unwrap(), paths: Paths::All, tls: None, token: None }
}

/// A server at a port of its own.
fn start(change: impl FnOnce(&mut Endpoint)) -> (SocketAddr, Arc<Status>) {
    let (mut endpoint, status) = (endpoint("127.0.0.1:0"), Arc::<Status>::default());
    change(&mut endpoint);
    (serve(endpoint, &status).unwrap(), status)
}

fn connect(address: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream
}

/// The whole answer to a request over a stream.
fn ask(mut stream: impl Read + Write, path: &str, header: &str) -> String {
    write!(stream, "GET {path} HTTP/1.1\r\nHost: agent\r\n{header}\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

fn get(address: SocketAddr, path: &str) -> String {
    ask(connect(address), path, "")
}

#[test]
fn three_paths_are_served() {
    let (address, status) = start(|_| {});
    let answer = get(address, "/healthz");
    assert!(answer.starts_with("HTTP/1.1 200 ") && answer.ends_with("\r\n\r\nok\n"), "{answer}");
    let answer = get(address, "/readyz?verbose");
    assert!(answer.starts_with("HTTP/1.1 503 "), "{answer}");
    assert!(answer.ends_with("nothing has been applied yet\n"), "{answer}");
    status.ready();
    assert!(get(address, "/readyz").ends_with("\r\n\r\nready\n"));
    let answer = get(address, "/metrics");
    assert!(answer.contains("content-type: application/openmetrics-text;"), "{answer}");
    assert!(answer.contains("\nportcullis_ready 1\n") && answer.ends_with("# EOF\n"), "{answer}");
    assert!(get(address, "/").starts_with("HTTP/1.1 404 "));
    let mut stream = connect(address);
    write!(stream, "POST /metrics HTTP/1.1\r\nHost: agent\r\nContent-Length: 0\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 405 "), "{answer}");
}

#[test]
fn health_and_metrics_can_be_apart() {
    let (metrics, _) = start(|endpoint| endpoint.paths = Paths::Metrics);
    let (health, _) = start(|endpoint| endpoint.paths = Paths::Health);
    assert!(get(metrics, "/metrics").starts_with("HTTP/1.1 200 "));
    assert!(get(metrics, "/healthz").starts_with("HTTP/1.1 404 "));
    assert!(get(health, "/healthz").starts_with("HTTP/1.1 200 "));
    assert!(get(health, "/metrics").starts_with("HTTP/1.1 404 "));
}

#[test]
fn a_port_is_waited_for_and_said() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap();
    let status = Arc::<Status>::default();
    status.ready();
    assert_eq!(serve(endpoint(&address.to_string()), &status), None);
    wait(|| status.obstacle().is_some());
    let obstacle = status.obstacle().unwrap();
    let expected = format!("could not serve metrics and health at {address}: ");
    assert!(obstacle.starts_with(&expected), "{obstacle}");
    assert!(status.text().contains("portcullis_degraded{part=\"metrics and health\"} 1"));
    drop(taken);
    wait(|| status.obstacle().is_none());
    assert!(get(address, "/readyz").ends_with("ready\n"));
}

/// Waits until something is so.
fn wait(is_so: impl Fn() -> bool) {
    let start = std::time::Instant::now();
    while !is_so() {
        assert!(start.elapsed() < PATIENCE);
        std::thread::sleep(Duration::from_millis(10));
    }
}
