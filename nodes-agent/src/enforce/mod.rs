//! Bringing programs into the kernel, and keeping them there.
//!
//! Every table is changed by one transaction, so that it holds all of a program or all of the one
//! before. What is new in sets goes before the rules that ask for it, what has gone goes after.
//! Whoever reads the kernel back is only needed when it is not known what the kernel holds: at the
//! start, after a failure, and after somebody else changed our rules.

mod rules;
mod sets;

use portcullis_engine::dataplane::{FamilyProgram, FilterProgram};

use crate::kernel::{Kernel, KernelError, Members, Saved};

/// What is in force, and the tools to change it.
#[derive(Debug)]
pub struct Enforcer {
    kernel: Kernel,
    names: Names,
    /// What the kernel holds; none if that is not known for certain.
    in_force: Option<FilterProgram>,
}

/// What the names of our chains and sets begin with.
#[derive(Clone, Debug)]
struct Names {
    chains: String,
    sets: [String; 2],
}

impl Names {
    /// As the engine makes them: sets of the two families have different names.
    fn new(prefix: &str) -> Self {
        Self {
            chains: format!("{prefix}-"),
            sets: ["4-", "6-"].map(|end| format!("{prefix}{end}")),
        }
    }
}

impl Enforcer {
    /// An enforcer of programs whose chains and sets begin with `prefix`.
    pub fn new(kernel: Kernel, prefix: &str) -> Self {
        Self { kernel, names: Names::new(prefix), in_force: None }
    }

    /// What is in force, if that is known for certain.
    pub fn in_force(&self) -> Option<&FilterProgram> {
        self.in_force.as_ref()
    }

    /// Brings a program into force.
    ///
    /// # Errors
    /// If a tool fails. Every table then holds the old program or the new one, and the next
    /// attempt begins with reading what is there.
    pub fn apply(&mut self, program: FilterProgram) -> Result<(), KernelError> {
        match self.in_force.take() {
            Some(old) => self.change(&old, &program)?,
            None => self.replace(&program)?,
        }
        self.in_force = Some(program);
        Ok(())
    }

    /// From one program to another.
    fn change(&self, old: &FilterProgram, new: &FilterProgram) -> Result<(), KernelError> {
        self.kernel.sets.restore(&sets::before(&sets::held_by(old), new))?;
        let families = self.kernel.tables.iter().zip(old.families.iter().zip(&new.families));
        for (tables, (old, new)) in families {
            if let Some(text) = rules::change(old, new) {
                tables.restore(&text)?;
            }
        }
        self.kernel.sets.restore(&sets::after(&sets::held_by(old), new))
    }

    /// From whatever is there.
    fn replace(&self, program: &FilterProgram) -> Result<(), KernelError> {
        let held = self.kernel.sets.list(&self.names.sets)?;
        self.kernel.sets.restore(&sets::before(&held, program))?;
        for (tables, family) in self.kernel.tables.iter().zip(&program.families) {
            let saved = tables.save("filter")?;
            tables.restore(&rules::replace(&saved, family, &self.names.chains))?;
        }
        self.kernel.sets.restore(&sets::after(&held, program))
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

    /// Differences between what is in force and what the kernel holds, each as a sentence.
    ///
    /// # Errors
    /// If a tool fails.
    ///
    /// # Cost
    /// Linear in the rules and members of the whole node.
    pub fn differences(&self) -> Result<Vec<String>, KernelError> {
        let Some(program) = &self.in_force else {
            return Ok(Vec::new());
        };
        let mut found = sets::differences(&self.kernel.sets.list(&self.names.sets)?, program);
        for (tables, family) in self.kernel.tables.iter().zip(&program.families) {
            found.extend(rules::differences(&tables.save("filter")?, family, &self.names.chains));
        }
        Ok(found)
    }

    /// Forgets what is in force, so that the next program replaces whatever is there.
    pub fn distrust(&mut self) -> Option<FilterProgram> {
        self.in_force.take()
    }

    /// What is ours in the kernel: the tables of both families, and sets.
    ///
    /// # Errors
    /// If a tool fails.
    pub fn held(&self) -> Result<([Saved; 2], Members), KernelError> {
        let [v4, v6] = &self.kernel.tables;
        let own = |saved: Saved| -> Saved {
            saved.into_iter().filter(|(name, _)| name.starts_with(&self.names.chains)).collect()
        };
        let tables = [own(v4.save("filter")?), own(v6.save("filter")?)];
        Ok((tables, self.kernel.sets.list(&self.names.sets)?))
    }
}

/// Removes all chains whose names begin with `prefix`, and the jumps there; whether there was any.
///
/// # Errors
/// If a tool fails.
pub fn remove_tables(kernel: &Kernel, prefix: &str) -> Result<bool, KernelError> {
    let (mut found, chains) = (false, Names::new(prefix).chains);
    for tables in &kernel.tables {
        if let Some(text) = rules::remove(&tables.save("filter")?, &chains) {
            tables.restore(&text)?;
            found = true;
        }
    }
    Ok(found)
}

/// Removes all sets whose names begin with `prefix`; whether there was any. No rule may ask for
/// one.
///
/// # Errors
/// If the tool fails.
pub fn remove_sets(kernel: &Kernel, prefix: &str) -> Result<bool, KernelError> {
    let held = kernel.sets.list(&Names::new(prefix).sets)?;
    kernel.sets.restore(&sets::remove(&held))?;
    Ok(!held.is_empty())
}

/// The families' programs as what `iptables-restore` and `ipset restore` would be given on a node
/// that has none of it.
pub fn texts(program: &FilterProgram) -> (String, Vec<String>) {
    let sets = sets::before(&Members::new(), program) + &sets::after(&Members::new(), program);
    let tables = program
        .families
        .iter()
        .map(|family: &FamilyProgram| rules::replace(&Saved::new(), family, ""));
    (sets, tables.collect())
}
