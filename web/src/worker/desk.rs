//! Answers requests: keeps the session and what is drawn of it.
//!
//! A document that cannot be read is left out of every answer, and every answer says so; the rest
//! is evaluated.

use portcullis_engine::diagnostic::{Code, Diagnostic};
use portcullis_engine::manifest::Part;
use portcullis_engine::{Change, Options, Session, SourceFile};

use super::assume::Assume;
use super::changes;
use super::message::{
    Broken, Changes, Findings, FlowAnswer, Judged, Pin, Reach, ReachLine, Reply, Request,
    SourceText,
};
use super::rule;
use super::scene::Atlas;

/// Findings that are shown at once; a page with ten thousand of them helps nobody.
const FINDINGS: usize = 500;
/// Lines of one direction of a reach.
const REACH: usize = 300;

pub struct Desk {
    session: Session,
    atlas: Option<Atlas>,
    /// Whether the texts are others than those whose findings were asked for last.
    is_unchecked: bool,
    /// What later states are compared with.
    pinned: Option<Session>,
    /// Whether what was compared last is something else.
    is_uncompared: bool,
}

impl Default for Desk {
    fn default() -> Self {
        Self {
            session: Session::new(Options::default()),
            atlas: None,
            is_unchecked: false,
            pinned: None,
            is_uncompared: false,
        }
    }
}

impl Desk {
    /// All that has been read last.
    pub fn session(&self) -> &Session {
        &self.session
    }

    pub fn answer(&mut self, request: Request) -> Reply {
        let Request { generation, anew, assume, put, remove, pin, question } = request;
        if anew {
            *self = Self::default();
        }
        let changed = anew || assume.is_some() || !put.is_empty() || !remove.is_empty();
        if let Some(assume) = assume {
            self.assume(&assume);
        }
        let drawn = changed.then(|| self.read(put, remove));
        self.is_uncompared |= changed || pin.is_some();
        self.pin(pin);
        let mut reply = Reply {
            generation,
            took: 0.0,
            scene: drawn,
            broken: changed.then(|| broken(&self.session)),
            flow: None,
            reach: None,
            rule: None,
            goal: Vec::new(),
        };
        if let Some(atlas) = &self.atlas {
            let session = &self.session;
            let verdict = |flow| session.evaluate(flow).ok().map(|report| report.verdict);
            reply.goal = question.goal.iter().map(verdict).collect();
            reply.flow = question.flow.map(|flow| judge(session, atlas, &flow));
            reply.reach = question.node.and_then(|node| reach(atlas, &node));
            reply.rule =
                question.line.and_then(|(file, line)| rule::at(session, atlas, &file, line));
        }
        reply
    }

    /// What is found in the texts; none if they are those of the last time.
    pub fn findings(&mut self) -> Option<Findings> {
        if !std::mem::take(&mut self.is_unchecked) {
            return None;
        }
        let mut diagnostics = self.session.check().diagnostics;
        let more = diagnostics.len().saturating_sub(FINDINGS);
        diagnostics.truncate(FINDINGS);
        Some(Findings { diagnostics, more: number(more) })
    }

    /// What differs from the pinned state; none if there is none, or nothing is new since the last
    /// time.
    pub fn changes(&mut self) -> Option<Changes> {
        let pinned = self.pinned.as_ref().filter(|_| self.is_uncompared)?;
        let changes = changes::between(pinned, &self.session);
        self.is_uncompared = false;
        Some(changes)
    }

    fn pin(&mut self, pin: Option<Pin>) {
        match pin {
            None => {}
            Some(Pin::Drop) => self.pinned = None,
            Some(Pin::Set(texts)) => {
                let file = |one: &SourceText| SourceFile::new(&one.name, one.text.as_bytes());
                let files = texts.iter().map(|one| Change::Put(file(one))).collect();
                let options = self.session.options().clone();
                self.pinned = Some(Session::new(options).apply(files));
            }
        }
    }

    /// The same files under other assumptions.
    fn assume(&mut self, assume: &Assume) {
        self.session = under(&self.session, assume);
        self.pinned = self.pinned.as_ref().map(|pinned| under(pinned, assume));
    }

    fn read(&mut self, put: Vec<SourceText>, remove: Vec<String>) -> super::message::Scene {
        let put = put.iter().map(|file| self.session.reread(&file.name, file.text.as_bytes()));
        let changes: Vec<Change> = put.chain(remove.into_iter().map(Change::Remove)).collect();
        self.session = self.session.apply(changes);
        self.is_unchecked = true;
        self.atlas.insert(Atlas::new(&self.session)).scene.clone()
    }
}

/// The same files under other assumptions.
fn under(session: &Session, assume: &Assume) -> Session {
    let files = session.files().iter();
    let files = files.map(|file| Change::Put(SourceFile::clone(file))).collect();
    Session::new(assume.options()).apply(files)
}

