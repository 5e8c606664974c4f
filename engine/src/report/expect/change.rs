//! Small changes of a policy, each of which a test of it should notice.

use std::sync::Arc;

use super::types::MutantKind;
use crate::manifest::calico::Ruled;
use crate::manifest::{
    Action, Body, ClusterPolicy, Direction, NetworkPolicy, Object, Peer, PeerKind, Rule,
};
use crate::policy::PolicyChange;
use crate::report::path;
use crate::selector::Selector;
use crate::source::Span;

/// A change of a policy.
#[derive(Clone, Debug)]
pub struct Mutation {
    /// The policy after it.
    pub change: PolicyChange,
    /// What of it is changed: `spec.ingress[0]`.
    pub path: String,
    /// Where that stands in the policy's document.
    pub span: Span,
    /// How.
    pub kind: MutantKind,
    /// How, as a phrase.
    pub text: String,
    /// Fields of which the first that is there is the place, and a label that stands there, if
    /// what is compiled does not keep the place.
    pub field: Option<SelectorField>,
}

/// A selector's place in a policy, as paths of which one is there, and a key of it.
#[derive(Clone, Debug)]
pub struct SelectorField {
    /// Paths of the selector.
    pub paths: Vec<String>,
    /// The label's key.
    pub key: String,
}

/// All changes of a policy that are tried, in the order of its text.
///
/// # Shape
/// Each says something else than the policy: not that it does something else.
pub fn mutations(object: &Arc<Object>) -> Vec<Mutation> {
    let mut all = Mutations { object, found: Vec::new() };
    all.push(Part::whole(object), MutantKind::PolicyRemoved, "policy removed".into(), None);
    match &object.body {
        Body::Policy(policy) => all.of_network_policy(policy),
        Body::ClusterPolicy(policy) => all.of_cluster_policy(policy),
        Body::CalicoPolicy(policy) => all.of_calico_policy(policy),
        _ => return Vec::new(),
    }
    for direction in Direction::BOTH {
        for index in 0..object.rules(direction).len() {
            all.of_rule(direction, index);
        }
    }
    all.found
}

/// Makes the body of a policy with one changed rule.
type Changed<'c> = dyn Fn(&dyn Fn(&mut Rule)) -> Option<Body> + 'c;

/// A place in a policy.
struct Part {
    path: String,
    span: Span,
}

impl Part {
    fn whole(object: &Object) -> Self {
        Self { path: "spec".into(), span: object.span }
    }
}

struct Mutations<'o> {
    object: &'o Arc<Object>,
    found: Vec<Mutation>,
}

