//! Requests to the API server.

use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use http::header::{ACCEPT, RETRY_AFTER};
use http::response::Parts;
use http_body_util::{BodyExt as _, Limited};
use kube::client::{AuthError, Body};
use kube::config::{KubeConfigOptions, Kubeconfig, KubeconfigError};
use kube::{Client, Config};
use serde_json::Value;
use tokio::time::{sleep, timeout};

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
        let mut config = config(args).await?;
        config.connect_timeout = Some(Duration::from_secs(10));
        config.read_timeout = None;
        // Requests are made again here, where the answer is known.
        config.default_retry = false;
        let (namespace, url) = (config.default_namespace.clone(), config.cluster_url.to_string());
        let url = without_passwords(&url);
        trim_token_file(&mut config);
        let client = client(config)?;
        let patience = Duration::from_secs(args.request_seconds);
        let (has_answered, streams) = (AtomicBool::new(false), AtomicBool::new(false));
        let objects = AtomicUsize::new(0);
        Ok((Self { client, patience, objects, url, has_answered, streams }, namespace))
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
            let url = self.url.trim_end_matches('/');
            match of_credentials(&error) {
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

/// How the server of the context is reached: by the files of `--kubeconfig` or KUBECONFIG, else
/// `~/.kube/config`, else as a pod.
async fn config(args: &ClusterArgs) -> Result<Config, String> {
    let options =
        KubeConfigOptions { context: args.context.clone(), ..KubeConfigOptions::default() };
    let file = match &args.kubeconfig {
        Some(path) => Kubeconfig::read_from(path).map_err(|error| unreadable(&error))?,
        None => match Kubeconfig::read() {
            Ok(file) => file,
            Err(error) => {
                if let (None, Ok(config)) = (&args.context, Config::incluster()) {
                    return Ok(config);
                }
                return Err(format!(
                    "{}: set KUBECONFIG or pass --kubeconfig FILE",
                    unreadable(&error)
                ));
            }
        },
    };
    let known: Vec<String> = file.contexts.iter().map(|context| context.name.clone()).collect();
    if let Some(context) = args.context.as_ref().filter(|context| !known.contains(context)) {
        return Err(match known.as_slice() {
            [] => format!("the kubeconfig has no context, and so none called `{context}`"),
            known => {
                format!("the kubeconfig has no context `{context}`; it has {}", known.join(", "))
            }
        });
    }
    if args.context.is_none() && file.current_context.as_deref().unwrap_or_default().is_empty() {
        return Err(match known.as_slice() {
            [] => "the kubeconfig has no context".into(),
            known => format!(
                "the kubeconfig names no current context: choose one with --context: {}",
                known.join(", ")
            ),
        });
    }
    check_user(&file, &options)?;
    let config = Config::from_custom_kubeconfig(file, &options).await;
    config.map_err(|error| format!("cannot use the kubeconfig: {}", chain(&error)))
}

/// Why a kubeconfig is not read.
fn unreadable(error: &KubeconfigError) -> String {
    match error {
        KubeconfigError::ReadConfig(why, path) => {
            let why = match why.kind() {
                std::io::ErrorKind::NotFound => "no such file".to_owned(),
                std::io::ErrorKind::PermissionDenied => "permission denied".to_owned(),
                _ => why.to_string(),
            };
            format!("cannot read the kubeconfig {}: {why}", path.display())
        }
        error => format!("cannot read the kubeconfig: {}", cause(error)),
    }
}

/// That the user of the context is there: without one a server would be asked as nobody.
fn check_user(file: &Kubeconfig, options: &KubeConfigOptions) -> Result<(), String> {
    let current = options.context.as_ref().or(file.current_context.as_ref());
    let context = file.contexts.iter().find(|one| Some(&one.name) == current);
    let user = context.and_then(|one| one.context.as_ref()?.user.as_ref());
    match user {
        Some(user) if !file.auth_infos.iter().any(|one| one.name == *user) => {
            Err(format!("the kubeconfig has no user `{user}`, whom its context names"))
        }
        _ => Ok(()),
    }
}

/// A token in a file may end with a line break, which is not part of it.
fn trim_token_file(config: &mut Config) {
    let auth = &mut config.auth_info;
    let Some(path) = auth.token_file.as_ref().filter(|_| auth.token.is_none()) else { return };
    // What cannot be read is said by whoever reads it next.
    let Ok(text) = std::fs::read_to_string(path) else { return };
    if text.trim_end() != text {
        auth.token = Some(text.trim_end().to_owned().into());
        auth.token_file = None;
    }
}

/// The client of a configuration.
///
/// # Errors
/// If the credentials are of no use.
fn client(config: Config) -> Result<Client, String> {
    // A token that no header can have would end the program. What is secret shows itself only when
    // it is written.
    let auth = serde_json::to_value(&config.auth_info).unwrap_or_default();
    let token = auth.get("token").and_then(Value::as_str).unwrap_or_default();
    if http::HeaderValue::from_str(token).is_err() {
        return Err("cannot use the kubeconfig: its token has a line break or another character \
                    that no header can have"
            .into());
    }
    Client::try_from(config).map_err(|error| {
        of_credentials(&error)
            .unwrap_or_else(|| format!("cannot use the kubeconfig: {}", chain(&error)))
    })
}

/// What is wrong with credentials, without what a program was given or has printed: secrets.
fn of_credentials(error: &(dyn std::error::Error + 'static)) -> Option<String> {
    let mut causes = std::iter::successors(Some(error), |error| error.source());
    let auth = causes.find_map(|cause| cause.downcast_ref::<AuthError>())?;
    Some(match auth {
        AuthError::AuthExecStart(why) => {
            format!("the credential program of the kubeconfig cannot be run: {}", cause(why))
        }
        AuthError::AuthExecRun { out, .. } => {
            format!("the credential program of the kubeconfig failed: {}", out.status)
        }
        AuthError::AuthExecParse(_) | AuthError::ExecPluginFailed => {
            "the credential program of the kubeconfig printed no credentials".into()
        }
        AuthError::InvalidBearerToken(_) | AuthError::InvalidBasicAuth(_) => {
            "the credentials of the kubeconfig have a character that no header can have".into()
        }
        other => {
            let text = without_passwords(&chain(other));
            match text.contains("oauth") || text.contains("oidc") {
                true => {
                    "the kubeconfig has an `auth-provider`, which kubectl does not take any more \
                         either: use a credential program (`exec`)"
                        .into()
                }
                false => format!("cannot use the credentials of the kubeconfig: {text}"),
            }
        }
    })
}

/// A text with URLs without the users and passwords in them.
fn without_passwords(text: &str) -> String {
    let mut parts = text.split("://");
    let mut out = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let host =
            part.find(|letter: char| matches!(letter, '/' | '?' | '#') || letter.is_whitespace());
        let (host, rest) = part.split_at(host.unwrap_or(part.len()));
        out.push_str("://");
        out.push_str(host.rsplit_once('@').map_or(host, |(_, host)| host));
        out.push_str(rest);
    }
    out
}

/// The last cause of an error, in a line and without the operating system's number.
fn cause(error: &dyn std::error::Error) -> String {
    let mut causes = std::iter::successors(Some(error), |error| error.source());
    let text = causes.by_ref().last().map_or_else(String::new, ToString::to_string);
    let line = text.lines().next().unwrap_or_default();
    line.split(" (os error").next().unwrap_or(line).to_owned()
}

/// An error with its causes, which a client's own text leaves out.
fn chain(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(Some(error), |error| error.source());
    let mut texts: Vec<String> = Vec::new();
    for text in causes.map(ToString::to_string) {
        // Some say their causes themselves.
        if !texts.iter().any(|known| known.contains(&text)) {
            texts.push(text);
        }
    }
    without_passwords(&texts.join(": "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_are_shown_without_passwords() {
        let shown = without_passwords("no http://u:p@a.b:1/x?y@z, nor ftp://u:p%40@c");
        assert_eq!(shown, "no http://a.b:1/x?y@z, nor ftp://c");
    }
}
