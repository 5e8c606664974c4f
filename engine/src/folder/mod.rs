//! What lies in a folder besides manifests: Helm charts, kustomize trees and their patches.
//!
//! Decided by names of files and by what a `kustomization.yaml` names; nothing is opened here.

mod chart;
mod kustomize;

use std::collections::{BTreeMap, BTreeSet};

use kustomize::Kustomization;

/// Something that is not read as a manifest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Skipped {
    /// What it is.
    pub what: SkippedKind,
    /// Its paths: of a chart or a tree, the folder and then the files that are left out; else the
    /// files, or what kinds are called. Not empty.
    pub paths: Vec<String>,
}

/// What is not read as a manifest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum SkippedKind {
    /// A Helm chart: its templates become manifests only when Helm renders them.
    HelmChart,
    /// A kustomize tree: its manifests are read as they stand, and what changes them is not.
    Kustomization,
    /// Files without any Kubernetes object.
    NotManifest,
    /// Files and folders that the user's configuration leaves out.
    Ignored,
    /// Kinds that a cluster has and that whoever asks may not read.
    NotPermitted,
}

/// What of a folder is read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Layout {
    /// Paths of manifests, or of what may be one; in the order in which they were given.
    pub manifests: Vec<String>,
    /// Those that belong to kustomize trees, which may complete them.
    pub of_trees: BTreeSet<String>,
    /// Charts, then kustomize trees, each by path.
    pub skipped: Vec<Skipped>,
}

/// Whether a file of this name tells kustomize what to do.
pub fn is_kustomization(name: &str) -> bool {
    matches!(name, "kustomization.yaml" | "kustomization.yml" | "Kustomization")
}

/// Sorts the files of a folder.
///
/// # Shape
/// `paths` are separated by `/`, in any order; `text` gives what a kustomization holds, and nothing
/// if it cannot be read.
pub fn layout(paths: Vec<String>, mut text: impl FnMut(&str) -> Option<String>) -> Layout {
    let charts = chart::folders(&paths);
    let mut trees = BTreeMap::new();
    for path in paths.iter().filter(|path| is_kustomization(name(path))) {
        if chart::owner(&charts, path).is_none() {
            let folder = parent(path).to_owned();
            let read = text(path).map(|text| Kustomization::read(&folder, &text));
            trees.insert(folder, read.unwrap_or_default());
        }
    }
    let inputs = kustomize::inputs(&trees);
    let mut left_out: BTreeMap<(SkippedKind, &str), Vec<String>> = BTreeMap::new();
    let charts_told = charts.iter().filter(|chart| !chart::is_within(&charts, chart));
    left_out.extend(charts_told.map(|chart| ((SkippedKind::HelmChart, &**chart), Vec::new())));
    let roots = kustomize::roots(&trees);
    left_out.extend(roots.iter().map(|root| ((SkippedKind::Kustomization, *root), Vec::new())));
    let mut manifests = Vec::with_capacity(paths.len());
    for path in paths {
        let owner = match chart::owner(&charts, &path) {
            Some(chart) => Some((SkippedKind::HelmChart, chart)),
            None if is_kustomization(name(&path)) => continue,
            None => kustomize::owner(&inputs, &path).map(|tree| (SkippedKind::Kustomization, tree)),
        };
        match owner {
            Some(owner) => left_out.entry(owner).or_default().push(path),
            None => manifests.push(path),
        }
    }
    let is_of_tree = |path: &&String| ancestors(path).any(|folder| trees.contains_key(folder));
    let of_trees = manifests.iter().filter(is_of_tree).cloned().collect();
    let skipped = left_out.into_iter().map(|((what, folder), files)| {
        let paths = std::iter::once(folder.to_owned()).chain(files).collect();
        Skipped { what, paths }
    });
    Layout { manifests, of_trees, skipped: skipped.collect() }
}

fn name(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

/// The folder that a path is in; `.` where the path names none.
fn parent(path: &str) -> &str {
    path.rsplit_once('/').map_or(".", |(folder, _)| folder)
}

/// The part of a path below a folder, if it is below it.
fn below<'p>(folder: &str, path: &'p str) -> Option<&'p str> {
    match folder {
        "." => Some(path).filter(|path| !path.starts_with("../") && !path.starts_with('/')),
        _ => path.strip_prefix(folder)?.strip_prefix('/'),
    }
}

/// A folder and all that are above it, the nearest first.
fn ancestors(path: &str) -> impl Iterator<Item = &str> {
    let parents = std::iter::successors(Some(path), |path| Some(path.rsplit_once('/')?.0));
    parents.skip(1).chain(std::iter::once("."))
}

/// Folders, for questions by path.
type Folders = BTreeSet<String>;

#[cfg(test)]
mod tests {
    use super::*;

