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

use rustc_hash::FxHashMap;

use super::named::{Named, PeerPlace, Role};
use super::text::Field;
use super::{Context, Finding};
use crate::cluster::{ClusterModel, GroupId, NamespaceId};
use crate::diagnostic::{Code, Diagnostic, Edit, Fix};
use crate::manifest::{Direction, Peer, PeerKind};
use crate::net::IntervalSet;
use crate::policy::{CompiledPolicy, PeerSet, Scope};
use crate::selector::{Match, Selector};
use crate::source::Span;

/// One finding for each such pair, at the `podSelector`.
///
/// # Cost
/// Linear in the peers, and in the pods once for each `namespaceSelector` of a finding; in the
/// pods that have a label of it for each pair.
pub fn findings(context: &Context<'_>) -> Vec<Finding> {
    let mut counts = Counts::new(context.session.model());
    let mut findings = Vec::new();
    for (_, policy) in context.session.policies().policies() {
        for pair in pairs(policy) {
            let Some(why) = pair.why(context) else { continue };
            let help = "each dash begins a peer of its own: write both selectors in one element, \
                        without the second dash, if pods must match both";
            let help = format!("{help}{}", counts.of(&pair));
            let fix = Fix::other(pair.second, Edit::Join);
            let finding = Diagnostic::new(Code::AndOrDash, why).with_help(help).with_fix(fix);
            let paths = [format!("{}.podSelector", pair.place.path())];
            findings.push(context.about(&policy.object, Field::Selector(&paths), finding));
        }
    }
    findings
}

/// Whether a peer is the `podSelector` of a pair with a finding.
pub fn is_stray(context: &Context<'_>, named: &Named<'_>) -> bool {
    let Role::Peer(place) = named.role else { return false };
    let first = place.peer.saturating_sub(1);
    let mut both = [first, first + 1].into_iter().filter_map(|first| {
        pair(named.policy, PeerPlace { peer: first, ..place }).filter(|pair| pair.place == place)
    });
    both.any(|pair| pair.why(context).is_some())
}

/// Two neighbouring peers, by namespace and by pod.
struct Pair<'s> {
    /// Where the one by pod is.
    place: PeerPlace,
    /// Where the second of the two is.
    second: Span,
    own: NamespaceId,
    namespaces: &'s Selector,
    pods: &'s Selector,
}

fn pairs(policy: &CompiledPolicy) -> impl Iterator<Item = Pair<'_>> {
    Direction::BOTH.into_iter().flat_map(move |direction| {
        policy.written(direction).iter().enumerate().flat_map(move |(rule, one)| {
            let first = 0..one.peers.len();
            first.filter_map(move |peer| pair(policy, PeerPlace { direction, rule, peer }))
        })
    })
}

/// The pair that begins at a place, if there is one.
fn pair(policy: &CompiledPolicy, first: PeerPlace) -> Option<Pair<'_>> {
    let own = policy.namespace?;
    let rule = policy.written(first.direction).get(first.rule)?;
    let two = rule.peers.get(first.peer..first.peer + 2)?;
    let (namespaces, pods, offset) = halves(two)?;
    let (place, second) = (PeerPlace { peer: first.peer + offset, ..first }, two.last()?.span);
    Some(Pair { place, second, own, namespaces, pods })
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
    /// What is wrong with it, if anything is.
    fn why(&self, context: &Context<'_>) -> Option<String> {
        let model = context.session.model();
        let own = model.namespaces.get(self.own)?;
        if self.namespaces.matches(&own.labels()) == Match::Yes {
            return Some(format!(
                "this `podSelector` adds nothing: the `namespaceSelector` next to it already \
                 matches all pods of namespace `{}`",
                own.name
            ));
        }
        let is_nowhere_here = context.known().has_all_of(self.own) && self.here(model).is_empty();
        (is_nowhere_here && !self.both(model).is_empty()).then(|| {
            format!(
                "this `podSelector` matches no pod: alone it means namespace `{}`, but pods with \
                 these labels are in namespaces that the `namespaceSelector` next to it matches",
                own.name
            )
        })
    }

    fn here(&self, model: &ClusterModel) -> PeerSet {
        PeerSet::of(model, Scope::Own(self.own), self.pods.clone())
    }

    fn both(&self, model: &ClusterModel) -> PeerSet {
        PeerSet::of(model, Scope::Matching(self.namespaces.clone()), self.pods.clone())
    }
}

/// How many pods are in sets.
struct Counts<'s> {
    model: &'s ClusterModel,
    /// By group, once it is asked for.
    sizes: Option<FxHashMap<GroupId, usize>>,
    /// All pods of the namespaces that a selector matches.
    whole: FxHashMap<Selector, (PeerSet, usize)>,
}

impl<'s> Counts<'s> {
    fn new(model: &'s ClusterModel) -> Self {
        Self { model, sizes: None, whole: FxHashMap::default() }
    }

    /// What the two readings of a pair match, where that is known.
    fn of(&mut self, pair: &Pair<'_>) -> String {
        let model = self.model;
        let (both, here) = (pair.both(model), pair.here(model));
        let sizes = self.sizes.get_or_insert_with(|| {
            let mut sizes = FxHashMap::default();
            let groups = model.endpoints.values().filter_map(|endpoint| endpoint.group);
            groups.for_each(|group| *sizes.entry(group).or_default() += 1);
            sizes
        });
        let count = |groups: &IntervalSet<GroupId>| {
            groups.iter().filter_map(|group| sizes.get(&group)).sum::<usize>()
        };
        let whole = self.whole.entry(pair.namespaces.clone());
        let (whole, all) = whole.or_insert_with_key(|namespaces| {
            let scope = Scope::Matching(namespaces.clone());
            let set = PeerSet::of(model, scope, Selector::default());
            let count = count(&set.certain);
            (set, count)
        });
        if [&both, whole, &here].iter().any(|set| !set.unknown.is_empty()) {
            return String::new();
        }
        let either = *all + count(&here.certain.difference(&whole.certain));
        let each = count(&both.certain);
        let noun = if either == 1 { "pod or template matches" } else { "pods or templates match" };
        format!(" (as written {either} {noun}, in one element {each})")
    }
}
