//! The pods that policies name: as their subjects, and as peers of their rules.

use std::sync::Arc;

use super::contradictory_selector::is_contradictory;
use crate::cluster::{ClusterModel, Endpoint, GroupId};
use crate::manifest::{Body, Direction, Object, PeerKind, Rule};
use crate::policy::{CompiledPolicy, PeerSet, PolicySet, RulePeer, SetId};
use crate::selector::{Match, Operator, Requirement, Selector};

/// Pods that a policy names, and where.
#[derive(Clone, Copy, Debug)]
pub struct Named<'s> {
    /// The policy.
    pub policy: &'s Arc<CompiledPolicy>,
    /// The number of the pods.
    pub id: SetId,
    /// The pods.
    pub set: &'s PeerSet,
    /// Where it names them.
    pub role: Role,
}

/// Where a policy names pods.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// As those that it applies to.
    Subject,
    /// As a peer of a rule.
    Peer(PeerPlace),
}

/// Where a peer stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PeerPlace {
    /// The rules among which its own is.
    pub direction: Direction,
    /// Index of the rule.
    pub rule: usize,
    /// Index of the peer.
    pub peer: usize,
}

impl PeerPlace {
    /// The path of the peer.
    pub fn path(self) -> String {
        let Self { direction, rule, peer } = self;
        format!("spec.{}[{rule}].{}[{peer}]", direction.field(), direction.peers_field())
    }

    /// The path of the addresses of a peer that is a block.
    pub fn block_path(self) -> String {
        format!("{}.ipBlock.cidr", self.path())
    }
}

impl Named<'_> {
    /// Paths at which the selector of pods may be.
    pub fn pods_paths(&self) -> Vec<String> {
        let base = self.base();
        vec![format!("{base}.podSelector"), format!("{base}.pods.podSelector"), base]
    }

    /// Whether it names pods by labels and the input has none of them.
    ///
    /// # Shape
    /// Never for requirements that contradict each other, nor for labels that pods take when they
    /// need what a policy allows.
    pub fn is_dead(&self, model: &ClusterModel) -> bool {
        if !self.set.is_empty() || self.set.pods().is_empty() {
            return false;
        }
        let pods = self.set.pods();
        let mut requirements = pods.requirements().iter();
        !requirements.any(|one| is_for_others(model, one)) && !is_contradictory(pods)
    }

    fn base(&self) -> String {
        match (self.role, &self.policy.object.body) {
            (Role::Peer(place), _) => place.path(),
            (Role::Subject, Body::ClusterPolicy(_)) => "spec.subject".to_owned(),
            (Role::Subject, _) => "spec".to_owned(),
        }
    }
}

/// Whether pods take a label when they need what a policy allows, or have it only for a while, and
/// none has it yet.
fn is_for_others(model: &ClusterModel, requirement: &Requirement) -> bool {
    const GRANTED: [&str; 6] = ["allow", "allowed", "enabled", "granted", "true", "yes"];
    // Of pods that answer a challenge for a certificate.
    const PASSING: &str = "acme.cert-manager.io/";
    let Requirement { key, operator, values } = requirement;
    let is_granted = match operator {
        Operator::Exists => true,
        Operator::In => values.iter().any(|value| GRANTED.contains(&&**value)),
        Operator::NotIn | Operator::DoesNotExist => false,
    };
    (is_granted && model.groups.with_key(key).is_empty()) || key.starts_with(PASSING)
}

/// All pods that policies name, policy by policy; audited policies, too. Rules that are not
/// understood name none.
pub fn all(set: &PolicySet) -> impl Iterator<Item = Named<'_>> {
    set.policies().flat_map(move |(_, policy)| {
        let named = move |id, role| Some(Named { policy, id, set: set.set(id)?, role });
        let peers = Direction::BOTH.into_iter().flat_map(move |direction| peers(policy, direction));
        let subject = std::iter::once((policy.subject, Role::Subject));
        subject.chain(peers).filter_map(move |(id, role)| named(id, role))
    })
}

