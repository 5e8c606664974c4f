//! Answers requests: keeps the session, and the last one whose documents were whole.

use portcullis_engine::report::DiagnosticReport;
use portcullis_engine::{Change, Options, Session, SourceFile};

use super::message::{
    Broken, Findings, FlowAnswer, Judged, Reach, ReachLine, Reply, Request, SourceText,
};
use super::rule;
use super::scene::Atlas;

/// Findings that are shown at once; a page with ten thousand of them helps nobody.
const FINDINGS: usize = 500;
/// Lines of one direction of a reach.
const REACH: usize = 300;

pub struct Desk {
    session: Session,
    /// The last session that was whole, and what was found out about it.
    shown: Option<(Session, Atlas)>,
}

impl Default for Desk {
    fn default() -> Self {
        Self { session: Session::new(Options::default()), shown: None }
    }
}

impl Desk {
    /// All that has been read last.
    pub fn session(&self) -> &Session {
        &self.session
    }

    pub fn answer(&mut self, request: Request) -> Reply {
        let Request { generation, anew, put, remove, question } = request;
        if anew {
            *self = Self::default();
        }
        let changed = anew || !put.is_empty() || !remove.is_empty();
        let findings = changed.then(|| self.read(put, remove));
        let scene = findings.as_ref().and_then(|found| self.draw(found.broken.is_none()));
        let mut reply =
            Reply { generation, took: 0.0, findings, scene, flow: None, reach: None, rule: None };
        if let Some((session, atlas)) = &self.shown {
            reply.flow = question.flow.map(|flow| judge(session, atlas, &flow));
            reply.reach = question.node.and_then(|node| reach(atlas, &node));
            reply.rule =
                question.line.and_then(|(file, line)| rule::at(session, atlas, &file, line));
        }
        reply
    }

    fn read(&mut self, put: Vec<SourceText>, remove: Vec<String>) -> Findings {
        let put = put.iter().map(|file| self.session.reread(&file.name, file.text.as_bytes()));
        let changes: Vec<Change> = put.chain(remove.into_iter().map(Change::Remove)).collect();
        self.session = self.session.apply(changes);
        let mut diagnostics = self.session.check().diagnostics;
        let broken = diagnostics.iter().find(|d| is_broken(d)).map(|d| broken(&self.session, d));
        diagnostics.truncate(FINDINGS);
        Findings { diagnostics, broken }
    }

    /// What is new to be drawn. While a document is broken that is nothing, unless nothing was
    /// ever whole: then the rest is better than a blank.
    fn draw(&mut self, whole: bool) -> Option<super::message::Scene> {
        if !whole && self.shown.as_ref().is_some_and(|(_, atlas)| !atlas.scene.nodes.is_empty()) {
            return None;
        }
        let atlas = Atlas::new(&self.session);
        let scene = atlas.to_draw();
        self.shown = Some((self.session.clone(), atlas));
        Some(scene)
    }
}

/// Whether the document with this finding cannot be read at all.
fn is_broken(finding: &DiagnosticReport) -> bool {
    matches!(finding.name.as_str(), "syntax" | "limits" | "encoding")
}

fn broken(session: &Session, finding: &DiagnosticReport) -> Broken {
    let place = finding.location.as_ref();
    let name = place.map_or("", |place| &place.file);
    let line = place.map_or(1, |place| place.line);
    let file = session.files().iter().find(|file| *file.name == *name);
    Broken {
        file: name.to_owned(),
        document: file.filter(|file| file.parts.len() > 1).map(|file| document_at(file, line)),
        line,
        message: finding.message.clone(),
    }
}

/// The number, from 1, of the document that a line is in.
fn document_at(file: &SourceFile, line: u32) -> u32 {
    let before = file.parts.iter().filter(|part| first_line(file, part.range.start) <= line);
    u32::try_from(before.count()).unwrap_or(1).max(1)
}

pub fn first_line(file: &SourceFile, offset: usize) -> u32 {
    file.lines().position(&file.text, offset).line
}

