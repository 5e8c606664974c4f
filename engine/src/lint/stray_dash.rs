//! L15: two peers that seem to be meant as one.
//!
//! **What.** Of two neighbouring peers one has only a `namespaceSelector` and the other only a
//! `podSelector`:
//!
//! ```yaml
//! - namespaceSelector: {matchLabels: {team: ops}}
//! - podSelector: {matchLabels: {app: prometheus}}
//! ```
//!
//! **Why.** Each dash begins a peer of its own, and either is enough. So all pods of those
//! namespaces are admitted, and the `podSelector` means the policy's own namespace.
//!
//! **Fix.** Drop the dash of the second line, so that both must hold.
//!
//! Either is often meant. It is said where it cannot be: if the `podSelector` adds nothing, since
//! the other peer has all pods of the policy's namespace already; and if no pod of that namespace
//! has the labels, but pods of the other namespaces do.

use super::Finding;
use super::known::KnownPods;
use super::named::{Named, PeerPlace, Role};
use super::text::{Field, Texts};
use crate::cluster::{ClusterModel, NamespaceId};
use crate::diagnostic::{Code, Diagnostic};
use crate::manifest::{Direction, Peer, PeerKind};
use crate::policy::{CompiledPolicy, PeerSet, Scope};
use crate::selector::{Match, Selector};
use crate::session::Session;

/// One finding for each such pair, at the `podSelector`.
///
/// # Cost
/// Linear in the peers; in the pods that have a label of it for each pair.
pub fn findings(session: &Session) -> Vec<Finding> {
    let mut known = None;
    let mut texts = Texts::new(session);
    let mut findings = Vec::new();
    for (_, policy) in session.policies().policies() {
        for pair in pairs(policy) {
            let known = known.get_or_insert_with(|| KnownPods::new(session));
            let Some(finding) = pair.finding(session.model(), known) else { continue };
            let paths = [format!("{}.podSelector", pair.place.path())];
            findings.push(texts.about(&policy.object, Field::Selector(&paths), finding));
        }
    }
    findings
}

/// Whether a peer is the `podSelector` of a pair with a finding.
pub fn is_stray(model: &ClusterModel, known: &KnownPods<'_>, named: &Named<'_>) -> bool {
    let is_same = |pair: &Pair<'_>| named.role == Role::Peer(pair.place);
    let mut same = pairs(named.policy).into_iter().filter(is_same);
    same.any(|pair| pair.finding(model, known).is_some())
}

/// Two neighbouring peers, by namespace and by pod.
struct Pair<'s> {
    /// Where the one by pod is.
    place: PeerPlace,
    own: NamespaceId,
    namespaces: &'s Selector,
    pods: &'s Selector,
}

fn pairs(policy: &CompiledPolicy) -> Vec<Pair<'_>> {
    let Some(own) = policy.namespace else { return Vec::new() };
    let mut all = Vec::new();
    for direction in Direction::BOTH {
        for (rule, one) in policy.written(direction).iter().enumerate() {
            for (first, two) in one.peers.windows(2).enumerate() {
                let Some((namespaces, pods, offset)) = halves(two) else { continue };
                let place = PeerPlace { direction, rule, peer: first + offset };
                all.push(Pair { place, own, namespaces, pods });
            }
        }
    }
    all
}

/// The selectors of namespaces and of pods, and which of the two peers has that of pods.
fn halves(two: &[Peer]) -> Option<(&Selector, &Selector, usize)> {
    let [first, second] = two else { return None };
    let (namespaces, pods, offset) = match (&first.kind, &second.kind) {
        (
            PeerKind::Pods { namespaces: Some(namespaces), pods: None },
            PeerKind::Pods { namespaces: None, pods: Some(pods) },
        ) => (namespaces, pods, 1),
        (
            PeerKind::Pods { namespaces: None, pods: Some(pods) },
            PeerKind::Pods { namespaces: Some(namespaces), pods: None },
        ) => (namespaces, pods, 0),
        _ => return None,
    };
    // All pods of the own namespace, next to others: that is meant.
    (!pods.is_empty()).then_some((namespaces, pods, offset))
}

impl Pair<'_> {
    fn finding(&self, model: &ClusterModel, known: &KnownPods<'_>) -> Option<Diagnostic> {
        let own = model.namespaces.get(self.own)?;
        let both = Scope::Matching(self.namespaces.clone());
        let both = PeerSet::of(model, both, self.pods.clone());
        let why = if self.namespaces.matches(&own.labels()) == Match::Yes {
            format!(
                "this `podSelector` adds nothing: the `namespaceSelector` next to it already \
                 matches all pods of namespace `{}`",
                own.name
            )
        } else if self.is_nowhere_here(model, known) && !both.is_empty() {
            format!(
                "this `podSelector` matches no pod: alone it means namespace `{}`, but pods with \
                 these labels are in namespaces that the `namespaceSelector` next to it matches",
                own.name
            )
        } else {
            return None;
        };
        let help = "each dash begins a peer of its own: write both selectors in one element, \
                    without the second dash, if pods must match both";
        let help = format!("{help}{}", self.counts(model, &both));
        Some(Diagnostic::new(Code::AndOrDash, why).with_help(help))
    }

    fn is_nowhere_here(&self, model: &ClusterModel, known: &KnownPods<'_>) -> bool {
        let here = PeerSet::of(model, Scope::Own(self.own), self.pods.clone());
        known.has_all_of(self.own) && here.is_empty()
    }

    /// What the two readings match, where that is known.
    fn counts(&self, model: &ClusterModel, both: &PeerSet) -> String {
        let namespaces = Scope::Matching(self.namespaces.clone());
        let whole = PeerSet::of(model, namespaces, Selector::default());
        let here = PeerSet::of(model, Scope::Own(self.own), self.pods.clone());
        if [both, &whole, &here].iter().any(|set| !set.unknown.is_empty()) {
            return String::new();
        }
        let groups = model.endpoints.values().filter_map(|endpoint| endpoint.group);
        let (mut either, mut each) = (0usize, 0usize);
        for group in groups {
            either += usize::from(whole.certain.contains(group) || here.certain.contains(group));
            each += usize::from(both.certain.contains(group));
        }
        format!(" (as written {either} pods or templates match, in one element {each})")
    }
}
