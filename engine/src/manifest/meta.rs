//! `metadata`, which all objects share.

use std::sync::Arc;

use super::ignore::{self, IGNORE_ANNOTATION};
use super::mode::{self, MODE_ANNOTATION, Mode};
use super::read::{Fields, Keys, Path, Reader, whole};
use super::{Body, syntax};
use crate::diagnostic::{Code, Diagnostic};
use crate::source::Span;
use crate::tree::{Node, Value};

/// Labels, sorted by key.
pub type LabelList = Vec<(Arc<str>, Arc<str>)>;

/// What the engine keeps of `metadata`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Meta {
    /// `name`; of an object with `generateName` that with a `*` behind it; empty if the input has
    /// none.
    pub name: Arc<str>,
    /// Whether the API server makes its name up, so that no two such objects are one.
    pub is_generated: bool,
    /// `namespace`, if the input has one.
    pub namespace: Option<Arc<str>>,
    /// `labels`, sorted by key.
    pub labels: LabelList,
    /// The controlling owner, or else the first.
    pub owner: Option<Owner>,
    /// `creationTimestamp` as text, which sorts by time.
    pub created: Option<Arc<str>>,
    /// What the annotation [`MODE_ANNOTATION`] says, if it is there.
    pub mode: Option<Mode>,
    /// Lints that the annotation [`IGNORE_ANNOTATION`] names.
    pub ignores: Box<[Code]>,
    /// Whether the annotation [`CONFIRMS_HOST`] of a Node confirms policies of the host; known of
    /// nodes.
    pub confirms_host: bool,
    /// Which object of its name it is, in which version; known of policies and nodes.
    pub revision: Revision,
}

/// The annotation of a Node that confirms policies of its host endpoints, for an agent that tries
/// them first, and what it says then.
pub const CONFIRMS_HOST: &str = "portcullis.dev/host-endpoints";
const CONFIRMED: &str = "confirmed";

/// Which object of a name one is, and in which version of its `spec`, as the API server counts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Revision {
    /// `uid`: another one after the object was deleted and made again.
    pub uid: Option<Arc<str>>,
    /// `generation`: one more with every change of `spec`.
    pub generation: Option<u32>,
}

/// An entry of `ownerReferences`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Owner {
    /// The owner's kind.
    pub kind: Arc<str>,
    /// The owner's name, in the same namespace.
    pub name: Arc<str>,
}

const FIELDS: &[&str] = &[
    "name",
    "namespace",
    "labels",
    "annotations",
    "ownerReferences",
    "creationTimestamp",
    "generateName",
    "selfLink",
    "uid",
    "resourceVersion",
    "generation",
    "deletionTimestamp",
    "deletionGracePeriodSeconds",
    "finalizers",
    "managedFields",
];

impl Meta {
    /// Reads `metadata` of an object. A missing name is reported.
    pub fn read(reader: &mut Reader, object: &Node<'_>, span: Span) -> Self {
        let path = Path::Root.field("metadata");
        let Some(node) = object.get("metadata") else {
            reader.refuse(&path.field("name"), missing_name(span));
            return Self::default();
        };
        let fields = reader.fields(&path, node, Keys::Exactly(FIELDS));
        let mut meta = Self::from_fields(reader, &path, &fields);
        check_others(reader, &path, &fields);
        meta.mode = mode(reader, &path.field("annotations"), &fields);
        meta.ignores = ignores(reader, &path.field("annotations"), &fields);
        // A name of another type is reported as such.
        let is_text = |name: &Node<'_>| matches!(name.value, Value::Str(_) | Value::Null);
        let is_missing = meta.name.is_empty() && fields.get("name").is_none_or(is_text);
        let prefix = fields.get("generateName").and_then(Node::as_str);
        let prefix = prefix.filter(|prefix| !prefix.is_empty() && meta.name.is_empty());
        if let Some(prefix) = prefix {
            (meta.name, meta.is_generated) = (format!("{prefix}*").into(), true);
        } else if is_missing {
            reader.refuse(&path.field("name"), missing_name(node.span));
        }
        meta
    }

    /// Reads the `metadata` of a pod template, which needs no name.
    pub fn read_template(reader: &mut Reader, path: &Path<'_>, node: &Node<'_>) -> Self {
        let fields = reader.fields(path, node, Keys::Exactly(FIELDS));
        check_others(reader, path, &fields);
        Self::from_fields(reader, path, &fields)
    }

    /// The same with the revision of an object, where somebody asks which of them one is: for
    /// policies and nodes. There are many more pods.
    pub fn revised(mut self, body: &Body, object: &Node<'_>) -> Self {
        let is_policy =
            matches!(body, Body::Policy(_) | Body::ClusterPolicy(_) | Body::CalicoPolicy(_));
        let metadata = object.get("metadata");
        if matches!(body, Body::Node { .. }) {
            let said =
                metadata.and_then(|own| own.get("annotations")?.get(CONFIRMS_HOST)?.as_str());
            self.confirms_host = said == Some(CONFIRMED);
        }
        if is_policy || matches!(body, Body::Node { .. }) {
            self.revision = metadata.map(Revision::of).unwrap_or_default();
        }
        self
    }

