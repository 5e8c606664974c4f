//! Lists of objects: as a stream where the server has such, else page by page.

use std::collections::HashSet;

use portcullis_engine::SourceFile;
use serde_json::Value;

use super::kinds::Kind;
use super::object::{self, Form};
use super::server::{Failure, OfStream, Server};
use super::stream;

/// How many objects a page has.
pub(super) const PAGE: usize = 500;

/// No cluster has as many objects of a kind, or pages of them: a list that has does not end.
pub(super) const MOST_OBJECTS: usize = 2_000_000;
const MOST_PAGES: usize = MOST_OBJECTS / PAGE;

/// A list takes longer than its pages are kept at most so often.
const RESTARTS: u32 = 3;

/// The objects of a kind.
pub(super) struct Listed {
    /// One for each object.
    pub files: Vec<SourceFile>,
    /// What a watch goes on from.
    pub version: String,
    /// How they are written.
    pub form: Form,
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
    if server.streams() && kind.is_built_in() {
        match stream::all(server, kind, namespace).await {
            Ok(listed) => return Ok(listed),
            Err(failure) => match failure.of_stream() {
                OfStream::NeverAgain => server.never_streams(),
                OfStream::InPages => {}
                OfStream::NorInPages => return Err(failure),
            },
        }
    }
    let mut restarts = 0;
    loop {
        match pages(server, kind, namespace).await {
            Err(failure) if failure.is_expired() && restarts < RESTARTS => restarts += 1,
            listed => return listed,
        }
    }
}

async fn pages(server: &Server, kind: &Kind, namespace: Option<&str>) -> Result<Listed, Failure> {
    let (mut files, mut next, mut form) = (Vec::new(), String::new(), None);
    let mut asked = HashSet::new();
    loop {
        let path = format!("{}?limit={PAGE}{}{next}", kind.path(namespace), selector(kind));
        let mut page = server.get(&path, kind.accept_list()).await?;
        let more = page.get("metadata").and_then(|meta| meta.get("continue")?.as_str());
        next = match more.filter(|more| !more.is_empty()) {
            Some(more) if !asked.insert(more.to_owned()) => {
                return Err(Failure::Broken("the list leads to a page that it had before".into()));
            }
            Some(more) => format!("&continue={}", encoded(more)),
            None => String::new(),
        };
        if asked.len() > MOST_PAGES {
            return Err(Failure::Broken(format!("the list has more than {MOST_PAGES} pages")));
        }
        let form = *form.get_or_insert_with(|| Form::of(kind, !next.is_empty()));
        let version = page.get("metadata").and_then(|meta| meta.get("resourceVersion")?.as_str());
        let version = version.unwrap_or_default().to_owned();
        let items = match page.get_mut("items").map(Value::take) {
            Some(Value::Array(items)) => items,
            // An empty list of Go.
            Some(Value::Null) => Vec::new(),
            _ => return Err(Failure::Broken("the API server's answer is not a list".into())),
        };
        if items.iter().any(|item| !object::is_named(kind, item)) {
            return Err(Failure::Broken("an object of the list has no name".into()));
        }
        server.count(items.len());
        let kind = kind.clone();
        let read = tokio::task::spawn_blocking(move || {
            items.into_iter().filter_map(|item| object::file(&kind, form, item)).collect::<Vec<_>>()
        });
        files.extend(read.await.map_err(|error| Failure::Broken(error.to_string()))?);
        if files.len() > MOST_OBJECTS {
            return Err(Failure::Broken(format!("the list has more than {MOST_OBJECTS} objects")));
        }
        if next.is_empty() {
            return Ok(Listed { files, version, form });
        }
    }
}

/// Which of a kind count: pods that have ended are nobody.
pub(super) fn selector(kind: &Kind) -> &'static str {
    match (&*kind.group, &*kind.kind) {
        ("", "Pod") => "&fieldSelector=status.phase%21%3DSucceeded%2Cstatus.phase%21%3DFailed",
        _ => "",
    }
}

/// A text as a part of a URL.
pub(super) fn encoded(text: &str) -> String {
    let letter = |byte: u8| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => {
            char::from(byte).to_string()
        }
        other => format!("%{other:02X}"),
    };
    text.bytes().map(letter).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_are_encoded() {
        assert_eq!(encoded("a+/=_~"), "a%2B%2F%3D_~");
    }
}
