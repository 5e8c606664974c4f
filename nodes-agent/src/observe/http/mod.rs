//! The server of `/metrics`, `/healthz` and `/readyz`, and of `/status` for the node itself.
//!
//! Whoever reaches its port may reset connections, hold them, send slowly or not at all. So it has
//! few of them, each for a short time, and makes room for new ones; and it shares nothing with
//! enforcement but [`Status`]: nothing in here may panic, for a panic ends the agent, and what it
//! cannot have (its port, files) it says and tries again.

mod answer;
mod pool;
mod tls;

pub use tls::TlsFiles;

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use rustix::process::{Resource, getrlimit};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Builder;
use tokio::time::{sleep, timeout};

use super::Status;
use pool::{Pool, Progress, Stage};
use tls::Tls;

/// How soon an address that cannot be listened at is tried again, at first and at last. An agent
/// that was killed may leave a tool that it had just begun to start: until that is loaded, it has
/// the agent's port.
const AGAIN: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(10));

/// The most connections at a time. Never more than an eighth of the files that the process may
/// open: the tools need some, too.
const MOST: usize = 64;

/// How long a handshake of TLS may take.
const HANDSHAKE: Duration = Duration::from_secs(3);

/// How long a request's head may take, and everything from its connection to the end of its answer.
const HEAD: Duration = Duration::from_secs(5);
const LONGEST: Duration = Duration::from_secs(10);

/// The longest head of a request, in bytes.
const LONGEST_HEAD: usize = 16 << 10;

/// The pause after a connection could not be accepted, most likely for want of files.
const PAUSE: Duration = Duration::from_millis(10);

/// How soon it is looked again whether the token can be read.
const TOKEN_PAUSE: Duration = Duration::from_secs(2);

/// What is served at an address.
#[derive(Clone, Debug)]
pub struct Endpoint {
    /// The address.
    pub address: SocketAddr,
    /// Which paths.
    pub paths: Paths,
    /// What it is served with over TLS; without, in clear text.
    pub tls: Option<TlsFiles>,
    /// The file of the token that `/metrics` and `/status` ask for; without, they ask for none.
    pub token: Option<PathBuf>,
}

/// Which paths are served.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Paths {
    /// All.
    All,
    /// `/metrics`.
    Metrics,
    /// `/healthz` and `/readyz`.
    Health,
}

impl Paths {
    fn name(self) -> &'static str {
        match self {
            Self::All => "metrics and health",
            Self::Metrics => "metrics",
            Self::Health => "health",
        }
    }

    /// Whether metrics are among them.
    pub fn has_metrics(self) -> bool {
        self != Self::Health
    }

    /// Whether health is among them.
    pub fn has_health(self) -> bool {
        self != Self::Metrics
    }
}

/// Serves an agent's status from a thread of its own; where, unless the address cannot be listened
/// at yet. Then that keeps the agent from being ready, and is tried again and again.
pub fn serve(endpoint: Endpoint, status: &Arc<Status>) -> Option<SocketAddr> {
    let first = std::net::TcpListener::bind(endpoint.address);
    let bound = first.as_ref().ok().and_then(|listener| listener.local_addr().ok());
    let server = Arc::new(Server { endpoint, status: Arc::clone(status) });
    let running = Arc::clone(&server);
    let thread = std::thread::Builder::new().name("http".into());
    if let Err(error) = thread.spawn(move || running.run(first)) {
        server.failed(&error);
    }
    bound
}

/// Who asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Caller {
    /// A process on the node's network.
    Node,
    /// Another, or one of which that is not known.
    Elsewhere,
}

impl Caller {
    /// An address of the node's own is nobody else's: a connection needs answers.
    fn of(stream: &TcpStream) -> Self {
        let ends = stream.peer_addr().and_then(|peer| Ok((peer.ip(), stream.local_addr()?.ip())));
        match ends {
            Ok((peer, own)) if peer.to_canonical().is_loopback() || peer == own => Self::Node,
            _ => Self::Elsewhere,
        }
    }
}

#[derive(Debug)]
struct Server {
    endpoint: Endpoint,
    status: Arc<Status>,
}

