//! Which chain of a class a pod comes to, made or known from before.

use std::net::IpAddr;

use super::super::expressible::{Reached, Seen, reached};
use super::super::program::{ChainName, Class, Note};
use super::memory::{self, ClassKey, KnownClass};
use super::subject::{Subject, Whose};
use super::{FamilyLowering, class};
use crate::cluster::GroupId;
use crate::manifest::{Direction, Mode};
use crate::policy::ProgramId;

/// Pods that come to the chain of a class.
#[derive(Clone, Copy)]
pub struct AskedClass<'a> {
    /// The direction.
    pub direction: Direction,
    /// Their group.
    pub group: GroupId,
    /// Their addresses, of one pod.
    pub addresses: &'a [IpAddr],
}

impl FamilyLowering<'_> {
    /// Whether what comes after an Admin tier is one tier: there is no room for more chains behind a
    /// second tree.
    pub(super) fn reaches_one_tier(&self, id: ProgramId, direction: Direction) -> bool {
        let policies = self.input.policies;
        let Reached { tiers, cut } = reached(policies, &policies.program(id).tiers, direction);
        tiers.len() <= 1 && cut.is_none()
    }

    /// The chain of the first tier of a program for a pod, which is counted in; and whether it
    /// passes on to the tree after it.
    pub(super) fn class(
        &mut self,
        asked: AskedClass<'_>,
        (program, passes): (ProgramId, bool),
        notes: &mut Vec<Note>,
    ) -> ChainName {
        let AskedClass { direction, addresses, .. } = asked;
        let name = self.chain_of(asked, (program, passes), notes);
        let new = || Class { direction, mode: Mode::Enforce, program, subjects: Vec::new() };
        let class = self.classes.entry(name.clone()).or_insert_with(new);
        class.subjects.extend(addresses);
        name
    }

    fn chain_of(
        &mut self,
        asked: AskedClass<'_>,
        (program, passes): (ProgramId, bool),
        notes: &mut Vec<Note>,
    ) -> ChainName {
        let AskedClass { direction, group, addresses } = asked;
        let policies = self.input.policies;
        let Some(subject) = addresses.first().map(|&address| Subject { group, address }) else {
            return "".into();
        };
        let known_group = self.input.model.groups.get(group);
        let named = class::depends_on_subject(policies, program, direction).then_some(group);
        let answers = subject.answers(policies, program, direction);
        let seen = Seen::Pod;
        let key = ClassKey { direction, program, passes, named, answers, seen };
        let whose = known_group.map(|group| Whose::Pod(subject, group));
        self.chains_for(key, whose, notes)
    }

    /// The first chain of a program, made or known from before; for nobody who is known, one that
    /// denies.
    pub(super) fn chains_for(
        &mut self,
        key: ClassKey,
        whose: Option<Whose<'_>>,
        notes: &mut Vec<Note>,
    ) -> ChainName {
        if let Some(known) = self.known.get(&key) {
            return known.name();
        }
        let known = match self.before.class(self.input.policies, &key) {
            Some(known) => {
                known.uses.iter().for_each(|one| self.sets.use_again(one));
                known.clone()
            }
            None => self.new_class(&key, whose),
        };
        notes.extend(known.notes.iter().cloned());
        let name = known.name();
        let chains = known.chains.iter().map(|chain| (chain.name.clone(), chain.clone()));
        self.chains.extend(chains);
        self.known.insert(key, known);
        name
    }

    fn new_class(&mut self, key: &ClassKey, whose: Option<Whose<'_>>) -> KnownClass {
        let ClassKey { direction, program: id, .. } = *key;
        let class::Made { chains, notes, credits } = class::chains(self, key, whose);
        let (uses, known) = (self.sets.take_uses(), self.input.policies);
        let (policies, doubts) = (memory::ground(known, id), class::doubts(known, id, direction));
        KnownClass { policies, uses, doubts, chains, notes, credits: credits.into() }
    }
}
