//! From one document to the objects in it.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::builtin::{self, Unserved};
use super::calico::{self, CalicoKind, CalicoObject, Group};
use super::cluster_policy::{self, Origin};
use super::custom::{self, MakesPods};
use super::known::Known;
use super::meta::{LabelList, Meta};
use super::names::{check_names, check_only_name};
use super::read::{Path, Reader};
use super::route::Route;
use super::{Body, Object, policy, stored, unjudged, validate, words};
use crate::diagnostic::{Code, Diagnostic};
use crate::tree::{self, Node, Value};

/// What a document holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Document {
    /// Objects that take part, in the order of the text.
    pub objects: Vec<Arc<Object>>,
    /// What is wrong, with spans in this document.
    pub findings: Vec<Diagnostic>,
    /// Kinds of objects that take no part, one entry per object.
    pub passed_over: Vec<String>,
    /// Kinds of objects that decide traffic and are not understood, one entry per object.
    pub not_judged: Vec<ForeignKind>,
    /// Where objects that are not read, or are left out, may make pods.
    pub makes_pods: BTreeSet<MakesPods>,
    /// Objects of Calico's kinds, in the order of the text, also those that are rejected. What of
    /// them is evaluated is among `objects`, and what decides traffic otherwise among `not_judged`.
    pub calico: Vec<Arc<CalicoObject>>,
    /// ServiceAccounts, in the order of the text: their labels are their pods' to Calico.
    pub accounts: Vec<Account>,
    /// Ingresses and routes that lead to Services, in the order of the text.
    pub routes: Vec<Route>,
    /// Kinds of policies that every API server rejects, one entry per object.
    pub rejected: Vec<ForeignKind>,
    /// What remains of policies that are wrong for whoever enforces them: they isolate what they
    /// select, and admit nothing. Those that were not refused are among the objects, too.
    pub closed: Vec<Arc<Object>>,
    /// Whether something that decides traffic could not be read, so that nothing remains of it.
    pub is_incomplete: bool,
    /// Whether it holds no Kubernetes object and does not look as if it were meant as one.
    pub is_foreign: bool,
}

/// A ServiceAccount.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    /// Its namespace, if the input has one.
    pub namespace: Option<Arc<str>>,
    /// Its name.
    pub name: Arc<str>,
    /// Its labels, sorted by key.
    pub labels: LabelList,
}

/// A kind that the engine does not know.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ForeignKind {
    /// `kind`.
    pub kind: String,
    /// The group of `apiVersion`; empty for the core's.
    pub group: String,
}

/// Reads one document: an object, or a list of objects.
pub fn read_document(text: &str) -> Document {
    let mut document = Document::default();
    let trees = tree::read_trees(text);
    document.findings = trees.findings;
    // Text that is not read.
    if document.findings.iter().any(|finding| finding.code == Code::TextAfterDocument) {
        document.makes_pods.insert(MakesPods::Anywhere);
    }
    for node in &trees.documents {
        document.read(node, None);
    }
    document.is_foreign = !trees.documents.is_empty() && trees.documents.iter().all(is_foreign);
    if trees.fault.is_some() {
        document.is_incomplete = true;
        document.makes_pods.insert(MakesPods::Anywhere);
        let is_object = text.contains("apiVersion") || text.contains("kind");
        document.is_foreign = trees.documents.is_empty() && !is_object;
    }
    document.findings.extend(trees.fault.map(|fault| *fault));
    document.findings.iter_mut().for_each(|finding| words::explain(finding, text));
    document
}

/// What a list says of items that do not say it themselves.
#[derive(Clone, Copy)]
struct Envelope<'e> {
    kind: &'e str,
    api_version: &'e str,
    index: usize,
}

impl Document {
    fn read(&mut self, node: &Node<'_>, envelope: Option<Envelope<'_>>) {
        if !matches!(node.value, Value::Map(_)) {
            self.is_incomplete = true;
            return self.not_an_object(node, &format!("this is {}", node.value.describe()));
        }
        let text = |key: &str| node.get(key).and_then(Node::as_str);
        let kind = text("kind").or(envelope.map(|e| e.kind)).unwrap_or_default();
        let version = text("apiVersion").or(envelope.map(|e| e.api_version)).unwrap_or_default();
        if kind.is_empty() || version.is_empty() {
            return self.half_an_object(node, kind, version);
        }
        match node.get("items").map(|items| &items.value) {
            Some(Value::Seq(items)) if kind.ends_with("List") => self.list(kind, version, items),
            Some(Value::Null) if kind.ends_with("List") => {}
            Some(_) if kind.ends_with("List") => self.items_that_are_no_list(node),
            _ => self.object(node, kind, version, envelope.map(|e| e.index)),
        }
    }

