//! Requests to the API server.

use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use http::header::{ACCEPT, RETRY_AFTER};
use http::response::Parts;
use http_body_util::{BodyExt as _, Limited};
use kube::Client;
use kube::client::Body;
use serde_json::Value;
use tokio::time::{sleep, timeout};

use super::credentials::{self, cause, of_credentials, without_passwords};
use crate::args::ClusterArgs;

/// A page or a refusal is not read beyond this.
const MOST_BYTES: usize = 1 << 30;

/// How often a request is made before it counts as failed.
const ATTEMPTS: u32 = 5;

/// The wait after the first failure; it doubles.
const FIRST_WAIT: Duration = Duration::from_millis(500);

/// The longest that a server may ask to wait.
const LONGEST_WAIT: Duration = Duration::from_secs(30);

/// From this version on a server has lists as streams, or says that it has none.
const STREAMS_SINCE: (u32, u32) = (1, 27);

/// An API server.
pub(super) struct Server {
    client: Client,
    /// How long it may take to answer.
    patience: Duration,
    /// How many objects it has given.
    objects: AtomicUsize,
    /// Where it is.
    url: String,
    /// Whether it has ever answered: one that does not exist is not asked again and again.
    has_answered: AtomicBool,
    /// The program that gives credentials, if there is one.
    program: Option<String>,
    /// Whether it has lists as streams.
    streams: AtomicBool,
}

/// Why the server gave nothing.
#[derive(Debug)]
pub(super) enum Failure {
    /// It refused.
    Refused { code: u16, message: String, wait: Option<Duration> },
    /// It was not reached, or said nothing that makes sense.
    Broken(String),
}

/// What to do where a list is not to be had as a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum OfStream {
    /// No list is.
    NeverAgain,
    /// This one may be had in pages.
    InPages,
    /// It is not to be had in pages either.
    NorInPages,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused { code: 401, .. } => f.write_str(
                "the API server does not accept the credentials (401): sign in again, or choose \
                 another context with --context",
            ),
            Self::Refused { code, message, .. } => {
                write!(f, "the API server answered {code}: {message}")
            }
            Self::Broken(why) => f.write_str(why),
        }
    }
}

impl Failure {
    /// Whether there is no such thing.
    pub(super) fn is_absent(&self) -> bool {
        matches!(self, Self::Refused { code: 404 | 405, .. })
    }

    /// What a failed stream says of lists: that the server has none, that this one is to be had in
    /// pages, or that pages would fail in the same way.
    pub(super) fn of_stream(&self) -> OfStream {
        match self {
            Self::Refused { code: 400 | 422, .. } | Self::Broken(_) => OfStream::NeverAgain,
            Self::Refused { code: 401 | 404 | 405, .. } => OfStream::NorInPages,
            // Who may list need not be allowed to watch.
            Self::Refused { .. } => OfStream::InPages,
        }
    }

    /// Whether the list that was begun cannot be gone on with.
    pub(super) fn is_expired(&self) -> bool {
        matches!(self, Self::Refused { code: 410, .. })
    }

    /// How long to wait before another attempt, if one may help.
    fn wait(&self, attempt: u32) -> Option<Duration> {
        let doubled = FIRST_WAIT.saturating_mul(1 << attempt.min(8));
        match self {
            Self::Refused { code: 429 | 500.., wait, .. } => {
                Some(wait.unwrap_or(doubled).max(doubled).min(LONGEST_WAIT))
            }
            Self::Broken(_) => Some(doubled),
            Self::Refused { .. } => None,
        }
    }
}

impl Server {
    /// The server of a context, and the context's namespace.
    ///
    /// # Errors
    /// If there is no kubeconfig, or it makes no client: a sentence with what to do.
    pub(super) async fn connect(args: &ClusterArgs) -> Result<(Self, String), String> {
        let mut config = credentials::config(args).await?;
        config.connect_timeout = Some(Duration::from_secs(10));
        config.read_timeout = None;
        // Requests are made again here, where the answer is known.
        config.default_retry = false;
        let (namespace, url) = (config.default_namespace.clone(), config.cluster_url.to_string());
        let url = without_passwords(&url).trim_end_matches('/').to_owned();
        let url = match &config.proxy_url {
            Some(proxy) => {
                format!("{url} by way of the proxy {}", without_passwords(&proxy.to_string()))
            }
            None => url,
        };
        credentials::trim_token_file(&mut config);
        let program = credentials::program(&config);
        let client = credentials::client(config)?;
        let patience = Duration::from_secs(args.request_seconds);
        let (has_answered, streams) = (AtomicBool::new(false), AtomicBool::new(false));
        let objects = AtomicUsize::new(0);
        Ok((Self { client, patience, objects, url, has_answered, program, streams }, namespace))
    }

    /// Waits until it is ready: one that has just begun does not know yet which kinds it has.
    ///
    /// # Errors
    /// If it says that it is not, and goes on saying so.
    pub(super) async fn wait_until_ready(&self) -> Result<(), Failure> {
        let mut attempt = 0;
        loop {
            let asked = timeout(self.patience, self.send("/readyz", "text/plain")).await;
            let status = match asked {
                Ok(Ok((head, _))) => head.status,
                // Whoever does not say it is asked for more, and says then what is wrong.
                _ => return Ok(()),
            };
            if !status.is_server_error() {
                return Ok(());
            }
            let failure = Failure::Refused {
                code: status.as_u16(),
                message: "it is not ready: see /readyz".into(),
                wait: None,
            };
            attempt += 1;
            match failure.wait(attempt - 1) {
                Some(wait) if attempt < ATTEMPTS => sleep(wait).await,
                _ => return Err(failure),
            }
        }
    }