impl Server {
    fn run(self: Arc<Self>, first: io::Result<std::net::TcpListener>) -> ! {
        let (mut attempt, mut pause) = (first, AGAIN.0);
        loop {
            let Err(error) = attempt.and_then(|listener| self.serve(listener));
            self.failed(&error);
            std::thread::sleep(pause);
            pause = (pause * 2).min(AGAIN.1);
            attempt = std::net::TcpListener::bind(self.endpoint.address);
        }
    }

    fn failed(&self, error: &io::Error) {
        let Endpoint { address, paths, .. } = &self.endpoint;
        let why = format!("could not serve {} at {address}: {error}", paths.name());
        if self.status.degraded(paths.name(), &why) {
            tracing::error!("{why}; retrying");
        }
    }

    /// Serves for ever.
    fn serve(self: &Arc<Self>, listener: std::net::TcpListener) -> io::Result<Infallible> {
        let tls = self.endpoint.tls.clone().map(Tls::load).transpose()?;
        let runtime = Builder::new_current_thread().enable_all().build()?;
        listener.set_nonblocking(true)?;
        runtime.block_on(async {
            let listener = TcpListener::from_std(listener)?;
            let Endpoint { paths, .. } = self.endpoint;
            let address = listener.local_addr()?;
            tracing::info!(%address, "serving {}", paths.name());
            self.status.restored(paths.name());
            tokio::spawn(Arc::clone(self).watch_token());
            self.accept(listener, tls).await
        })
    }

    /// Keeps looking whether the token can be read.
    async fn watch_token(self: Arc<Self>) {
        while let Some(file) = &self.endpoint.token {
            answer::check_token(file, &self.status);
            sleep(TOKEN_PAUSE).await;
        }
    }

    async fn accept(
        self: &Arc<Self>,
        listener: TcpListener,
        tls: Option<Tls>,
    ) -> io::Result<Infallible> {
        let first = if tls.is_some() { Stage::Handshake } else { Stage::Idle };
        let mut pool = Pool::new(most_connections(), first);
        loop {
            let dropped = match listener.accept().await {
                Ok((stream, peer)) => {
                    let (server, tls) = (Arc::clone(self), tls.as_ref().map(Tls::acceptor));
                    let talk =
                        |progress| tokio::spawn(server.talk(stream, tls, progress)).abort_handle();
                    pool.admit(peer.ip(), talk)
                }
                Err(error) => {
                    tracing::debug!(%error, "could not accept a connection");
                    let dropped = pool.make_room();
                    sleep(PAUSE).await;
                    dropped
                }
            };
            self.status.metrics.http_connections_dropped.inc_by(dropped);
        }
    }

    async fn talk(
        self: Arc<Self>,
        stream: TcpStream,
        tls: Option<tokio_rustls::TlsAcceptor>,
        progress: Progress,
    ) {
        let caller = Caller::of(&stream);
        let talk = async {
            match tls {
                None => self.converse(stream, progress, caller).await,
                Some(tls) => {
                    if let Ok(Ok(stream)) = timeout(HANDSHAKE, tls.accept(stream)).await {
                        progress.set(Stage::Idle);
                        self.converse(stream, progress, caller).await;
                    }
                }
            }
        };
        // Who takes longer than that is not waited for.
        let _ = timeout(LONGEST, talk).await;
    }

    async fn converse(
        &self,
        stream: impl AsyncRead + AsyncWrite + Unpin,
        progress: Progress,
        caller: Caller,
    ) {
        let service = service_fn(|request| {
            progress.set(Stage::Busy);
            let answer = answer::answer(&request, &self.endpoint, (&self.status, caller));
            std::future::ready(Ok::<_, Infallible>(answer))
        });
        let mut http = http1::Builder::new();
        http.timer(TokioTimer::new()).header_read_timeout(HEAD);
        http.keep_alive(false).max_buf_size(LONGEST_HEAD);
        // Who breaks off does not need the answer.
        let _ = http.serve_connection(TokioIo::new(stream), service).await;
    }
}

fn most_connections() -> usize {
    let files = getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX) / 8;
    usize::try_from(files).unwrap_or(MOST).clamp(1, MOST)
}
