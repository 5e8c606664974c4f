//! What policies admit, arranged by what they name.

use rustc_hash::FxHashMap;

use super::class::{Class, ClassId, ClassKind, Classes, PlaceKey};
use super::note::{NoteId, NoteKey, Notes};
use super::pair;
use super::span::Span;
use super::stage::{FrameId, Stages, Subjects};
use crate::cluster::{Addresses, ClusterModel, Endpoint, EndpointId, Group, GroupId};
use crate::manifest::{ByDirection, Direction, PortEntry, PortMatch};
use crate::net::{ConnId, ConnSet, ConnTable, Family, all_ports};
use crate::policy::{
    self, BlockId, PolicyId, PolicyRule, PolicySet, ProgramId, RulePeer, SetId, TierKind,
};
use crate::shared::{Id, Table};
use crate::verdict::UnknownReason;

/// What a rule's peer names, or what is known of a class in its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Key {
    /// Anybody.
    Any,
    /// Pods of a set.
    Set(SetId),
    /// Pods of which it is unknown whether they are of a set.
    Maybe(SetId),
    /// Pods of which it is unknown for the labels of their namespace alone.
    Elsewhere(SetId),
    /// Addresses of a block.
    Block(BlockId),
    /// Pods whose address is not known.
    SomePod,
    /// Nodes whose address is not known.
    SomeNode,
}

impl Key {
    /// Of pods of which it is unknown, for this reason, whether they are of a set.
    pub fn open(set: SetId, reason: UnknownReason) -> Self {
        match reason {
            UnknownReason::Namespace => Self::Elsewhere(set),
            _ => Self::Maybe(set),
        }
    }
}

/// The number of a [`Row`].
pub type RowId = Id<Row>;
/// The row that lets everything pass.
pub const OPEN: RowId = RowId::new(0);

/// What one program admits at its subjects.
#[derive(Clone, Debug, Default)]
pub struct Row {
    /// By whom it names, each once, ascending.
    pub entries: Vec<(Key, Span)>,
    /// Egress rules with port names, which each destination resolves for itself.
    pub named: Vec<(Key, Vec<PortEntry>)>,
    /// Rules that leave something open for peers of a key.
    pub notes: Vec<(Key, ConnId, NoteId)>,
    /// Set where entries cannot say it: every pair is computed for itself.
    pub slow: Option<ProgramId>,
    /// Tiers around that of NetworkPolicies, which is all that entries are about.
    pub frame: Option<FrameId>,
    /// The program, where several of its tiers ask for addresses: these must be asked together
    /// where an address is not known.
    pub joint: Option<ProgramId>,
}

impl Row {
    /// Whom its rules name.
    pub fn keys(&self) -> impl Iterator<Item = &Key> {
        self.entries.iter().map(|(key, _)| key).chain(self.named.iter().map(|(key, _)| key))
    }

    /// What it admits by some of these keys, which are ascending: both lists are, and one is short.
    pub fn spans_of<'r>(&'r self, keys: &'r [Key]) -> impl Iterator<Item = Span> + 'r {
        let mut left = keys;
        let entries = self.entries.iter().filter(move |(key, _)| {
            left = left.get(left.partition_point(|own| own < key)..).unwrap_or_default();
            left.first() == Some(key)
        });
        entries.map(|(_, span)| *span)
    }
}

/// All rows of one family, and who has which.
#[derive(Debug, Default)]
pub struct Rows {
    /// Rows, ingress and egress together; [`OPEN`] is the first.
    pub rows: Table<Row>,
    /// Each class's row.
    pub of: ByDirection<Table<RowId, Class>>,
    /// Classes that are listed below, ascending: each speaks for all that are alike as
    /// destinations.
    pub targets: Vec<ClassId>,
    /// Classes with an ingress row, by row, ascending. Of [`OPEN`]: those that take everything.
    pub classes_by_ingress: Table<Vec<ClassId>, Row>,
    /// Classes that a key names, ascending.
    pub classes_by_key: FxHashMap<Key, Vec<ClassId>>,
    /// Of those that take everything: classes that a key names, ascending.
    pub open_by_key: FxHashMap<Key, Vec<ClassId>>,
    /// Ingress rows that name a key, with what they admit.
    pub ingress_by_key: FxHashMap<Key, Vec<(RowId, Span)>>,
    /// Ingress rows that must be computed pair by pair.
    pub slow_ingress: Vec<RowId>,
    /// What rules may name each class by, ascending.
    pub keys: Table<Vec<Key>, Class>,
    /// Tiers of ordered rules.
    pub stages: Stages,
}

type Interns<'i> = (&'i mut ConnTable, &'i mut Notes);
type Cluster<'m> = (&'m ClusterModel, &'m PolicySet);

