//! Requests to the API server, and how it refuses them.

use std::time::Duration;

use http_body_util::{BodyExt as _, Limited};
use kube::client::Body;
use portcullis_engine::manifest::Stored;
use serde::Deserialize;
use serde_json::Value;
use tokio::time::timeout;

use super::connections::Connections;
use super::places::{self, Names, Place};
use super::protobuf::{self, Malformed};
use super::{Patience, WatchContext};

/// The longest refusal that is read.
const LONGEST_REFUSAL: usize = 64 << 10;

/// The longest answer that is read as a whole where no list of objects is asked for.
const LONGEST_ANSWER: usize = 4 << 20;

/// How many objects a page has.
const PAGE: u32 = 500;

/// Which list is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ListRequest {
    /// As the server has it in memory, however old: it looks nothing up for that.
    ///
    /// A server takes no notice of a limit then, and with a version and a limit it would look
    /// everything up. So there are no pages; the answer is taken apart while it comes.
    Any,
    /// The same, but of this version or a later one.
    NotOlderThan(String),
    /// The newest, page by page, from a token on. The server reads it from its store.
    Page(Option<String>),
}

/// What is watched.
#[derive(Clone, Copy, Debug)]
pub struct Resource {
    /// The kind of its objects.
    pub kind: Stored,
    /// What operators call it: its name in the API, with the group where two kinds have it.
    pub name: &'static str,
    /// Where the API is that has it.
    base: &'static str,
    /// Its name there.
    plural: &'static str,
    /// Which of its objects count.
    selector: &'static str,
}