/// Documents that cannot be read, each with its first fault.
fn broken(session: &Session) -> Vec<Broken> {
    let parts = session.files().iter().flat_map(|file| {
        let numbered = (1u32..).zip(&file.parts);
        numbered.map(move |(number, part)| (file, number, part))
    });
    let broken = parts.filter_map(|(file, number, part)| {
        let fault = part.document.findings.iter().find(|finding| is_fatal(finding))?;
        Some(Broken {
            file: file.name.to_string(),
            document: (file.parts.len() > 1).then_some(number),
            line: line_of(file, part, fault),
            message: fault.message.clone(),
        })
    });
    broken.collect()
}

/// Whether the document with this finding cannot be read at all.
fn is_fatal(finding: &Diagnostic) -> bool {
    matches!(finding.code, Code::Syntax | Code::Limits | Code::Encoding)
}

fn line_of(file: &SourceFile, part: &Part, fault: &Diagnostic) -> u32 {
    let within = fault.span.map_or(0, |span| span.start as usize);
    first_line(file, part.range.start + within)
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
    let flows = &atlas.scene.flows;
    let reaches = flows.from(index).into_iter().map(|edge| (edge.to, edge));
    let reached_by = flows.to(index).into_iter().map(|edge| (edge.from, edge));
    let line = |(node, edge): (u32, super::message::Edge)| ReachLine {
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
    number(more)
}

fn number(n: usize) -> u32 {
    u32::try_from(n).unwrap_or(u32::MAX)
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
            goal: Vec::new(),
        };
        let put = put.collect();
        Request {
            generation,
            anew: false,
            assume: None,
            put,
            remove: Vec::new(),
            pin: None,
            question,
        }
    }

    fn verdict(reply: &Reply) -> Option<Verdict> {
        match reply.flow.as_ref()? {
            FlowAnswer::Judged(judged) => Some(judged.report.verdict),
            FlowAnswer::Refused(_) => None,
        }
    }

    #[test]
    fn a_broken_document_is_left_out_and_named_and_the_rest_is_evaluated() {
        let mut desk = Desk::default();
        let closed = CLOSED.replace("10.0.0.0/8", "192.0.2.0/24");
        let policies = format!("{closed}---\na: }}\n");
        let both = desk.answer(request(1, &[("pods", PODS), ("policy", &policies)]));
        assert_eq!(both.scene.as_ref().map(|scene| scene.summary.policies), Some(1));
        let found = both.broken.as_deref().unwrap_or_default().first().unwrap();
        assert_eq!((found.file.as_str(), found.document, found.line), ("policy", Some(2), 11));
        // What is left of the file is no policy: what it denied is not denied any more.
        let broken = desk.answer(request(2, &[("policy", "a: }\n")]));
        assert_eq!(broken.scene.as_ref().map(|scene| scene.summary.policies), Some(0));
        assert_eq!(verdict(&broken), Some(Verdict::Allow));
        let found = broken.broken.as_deref().unwrap_or_default().first().unwrap();
        assert_eq!((found.file.as_str(), found.document), ("policy", None));
    }

    #[test]
    fn findings_come_once_for_all_that_was_read() {
        let mut desk = Desk::default();
        desk.answer(request(1, &[("pods", PODS), ("policy", CLOSED)]));
        desk.answer(request(2, &[]));
        assert!(desk.findings().is_some());
        assert!(desk.findings().is_none());
    }

    #[test]
    fn a_question_alone_draws_nothing_anew() {
        let mut desk = Desk::default();
        desk.answer(request(1, &[("pods", PODS)]));
        let reply = desk.answer(request(2, &[]));
        assert!(reply.scene.is_none() && reply.broken.is_none());
        assert_eq!(verdict(&reply), Some(Verdict::Allow));
    }

    #[test]
    fn what_is_assumed_settles_what_an_address_decides() {
        let template = "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: b, namespace: x}\nspec:\n  selector: {matchLabels: {app: b}}\n  template: {metadata: {labels: {app: b}}, spec: {containers: []}}\n";
        let mut desk = Desk::default();
        let files = [("pods", PODS), ("policy", CLOSED), ("template", template)];
        let mut ask = request(1, &files);
        ask.question.flow.as_mut().unwrap().from = "x/Deployment/b".into();
        assert_eq!(verdict(&desk.answer(ask.clone())), Some(Verdict::Unknown));
        let assume = Assume { pod_cidrs: "192.168.0.0/16".into(), ..Assume::default() };
        let assumed = Request { assume: Some(assume), put: Vec::new(), ..ask };
        let reply = desk.answer(assumed);
        assert_eq!(verdict(&reply), Some(Verdict::Deny));
        assert!(reply.scene.is_some());
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
