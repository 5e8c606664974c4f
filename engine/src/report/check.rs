//! The answer of `check`.

use std::borrow::Cow;
use std::collections::BTreeMap;

use super::ignored::{Ignored, Place};
use super::types::{
    CheckReport, DiagnosticReport, KindCount, ObjectRef, Severity, SkippedReport, SkippedWhat,
    Summary,
};
use super::{fix, place};
use crate::cluster::Endpoint;
use crate::diagnostic::{Code, Diagnostic};
use crate::folder::{Skipped, SkippedKind};
use crate::lint;
use crate::manifest::{ForeignKind, Known, Object, SourceFile};
use crate::session::Session;
use crate::tree;

impl Session {
    /// All findings about the input, by file and position, and what was read.
    pub fn check(&self) -> CheckReport {
        let ignored = Ignored::new(self);
        let (mut diagnostics, mut suppressed) = (Vec::new(), 0);
        for (origin, finding) in self.findings() {
            match ignored.has(origin, &finding) {
                true => suppressed += 1,
                false => diagnostics.push(report(self, origin, &finding)),
            }
        }
        diagnostics
            .sort_by(|a, b| (&a.location, &a.code, &a.path).cmp(&(&b.location, &b.code, &b.path)));
        let summary = Summary { suppressed, ..summary(self, &diagnostics) };
        CheckReport { diagnostics, summary }
    }

    /// All findings, of documents and of lints, with where they stand; also those that are ignored.
    pub(super) fn findings(&self) -> Vec<(Option<Place>, Cow<'_, Diagnostic>)> {
        let mut all = Vec::new();
        for (file, source) in self.files().iter().enumerate() {
            let mut findings = findings(source);
            if tree::is_template(&source.text) {
                fold_template(&mut findings);
            }
            all.extend(findings.into_iter().map(|(part, one)| (Some((file, part)), one)));
        }
        let lints = lint::findings(self).into_iter();
        all.extend(lints.map(|(origin, finding)| (origin, Cow::Owned(finding))));
        all
    }

    /// What was read.
    pub fn summary(&self) -> Summary {
        self.check().summary
    }

    /// What was read, without looking for findings: their counts are 0.
    pub(super) fn summary_of_input(&self) -> Summary {
        summary(self, &[])
    }
}

/// Why an object of the input that could be an end is left out, by its namespace and name; none if
/// none of that name is.
pub(super) fn rejection(
    session: &Session,
    namespace: &str,
    name: &str,
) -> Option<DiagnosticReport> {
    let home = &*session.options().default_namespace;
    let is_named = |(kind, own, called): &(String, Option<String>, String)| {
        let is_policy = Known::named(kind).is_some_and(Known::is_policy);
        !is_policy && own.as_deref().unwrap_or(home) == namespace && called == name
    };
    let parts = session.files().iter().enumerate().flat_map(|(file, source)| {
        source.parts.iter().enumerate().map(move |(part, one)| ((file, part), &one.document))
    });
    parts.into_iter().find_map(|(origin, document)| {
        let is_kept = |finding: &Diagnostic| {
            let named = |object: &Object| {
                let Some((kind, _, name)) = &finding.object else { return false };
                object.kind() == kind && *object.meta.name == **name
            };
            document.objects.iter().any(|object| named(object))
        };
        let mut errors = document.findings.iter().filter(|one| one.severity() == Severity::Error);
        let why = errors.find(|one| one.object.as_ref().is_some_and(is_named) && !is_kept(one))?;
        Some(report(session, Some(origin), why))
    })
}

/// The findings of a file, each with its part of it.
fn findings(source: &SourceFile) -> Vec<(usize, Cow<'_, Diagnostic>)> {
    let parts = source.parts.iter().enumerate();
    let findings = parts.flat_map(|(number, part)| {
        part.document.findings.iter().map(move |finding| (number, Cow::Borrowed(finding)))
    });
    findings.collect()
}