fn judge(session: &Session, atlas: &Atlas, flow: &portcullis_engine::FlowQuery) -> FlowAnswer {
    match session.evaluate(flow) {
        Ok(report) => {
            let from = atlas.node_of(&report.source);
            let to = atlas.node_of(&report.destination);
            FlowAnswer::Judged(Box::new(Judged { report, from, to }))
        }
        Err(error) => FlowAnswer::Refused(error.to_string()),
    }
}

fn reach(atlas: &Atlas, node: &str) -> Option<Reach> {
    let index = u32::try_from(atlas.scene.nodes.iter().position(|n| n.id == node)?).ok()?;
    let edges = &atlas.scene.edges;
    let reaches = edges.iter().filter(|edge| edge.from == index).map(|edge| (edge.to, edge));
    let reached_by = edges.iter().filter(|edge| edge.to == index).map(|edge| (edge.from, edge));
    let line = |(node, edge): (u32, &super::message::Edge)| ReachLine {
        node,
        allowed: edge.allowed,
        unknown: edge.unknown,
    };
    let (mut reaches, mut reached_by): (Vec<_>, Vec<_>) =
        (reaches.map(line).collect(), reached_by.map(line).collect());
    let more = (cut(&mut reaches), cut(&mut reached_by));
    Some(Reach { node: node.to_owned(), reaches, reached_by, more })
}