impl Mutations<'_> {
    /// Adds a change; without a new body the policy is gone.
    fn push(&mut self, part: Part, kind: MutantKind, text: String, body: Option<Body>) {
        let change = match body {
            None => PolicyChange::Remove(Arc::clone(self.object)),
            Some(body) => {
                PolicyChange::Put(Arc::new(Object { body, ..Object::clone(self.object) }))
            }
        };
        let Part { path, span } = part;
        self.found.push(Mutation { change, path, span, kind, text, field: None });
    }

    fn of_network_policy(&mut self, policy: &NetworkPolicy) {
        let (ingress, egress) = (policy.isolates_ingress, policy.isolates_egress);
        for direction in Direction::BOTH.into_iter().filter(|_| ingress && egress) {
            let mut changed = policy.clone();
            match direction {
                Direction::Ingress => changed.isolates_ingress = false,
                Direction::Egress => changed.isolates_egress = false,
            }
            self.direction(direction, Body::Policy(changed));
        }
        for (subject, text, key) in widened(&policy.subject) {
            let body = Body::Policy(NetworkPolicy { subject, ..policy.clone() });
            self.widened(("spec.podSelector", self.object.span), text, body);
            self.place(vec!["spec.podSelector".into()], key);
        }
    }

    fn of_cluster_policy(&mut self, policy: &ClusterPolicy) {
        let both = !policy.ingress.is_empty() && !policy.egress.is_empty();
        for direction in Direction::BOTH.into_iter().filter(|_| both) {
            let mut changed = policy.clone();
            match direction {
                Direction::Ingress => changed.ingress.clear(),
                Direction::Egress => changed.egress.clear(),
            }
            self.direction(direction, Body::ClusterPolicy(changed));
        }
        let subject = "spec.subject";
        let paths =
            |last: &str| vec![format!("{subject}.pods.{last}"), format!("{subject}.namespaces")];
        for (namespaces, text, key) in widened(&policy.subject.namespaces) {
            let mut changed = policy.clone();
            changed.subject.namespaces = namespaces;
            self.widened((subject, self.object.span), text, Body::ClusterPolicy(changed));
            self.place(paths("namespaceSelector"), key);
        }
        for (pods, text, key) in widened(&policy.subject.pods) {
            let mut changed = policy.clone();
            changed.subject.pods = pods;
            self.widened((subject, self.object.span), text, Body::ClusterPolicy(changed));
            self.place(paths("podSelector"), key);
        }
    }

    fn of_calico_policy(&mut self, policy: &Ruled) {
        let both = policy.rules.values().all(Option::is_some);
        for direction in Direction::BOTH.into_iter().filter(|_| both) {
            let mut changed = policy.clone();
            changed.rules[direction] = None;
            self.direction(direction, Body::CalicoPolicy(Box::new(changed)));
        }
    }

    fn direction(&mut self, direction: Direction, body: Body) {
        let part = Part { path: format!("spec.{}", direction.field()), span: self.object.span };
        let text = format!("says nothing of {}", direction.field());
        self.push(part, MutantKind::DirectionRemoved, text, Some(body));
    }

    fn widened(&mut self, (path, span): (&str, Span), text: String, body: Body) {
        let part = Part { path: path.to_owned(), span };
        self.push(part, MutantKind::SelectorWidened, text, Some(body));
    }

    /// Says where the selector of the last change stands.
    fn place(&mut self, paths: Vec<String>, key: String) {
        if let Some(last) = self.found.last_mut() {
            last.field = Some(SelectorField { paths, key });
        }
    }

    fn of_rule(&mut self, direction: Direction, index: usize) {
        let object = Arc::clone(self.object);
        let Some(rule) = object.rules(direction).get(index) else { return };
        let path = path::rule(direction, index);
        let whole = || Part { path: path.clone(), span: rule.span };
        let body = with_rules(&object.body, direction, |rules| drop(rules.remove(index)));
        self.push(whole(), MutantKind::RuleRemoved, "rule removed".into(), body);
        if rule.fails_closed {
            return;
        }
        let changed = |change: &dyn Fn(&mut Rule)| {
            with_rules(&object.body, direction, |rules| {
                rules.get_mut(index).into_iter().for_each(change);
            })
        };
        if matches!(object.body, Body::ClusterPolicy(_) | Body::CalicoPolicy(_)) {
            let other = if rule.action == Action::Deny { Action::Accept } else { Action::Deny };
            let text = format!("{} in place of {}", other.name(), rule.action.name());
            let body = changed(&|rule| rule.action = other);
            self.push(whole(), MutantKind::ActionFlipped, text, body);
        }
        self.of_peers((direction, index), rule, &changed);
        for (i, condition) in rule.conditions.iter().enumerate() {
            let part = Part { path: format!("{path}.{}", condition.field), span: condition.span };
            let text = format!("without {}", condition.described());
            let body = changed(&|rule| drop(rule.conditions.remove(i)));
            self.push(part, MutantKind::ConditionRemoved, text, body);
        }
        if !rule.peers.is_empty() {
            let body = changed(&|rule| rule.peers.clear());
            self.push(whole(), MutantKind::AnyPeer, "any peer".into(), body);
        }
        if rule.ports.is_empty() {
            return;
        }
        for (i, port) in rule.ports.iter().enumerate().filter(|_| rule.ports.len() > 1) {
            let path = path::port(&object, direction, index, port.item);
            let body = changed(&|rule| drop(rule.ports.remove(i)));
            let text = format!("port removed: {}", port.text());
            self.push(Part { path, span: port.span }, MutantKind::PortRemoved, text, body);
        }
        let body = changed(&|rule| rule.ports.clear());
        self.push(whole(), MutantKind::AnyPort, "any port".into(), body);
    }

    fn of_peers(
        &mut self,
        (direction, index): (Direction, usize),
        rule: &Rule,
        changed: &Changed<'_>,
    ) {
        for (i, peer) in rule.peers.iter().enumerate() {
            let path = path::peer(direction, index, i);
            let part = || Part { path: path.clone(), span: peer.span };
            if rule.peers.len() > 1 {
                let body = changed(&|rule| drop(rule.peers.remove(i)));
                self.push(part(), MutantKind::PeerRemoved, "peer removed".into(), body);
            }
            for wider in wider_peers(&peer.kind) {
                let body = changed(&|rule| {
                    let own = rule.peers.get_mut(i);
                    own.into_iter().for_each(|own: &mut Peer| own.kind = wider.kind.clone());
                });
                let paths = wider.fields.iter().map(|field| format!("{path}.{field}")).collect();
                self.push(part(), MutantKind::SelectorWidened, wider.text, body);
                self.place(paths, wider.key);
            }
        }
    }
}

