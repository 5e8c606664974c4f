//! kustomize trees: which files are patches and other inputs, and which folders are built.

use std::collections::{BTreeMap, BTreeSet};

use super::ancestors;
use crate::tree::{self, Node};

/// What one `kustomization.yaml` names, as paths from where its own path starts.
#[derive(Debug, Default)]
pub(super) struct Kustomization {
    /// Manifests, and folders with another kustomization.
    resources: BTreeSet<String>,
    /// Files that change manifests or that become part of them.
    inputs: BTreeSet<String>,
}

/// Lists of manifests and folders.
const RESOURCES: [&str; 3] = ["resources", "bases", "components"];

/// Lists of files that are read for something else.
const FILES: [&str; 6] =
    ["patchesStrategicMerge", "transformers", "generators", "validators", "configurations", "crds"];

/// Lists of objects, and the fields of each that name such files.
const FIELDS: [(&str, &[&str]); 6] = [
    ("patches", &["path"]),
    ("patchesJson6902", &["path"]),
    ("replacements", &["path"]),
    ("configMapGenerator", &["files", "envs", "env"]),
    ("secretGenerator", &["files", "envs", "env"]),
    ("helmCharts", &["valuesFile", "additionalValuesFiles"]),
];

impl Kustomization {
    /// Reads what it names; what is not as it should be names nothing.
    pub(super) fn read(folder: &str, text: &str) -> Self {
        let mut read = Self::default();
        let trees = tree::read_trees(text);
        if trees.fault.is_some() {
            return read;
        }
        for node in &trees.documents {
            let resources = RESOURCES.iter().flat_map(|field| texts(node.get(field)));
            read.resources.extend(resources.filter_map(|path| resolved(folder, path)));
            let files = FILES.iter().flat_map(|field| texts(node.get(field)));
            let of_objects = FIELDS.iter().flat_map(|(list, fields)| {
                let fields = move |item| fields.iter().flat_map(move |f| texts(Node::get(item, f)));
                items(node.get(list)).iter().flat_map(fields)
            });
            let schema = node.get("openapi").and_then(|openapi| openapi.get("path"));
            let inputs = files.chain(of_objects).chain(texts(schema));
            // `name=file`: under which name a file becomes part of a ConfigMap.
            let inputs = inputs.map(|path| path.rsplit('=').next().unwrap_or(path));
            read.inputs.extend(inputs.filter_map(|path| resolved(folder, path)));
        }
        read
    }
}

/// Files that are no manifests, each with the folder of a kustomization that names it.
pub(super) fn inputs(trees: &BTreeMap<String, Kustomization>) -> BTreeMap<&str, &str> {
    let named = trees.iter().flat_map(|(folder, tree)| {
        tree.inputs.iter().map(move |path| (path.as_str(), folder.as_str()))
    });
    let resources = trees.values().flat_map(|tree| &tree.resources).map(String::as_str);
    let resources: BTreeSet<&str> = resources.collect();
    named.filter(|(path, _)| !resources.contains(path)).collect()
}

/// The kustomization that names a file or a folder above it as its input.
pub(super) fn owner<'t>(inputs: &BTreeMap<&str, &'t str>, path: &str) -> Option<&'t str> {
    let mut places = std::iter::once(path).chain(ancestors(path).filter(|folder| *folder != "."));
    places.find_map(|place| inputs.get(place).copied())
}

/// The folders that no other one builds upon: what a user would build. Of those that name each
/// other and that no other names, the first, so that a tree is never passed over in silence.
///
/// # Cost
/// Linear in what the kustomizations name.
pub(super) fn roots(trees: &BTreeMap<String, Kustomization>) -> Vec<&str> {
    let mut seen = BTreeSet::new();
    let mut roots: Vec<&str> = trees.keys().map(String::as_str).collect();
    // What a folder builds upon is none, where it comes later; and then where it came earlier.
    roots.retain(|folder| add_all(&mut seen, trees, folder));
    seen.clear();
    roots.reverse();
    roots.retain(|folder| add_all(&mut seen, trees, folder));
    roots.reverse();
    roots
}

/// Adds a folder and all folders that it builds upon; whether it was not there yet.
fn add_all<'t>(
    seen: &mut BTreeSet<&'t str>,
    trees: &'t BTreeMap<String, Kustomization>,
    folder: &'t str,
) -> bool {
    let is_new = seen.insert(folder);
    let mut next: Vec<&str> = is_new.then_some(folder).into_iter().collect();
    while let Some(folder) = next.pop() {
        let named = trees.get(folder).into_iter().flat_map(|tree| &tree.resources);
        let folders = named.map(String::as_str).filter(|path| trees.contains_key(*path));
        next.extend(folders.filter(|path| seen.insert(path)));
    }
    is_new
}

fn items<'n, 't>(node: Option<&'n Node<'t>>) -> &'n [Node<'t>] {
    node.map_or(&[], Node::items)
}

/// The texts of a list, or the text itself.
fn texts<'n>(node: Option<&'n Node<'_>>) -> impl Iterator<Item = &'n str> {
    let one = node.and_then(Node::as_str);
    one.into_iter().chain(items(node).iter().filter_map(Node::as_str))
}

/// A path from a folder; nothing for an address, and for a text that is itself a patch.
fn resolved(folder: &str, path: &str) -> Option<String> {
    if path.contains(['\n', ':', '?']) || path.is_empty() {
        return None;
    }
    let mut parts: Vec<&str> = match (path.starts_with('/'), folder) {
        (true, _) | (_, ".") => Vec::new(),
        _ => folder.split('/').collect(),
    };
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." if parts.last().is_some_and(|last| !matches!(*last, ".." | "")) => {
                parts.pop();
            }
            part => parts.push(part),
        }
    }
    Some(if parts.is_empty() { ".".into() } else { parts.join("/") })
}
