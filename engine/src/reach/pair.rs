//! Everything that may pass between two parties, without regard to classes.
//!
//! Slower than the rows of [`super::Reach`] and independent of how they are arranged: it serves
//! single questions, and the few programs that the rows cannot express.

use std::collections::{BTreeMap, BTreeSet};

use super::atoms::{Atoms, SignatureId};
use crate::cluster::{ClusterModel, Group, Place};
use crate::manifest::{Direction, PortEntry, PortMatch};
use crate::net::{AddrSet, ConnSet, Family, PortSet, all_ports};
use crate::policy::{BlockId, CompiledPolicy, PolicySet, RulePeer};
use crate::selector::Match;
use crate::verdict::{Party, own_node, peer_matches};

/// What passes for certain, and what may.
///
/// # Shape
/// INVARIANT: `certain` is part of `possible`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Conns {
    /// In every case.
    pub certain: ConnSet,
    /// In some case.
    pub possible: ConnSet,
}

impl Conns {
    /// Everything.
    pub fn all() -> Self {
        Self { certain: ConnSet::all(), possible: ConnSet::all() }
    }

    /// Nothing.
    pub fn none() -> Self {
        Self { certain: ConnSet::none(), possible: ConnSet::none() }
    }

    /// What passes both.
    #[must_use]
    pub fn and(&self, other: &Self) -> Self {
        Self {
            certain: self.certain.intersection(&other.certain),
            possible: self.possible.intersection(&other.possible),
        }
    }

    fn add(&mut self, conns: &ConnSet, matches: Match) {
        if matches >= Match::Unknown {
            self.possible = self.possible.union(conns);
        }
        if matches == Match::Yes {
            self.certain = self.certain.union(conns);
        }
    }

    fn or(&mut self, other: &Self) {
        self.certain = self.certain.union(&other.certain);
        self.possible = self.possible.union(&other.possible);
    }
}

/// Everything that may pass from one endpoint or address to another, in one family.
pub fn pair(
    (model, set): (&ClusterModel, &PolicySet),
    source: &Party<'_>,
    destination: &Party<'_>,
    family: Family,
) -> Conns {
    let (sources, destinations) = (source.variants(model), destination.variants(model));
    over_variants((&sources, &destinations), |source, destination| {
        let egress = end((model, set), (Direction::Egress, family), source, destination);
        egress.and(&end((model, set), (Direction::Ingress, family), destination, source))
    })
}

/// What passes whatever labels the pods of templates have that these do not show, and what passes
/// with some of them. Asking with all labels at hand is exact where several selectors ask for the
/// same label; one by one they would each be unknown.
pub fn over_variants(
    (sources, destinations): (&[Party<'_>], &[Party<'_>]),
    ask: impl Fn(&Party<'_>, &Party<'_>) -> Conns,
) -> Conns {
    let mut all = Conns { certain: ConnSet::all(), possible: ConnSet::none() };
    for source in sources {
        for destination in destinations {
            let one = ask(source, destination);
            all.certain = all.certain.intersection(&one.certain);
            all.possible = all.possible.union(&one.possible);
        }
    }
    all
}

/// What one end's policies let pass.
pub fn end(
    (_, set): (&ClusterModel, &PolicySet),
    (direction, family): (Direction, Family),
    subject: &Party<'_>,
    peer: &Party<'_>,
) -> Conns {
    let Some((group, _)) = subject.group else {
        return Conns::all();
    };
    let own = subject.endpoint.is_some() && subject.endpoint == peer.endpoint && !subject.several;
    let own_node = own_node(direction, subject, peer);
    let program = set.program_id(group, direction);
    if own || own_node == Match::Yes || set.program(program).is_open() {
        return Conns::all();
    }
    let mut conns = by_program(set, program, (direction, family), (subject, peer));
    if own_node == Match::Unknown {
        conns.possible = ConnSet::all();
    }
    conns
}

