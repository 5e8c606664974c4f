//! Connections that are reset, held, slow or too long.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::process::{Child, Command, Stdio};

use rustix::net::sockopt::set_socket_linger;
use rustix::process::{Resource, Rlimit, setrlimit};

use super::{connect, get, start, wait};

/// What makes the test program a server with few files; how many.
const FILES: &str = "PORTCULLIS_TEST_FILES";

fn metric(address: SocketAddr, name: &str) -> f64 {
    let text = get(address, "/metrics");
    let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    line.unwrap_or_else(|| panic!("no {name} in {text}")).parse().unwrap()
}

/// Closes a connection by a reset.
fn reset(stream: TcpStream) {
    set_socket_linger(&stream, Some(std::time::Duration::ZERO)).unwrap();
    drop(stream);
}

#[test]
fn resets_do_not_end_it() {
    let (address, _) = start(|_| {});
    for round in 0..6_000 {
        let mut stream = connect(address);
        if round % 3 > 0 {
            let _ = stream.write_all(b"GET /metrics HTTP/1.1\r\nHost: a\r\n");
        }
        if round % 3 > 1 {
            let _ = stream.write_all(b"\r\n");
        }
        reset(stream);
    }
    assert!(get(address, "/healthz").ends_with("ok\n"));
}

/// A server in a process of its own, which may open few files.
struct Limited {
    child: Child,
    address: SocketAddr,
}

impl Limited {
    fn start(files: u64) -> Self {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args(["--exact", "floods::a_server_with_few_files", "--nocapture"]);
        command.env(FILES, files.to_string()).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut addresses = lines.map_while(Result::ok).filter_map(|line| {
            line.split_once("serving at ").and_then(|(_, address)| address.parse().ok())
        });
        let address = addresses.next().unwrap();
        Self { child, address }
    }
}

impl Drop for Limited {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Not a test of its own, but what [`Limited`] runs.
#[test]
fn a_server_with_few_files() {
    let Ok(files) = std::env::var(FILES) else { return };
    let files = files.parse().ok();
    setrlimit(Resource::Nofile, Rlimit { current: files, maximum: files }).unwrap();
    let (address, _status) = start(|_| {});
    println!("serving at {address}");
    // Until the other process ends, if it does not end this one before.
    let _ = std::io::stdin().read(&mut [0]);
}

#[test]
fn idle_connections_make_room() {
    // So few files that connections cannot even be accepted for a while: its eighth is three.
    for (files, connections) in [(24, 300), (128, 2_000)] {
        let mut limited = Limited::start(files);
        let idle: Vec<_> = (0..connections).map(|_| connect(limited.address)).collect();
        assert!(get(limited.address, "/healthz").ends_with("ok\n"));
        assert!(limited.child.try_wait().unwrap().is_none());
        let dropped = metric(limited.address, "portcullis_http_connections_dropped_total");
        assert!(dropped > 200.0, "{dropped}");
        drop(idle);
    }
}

#[test]
fn slow_requests_and_readers_do_not_keep_others_waiting() {
    let (address, _) = start(|_| {});
    let mut slow: Vec<_> = (0..50).map(|_| connect(address)).collect();
    for byte in b"GET /metr" {
        slow.iter_mut().for_each(|stream| stream.write_all(&[*byte]).unwrap());
        assert!(get(address, "/healthz").ends_with("ok\n"));
    }
    // Each is given up; what it wrote is never answered.
    for stream in &mut slow {
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer);
        assert!(!String::from_utf8_lossy(&answer).starts_with("HTTP/1.1 200"));
    }
}

#[test]
fn long_heads_are_refused() {
    let (address, _) = start(|_| {});
    let mut stream = connect(address);
    let _ = stream.write_all(b"GET /healthz HTTP/1.1\r\nHost: a\r\nX: ");
    let sent = (0..1_000).take_while(|_| stream.write_all(&[b'x'; 1_000]).is_ok()).count();
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    let answer = String::from_utf8_lossy(&answer);
    assert!(sent < 1_000 || answer.is_empty() || answer.starts_with("HTTP/1.1 431"), "{answer}");
    let many: String = (0..500).map(|number| format!("X-{number}: a\r\n")).collect();
    let answer = super::ask(connect(address), "/healthz", &many);
    assert!(answer.starts_with("HTTP/1.1 431 "), "{answer}");
    wait(|| get(address, "/healthz").ends_with("ok\n"));
}
