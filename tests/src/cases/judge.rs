//! Whether answers are what is expected. The only place that knows what an expectation means.

use std::fmt;

use portcullis_engine::report::{
    DiagnosticReport, EndpointReport, Evidence, FlowReport, Isolation, ListReport, Match, Note,
    ObjectRef, PolicyEvidence, RuleEvidence, Severity, UnknownReason, Verdict,
};

use super::expect::{Place, Way};
use super::listed::{listed, listed_whole};
use super::{Admitter, Answers, Case, Expect, FlowAnswer};

/// An expectation that was not met.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// The case file.
    pub path: String,
    /// The line of the expectation.
    pub line: usize,
    /// The section.
    pub title: String,
    /// The expectation as written.
    pub expected: String,
    /// What was found instead.
    pub found: String,
}

impl Failure {
    /// A failure of a case.
    pub fn new(case: &Case, line: usize, expected: &str, found: &str) -> Self {
        Self {
            path: case.path.clone(),
            line,
            title: case.title.clone(),
            expected: expected.to_owned(),
            found: found.to_owned(),
        }
    }

    /// A failure of the file itself.
    pub fn in_file(path: &str, line: usize, found: &str) -> Self {
        let case = Case { path: path.to_owned(), ..Case::default() };
        Self::new(&case, line, "", found)
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.path, self.line)?;
        if !self.title.is_empty() {
            write!(f, " ({})", self.title)?;
        }
        match self.expected.is_empty() {
            true => write!(f, ": {}", self.found),
            false => write!(f, "\n    expected  {}\n    found     {}", self.expected, self.found),
        }
    }
}

/// The expectations of a case that its answers do not meet.
pub fn judge(case: &Case, answers: &Answers) -> Vec<Failure> {
    let pairs = answers.list.clone().in_pairs();
    let mut flows = answers.flows.iter();
    let mut failures = Vec::new();
    for expectation in &case.expectations {
        let flow = match expectation.expect.flow() {
            Some(_) => flows.next(),
            None => None,
        };
        if let Err(found) = meets(&expectation.expect, (answers, &pairs), flow) {
            let (line, text) = (expectation.line, &expectation.text);
            failures.push(Failure::new(case, line, text, &found));
        }
    }
    if answers.flows.len() != case.flows.len() {
        let found = format!("{} answers", answers.flows.len());
        let expected = format!("{} questions", case.flows.len());
        failures.push(Failure::new(case, case.line, &expected, &found));
    }
    failures
}

/// Whether a list leaves open what host endpoints decide.
fn is_left_open(list: &ListReport, said: Verdict) -> bool {
    said == Verdict::Unknown && by_hosts(list)
}

fn by_hosts(list: &ListReport) -> bool {
    list.notes.iter().any(|note| note.reason == UnknownReason::HostEndpoint)
}

fn meets(
    expect: &Expect,
    (answers, pairs): (&Answers, &ListReport),
    flow: Option<&FlowAnswer>,
) -> Result<(), String> {
    match expect {
        Expect::Verdict(_, verdict, reason, by) => {
            let report = answered(flow)?;
            let reason_agrees = reason.is_none() || report.reason == *reason;
            if report.verdict != *verdict || !reason_agrees {
                return Err(conclusion(report));
            }
            let listed = listed(pairs, report);
            let listed = listed.filter(|said| said != verdict && !is_left_open(pairs, *said));
            if let Some(listed) = listed {
                return Err(format!("{}, but `list` says {}", word(*verdict), word(listed)));
            }
            by.as_ref().map_or(Ok(()), |by| admitted(report, by))
        }
        Expect::Audited(_, verdict, by) => audited(answered(flow)?, *verdict, by.as_deref()),
        Expect::Siblings(_, verdict) => {
            let report = answered(flow)?;
            let agrees = report.siblings && report.verdict == *verdict;
            same(agrees, || format!("between pods: {}; {}", report.siblings, conclusion(report)))
        }
        Expect::Refused(_, text) => refused(flow, text),
        Expect::Whole(_, text) => {
            let report = answered(flow)?;
            let allowed = report.allowed.as_deref().unwrap_or("none");
            same(allowed == text, || allowed.to_owned())?;
            let listed = listed_whole(pairs, report).unwrap_or(allowed);
            let listed = if by_hosts(pairs) && listed == "none" { text } else { listed };
            same(listed == text, || format!("{allowed}, but `list` says {listed}"))
        }
        Expect::Finding(code, place) => finding(&answers.check.diagnostics, code, place.as_ref()),
        Expect::Absent(code) => {
            let found = &answers.check.diagnostics;
            same(found.iter().all(|finding| finding.code != *code), || findings_text(found))
        }
        Expect::Findings(codes) => findings(&answers.check.diagnostics, codes),
        Expect::Listed(text) => {
            let lines = answers.list_lines();
            same(lines.contains(text), || nearest_lines(&lines, text))
        }
        Expect::NotListed(text) => {
            let lines = answers.list_lines();
            let line = lines.iter().find(|line| line.starts_with(text));
            line.map_or(Ok(()), |line| Err(line.clone()))
        }
        Expect::Noted(text) => {
            let found = notes_text(&answers.list.notes);
            same(found == *text, || found.clone())
        }
        Expect::Isolated(who, way, isolated) => isolation(answers, who, (*way, *isolated)),
    }
}

