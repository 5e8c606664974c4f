//! What the API server writes as JSON.
//!
//! The text around objects is only looked through for where they begin and end. An object itself is
//! parsed once, by the engine: one that cannot be, whatever a tenant wrote into it, then spoils
//! nothing but itself.

use std::borrow::Cow;
use std::collections::BTreeMap;

use portcullis_engine::live::Event;
use portcullis_engine::manifest::{Stored, read_stored_tree};
use portcullis_engine::tree::{Node, Value, read_trees};
use serde::Deserialize;
use serde_json::value::RawValue;

use super::decode::{Bookmark, Head, StoredObject, WatchedObject, put};
use super::request::{Refusal, Resource, WatchError};
use crate::observe::Reporter;

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

/// A line of a watch.
#[derive(Debug, Deserialize)]
pub struct JsonLine<'l> {
    /// What has become of the object.
    #[serde(rename = "type", borrow)]
    pub sort: Cow<'l, str>,
    /// The object.
    #[serde(borrow)]
    pub object: &'l RawValue,
}

/// What is read of an object where nothing else of it is, or where the engine cannot parse it.
#[derive(Debug, Deserialize)]
struct BareObject {
    metadata: BareMeta,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct BareMeta {
    #[serde(default)]
    name: String,
    #[serde(default)]
    namespace: String,
    #[serde(default)]
    resource_version: String,
}

#[derive(Debug, Deserialize)]
struct BareBookmark {
    metadata: BookmarkMeta,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct BookmarkMeta {
    resource_version: String,
    #[serde(default)]
    annotations: BTreeMap<String, String>,
}

/// The objects of a page.
pub fn objects(page: &Page<'_>, resource: Resource, reporter: &Reporter) -> Vec<Event> {
    let items = page.items.iter().flatten();
    let objects = items.filter_map(|item| item.read(resource.kind).ok());
    objects.map(|object| put(object, resource, reporter)).collect()
}

impl<'l> JsonLine<'l> {
    /// Takes a line apart.
    ///
    /// # Errors
    /// If it is none.
    pub fn read(text: &'l [u8]) -> Result<Self, serde_json::Error> {
        serde_json::from_slice(text)
    }
}

impl WatchedObject for &RawValue {
    fn read(self, kind: Stored) -> Result<StoredObject, WatchError> {
        let trees = match read_trees(self.get()).whole() {
            Ok(trees) => trees,
            Err(finding) => {
                let (head, findings) = (self.head()?, vec![*finding]);
                return Ok(StoredObject { head, object: None, findings });
            }
        };
        let node = trees.documents.first();
        let head = node.and_then(head_of).map_or_else(|| self.head(), Ok)?;
        let (object, findings) = node.map(|node| read_stored_tree(node, kind)).unwrap_or_default();
        Ok(StoredObject { head, object, findings })
    }

    fn head(self) -> Result<Head, WatchError> {
        let BareObject { metadata } = serde_json::from_str(self.get())?;
        let name = (metadata.namespace.into(), metadata.name.into());
        Ok(Head { name, version: metadata.resource_version })
    }

    fn bookmark(self) -> Result<Bookmark, WatchError> {
        let BareBookmark { metadata } = serde_json::from_str(self.get())?;
        Ok(Bookmark::new(metadata.resource_version, &metadata.annotations))
    }

    fn refusal(self) -> Result<Refusal, WatchError> {
        Ok(serde_json::from_str(self.get())?)
    }
}

/// The head of an object; none if something in it is not what it should be.
fn head_of(object: &Node<'_>) -> Option<Head> {
    let metadata = object.get("metadata")?;
    if !matches!(metadata.value, Value::Map(_)) {
        return None;
    }
    let text = |field: &str| metadata.get(field).map_or(Some(""), Node::as_str);
    let (namespace, name) = (text("namespace")?, text("name")?);
    Some(Head { name: (namespace.into(), name.into()), version: text("resourceVersion")?.into() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_may_be_empty() {
        let page: Page<'_> =
            serde_json::from_str(r#"{"metadata":{"resourceVersion":"1"},"items":null}"#).unwrap();
        let nodes = Resource::of(Stored::Node);
        assert!(objects(&page, nodes, &Reporter::default()).is_empty());
        assert!(page.metadata.next.is_none());
    }
}