/// What a program lets pass; uncertain policies as in `verdict`.
pub fn by_program(
    set: &PolicySet,
    program: crate::policy::ProgramId,
    (direction, family): (Direction, Family),
    (subject, peer): (&Party<'_>, &Party<'_>),
) -> Conns {
    let (mut certain, mut uncertain) = (Vec::new(), Vec::new());
    for policy in set.program(program).tiers.iter().flat_map(|tier| &tier.policies) {
        let list = if policy.certain { &mut certain } else { &mut uncertain };
        list.extend(set.policy(policy.policy));
    }
    let destination = match direction {
        Direction::Ingress => subject,
        Direction::Egress => peer,
    };
    let ends = Ends { direction, family, peer, named: destination.group.map(|(_, group)| group) };
    let mut conns = by_policies(set, &certain, ends);
    let each = uncertain.iter().map(|policy| by_policies(set, std::slice::from_ref(policy), ends));
    let each: Vec<Conns> = each.collect();
    match certain.is_empty() {
        false => each.iter().for_each(|one| conns.possible = conns.possible.union(&one.possible)),
        true => {
            let common =
                each.iter().fold(ConnSet::all(), |all, one| all.intersection(&one.certain));
            conns = Conns { certain: common, possible: ConnSet::all() };
        }
    }
    conns
}

#[derive(Clone, Copy)]
struct Ends<'e, 'm> {
    direction: Direction,
    family: Family,
    peer: &'e Party<'m>,
    named: Option<&'m Group>,
}

fn by_policies(
    set: &PolicySet,
    policies: &[&std::sync::Arc<CompiledPolicy>],
    ends: Ends<'_, '_>,
) -> Conns {
    let mut conns = Conns::none();
    let mut blocks: Vec<(BlockId, ConnSet)> = Vec::new();
    for policy in policies {
        for rule in policy.rules(ends.direction).unwrap_or_default() {
            let ports = ports(&rule.ports, ends.named);
            if rule.peers.is_empty() {
                conns.add(&ports, Match::Yes);
            }
            for peer in &rule.peers {
                match peer {
                    RulePeer::Block(id) => blocks.push((*id, ports.clone())),
                    RulePeer::Pods(_) => conns.add(&ports, peer_matches(set, *peer, ends.peer)),
                }
            }
        }
    }
    conns.or(&by_blocks(set, &blocks, (&ends.peer.place, ends.family)));
    conns
}

/// What blocks admit together from a place: certain is what they admit from each address in it.
pub fn by_blocks(
    set: &PolicySet,
    blocks: &[(BlockId, ConnSet)],
    (place, family): (&Place, Family),
) -> Conns {
    let admitted = |inside: &dyn Fn(BlockId) -> bool| {
        blocks
            .iter()
            .filter(|(id, _)| inside(*id))
            .fold(ConnSet::none(), |all, (_, c)| all.union(c))
    };
    match place {
        Place::Known(address) => {
            let certain = admitted(&|id| set.block(id).is_some_and(|b| b.contains(*address)));
            Conns { possible: certain.clone(), certain }
        }
        Place::Within(space) => over_space(set, blocks, (space, family)),
    }
}

/// As [`by_blocks`], for a place that is not known exactly.
pub fn over_space(
    set: &PolicySet,
    blocks: &[(BlockId, ConnSet)],
    (space, family): (&AddrSet, Family),
) -> Conns {
    if blocks.is_empty() || space.is_empty() {
        return Conns::none();
    }
    let mut by_block: BTreeMap<BlockId, ConnSet> = BTreeMap::new();
    for (id, conns) in blocks {
        let entry = by_block.entry(*id).or_default();
        *entry = entry.union(conns);
    }
    let ids: Vec<BlockId> = by_block.keys().copied().collect();
    let atoms = Atoms::new(set, &ids);
    let pieces = atoms.pieces(family).into_iter();
    let within = pieces.filter(|(piece, _)| !piece.intersection(space).is_empty());
    let signatures: BTreeSet<SignatureId> = within.map(|(_, signature)| signature).collect();
    let mut conns = Conns { certain: ConnSet::all(), possible: ConnSet::none() };
    for signature in signatures {
        let inside = atoms.blocks(signature).iter().filter_map(|id| by_block.get(id));
        let admitted = inside.fold(ConnSet::none(), |all, conns| all.union(conns));
        conns.certain = conns.certain.intersection(&admitted);
        conns.possible = conns.possible.union(&admitted);
    }
    conns
}

/// What port entries name; names are looked up in the destination pod, if it is one.
pub fn ports(entries: &[PortEntry], destination: Option<&Group>) -> ConnSet {
    if entries.is_empty() {
        return ConnSet::all();
    }
    let mut conns = ConnSet::none();
    for entry in entries {
        let ports = match &entry.ports {
            PortMatch::Any => all_ports(),
            PortMatch::Range(first, last) => PortSet::range(*first, *last),
            PortMatch::Named(name) => {
                destination.map(|group| group.named_ports(name, entry.protocol)).unwrap_or_default()
            }
        };
        conns.add(entry.protocol, &ports);
    }
    conns
}
