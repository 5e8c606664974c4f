//! Bringing programs into the kernel, and keeping them there.
//!
//! The engine plans the way; here each step is given to its tool. What is in the kernel is known
//! from what was written there. It is only read back where that is not certain: at the start, after
//! a failure, and after somebody else changed our rules. So a restart adopts what is in force, and
//! writes only what differs.

use std::collections::BTreeMap;

use portcullis_engine::dataplane::{FamilyProgram, FilterProgram, KernelState, Plan, Step, plan};
use portcullis_engine::net::Family;

use crate::kernel::{Kernel, KernelError};

/// What is in force, and the tools to change it.
#[derive(Debug)]
pub struct Enforcer {
    kernel: Kernel,
    prefix: String,
    /// What the kernel holds; none if that is not known for certain.
    state: Option<KernelState>,
    /// What it is to hold; none if it does not, or not for certain.
    in_force: Option<FilterProgram>,
    /// What is out of force and can go.
    sweep: Vec<Step>,
}

impl Enforcer {
    /// An enforcer of programs whose chains and sets begin with `prefix`.
    pub fn new(kernel: Kernel, prefix: &str) -> Self {
        let (state, in_force, sweep) = (None, None, Vec::new());
        Self { kernel, prefix: prefix.to_owned(), state, in_force, sweep }
    }

    /// What is in force, if that is known for certain.
    pub fn in_force(&self) -> Option<&FilterProgram> {
        self.in_force.as_ref()
    }

    /// Brings a program into force; the one that was. What it replaces may stay until it is swept.
    ///
    /// # Errors
    /// If a tool fails. Every table then holds the rules of before or the new ones, and the next
    /// attempt begins with reading what is there.
    pub fn apply(&mut self, program: FilterProgram) -> Result<Option<FilterProgram>, KernelError> {
        let before = self.in_force.take();
        let state = match self.state.take() {
            Some(state) => state,
            None => read(&self.kernel, &self.prefix)?,
        };
        let Plan { now, sweep } = plan(&state, &program);
        self.state = Some(carry_out(&self.kernel, state, &now)?);
        (self.in_force, self.sweep) = (Some(program), sweep);
        Ok(before)
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
        let sweep = std::mem::take(&mut self.sweep);
        if let Some(state) = self.state.take() {
            self.state = Some(carry_out(&self.kernel, state, &sweep)?);
        }
        Ok(())
    }

    /// Whether packets still come to our rules: what any stranger's flush or jump in front of
    /// ours would show. A few milliseconds.
    ///
    /// # Errors
    /// If a tool cannot be run.
    pub fn reached(&self) -> Result<bool, KernelError> {
        let Some(program) = &self.in_force else {
            return Ok(false);
        };
        for (tables, family) in self.kernel.tables.iter().zip(&program.families) {
            for hook in &family.hooks {
                let first = tables.rule(hook.from, 1)?;
                let jumps = first.is_some_and(|rule| rule == format!("-j {}", hook.to));
                if !(jumps && tables.rule(&hook.to, 1)?.is_some()) {
                    return Ok(false);
                }
            }
        }
        Ok(true)
    }

    /// Differences between what was written and what the kernel holds, each as a sentence.
    ///
    /// # Errors
    /// If a tool fails.
    ///
    /// # Cost
    /// Linear in the rules and members of the whole node.
    pub fn differences(&self) -> Result<Vec<String>, KernelError> {
        match &self.state {
            Some(state) => Ok(differences(state, &self.held()?)),
            None => Ok(Vec::new()),
        }
    }

    /// Forgets what is known, so that the next program begins with reading what is there.
    pub fn distrust(&mut self) {
        (self.state, self.in_force, self.sweep) = (None, None, Vec::new());
    }

    /// What is ours in the kernel.
    ///
    /// # Errors
    /// If a tool fails.
    pub fn held(&self) -> Result<KernelState, KernelError> {
        read(&self.kernel, &self.prefix)
    }
}

fn read(kernel: &Kernel, prefix: &str) -> Result<KernelState, KernelError> {
    let [v4, v6] = &kernel.tables;
    let (v4, v6) = (v4.save("filter")?, v6.save("filter")?);
    let sets = kernel.sets.save(&["4-", "6-"].map(|end| format!("{prefix}{end}")))?;
    Ok(KernelState::read(prefix, [&v4, &v6], &sets))
}