    fn sorted(files: &[(&str, &str)]) -> Layout {
        let paths = files.iter().map(|(path, _)| (*path).to_owned()).collect();
        let text = |path: &str| {
            let file = files.iter().find(|(known, _)| *known == path);
            file.map(|(_, text)| (*text).to_owned())
        };
        layout(paths, text)
    }

    fn skipped(what: SkippedKind, paths: &[&str]) -> Skipped {
        Skipped { what, paths: paths.iter().map(|path| (*path).to_owned()).collect() }
    }

    #[test]
    fn a_chart_is_told_once_and_what_lies_beside_its_own_files_is_read() {
        let files = [
            "a/Chart.yaml",
            "a/charts/b/Chart.yaml",
            "a/charts/b/templates/x.yaml",
            "a/ci/values.yaml",
            "a/examples/pod.yaml",
            "a/templates/deep/x.yaml",
            "a/values-dev.yaml",
            "b.yaml",
        ];
        let layout = sorted(&files.map(|path| (path, "")));
        assert_eq!(layout.manifests, ["a/examples/pod.yaml", "b.yaml"]);
        let chart = ["a", files[0], files[1], files[2], files[3], files[5], files[6]];
        assert_eq!(layout.skipped, [skipped(SkippedKind::HelmChart, &chart)]);
    }

    #[test]
    fn a_chart_may_be_the_folder_itself() {
        let layout = sorted(&[("Chart.yaml", ""), ("templates/x.yaml", ""), ("pod.yaml", "")]);
        assert_eq!(layout.manifests, ["pod.yaml"]);
        let chart = [".", "Chart.yaml", "templates/x.yaml"];
        assert_eq!(layout.skipped, [skipped(SkippedKind::HelmChart, &chart)]);
    }

    #[test]
    fn patches_are_no_manifests_and_overlays_are_told() {
        let overlay = "resources: [../base, https://x.example/y]\npatches:\n- path: patch.yaml\n\
                       - patch: |-\n    a: b\npatchesStrategicMerge: [./deep/more.yaml]\n\
                       configMapGenerator:\n- files: [a.json, name=b.json]\n";
        let layout = sorted(&[
            ("k/base/kustomization.yaml", "resources: [np.yaml]\n"),
            ("k/base/np.yaml", ""),
            ("k/overlay/a.json", ""),
            ("k/overlay/b.json", ""),
            ("k/overlay/deep/more.yaml", ""),
            ("k/overlay/kustomization.yml", overlay),
            ("k/overlay/patch.yaml", ""),
            ("k/overlay/pod.yaml", ""),
        ]);
        assert_eq!(layout.manifests, ["k/base/np.yaml", "k/overlay/pod.yaml"]);
        let left_out =
            ["k/overlay", "a.json", "b.json", "deep/more.yaml", "patch.yaml"].map(|path| {
                if path.starts_with("k/") { path.to_owned() } else { format!("k/overlay/{path}") }
            });
        let left_out = left_out.each_ref().map(String::as_str);
        assert_eq!(layout.skipped, [skipped(SkippedKind::Kustomization, &left_out)]);
    }

    #[test]
    fn a_file_that_is_a_resource_too_is_read() {
        let text = "resources: [a.yaml]\npatches: [{path: a.yaml}]\n";
        let layout = sorted(&[("a.yaml", ""), ("kustomization.yaml", text)]);
        assert_eq!(layout.manifests, ["a.yaml"]);
        assert_eq!(layout.skipped, [skipped(SkippedKind::Kustomization, &["."])]);
    }

    #[test]
    fn trees_that_only_name_each_other_are_told_once_each() {
        let file = |folder: &str, named: &str| {
            let text = format!("resources: [{named}]\n");
            (format!("{folder}/kustomization.yaml"), text)
        };
        let trees = [
            file("a", "x.yaml"),
            // What the circle of b and c builds upon.
            file("alone", "."),
            file("base", ""),
            file("b", "../c, ../base"),
            file("c", "../b"),
            file("d", "../e"),
            file("e", "../d"),
        ];
        let trees = trees.each_ref().map(|(path, text)| (path.as_str(), text.as_str()));
        let told = sorted(&trees).skipped.into_iter().map(|one| one.paths.join(" "));
        assert_eq!(told.collect::<Vec<_>>(), ["a", "alone", "b", "d"]);
    }

    /// Two that name each other have no root, and are told all the same.
    #[test]
    fn a_kustomization_that_cannot_be_read_hides_nothing() {
        for text in ["resources: [", "- a\n", "resources: 1\npatches: [1, {path: [x]}]\n"] {
            let layout = sorted(&[("a.yaml", ""), ("kustomization.yaml", text)]);
            assert_eq!(layout.manifests, ["a.yaml"]);
            assert_eq!(layout.skipped.len(), 1, "{text}");
        }
        let a = ("a/kustomization.yaml", "resources: [../b]\n");
        let b = ("b/kustomization.yaml", "resources: [../a]\n");
        assert_eq!(sorted(&[a, b]).skipped.len(), 1);
    }
}
