//! From an object of the API to a file that holds it.

use portcullis_engine::SourceFile;
use portcullis_engine::manifest::Wanted;
use serde_json::{Map, Value, json};

use super::kinds::Kind;
use super::yaml;

/// Kinds of which there may be thousands, and whose lines hardly anybody asks for.
const MANY: [&str; 4] = ["Pod", "Node", "EndpointSlice", "ReplicaSet"];

/// How objects are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// With the lines that `kubectl get -o yaml` shows.
    Yaml,
    /// In one line, which is read many times faster.
    Json,
}

impl Form {
    /// That of a kind, of which there may be more objects than a page has.
    pub(super) fn of(kind: &Kind, is_long: bool) -> Self {
        if is_long && MANY.contains(&&*kind.kind) { Self::Json } else { Self::Yaml }
    }
}

/// The object as a file; none if it changes no answer, or is none.
pub(super) fn file(kind: &Kind, form: Form, object: Value) -> Option<SourceFile> {
    let Value::Object(mut object) = object else { return None };
    let name = name(kind, &object)?;
    if is_old_revision(kind, &object) {
        return None;
    }
    if kind.wanted == Wanted::Named {
        let meta = object.get("metadata")?;
        let meta = json!({"name": meta.get("name"), "namespace": meta.get("namespace")});
        object = Map::from_iter([("metadata".to_owned(), meta)]);
    }
    if let Some(Value::Object(meta)) = object.get_mut("metadata") {
        meta.remove("managedFields");
    }
    // Lists do not say it of their items.
    object.insert("apiVersion".into(), kind.api_version().into());
    object.insert("kind".into(), kind.kind.clone().into());
    let object = Value::Object(object);
    let text = match form {
        Form::Yaml if !has_long_key(&object) => yaml::text(&object),
        Form::Yaml | Form::Json => object.to_string(),
    };
    // What a server has stored is in force, also where it is not understood.
    Some(SourceFile::of(&name, text.into_bytes()).failing_closed())
}

/// YAML takes a longer key than this for none.
const LONGEST_KEY: usize = 500;

fn has_long_key(value: &Value) -> bool {
    match value {
        Value::Object(map) => {
            map.iter().any(|(key, value)| key.len() > LONGEST_KEY || has_long_key(value))
        }
        Value::Array(items) => items.iter().any(has_long_key),
        _ => false,
    }
}

/// What the file of an object is called; none of what has no name.
pub(super) fn name(kind: &Kind, object: &Map<String, Value>) -> Option<String> {
    let meta = object.get("metadata")?;
    let name = meta.get("name")?.as_str()?;
    let within = meta.get("namespace").and_then(Value::as_str);
    let within = within.map_or_else(String::new, |namespace| format!("{namespace}/"));
    // Of other groups there may be kinds that Kubernetes has under the same name.
    let group = &*kind.group;
    let is_own = !group.contains('.') || group.ends_with(".k8s.io");
    let what = if is_own { kind.plural.clone() } else { kind.name() };
    Some(format!("cluster:{what}/{within}{name}"))
}

/// Whether an object is one, with a name.
pub(super) fn is_named(kind: &Kind, object: &Value) -> bool {
    object.as_object().is_some_and(|object| name(kind, object).is_some())
}

/// What a Deployment keeps to go back to: it has no pods.
fn is_old_revision(kind: &Kind, object: &Map<String, Value>) -> bool {
    let none = |part: &str| {
        let replicas = object.get(part).and_then(|part| part.get("replicas"));
        replicas.is_none_or(|replicas| replicas.as_u64() == Some(0))
    };
    let has_owner =
        object.get("metadata").is_some_and(|meta| meta.get("ownerReferences").is_some());
    kind.kind == "ReplicaSet" && has_owner && none("spec") && none("status")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kind(group: &str, version: &str, kind: &str, wanted: Wanted) -> Kind {
        let plural = format!("{}s", kind.to_lowercase());
        let [group, version, kind] = [group, version, kind].map(str::to_owned);
        Kind { group, version, kind, plural, namespaced: true, wanted }
    }

    #[test]
    fn an_object_is_a_file() {
        let policies = kind("networking.k8s.io", "v1", "NetworkPolicy", Wanted::Policy);
        let file = file(
            &policies,
            Form::Yaml,
            json!({"metadata": {"name": "db", "namespace": "shop", "managedFields": [{}]},
                "spec": {"podSelector": {}, "policyTypes": ["Ingress"]}}),
        )
        .unwrap();
        assert_eq!(&*file.name, "cluster:networkpolicys/shop/db");
        let lines: Vec<&str> = file.text.lines().collect();
        assert_eq!(
            lines,
            [
                "apiVersion: networking.k8s.io/v1",
                "kind: NetworkPolicy",
                "metadata:",
                "  name: db",
                "  namespace: shop",
                "spec:",
                "  podSelector: {}",
                "  policyTypes:",
                "  - Ingress",
            ]
        );
    }

    /// Or the last one read would take the place of the other.
    #[test]
    fn kinds_of_one_name_in_two_groups_are_two_files() {
        let object = || json!({"metadata": {"name": "db", "namespace": "shop"}, "spec": {}});
        let groups = ["networking.k8s.io", "crd.projectcalico.org"];
        let names = groups.map(|group| {
            let kind = kind(group, "v1", "NetworkPolicy", Wanted::Policy);
            name(&kind, object().as_object().unwrap()).unwrap()
        });
        assert_ne!(names[0], names[1]);
    }

    #[test]
    fn only_names_are_kept_of_what_is_not_understood() {
        let kind = kind("cilium.io", "v2", "CiliumNetworkPolicy", Wanted::Named);
        let object =
            json!({"metadata": {"name": "a", "namespace": "b", "labels": {"x": "y"}}, "spec": 1});
        let text = file(&kind, Form::Json, object).unwrap().text;
        assert!(!text.contains("spec") && !text.contains("labels"), "{text}");
    }

    #[test]
    fn keys_that_are_too_long_for_yaml_are_written_as_json() {
        let pods = kind("", "v1", "Pod", Wanted::Object);
        let long = "k".repeat(1_100);
        let object = json!({"metadata": {"name": "a", "namespace": "b"},
            "spec": {"volumes": [{"csi": {"volumeAttributes": {long: "x"}}}]}});
        let file = file(&pods, Form::Yaml, object).unwrap();
        assert!(file.text.starts_with('{'), "{}", file.text);
        assert_eq!(file.parts[0].document.objects.len(), 1);
    }

    #[test]
    fn old_revisions_are_left_out() {
        let sets = kind("apps", "v1", "ReplicaSet", Wanted::Object);
        let of = |replicas: u64, owned: bool| {
            let owners = if owned { json!([{"kind": "Deployment"}]) } else { Value::Null };
            let mut meta = json!({"name": "web-1", "namespace": "shop"});
            if owned {
                meta["ownerReferences"] = owners;
            }
            file(&sets, Form::Json, json!({"metadata": meta, "spec": {"replicas": replicas}}))
                .is_some()
        };
        assert!(!of(0, true));
        assert!(of(1, true) && of(0, false));
    }
}
