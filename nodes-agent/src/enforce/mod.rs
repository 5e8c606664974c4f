//! Bringing programs into the kernel, and what belongs to that: [auditing](audit) what is there,
//! ending [connections] that are no longer allowed, guarding pods' addresses.
//!
//! The engine plans the way; here its steps are given to the [packet filter](PacketFilter). What is in the kernel is known
//! from what was written there. It is only read back where that is not certain: at the start, after
//! a failure, and after somebody else changed our rules. So a restart adopts what is in force, and
//! writes only what differs.

mod attachment;
pub mod audit;
pub mod connections;
mod counters;
mod error;
pub mod gate;
mod pod_blocks;

pub use attachment::{Attachment, ForwardingPods, HostEndpoints, PodInterfaces, SpoofGuard};
pub use counters::{DenialCounters, PolicyCounters};
pub use error::EnforceError;
pub use pod_blocks::{AskNode, PodBlocks};

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use portcullis_engine::dataplane::{FamilyProgram, FilterProgram, KernelState, Plan, Step, plan};

use crate::kernel::{Counts, Guard, KernelError, Missing, PacketFilter, Removal};
use audit::{Audit, Depth};

/// What is in force, and what changes it.
#[derive(Debug)]
pub struct Enforcer {
    filter: Arc<dyn PacketFilter>,
    prefix: String,
    guard: Guard,
    /// How often the kernel has been written to.
    number: u64,
    /// What the kernel holds; none if that is not known for certain.
    state: Option<Arc<KernelState>>,
    /// What it is to hold; none if it does not, or not for certain.
    in_force: Option<FilterProgram>,
    /// What was in force last, while it is not known whether it still is.
    last: Option<FilterProgram>,
    /// Families that the kernel has no tables for: nothing is enforced there. At first that is not
    /// known.
    missing: Option<Missing>,
    /// The other implementation, until nothing of ours is left there.
    other: Option<Box<dyn PacketFilter>>,
    /// What is out of force and can go.
    sweep: Vec<Step>,
    /// What had been counted when the kernel was last read before it was written.
    counts: Option<Counts>,
}

impl Enforcer {
    /// An enforcer of programs whose chains and sets begin with `prefix`.
    pub fn new(filter: impl PacketFilter + 'static, prefix: &str) -> Self {
        let (filter, prefix, number) = (Arc::new(filter), prefix.to_owned(), 0);
        let (state, in_force, last, other, sweep) = (None, None, None, None, Vec::new());
        let (guard, missing, counts) = (Guard::default(), None, None);
        Self { filter, prefix, guard, number, state, in_force, last, missing, other, sweep, counts }
    }

    /// One that removes what another packet filter still holds of ours, once it has applied
    /// something: the node may have changed from that one to this.
    #[must_use]
    pub fn succeeding(self, other: Option<Box<dyn PacketFilter>>) -> Self {
        Self { other, ..self }
    }

    /// Has the kernel hold a guard from now on.
    ///
    /// # Errors
    /// If it cannot be read or written; it is tried again with the next program.
    pub fn guard(&mut self, guard: &Guard) -> Result<(), KernelError> {
        if self.guard != *guard {
            self.guard = guard.clone();
            // Otherwise it is seen to before the next program.
            if self.state.is_some() {
                self.number += 1;
                let ensured = self.filter.ensure_guard(&self.prefix, &self.guard);
                ensured.inspect_err(|_| self.state = None)?;
            }
        }
        Ok(())
    }

    /// What is in force, if that is known for certain.
    pub fn in_force(&self) -> Option<&FilterProgram> {
        self.in_force.as_ref()
    }

    /// Brings a program into force; the one that was, if it was so for certain: while rules were
    /// gone, anything may have come through. What it replaces may stay until it is swept.
    ///
    /// # Errors
    /// If a tool fails. Every table then holds the rules of before or the new ones, and the next
    /// attempt begins with reading what is there.
    pub fn apply(&mut self, program: FilterProgram) -> Result<Option<FilterProgram>, KernelError> {
        let before = self.in_force.clone();
        self.bring(program)?;
        self.remove_other();
        Ok(before)
    }

    /// Has the kernel hold what was in force last, since what is desired cannot be applied.
    ///
    /// # Errors
    /// If a tool fails.
    pub fn fall_back(&mut self) -> Result<(), KernelError> {
        match (&self.in_force, self.last.clone()) {
            (None, Some(last)) => self.bring(last),
            _ => Ok(()),
        }
    }

    fn bring(&mut self, program: FilterProgram) -> Result<(), KernelError> {
        self.number += 1;
        self.last = self.in_force.take().or_else(|| self.last.take());
        let state = match self.state.take() {
            Some(state) => state,
            None => {
                self.probe()?;
                self.filter.ensure_guard(&self.prefix, &self.guard)?;
                let held = self.filter.read(&self.prefix)?;
                self.counts = Some(held.counts);
                Arc::new(held.state)
            }
        };
        let Plan { now, sweep } = plan(&state, &enforceable(&program, &self.missing()));
        self.state = Some(Arc::new(self.carry_out(state, &now)?));
        (self.in_force, self.last, self.sweep) = (Some(program), None, sweep);
        Ok(())
    }

    /// Families that the kernel has no tables for, with what was said about it: nothing is enforced
    /// there.
    pub fn missing(&self) -> Missing {
        self.missing.clone().unwrap_or_default()
    }