    fn list(&mut self, kind: &str, api_version: &str, items: &[Node<'_>]) {
        let kind = kind.strip_suffix("List").unwrap_or_default();
        for (index, item) in items.iter().enumerate() {
            self.read(item, Some(Envelope { kind, api_version, index }));
        }
    }

    fn items_that_are_no_list(&mut self, node: &Node<'_>) {
        let mut reader = Reader::default();
        self.is_incomplete = true;
        self.makes_pods.insert(MakesPods::Anywhere);
        reader.items(&Path::Root.field("items"), node.get("items"));
        self.findings.extend(reader.diagnostics);
    }

    fn not_an_object(&mut self, node: &Node<'_>, why: &str) {
        let message = format!("not a Kubernetes object: {why}");
        let help = "an object has at least `apiVersion`, `kind` and `metadata`";
        self.findings
            .push(Diagnostic::new(Code::NotAnObject, message).at(node.span).with_help(help));
    }

    /// What has no kind or no version: of a kind or version that is known here an object, and else
    /// something of another program.
    fn half_an_object(&mut self, node: &Node<'_>, kind: &str, version: &str) {
        let missing = if kind.is_empty() { "kind" } else { "apiVersion" };
        // With neither, it is a file of another program.
        self.is_incomplete |= kind.is_empty() != version.is_empty();
        let has_body = node.get("metadata").or(node.get("spec")).is_some();
        let half = [version, kind].map(|text| (!text.is_empty()).then_some(text));
        if !has_body || !builtin::is_known(half) {
            return self.not_an_object(node, &format!("`{missing}` is missing"));
        }
        let message = format!("`{missing}` is missing: no API server takes this object");
        let finding = Diagnostic::new(Code::HalfAnObject, message).at(node.span);
        let home = Known::named(kind)
            .map(|known| format!("write `apiVersion: {}`", known.current_version()));
        self.may_be_pods(node, kind, Known::named(kind));
        self.findings.push(Diagnostic { help: home, ..finding });
    }

    fn object(&mut self, node: &Node<'_>, kind: &str, version: &str, item: Option<usize>) {
        let (group, number) = version.split_once('/').unwrap_or(("", version));
        let group = Group::find(group).filter(|group| group.version() == number);
        if let Some((group, kind)) = group.zip(CalicoKind::find(kind)) {
            return self.calico(node, (group, kind), item);
        }
        let other = Group::find(version.split_once('/').unwrap_or_default().0);
        if let Some(finding) = other.and_then(|group| calico::unserved(group, kind)) {
            return self.pass_over(node, kind, version, Some(Box::new(finding)));
        }
        let known = match Known::find(kind, version) {
            Ok(known) => known,
            Err(finding) => return self.pass_over(node, kind, version, finding),
        };
        let mut reader = Reader::default();
        let meta = Meta::read(&mut reader, node, node.span);
        check_names(&mut reader, &meta, validate::names(known), node);
        check_only_name(&mut reader, &meta, known, node);
        let body = known.read(&mut reader, node, &meta);
        validate::check(&mut reader, known, node);
        if let Some((message, help)) = known.outdated(version) {
            let path = Path::Root.field("apiVersion");
            let span = node.get("apiVersion").map_or(node.span, |version| version.span);
            let finding = Diagnostic::new(Code::DeprecatedVersion, message).at(span);
            reader.report(&path, finding.with_help(help));
        }
        if !stored::understood(&reader) {
            self.close(known, node, stored::not_understood(&reader.diagnostics));
        }
        self.keep(reader, Object::of(meta, body, node), item);
    }

    /// Reads an object of one of Calico's kinds. What is not evaluated is said.
    fn calico(&mut self, node: &Node<'_>, (group, kind): (Group, CalicoKind), item: Option<usize>) {
        let mut reader = Reader::default();
        let meta = Meta::read(&mut reader, node, node.span);
        check_names(&mut reader, &meta, kind.names(), node);
        let body = calico::read(&mut reader, node, kind, group);
        if !stored::understood(&reader) && !kind.is_staged() {
            let why = stored::not_understood(&reader.diagnostics);
            self.close_calico((meta.clone(), body.clone()), (kind, group), node, why);
        }
        let name = named(node, kind.name());
        self.report(std::mem::take(&mut reader.diagnostics), name.as_ref(), item);
        let foreign = || ForeignKind { kind: kind.name().to_owned(), group: group.name().into() };
        let shown = calico::shown(node, group, &meta.name);
        let judged = body.judged(kind, shown.as_ref().map_or(&meta.name, |shown| &shown.name));
        let is_judged = judged.is_some();
        match judged {
            Some(judged) if !reader.refused => {
                let labels = shown.map_or_else(|| meta.labels.clone(), |shown| shown.labels);
                let meta = Meta { labels, ..meta.clone() };
                self.objects.push(Arc::new(Object::of(meta, judged, node)));
            }
            Some(judged) if judged.is_policy() && !kind.is_staged() => {
                self.rejected.push(foreign());
            }
            _ => {}
        }
        match is_judged {
            true => {}
            _ if unjudged::decides_traffic(group.name(), kind.name()) => {
                let span = node.get("kind").map_or(node.span, |kind| kind.span);
                let finding = not_judged(kind.name(), group.name()).at(span);
                self.findings.push(Diagnostic { object: name, ..finding });
                self.not_judged.push(foreign());
            }
            _ => self.passed_over.push(kind.name().to_owned()),
        }
        let (is_rejected, span) = (reader.refused, node.span);
        let object = CalicoObject { kind, group, meta, body, is_rejected, span };
        self.calico.push(Arc::new(object));
    }

    /// The same of Calico's kinds. Of what is no policy nothing remains that could be relied upon.
    fn close_calico(
        &mut self,
        (meta, body): (Meta, calico::CalicoBody),
        (kind, group): (CalicoKind, Group),
        node: &Node<'_>,
        why: Arc<str>,
    ) {
        let is_named = !meta.name.is_empty() && !meta.is_generated;
        let kept = calico::kept((meta, body), (kind, group), node, Some(why));
        match kept.filter(|object| is_named && object.is_policy()) {
            Some(object) => self.closed.push(Arc::new(object)),
            None => self.is_incomplete |= kind.is_enforced(),
        }
    }

    /// Keeps what remains of an object that is not understood, and why it is not.
    fn close(&mut self, known: Known, node: &Node<'_>, why: Arc<str>) {
        let mut reader = Reader::default();
        let meta = Meta::read(&mut reader, node, node.span);
        let is_named = !reader.refused && !meta.name.is_empty() && !meta.is_generated;
        let body = match known {
            Known::Policy => Body::Policy(policy::closed(node)),
            Known::ClusterPolicy(kind) => {
                Body::ClusterPolicy(cluster_policy::read(&mut reader, node, kind, Origin::Stored))
            }
            Known::Pod | Known::Namespace | Known::Node => {
                self.is_incomplete = true;
                return;
            }
            Known::Service | Known::Endpoints { .. } | Known::Workload(_) => return,
        };
        let object = Object { closed: Some(why), ..Object::of(meta, body, node) };
        match is_named {
            true => self.closed.push(Arc::new(object)),
            false => self.is_incomplete = true,
        }
    }

    /// Leaves an object out that is not understood: one that decides traffic never in silence.
    fn pass_over(
        &mut self,
        node: &Node<'_>,
        kind: &str,
        version: &str,
        finding: Option<Box<Diagnostic>>,
    ) {
        let (group, number) = version.split_once('/').unwrap_or(("", version));
        self.makes_pods.extend(custom::makes_pods(node, group, kind));
        if (group, number, kind) == ("", "v1", "ServiceAccount") {
            let Meta { namespace, name, labels, .. } =
                Meta::read(&mut Reader::default(), node, node.span);
            self.accounts.push(Account { namespace, name, labels });
        }
        self.routes.extend(Route::read(node, group, kind));
        if let Some(unserved) = builtin::unserved(group, number, kind) {
            return self.unserved(node, (group, kind), unserved);
        }
        if let Some(known) = Known::of(group, kind) {
            let why = finding.as_ref().map(|finding| finding.message.as_str());
            self.close(known, node, why.unwrap_or("another version of the kind").into());
        }
        if !unjudged::decides_traffic(group, kind) {
            self.findings.extend(finding.map(|finding| finding.at(node.span)));
            return self.passed_over.push(kind.to_owned());
        }
        let finding = finding.map_or_else(|| not_judged(kind, group), |finding| *finding);
        let span = node.get("kind").map_or(node.span, |kind| kind.span);
        self.findings.push(Diagnostic { object: named(node, kind), ..finding.at(span) });
        self.not_judged.push(ForeignKind { kind: kind.to_owned(), group: group.to_owned() });
    }

    /// Notes pods of an object that is left out, whose kind may be meant to be another one.
    fn may_be_pods(&mut self, node: &Node<'_>, kind: &str, meant: Option<Known>) {
        let is_other = || builtin::is_known([None, Some(kind)]);
        if meant.map_or_else(|| !is_other(), Known::makes_pods) {
            self.makes_pods.insert(custom::in_own_namespace(node));
        }
    }

    /// Leaves out what no API server has, and keeps what remains of a policy that was meant.
    fn unserved(&mut self, node: &Node<'_>, (group, kind): (&str, &str), unserved: Unserved) {
        let Unserved { finding, field, meant } = unserved;
        if let Some(known) = meant {
            self.close(known, node, finding.message.as_str().into());
        }
        self.may_be_pods(node, kind, meant);
        let span = node.get(field).map_or(node.span, |value| value.span);
        self.findings.push(Diagnostic { object: named(node, kind), ..finding.at(span) });
        if meant.is_some_and(Known::is_policy) || unjudged::decides_traffic(group, kind) {
            let (kind, group) = (kind.to_owned(), group.to_owned());
            self.not_judged.push(ForeignKind { kind, group });
        } else {
            self.passed_over.push(kind.to_owned());
        }
    }

    fn keep(&mut self, reader: Reader, object: Object, item: Option<usize>) {
        let name = (
            object.kind().to_owned(),
            object.meta.namespace.as_deref().map(str::to_owned),
            object.meta.name.to_string(),
        );
        self.report(reader.diagnostics, Some(&name), item);
        if !reader.refused {
            self.objects.push(Arc::new(object));
        } else if matches!(object.body, Body::Pod { .. } | Body::Workload(_)) {
            self.makes_pods.insert(MakesPods::In(object.meta.namespace));
        } else if matches!(object.body, Body::ClusterPolicy(_)) {
            // Left out, it opens what it would deny, if a server of another version has it.
            let kind = format!("rejected {}", object.kind());
            self.not_judged.push(ForeignKind { kind, group: cluster_policy::GROUP.to_owned() });
        } else if matches!(object.body, Body::Policy(_)) {
            let (kind, group) = (object.kind().to_owned(), "networking.k8s.io".to_owned());
            self.rejected.push(ForeignKind { kind, group });
        }
    }

    /// Reports findings of an object, which may be the item of a list.
    fn report(&mut self, findings: Vec<Diagnostic>, name: Option<&Name>, item: Option<usize>) {
        self.findings.extend(findings.into_iter().map(|mut finding| {
            finding.object = name.cloned();
            if let (Some(index), Some(path)) = (item, finding.path.as_mut()) {
                *path = format!("items[{index}].{path}");
            }
            finding
        }));
    }
}

/// Kind, namespace and name.
type Name = (String, Option<String>, String);

/// Whether a value is of another program: neither an object nor meant as one.
fn is_foreign(node: &Node<'_>) -> bool {
    let has = |key| node.get(key).and_then(Node::as_str).is_some_and(|text| !text.is_empty());
    !has("kind") && !has("apiVersion")
}

/// Kind, namespace and name of an object that is not read.
fn named(node: &Node<'_>, kind: &str) -> Option<Name> {
    let text = |field: &str| node.get("metadata")?.get(field)?.as_str().map(str::to_owned);
    Some((kind.to_owned(), text("namespace"), text("name").unwrap_or_default()))
}

fn not_judged(kind: &str, group: &str) -> Diagnostic {
    let message = format!("{kind} of `{group}` decides traffic but is not evaluated");
    let help = "no answer counts it: what is allowed here may be denied by it, and what is denied \
                may be allowed";
    Diagnostic::new(Code::NotJudged, message).with_help(help)
}
