//! A server that counts.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot::{Receiver, Sender, channel};
use tokio::time::sleep;

/// Lists at a time, and how long one takes: 500 a second.
const SEATS: i64 = 20;
const LIST: Duration = Duration::from_millis(40);

/// Pods, about a kilobyte each; of the other kinds there is one object.
const PODS: usize = 100;

/// A server in a thread of its own.
pub struct Server {
    /// Where it listens.
    pub address: SocketAddr,
    state: Arc<State>,
    stop: Sender<()>,
    thread: JoinHandle<()>,
}

/// What it was asked.
#[derive(Clone, Copy, Debug, Default)]
pub struct Counts {
    lists: u64,
    plain_lists: u64,
    watches: u64,
    others: u64,
    refused: u64,
    expired: u64,
    bytes: u64,
    /// In the second that had most; the second that is being counted, and how many it has.
    most: u64,
    second: (u64, u64),
    /// When the last list ended.
    last_list: Duration,
    open: u64,
}

struct State {
    /// What is not of this version has expired.
    version: u32,
    begun: Instant,
    free: AtomicI64,
    counts: Mutex<Counts>,
}

impl Server {
    /// A server at an address, or at a port of its own, that knows all since a version.
    pub fn start(address: Option<SocketAddr>, version: u32) -> io::Result<Self> {
        let any = SocketAddr::from(([127, 0, 0, 1], 0));
        let listener = std::net::TcpListener::bind(address.unwrap_or(any))?;
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let (begun, free) = (Instant::now(), AtomicI64::new(SEATS));
        let state = Arc::new(State { version, begun, free, counts: Mutex::default() });
        let (stop, stopped) = channel();
        let serving = Arc::clone(&state);
        let thread = std::thread::spawn(move || {
            // All connections end with the runtime.
            let _ = runtime.block_on(serve(listener, serving, stopped));
        });
        Ok(Self { address, state, stop, thread })
    }

    /// Ends all connections; what was asked.
    pub fn stop(self) -> Counts {
        let _ = self.stop.send(());
        let _ = self.thread.join();
        let counts = self.state.counts.lock().unwrap_or_else(PoisonError::into_inner);
        *counts
    }
}

async fn serve(
    listener: std::net::TcpListener,
    state: Arc<State>,
    mut stopped: Receiver<()>,
) -> io::Result<()> {
    let listener = TcpListener::from_std(listener)?;
    loop {
        tokio::select! {
            _ = &mut stopped => return Ok(()),
            accepted = listener.accept() => {
                let state = Arc::clone(&state);
                tokio::spawn(async move { state.answer(accepted?.0).await });
            }
        }
    }
}

impl State {
    fn count(&self, change: impl FnOnce(&mut Counts)) {
        change(&mut self.counts.lock().unwrap_or_else(PoisonError::into_inner));
    }

