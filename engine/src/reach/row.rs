//! What policies admit, arranged by what they name.

use rustc_hash::FxHashMap;

use super::class::{Class, ClassId, ClassKind, Classes, PlaceKey};
use super::note::{NoteKey, Notes};
use super::pair;
use crate::cluster::{Addresses, ClusterModel, Group, GroupId};
use crate::manifest::{Direction, PortEntry, PortMatch};
use crate::net::{ConnId, ConnSet, ConnTable, Family};
use crate::policy::{
    BlockId, CompiledPolicy, PolicyId, PolicyRule, PolicySet, ProgramId, RulePeer, SetId,
};
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
    /// Addresses of a block.
    Block(BlockId),
    /// Pods whose address is not known.
    SomePod,
    /// Nodes whose address is not known.
    SomeNode,
}

/// The number of a row. Zero: everything passes.
pub type RowId = u32;

/// What passes for certain and what may, as numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Span {
    /// In every case.
    pub certain: ConnId,
    /// In some case.
    pub possible: ConnId,
}

impl Span {
    /// Nothing.
    pub const NONE: Self = Self { certain: ConnId::NONE, possible: ConnId::NONE };
    /// Everything.
    pub const ALL: Self = Self { certain: ConnId::ALL, possible: ConnId::ALL };

    /// What either lets pass.
    pub fn or(self, other: Self, conns: &mut ConnTable) -> Self {
        Self {
            certain: conns.union(self.certain, other.certain),
            possible: conns.union(self.possible, other.possible),
        }
    }

    /// What both let pass.
    pub fn and(self, other: Self, conns: &mut ConnTable) -> Self {
        Self {
            certain: conns.intersection(self.certain, other.certain),
            possible: conns.intersection(self.possible, other.possible),
        }
    }
}

/// What one program admits at its subjects.
#[derive(Clone, Debug, Default)]
pub struct Row {
    /// By whom it names, each once, ascending.
    pub entries: Vec<(Key, Span)>,
    /// Egress rules with port names, which each destination resolves for itself.
    pub named: Vec<(Key, Vec<PortEntry>)>,
    /// Rules that leave something open for peers of a key.
    pub notes: Vec<(Key, ConnId, u32)>,
    /// Set where entries cannot say it: every pair is computed for itself.
    pub slow: Option<ProgramId>,
}

impl Row {
    /// Whom its rules name.
    pub fn keys(&self) -> impl Iterator<Item = &Key> {
        self.entries.iter().map(|(key, _)| key).chain(self.named.iter().map(|(key, _)| key))
    }
}

/// All rows of one family, and who has which.
#[derive(Debug, Default)]
pub struct Rows {
    /// Rows by number, ingress and egress together; number zero is open.
    pub rows: Vec<Row>,
    /// Each class's row for ingress.
    pub ingress: Vec<RowId>,
    /// Each class's row for egress.
    pub egress: Vec<RowId>,
    /// Classes with an ingress row, by row, ascending. Of row zero: those that take everything.
    pub classes_by_ingress: Vec<Vec<ClassId>>,
    /// Classes that a key names, ascending.
    pub classes_by_key: FxHashMap<Key, Vec<ClassId>>,
    /// Ingress rows that name a key, with what they admit.
    pub ingress_by_key: FxHashMap<Key, Vec<(RowId, Span)>>,
    /// Ingress rows that must be computed pair by pair.
    pub slow_ingress: Vec<RowId>,
    /// What rules may name each class by, ascending.
    pub keys: Vec<Vec<Key>>,
}

type Interns<'i> = (&'i mut ConnTable, &'i mut Notes);
type Cluster<'m> = (&'m ClusterModel, &'m PolicySet);

impl Rows {
    /// The rows of all classes in a family.
    pub fn new(
        cluster: Cluster<'_>,
        classes: &Classes,
        family: Option<Family>,
        interns: Interns<'_>,
    ) -> Self {
        let mut rows = Self { rows: vec![Row::default()], ..Self::default() };
        let mut maker = Maker { cluster, family, interns, known: FxHashMap::default() };
        for (_, class) in classes.iter() {
            rows.keys.push(keys(classes, class, family));
            let [ingress, egress] = Direction::BOTH.map(|d| maker.row(&mut rows.rows, class, d));
            rows.ingress.push(ingress);
            rows.egress.push(egress);
        }
        rows.index(classes, family);
        rows
    }

    fn index(&mut self, classes: &Classes, family: Option<Family>) {
        self.classes_by_ingress = vec![Vec::new(); self.rows.len()];
        for (id, _) in classes.iter().filter(|(_, class)| class.place(family).is_some()) {
            for key in self.keys.get(id as usize).into_iter().flatten() {
                self.classes_by_key.entry(*key).or_default().push(id);
            }
            let row = self.ingress.get(id as usize).copied().unwrap_or_default();
            if let Some(list) = self.classes_by_ingress.get_mut(row as usize) {
                list.push(id);
            }
        }
        let mut ingress: Vec<RowId> =
            self.ingress.iter().copied().filter(|row| *row != 0).collect();
        ingress.sort_unstable();
        ingress.dedup();
        for id in ingress {
            let Some(row) = self.rows.get(id as usize) else {
                continue;
            };
            if row.slow.is_some() {
                self.slow_ingress.push(id);
            }
            for (key, span) in &row.entries {
                self.ingress_by_key.entry(*key).or_default().push((id, *span));
            }
        }
    }
}

