//! Tiers of ordered rules, as rows have them.
//!
//! What a NetworkPolicy tier admits is a union, so a row can say it by whom rules name. What a tier
//! of ordered rules does with a peer depends on all rules that name it, in their order. So it is
//! computed once for each tier and each combination of its keys that some class is named by: of a
//! thousand classes that a policy of the whole cluster does not tell apart, one is evaluated.

mod evaluate;
mod notes;
mod passage;
mod view;

use rustc_hash::{FxHashMap, FxHashSet};

use super::note::{NoteId, Notes};
use super::row::{Key, RowId};
use crate::cluster::{EndpointId, Group, GroupId};
use crate::manifest::{ByDirection, Direction};
use crate::net::{ConnId, ConnTable, Family};
use crate::policy::fold::Outcomes;
use crate::policy::{PolicyRule, PolicySet, Program, RulePeer, Seat, Tier, TierKind};
use crate::shared::{Id, Table};
use notes::Noter;
use view::Views;

pub use evaluate::{Evaluator, Memory};
pub use passage::Effect;
pub use view::Named;

/// The number of a [`Segment`].
pub type SegmentId = Id<Segment>;
/// The number of a [`Frame`].
pub type FrameId = Id<Frame>;
/// The number of a tier, whoever its subjects are.
type TierId = Id<Tier>;

/// One tier of a program, at subjects of which it asks the same.
#[derive(Clone, Debug)]
pub struct Segment {
    /// The tier, alone.
    pub program: Program,
    /// The direction.
    pub direction: Direction,
    /// Whose names of ports count at ingress, if the tier asks for names.
    pub subject: Option<GroupId>,
    /// One of its subjects, if the tier asks who they are; to policies they are alike.
    pub representative: Option<(EndpointId, Family)>,
    /// By what its rules name peers.
    keys: FxHashSet<Key>,
    /// Whether rules name addresses, which may be unknown.
    pub blocks: bool,
    /// Whether it depends on the names that destinations have for ports.
    names: bool,
    /// Rules that leave something open for peers of a key.
    pub notes: Vec<(Key, ConnId, NoteId)>,
    /// Notes for peers for which the order of policies of equal priority decides.
    pub ties: Vec<NoteId>,
}

/// The tiers of a program in order.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Frame {
    /// Tiers before NetworkPolicy.
    pub before: Vec<SegmentId>,
    /// Whether NetworkPolicies isolate.
    pub isolates: bool,
    /// Tiers after it.
    pub after: Vec<SegmentId>,
}

/// All segments and frames of one family.
#[derive(Debug, Default)]
pub struct Stages {
    segments: Table<Segment>,
    segment_ids: FxHashMap<(TierId, Direction, Option<GroupId>, Option<EndpointId>), SegmentId>,
    tier_ids: FxHashMap<Tier, TierId>,
    /// What rules of a tier ask for besides who the peer is.
    asks: Table<ByDirection<Asks>, Tier>,
    frames: Table<Frame>,
    frame_ids: FxHashMap<Frame, FrameId>,
    /// Ingress rows of a frame, by its number.
    pub rows: Table<Vec<RowId>, Frame>,
    /// Classes that no segment tells apart.
    pub views: Views,
}

/// What becomes of connections in a tier, as numbers.
pub type Fate = Outcomes<ConnId>;

impl Stages {
    /// The frame of a program, if it has tiers of ordered rules.
    pub fn frame(
        &mut self,
        set: &PolicySet,
        program: &Program,
        at: Subjects<'_>,
        interns: (&mut ConnTable, &mut Notes),
    ) -> Option<FrameId> {
        if program.only_accepts() {
            return None;
        }
        let mut frame = Frame { before: Vec::new(), isolates: false, after: Vec::new() };
        for tier in &program.tiers {
            match tier.kind {
                TierKind::NetworkPolicy => frame.isolates = true,
                TierKind::Admin | TierKind::Baseline | TierKind::Calico => {
                    let interns = (&mut *interns.0, &mut *interns.1);
                    let segment = self.segment(set, tier, at, interns);
                    let side = if frame.isolates { &mut frame.after } else { &mut frame.before };
                    side.push(segment);
                }
            }
        }
        if let Some(&id) = self.frame_ids.get(&frame) {
            return Some(id);
        }
        let id = self.frames.push(frame.clone());
        self.rows.push(Vec::new());
        self.frame_ids.insert(frame, id);
        Some(id)
    }

    /// A frame.
    pub fn get(&self, id: FrameId) -> Option<&Frame> {
        self.frames.get(id)
    }

    /// All segments, by number.
    pub fn segments(&self) -> impl Iterator<Item = (SegmentId, &Segment)> {
        self.segments.iter()
    }

    /// A segment.
    pub fn segment_of(&self, id: SegmentId) -> Option<&Segment> {
        self.segments.get(id)
    }

    /// How many tiers of a frame name addresses, that of NetworkPolicies left out.
    pub fn blocks(&self, id: FrameId) -> usize {
        let segments = self.get(id).into_iter().flat_map(Frame::segments);
        segments.filter(|id| self.segment_of(*id).is_some_and(|one| one.blocks)).count()
    }

