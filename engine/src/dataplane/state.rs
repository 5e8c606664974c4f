//! What is in the kernel: what was written there, or what was read from it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::plan::{RuleEdit, SetEdit, Step};
use super::program::{
    AddressSet, Chain, ChainKind, ChainName, FilterProgram, FilterRule, Hook, SetName,
};
use crate::net::ByFamily;

/// Chains and sets of ours in a kernel.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KernelState {
    /// Each family's filter table.
    pub tables: ByFamily<TableState>,
    /// Sets by name.
    pub sets: BTreeMap<SetName, Arc<AddressSet>>,
}

/// The filter table of a family.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TableState {
    /// Chains by name.
    pub chains: BTreeMap<ChainName, ChainState>,
    /// Where our jumps stand in the kernel's own chains, ascending from 1.
    pub hooks: BTreeMap<Hook, Vec<usize>>,
}

/// What a chain holds.
#[derive(Clone, Debug)]
pub enum ChainState {
    /// What was written.
    Written(Arc<Chain>),
    /// What the kernel lists.
    Listed(Vec<ListedRule>),
}

/// A rule that the kernel lists.
#[derive(Clone, Debug)]
pub enum ListedRule {
    /// One as a program has them; it does not say where it comes from.
    Known(FilterRule),
    /// One that no program has, as the tool lists it.
    Other(Box<str>),
}

impl ListedRule {
    /// Whether it is a program's rule.
    pub fn is(&self, rule: &FilterRule) -> bool {
        match self {
            Self::Known(known) => {
                known.action == rule.action && known.listed_matches().eq(rule.listed_matches())
            }
            Self::Other(_) => false,
        }
    }
}

impl ChainState {
    /// How many rules there are.
    pub fn len(&self) -> usize {
        match self {
            Self::Written(chain) => chain.rules.len(),
            Self::Listed(rules) => rules.len(),
        }
    }

    /// Whether there is no rule.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether it begins with these rules.
    pub fn begins_with(&self, chain: &Arc<Chain>) -> bool {
        match self {
            Self::Written(written) if Arc::ptr_eq(written, chain) => true,
            // A name made from the contents stands for them.
            Self::Written(written) if written.kind == ChainKind::Content => {
                written.name == chain.name
            }
            Self::Written(written) => {
                written.rules.len() >= chain.rules.len()
                    && written.rules.iter().zip(&chain.rules).all(|(a, b)| a.does_same(b))
            }
            Self::Listed(rules) => {
                rules.len() >= chain.rules.len()
                    && rules.iter().zip(&chain.rules).all(|(a, b)| a.is(b))
            }
        }
    }
}

/// Equal if they do the same.
impl PartialEq for ListedRule {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Known(rule), other) | (other, Self::Known(rule)) => other.is(rule),
            (Self::Other(a), Self::Other(b)) => a == b,
        }
    }
}

impl Eq for ListedRule {}

/// Equal if the same rules are in it, however that is known.
impl PartialEq for ChainState {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Written(a), Self::Written(b)) => {
                a.rules.len() == b.rules.len()
                    && a.rules.iter().zip(&b.rules).all(|(a, b)| a.does_same(b))
            }
            (Self::Listed(a), Self::Listed(b)) => a == b,
            (Self::Written(written), Self::Listed(listed))
            | (Self::Listed(listed), Self::Written(written)) => {
                written.rules.len() == listed.len()
                    && listed.iter().zip(&written.rules).all(|(a, b)| a.is(b))
            }
        }
    }
}

impl Eq for ChainState {}

impl KernelState {
    /// The state of a kernel into which a program was written, and nothing else.
    pub fn of(program: &FilterProgram) -> Self {
        let tables = ByFamily::from_fn(|family| {
            let family = &program.families[family];
            TableState {
                chains: family
                    .chains
                    .iter()
                    .map(|(name, chain)| (name.clone(), ChainState::Written(chain.clone())))
                    .collect(),
                hooks: family.hooks.iter().map(|hook| (hook.clone(), vec![1])).collect(),
            }
        });
        let sets = program.families.values().flat_map(|family| family.sets.clone()).collect();
        Self { tables, sets }
    }

    /// Notes that a step was carried out.
    pub fn apply(&mut self, step: &Step) {
        match step {
            Step::Sets(edits) => edits.iter().for_each(|edit| self.apply_set(edit)),
            Step::Rules(family, edits) => {
                let table = &mut self.tables[*family];
                edits.iter().for_each(|edit| table.apply(edit));
            }
        }
    }

    fn apply_set(&mut self, edit: &SetEdit) {
        match edit {
            SetEdit::Create(_, set) | SetEdit::Change { new: set, .. } => {
                self.sets.insert(set.name.clone(), set.clone());
            }
            SetEdit::Destroy(name) => {
                self.sets.remove(name);
            }
        }
    }

    /// Names of chains and sets, for whoever removes them all.
    pub fn names(&self) -> BTreeSet<&str> {
        let chains = self.tables.values().flat_map(|table| table.chains.keys());
        chains.chain(self.sets.keys()).map(|name| &**name).collect()
    }
}

impl TableState {
    fn apply(&mut self, edit: &RuleEdit) {
        match edit {
            RuleEdit::Fill(chain) => {
                self.chains.insert(chain.name.clone(), ChainState::Written(chain.clone()));
            }
            RuleEdit::Prepend(chain) => self.prepend(chain),
            RuleEdit::Truncate { chain, keep, .. } => self.truncate(chain, *keep),
            RuleEdit::Remove(chain) => {
                self.chains.remove(chain);
            }
            RuleEdit::Enter { hook, .. } => {
                self.hooks.insert(hook.clone(), vec![1]);
            }
            RuleEdit::Leave { hook, .. } => {
                self.hooks.remove(hook);
            }
        }
    }

    fn prepend(&mut self, chain: &Arc<Chain>) {
        let old = self.chains.remove(&chain.name);
        let state = match old {
            None => ChainState::Written(chain.clone()),
            Some(ChainState::Written(old)) => {
                let rules = chain.rules.iter().chain(&old.rules).cloned().collect();
                let (name, kind) = (chain.name.clone(), chain.kind);
                ChainState::Written(Arc::new(Chain { name, kind, rules }))
            }
            Some(ChainState::Listed(old)) => {
                let new =
                    chain.rules.iter().map(|rule| FilterRule { origin: None, ..rule.clone() });
                ChainState::Listed(new.map(ListedRule::Known).chain(old).collect())
            }
        };
        self.chains.insert(chain.name.clone(), state);
    }

    fn truncate(&mut self, name: &ChainName, keep: usize) {
        match self.chains.get_mut(name) {
            Some(ChainState::Listed(rules)) => rules.truncate(keep),
            Some(ChainState::Written(chain)) => {
                let mut shorter = Chain::clone(chain);
                shorter.rules.truncate(keep);
                *chain = Arc::new(shorter);
            }
            None => {}
        }
    }
}
