//! From what is in the kernel to a program, step by step.
//!
//! Two forces pull. A change must be seen at once, and what only adds rules is seen five times
//! sooner than what removes one; so all that removes is put off. And at no moment may a packet be
//! judged by half of a change: so chains that packets walk are never edited but in front, by a
//! list that ends in a verdict, and sets get their members before rules ask for them.

use std::sync::Arc;

use super::joined::joined;
use super::program::{
    AddressSet, Chain, ChainKind, ChainName, FamilyProgram, FilterProgram, Hook, SetName,
};
use super::state::{ChainState, KernelState, TableState};
use crate::net::Family;

/// How a kernel comes to hold a program.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Plan {
    /// What brings the program into force, in order.
    pub now: Vec<Step>,
    /// What removes that which is out of force, in order. It can wait; a later plan, made from the
    /// state that there is then, has it too.
    pub sweep: Vec<Step>,
}

/// What is done by one run of a tool, all or nothing for rules.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// By `ipset restore`.
    Sets(Vec<SetEdit>),
    /// By `iptables-restore --noflush`, or `ip6tables-restore`.
    Rules(Family, Vec<RuleEdit>),
}

impl Step {
    /// The same in steps that change one set each.
    pub fn single(&self) -> Vec<Self> {
        match self {
            Self::Sets(edits) => edits.iter().map(|edit| Self::Sets(vec![edit.clone()])).collect(),
            Self::Rules(..) => vec![self.clone()],
        }
    }
}

/// A change of a set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SetEdit {
    /// It is new.
    Create(Family, Arc<AddressSet>),
    /// Its members change: the new ones come first, then the others go, so that nobody who is in
    /// it before and after is ever out.
    Change {
        /// With the members that it has.
        old: Arc<AddressSet>,
        /// With those that it is to have.
        new: Arc<AddressSet>,
    },
    /// It goes.
    Destroy(SetName),
}

/// A change of rules.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RuleEdit {
    /// A chain is new, or is emptied and filled again.
    Fill(Arc<Chain>),
    /// All rules of a chain are put before those that are in it.
    Prepend(Arc<Chain>),
    /// Only the first rules of a chain are kept.
    Truncate {
        /// The chain.
        chain: ChainName,
        /// How many there are.
        has: usize,
        /// How many stay.
        keep: usize,
    },
    /// A chain goes, which no rule leads to any more.
    Remove(ChainName),
    /// The kernel's chain enters ours before all else.
    Enter {
        /// Where.
        hook: Hook,
        /// How many such jumps there are elsewhere, which go.
        stray: usize,
    },
    /// The kernel's chain enters ours no more.
    Leave {
        /// Where.
        hook: Hook,
        /// How many such jumps there are.
        stray: usize,
    },
}

/// How the kernel comes from a state to a program.
///
/// # Shape
/// Sets, rules of each family, then the set of local addresses: a pod counts as known when its
/// rules are in force. Steps that would do nothing are not in it: membership alone changes no
/// rule.
///
/// # Cost
/// Linear in the chains and sets, and in the members of the sets that changed.
pub fn plan(old: &KernelState, new: &FilterProgram) -> Plan {
    let (mut before, mut after, mut gone) = (Vec::new(), Vec::new(), Vec::new());
    for family in new.families.values() {
        for (name, old, new) in joined(&old.sets, &family.sets) {
            let Some(new) = new else { continue };
            let late = (*name == family.local).then_some(&mut after);
            set_edits((family.family, old, new), late, &mut before);
        }
    }
    let (v4, v6) = (&new.families[Family::IPv4], &new.families[Family::IPv6]);
    let other = joined(&old.sets, &v4.sets).filter(|(_, _, new)| new.is_none());
    let nobody = other.filter(|(name, ..)| !v6.sets.contains_key(*name));
    gone.extend(nobody.map(|(name, ..)| SetEdit::Destroy(name.clone())));
    let (mut additions, mut removals) = (Vec::new(), Vec::new());
    for (family, program) in &new.families {
        let table = &old.tables[family];
        additions.push(Step::Rules(family, rule_additions(table, program)));
        removals.push(Step::Rules(family, rule_removals(table, program)));
    }
    let now = std::iter::once(Step::Sets(before)).chain(additions).chain([Step::Sets(after)]);
    let sweep = removals.into_iter().chain([Step::Sets(gone)]);
    Plan {
        now: now.filter(Step::does_something).collect(),
        sweep: sweep.filter(Step::does_something).collect(),
    }
}

