//! States of a cluster as objects, as an API server takes them.

use std::collections::BTreeSet;
use std::net::IpAddr;

use portcullis_engine::Session;
use serde_json::{Value, json};

use crate::run::scenario::{Files, session};

/// The objects of files; YAML documents, or lists of objects.
pub fn objects_of(files: &Files) -> Vec<Value> {
    let mut objects = Vec::new();
    for (_, text) in files {
        for document in serde_yaml::Deserializer::from_str(text) {
            let value: Value = serde::Deserialize::deserialize(document).unwrap();
            match value.get("items") {
                Some(items) => objects.extend(items.as_array().unwrap().iter().cloned()),
                None if value.is_null() => {}
                None => objects.push(value),
            }
        }
    }
    objects
}

/// One file of objects.
pub fn files_of(objects: &[Value]) -> Files {
    let list = json!({"apiVersion": "v1", "kind": "List", "items": objects});
    vec![("objects.json".into(), list.to_string())]
}

/// What the engine makes of them.
pub fn session_of(objects: &[Value]) -> Session {
    session(&files_of(objects))
}

/// Adds what the API server insists on: a container in every pod, an image in every container, and
/// no two containers of a pod with the same name.
pub fn complete(objects: &mut [Value]) {
    for object in objects.iter_mut().filter(|object| object["kind"] == "Pod") {
        let spec = object["spec"].as_object_mut().unwrap();
        spec.entry("containers").or_insert_with(|| json!([{"name": "main"}]));
        for field in ["containers", "initContainers"] {
            let containers = spec.get_mut(field).and_then(Value::as_array_mut);
            for (at, container) in containers.into_iter().flatten().enumerate() {
                container["image"] = "example.com/main:1".into();
                container["name"] = format!("{}-{at}", field.to_lowercase()).into();
            }
        }
    }
}

/// The object of a kind and a name.
pub fn named<'o>(objects: &'o mut [Value], kind: &str, name: &str) -> &'o mut Value {
    let is_it = |object: &&mut Value| object["kind"] == kind && object["metadata"]["name"] == name;
    objects.iter_mut().find(is_it).unwrap_or_else(|| panic!("no {kind} {name}"))
}

/// Addresses of pods that are not finished.
pub fn addresses(objects: &[Value]) -> BTreeSet<IpAddr> {
    let pods = objects.iter().filter(|object| object["status"]["phase"] == "Running");
    let lists = pods.filter_map(|pod| pod["status"]["podIPs"].as_array());
    lists.flatten().map(|address| address["ip"].as_str().unwrap().parse().unwrap()).collect()
}

/// All objects but one.
pub fn without(objects: &[Value], kind: &str, name: &str) -> Vec<Value> {
    let is_it = |object: &&Value| object["kind"] == kind && object["metadata"]["name"] == name;
    objects.iter().filter(|object| !is_it(object)).cloned().collect()
}
