//! Tiers of ordered rules, as rows have them.
//!
//! What a NetworkPolicy tier admits is a union, so a row can say it by whom rules name. What a tier
//! of ordered rules does with a peer depends on all rules that name it, in their order. So it is
//! computed once for each tier and each combination of its keys that some class is named by: of a
//! thousand classes that a policy of the whole cluster does not tell apart, one is evaluated.

use std::sync::Arc;

use rustc_hash::{FxHashMap, FxHashSet};

use super::class::{Class, ClassId};
use super::note::{NoteKey, Notes};
use super::pair;
use super::row::{Key, RowId, Span};
use crate::cluster::{ClusterModel, Group, GroupId};
use crate::manifest::{Direction, PortMatch};
use crate::net::{ConnId, ConnSet, ConnTable};
use crate::policy::fold::{Outcomes, Ties};
use crate::policy::{PolicySet, Program, RulePeer, Tier, TierKind};
use crate::verdict::{Party, UnknownReason};

/// The number of a [`Segment`].
pub type SegmentId = u32;
/// The number of a [`Frame`].
pub type FrameId = u32;

/// One tier of a program, at subjects of which it asks the same.
#[derive(Clone, Debug)]
pub struct Segment {
    /// The tier, alone.
    pub program: Program,
    /// The direction.
    pub direction: Direction,
    /// Whose names of ports count at ingress, if the tier asks for names.
    pub subject: Option<GroupId>,
    /// By what its rules name peers.
    keys: FxHashSet<Key>,
    /// Whether rules name addresses, which may be unknown.
    pub blocks: bool,
    /// Whether it depends on the names that destinations have for ports.
    names: bool,
    /// Rules that leave something open for peers of a key.
    pub notes: Vec<(Key, ConnId, u32)>,
    /// Notes for peers for which the order of policies of equal priority decides.
    pub ties: Vec<u32>,
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
    segments: Vec<Segment>,
    segment_ids: FxHashMap<(Tier, Direction, Option<GroupId>), SegmentId>,
    frames: Vec<Frame>,
    frame_ids: FxHashMap<Frame, FrameId>,
    /// Ingress rows of a frame, by its number.
    pub rows: Vec<Vec<RowId>>,
}

/// What becomes of connections in a tier, as numbers.
pub type Fate = Outcomes<ConnId>;

/// What tells classes apart to a segment.
type Signature = (Vec<Key>, Option<GroupId>, bool);

/// What has been computed.
#[derive(Debug, Default)]
pub struct Memory {
    by_signature: FxHashMap<(SegmentId, Signature), (Fate, bool)>,
    by_class: FxHashMap<(SegmentId, ClassId), (Fate, bool)>,
    joint: FxHashMap<(RowId, Signature), Span>,
    folded: FxHashMap<(Vec<Fate>, Option<Span>, usize), Span>,
    /// Classes to which a frame is open, whatever NetworkPolicies admit.
    open: FxHashMap<FrameId, Arc<[ClassId]>>,
}

