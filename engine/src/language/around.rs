//! What an object says of itself, read from its tree: it may not be whole.

use crate::manifest::{self, Direction};
use crate::policy::{PeerSet, Scope};
use crate::selector::Selector;
use crate::session::Session;
use crate::tree::Node;

use super::schema::{Of, Shape};
use super::spot::{Spot, Step};

/// The namespace that an object is in, by name.
pub fn namespace_of<'n>(session: &'n Session, object: &'n Node<'_>) -> &'n str {
    let own = object.get("metadata").and_then(|meta| meta.get("namespace"));
    let own = own.and_then(Node::as_str).filter(|name| !name.is_empty());
    own.unwrap_or(&session.options().default_namespace)
}

/// The value of a path of keys.
pub fn at<'n, 't>(object: &'n Node<'t>, path: &[&str]) -> Option<&'n Node<'t>> {
    path.iter().try_fold(object, |node, key| node.get(key))
}

/// The labels of the pods that an object makes, or has itself.
pub fn pod_labels<'n, 't>(object: &'n Node<'t>) -> Option<&'n Node<'t>> {
    const TEMPLATES: [&[&str]; 3] = [
        &["spec", "jobTemplate", "spec", "template", "metadata", "labels"],
        &["spec", "template", "metadata", "labels"],
        &["metadata", "labels"],
    ];
    TEMPLATES.iter().find_map(|path| at(object, path))
}

/// The direction of the rule that a spot is in.
pub fn direction(spot: &Spot<'_, '_>) -> Option<Direction> {
    let keys = spot.steps.iter().filter_map(|step| match step {
        Step::Key(entry) => Some(&*entry.key),
        Step::Item(_) => None,
    });
    let mut directions = keys
        .filter_map(|key| Direction::BOTH.into_iter().find(|direction| direction.field() == key));
    directions.next()
}

/// Which namespaces' pods are meant at a spot; none if that cannot be said, as of a namespace that
/// is not in the input.
pub fn scope(session: &Session, spot: &Spot<'_, '_>, of: Of) -> Option<Scope> {
    let own = || session.model().namespace(namespace_of(session, spot.object));
    match of {
        Of::Namespaces | Of::Nodes => None,
        Of::Template | Of::Backends => own().map(Scope::Own),
        Of::Subjects | Of::Peers => match namespaces_beside(spot) {
            Some(selector) => Some(Scope::Matching(selector)),
            None if is_namespaced(spot) => own().map(Scope::Own),
            None => Some(Scope::Matching(Selector::default())),
        },
    }
}

fn is_namespaced(spot: &Spot<'_, '_>) -> bool {
    let kind = spot.object.get("kind").and_then(Node::as_str);
    kind == Some("NetworkPolicy")
}

/// The selector of namespaces that stands with the spot in one peer or subject.
fn namespaces_beside(spot: &Spot<'_, '_>) -> Option<Selector> {
    let node = spot.nodes.iter().rev().find_map(|node| node.get("namespaceSelector"))?;
    // A null one is none.
    (!node.is_null()).then(|| manifest::selector_of(node)).flatten()
}

/// The pods of the scope of a spot that have some labels.
pub fn pods(session: &Session, spot: &Spot<'_, '_>, of: Of, pods: Selector) -> Option<PeerSet> {
    Some(PeerSet::of(session.model(), scope(session, spot, of)?, pods))
}

/// The outermost selector that a spot is in, or is: how many steps lead there, and whom it selects.
pub fn selector(spot: &Spot<'_, '_>) -> Option<(usize, Of)> {
    let shapes = spot.shapes();
    let mut found = shapes.iter().enumerate();
    found.find_map(|(depth, shape)| match shape {
        Shape::Selector(of) | Shape::Labels(of @ Of::Backends) => Some((depth, *of)),
        _ => None,
    })
}