fn cut(lines: &mut Vec<ReachLine>) -> u32 {
    let more = lines.len().saturating_sub(REACH);
    lines.truncate(REACH);
    u32::try_from(more).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::worker::message::{Addresses, Policed, Question, What};
    use portcullis_engine::FlowQuery;
    use portcullis_engine::report::{Action, Protocol, Verdict};

    const PODS: &str = "apiVersion: v1\nkind: Pod\nmetadata: {name: a, namespace: x, labels: {app: a}}\nspec: {containers: []}\n---\napiVersion: v1\nkind: Pod\nmetadata: {name: b, namespace: x}\nspec: {containers: []}\n";
    const CLOSED: &str = "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {name: closed, namespace: x}\nspec:\n  podSelector: {matchLabels: {app: a}}\n  ingress:\n    - from: [{ipBlock: {cidr: 10.0.0.0/8}}]\n      ports:\n        - port: 80\n";

    fn request(generation: u32, files: &[(&str, &str)]) -> Request {
        let put = files
            .iter()
            .map(|(name, text)| SourceText { name: (*name).into(), text: (*text).into() });
        let question = Question {
            flow: Some(FlowQuery {
                from: "x/b".into(),
                to: "x/a".into(),
                protocol: Protocol::Tcp,
                port: 80.into(),
            }),
            node: Some("x/a[Pod]".into()),
            line: None,
        };
        Request { generation, anew: false, put: put.collect(), remove: Vec::new(), question }
    }

    fn verdict(reply: &Reply) -> Option<Verdict> {
        match reply.flow.as_ref()? {
            FlowAnswer::Judged(judged) => Some(judged.report.verdict),
            FlowAnswer::Refused(_) => None,
        }
    }

    #[test]
    fn a_broken_document_keeps_the_picture_and_its_answers() {
        let mut desk = Desk::default();
        let whole = desk.answer(request(1, &[("pods", PODS), ("policy", CLOSED)]));
        assert_eq!(whole.scene.as_ref().map(|scene| scene.summary.policies), Some(1));
        let before = verdict(&whole);
        let broken = desk.answer(request(2, &[("policy", "a: }\n")]));
        assert!(broken.scene.is_none());
        assert_eq!(verdict(&broken), before);
        let found = broken.findings.and_then(|findings| findings.broken).unwrap();
        assert_eq!((found.file.as_str(), found.document), ("policy", None));
    }

    #[test]
    fn what_was_never_whole_is_drawn_without_the_broken_document() {
        let mut desk = Desk::default();
        let reply = desk.answer(request(1, &[("all", &format!("{PODS}---\na: }}\n"))]));
        assert_eq!(reply.scene.map(|scene| scene.summary.workloads), Some(2));
        let found = reply.findings.and_then(|findings| findings.broken).unwrap();
        assert_eq!(found.document, Some(3));
    }

    #[test]
    fn a_question_alone_draws_nothing_anew() {
        let mut desk = Desk::default();
        desk.answer(request(1, &[("pods", PODS)]));
        let reply = desk.answer(request(2, &[]));
        assert!(reply.scene.is_none() && reply.findings.is_none());
        assert_eq!(verdict(&reply), Some(Verdict::Allow));
    }

    #[test]
    fn addresses_with_the_same_connections_are_one_node() {
        let mut desk = Desk::default();
        let scene = desk.answer(request(1, &[("pods", PODS), ("policy", CLOSED)])).scene.unwrap();
        let names = scene.nodes.iter().filter_map(|node| match &node.what {
            What::Addresses(addresses) => Some(addresses.clone()),
            What::Workload(_) => None,
        });
        let names: Vec<_> = names.collect();
        let block = "10.0.0.0/8".to_owned();
        let expected = [Addresses::AllBut(vec![block.clone()]), Addresses::Blocks(vec![block])];
        assert_eq!(names, expected);
    }

    #[test]
    fn a_line_of_a_rule_has_the_edges_that_the_rule_admits() {
        let mut desk = Desk::default();
        desk.answer(request(1, &[("pods", PODS), ("policy", CLOSED)]));
        let at = |line| Question { line: Some(("policy".into(), line)), ..Question::default() };
        let rule = desk.answer(Request { question: at(7), ..Request::default() }).rule.unwrap();
        assert_eq!((rule.policy.as_str(), rule.path.as_str()), ("closed", "ingress[0].from[0]"));
        assert_eq!(rule.edges, [("10.0.0.0/8".to_owned(), "x/a[Pod]".to_owned())]);
        assert!(desk.answer(Request { question: at(3), ..Request::default() }).rule.is_none());
    }

    const CLUSTER: &str = "apiVersion: policy.networking.k8s.io/v1beta1\nkind: ClusterNetworkPolicy\nmetadata: {name: guard}\nspec:\n  tier: Admin\n  priority: 1\n  subject: {namespaces: {}}\n  ingress:\n    - action: Pass\n      from: [{pods: {namespaceSelector: {}, podSelector: {matchLabels: {app: a}}}}]\n    - action: Deny\n      from:\n        - namespaces: {}\n";

    #[test]
    fn a_rule_of_a_cluster_policy_passes_edges_on_or_denies_what_is_not_drawn() {
        let mut desk = Desk::default();
        let scene = desk.answer(request(1, &[("pods", PODS), ("policy", CLUSTER)])).scene.unwrap();
        let pod = scene.nodes.iter().find(|node| node.id == "x/b[Pod]").unwrap();
        assert_eq!((pod.ingress, pod.egress), (Some(Policed::Selected), Some(Policed::No)));
        let at = |line| Question { line: Some(("policy".into(), line)), ..Question::default() };
        let rule = desk.answer(Request { question: at(9), ..Request::default() }).rule.unwrap();
        assert_eq!((rule.action, rule.path.as_str()), (Action::Pass, "ingress[0]"));
        assert_eq!(rule.edges, [("x/a[Pod]".to_owned(), "x/b[Pod]".to_owned())]);
        let rule = desk.answer(Request { question: at(13), ..Request::default() }).rule.unwrap();
        assert_eq!((rule.action, rule.path.as_str()), (Action::Deny, "ingress[1].from[0]"));
        assert_eq!(rule.edges, []);
        assert!(desk.answer(Request { question: at(5), ..Request::default() }).rule.is_none());
    }

    #[test]
    fn an_entry_of_ports_has_the_edges_that_are_allowed_by_it() {
        let ports = CLOSED.replace(
            "        - port: 80\n",
            "        - port: 80\n        - {port: 443, protocol: UDP}\n        - port: web\n",
        );
        let mut desk = Desk::default();
        desk.answer(request(1, &[("pods", PODS), ("policy", &ports)]));
        let mut edges = |line| {
            let question = Question { line: Some(("policy".into(), line)), ..Question::default() };
            let rule = desk.answer(Request { question, ..Request::default() }).rule;
            rule.map_or(0, |rule| rule.edges.len())
        };
        // No pod has a port of that name.
        assert_eq!([edges(9), edges(10), edges(11)], [1, 1, 0]);
    }
}