fn same(same: bool, found: impl FnOnce() -> String) -> Result<(), String> {
    if same { Ok(()) } else { Err(found()) }
}

fn audited(report: &FlowReport, verdict: Option<Verdict>, by: Option<&str>) -> Result<(), String> {
    let audit = report.audit.as_deref();
    let name = |policy: &ObjectRef| match &policy.namespace {
        Some(namespace) => format!("{namespace}/{}", policy.name),
        None => policy.name.clone(),
    };
    let deciding: Vec<String> = audit.iter().flat_map(|one| &one.policies).map(name).collect();
    let found = audit.map(|audit| audit.verdict);
    let agrees = found == verdict && by.is_none_or(|by| deciding.iter().any(|one| one == by));
    same(agrees, || format!("audited: {} by {deciding:?}", found.map_or("none", word)))
}

fn answered(flow: Option<&FlowAnswer>) -> Result<&FlowReport, String> {
    match flow {
        Some(FlowAnswer::Report(report)) => Ok(report),
        Some(FlowAnswer::Refused { error }) => Err(format!("error: {error}")),
        None => Err("no answer".into()),
    }
}

fn refused(flow: Option<&FlowAnswer>, text: &str) -> Result<(), String> {
    match flow {
        Some(FlowAnswer::Refused { error }) => {
            same(error.contains(text), || format!("error: {error}"))
        }
        _ => Err(conclusion(answered(flow)?)),
    }
}

fn conclusion(report: &FlowReport) -> String {
    let reason = report.reason.map(|reason| format!(" ({})", reason_name(reason)));
    let Evidence { egress, ingress } = &report.evidence;
    format!(
        "{}{}: {}; egress: {}; ingress: {}",
        word(report.verdict),
        reason.unwrap_or_default(),
        report.summary,
        egress.summary,
        ingress.summary
    )
}

fn reason_name(reason: UnknownReason) -> String {
    let code = serde_json::to_value(reason).unwrap_or_default();
    code.as_str().unwrap_or_default().to_owned()
}

fn word(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Allow => "allow",
        Verdict::Deny => "deny",
        Verdict::Unknown => "unknown",
    }
}

/// Whether the named rule, peer or port is among what admits the flow, on its line.
fn admitted(report: &FlowReport, by: &Admitter) -> Result<(), String> {
    let ends = [&report.evidence.egress, &report.evidence.ingress];
    let policies = ends.into_iter().flat_map(|end| &end.policies);
    let admitting: Vec<String> = policies.flat_map(admitting).collect();
    let begins = format!("{} {} at ", by.policy, by.path);
    let meets = admitting.iter().any(|found| match by.line {
        Some(line) => *found == format!("{begins}{line}"),
        None => found.starts_with(&begins),
    });
    same(meets, || format!("allow by {}", admitting.join(", ")))
}

/// `NAMESPACE/POLICY PATH at LINE` of every entry that takes part in admitting.
fn admitting(policy: &PolicyEvidence) -> Vec<String> {
    let namespace = policy.policy.namespace.as_deref().unwrap_or_default();
    let name = format!("{namespace}/{}", policy.policy.name);
    let rules = policy.rules.iter().filter(|rule| rule.matches == Match::Yes);
    let places = rules.flat_map(entries);
    let text = |(path, line): (&str, Option<u32>)| {
        let line = line.map_or("?".into(), |line| line.to_string());
        format!("{name} {path} at {line}")
    };
    places.map(text).collect()
}

