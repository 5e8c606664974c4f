//! From what the API server writes to what the engine's index takes.

use std::collections::BTreeMap;

use portcullis_engine::diagnostic::{Code, Diagnostic};
use portcullis_engine::live::{Event, Name};
use portcullis_engine::manifest::{Object, Stored};
use portcullis_engine::report::closed_sentence;

use super::request::{Refusal, Resource, WatchError};
use super::{json, protobuf};
use crate::observe::{Complaint, PolicyName, Reporter};

/// What a watch says at once, as it came.
#[derive(Debug)]
pub enum WatchFrame {
    /// A line.
    Json(Vec<u8>),
    /// A frame of protocol buffers.
    Protobuf(protobuf::PodFrame),
}

impl From<protobuf::PodFrame> for WatchFrame {
    fn from(frame: protobuf::PodFrame) -> Self {
        Self::Protobuf(frame)
    }
}

/// What a line of a watch says.
#[derive(Debug)]
pub enum WatchLine {
    /// An object came or went; with its version.
    Object(Event, String),
    /// Nothing but the version.
    Bookmark(String),
    /// The first list is complete; with the version that it is of.
    Listed(String),
}

/// An object of a watch, in whatever form it came. Each is asked one question, once.
pub trait WatchedObject {
    /// The object.
    ///
    /// # Errors
    /// If it does not even say what this side reads of it itself.
    fn read(self, kind: Stored) -> Result<StoredObject, WatchError>;

    /// Only what this side reads of it itself.
    ///
    /// # Errors
    /// If it does not say it.
    fn head(self) -> Result<Head, WatchError>;

    /// A bookmark in the form of an object.
    ///
    /// # Errors
    /// If it is none.
    fn bookmark(self) -> Result<Bookmark, WatchError>;

    /// Why the watch ends.
    ///
    /// # Errors
    /// If it is no refusal.
    fn refusal(self) -> Result<Refusal, WatchError>;
}

/// What this side reads of an object itself: the engine keeps no versions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Head {
    /// Its namespace and name.
    pub name: Name,
    /// Its version.
    pub version: String,
}

/// An object as far as it is understood.
#[derive(Debug)]
pub struct StoredObject {
    /// What this side reads of it itself.
    pub head: Head,
    /// The object; none if it is not understood at all.
    pub object: Option<Object>,
    /// What is not understood.
    pub findings: Vec<Diagnostic>,
}

/// A bookmark.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bookmark {
    version: String,
    ends_list: bool,
}

impl Bookmark {
    /// The bookmark of a version, with its annotations.
    pub fn new(version: String, annotations: &BTreeMap<String, String>) -> Self {
        let end = annotations.get("k8s.io/initial-events-end");
        Self { version, ends_list: end.is_some_and(|end| end == "true") }
    }
}

impl Head {
    /// As operators name it.
    fn shown(&self) -> String {
        let (namespace, name) = &self.name;
        match &**namespace {
            "" => name.to_string(),
            namespace => format!("{namespace}/{name}"),
        }
    }
}

/// What a watch says.
///
/// # Errors
/// If it is not understood, or says what is wrong.
pub fn line(
    frame: &WatchFrame,
    resource: Resource,
    reporter: &Reporter,
) -> Result<WatchLine, WatchError> {
    match frame {
        WatchFrame::Json(text) => {
            let line = json::JsonLine::read(text)?;
            said(&line.sort, line.object, (resource, reporter))
        }
        WatchFrame::Protobuf(frame) => said(&frame.sort, &frame.object, (resource, reporter)),
    }
}

fn said(
    sort: &str,
    object: impl WatchedObject,
    (resource, reporter): (Resource, &Reporter),
) -> Result<WatchLine, WatchError> {
    match sort {
        "ADDED" | "MODIFIED" => {
            let object = object.read(resource.kind)?;
            let version = object.head.version.clone();
            Ok(WatchLine::Object(put(object, resource, reporter), version))
        }
        "DELETED" => {
            let Head { name, version } = object.head()?;
            Ok(WatchLine::Object(Event::Gone(resource.kind, name), version))
        }
        "BOOKMARK" => Ok(match object.bookmark()? {
            Bookmark { version, ends_list: true } => WatchLine::Listed(version),
            Bookmark { version, ends_list: false } => WatchLine::Bookmark(version),
        }),
        _ => Err(object.refusal()?.into()),
    }
}

/// That an object is there, as far as it is understood. One that is not at all counts as gone: it
/// is then in no selector's set, and a pod without policies of its own where those are.
pub fn put(stored: StoredObject, resource: Resource, reporter: &Reporter) -> Event {
    report(&stored, resource, reporter);
    match stored.object {
        Some(object) => Event::Put(Box::new(object)),
        None => Event::Gone(resource.kind, stored.head.name),
    }
}