impl Rows {
    /// The rows of all classes in a family, not yet arranged: see [`Rows::arrange`].
    pub fn new(
        cluster: Cluster<'_>,
        classes: &Classes,
        family: Option<Family>,
        interns: Interns<'_>,
    ) -> Self {
        let mut rows = Self { rows: [Row::default()].into_iter().collect(), ..Self::default() };
        let (known, names, subjects, stages) = Default::default();
        let open = |class: &Class| !matches!(class.place(family), None | Some(PlaceKey::Known(_)));
        let open = classes.iter().any(|(_, class)| open(class));
        let mut maker = Maker { cluster, family, interns, open, known, names, subjects, stages };
        // Nothing comes to or from who has no address, so no row is theirs. Only policies of equal
        // priority are compared for whoever they select.
        let compared = cluster.1.has_equal_priorities();
        for (_, class) in classes.iter() {
            rows.keys.push(keys(classes, class, family));
            let asked = compared || class.place(family).is_some();
            for direction in Direction::BOTH {
                let row = match asked {
                    true => maker.row(&mut rows.rows, class, direction),
                    false => RowId::MAX,
                };
                rows.of[direction].push(row);
            }
        }
        rows.stages = maker.stages;
        let groups = classes.iter().map(|(_, class)| group_of(cluster.0, class));
        rows.stages.set_views(rows.keys.values().map(Vec::as_slice).zip(groups));
        rows
    }
}

/// What rules may name a class by, ascending.
fn keys(classes: &Classes, class: &Class, family: Option<Family>) -> Vec<Key> {
    let mut keys = vec![Key::Any];
    keys.extend(class.sets.iter().map(|id| Key::Set(*id)));
    keys.extend(class.maybe_sets.iter().map(|id| Key::Maybe(*id)));
    keys.extend(class.sets_elsewhere.iter().map(|id| Key::Elsewhere(*id)));
    match class.place(family) {
        Some(PlaceKey::Known(signature)) => {
            keys.extend(classes.blocks(signature).iter().map(|id| Key::Block(*id)));
        }
        Some(PlaceKey::SomePod) => keys.push(Key::SomePod),
        Some(PlaceKey::SomeNode) => keys.push(Key::SomeNode),
        None => {}
    }
    keys
}

/// The group of a class's pods.
pub fn group_of(model: &ClusterModel, class: &Class) -> Option<GroupId> {
    let endpoint = class.representative().and_then(|i| model.endpoints.get(i));
    endpoint?.group
}

/// Makes rows, each once.
struct Maker<'a, 'm> {
    cluster: Cluster<'m>,
    family: Option<Family>,
    interns: Interns<'a>,
    /// Whether some class's address is not known.
    open: bool,
    /// Rows by program, direction and, for ingress, the subject's named ports.
    known: FxHashMap<(ProgramId, Direction, Option<GroupId>, Option<EndpointId>), RowId>,
    /// Whether rules for ingress use names of ports, by program.
    names: FxHashMap<ProgramId, bool>,
    /// Whether rules ask who their subjects are, by program and direction.
    subjects: FxHashMap<(ProgramId, Direction), bool>,
    stages: Stages,
}

impl Maker<'_, '_> {
    fn row(&mut self, rows: &mut Table<Row>, class: &Class, direction: Direction) -> RowId {
        let (model, set) = self.cluster;
        let Some(index) = class.representative() else { return OPEN };
        let endpoint = model.endpoints.get(index);
        if endpoint.is_some_and(Endpoint::host_network) {
            return OPEN;
        }
        let group = endpoint.and_then(|endpoint| endpoint.group);
        let program = group.map_or(policy::CLOSED, |group| set.program_id(group, direction));
        if set.program(program).is_open() {
            return OPEN;
        }
        // Names of ports are the subject's own at ingress: only then do groups differ.
        let own = direction == Direction::Ingress
            && *{ self.names.entry(program) }
                .or_insert_with(|| uses_names(set, program, direction));
        let asks = *{ self.subjects.entry((program, direction)) }.or_insert_with(|| {
            set.rules_of(program, direction).any(|rule| rule.asks_subject(direction))
        });
        let representative = asks.then_some((index, self.family.unwrap_or(Family::IPv4)));
        let key = (program, direction, group.filter(|_| own), asks.then_some(index));
        if let Some(&id) = self.known.get(&key) {
            return id;
        }
        let subject = group.and_then(|id| Some((id, model.groups.get(id)?)));
        let mut row = self.make(program, direction, subject.map(|(_, group)| group));
        if row.slow.is_none() {
            let whole = set.program(program);
            let at = Subjects { direction, group: subject.filter(|_| own), representative };
            let interns = (&mut *self.interns.0, &mut *self.interns.1);
            row.frame = self.stages.frame(set, whole, at, interns);
        }
        if let Some(frame) = row.frame {
            let own = usize::from(row.notes.iter().any(|(key, ..)| *key == Key::SomePod));
            row.joint = (self.stages.blocks(frame) + own > 1).then_some(program);
        }
        let id = rows.push(row);
        self.known.insert(key, id);
        id
    }