/// Why nothing comes from the API server.
#[derive(Debug, thiserror::Error)]
pub enum WatchError {
    /// It cannot be reached, or the connection broke.
    #[error("could not reach the API server: {}", chain(.0))]
    Client(#[from] kube::Error),
    /// It refused.
    #[error("the API server answered {code}: {message}")]
    Refused {
        /// The status.
        code: u16,
        /// Why.
        message: String,
        /// How long to leave it alone.
        retry_after: Option<Duration>,
    },
    /// Nothing came for too long.
    #[error("the API server has been silent for {0} s")]
    Silent(u64),
    /// What came is not what was asked for.
    #[error("the API server's answer could not be read: {0}")]
    Answer(#[from] serde_json::Error),
    /// The same, where protocol buffers came.
    #[error("the API server's answer could not be read: {0}")]
    Frame(#[from] Malformed),
    /// It ended before anything could come.
    #[error("the watch ended as soon as it began")]
    Early,
    /// No request can be made.
    #[error("invalid request: {0}")]
    Request(#[from] http::Error),
    /// The agent has ended.
    #[error("the agent is stopping")]
    Closed,
}

/// An error with its causes, which the client's own text leaves out.
fn chain(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(Some(error), |error| error.source());
    let mut texts: Vec<String> = causes.map(ToString::to_string).collect();
    texts.dedup();
    texts.join(": ")
}

impl WatchError {
    /// Whether what was asked from is too long ago, so that everything is to be listed again.
    pub fn is_expired(&self) -> bool {
        matches!(self, Self::Refused { code: 410, .. })
    }

    /// Whether the server has not yet what is asked to be in the answer.
    pub fn is_ahead_of_server(&self) -> bool {
        // As its own client finds out: the cause that says it is not in every version.
        matches!(self, Self::Refused { code: 504, message, .. }
            if message.contains("Too large resource version"))
    }

    /// Whether what came makes no sense.
    pub fn is_unreadable(&self) -> bool {
        matches!(self, Self::Answer(_) | Self::Frame(_))
    }

    /// How long the server asks to be left alone.
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Refused { retry_after, .. } => *retry_after,
            _ => None,
        }
    }

    /// Whether the server says that there is no such thing.
    pub fn is_absent(&self) -> bool {
        matches!(self, Self::Refused { code: 404, .. })
    }

    /// Whether the agent may not ask.
    pub fn is_forbidden(&self) -> bool {
        matches!(self, Self::Refused { code: 401 | 403, .. })
    }

    /// Whether the server does not know how to stream lists.
    pub fn is_beyond_server(&self) -> bool {
        matches!(self, Self::Refused { code: 400 | 422, .. })
    }
}

/// The part of a `Status` that is used.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Refusal {
    code: u16,
    message: String,
    details: RefusalDetails,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct RefusalDetails {
    retry_after_seconds: u32,
}

impl Refusal {
    /// A refusal with a status, and why.
    pub fn new(code: u16, message: String) -> Self {
        Self { code, message, details: RefusalDetails::default() }
    }
}

impl From<Refusal> for WatchError {
    fn from(Refusal { code, message, details }: Refusal) -> Self {
        let seconds = Some(details.retry_after_seconds).filter(|seconds| *seconds > 0);
        let retry_after = seconds.map(|seconds| Duration::from_secs(seconds.into()));
        Self::Refused { code, message, retry_after }
    }
}

impl Resource {
    /// What is asked for objects of a kind; of one that may be in several places, in the first.
    pub fn of(kind: Stored) -> Self {
        let (base, name, selector) = match kind {
            // Finished pods are nobody. One that finishes is told as one that is deleted.
            Stored::Pod => (
                "/api/v1",
                "pods",
                "&fieldSelector=status.phase%21%3DSucceeded%2Cstatus.phase%21%3DFailed",
            ),
            Stored::Namespace => ("/api/v1", "namespaces", ""),
            Stored::Node => ("/api/v1", "nodes", ""),
            Stored::Account => ("/api/v1", "serviceaccounts", ""),
            Stored::Policy => ("/apis/networking.k8s.io/v1", "networkpolicies", ""),
            Stored::ClusterPolicy | Stored::Calico(_) => {
                return places::of(kind).first().map_or_else(
                    || Self { kind, name: "", base: "", plural: "", selector: "" },
                    |place| Self::at(kind, *place),
                );
            }
        };
        Self { kind, name, base, plural: name, selector }
    }

    /// What is asked for objects of a kind where it is served.
    pub fn at(kind: Stored, place: Place) -> Self {
        match places::names(kind) {
            Some(Names { name, plural }) => {
                Self { kind, name, base: place.base, plural, selector: "" }
            }
            None => Self::of(kind),
        }
    }

    /// Whether a server may lack the kind: its definition has to be installed.
    pub fn is_optional(&self) -> bool {
        places::is_optional(self.kind)
    }

    /// The list of all, or a page of it.
    pub fn list(&self, which: &ListRequest) -> String {
        let Self { base, plural, selector, .. } = self;
        let path = format!("{base}/{plural}");
        match which {
            ListRequest::Any => format!("{path}?resourceVersion=0{selector}"),
            ListRequest::NotOlderThan(version) => {
                let version = encoded(version);
                let which = format!("resourceVersion={version}&resourceVersionMatch=NotOlderThan");
                format!("{path}?{which}{selector}")
            }
            ListRequest::Page(None) => format!("{path}?limit={PAGE}{selector}"),
            ListRequest::Page(Some(from)) => {
                format!("{path}?limit={PAGE}{selector}&continue={}", encoded(from))
            }
        }
    }

    /// What changes from a version on; without one, all that there is comes first.
    pub fn watch(&self, from: Option<&str>, seconds: u64) -> String {
        let Self { base, plural, selector, .. } = self;
        let path = format!("{base}/{plural}");
        let begin = match from {
            Some(version) => format!("resourceVersion={}", encoded(version)),
            None => "sendInitialEvents=true&resourceVersionMatch=NotOlderThan".to_owned(),
        };
        format!(
            "{path}?watch=1&allowWatchBookmarks=true&timeoutSeconds={seconds}&{begin}{selector}"
        )
    }
}

/// A text as a part of a URL.
pub fn encoded(text: &str) -> String {
    let letter = |byte: u8| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => {
            char::from(byte).to_string()
        }
        other => format!("%{other:02X}"),
    };
    text.bytes().map(letter).collect()
}

/// How an answer may be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// JSON; a watch is lines of it.
    Json,
    /// Protocol buffers; a watch is frames of them.
    Protobuf,
}

