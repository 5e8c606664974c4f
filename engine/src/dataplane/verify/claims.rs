//! Whether the chains on a pod's way are what its policies say: found out once for all pods that
//! walk the same chain for the same tiers.

use std::sync::Arc;

use super::check::{Check, Route};
use super::memory::Memory;
use super::packets::Packets;
use super::places::Subject;
use super::pods::Pods;
use super::proof::{Claim, Grounds, Proof};
use super::reader::Trouble;
use super::space::Admitted;
use super::ways::Way;
use crate::manifest::Direction;
use crate::policy::{ProgramId, Split};

impl Check<'_> {
    /// Whether each chain on a pod's way is proved to be what its policies say. If not, they may
    /// still say the same together.
    pub(super) fn is_right(
        &self,
        subject: &Subject,
        route: &Route,
        pods: &mut Pods<'_, '_>,
        memory: &mut Memory,
    ) -> Result<bool, Trouble> {
        let Some(way) = &route.first else { return Ok(false) };
        let Some(class) = way.class.clone() else { return Ok(false) };
        let direction = pods.direction;
        let id = self.input.policies.program_id(subject.group, direction);
        let claim = |program, memory: &mut Memory| {
            let answers = self.policies(&mut memory.spaces).answers(program, direction, subject);
            let (passes, group) = (way.passes, Some(subject.group));
            Claim { direction, class, program, passes, group, answers }
        };
        let proved = match (way.passes, self.split(id), &route.after_admin) {
            (false, ..) => self.proved((claim(id, memory), subject), pods, memory)?,
            (true, Some(split), Some(behind)) => {
                self.proved((claim(split.admin, memory), subject), pods, memory)?
                    && self.is_right_after(subject, (split.after, behind), pods, memory)?
            }
            (true, ..) => false,
        };
        Ok(proved && self.only_itself(subject, way, direction, memory))
    }

    /// Whether what a pod comes to after the Admin tier is what a program says.
    fn is_right_after(
        &self,
        subject: &Subject,
        (program, way): (ProgramId, &Way),
        pods: &mut Pods<'_, '_>,
        memory: &mut Memory,
    ) -> Result<bool, Trouble> {
        let (direction, passes, group) = (pods.direction, way.passes, Some(subject.group));
        let policies = &mut self.policies(&mut memory.spaces);
        match way.class.clone() {
            Some(class) if !passes && way.own.is_empty() => {
                let answers = policies.answers(program, direction, subject);
                let claim = Claim { direction, class, program, passes, group, answers };
                self.proved((claim, subject), pods, memory)
            }
            Some(_) => Ok(false),
            None => {
                let expected = policies.admitted(program, direction, subject);
                Ok(self.same(direction, &way.own, &expected))
            }
        }
    }

    /// The parts of a program with an Admin tier: these, and nothing else.
    fn split(&self, id: ProgramId) -> Option<Split> {
        let policies = self.input.policies;
        let split = policies.split(id)?;
        let tiers = |part: ProgramId| policies.program(part).tiers.as_slice();
        let (admin, after) = tiers(id).split_first()?;
        let same = tiers(split.admin) == std::slice::from_ref(admin) && tiers(split.after) == after;
        same.then_some(split)
    }

    /// Whether a chain admits what a program does. Not proved with what one pod may send to
    /// itself: another pod of the class may not.
    fn proved(
        &self,
        (of_group, subject): (Claim, &Subject),
        pods: &mut Pods<'_, '_>,
        memory: &mut Memory,
    ) -> Result<bool, Trouble> {
        // Most say nothing of what differs between groups, and are proved for all of them at once.
        let of_all = Claim { group: None, ..of_group.clone() };
        for claim in [&of_all, &of_group] {
            if let Some(proof) = memory.proofs.get_mut(claim) {
                proof.asked = memory.run;
                return Ok(true);
            }
        }
        let Some(grounds) = self.grounds((&of_group, subject), pods, memory)? else {
            return Ok(false);
        };
        let Claim { direction, program, group, .. } = of_group;
        let known = group.is_some_and(|group| self.input.model.groups.get(group).is_some());
        let depends = self.policies(&mut memory.spaces).depend_on_group(program, direction);
        let claim = if depends || !known { of_group } else { of_all };
        memory.proofs.insert(claim, Proof { grounds, asked: memory.run });
        Ok(true)
    }

    /// On what it rests that a claim is right; none if it is not.
    fn grounds(
        &self,
        (claim, subject): (&Claim, &Subject),
        pods: &mut Pods<'_, '_>,
        memory: &mut Memory,
    ) -> Result<Option<Grounds>, Trouble> {
        let Claim { direction, program, passes, .. } = *claim;
        let Some(class) = pods.class(&claim.class)? else { return Ok(None) };
        let mut policies = self.policies(&mut memory.spaces);
        let expected = match passes {
            true => policies.before_next(program, direction, subject),
            false => policies.admitted(program, direction, subject),
        };
        let pairs = memory.equals.pairs(&class.admitted, &expected, self.program.family);
        if pairs.is_none() && !self.same(direction, &class.admitted, &expected) {
            return Ok(None);
        }
        let chains = class.chains.iter().map(|name| pods.reader.chain(name));
        let chains = chains.collect::<Result<Vec<_>, _>>()?;
        Ok(Some(Grounds::new(&chains, self.input.policies, claim, pairs)))
    }

    /// Whether rules about a pod alone let it send to itself and do nothing else.
    fn only_itself(
        &self,
        subject: &Subject,
        way: &Arc<Way>,
        direction: Direction,
        memory: &mut Memory,
    ) -> bool {
        let key = (direction, subject.address);
        if memory.itself.get(&key).is_some_and(|(known, own)| {
            Arc::ptr_eq(known, way) && own.space() == subject.own.space()
        }) {
            return true;
        }
        let mut itself = Admitted::default();
        itself.add(subject.own.clone(), Packets::all());
        let only = self.same(direction, &way.own, &itself);
        if only {
            memory.itself.insert(key, (way.clone(), subject.own.clone()));
        }
        only
    }
}