fn entries(rule: &RuleEvidence) -> impl Iterator<Item = (&str, Option<u32>)> {
    let own = (&*rule.path, rule.location.as_ref().map(|place| place.line));
    let parts = rule.peers.iter().chain(&rule.ports);
    let matching = parts.filter(|entry| entry.matches == Match::Yes);
    let parts = matching.map(|entry| {
        let line = entry.location.as_ref().map(|place| place.line);
        (&*entry.path, line)
    });
    std::iter::once(own).chain(parts)
}

fn finding(found: &[DiagnosticReport], code: &str, place: Option<&Place>) -> Result<(), String> {
    let at = |finding: &DiagnosticReport| match (place, &finding.location) {
        (None, _) => true,
        (Some(_), None) => false,
        (Some(place), Some(found)) => {
            let column = place.column.unwrap_or(found.column);
            (&*place.file, place.line, column) == (&*found.file, found.line, found.column)
        }
    };
    let meets = found.iter().any(|finding| finding.code == code && at(finding));
    same(meets, || findings_text(found))
}

fn findings(found: &[DiagnosticReport], codes: &[String]) -> Result<(), String> {
    let counted = found.iter().filter(|finding| finding.severity >= Severity::Warning);
    let mut of_note: Vec<&str> = counted.map(|finding| &*finding.code).collect();
    of_note.sort_unstable();
    same(of_note == *codes, || findings_text(found))
}

fn findings_text(found: &[DiagnosticReport]) -> String {
    if found.is_empty() {
        return "no diagnostics".into();
    }
    let text = |finding: &DiagnosticReport| {
        let place = finding.location.as_ref();
        let place = place.map(|at| format!(" at {}:{}:{}", at.file, at.line, at.column));
        let place = place.unwrap_or_default();
        format!("{}{place} ({})", finding.code, finding.message)
    };
    let texts: Vec<String> = found.iter().map(text).collect();
    texts.join("; ")
}

/// The lines that speak of the same source, or all that there are.
fn nearest_lines(lines: &[String], text: &str) -> String {
    let source = text.split(" => ").next().unwrap_or(text);
    let of_source = lines.iter().filter(|line| line.starts_with(source));
    let near: Vec<&str> = of_source.map(String::as_str).collect();
    match (near.is_empty(), lines.is_empty()) {
        (false, _) => near.join("; "),
        (true, false) => format!("no line of {source}, {} others", lines.len()),
        (true, true) => "an empty list".into(),
    }
}

fn notes_text(notes: &[Note]) -> String {
    if notes.is_empty() {
        return "none".into();
    }
    let text = |note: &Note| {
        let policy = note.policy.as_ref().map(|policy| {
            let namespace = policy.namespace.as_deref().unwrap_or_default();
            format!(" {namespace}/{}", policy.name)
        });
        let path = note.path.as_ref().map(|path| format!(" {path}"));
        let (policy, path) = (policy.unwrap_or_default(), path.unwrap_or_default());
        format!("{}{policy}{path} {}", reason_name(note.reason), note.connections)
    };
    notes.iter().map(text).collect::<Vec<_>>().join(", ")
}

fn isolation(answers: &Answers, who: &str, (way, expected): (Way, bool)) -> Result<(), String> {
    let endpoints = answers.list.endpoints.iter();
    let mut found = false;
    for endpoint in endpoints.filter(|endpoint| is(endpoint, who)) {
        found = true;
        let isolation = match way {
            Way::Ingress => endpoint.ingress,
            Way::Egress => endpoint.egress,
        };
        let meets = match isolation {
            Some(Isolation::Yes) => expected,
            Some(Isolation::No | Isolation::Unenforced) => !expected,
            Some(Isolation::Unknown) | None => false,
        };
        same(meets, || format!("{}: {isolation:?}", endpoint.id))?;
    }
    same(found, || "no such endpoint in the list".into())
}

/// Whether an endpoint is `NAMESPACE/POD`, `NAMESPACE/WORKLOAD` or `NAMESPACE/KIND/NAME`.
fn is(endpoint: &EndpointReport, who: &str) -> bool {
    let parts: Vec<&str> = who.split('/').collect();
    let name = |name: &str| endpoint.name.as_deref() == Some(name);
    let pod = |name: &str| endpoint.pods.iter().any(|pod| pod == name);
    let (namespace, named) = match parts.as_slice() {
        [namespace, one] => (namespace, pod(one) || name(one)),
        [namespace, "Pod", one] => (namespace, pod(one)),
        [namespace, kind, one] => {
            let of_kind = endpoint.workload_kind.as_deref() == Some(*kind);
            (namespace, of_kind && name(one))
        }
        _ => return false,
    };
    named && endpoint.namespace.as_deref() == Some(*namespace)
}

