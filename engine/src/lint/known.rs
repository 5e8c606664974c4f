//! Of which namespaces the input has all pods, as far as one can say.
//!
//! A folder is seldom a whole cluster. What selectors match nothing is worth saying only where the
//! pods that they could mean are there: in namespaces with pods, with nothing that makes others,
//! and where all that was found could be read.

use rustc_hash::FxHashSet;

use crate::cluster::{ClusterModel, NamespaceId};
use crate::folder::SkippedKind;
use crate::manifest::MakesPods;
use crate::policy::Scope;
use crate::selector::{Match, Operator, Selector};
use crate::session::Session;

/// Namespaces whose pods are all in the input.
pub struct KnownPods<'s> {
    model: &'s ClusterModel,
    /// Whether nothing was left out that may make pods anywhere.
    is_whole: bool,
    /// Namespaces in which custom resources may make others.
    operated: FxHashSet<NamespaceId>,
}

impl<'s> KnownPods<'s> {
    /// Those of a session.
    ///
    /// # Cost
    /// Linear in the documents.
    pub fn new(session: &'s Session) -> Self {
        let model = session.model();
        let (mut is_whole, mut operated) = (is_whole(session), FxHashSet::default());
        let parts = session.files().iter().flat_map(|file| &file.parts);
        for place in parts.flat_map(|part| &part.document.makes_pods) {
            match place {
                // Without a namespace it may be an object of the whole cluster.
                MakesPods::Anywhere | MakesPods::In(None) => is_whole = false,
                MakesPods::In(Some(name)) => operated.extend(model.namespace(name)),
            }
        }
        Self { model, is_whole, operated }
    }

    /// Whether a namespace has pods, and the input has all of them.
    pub fn has_all_of(&self, namespace: NamespaceId) -> bool {
        self.is_whole
            && !self.operated.contains(&namespace)
            && !self.model.groups.in_namespace(namespace).is_empty()
    }

    /// The namespaces that a scope means or may mean; none if it is not certain that the input has
    /// all their pods.
    ///
    /// # Shape
    /// Ascending; at least one of them is meant for certain. A selector that any namespace may
    /// match, such as the empty one, means namespaces that are not in the input.
    pub fn namespaces_of(&self, scope: &Scope) -> Option<Vec<NamespaceId>> {
        let namespaces = match scope {
            Scope::Own(own) => vec![*own],
            Scope::Matching(selector) => self.matching(selector)?,
            Scope::Items(_) => return None,
        };
        namespaces.iter().all(|one| self.has_all_of(*one)).then_some(namespaces)
    }

    fn matching(&self, selector: &Selector) -> Option<Vec<NamespaceId>> {
        let asks = |operator| matches!(operator, Operator::In | Operator::Exists);
        if !self.is_whole || !selector.requirements().iter().any(|one| asks(one.operator)) {
            return None;
        }
        let matches = |(id, namespace): (NamespaceId, &crate::cluster::Namespace)| {
            Some((id, selector.matches(&namespace.labels()))).filter(|(_, one)| *one != Match::No)
        };
        let found: Vec<_> = self.model.namespaces.iter().filter_map(matches).collect();
        let is_certain = found.iter().any(|(_, matches)| *matches == Match::Yes);
        is_certain.then(|| found.into_iter().map(|(id, _)| id).collect())
    }
}

/// Whether everything that was found is evaluated, and as it is applied: but for single objects,
/// whose documents say where they make pods.
fn is_whole(session: &Session) -> bool {
    let makes_others = |what| match what {
        SkippedKind::HelmChart
        | SkippedKind::Kustomization
        | SkippedKind::Ignored
        | SkippedKind::NotPermitted => true,
        SkippedKind::NotManifest => false,
    };
    session.model().without_template == 0
        && !session.skipped().iter().any(|skipped| makes_others(skipped.what))
}
