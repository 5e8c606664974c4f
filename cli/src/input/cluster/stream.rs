//! Lists of objects as a stream of the server's cache, which costs it neither a read of the store
//! nor the memory for whole pages.
//!
//! # Source
//! Kubernetes API concepts, "Streaming lists" (KEP-3157).

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use portcullis_engine::SourceFile;
use serde_json::Value;

use super::kinds::Kind;
use super::lines::Lines;
use super::list::{self, Listed, PAGE};
use super::object::{self, Form};
use super::server::{Failure, Server};

/// How long a stream may take: the server ends it then.
const LIFE: u64 = 300;

/// The annotation of the bookmark after the last object.
const END: &str = "k8s.io/initial-events-end";

/// What a line says.
enum Event {
    /// An object is there.
    Put(Value),
    /// An object is gone, since the stream began.
    Removed(Value),
    /// All have been said; the version.
    End(String),
    /// The server has something else to say.
    Other,
}

/// All objects of a kind, of all namespaces or of one.
///
/// # Errors
/// If the server refuses or fails.
pub(super) async fn all(
    server: &Server,
    kind: &Kind,
    namespace: Option<&str>,
) -> Result<Listed, Failure> {
    let path = format!(
        "{}?watch=1&sendInitialEvents=true&resourceVersionMatch=NotOlderThan\
         &allowWatchBookmarks=true&timeoutSeconds={LIFE}{}",
        kind.path(namespace),
        list::selector(kind)
    );
    let mut lines = Lines::new(server.open(&path, kind.accept_one()).await?);
    let mut reading = Reading { kind, waiting: Vec::new(), form: None, files: BTreeMap::new() };
    let (mut counted, end) = (0, Instant::now() + Duration::from_secs(LIFE));
    let read = loop {
        let left = end.saturating_duration_since(Instant::now());
        let events = match lines.next(server.patience().min(left)).await {
            _ if counted > list::MOST_OBJECTS => Err(Failure::Broken(format!(
                "the list has more than {} objects",
                list::MOST_OBJECTS
            ))),
            Ok(Some(lines)) => parsed(kind, lines).await,
            Ok(None) => Err(Failure::Broken("the list ended before its end".into())),
            Err(failure) => Err(failure),
        };
        let events = match events {
            Ok(events) => events,
            Err(failure) => break Err(failure),
        };
        counted += events.len();
        server.count(events.len());
        match reading.add(events).await {
            Ok(None) => {}
            Ok(Some(version)) => break Ok(version),
            Err(failure) => break Err(failure),
        }
    };
    match read {
        Ok(version) => reading.finish(version).await,
        Err(failure) => {
            server.discount(counted);
            Err(failure)
        }
    }
}

/// What has come.
struct Reading<'r> {
    kind: &'r Kind,
    /// The first objects: how they are written depends on how many there are.
    waiting: Vec<Event>,
    form: Option<Form>,
    files: BTreeMap<String, SourceFile>,
}

impl Reading<'_> {
    /// Adds what came; the version, if that was all.
    async fn add(&mut self, events: Vec<Event>) -> Result<Option<String>, Failure> {
        self.waiting.extend(events);
        let version = self.waiting.iter().find_map(|event| match event {
            Event::End(version) => Some(version.clone()),
            _ => None,
        });
        let is_long = self.form.is_some() || self.waiting.len() > PAGE;
        if version.is_none() && is_long {
            self.write(Form::of(self.kind, true)).await?;
        }
        Ok(version)
    }

    async fn finish(mut self, version: String) -> Result<Listed, Failure> {
        let form = self.form.unwrap_or_else(|| Form::of(self.kind, self.waiting.len() > PAGE));
        self.write(form).await?;
        Ok(Listed { files: self.files.into_values().collect(), version, form })
    }

    async fn write(&mut self, form: Form) -> Result<(), Failure> {
        self.form = Some(form);
        let (kind, events) = (self.kind.clone(), std::mem::take(&mut self.waiting));
        let write = tokio::task::spawn_blocking(move || {
            let all = events.into_iter().filter_map(|event| {
                let (object, is_there) = match event {
                    Event::Put(object) => (object, true),
                    Event::Removed(object) => (object, false),
                    Event::End(_) | Event::Other => return None,
                };
                let name = object::name(&kind, object.as_object()?)?;
                Some((name, object::file(&kind, form, object).filter(|_| is_there)))
            });
            all.collect::<Vec<_>>()
        });
        for (name, file) in write.await.map_err(|error| Failure::Broken(error.to_string()))? {
            match file {
                Some(file) => drop(self.files.insert(name, file)),
                None => drop(self.files.remove(&name)),
            }
        }
        Ok(())
    }
}

async fn parsed(kind: &Kind, lines: Vec<u8>) -> Result<Vec<Event>, Failure> {
    let kind = kind.clone();
    let parse = tokio::task::spawn_blocking(move || {
        let lines = lines.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
        let events = lines.map(event).map(|event| match event {
            Ok(Event::Put(object) | Event::Removed(object))
                if !object::is_named(&kind, &object) =>
            {
                Err(Failure::Broken("an object of the list has no name".into()))
            }
            event => event,
        });
        events.collect()
    });
    parse.await.map_err(|error| Failure::Broken(error.to_string()))?
}

fn event(line: &[u8]) -> Result<Event, Failure> {
    let mut line: Value = serde_json::from_slice(line)
        .map_err(|error| Failure::Broken(format!("a line of the list is not JSON: {error}")))?;
    let object = line.get_mut("object").map(Value::take).unwrap_or_default();
    let meta = |name: &str| object.get("metadata").and_then(|meta| meta.get(name));
    Ok(match line.get("type").and_then(Value::as_str) {
        Some("ADDED" | "MODIFIED") => Event::Put(object),
        Some("DELETED") => Event::Removed(object),
        Some("BOOKMARK")
            if meta("annotations").and_then(|all| all.get(END)?.as_str()) == Some("true") =>
        {
            let version = meta("resourceVersion").and_then(Value::as_str).unwrap_or_default();
            Event::End(version.to_owned())
        }
        Some("ERROR") => {
            let message = object.get("message").and_then(Value::as_str).unwrap_or_default();
            return Err(Failure::Broken(message.to_owned()));
        }
        Some("BOOKMARK") => Event::Other,
        _ => return Err(Failure::Broken("a line of the list says nothing that is known".into())),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_told_apart() {
        let of = |line: &str| event(line.as_bytes());
        assert!(matches!(of(r#"{"type":"ADDED","object":{}}"#), Ok(Event::Put(_))));
        assert!(matches!(of(r#"{"type":"DELETED","object":{}}"#), Ok(Event::Removed(_))));
        let plain = r#"{"type":"BOOKMARK","object":{"metadata":{"resourceVersion":"7"}}}"#;
        assert!(matches!(of(plain), Ok(Event::Other)));
        let last = r#"{"type":"BOOKMARK","object":{"metadata":{"resourceVersion":"7",
            "annotations":{"k8s.io/initial-events-end":"true"}}}}"#;
        assert!(matches!(of(last), Ok(Event::End(version)) if version == "7"));
        assert!(of(r#"{"type":"ERROR","object":{"code":500,"message":"no"}}"#).is_err());
        assert!(of("{").is_err());
    }
}
