//! Helm charts: a folder with a `Chart.yaml`, and the files in it that Helm reads.

use super::{Folders, ancestors, below, name, parent};

/// Folders of a chart whose files are templates, dependencies, or read before the others.
const PARTS: [&str; 4] = ["templates", "charts", "crds", "ci"];

/// The folders that are charts.
pub(super) fn folders(paths: &[String]) -> Folders {
    let heads = paths.iter().filter(|path| name(path) == "Chart.yaml");
    heads.map(|path| parent(path).to_owned()).collect()
}

/// The outermost chart that a file belongs to: what else lies in a chart's folder does not.
pub(super) fn owner<'c>(charts: &'c Folders, path: &str) -> Option<&'c str> {
    let owners = ancestors(path).filter_map(|folder| charts.get(folder));
    owners.filter(|chart| below(chart, path).is_some_and(is_part)).last().map(String::as_str)
}

/// Whether a chart is part of another one.
pub(super) fn is_within(charts: &Folders, chart: &str) -> bool {
    let mut others = ancestors(chart).filter(|folder| *folder != chart);
    others.any(|folder| charts.contains(folder) && below(folder, chart).is_some_and(is_part))
}

fn is_part(path: &str) -> bool {
    match path.split_once('/') {
        Some((folder, _)) => PARTS.contains(&folder),
        None => path == "Chart.yaml" || path.starts_with("values"),
    }
}