    fn from_fields(reader: &mut Reader, path: &Path<'_>, fields: &Fields<'_, '_>) -> Self {
        let text = |reader: &mut Reader, name: &str| {
            reader.string(&path.field(name), fields.get(name)).map(Arc::<str>::from)
        };
        let name = text(reader, "name").unwrap_or_default();
        let namespace = text(reader, "namespace").filter(|namespace| !namespace.is_empty());
        let created = text(reader, "creationTimestamp");
        let labels = reader.labels(&path.field("labels"), fields.get("labels"));
        check_labels(reader, &path.field("labels"), &labels, fields.get("labels"));
        let owner = owner(reader, path, fields);
        Self { name, namespace, labels, owner, created, ..Self::default() }
    }
}

impl Revision {
    fn of(metadata: &Node<'_>) -> Self {
        let generation = match metadata.get("generation").map(|node| &node.value) {
            Some(Value::Number(number)) => whole(*number),
            _ => None,
        };
        Self {
            uid: metadata.get("uid").and_then(Node::as_str).map(Arc::from),
            generation: generation.and_then(|number| u32::try_from(number).ok()),
        }
    }
}

fn missing_name(span: Span) -> Diagnostic {
    Diagnostic::new(Code::MissingName, "the object has no `metadata.name`").at(span)
}

/// Reports fields of a wrong type, for which the API server refuses an object as well, and keys of
/// annotations. What else it asks of fields that decide nothing here is left to it: times, owners,
/// names of finalizers.
fn check_others(reader: &mut Reader, path: &Path<'_>, fields: &Fields<'_, '_>) {
    for name in ["generateName", "uid", "resourceVersion", "selfLink"] {
        reader.string(&path.field(name), fields.get(name));
    }
    for name in ["finalizers", "managedFields"] {
        reader.items(&path.field(name), fields.get(name));
    }
    let path = path.field("annotations");
    let Some(node) = fields.get("annotations") else { return };
    for entry in reader.entries(&path, node) {
        reader.label_value(&path.key(&entry.key), &entry.value);
        // Unlike those of labels, their prefixes may have capitals.
        if let Some(why) = syntax::label_key_fault(&entry.key.to_ascii_lowercase()) {
            let message = format!("`{}` is not a valid annotation key: {why}", entry.key);
            reader.refuse(&path, Diagnostic::new(Code::LabelKey, message).at(entry.key_span));
        }
    }
}

/// What the annotations say of the mode.
fn mode(reader: &mut Reader, path: &Path<'_>, fields: &Fields<'_, '_>) -> Option<Mode> {
    let value = fields.get("annotations")?.get(MODE_ANNOTATION)?;
    Some(mode::read(reader, &path.key(MODE_ANNOTATION), value))
}

/// The lints that the annotations say to ignore.
fn ignores(reader: &mut Reader, path: &Path<'_>, fields: &Fields<'_, '_>) -> Box<[Code]> {
    let value = fields.get("annotations").and_then(|all| all.get(IGNORE_ANNOTATION));
    value.map(|value| ignore::read(reader, &path.key(IGNORE_ANNOTATION), value)).unwrap_or_default()
}

/// Reports label keys and values that the API server refuses.
pub fn check_labels(
    reader: &mut Reader,
    path: &Path<'_>,
    labels: &LabelList,
    node: Option<&Node<'_>>,
) {
    let Some(Value::Map(entries)) = node.map(|node| &node.value) else { return };
    for entry in entries {
        let known = labels.binary_search_by(|(key, _)| (**key).cmp(&entry.key));
        let Some((key, value)) = known.ok().and_then(|at| labels.get(at)) else { continue };
        let span = entry.value.span;
        if let Some(why) = syntax::label_key_fault(key) {
            let message = format!("`{key}` is not a valid label key: {why}");
            reader.refuse(path, Diagnostic::new(Code::LabelKey, message).at(span));
        }
        if let Some(why) = syntax::label_value_fault(value) {
            let message = format!("`{value}` is not a valid label value: {why}");
            reader.refuse(&path.key(key), Diagnostic::new(Code::LabelValue, message).at(span));
        }
    }
}

fn owner(reader: &mut Reader, path: &Path<'_>, fields: &Fields<'_, '_>) -> Option<Owner> {
    let path = path.field("ownerReferences");
    let mut owners = Vec::new();
    for (i, node) in reader.items(&path, fields.get("ownerReferences")).iter().enumerate() {
        let path = path.item(i);
        let fields = reader.fields(&path, node, Keys::Among(&["kind", "name", "controller"]));
        let kind = reader.string(&path.field("kind"), fields.get("kind"));
        let name = reader.string(&path.field("name"), fields.get("name"));
        let controls = reader.boolean(&path.field("controller"), fields.get("controller"));
        if let (Some(kind), Some(name)) = (kind, name) {
            owners.push((controls, Owner { kind: kind.into(), name: name.into() }));
        }
    }
    let controller = owners.iter().position(|(controls, _)| *controls).unwrap_or(0);
    (!owners.is_empty()).then(|| owners.swap_remove(controller).1)
}