/// Who asks, and about whom.
#[derive(Clone, Copy)]
pub struct Peer<'p, 'm> {
    /// The class.
    pub id: ClassId,
    /// Itself.
    pub class: &'p Class,
    /// By what rules may name it, ascending.
    pub keys: &'p [Key],
    /// One of its members.
    pub party: &'p Party<'m>,
}

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
                TierKind::Admin => {
                    frame.before.push(self.segment(
                        set,
                        tier,
                        at,
                        (&mut *interns.0, &mut *interns.1),
                    ));
                }
                TierKind::Baseline => {
                    frame.after.push(self.segment(
                        set,
                        tier,
                        at,
                        (&mut *interns.0, &mut *interns.1),
                    ));
                }
            }
        }
        if let Some(&id) = self.frame_ids.get(&frame) {
            return Some(id);
        }
        let id = FrameId::try_from(self.frames.len()).unwrap_or(FrameId::MAX);
        self.frames.push(frame.clone());
        self.rows.push(Vec::new());
        self.frame_ids.insert(frame, id);
        Some(id)
    }

    /// A frame.
    pub fn get(&self, id: FrameId) -> Option<&Frame> {
        self.frames.get(id as usize)
    }

    /// A segment.
    pub fn segment_of(&self, id: SegmentId) -> Option<&Segment> {
        self.segments.get(id as usize)
    }

    /// How many tiers of a frame name addresses, that of NetworkPolicies left out.
    pub fn blocks(&self, id: FrameId) -> usize {
        let segments = self.get(id).into_iter().flat_map(Frame::segments);
        segments.filter(|id| self.segment_of(*id).is_some_and(|one| one.blocks)).count()
    }

    fn segment(
        &mut self,
        set: &PolicySet,
        tier: &Tier,
        Subjects { direction, group }: Subjects<'_>,
        interns: (&mut ConnTable, &mut Notes),
    ) -> SegmentId {
        let program = Program { tiers: vec![tier.clone()] };
        let rules = || {
            let policies = tier.policies.iter().filter_map(|one| set.policy(one.policy));
            policies.flat_map(|policy| policy.rules(direction).unwrap_or_default())
        };
        let names = { rules().flat_map(|rule| &rule.ports) }
            .any(|port| matches!(port.ports, PortMatch::Named(_)));
        let group = group.filter(|_| names && direction == Direction::Ingress);
        let subject = group.map(|(id, _)| id);
        let key = (tier.clone(), direction, subject);
        if let Some(&id) = self.segment_ids.get(&key) {
            return id;
        }
        let peers = || rules().flat_map(|rule| &rule.peers);
        let keys = peers().flat_map(|peer| keys_of(*peer)).collect();
        let blocks = peers().any(|peer| peer.addresses().is_some());
        let names = names && direction == Direction::Egress;
        let id = SegmentId::try_from(self.segments.len()).unwrap_or(SegmentId::MAX);
        let noter = Noter { set, direction, named: group.map(|(_, group)| group) };
        let (notes, ties) = (noter.notes(tier, interns.0, interns.1), noter.ties(tier, interns.1));
        let segment = Segment { program, direction, subject, keys, blocks, names, notes, ties };
        self.segments.push(segment);
        self.segment_ids.insert(key, id);
        id
    }
}

/// Whose program a frame is of.
#[derive(Clone, Copy)]
pub struct Subjects<'g> {
    /// The direction.
    pub direction: Direction,
    /// The group, if its names of ports count.
    pub group: Option<(GroupId, &'g Group)>,
}

/// Notes what a tier leaves open.
struct Noter<'n> {
    set: &'n PolicySet,
    direction: Direction,
    named: Option<&'n Group>,
}

impl Noter<'_> {
    fn notes(
        &self,
        tier: &Tier,
        conns: &mut ConnTable,
        notes: &mut Notes,
    ) -> Vec<(Key, ConnId, u32)> {
        let mut all = Vec::new();
        for one in &tier.policies {
            let Some(policy) = self.set.policy(one.policy) else { continue };
            if !one.certain {
                let rule = Some((one.policy, self.direction, None));
                let note = notes.intern(NoteKey { reason: UnknownReason::Label, rule });
                all.push((Key::Any, ConnId::ALL, note));
            }
            for (index, rule) in (0u32..).zip(policy.rules(self.direction).unwrap_or_default()) {
                let named = rule.ports.iter().any(|p| matches!(p.ports, PortMatch::Named(_)));
                let conn = match named && self.named.is_none() {
                    true => ConnId::ALL,
                    false => conns.intern(pair::ports(&rule.ports, self.named)),
                };
                let rule_key = Some((one.policy, self.direction, Some(index)));
                let open = rule.peers.iter().flat_map(|peer| self.open(*peer));
                all.extend(open.map(|(key, reason)| {
                    (key, conn, notes.intern(NoteKey { reason, rule: rule_key }))
                }));
            }
        }
        all
    }

    /// For whom it may be unknown whether a peer names them, and why.
    fn open(&self, peer: RulePeer) -> Vec<(Key, UnknownReason)> {
        let (address, name) = (UnknownReason::Address, UnknownReason::Name);
        match peer {
            RulePeer::Pods(id) => vec![(Key::Maybe(id), UnknownReason::Label)],
            RulePeer::Block(_) => vec![(Key::SomePod, address), (Key::SomeNode, address)],
            RulePeer::Nodes(pair, _) => {
                vec![(Key::Block(pair.possible), address), (Key::SomeNode, address)]
            }
            RulePeer::Names(pair) => {
                vec![(Key::Block(pair.possible), name), (Key::SomePod, name), (Key::SomeNode, name)]
            }
        }
    }

    /// Policies of one priority of which rules do different things.
    fn ties(&self, tier: &Tier, notes: &mut Notes) -> Vec<u32> {
        let policies =
            tier.policies.iter().filter_map(|one| Some((one.policy, self.set.policy(one.policy)?)));
        let policies: Vec<_> = policies.collect();
        let groups = policies.chunk_by(|(_, a), (_, b)| a.priority == b.priority);
        let tied = groups.filter(|group| group.len() > 1 && !tier.kind.only_accepts());
        let keys = tied.flatten().map(|(id, _)| NoteKey {
            reason: UnknownReason::Tie,
            rule: Some((*id, self.direction, None)),
        });
        keys.map(|key| notes.intern(key)).collect()
    }
}