impl Plan {
    /// Whether the kernel holds the program already, and nothing else.
    pub fn is_empty(&self) -> bool {
        self.now.is_empty() && self.sweep.is_empty()
    }
}

impl Step {
    fn does_something(&self) -> bool {
        match self {
            Self::Sets(edits) => !edits.is_empty(),
            Self::Rules(_, edits) => !edits.is_empty(),
        }
    }
}

/// What becomes of a set; for the set of local addresses, those that are new come in `late`.
fn set_edits(
    (family, old, new): (Family, Option<&Arc<AddressSet>>, &Arc<AddressSet>),
    late: Option<&mut Vec<SetEdit>>,
    edits: &mut Vec<SetEdit>,
) {
    let Some(old) = old else {
        return edits.push(SetEdit::Create(family, new.clone()));
    };
    if Arc::ptr_eq(old, new) || old.members == new.members {
        return;
    }
    let change = |old: &Arc<AddressSet>, new: &Arc<AddressSet>| SetEdit::Change {
        old: old.clone(),
        new: new.clone(),
    };
    let Some(late) = late else {
        return edits.push(change(old, new));
    };
    let staying = old.members.both(&new.members);
    let staying = Arc::new(AddressSet { name: new.name.clone(), members: staying });
    if staying.members != old.members {
        edits.push(change(old, &staying));
    }
    if staying.members != new.members {
        late.push(change(&staying, new));
    }
}

/// New chains, then new fronts of chains, then the way in.
fn rule_additions(old: &TableState, new: &FamilyProgram) -> Vec<RuleEdit> {
    let (mut fills, mut fronts) = (Vec::new(), Vec::new());
    for (_, state, chain) in joined(&old.chains, &new.chains) {
        let Some(chain) = chain else { continue };
        match (state, chain.kind) {
            (Some(state), _) if state.begins_with(chain) => {}
            (Some(_), ChainKind::Fixed) => fronts.push(RuleEdit::Prepend(chain.clone())),
            // Somebody else has been at it, or it is not there.
            _ => fills.push(RuleEdit::Fill(chain.clone())),
        }
    }
    let entries = new.hooks.iter().filter_map(|hook| {
        let places = old.hooks.get(hook).map_or(&[][..], Vec::as_slice);
        (places != [1]).then(|| RuleEdit::Enter { hook: hook.clone(), stray: places.len() })
    });
    fills.into_iter().chain(fronts).chain(entries).collect()
}

/// What is out of force once the additions are made.
fn rule_removals(old: &TableState, new: &FamilyProgram) -> Vec<RuleEdit> {
    let left = old.hooks.iter().filter(|(hook, _)| !new.hooks.contains(hook));
    let left =
        left.map(|(hook, places)| RuleEdit::Leave { hook: hook.clone(), stray: places.len() });
    let shortened = joined(&old.chains, &new.chains).filter_map(|(_, state, chain)| {
        let (state, chain) = (state?, chain?);
        let has = length_after(state, chain);
        let (chain, keep) = (chain.name.clone(), chain.rules.len());
        (has > keep).then_some(RuleEdit::Truncate { chain, has, keep })
    });
    let gone = joined(&old.chains, &new.chains).filter(|(_, _, chain)| chain.is_none());
    left.chain(shortened).chain(gone.map(|(name, ..)| RuleEdit::Remove(name.clone()))).collect()
}

fn length_after(state: &ChainState, chain: &Arc<Chain>) -> usize {
    match (state.begins_with(chain), chain.kind) {
        (true, _) => state.len(),
        (false, ChainKind::Fixed) => state.len() + chain.rules.len(),
        (false, ChainKind::Content) => chain.rules.len(),
    }
}