    /// Frames of ingress rows.
    pub fn of_ingress(&self) -> impl Iterator<Item = FrameId> {
        self.rows.iter().filter(|(_, rows)| !rows.is_empty()).map(|(id, _)| id)
    }

    /// Has classes, in their order, that no segment tells apart be one to all of them.
    pub fn set_views<'k>(&mut self, classes: impl Iterator<Item = Named<'k>>) {
        self.views = Views::new(&self.segments, classes);
    }

    fn segment(
        &mut self,
        set: &PolicySet,
        tier: &Tier,
        Subjects { direction, group, representative }: Subjects<'_>,
        interns: (&mut ConnTable, &mut Notes),
    ) -> SegmentId {
        let tier_id = self.tier_id(set, tier);
        let asks = self.asks.get(tier_id).map(|asks| asks[direction]).unwrap_or_default();
        let names = asks.names;
        let representative = representative.filter(|_| asks.subject);
        let group = group.filter(|_| names && direction == Direction::Ingress);
        let subject = group.map(|(id, _)| id);
        let key = (tier_id, direction, subject, representative.map(|(endpoint, _)| endpoint));
        if let Some(&id) = self.segment_ids.get(&key) {
            return id;
        }
        let program = Program { tiers: vec![tier.clone()] };
        let keys = rules_of(set, tier, direction).flat_map(keys_of_rule).collect();
        let blocks = rules_of(set, tier, direction).any(|rule| rule.blocks().next().is_some());
        let names = asks.source_names || (names && direction == Direction::Egress);
        let noter = Noter { set, direction, named: group.map(|(_, group)| group) };
        let (notes, ties) = (noter.notes(tier, interns.0, interns.1), noter.ties(tier, interns.1));
        let segment = Segment {
            program,
            direction,
            subject,
            representative,
            keys,
            blocks,
            names,
            notes,
            ties,
        };
        let id = self.segments.push(segment);
        self.segment_ids.insert(key, id);
        id
    }

    fn tier_id(&mut self, set: &PolicySet, tier: &Tier) -> TierId {
        if let Some(&id) = self.tier_ids.get(tier) {
            return id;
        }
        let asks = |direction| {
            let mut asks = Asks::default();
            for rule in rules_of(set, tier, direction) {
                asks.names |= rule.named_ports().next().is_some();
                asks.source_names |= rule.names_source_ports();
                asks.subject |= rule.asks_subject(direction);
            }
            asks
        };
        let id = self.asks.push(ByDirection::from_fn(asks));
        self.tier_ids.insert(tier.clone(), id);
        id
    }
}

/// The rules of a tier in a direction, in order.
fn rules_of<'s>(
    set: &'s PolicySet,
    tier: &'s Tier,
    direction: Direction,
) -> impl Iterator<Item = &'s PolicyRule> {
    let policies = tier.policies.iter().filter_map(|one| set.policy(one.policy));
    policies.flat_map(move |policy| policy.rules(direction).unwrap_or_default())
}

/// What rules of a tier ask for besides who the peer is.
#[derive(Clone, Copy, Debug, Default)]
struct Asks {
    /// Names of ports.
    names: bool,
    /// Names of ports of the source.
    source_names: bool,
    /// Who the subject is.
    subject: bool,
}

/// Whose program a frame is of.
#[derive(Clone, Copy)]
pub struct Subjects<'g> {
    /// The direction.
    pub direction: Direction,
    /// The group, if its names of ports count.
    pub group: Option<(GroupId, &'g Group)>,
    /// One of the subjects and the family, if rules ask who they are.
    pub representative: Option<(EndpointId, Family)>,
}

/// Keys of classes by which a rule may name its peers.
pub(super) fn keys_of_rule(rule: &PolicyRule) -> impl Iterator<Item = Key> + '_ {
    let of_conditions = rule.conditions.iter().filter(|one| one.seat() != Some(Seat::Subject));
    let of_conditions = of_conditions.flat_map(|one| {
        let sets = one.sets().into_iter().flat_map(|id| keys_of(RulePeer::Pods(id)));
        let mut blocks = one.blocks().map(Key::Block).peekable();
        let spaces = blocks.peek().map(|_| [Key::SomePod, Key::SomeNode]);
        sets.chain(blocks).chain(spaces.into_iter().flatten()).collect::<Vec<_>>()
    });
    rule.peers.iter().flat_map(|peer| keys_of(*peer)).chain(of_conditions)
}

/// Keys of classes by which a peer may name them.
fn keys_of(peer: RulePeer) -> Vec<Key> {
    match peer.pods() {
        Some(id) => vec![Key::Set(id), Key::Maybe(id), Key::Elsewhere(id)],
        None => {
            let blocks = peer.blocks().map(Key::Block);
            blocks.chain([Key::SomePod, Key::SomeNode]).collect()
        }
    }
}

impl Frame {
    /// Its tiers of ordered rules.
    pub fn segments(&self) -> impl Iterator<Item = SegmentId> + '_ {
        self.before.iter().chain(&self.after).copied()
    }
}