#[cfg(test)]
mod tests {
    use super::super::parse;
    use super::*;

    const INPUT: &str = "# T
```yaml
kind: Pod
apiVersion: v1
metadata: {name: web, namespace: shop, labels: {app: web}}
---
kind: Pod
apiVersion: v1
metadata: {name: db, namespace: shop, labels: {app: db}}
```
## C
```yaml
kind: NetworkPolicy
apiVersion: networking.k8s.io/v1
metadata: {name: p, namespace: shop}
spec:
  podSelector: {matchLabels: {app: db}}
  ingres: []
  ingress:
    - from:
        - podSelector: {matchLabels: {app: web}}
        - ipBlock: {cidr: 10.0.0.0/8}
      ports:
        - port: 5432
```
";

    /// What is expected in this wording of the one case, judged by the engine's answers.
    fn failures(expectations: &str) -> Vec<Failure> {
        let text = format!("{INPUT}```expect\n{expectations}\n```\n");
        let file = parse("t.md", &text);
        assert_eq!(file.problems, []);
        let case = &file.cases[0];
        judge(case, &Answers::of_engine(case).unwrap())
    }

    #[test]
    fn what_is_so_is_accepted() {
        let right = "
            shop/web -> shop/db TCP 5432: allow
            shop/web -> shop/db TCP 5432: allow by shop/p spec.ingress[0]
            shop/web -> shop/db TCP 5432: allow by shop/p spec.ingress[0].from[0] at 9
            shop/web -> shop/db TCP 5432: allow by shop/p spec.ingress[0].ports[0] at 12
            shop/web -> shop/db TCP 80: deny
            shop/web -> shop/db: TCP 5432
            shop/db -> shop/web: All Connections
            203.0.113.9 -> shop/db: none
            shop/web -> shop/dbb TCP 80: error: no pod or workload
            diagnostic L19 at case.yaml:6
            diagnostic L19 at case.yaml:6:3
            diagnostic L19
            diagnostics: L19
            list: shop/web[Pod] => shop/db[Pod] : TCP 5432
            list not: shop/web[Pod] => shop/db[Pod] : TCP 80
            notes: none
            isolated: shop/db ingress
            isolated: shop/Pod/db ingress
            not isolated: shop/db egress";
        assert_eq!(failures(right), []);
    }

    #[test]
    fn each_wrong_expectation_is_found() {
        let wrong = [
            "shop/web -> shop/db TCP 5432: deny",
            "shop/web -> shop/db TCP 5432: unknown",
            "shop/web -> shop/db TCP 5432: unknown (address)",
            "shop/web -> shop/db TCP 5432: error: no pod",
            "shop/web -> shop/db TCP 5432: allow by shop/q spec.ingress[0]",
            "shop/web -> shop/db TCP 5432: allow by shop/p spec.ingress[0].from[1]",
            "shop/web -> shop/db TCP 5432: allow by shop/p spec.ingress[0].from[0] at 8",
            "shop/web -> shop/db TCP 80: allow",
            "shop/web -> shop/db: TCP 5432-5433",
            "shop/web -> shop/db: none",
            "shop/db -> shop/web: TCP 1-65535",
            "shop/web -> shop/dbb TCP 80: error: has finished",
            "shop/web -> shop/dbb TCP 80: deny",
            "diagnostic L20",
            "diagnostic L19 at case.yaml:7",
            "diagnostic L19 at fixture.yaml:6",
            "diagnostic L19 at case.yaml:6:1",
            "diagnostics: L19 L19",
            "diagnostics: L20",
            "no diagnostics",
            "list: shop/web[Pod] => shop/db[Pod] : TCP 54",
            "list not: shop/web[Pod] => shop/db[Pod] : TCP",
            "notes: node 1",
            "isolated: shop/db egress",
            "isolated: shop/nobody ingress",
            "not isolated: shop/db ingress",
            "not isolated: shop/nobody ingress",
        ];
        let found = failures(&wrong.join("\n"));
        let found: Vec<&str> = found.iter().map(|failure| &*failure.expected).collect();
        assert_eq!(found, wrong);
    }

    #[test]
    fn missing_answers_are_found() {
        let text = format!("{INPUT}```expect\nshop/web -> shop/db TCP 5432: allow\n```\n");
        let file = parse("t.md", &text);
        let mut answers = Answers::of_engine(&file.cases[0]).unwrap();
        answers.flows.clear();
        assert_eq!(judge(&file.cases[0], &answers).len(), 2);
    }
}