    async fn answer(&self, mut stream: TcpStream) -> io::Result<()> {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            if stream.read_buf(&mut head).await? == 0 {
                return Ok(());
            }
        }
        let head = String::from_utf8_lossy(&head).into_owned();
        let target = head.split(' ').nth(1).unwrap_or_default();
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let second = self.begun.elapsed().as_secs();
        self.count(|counts| counts.asked(second));
        match (query.contains("watch=1"), query.contains("sendInitialEvents")) {
            _ if !path.contains("/api/v1/") && !path.contains("networkpolicies") => {
                self.count(|counts| counts.others += 1);
                self.send(&mut stream, ("404 Not Found", ""), "").await
            }
            (true, false) => self.watch(stream, query).await,
            (_, streamed) => self.list(stream, path, streamed).await,
        }
    }

    async fn watch(&self, mut stream: TcpStream, query: &str) -> io::Result<()> {
        self.count(|counts| counts.watches += 1);
        if !query.contains(&format!("resourceVersion={}&", self.version))
            && !query.ends_with(&format!("resourceVersion={}", self.version))
        {
            self.count(|counts| counts.expired += 1);
            return self.send(&mut stream, ("410 Gone", ""), "").await;
        }
        self.send(&mut stream, ("200 OK", ""), "").await?;
        self.hold(stream).await
    }

    async fn list(&self, mut stream: TcpStream, path: &str, streamed: bool) -> io::Result<()> {
        self.count(|counts| if streamed { counts.lists += 1 } else { counts.plain_lists += 1 });
        if self.free.fetch_sub(1, Ordering::Relaxed) <= 0 {
            self.free.fetch_add(1, Ordering::Relaxed);
            self.count(|counts| counts.refused += 1);
            return self.send(&mut stream, ("429 Busy", "Retry-After: 1\r\n"), "").await;
        }
        sleep(LIST).await;
        self.free.fetch_add(1, Ordering::Relaxed);
        let count = if path.ends_with("/pods") { PODS } else { 1 };
        let text = if streamed { self.lines(count) } else { self.page(count) };
        self.send(&mut stream, ("200 OK", ""), &text).await?;
        let now = self.begun.elapsed();
        self.count(|counts| counts.last_list = now);
        if streamed { self.hold(stream).await } else { Ok(()) }
    }

    fn object(&self, number: usize) -> String {
        let (version, note) = (self.version, "x".repeat(800));
        format!(
            r#"{{"metadata":{{"name":"o{number}","namespace":"n","resourceVersion":"{version}","annotations":{{"note":"{note}"}}}}}}"#
        )
    }

    fn lines(&self, count: usize) -> String {
        let line = |number| format!("{{\"type\":\"ADDED\",\"object\":{}}}\n", self.object(number));
        let lines: String = (0..count).map(line).collect();
        let version = self.version;
        format!(
            "{lines}{{\"type\":\"BOOKMARK\",\"object\":{{\"metadata\":{{\"resourceVersion\":\"{version}\",\"annotations\":{{\"k8s.io/initial-events-end\":\"true\"}}}}}}}}\n"
        )
    }

    fn page(&self, count: usize) -> String {
        let items: Vec<String> = (0..count).map(|number| self.object(number)).collect();
        let (version, items) = (self.version, items.join(","));
        format!("{{\"metadata\":{{\"resourceVersion\":\"{version}\"}},\"items\":[{items}]}}")
    }

    async fn send(
        &self,
        stream: &mut TcpStream,
        (status, more): (&str, &str),
        body: &str,
    ) -> io::Result<()> {
        let head = format!(
            "HTTP/1.1 {status}\r\nContent-Type: application/json\r\nConnection: close\r\n{more}\r\n"
        );
        let text = head + body;
        self.count(|counts| counts.bytes += u64::try_from(text.len()).unwrap_or(0));
        stream.write_all(text.as_bytes()).await
    }

    /// Keeps a watch on which nothing happens.
    async fn hold(&self, mut stream: TcpStream) -> io::Result<()> {
        self.count(|counts| counts.open += 1);
        let ended = stream.read_u8().await;
        self.count(|counts| counts.open -= 1);
        ended.map(|_| ())
    }
}

impl Counts {
    fn asked(&mut self, second: u64) {
        let before = if self.second.0 == second { self.second.1 } else { 0 };
        self.second = (second, before + 1);
        self.most = self.most.max(before + 1);
    }
}

impl fmt::Display for Counts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let all = self.lists + self.plain_lists + self.watches + self.others;
        write!(
            f,
            "{all} requests, {} in the busiest second: {} streamed and {} plain lists, {} watches, \
             {} others; {} answered by 429, {} by 410; {:.1} MB; {} watches open; last list after \
             {:.1} s",
            self.most,
            self.lists,
            self.plain_lists,
            self.watches,
            self.others,
            self.refused,
            self.expired,
            self.megabytes(),
            self.open,
            self.last_list.as_secs_f64(),
        )
    }
}

impl Counts {
    #[expect(clippy::cast_precision_loss, reason = "for people")]
    fn megabytes(&self) -> f64 {
        self.bytes as f64 / 1e6
    }
}