    fn make(&mut self, program: ProgramId, direction: Direction, subject: Option<&Group>) -> Row {
        let set = self.cluster.1;
        let mut draft = Draft::default();
        let mut row = Row::default();
        let tier = set.program(program).tier(TierKind::NetworkPolicy);
        for policy in tier.into_iter().flat_map(|tier| &tier.policies) {
            if !policy.certain {
                // Of the pods of one namespace, it is their own labels that leave it open.
                let key = NoteKey {
                    reason: UnknownReason::Label,
                    rule: Some((policy.policy, direction, None)),
                };
                row.notes.push((Key::Any, ConnId::ALL, self.interns.1.intern(key)));
                row.slow = Some(program);
            }
            let Some(compiled) = set.policy(policy.policy) else {
                continue;
            };
            for (index, rule) in (0u32..).zip(compiled.rules(direction).unwrap_or_default()) {
                let at = (policy.policy, direction, index);
                self.add_rule(&mut draft, &mut row, rule, (at, subject));
            }
        }
        if draft.named_block {
            row.slow = Some(program);
        }
        self.add_spaces(&mut draft);
        row.entries = draft.entries.into_iter().collect();
        row.entries.sort_unstable_by_key(|(key, _)| *key);
        row
    }

    fn add_rule(
        &mut self,
        draft: &mut Draft,
        row: &mut Row,
        rule: &PolicyRule,
        ((policy, direction, index), subject): ((PolicyId, Direction, u32), Option<&Group>),
    ) {
        let egress = direction == Direction::Egress;
        let named: Vec<PortEntry> =
            rule.ports.iter().filter(|entry| egress && is_named(entry)).cloned().collect();
        let ports = pair::ports(&rule.ports, subject.filter(|_| !egress));
        let conn = self.interns.0.intern(ports.clone());
        let whole = Span { certain: conn, possible: conn };
        let open = Span { certain: ConnId::NONE, possible: conn };
        // Which numbers names stand for depends on the peer: any of their protocol.
        let any_number = named
            .iter()
            .fold(ports.clone(), |all, entry| all.union(&ConnSet::of(entry.protocol, all_ports())));
        let noted = self.interns.0.intern(any_number);
        let mut note = |reason| {
            self.interns.1.intern(NoteKey { reason, rule: Some((policy, direction, Some(index))) })
        };
        if rule.peers.is_empty() {
            draft.add(Key::Any, whole, self.interns.0);
            if !named.is_empty() {
                row.named.push((Key::Any, named.clone()));
            }
        }
        for peer in &rule.peers {
            match peer {
                RulePeer::Pods(id) => {
                    draft.add(Key::Set(*id), whole, self.interns.0);
                    let reasons = self.cluster.1.set(*id).map(UnknownReason::of_set);
                    let reasons = reasons.unwrap_or_default();
                    let hidden = !reasons.is_empty();
                    for reason in reasons {
                        let key = Key::open(*id, reason);
                        draft.add(key, open, self.interns.0);
                        row.notes.push((key, noted, note(reason)));
                    }
                    if !named.is_empty() {
                        row.named.push((Key::Set(*id), named.clone()));
                        if hidden {
                            // Named and unknown at once is rare enough to be computed pairwise.
                            draft.named_block = true;
                        }
                    }
                }
                // NetworkPolicies have none.
                RulePeer::Nodes(..) | RulePeer::Names(_) => draft.named_block = true,
                RulePeer::Block(id) => {
                    draft.add(Key::Block(*id), whole, self.interns.0);
                    draft.blocks.push((*id, ports.clone()));
                    draft.named_block |= !named.is_empty();
                    let id = note(UnknownReason::Address);
                    row.notes.push((Key::SomePod, noted, id));
                    row.notes.push((Key::SomeNode, noted, id));
                }
            }
        }
    }

    /// What blocks say of addresses that are not known.
    fn add_spaces(&mut self, draft: &mut Draft) {
        let (model, set) = self.cluster;
        let Some(family) = self.family.filter(|_| self.open) else { return };
        for (key, addresses) in
            [(Key::SomePod, Addresses::SomePod), (Key::SomeNode, Addresses::SomeNode)]
        {
            let space = model.space.of(&addresses, family);
            let conns = pair::over_space(set, &draft.blocks, &space, family);
            let span = Span {
                certain: self.interns.0.intern(conns.certain),
                possible: self.interns.0.intern(conns.possible),
            };
            if span != Span::NONE {
                draft.add(key, span, self.interns.0);
            }
        }
    }
}

fn is_named(entry: &PortEntry) -> bool {
    matches!(entry.ports, PortMatch::Named(_))
}

fn uses_names(set: &PolicySet, program: ProgramId, direction: Direction) -> bool {
    let mut rules = set.rules_of(program, direction);
    rules.any(|rule| rule.named_ports().next().is_some())
}

/// A row while its rules are added.
#[derive(Default)]
struct Draft {
    entries: FxHashMap<Key, Span>,
    blocks: Vec<(BlockId, ConnSet)>,
    named_block: bool,
}

impl Draft {
    fn add(&mut self, key: Key, span: Span, conns: &mut ConnTable) {
        let entry = self.entries.entry(key).or_insert(Span::NONE);
        *entry = entry.or(span, conns);
    }
}

/// Whether a class is outside the cluster.
pub fn is_outside(class: &Class) -> bool {
    matches!(class.kind, ClassKind::Outside(..))
}
