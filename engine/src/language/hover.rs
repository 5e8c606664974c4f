//! What stands at a position, and what it does in the input as it is.

use std::sync::Arc;

use super::around;
use super::label::named_ports;
use super::pods::{Workloads, workloads};
use super::schema::{self, Of, Shape};
use super::spot::{self, Spot, Step, Wanted};
use super::{Fact, Hover, InFile};
use crate::cluster::{ClusterModel, PodLabels, WorkloadId};
use crate::manifest::{self, Action, Object};
use crate::net::{AddrSet, Cidr};
use crate::policy::{PeerSet, PolicyId};
use crate::report::{DescribedRule, namespace_why, object_ref, pod_why, workload_id};
use crate::selector::{Match, Selector};
use crate::session::Session;
use crate::source::Position;
use crate::tree::{self, Node};

/// Names that one fact lists.
const MOST: usize = 8;

impl Session {
    /// What stands at a position of a file, and what it does now; none where nothing is known, or
    /// the document does not parse.
    ///
    /// # Cost
    /// That of reading the document, and linear in the endpoints; for a rule, that of
    /// [`Session::describe`] of it.
    pub fn hover(&self, file: &str, position: Position) -> Option<Hover> {
        let (place, offset) = InFile::at(self, file, position)?;
        let trees = tree::read_whole_trees(place.text());
        let offset = u32::try_from(offset).ok()?;
        let mut documents = trees.documents.iter();
        let document = documents
            .find(|document| document.span.start <= offset && offset <= document.span.end)?;
        let spot = spot::at(document, offset);
        let key = match spot.steps.last()? {
            Step::Key(entry) => Some(*entry),
            Step::Item(_) => None,
        };
        let span = if spot.wanted == Wanted::Key {
            key.map_or(spot.span, |key| key.key_span)
        } else {
            spot.span
        };
        let location = place.location(span.start as usize..span.end as usize)?;
        let Meaning { title, detail, doc } = meaning(&spot)?;
        let asked = Asked { session: self, place, spot: &spot };
        Some(Hover { location, title, detail, doc, facts: asked.facts() })
    }
}

/// What something is, whatever the input is.
struct Meaning {
    title: String,
    detail: String,
    doc: String,
}

fn meaning(spot: &Spot<'_, '_>) -> Option<Meaning> {
    let shapes = spot.shapes();
    let own = spot.shape();
    let text = spot.parent().as_str();
    let key = spot.key().unwrap_or_default();
    match (own, spot.wanted, text) {
        (Some(Shape::Words(words)), Wanted::Value, Some(text)) => {
            let word = words.iter().find(|word| word.text == text)?;
            Some(Meaning { title: text.to_owned(), detail: key.to_owned(), doc: word.doc.into() })
        }
        (Some(Shape::LabelValue(_)), _, Some(text)) => {
            let title = format!("{key}={text}");
            Some(Meaning { title, detail: "label".into(), doc: String::new() })
        }
        (Some(Shape::Other), _, Some(text)) if spot.steps.len() == 1 && key == "kind" => {
            let version = spot.object.get("apiVersion").and_then(Node::as_str)?;
            let kind = schema::kind(version, text)?;
            Some(Meaning { title: text.into(), detail: version.into(), doc: kind.doc.into() })
        }
        _ => {
            // The last field of the schema on the way there.
            let mut fields =
                spot.steps.iter().zip(&shapes).filter_map(|(step, shape)| match step {
                    Step::Key(entry) => shape.field(&entry.key),
                    Step::Item(_) => None,
                });
            let field = fields.next_back()?;
            Some(Meaning {
                title: field.name.to_owned(),
                detail: field.shape.describe().to_owned(),
                doc: field.doc.to_owned(),
            })
        }
    }
}

/// A place that is asked about.
struct Asked<'a, 'n, 't> {
    session: &'a Session,
    place: InFile<'a>,
    spot: &'a Spot<'n, 't>,
}

