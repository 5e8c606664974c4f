//! What findings about the input mean for a command that was asked something else.

use std::path::PathBuf;

use portcullis_engine::Session;
use portcullis_engine::report::text::Plain;
use portcullis_engine::report::{Severity, Summary, text};

use crate::args::{ClusterArgs, FailOn, InputArgs, OutputArgs};
use crate::output::{self, Outcome};

/// `1 error and 2 warnings`; nothing if there are none.
pub fn counts(summary: &Summary) -> Option<String> {
    let parts = [count(summary.errors, "error"), count(summary.warnings, "warning")];
    let parts: Vec<String> = parts.into_iter().flatten().collect();
    (!parts.is_empty()).then(|| parts.join(" and "))
}

/// `3 workloads`; nothing for none.
pub fn count(n: u32, noun: &str) -> Option<String> {
    match n {
        0 => None,
        1 => Some(format!("1 {noun}")),
        n => Some(format!("{n} {noun}s")),
    }
}

/// Says what the answer does not count, how many findings there are and how to see them.
pub fn say(summary: &Summary, command: &str, input: &InputArgs, say: OutputArgs) {
    left_out(summary, command, say);
    if say.quiet {
        return;
    }
    text::rejected(&summary.rejected).iter().for_each(|line| output::say(line));
    let see = format!("see `portcullis check {}`", self::paths(input));
    if summary.variants > 0 {
        output::say(&format!(
            "some objects stand in several files, differently: the last counts: {see}"
        ));
    }
    if let Some(counts) = counts(summary) {
        output::say(&format!("{counts} in the input: {see}"));
    }
}

/// Says which objects decide traffic and are not in the answer, and what of the folders was not
/// read.
pub fn left_out(summary: &Summary, command: &str, say: OutputArgs) {
    if say.quiet {
        return;
    }
    let not_judged = text::not_judged(&summary.not_judged);
    let skipped = text::skipped(&summary.skipped, command);
    not_judged.into_iter().chain(skipped).for_each(|line| output::say(&line));
}

/// The paths as they were given.
pub fn paths(input: &InputArgs) -> String {
    // A name must not tell the terminal what to do.
    let paths = cluster(&input.more.cluster)
        .into_iter()
        .chain(input.paths.iter().map(|path| Plain(&path.display().to_string()).to_string()));
    let of = |option: &str, paths: &[PathBuf]| {
        let one = |path: &PathBuf| format!("{option} {}", Plain(&path.display().to_string()));
        paths.iter().map(one).collect::<Vec<_>>()
    };
    let rendered =
        of("--helm", &input.more.helm).into_iter().chain(of("--kustomize", &input.more.kustomize));
    paths.chain(rendered).collect::<Vec<_>>().join(" ")
}

/// How the cluster was asked for, if it was.
pub fn cluster(cluster: &ClusterArgs) -> Option<String> {
    let context = cluster.context.as_ref().map(|context| format!("--context {}", Plain(context)));
    let file = cluster.kubeconfig.as_ref();
    let file = file.map(|file| format!("--kubeconfig {}", Plain(&file.display().to_string())));
    let named: Vec<String> = context.into_iter().chain(file).collect();
    cluster.is_wanted().then(|| match named.as_slice() {
        [] => "--cluster".into(),
        named => named.join(" "),
    })
}

/// Whether findings fail the command.
pub fn outcome(summary: &Summary, fail_on: FailOn) -> Outcome {
    let most = [
        (Severity::Error, summary.errors),
        (Severity::Warning, summary.warnings),
        (Severity::Info, summary.infos),
    ];
    let failing =
        |(severity, count)| count > 0 && fail_on.least().is_some_and(|least| severity >= least);
    if most.into_iter().any(failing) { Outcome::NotMet } else { Outcome::Answered }
}

/// Why there is nothing to answer from, if there is nothing.
pub fn unusable(session: &Session, summary: &Summary) -> Option<&'static str> {
    let mut parts = session.files().iter().flat_map(|file| &file.parts);
    let is_empty = parts.all(|part| part.document.objects.is_empty());
    if !is_empty || !summary.not_judged.is_empty() {
        return None;
    }
    Some(match summary.errors {
        0 => "no workload, pod, node, namespace, Service or policy in the input",
        _ => "nothing in the input could be read",
    })
}