/// The change that takes one rule from a policy; none from what is no policy.
pub fn without_rule(
    object: &Arc<Object>,
    direction: Direction,
    index: usize,
) -> Option<PolicyChange> {
    let body = with_rules(&object.body, direction, |rules| drop(rules.remove(index)))?;
    Some(PolicyChange::Put(Arc::new(Object { body, ..Object::clone(object) })))
}

/// The body with other rules of a direction.
fn with_rules(
    body: &Body,
    direction: Direction,
    change: impl FnOnce(&mut Vec<Rule>),
) -> Option<Body> {
    let mut body = body.clone();
    let rules = match (&mut body, direction) {
        (Body::Policy(policy), Direction::Ingress) => &mut policy.ingress,
        (Body::Policy(policy), Direction::Egress) => &mut policy.egress,
        (Body::ClusterPolicy(policy), Direction::Ingress) => &mut policy.ingress,
        (Body::ClusterPolicy(policy), Direction::Egress) => &mut policy.egress,
        (Body::CalicoPolicy(policy), _) => policy.rules[direction].as_mut()?,
        _ => return None,
    };
    change(rules);
    Some(body)
}

/// A selector with each requirement left out, what that is, and the requirement's key.
fn widened(selector: &Selector) -> impl Iterator<Item = (Selector, String, String)> {
    let all = selector.requirements();
    (0..all.len()).map(move |index| {
        let rest = all.iter().enumerate().filter(|(i, _)| *i != index);
        let rest = rest.map(|(_, requirement)| requirement.clone()).collect();
        let (mut left, mut key) = (String::new(), String::new());
        if let Some(out) = all.get(index) {
            left = Selector::new(vec![out.clone()]).text();
            key = out.key.to_string();
        }
        (Selector::new(rest), format!("without {left}"), key)
    })
}

/// A peer that names more.
struct Wider {
    kind: PeerKind,
    text: String,
    fields: Vec<&'static str>,
    key: String,
}

fn wider_peers(peer: &PeerKind) -> Vec<Wider> {
    let PeerKind::Pods { namespaces, pods } = peer else { return Vec::new() };
    let mut all = Vec::new();
    for (wider, text, key) in namespaces.iter().flat_map(widened) {
        let kind = PeerKind::Pods { namespaces: Some(wider), pods: pods.clone() };
        let fields = vec!["namespaceSelector", "pods.namespaceSelector", "namespaces"];
        all.push(Wider { kind, text, fields, key });
    }
    for (wider, text, key) in pods.iter().flat_map(widened) {
        let kind = PeerKind::Pods { namespaces: namespaces.clone(), pods: Some(wider) };
        all.push(Wider { kind, text, fields: vec!["podSelector", "pods.podSelector"], key });
    }
    all
}