/// What rules may name a class by, ascending.
fn keys(classes: &Classes, class: &Class, family: Option<Family>) -> Vec<Key> {
    let mut keys = vec![Key::Any];
    keys.extend(class.sets.iter().map(|id| Key::Set(*id)));
    keys.extend(class.maybe_sets.iter().map(|id| Key::Maybe(*id)));
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

/// Makes rows, each once.
struct Maker<'a, 'm> {
    cluster: Cluster<'m>,
    family: Option<Family>,
    interns: Interns<'a>,
    /// Rows by program, direction and, for ingress, the subject's named ports.
    known: FxHashMap<(ProgramId, Direction, Option<GroupId>), RowId>,
}

impl Maker<'_, '_> {
    fn row(&mut self, rows: &mut Vec<Row>, class: &Class, direction: Direction) -> RowId {
        let (model, set) = self.cluster;
        let endpoint = class.representative().and_then(|i| model.endpoints.get(i as usize));
        let Some(group) = endpoint.and_then(|endpoint| endpoint.group) else {
            return 0;
        };
        let program = set.program_id(group, direction);
        if set.program(program).is_open() {
            return 0;
        }
        // Names of ports are the subject's own at ingress: only then do groups differ.
        let own = direction == Direction::Ingress && uses_names(set, program, direction);
        let key = (program, direction, own.then_some(group));
        if let Some(&id) = self.known.get(&key) {
            return id;
        }
        let id = RowId::try_from(rows.len()).unwrap_or(RowId::MAX);
        rows.push(self.make(program, direction, model.groups.get(group)));
        self.known.insert(key, id);
        id
    }

    fn make(&mut self, program: ProgramId, direction: Direction, subject: Option<&Group>) -> Row {
        let set = self.cluster.1;
        let mut draft = Draft::default();
        let mut row = Row::default();
        if !set.program(program).only_accepts() {
            row.slow = Some(program);
        }
        for policy in tied(set, program, direction) {
            let rule = Some((policy, direction, None));
            let note = self.interns.1.intern(NoteKey { reason: UnknownReason::Tie, rule });
            row.notes.push((Key::Any, ConnId::ALL, note));
        }
        for policy in set.program(program).policies() {
            if !policy.certain {
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
        if draft.named_block || draft.open_addresses {
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
                    let hidden =
                        self.cluster.1.set(*id).is_some_and(|pods| !pods.unknown.is_empty());
                    if hidden {
                        draft.add(Key::Maybe(*id), open, self.interns.0);
                        row.notes.push((Key::Maybe(*id), conn, note(UnknownReason::Label)));
                    }
                    if !named.is_empty() {
                        row.named.push((Key::Set(*id), named.clone()));
                        if hidden {
                            // Named and unknown at once is rare enough to be computed pairwise.
                            draft.named_block = true;
                        }
                    }
                }
                RulePeer::Nodes(_) => {
                    draft.open_addresses = true;
                    let id = note(UnknownReason::Address);
                    row.notes.extend([Key::SomePod, Key::SomeNode].map(|key| (key, conn, id)));
                }
                RulePeer::Names(_) => {
                    draft.open_addresses = true;
                    row.notes.push((Key::Any, conn, note(UnknownReason::Name)));
                }
                RulePeer::Block(id) => {
                    draft.add(Key::Block(*id), whole, self.interns.0);
                    draft.blocks.push((*id, ports.clone()));
                    draft.named_block |= !named.is_empty();
                    let id = note(UnknownReason::Address);
                    row.notes.extend([Key::SomePod, Key::SomeNode].map(|key| (key, conn, id)));
                }
            }
        }
    }

    /// What blocks say of addresses that are not known.
    fn add_spaces(&mut self, draft: &mut Draft) {
        let (model, set) = self.cluster;
        let Some(family) = self.family else { return };
        for (key, addresses) in
            [(Key::SomePod, Addresses::SomePod), (Key::SomeNode, Addresses::SomeNode)]
        {
            let space = model.space.of(&addresses, family);
            let conns = pair::over_space(set, &draft.blocks, (&space, family));
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

/// Policies of a program that have the priority of another one, and rules that disagree with its.
fn tied(set: &PolicySet, program: ProgramId, direction: Direction) -> Vec<PolicyId> {
    let tiers = set.program(program).tiers.iter().filter(|tier| !tier.kind.only_accepts());
    let tied = tiers.flat_map(|tier| {
        let policies =
            tier.policies.iter().filter_map(|one| Some((one.policy, &**set.policy(one.policy)?)));
        let policies: Vec<_> = policies.collect();
        let disagree = |(id, own): &(PolicyId, &CompiledPolicy)| {
            let mut others = policies.iter().filter(|(other, _)| other != id);
            others.any(|(_, other)| own.priority == other.priority && differ(own, other, direction))
        };
        policies.iter().filter(|one| disagree(one)).map(|(id, _)| *id).collect::<Vec<_>>()
    });
    tied.collect()
}

/// Whether a rule of one does something else than a rule of the other.
fn differ(a: &CompiledPolicy, b: &CompiledPolicy, direction: Direction) -> bool {
    let mut rules = a.rules(direction).unwrap_or_default().iter();
    let others = b.rules(direction).unwrap_or_default();
    rules.any(|rule| others.iter().any(|other| other.action != rule.action))
}

fn is_named(entry: &PortEntry) -> bool {
    matches!(entry.ports, PortMatch::Named(_))
}

fn uses_names(set: &PolicySet, program: ProgramId, direction: Direction) -> bool {
    let mut rules = set.rules_of(program, direction);
    rules.any(|rule| rule.ports.iter().any(is_named))
}

/// A row while its rules are added.
#[derive(Default)]
struct Draft {
    entries: FxHashMap<Key, Span>,
    blocks: Vec<(BlockId, ConnSet)>,
    named_block: bool,
    /// Whether a rule names addresses that the input may know only in part.
    open_addresses: bool,
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