/// Says what is not understood of an object, and what comes of that.
fn report(stored: &StoredObject, resource: Resource, reporter: &Reporter) {
    let is_about_mode = |finding: &&Diagnostic| finding.code == Code::UnknownMode;
    for finding in stored.findings.iter().filter(is_about_mode) {
        let (kind, name, what) = (resource.name, stored.head.shown(), &finding.message);
        tracing::warn!(kind, name, what, "an annotation is not understood");
    }
    let other = stored.findings.iter().find(|finding| !is_about_mode(finding));
    let Some(finding) = other else { return };
    let object_name = stored.head.shown();
    let path = finding.path.as_deref().unwrap_or_default();
    let what = &finding.message;
    let closed = stored.object.as_ref().and_then(closed_sentence);
    let outcome = match (&stored.object, &closed) {
        (_, Some(closed)) => closed,
        (Some(_), None) => "the rest of it counts",
        (None, None) => "it is left out",
    };
    let kind = resource.name;
    tracing::error!(kind, name = object_name, path, what, outcome, "could not read an object");
    if resource.kind.is_policy() {
        let (namespace, name) = stored.head.name.clone();
        let namespace = resource.kind.is_namespaced().then_some(namespace);
        let what = closed.unwrap_or_else(|| format!("{path}: {what}: it is left out"));
        let kind = resource.kind;
        reporter.complain(Complaint { policy: PolicyName { kind, namespace, name }, what });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::apiserver::{EventPace, Events};

    fn json(text: &str) -> WatchFrame {
        WatchFrame::Json(text.as_bytes().to_vec())
    }

    fn told(text: &str, kind: Stored) -> String {
        match line(&json(text), Resource::of(kind), &Reporter::default()) {
            Ok(WatchLine::Object(Event::Put(object), version)) => {
                format!("put {} at {version}", object.meta.name)
            }
            Ok(WatchLine::Object(Event::Gone(_, (namespace, name)), version)) => {
                format!("gone {namespace}/{name} at {version}")
            }
            Ok(other) => format!("{other:?}"),
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn lines_are_understood() {
        let pod = r#"{"metadata":{"name":"p","namespace":"n","resourceVersion":"5"}}"#;
        let of = |sort: &str| told(&format!(r#"{{"type":"{sort}","object":{pod}}}"#), Stored::Pod);
        assert_eq!(of("ADDED"), "put p at 5");
        assert_eq!(of("MODIFIED"), "put p at 5");
        assert_eq!(of("DELETED"), "gone n/p at 5");
        assert_eq!(of("BOOKMARK"), r#"Bookmark("5")"#);
        let end = r#"{"type":"BOOKMARK","object":{"kind":"Pod","metadata":{"resourceVersion":"9",
            "annotations":{"k8s.io/initial-events-end":"true"}}}}"#;
        assert_eq!(told(end, Stored::Pod), r#"Listed("9")"#);
        let expired = r#"{"type":"ERROR","object":{"kind":"Status","code":410,"message":"old"}}"#;
        assert_eq!(told(expired, Stored::Pod), "the API server answered 410: old");
        assert!(told("{", Stored::Pod).contains("could not be read"));
    }

    #[test]
    fn what_is_not_understood_is_gone() {
        let pod = r#"{"type":"ADDED","object":{"metadata":{"name":"p","namespace":"n"},"spec":1}}"#;
        assert_eq!(told(pod, Stored::Pod), "gone n/p at ");
        assert_eq!(told(pod, Stored::Policy), "put p at ");
    }

    #[test]
    fn an_object_that_cannot_be_parsed_spoils_only_itself() {
        let deep = format!("{}{}", "[".repeat(300), "]".repeat(300));
        let meta = r#"{"name":"p","namespace":"n","resourceVersion":"5"}"#;
        let text = format!(r#"{{"type":"ADDED","object":{{"metadata":{meta},"x":{deep}}}}}"#);
        assert_eq!(told(&text, Stored::Policy), "gone n/p at 5");
        assert!(told(r#"{"type":"ADDED","object":{}}"#, Stored::Pod).contains("metadata"));
        assert!(told(r#"{"type":"ADDED","object":{"metadata":1}}"#, Stored::Pod).contains("read"));
    }

    #[test]
    fn a_policy_that_is_not_understood_is_complained_of() {
        let mut events = Events::of("n", EventPace::default());
        let mut tell = |kind, spec: &str| {
            let text = format!(
                r#"{{"type":"ADDED","object":{{"metadata":{{"name":"p","namespace":"n"}},"spec":{spec}}}}}"#
            );
            line(&json(&text), Resource::of(kind), &events.reporter()).unwrap();
            events.waiting()
        };
        let said = tell(Stored::Policy, r#"{"podSelector":{},"later":1}"#).unwrap();
        assert_eq!(said.policy.to_string(), "n/p");
        assert!(said.what.starts_with("spec.later: "), "{}", said.what);
        assert!(said.what.ends_with("it isolates the pods that it selects and admits nothing"));
        let later = r#"{"tier":"Admin","priority":1,"subject":{"namespaces":{}},"later":1}"#;
        let said = tell(Stored::ClusterPolicy, later).unwrap();
        assert_eq!(said.policy.to_string(), "ClusterNetworkPolicy p");
        assert!(said.what.starts_with("spec.later: "), "{}", said.what);
        assert_eq!(tell(Stored::Policy, r#"{"podSelector":{}}"#), None);
        assert_eq!(tell(Stored::Pod, "1"), None);
    }
}
