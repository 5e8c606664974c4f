//! Everything that may pass between two parties, without regard to classes.
//!
//! Slower than the rows of [`super::Reach`] and independent of how they are arranged: it serves
//! single questions, and the few programs that the rows cannot express.

use std::collections::{BTreeMap, BTreeSet};

use crate::cluster::{ClusterModel, Group};
use crate::manifest::{Direction, PortEntry, PortMatch};
pub use crate::net::Conns;
use crate::net::{AddrSet, ConnSet, Family, PortSet, all_ports};
use crate::policy::fold::{Flows, Outcomes, RuleHit, Rules, Ties, Walk};
use crate::policy::{Atoms, BlockId, PolicyRule, PolicySet, Program, ProgramId, SignatureId};
use crate::selector::Match;
use crate::verdict::{Between, Party, own_node, peer_matches, pieces};

/// Everything that may pass from one endpoint or address to another, in one family.
pub fn pair(
    model: &ClusterModel,
    set: &PolicySet,
    source: &Party<'_>,
    destination: &Party<'_>,
) -> Conns {
    let (sources, destinations) = (source.variants(model), destination.variants(model));
    over_variants(&sources, &destinations, |source, destination| {
        let (sends, receives) = Ends::of(source, destination);
        end(set, sends).and(&end(set, receives))
    })
}