/// The state after some steps.
fn carry_out(
    kernel: &Kernel,
    mut state: KernelState,
    steps: &[Step],
) -> Result<KernelState, KernelError> {
    for steps in steps.chunk_by(|one, next| is_rules(one) && is_rules(next)) {
        run_together(kernel, steps)?;
        steps.iter().for_each(|step| state.apply(step));
    }
    Ok(state)
}

fn is_rules(step: &Step) -> bool {
    matches!(step, Step::Rules(..))
}

/// Runs the tools of two families at the same time: most of their time is starting up.
fn run_together(kernel: &Kernel, steps: &[Step]) -> Result<(), KernelError> {
    let Some((first, others)) = steps.split_first() else { return Ok(()) };
    std::thread::scope(|scope| {
        let others: Vec<_> =
            others.iter().map(|step| scope.spawn(|| run_step(kernel, step))).collect();
        let mut result = run_step(kernel, first);
        for other in others {
            let other = other.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
            result = result.and(other);
        }
        result
    })
}

fn run_step(kernel: &Kernel, step: &Step) -> Result<(), KernelError> {
    let [v4, v6] = &kernel.tables;
    match step {
        Step::Sets(_) => kernel.sets.restore(&step.text()),
        Step::Rules(Family::IPv4, _) => v4.restore(&step.text()),
        Step::Rules(Family::IPv6, _) => v6.restore(&step.text()),
    }
}

fn differences(wanted: &KernelState, held: &KernelState) -> Vec<String> {
    let mut found = Vec::new();
    for (wanted, held) in wanted.tables.iter().zip(&held.tables) {
        let names = wanted.chains.keys().chain(held.chains.keys());
        let other = names.filter(|name| wanted.chains.get(*name) != held.chains.get(*name));
        found.extend(other.map(|name| format!("chain {name} is not as it was written")));
        let hooks = wanted.hooks.iter().filter(|(hook, at)| held.hooks.get(*hook) != Some(at));
        found.extend(
            hooks.map(|(hook, _)| format!("{} does not begin with {}", hook.from, hook.to)),
        );
    }
    let names = wanted.sets.keys().chain(held.sets.keys());
    let other = names.filter(|name| wanted.sets.get(*name) != held.sets.get(*name));
    found.extend(other.map(|name| format!("set {name} is not as it was written")));
    found.sort();
    found.dedup();
    found
}

/// Removes all that begins with a prefix from a kernel's tables, and, if it is said, its sets;
/// whether there was anything. Sets are those of both backends, and can only go when no rule asks
/// for them.
///
/// # Errors
/// If a tool fails.
pub fn remove(kernel: &Kernel, prefix: &str, sets: Sets) -> Result<bool, KernelError> {
    let mut state = read(kernel, prefix)?;
    if sets == Sets::Stay {
        state.sets.clear();
    }
    let Plan { now, sweep } = plan(&state, &nothing());
    let steps = [now, sweep].concat();
    carry_out(kernel, state, &steps)?;
    Ok(!steps.is_empty())
}

/// Whether sets are removed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sets {
    /// They are.
    Go,
    /// They are not.
    Stay,
}

/// The program that asks for nothing.
fn nothing() -> FilterProgram {
    let families = Family::BOTH.map(|family| FamilyProgram {
        family,
        hooks: Vec::new(),
        chains: BTreeMap::new(),
        sets: BTreeMap::new(),
        classes: BTreeMap::new(),
        local: "".into(),
    });
    FilterProgram { families, notes: Vec::new() }
}

/// What the tools would be given on a node that has nothing of ours yet, with the tools' names.
pub fn texts(program: &FilterProgram) -> Vec<(&'static str, String)> {
    let steps = plan(&KernelState::default(), program).now;
    let tool = |step: &Step| match step {
        Step::Sets(_) => "ipset restore -exist",
        Step::Rules(Family::IPv4, _) => "iptables-restore --noflush",
        Step::Rules(Family::IPv6, _) => "ip6tables-restore --noflush",
    };
    steps.iter().map(|step| (tool(step), step.text())).collect()
}