/// Keys of classes by which a peer may name them.
fn keys_of(peer: RulePeer) -> Vec<Key> {
    match peer.pods() {
        Some(id) => vec![Key::Set(id), Key::Maybe(id)],
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

/// Evaluates stages of one cluster.
pub struct Evaluator<'e, 'm> {
    /// The cluster.
    pub model: &'m ClusterModel,
    /// Its policies.
    pub set: &'m PolicySet,
    /// Stages.
    pub stages: &'e Stages,
    /// Sets of connections.
    pub conns: &'e mut ConnTable,
    /// What is known already.
    pub memory: &'e mut Memory,
}

impl Memory {
    /// Whether the order of policies of equal priority decides what becomes of a class.
    pub fn is_tied(&self, segment: SegmentId, class: ClassId) -> bool {
        self.by_class.get(&(segment, class)).is_some_and(|(_, tied)| *tied)
    }
}

impl Evaluator<'_, '_> {
    /// What a frame lets pass between its subjects and a peer, given what NetworkPolicies admit.
    pub fn span(&mut self, id: FrameId, peer: Peer<'_, '_>, admitted: Span) -> Span {
        let Some(frame) = self.stages.get(id) else { return Span::NONE };
        let fates: Vec<Fate> = frame.segments().map(|one| self.fate(one, peer).0).collect();
        let key = (fates, frame.isolates.then_some(admitted), frame.before.len());
        if let Some(known) = self.memory.folded.get(&key) {
            return *known;
        }
        let span = self.fold(&key.0, key.1, key.2);
        self.memory.folded.insert(key, span);
        span
    }

    /// Brings tiers together: what one passes on comes into the next.
    fn fold(&mut self, fates: &[Fate], admitted: Option<Span>, before: usize) -> Span {
        let (first, last) = fates.split_at_checked(before).unwrap_or((fates, &[]));
        let mut way = Way { entry: ConnId::ALL, accept: ConnId::NONE, deny: ConnId::NONE };
        first.iter().for_each(|fate| way.through(*fate, self.conns));
        if let Some(admitted) = admitted {
            let deny = self.conns.difference(ConnId::ALL, admitted.certain);
            let fate = Fate { accept: admitted.possible, deny, pass: ConnId::NONE };
            way.through(fate, self.conns);
        }
        last.iter().for_each(|fate| way.through(*fate, self.conns));
        // What no tier has decided is allowed.
        let possible = self.conns.union(way.accept, way.entry);
        Span { certain: self.conns.difference(ConnId::ALL, way.deny), possible }
    }

    /// What becomes of connections with a peer in a tier, and whether that hangs on the order of
    /// policies of equal priority.
    pub fn fate(&mut self, id: SegmentId, peer: Peer<'_, '_>) -> (Fate, bool) {
        if let Some(known) = self.memory.by_class.get(&(id, peer.id)) {
            return *known;
        }
        let Some(segment) = self.stages.segment_of(id) else { return (CLOSED, false) };
        let signature = (id, signature(&segment.keys, segment.names, peer));
        let known = self.memory.by_signature.get(&signature).copied();
        let fate = known.unwrap_or_else(|| self.evaluate(segment, peer));
        self.memory.by_signature.insert(signature, fate);
        self.memory.by_class.insert((id, peer.id), fate);
        fate
    }

    fn evaluate(&mut self, segment: &Segment, peer: Peer<'_, '_>) -> (Fate, bool) {
        let subject = segment.subject.and_then(|id| self.model.groups.get(id));
        let by = |ties| {
            pair::by_tier(
                (self.set, &segment.program),
                (segment.direction, ties),
                (subject, peer.party),
            )
        };
        let (any, by_name) = (by(Ties::Any), by(Ties::ByName));
        let tied = any != by_name;
        let mut intern = |set: ConnSet| self.conns.intern(set);
        let Outcomes { accept, deny, pass } = any;
        (Fate { accept: intern(accept), deny: intern(deny), pass: intern(pass) }, tied)
    }

    /// What a program lets pass where several of its tiers ask for an address that is not known:
    /// only together do they say what passes from each.
    pub fn joint(
        &mut self,
        (row, frame): (RowId, FrameId),
        own: impl Iterator<Item = Key>,
        peer: Peer<'_, '_>,
        whole: impl FnOnce() -> Option<pair::Conns>,
    ) -> Span {
        let Some(frame) = self.stages.get(frame) else { return Span::NONE };
        let mut keys: FxHashSet<Key> = own.collect();
        let mut names = true;
        for segment in frame.segments().filter_map(|id| self.stages.segment_of(id)) {
            keys.extend(&segment.keys);
            names |= segment.names;
        }
        let key = (row, signature(&keys, names, peer));
        if let Some(known) = self.memory.joint.get(&key) {
            return *known;
        }
        let span = whole().map_or(Span::NONE, |conns| Span {
            certain: self.conns.intern(conns.certain),
            possible: self.conns.intern(conns.possible),
        });
        self.memory.joint.insert(key, span);
        span
    }

    /// Classes, of all that are given, with which a frame lets something pass even where no
    /// NetworkPolicy admits anything.
    pub fn open<'p, 'n: 'p>(
        &mut self,
        id: FrameId,
        peers: impl Iterator<Item = Peer<'p, 'n>>,
    ) -> Arc<[ClassId]> {
        if let Some(known) = self.memory.open.get(&id) {
            return known.clone();
        }
        let open = peers.filter(|peer| self.span(id, *peer, Span::NONE).possible != ConnId::NONE);
        let open: Arc<[ClassId]> = open.map(|peer| peer.id).collect();
        self.memory.open.insert(id, open.clone());
        open
    }
}

/// Denies everything.
const CLOSED: Fate = Fate { accept: ConnId::NONE, deny: ConnId::ALL, pass: ConnId::NONE };

/// Connections on their way through tiers.
struct Way {
    entry: ConnId,
    accept: ConnId,
    deny: ConnId,
}

impl Way {
    fn through(&mut self, fate: Fate, conns: &mut ConnTable) {
        let mut here = |outcome| conns.intersection(self.entry, outcome);
        let (accept, deny, pass) = (here(fate.accept), here(fate.deny), here(fate.pass));
        self.accept = conns.union(self.accept, accept);
        self.deny = conns.union(self.deny, deny);
        self.entry = pass;
    }
}

/// What of a class some keys can tell.
fn signature(keys: &FxHashSet<Key>, names: bool, peer: Peer<'_, '_>) -> Signature {
    let named = peer.keys.iter().filter(|key| keys.contains(*key)).copied().collect();
    let group = peer.party.group.map(|(id, _)| id);
    // Nodes are never pods with a network of their own.
    (named, group.filter(|_| names), group.is_some())
}