/// A template is not valid YAML in many places: the first one says what it is.
fn fold_template(findings: &mut Vec<(usize, Cow<'_, Diagnostic>)>) {
    let mut is_first = true;
    findings.retain_mut(|(_, finding)| {
        if finding.code != Code::Syntax {
            return true;
        }
        finding.to_mut().help = Some(tree::TEMPLATE_HELP.to_owned());
        std::mem::take(&mut is_first)
    });
}

fn report(
    session: &Session,
    origin: Option<(usize, usize)>,
    finding: &Diagnostic,
) -> DiagnosticReport {
    let object = finding.object.clone();
    DiagnosticReport {
        code: finding.code.id().to_owned(),
        name: finding.code.name().to_owned(),
        severity: finding.severity(),
        message: finding.message.clone(),
        help: finding.help.clone(),
        object: object.map(|(kind, namespace, name)| ObjectRef { kind, namespace, name }),
        path: finding.path.clone(),
        location: origin
            .zip(finding.span)
            .and_then(|(origin, span)| place::location(session, origin, span)),
        fix: fix::report(session, origin, finding),
    }
}

fn summary(session: &Session, diagnostics: &[DiagnosticReport]) -> Summary {
    let count = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
    let of = |severity| count(diagnostics.iter().filter(|d| d.severity == severity).count());
    let mut ignored: BTreeMap<&str, u32> = BTreeMap::new();
    for part in session.files().iter().flat_map(|file| &file.parts) {
        for kind in &part.document.passed_over {
            *ignored.entry(kind).or_default() += 1;
        }
    }
    let model = session.model();
    let is_pod = |endpoint: &&Endpoint| !endpoint.template;
    Summary {
        files: count(session.files().len()),
        namespaces: count(model.namespaces.len()),
        workloads: count(model.workloads.len()),
        pods: count(model.endpoints.values().filter(is_pod).count()),
        nodes: count(model.nodes.iter().filter(|node| node.declared).count()),
        policies: count(session.policies().in_force().count()),
        audited: count(session.policies().audited().count()),
        host_endpoints: count(session.policies().hosts().iter().count()),
        ignored: ignored
            .into_iter()
            .map(|(kind, count)| KindCount { kind: kind.to_owned(), count })
            .collect(),
        not_judged: not_judged(session),
        rejected: rejected(session),
        skipped: session.skipped().iter().map(skipped).collect(),
        variants: count(diagnostics.iter().filter(|d| d.code == Code::Variants.id()).count()),
        errors: of(Severity::Error),
        warnings: of(Severity::Warning),
        infos: of(Severity::Info),
        suppressed: 0,
    }
}

fn skipped(skipped: &Skipped) -> SkippedReport {
    let folder = skipped.paths.first().map_or(".", String::as_str);
    let (what, rendered_by) = match skipped.what {
        SkippedKind::HelmChart => {
            (SkippedWhat::HelmChart, Some(format!("helm template {}", shell(folder))))
        }
        SkippedKind::Kustomization => {
            (SkippedWhat::Kustomization, Some(format!("kustomize build {}", shell(folder))))
        }
        SkippedKind::NotManifest => (SkippedWhat::NotManifest, None),
        SkippedKind::Ignored => (SkippedWhat::Ignored, None),
        SkippedKind::NotPermitted => (SkippedWhat::NotPermitted, None),
    };
    SkippedReport { what, paths: skipped.paths.clone(), rendered_by }
}

/// A path as a shell takes it.
fn shell(path: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/._-+@%:,=".contains(&byte);
    match path.bytes().all(plain) && !path.starts_with('-') {
        true => path.to_owned(),
        false => format!("'{}'", path.replace('\'', r"'\''")),
    }
}

/// Objects that no answer counts.
pub fn not_judged(session: &Session) -> Vec<KindCount> {
    session.not_judged().iter().map(|(kind, count)| kind_count(kind, *count)).collect()
}

/// Policies that are not in force.
pub fn rejected(session: &Session) -> Vec<KindCount> {
    session.rejected().iter().map(|(kind, count)| kind_count(kind, *count)).collect()
}

fn kind_count(ForeignKind { kind, group }: &ForeignKind, count: u32) -> KindCount {
    let kind = if group.is_empty() { kind.clone() } else { format!("{kind} ({group})") };
    KindCount { kind, count }
}