/// What passes whatever labels the pods of templates have that these do not show, and what passes
/// with some of them. Asking with all labels at hand is exact where several selectors ask for the
/// same label; one by one they would each be unknown.
pub fn over_variants(
    sources: &[Party<'_>],
    destinations: &[Party<'_>],
    ask: impl Fn(&Party<'_>, &Party<'_>) -> Conns,
) -> Conns {
    let mut all = Conns { certain: ConnSet::all(), possible: ConnSet::none() };
    for source in sources {
        for destination in destinations.iter().filter(|other| other.agrees_with(source)) {
            let one = ask(source, destination);
            all.certain = all.certain.intersection(&one.certain);
            all.possible = all.possible.union(&one.possible);
        }
    }
    all
}

/// One end, whose policies are asked, and the other.
#[derive(Clone, Copy)]
pub struct Ends<'p, 'm> {
    /// The direction, seen from the subject.
    pub direction: Direction,
    /// The end whose policies are asked.
    pub subject: &'p Party<'m>,
    /// The other end.
    pub peer: &'p Party<'m>,
}

impl<'p, 'm> Ends<'p, 'm> {
    /// The ends of what one sends to the other: the one that sends is asked, and the other.
    pub fn of(source: &'p Party<'m>, destination: &'p Party<'m>) -> (Self, Self) {
        (
            Self { direction: Direction::Egress, subject: source, peer: destination },
            Self { direction: Direction::Ingress, subject: destination, peer: source },
        )
    }

    /// Whose names of ports count.
    fn named(self) -> Option<&'m Group> {
        let destination = match self.direction {
            Direction::Ingress => self.subject,
            Direction::Egress => self.peer,
        };
        destination.group.map(|(_, group)| group)
    }
}

/// What one end's policies let pass.
pub fn end(set: &PolicySet, ends: Ends<'_, '_>) -> Conns {
    let Ends { direction, subject, peer } = ends;
    let Some((group, _)) = subject.group else {
        return Conns::all();
    };
    let own = subject.endpoint.is_some() && subject.endpoint == peer.endpoint && !subject.several;
    let own_node = own_node(direction, subject, peer);
    let program = set.program_id(group, direction);
    if own || own_node == Match::Yes || set.program(program).is_open() {
        return Conns::all();
    }
    let mut conns = by_program(set, program, ends);
    if own_node == Match::Unknown {
        conns.possible = ConnSet::all();
    }
    conns
}

/// What a program lets pass.
///
/// # Cost
/// Linear in its rules; where the peer's address is not known, for each piece of its place that
/// blocks tell apart.
pub fn by_program(set: &PolicySet, program: ProgramId, ends: Ends<'_, '_>) -> Conns {
    let program = set.program(program);
    let mut all = Conns { certain: ConnSet::all(), possible: ConnSet::none() };
    for place in pieces(set, program, ends.direction, &ends.peer.place) {
        let peer = Party { place, ..ends.peer.clone() };
        let one = at_place(set, program, Ends { peer: &peer, ..ends });
        all.certain = all.certain.intersection(&one.certain);
        all.possible = all.possible.union(&one.possible);
    }
    all
}

/// What a program lets pass from a place that no rule tells apart.
fn at_place(set: &PolicySet, program: &Program, ends: Ends<'_, '_>) -> Conns {
    let (peer, named) = (ends.peer, ends.named());
    let mut rules =
        Asking { set, direction: ends.direction, subject: Some(ends.subject), peer, named };
    let walk = Walk { set, direction: ends.direction, ties: Ties::Any };
    let outcomes = walk.program(program, &mut Connections, &mut rules);
    Conns { certain: ConnSet::all().difference(&outcomes.deny), possible: outcomes.accept }
}

/// What may become of all connections with a peer in one tier, which is a program of its own; the
/// subject's group counts for names of ports, and itself where rules ask who it is.
pub fn by_tier(
    walk: Walk<'_>,
    program: &Program,
    (subject, own): (Option<&Group>, Option<&Party<'_>>),
    peer: &Party<'_>,
) -> Outcomes<ConnSet> {
    let Walk { set, direction, .. } = walk;
    let named = match direction {
        Direction::Ingress => subject,
        Direction::Egress => peer.group.map(|(_, group)| group),
    };
    let mut all: Outcomes<ConnSet> = Outcomes::default();
    for place in pieces(set, program, direction, &peer.place) {
        let peer = Party { place, ..peer.clone() };
        let mut rules = Asking { set, direction, subject: own, peer: &peer, named };
        for tier in &program.tiers {
            let one = walk.tier(tier, &mut Connections, &mut rules);
            all.accept = all.accept.union(&one.accept);
            all.deny = all.deny.union(&one.deny);
            all.pass = all.pass.union(&one.pass);
        }
    }
    all
}

/// Sets of connections, as the walk through tiers needs them.
struct Connections;

impl Flows for Connections {
    type Set = ConnSet;

    fn all(&mut self) -> ConnSet {
        ConnSet::all()
    }

    fn none(&mut self) -> ConnSet {
        ConnSet::none()
    }

    fn union(&mut self, a: &ConnSet, b: &ConnSet) -> ConnSet {
        a.union(b)
    }

    fn intersection(&mut self, a: &ConnSet, b: &ConnSet) -> ConnSet {
        a.intersection(b)
    }

    fn difference(&mut self, a: &ConnSet, b: &ConnSet) -> ConnSet {
        a.difference(b)
    }

    fn is_empty(&self, set: &ConnSet) -> bool {
        set.is_empty()
    }
}

/// Asks rules about all connections between two parties.
struct Asking<'a, 'm> {
    set: &'a PolicySet,
    direction: Direction,
    subject: Option<&'a Party<'m>>,
    peer: &'a Party<'m>,
    named: Option<&'m Group>,
}

impl Rules<Connections> for Asking<'_, '_> {
    const FULL: bool = false;

    fn rule(&mut self, _flows: &mut Connections, rule: &PolicyRule) -> RuleHit<ConnSet> {
        if !rule.conditions.is_empty() {
            let Self { direction, subject, peer, .. } = *self;
            let between = Between { direction, subject, peer, is_reply: false };
            let matches = between.ends_match(self.set, rule);
            if matches == Match::No {
                return RuleHit::exactly(matches, ConnSet::none());
            }
            let Conns { certain, possible } = between.flows(self.set, rule);
            return RuleHit { matches, certain, possible };
        }
        let peers = rule.peers.iter().map(|peer| peer_matches(self.set, *peer, self.peer));
        let matches = if rule.peers.is_empty() { Some(Match::Yes) } else { peers.max() };
        match matches.unwrap_or(Match::No) {
            Match::No => RuleHit::exactly(Match::No, ConnSet::none()),
            matches => RuleHit::exactly(matches, ports(&rule.ports, self.named)),
        }
    }
}

/// What blocks admit together from a place that is not known exactly: certain is what they admit
/// from each address in it.
pub fn over_space(
    set: &PolicySet,
    blocks: &[(BlockId, ConnSet)],
    space: &AddrSet,
    family: Family,
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
