//! Whole states of a cluster: what is to be created, changed and deleted, one object at a time.

use std::collections::BTreeMap;

use kube::Client;
use serde_json::{Value, json};

use crate::{Error, collection};

/// The objects that tests have given to an API server. Others are not touched.
#[derive(Debug, Default)]
pub struct Stock {
    objects: BTreeMap<Key, Value>,
}

/// Kind, namespace and name; kinds in the order in which they are needed.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Key {
    kind: String,
    namespace: String,
    name: String,
}

/// A request or two on the way from one state to another.
#[derive(Clone, Debug)]
pub struct Step {
    key: Key,
    /// None if it is to go.
    object: Option<Value>,
}

impl Step {
    /// Whether others may need it.
    fn makes_namespace(&self) -> bool {
        self.key.kind == "Namespace" && self.object.is_some()
    }
}

impl Stock {
    /// What makes the server hold these objects instead of those that it holds. The steps may be
    /// done in any order.
    ///
    /// # Errors
    /// If something is no object.
    pub fn steps_to(&self, wanted: &[Value]) -> Result<Vec<Step>, Error> {
        let keyed = wanted.iter().map(|object| Ok((Key::of(object)?, object)));
        let wanted = keyed.collect::<Result<BTreeMap<Key, &Value>, Error>>()?;
        let gone = self.objects.keys().filter(|key| !wanted.contains_key(key));
        let gone = gone.map(|key| Step { key: key.clone(), object: None });
        let changed = wanted.iter().filter(|(key, object)| self.objects.get(key) != Some(object));
        let changed =
            changed.map(|(key, object)| Step { key: key.clone(), object: Some((*object).clone()) });
        Ok(gone.chain(changed).collect())
    }

    /// Does steps in their order, but makes namespaces before what may be in them.
    ///
    /// # Errors
    /// As the API server says.
    pub async fn carry_out(&mut self, client: &Client, mut steps: Vec<Step>) -> Result<(), Error> {
        steps.sort_by_key(|step| !step.makes_namespace());
        for Step { key, object } in steps {
            let before = self.objects.get(&key);
            match (before, object) {
                (_, Some(object)) => {
                    put(client, before, &object).await?;
                    self.objects.insert(key, object);
                }
                (Some(before), None) => {
                    delete(client, before).await?;
                    self.objects.remove(&key);
                }
                (None, None) => {}
            }
        }
        Ok(())
    }
}

impl Key {
    fn of(object: &Value) -> Result<Self, Error> {
        let text = |pointer: &str| object.pointer(pointer).and_then(Value::as_str);
        let kind = text("/kind").ok_or(Error::Missing("kind"))?;
        // Kinds of two groups may have one name.
        let group = text("/apiVersion").and_then(|version| version.split_once('/'));
        let kind = group.map_or_else(|| kind.to_owned(), |(group, _)| format!("{kind}.{group}"));
        let namespace = text("/metadata/namespace").unwrap_or_default().to_owned();
        Ok(Self { kind, namespace, name: name(object)?.to_owned() })
    }
}

fn name(object: &Value) -> Result<&str, Error> {
    object.pointer("/metadata/name").and_then(Value::as_str).ok_or(Error::Missing("name"))
}

fn path(object: &Value) -> Result<String, Error> {
    Ok(format!("{}/{}", collection(object)?, name(object)?))
}

/// Makes an object what it is to be. A pod of another specification is another pod.
async fn put(client: &Client, before: Option<&Value>, object: &Value) -> Result<(), Error> {
    let is_pod = object.get("kind").is_some_and(|kind| kind == "Pod");
    match before {
        Some(before) if is_pod && before.get("spec") != object.get("spec") => {
            delete(client, before).await?;
            create(client, object).await
        }
        Some(before) => change(client, before, object).await,
        None => create(client, object).await,
    }
}

/// Creates an object, and gives it its status as a controller or kubelet would: by a second
/// request, as the server takes none with the first.
async fn create(client: &Client, object: &Value) -> Result<(), Error> {
    let path = collection(object)? + "?fieldValidation=Strict";
    ask(client, ("POST", &path, "application/json"), object).await?;
    set_status(client, &Value::Null, object).await
}

async fn change(client: &Client, before: &Value, object: &Value) -> Result<(), Error> {
    let mut edits = Vec::new();
    for pointer in ["/metadata/labels", "/spec"] {
        let value = object.pointer(pointer);
        if value != before.pointer(pointer) {
            let value = value.filter(|value| !value.is_null()).cloned().unwrap_or(json!({}));
            edits.push(json!({"op": "add", "path": pointer, "value": value}));
        }
    }
    if !edits.is_empty() {
        let to = path(object)?;
        let edits = Value::Array(edits);
        ask(client, ("PATCH", &to, "application/json-patch+json"), &edits).await?;
    }
    set_status(client, before, object).await
}

async fn set_status(client: &Client, before: &Value, object: &Value) -> Result<(), Error> {
    let fields = |object: &Value| {
        object.get("status").and_then(Value::as_object).cloned().unwrap_or_default()
    };
    let (before, mut status) = (fields(before), fields(object));
    if status == before {
        return Ok(());
    }
    // What a patch does not name stays.
    for field in before.keys() {
        status.entry(field).or_insert(Value::Null);
    }
    let to = path(object)? + "/status";
    let status = json!({"status": status});
    ask(client, ("PATCH", &to, "application/merge-patch+json"), &status).await
}

/// Deletes an object at once: no kubelet confirms that a pod has ended, and no controller empties
/// a namespace.
async fn delete(client: &Client, object: &Value) -> Result<(), Error> {
    let to = path(object)?;
    let now = format!("{to}?gracePeriodSeconds=0");
    ask(client, ("DELETE", &now, "application/json"), &Value::Null).await?;
    if object.get("kind").is_none_or(|kind| kind != "Namespace") {
        return Ok(());
    }
    let finalized = json!({
        "apiVersion": "v1",
        "kind": "Namespace",
        "metadata": {"name": name(object)?},
        "spec": {"finalizers": []},
    });
    ask(client, ("PUT", &format!("{to}/finalize"), "application/json"), &finalized).await
}

/// A request, by method, path and content type, that is to succeed.
async fn ask(
    client: &Client,
    (method, path, kind): (&str, &str, &str),
    body: &Value,
) -> Result<(), Error> {
    let bytes = if body.is_null() { Vec::new() } else { body.to_string().into_bytes() };
    let request = http::Request::builder().method(method).uri(path).header("Content-Type", kind);
    let refused = |error: kube::Error| Error::Refused(format!("{method} {path}: {error}: {body}"));
    client.request_text(request.body(bytes)?).await.map_err(refused)?;
    Ok(())
}