impl Asked<'_, '_, '_> {
    fn facts(&self) -> Vec<Fact> {
        let selected = around::selector(self.spot);
        let shape = self.spot.shape();
        match (selected, shape) {
            (Some((depth, of)), _) => self.selector(depth, of),
            (None, Some(Shape::Labels(Of::Template) | Shape::LabelValue(Of::Template))) => {
                self.selected_by().into_iter().collect()
            }
            (None, Some(Shape::Cidr)) => self.block().into_iter().collect(),
            (None, Some(Shape::Port(of))) => self.port(of).into_iter().collect(),
            _ => self.rule().into_iter().collect(),
        }
    }

    fn model(&self) -> &ClusterModel {
        self.session.model()
    }

    fn selector(&self, depth: usize, of: Of) -> Vec<Fact> {
        let Some(node) = self.spot.nodes.get(depth) else { return Vec::new() };
        let labels = [Of::Backends].contains(&of);
        let selector = if labels { manifest::labels_of(node) } else { manifest::selector_of(node) };
        let Some(selector) = selector else { return Vec::new() };
        match of {
            Of::Namespaces => self.namespaces(&selector),
            Of::Nodes => self.nodes(&selector),
            Of::Template => Vec::new(),
            Of::Subjects | Of::Peers | Of::Backends => self.pods(&selector, of),
        }
    }

    fn pods(&self, selector: &Selector, of: Of) -> Vec<Fact> {
        let everybody = around::pods(self.session, self.spot, of, Selector::default());
        let meant = around::pods(self.session, self.spot, of, selector.clone());
        let (Some(everybody), Some(meant)) = (everybody, meant) else {
            return vec![fact("the namespace has no pods in the input".into(), Vec::new())];
        };
        let by_group = Workloads::new(self.model());
        let (all, found) = (by_group.of(&everybody), by_group.of(&meant));
        let named = |wanted: Match| {
            let those = found.iter().filter(move |(_, matches)| **matches == wanted);
            those.map(|(id, _)| workload_id(self.model(), *id).to_string()).collect::<Vec<_>>()
        };
        let certain = named(Match::Yes);
        let mut facts =
            vec![fact(format!("matches {} of {}", certain.len(), workloads(all.len())), certain)];
        let unknown = named(Match::Unknown);
        if !unknown.is_empty() {
            let text = format!("of {} it cannot be known", workloads(unknown.len()));
            facts.push(fact(text, unknown));
        }
        let others: Vec<String> = all
            .keys()
            .filter(|id| !found.contains_key(id))
            .map(|id| self.why_not(*id, selector, &everybody))
            .collect();
        if !others.is_empty() {
            facts.push(fact(format!("does not match {}", workloads(others.len())), others));
        }
        facts
    }

    /// A workload, and why a selector does not match its pods.
    fn why_not(&self, id: WorkloadId, selector: &Selector, scope: &PeerSet) -> String {
        let model = self.model();
        let name = workload_id(model, id);
        let mut own = model.endpoints_of(id).filter_map(|id| model.endpoints.get(id)?.group);
        let group = own.find(|group| scope.matches(*group) != Match::No);
        let group = group.and_then(|group| model.groups.get(group));
        let why = group.and_then(|group| {
            pod_why(selector, &PodLabels { labels: &group.labels, hidden: group.hidden })
        });
        why.map_or_else(|| name.to_string(), |why| format!("{name}: {why}"))
    }

    fn namespaces(&self, selector: &Selector) -> Vec<Fact> {
        let (mut certain, mut unknown, mut others) = (Vec::new(), Vec::new(), Vec::new());
        for namespace in self.model().namespaces.values() {
            let why = namespace_why(selector, &namespace.labels(), &namespace.name);
            let name = namespace.name.to_string();
            match selector.matches(&namespace.labels()) {
                Match::Yes => certain.push(name),
                Match::Unknown => unknown.push(name),
                Match::No => others.push(why.unwrap_or(name)),
            }
        }
        let all = certain.len() + unknown.len() + others.len();
        listed(("namespace", all), [certain, unknown, others])
    }

    fn nodes(&self, selector: &Selector) -> Vec<Fact> {
        let labels = |node: &crate::cluster::Node| {
            selector.matches(&PodLabels { labels: &node.labels, hidden: &[] })
        };
        let all = self.model().nodes.iter();
        // Labels of a node that is not declared are not known.
        let (known, open): (Vec<_>, Vec<_>) = all.partition(|node| node.declared);
        let name = |node: &crate::cluster::Node| node.name.to_string();
        let (certain, others): (Vec<_>, Vec<_>) =
            known.into_iter().partition(|node| labels(node) == Match::Yes);
        let named = |nodes: Vec<&crate::cluster::Node>| nodes.into_iter().map(name).collect();
        let parts: [Vec<String>; 3] = [named(certain), named(open), named(others)];
        listed(("node", parts.iter().map(Vec::len).sum()), parts)
    }

    /// Policies that select the pods of a workload, where its labels stand.
    fn selected_by(&self) -> Option<Fact> {
        let object = self.object()?;
        let model = self.model();
        let own = model.endpoints.values().filter(|endpoint| {
            let workload = model.workloads.get(endpoint.workload);
            let of_workload = workload.and_then(|workload| workload.object.as_ref());
            [endpoint.object.as_ref(), of_workload]
                .into_iter()
                .flatten()
                .any(|it| Arc::ptr_eq(it, object))
        });
        let set = self.session.policies();
        let policies = set.selecting(own.filter_map(|endpoint| endpoint.group));
        let names = policies
            .into_iter()
            .filter_map(|id| Some(object_ref(self.session, &set.policy(id)?.object).to_string()));
        let names: Vec<String> = names.collect();
        Some(match names.len() {
            0 => fact("no policy selects these pods: all traffic is allowed".into(), names),
            1 => fact("1 policy selects these pods".into(), names),
            count => fact(format!("{count} policies select these pods"), names),
        })
    }

    /// The object of the spot, as it was read.
    fn object(&self) -> Option<&Arc<Object>> {
        let span = self.spot.object.span;
        let part = self.place.source.parts.get(self.place.part)?;
        part.document.objects.iter().find(|object| object.span == span)
    }

    fn block(&self) -> Option<Fact> {
        let block = AddrSet::from_cidrs([Cidr::parse(self.spot.parent().as_str()?).ok()?]);
        let model = self.model();
        let mut found: Vec<String> = Vec::new();
        for (address, endpoint) in model.by_address.iter() {
            let endpoint = model.endpoints.get(*endpoint).filter(|_| block.contains(*address));
            found.extend(endpoint.map(|one| workload_id(model, one.workload).to_string()));
        }
        found.sort();
        found.dedup();
        Some(match found.len() {
            0 => fact("no pod of the input has such an address".into(), found),
            count => fact(format!("{} of the input have such addresses", workloads(count)), found),
        })
    }

    fn port(&self, of: Of) -> Option<Fact> {
        let text = self.spot.parent().as_str()?;
        let set = around::pods(self.session, self.spot, of, Selector::default())?;
        let ports = named_ports(self.model(), &set);
        let same = ports.iter().filter(|(port, _)| port.name == text);
        let items: Vec<String> = same
            .map(|(port, count)| {
                format!("{} {}: {}", port.protocol, port.number, workloads(*count))
            })
            .collect();
        Some(match items.len() {
            0 => fact("no pod there has a port of this name".into(), items),
            1 => fact("the name of one port".into(), items),
            count => fact(format!("the name of {count} ports"), items),
        })
    }

    /// What the rule that the spot is in decides alone.
    fn rule(&self) -> Option<Fact> {
        let direction = around::direction(self.spot)?;
        let mut items = self.spot.steps.iter().filter_map(|step| match step {
            Step::Item(index) => Some(*index),
            Step::Key(_) => None,
        });
        let index = items.next()?;
        let object = self.object()?;
        let set = self.session.policies();
        let mut policies = set.policies();
        let id: PolicyId = policies.find(|(_, one)| Arc::ptr_eq(&one.object, object))?.0;
        Some(of_rule(&self.session.describe_rule(id, direction, index)?))
    }
}

