//! What lies among the files and is not read, in a line for each kind of thing.

use super::super::types::{SkippedReport, SkippedWhat};
use super::Plain;

/// How many of a kind are named.
const NAMED: usize = 3;

/// What an answer leaves out of the folders that were read, and how to have it read.
///
/// # Shape
/// One line each for charts, kustomize trees, other files and what is ignored, in this order; none if there is
/// nothing of the kind. `command` is what was run, such as `portcullis list`.
pub fn skipped(skipped: &[SkippedReport], command: &str) -> Vec<String> {
    let of = |what| skipped.iter().filter(|one| one.what == what).collect::<Vec<_>>();
    let charts = of(SkippedWhat::HelmChart);
    let trees = of(SkippedWhat::Kustomization);
    let others = of(SkippedWhat::NotManifest);
    let charts = tell(&charts, command, &|names, one| match one {
        true => format!("{names} is a Helm chart and is not read"),
        false => format!("{} Helm charts are not read ({names})", charts.len()),
    });
    let left_out: usize = trees.iter().map(|tree| tree.paths.len() - 1).sum();
    let without = match left_out {
        0 => String::new(),
        1 => ", and 1 patch or other input is left out".into(),
        n => format!(", and {n} patches or other inputs are left out"),
    };
    let trees = tell(&trees, command, &|names, one| match one {
        true => format!("{names} is a kustomize tree: its files are read as they stand{without}"),
        false => format!(
            "{} kustomize trees ({names}): their files are read as they stand{without}",
            trees.len()
        ),
    });
    let paths: Vec<String> = others.iter().flat_map(|one| one.paths.iter().cloned()).collect();
    let others = (!paths.is_empty()).then(|| match paths.as_slice() {
        [one] => format!("{} is not a manifest", Plain(one)),
        paths => format!("{} files are not manifests ({})", paths.len(), named(paths)),
    });
    let ignored: Vec<String> =
        of(SkippedWhat::Ignored).iter().flat_map(|one| one.paths.iter().cloned()).collect();
    let ignored = (!ignored.is_empty()).then(|| match ignored.as_slice() {
        [one] => format!("{} is ignored, as the configuration says", Plain(one)),
        paths => format!("{} paths are ignored, as the configuration says", paths.len()),
    });
    let unread: Vec<String> =
        of(SkippedWhat::NotPermitted).iter().flat_map(|one| one.paths.iter().cloned()).collect();
    let unread = (!unread.is_empty()).then(|| {
        let names: Vec<String> = unread.iter().map(|name| Plain(name).to_string()).collect();
        format!("not read, for want of rights: {}; they can change this answer", names.join(", "))
    });
    charts.into_iter().chain(trees).chain(others).chain(ignored).chain(unread).collect()
}

/// What is said of one thing or of several, and the command that renders them.
fn tell(
    things: &[&SkippedReport],
    command: &str,
    say: &dyn Fn(&str, bool) -> String,
) -> Option<String> {
    let folders: Vec<String> = things.iter().filter_map(|one| one.paths.first().cloned()).collect();
    let first = things.first()?.rendered_by.as_deref().unwrap_or_default();
    let text = say(&named(&folders), folders.len() == 1);
    let each = if folders.len() == 1 { "" } else { "for example " };
    Some(format!("{text}: {each}`{} | {command} -` reads what it renders", Plain(first)))
}

/// The first names, and a sign that there are more.
fn named(names: &[String]) -> String {
    let mut shown: Vec<String> =
        names.iter().take(NAMED).map(|name| Plain(name).to_string()).collect();
    if names.len() > NAMED {
        shown.push("…".into());
    }
    shown.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(what: SkippedWhat, paths: &[&str], rendered_by: Option<&str>) -> SkippedReport {
        let paths = paths.iter().map(|path| (*path).to_owned()).collect();
        SkippedReport { what, paths, rendered_by: rendered_by.map(str::to_owned) }
    }

    #[test]
    fn one_of_each() {
        let lines = skipped(
            &[
                report(SkippedWhat::HelmChart, &["c", "c/Chart.yaml"], Some("helm template c")),
                report(SkippedWhat::Kustomization, &["o", "o/p.yaml"], Some("kustomize build o")),
                report(SkippedWhat::NotManifest, &["package\u{1b}.json"], None),
            ],
            "portcullis list",
        );
        assert_eq!(
            lines,
            [
                "c is a Helm chart and is not read: `helm template c | portcullis list -` reads \
                 what it renders",
                "o is a kustomize tree: its files are read as they stand, and 1 patch or other \
                 input is left out: `kustomize build o | portcullis list -` reads what it renders",
                "package\\u{1b}.json is not a manifest",
            ]
        );
    }

    #[test]
    fn many_are_one_line() {
        let charts: Vec<SkippedReport> = ["a", "b", "c", "d"]
            .map(|name| report(SkippedWhat::HelmChart, &[name], Some("helm template a")))
            .into();
        let lines = skipped(&charts, "portcullis check");
        assert_eq!(
            lines,
            ["4 Helm charts are not read (a, b, c, …): for example `helm template a | portcullis \
              check -` reads what it renders"]
        );
        let others = [report(SkippedWhat::NotManifest, &["a", "b"], None)];
        assert_eq!(skipped(&others, ""), ["2 files are not manifests (a, b)"]);
        assert!(skipped(&[], "").is_empty());
    }
}