    /// Finds out which families have tables, unless all are known to: tables do not go.
    fn probe(&mut self) -> Result<(), KernelError> {
        let known = self.missing.as_ref();
        if known.is_none_or(|missing| missing.values().any(Option::is_some)) {
            self.missing = Some(self.filter.probe(&self.prefix)?);
        }
        Ok(())
    }

    /// Rules of the other implementation would go on judging.
    fn remove_other(&mut self) {
        let Some(other) = self.other.take() else { return };
        match other.remove(&self.prefix, Removal::Rules) {
            Ok(true) => tracing::warn!("removed our chains from the other iptables"),
            Ok(false) => {}
            Err(error) => {
                tracing::warn!(%error, "could not remove our chains from the other iptables");
                self.other = Some(other);
            }
        }
    }

    /// Whether there is something to sweep.
    pub fn has_to_sweep(&self) -> bool {
        !self.sweep.is_empty()
    }

    /// Removes what is out of force. On nftables that waits for the kernel, ten milliseconds or so:
    /// too long to be done before a change is seen.
    ///
    /// # Errors
    /// If a tool fails; the next program begins with reading what is there.
    pub fn sweep(&mut self) -> Result<(), KernelError> {
        self.number += 1;
        let sweep = std::mem::take(&mut self.sweep);
        if let Some(state) = self.state.take() {
            let (rules, sets): (Vec<Step>, Vec<Step>) =
                sweep.into_iter().partition(|step| matches!(step, Step::Rules(..)));
            let mut state = self.carry_out(state, &rules)?;
            self.remove_sets(sets)?.iter().for_each(|step| state.apply(step));
            self.state = Some(Arc::new(state));
        }
        Ok(())
    }

    /// Removes sets; the steps that could be taken. A set that a rule of others asks for, such as
    /// an agent's before this one, stays: it is tried again with what the next change leaves.
    fn remove_sets(&self, steps: Vec<Step>) -> Result<Vec<Step>, KernelError> {
        match self.filter.write(&steps) {
            Ok(()) => return Ok(steps),
            Err(error) if error.is_in_use() => {}
            Err(error) => return Err(error),
        }
        let mut taken = Vec::new();
        for step in steps.iter().flat_map(Step::single) {
            match self.filter.write(std::slice::from_ref(&step)) {
                Ok(()) => taken.push(step),
                Err(error) if error.is_in_use() => {
                    tracing::info!(%error, "a set that is out of force stays for now");
                }
                Err(error) => return Err(error),
            }
        }
        Ok(taken)
    }

    /// An audit of whether the kernel still holds what was written; none if that is not known.
    pub fn audit(&self, depth: Depth) -> Option<Audit> {
        let (program, written) = (self.in_force.as_ref()?, self.state.as_ref()?);
        Some(Audit {
            filter: Arc::clone(&self.filter),
            prefix: self.prefix.clone(),
            guard: self.guard.clone(),
            written: Arc::clone(written),
            entries: audit::entries(&enforceable(program, &self.missing())),
            missing: self.missing(),
            depth,
            number: self.number,
            proof: None,
        })
    }

    /// How often the kernel has been written to.
    pub fn number(&self) -> u64 {
        self.number
    }

    /// Differences between what was written and what the kernel holds, each as a sentence.
    ///
    /// # Errors
    /// If a tool fails.
    pub fn differences(&self) -> Result<Vec<String>, KernelError> {
        match &self.state {
            Some(state) => Ok(audit::differences(state, &self.held()?)),
            None => Ok(Vec::new()),
        }
    }

    /// Forgets what is known, so that the next program begins with reading what is there.
    pub fn distrust(&mut self) {
        self.number += 1;
        self.last = self.in_force.take().or_else(|| self.last.take());
        (self.state, self.sweep) = (None, Vec::new());
    }

    /// What is ours in the kernel.
    ///
    /// # Errors
    /// If a tool fails.
    pub fn held(&self) -> Result<KernelState, KernelError> {
        self.filter.read(&self.prefix).map(|held| held.state)
    }

    /// How long others kept tables from being written, each time since this was last asked.
    pub fn take_lock_waits(&self) -> Vec<Duration> {
        self.filter.take_lock_waits()
    }

    /// What our rules had counted when the kernel was last read before it was written, unless that
    /// was asked for already.
    pub fn take_counts(&mut self) -> Option<Counts> {
        self.counts.take()
    }

    /// The state after some steps.
    fn carry_out(
        &self,
        state: Arc<KernelState>,
        steps: &[Step],
    ) -> Result<KernelState, KernelError> {
        self.filter.write(steps)?;
        // It is copied where somebody compares it with the kernel right now.
        let mut state = Arc::unwrap_or_clone(state);
        steps.iter().for_each(|step| state.apply(step));
        Ok(state)
    }

    /// What the tools would be given on a node that has nothing of ours yet, with their command
    /// lines.
    pub fn script(&self, program: &FilterProgram) -> Vec<(&'static str, String)> {
        let steps = plan(&KernelState::default(), program).now;
        self.filter.script(&self.prefix, &self.guard, &steps)
    }
}

/// A program without the families that the kernel has no tables for.
fn enforceable<'p>(program: &'p FilterProgram, missing: &Missing) -> Cow<'p, FilterProgram> {
    let mut program = Cow::Borrowed(program);
    for (family, _) in missing.iter().filter(|(_, why)| why.is_some()) {
        program.to_mut().families[family] = FamilyProgram::nothing(family);
    }
    program
}