fn of_rule(rule: &DescribedRule) -> Fact {
    let items = rule.alone.iter().map(|one| format!("{} → {}: {}", one.from, one.to, one.ports));
    let items: Vec<String> = items.collect();
    let does = match rule.action {
        Action::Deny => "denies",
        Action::Accept | Action::Pass | Action::Log => "opens",
    };
    match rule.pairs {
        None => fact(format!("names {}; too many pairs to compare", workloads(rule.named)), items),
        Some(0) => fact(format!("{does} nothing that no other rule does"), items),
        Some(pairs) => {
            let text = match pairs {
                1 => format!("alone {does} what passes between 1 pair"),
                pairs => format!("alone {does} what passes between {pairs} pairs"),
            };
            let more = pairs.saturating_sub(items.len().min(MOST));
            Fact { more, ..fact(text, items) }
        }
    }
}

/// What a selector matches, what perhaps, and what not.
fn listed((what, all): (&str, usize), [certain, unknown, others]: [Vec<String>; 3]) -> Vec<Fact> {
    let counted = |count: usize| match count {
        1 => format!("1 {what}"),
        count => format!("{count} {what}s"),
    };
    let mut facts = vec![fact(format!("matches {} of {}", certain.len(), counted(all)), certain)];
    if !unknown.is_empty() {
        facts.push(fact(format!("of {} it cannot be known", counted(unknown.len())), unknown));
    }
    if !others.is_empty() {
        facts.push(fact(format!("does not match {}", counted(others.len())), others));
    }
    facts
}

fn fact(text: String, mut items: Vec<String>) -> Fact {
    let more = items.len().saturating_sub(MOST);
    items.truncate(MOST);
    Fact { text, items, more }
}