impl Form {
    /// What is asked for. Who cannot write protocol buffers writes JSON.
    fn accept(self) -> String {
        match self {
            Self::Json => "application/json".to_owned(),
            Self::Protobuf => format!("{},application/json", protobuf::MEDIA_TYPE),
        }
    }

    /// What came.
    fn of(headers: &http::HeaderMap) -> Self {
        let kind = headers.get(http::header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
        let protobuf = kind.is_some_and(|kind| kind.starts_with(protobuf::MEDIA_TYPE));
        if protobuf { Self::Protobuf } else { Self::Json }
    }
}

/// The answer to a request, and how it is written.
pub async fn ask(
    connections: &Connections,
    path: &str,
    (form, patience): (Form, Patience),
) -> Result<(Form, Body), WatchError> {
    let request = http::Request::get(path).header(http::header::ACCEPT, form.accept());
    let (head, body) = send(connections, request.body(Body::empty())?, patience).await?;
    Ok((Form::of(&head.headers), body))
}

/// What is at a path, as JSON.
pub async fn json(context: &WatchContext, path: &str) -> Result<Value, WatchError> {
    json_of(&context.connections, http::Request::get(path).body(Body::empty())?, context.patience)
        .await
}

/// The answer to a request of any kind, as JSON.
pub async fn json_of(
    connections: &Connections,
    request: http::Request<Body>,
    patience: Patience,
) -> Result<Value, WatchError> {
    let (_, body) = send(connections, request, patience).await?;
    let read = Limited::new(body, LONGEST_ANSWER).collect();
    let read = spoken(connections, patience.answer, read).await?;
    let bytes = read.map(http_body_util::Collected::to_bytes).unwrap_or_default();
    Ok(serde_json::from_slice(&bytes)?)
}

/// The answer to a request of any kind.
pub async fn send(
    connections: &Connections,
    request: http::Request<Body>,
    patience: Patience,
) -> Result<(http::response::Parts, Body), WatchError> {
    let wait = patience.connect + patience.answer;
    let client = connections.client();
    let (head, body) = spoken(connections, wait, client.send(request)).await??.into_parts();
    if head.status.is_success() {
        return Ok((head, body));
    }
    let read = Limited::new(body, LONGEST_REFUSAL).collect();
    let text = timeout(patience.answer, read).await;
    let text =
        text.ok().and_then(Result::ok).map(http_body_util::Collected::to_bytes).unwrap_or_default();
    let known = protobuf::refusal(&text).or_else(|| serde_json::from_slice(&text).ok());
    let message = known.map_or_else(|| head.status.to_string(), |refusal| refusal.message);
    let retry_after = retry_after(&head.headers);
    Err(WatchError::Refused { code: head.status.as_u16(), message, retry_after })
}

/// What the server says in time. Connections to a server that has been silent are left.
pub async fn spoken<T>(
    connections: &Connections,
    within: Duration,
    answer: impl Future<Output = T>,
) -> Result<T, WatchError> {
    timeout(within, answer).await.map_err(|_| {
        connections.renew();
        WatchError::Silent(within.as_secs())
    })
}

/// How long a server asks to be left alone. A date instead is not understood: API servers send none.
fn retry_after(headers: &http::HeaderMap) -> Option<Duration> {
    let seconds = headers.get(http::header::RETRY_AFTER)?.to_str().ok()?.trim().parse().ok()?;
    Some(Duration::from_secs(seconds))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_are_encoded() {
        let all = Resource::of(Stored::Namespace);
        let list = |which: ListRequest| all.list(&which);
        let path = "/api/v1/namespaces";
        assert_eq!(list(ListRequest::Any), format!("{path}?resourceVersion=0"));
        assert_eq!(
            list(ListRequest::NotOlderThan("7".into())),
            format!("{path}?resourceVersion=7&resourceVersionMatch=NotOlderThan")
        );
        assert_eq!(list(ListRequest::Page(None)), format!("{path}?limit=500"));
        assert_eq!(
            list(ListRequest::Page(Some("a+/=".into()))),
            format!("{path}?limit=500&continue=a%2B%2F%3D")
        );
        assert!(all.watch(Some("17"), 5).ends_with("timeoutSeconds=5&resourceVersion=17"));
    }
}