/// Whether an endpoint's pods are in a set, or may be.
pub fn has(model: &ClusterModel, set: &PeerSet, endpoint: &Endpoint) -> bool {
    let is_in = |group: GroupId| set.matches(group) != Match::No;
    let variants = |group| model.variants.get(&group).into_iter().flatten().copied();
    endpoint.group.is_some_and(|group| is_in(group) || variants(group).any(is_in))
}

fn peers(policy: &CompiledPolicy, direction: Direction) -> impl Iterator<Item = (SetId, Role)> {
    let written = policy.written(direction);
    let rules = policy.rules(direction).unwrap_or_default().iter().zip(written).enumerate();
    let rules = rules.filter(|(_, (_, written))| !written.fails_closed);
    rules.flat_map(move |(rule, (compiled, _))| {
        let peers = compiled.peers.iter().enumerate();
        peers.filter_map(move |(peer, one): (usize, &RulePeer)| {
            Some((one.pods()?, Role::Peer(PeerPlace { direction, rule, peer })))
        })
    })
}

/// A selector as a policy has it.
pub struct Written<'o> {
    /// The selector.
    pub selector: &'o Selector,
    /// Whether it selects namespaces.
    pub of_namespaces: bool,
    /// The name of its field.
    pub what: &'static str,
    base: Base,
    fields: &'static [&'static str],
}

/// Where the fields of selectors are.
#[derive(Clone, Copy)]
enum Base {
    /// At a path.
    At(&'static str),
    /// In a peer.
    Peer(PeerPlace),
}

impl<'o> Written<'o> {
    fn pods(base: Base, selector: &'o Selector) -> Self {
        let fields = &["podSelector", "pods.podSelector"];
        Self { selector, of_namespaces: false, what: "`podSelector`", base, fields }
    }

    fn namespaces(base: Base, selector: &'o Selector) -> Self {
        let fields = &["namespaceSelector", "namespaces", "pods.namespaceSelector"];
        Self { selector, of_namespaces: true, what: "selector of namespaces", base, fields }
    }

    fn nodes(base: Base, selector: &'o Selector) -> Self {
        let what = "selector of nodes";
        Self { selector, of_namespaces: false, what, base, fields: &["nodes"] }
    }

    /// The rule of its policy that it is in; none if it says to which pods that applies.
    pub fn rule_of<'p>(&self, policy: &'p Object) -> Option<&'p Rule> {
        match self.base {
            Base::At(_) => None,
            Base::Peer(place) => policy.rules(place.direction).get(place.rule),
        }
    }

    /// Paths at which it may be.
    pub fn paths(&self) -> Vec<String> {
        let base = match self.base {
            Base::At(path) => path.to_owned(),
            Base::Peer(place) => place.path(),
        };
        self.fields.iter().map(|field| format!("{base}.{field}")).collect()
    }
}

/// All selectors of a policy.
pub fn written(object: &Object) -> Vec<Written<'_>> {
    let mut all = match &object.body {
        Body::Policy(policy) => vec![Written::pods(Base::At("spec"), &policy.subject)],
        Body::ClusterPolicy(policy) => vec![
            Written::namespaces(Base::At("spec.subject"), &policy.subject.namespaces),
            Written::pods(Base::At("spec.subject"), &policy.subject.pods),
        ],
        _ => Vec::new(),
    };
    for direction in Direction::BOTH {
        let rules = object.rules(direction).iter().enumerate();
        for (rule, one) in rules.filter(|(_, rule)| !rule.fails_closed) {
            for (peer, one) in one.peers.iter().enumerate() {
                let base = Base::Peer(PeerPlace { direction, rule, peer });
                all.extend(of_peer(base, &one.kind));
            }
        }
    }
    all
}

fn of_peer(base: Base, peer: &PeerKind) -> Vec<Written<'_>> {
    match peer {
        PeerKind::Pods { namespaces, pods } => {
            let namespaces = namespaces.as_ref().map(|one| Written::namespaces(base, one));
            let pods = pods.as_ref().map(|one| Written::pods(base, one));
            namespaces.into_iter().chain(pods).collect()
        }
        PeerKind::Nodes(selector) => vec![Written::nodes(base, selector)],
        PeerKind::Block(_) | PeerKind::Networks(_) | PeerKind::DomainNames(_) => Vec::new(),
    }
}
