//! From what the API server writes to what the engine's index takes.

use std::borrow::Cow;
use std::sync::Arc;

use portcullis_engine::live::{Event, Name};
use portcullis_engine::manifest::{Stored, read_stored};
use serde::Deserialize;
use serde_json::value::RawValue;

use super::request::{Refusal, Resource, WatchError};
use crate::observe::{Complaint, PolicyName, Reporter};

/// A page of a list.
#[derive(Debug, Deserialize)]
pub struct Page<'p> {
    /// Where it stands.
    pub metadata: PageMeta,
    #[serde(borrow, default)]
    items: Option<Vec<&'p RawValue>>,
}

/// `metadata` of a list.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PageMeta {
    /// The version that the whole list is of.
    pub resource_version: String,
    /// How to ask for the next page, if there is one.
    #[serde(rename = "continue", default)]
    pub next: Option<String>,
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

/// A line of a watch.
#[derive(Debug, Deserialize)]
struct Line<'l> {
    #[serde(rename = "type", borrow)]
    sort: Cow<'l, str>,
    #[serde(borrow)]
    object: &'l RawValue,
}

/// What this side reads of an object itself: the engine keeps no versions.
#[derive(Debug, Deserialize)]
struct Head<'h> {
    #[serde(borrow)]
    metadata: HeadMeta<'h>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct HeadMeta<'h> {
    #[serde(borrow, default)]
    name: Cow<'h, str>,
    #[serde(borrow, default)]
    namespace: Cow<'h, str>,
    #[serde(default)]
    resource_version: String,
}

#[derive(Debug, Deserialize)]
struct Bookmark {
    metadata: BookmarkMeta,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct BookmarkMeta {
    resource_version: String,
    #[serde(default)]
    annotations: std::collections::BTreeMap<String, String>,
}

/// The objects of a page.
pub fn objects(page: &Page<'_>, resource: Resource, reporter: &Reporter) -> Vec<Event> {
    let items = page.items.iter().flatten();
    items
        .filter_map(|item| Some(put(item.get(), &head(item).ok()?, (resource, reporter))))
        .collect()
}

/// What a line says.
///
/// # Errors
/// If it is not understood, or says what is wrong.
pub fn line(text: &[u8], resource: Resource, reporter: &Reporter) -> Result<WatchLine, WatchError> {
    let line: Line<'_> = serde_json::from_slice(text)?;
    match &*line.sort {
        "ADDED" | "MODIFIED" => {
            let head = head(line.object)?;
            Ok(WatchLine::Object(
                put(line.object.get(), &head, (resource, reporter)),
                head.resource_version,
            ))
        }
        "DELETED" => {
            let head = head(line.object)?;
            Ok(WatchLine::Object(Event::Gone(resource.kind, head.name()), head.resource_version))
        }
        "BOOKMARK" => {
            let Bookmark { metadata } = serde_json::from_str(line.object.get())?;
            let whole = metadata.annotations.get("k8s.io/initial-events-end");
            Ok(match whole.map(String::as_str) {
                Some("true") => WatchLine::Listed(metadata.resource_version),
                _ => WatchLine::Bookmark(metadata.resource_version),
            })
        }
        _ => Err(serde_json::from_str::<Refusal>(line.object.get())?.into()),
    }
}

fn head(object: &RawValue) -> Result<HeadMeta<'_>, serde_json::Error> {
    serde_json::from_str::<Head<'_>>(object.get()).map(|head| head.metadata)
}

impl HeadMeta<'_> {
    fn name(&self) -> Name {
        (Arc::from(&*self.namespace), Arc::from(&*self.name))
    }

    /// As operators name it.
    fn shown(&self) -> String {
        match &*self.namespace {
            "" => self.name.to_string(),
            namespace => format!("{namespace}/{}", self.name),
        }
    }
}

/// That an object is there, as far as it is understood. One that is not at all counts as gone: it
/// is then in no selector's set, and a pod without policies of its own where those are.
fn put(text: &str, head: &HeadMeta<'_>, (resource, reporter): (Resource, &Reporter)) -> Event {
    let (object, findings) = read_stored(text, resource.kind);
    if let Some(finding) = findings.first() {
        let object_name = head.shown();
        let path = finding.path.as_deref().unwrap_or_default();
        let what = &finding.message;
        let outcome = match (&object, resource.kind) {
            (Some(_), Stored::Policy) => "it isolates the pods that it selects and admits nothing",
            (Some(_), Stored::ClusterPolicy) => {
                "what is not understood accepts nothing, and denies where it would deny or pass"
            }
            (Some(_), _) => "the rest of it counts",
            (None, _) => "it is left out",
        };
        let kind = resource.name;
        tracing::error!(kind, name = object_name, path, what, outcome, "could not read an object");
        if matches!(resource.kind, Stored::Policy | Stored::ClusterPolicy) {
            let (namespace, name) = head.name();
            let namespace = (resource.kind == Stored::Policy).then_some(namespace);
            let what = format!("{path}: {what}: {outcome}");
            reporter.complain(Complaint { policy: PolicyName { namespace, name }, what });
        }
    }
    match object {
        Some(object) => Event::Put(Box::new(object)),
        None => Event::Gone(resource.kind, head.name()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::apiserver::{EventPace, Events};

    fn told(text: &str, kind: Stored) -> String {
        match line(text.as_bytes(), Resource::of(kind), &Reporter::default()) {
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
    fn a_policy_that_is_not_understood_is_complained_of() {
        let mut events = Events::of("n", EventPace::default());
        let mut tell = |kind, spec: &str| {
            let text = format!(
                r#"{{"type":"ADDED","object":{{"metadata":{{"name":"p","namespace":"n"}},"spec":{spec}}}}}"#
            );
            line(text.as_bytes(), Resource::of(kind), &events.reporter()).unwrap();
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

    #[test]
    fn pages_may_be_empty() {
        let page: Page<'_> =
            serde_json::from_str(r#"{"metadata":{"resourceVersion":"1"},"items":null}"#).unwrap();
        let nodes = Resource::of(Stored::Node);
        assert!(objects(&page, nodes, &Reporter::default()).is_empty());
        assert!(page.metadata.next.is_none());
    }
}