    /// How many objects have come.
    pub(super) fn objects(&self) -> usize {
        self.objects.load(Ordering::Relaxed)
    }

    /// Counts objects that have come.
    pub(super) fn count(&self, objects: usize) {
        self.objects.fetch_add(objects, Ordering::Relaxed);
    }

    /// Counts less: what had come is asked for again.
    pub(super) fn discount(&self, objects: usize) {
        self.objects.fetch_sub(objects, Ordering::Relaxed);
    }

    /// How long it may take to answer.
    pub(super) fn patience(&self) -> Duration {
        self.patience
    }

    /// Finds out whether it has lists as streams. Where it does not say, it has none: an old one
    /// would take the question for another one, and never end.
    pub(super) async fn learn_streams(&self) {
        let version = self.get_once("/version", "application/json").await.unwrap_or_default();
        let number = |name: &str| {
            let text = version.get(name)?.as_str()?;
            text.trim_end_matches(|letter: char| !letter.is_ascii_digit()).parse::<u32>().ok()
        };
        let has = number("major").zip(number("minor")).is_some_and(|own| own >= STREAMS_SINCE);
        self.streams.store(has, Ordering::Relaxed);
    }

    /// Whether it has lists as streams.
    pub(super) fn streams(&self) -> bool {
        self.streams.load(Ordering::Relaxed)
    }

    /// It has none, whatever its version.
    pub(super) fn never_streams(&self) {
        self.streams.store(false, Ordering::Relaxed);
    }

    /// What is at a path, as JSON. The request is made again where that may help.
    ///
    /// # Errors
    /// If the server refuses, or does not answer.
    pub(super) async fn get(&self, path: &str, accept: &str) -> Result<Value, Failure> {
        let mut attempt = 0;
        loop {
            let failure = match self.get_once(path, accept).await {
                Ok(value) => return Ok(value),
                Err(failure @ Failure::Broken(_)) if !self.has_answered() => return Err(failure),
                Err(failure) => failure,
            };
            attempt += 1;
            match failure.wait(attempt - 1) {
                Some(wait) if attempt < ATTEMPTS => sleep(wait).await,
                _ => return Err(failure),
            }
        }
    }

    async fn get_once(&self, path: &str, accept: &str) -> Result<Value, Failure> {
        let bytes = timeout(self.patience, self.bytes(path, accept)).await;
        let bytes = bytes.map_err(|_| self.silent())??;
        let parse = tokio::task::spawn_blocking(move || serde_json::from_slice(&bytes));
        let parsed = parse.await.map_err(|error| Failure::Broken(error.to_string()))?;
        parsed.map_err(|error| Failure::Broken(format!("its answer is not JSON: {error}")))
    }

    /// The body of an answer that goes on and on.
    ///
    /// # Errors
    /// If the server refuses, or does not begin to answer.
    pub(super) async fn open(&self, path: &str, accept: &str) -> Result<Body, Failure> {
        let opened = timeout(self.patience, self.send(path, accept)).await;
        let (head, body) = opened.map_err(|_| self.silent())??;
        match head.status.is_success() {
            true => Ok(body),
            false => Err(refusal(&head, &collected(body).await?)),
        }
    }

    fn has_answered(&self) -> bool {
        self.has_answered.load(Ordering::Relaxed)
    }

    fn silent(&self) -> Failure {
        Failure::Broken(format!(
            "the API server has not answered within {} s: see --request-seconds",
            self.patience.as_secs()
        ))
    }

    async fn bytes(&self, path: &str, accept: &str) -> Result<Vec<u8>, Failure> {
        let (head, body) = self.send(path, accept).await?;
        let bytes = collected(body).await?;
        if head.status.is_success() { Ok(bytes) } else { Err(refusal(&head, &bytes)) }
    }

    async fn send(&self, path: &str, accept: &str) -> Result<(Parts, Body), Failure> {
        let request = http::Request::get(path).header(ACCEPT, accept).body(Body::empty());
        let request = request.map_err(|error| Failure::Broken(error.to_string()))?;
        let answer = self.client.send(request).await;
        let answer = answer.map_err(|error| {
            let url = &self.url;
            match of_credentials(&error, self.program.as_deref()) {
                Some(why) => Failure::Broken(why),
                None => {
                    let why = without_passwords(&cause(&error));
                    Failure::Broken(format!("cannot reach the API server at {url}: {why}"))
                }
            }
        })?;
        self.has_answered.store(true, Ordering::Relaxed);
        Ok(answer.into_parts())
    }
}

async fn collected(body: Body) -> Result<Vec<u8>, Failure> {
    let body = Limited::new(body, MOST_BYTES).collect().await;
    let body = body.map_err(|error| Failure::Broken(format!("the answer broke off: {error}")))?;
    Ok(body.to_bytes().to_vec())
}

fn refusal(head: &Parts, bytes: &[u8]) -> Failure {
    let known: Option<Value> = serde_json::from_slice(bytes).ok();
    let message = known.as_ref().and_then(|known| known.get("message")?.as_str());
    let message = message.map_or_else(|| head.status.to_string(), str::to_owned);
    let wait = head.headers.get(RETRY_AFTER).and_then(|wait| wait.to_str().ok()?.parse().ok());
    let wait = wait.map(Duration::from_secs);
    Failure::Refused { code: head.status.as_u16(), message, wait }
}
