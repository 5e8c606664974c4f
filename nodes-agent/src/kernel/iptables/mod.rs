//! iptables and ipset, through the tools that other programs of the node use as well.
//!
//! Rules of the two implementations of iptables do not see each other, so the one must be used that
//! the node's other programs use ([`Backend::detect`]). Sets are the same for both.

mod guard;
mod lock;
mod removal;
mod session;
mod sets;
mod tables;
mod walk;

pub use sets::Ipset;
pub use tables::{Backend, Tables};

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use lock::Lock;
use portcullis_engine::dataplane::{Hook, KernelState, Step, denial_counts, rule_counts};
use portcullis_engine::net::{ByFamily, Family};

use super::{Counts, Guard, Held, KernelError, Missing, PacketFilter, Removal};

/// All tools of one backend.
#[derive(Debug)]
pub struct Iptables {
    /// The backend.
    pub backend: Backend,
    /// Tables of each family.
    pub tables: ByFamily<Tables>,
    /// Sets of both.
    pub sets: Ipset,
    /// What only one program may have that writes tables; iptables-nft needs no such thing.
    lock: Option<Lock>,
    /// Families without tables, as it was last found out.
    missing: Mutex<Missing>,
}

impl Iptables {
    /// The tools of a backend, or of the one that the node uses.
    ///
    /// # Errors
    /// If a tool is not installed.
    pub fn find(backend: Option<Backend>) -> Result<Self, KernelError> {
        let backend = backend.map_or_else(Backend::detect, Ok)?;
        let [v4, v6] = Family::BOTH.map(|family| Tables::find(family, backend));
        let tables = ByFamily::from_array([v4?, v6?]);
        let lock = (backend == Backend::Legacy).then(Lock::new);
        Ok(Self { backend, tables, sets: Ipset::find()?, lock, missing: Mutex::default() })
    }

    /// What each family's tables hold, as a tool saves it.
    fn saved(
        &self,
        save: impl Fn(&Tables) -> Result<String, KernelError>,
    ) -> Result<ByFamily<String>, KernelError> {
        let mut saved: ByFamily<String> = ByFamily::default();
        for (family, tables) in self.there() {
            saved[family] = save(tables)?;
        }
        Ok(saved)
    }

    /// The families that the kernel has tables for, as far as is known.
    fn there(&self) -> impl Iterator<Item = (Family, &Tables)> {
        let missing = self.missing().clone();
        self.tables.iter().filter(move |(family, _)| missing[*family].is_none())
    }

    fn missing(&self) -> MutexGuard<'_, Missing> {
        self.missing.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until tables can be written.
    fn wait_for_lock(&self) {
        if let Some(lock) = &self.lock {
            lock.wait();
        }
    }

    /// Runs the tools of two families at the same time: most of their time is starting up.
    fn run_together(&self, steps: &[Step]) -> Result<(), KernelError> {
        let Some((first, others)) = steps.split_first() else { return Ok(()) };
        if is_rules(first) {
            self.wait_for_lock();
        }
        std::thread::scope(|scope| {
            let others: Vec<_> = others.iter().map(|step| scope.spawn(|| self.run(step))).collect();
            let mut result = self.run(first);
            for other in others {
                let other = other.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
                result = result.and(other);
            }
            result
        })
    }

    fn run(&self, step: &Step) -> Result<(), KernelError> {
        match step {
            Step::Sets(_) => self.sets.restore(&step.text()),
            Step::Rules(family, _) => self.tables[*family].restore(&step.text()),
        }
    }
}

impl PacketFilter for Iptables {
    fn probe(&self, prefix: &str) -> Result<Missing, KernelError> {
        self.wait_for_lock();
        let chain = format!("{prefix}-PROBE");
        let text = format!("*filter\n:{chain} - [0:0]\n-X {chain}\nCOMMIT\n");
        let mut found = Missing::default();
        for (family, tables) in &self.tables {
            if let Err(error) = tables.restore(&text) {
                let is_last = found.values().any(Option::is_some);
                if is_last || !is_not_supported(&error) {
                    return Err(error);
                }
                found[family] = Some(error.to_string());
            }
        }
        self.missing().clone_from(&found);
        Ok(found)
    }

    fn read(&self, prefix: &str) -> Result<Held, KernelError> {
        let tables = self.saved(|tables| tables.save_counted("filter", prefix))?;
        let sets = self.sets.save(&set_names(prefix))?;
        let state = KernelState::read(prefix, &tables, &sets);
        let (denied, met) = (denial_counts(prefix, &tables), rule_counts(prefix, &tables));
        Ok(Held { state, counts: Counts { denied, met } })
    }

    fn write(&self, steps: &[Step]) -> Result<(), KernelError> {
        let mut together = steps.chunk_by(|one, next| is_rules(one) && is_rules(next));
        together.try_for_each(|steps| self.run_together(steps))
    }

    fn is_entered(&self, family: Family, hook: &Hook) -> Result<bool, KernelError> {
        let tables = &self.tables[family];
        let first = tables.rule(hook.from, 1)?;
        let jumps = first.is_some_and(|rule| rule == format!("-j {}", hook.to));
        Ok(jumps && tables.rule(&hook.to, 1)?.is_some())
    }

    fn ensure_guard(&self, prefix: &str, guard: &Guard) -> Result<bool, KernelError> {
        let mut changed = false;
        for (_, tables) in self.there() {
            if let Some(text) = guard::change(tables, prefix, guard)? {
                self.wait_for_lock();
                tables.restore(&text)?;
                changed = true;
            }
        }
        Ok(changed)
    }

    fn has_guard(&self, prefix: &str, guard: &Guard) -> Result<bool, KernelError> {
        for (_, tables) in self.there() {
            if guard::change(tables, prefix, guard)?.is_some() {
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn remove(&self, prefix: &str, what: Removal) -> Result<bool, KernelError> {
        let steps = removal::steps(self, prefix, what)?;
        let guarded = self.ensure_guard(prefix, &Guard::default())?;
        self.write(&steps)?;
        Ok(guarded || !steps.is_empty())
    }

    fn script(&self, prefix: &str, guard: &Guard, steps: &[Step]) -> Vec<(&'static str, String)> {
        let guard = guard::text(prefix, guard);
        let guards = Family::BOTH.map(|family| Some((restore(family), guard.clone()?)));
        let steps = steps.iter().map(|step| match step {
            Step::Sets(_) => ("ipset restore -exist", step.text()),
            Step::Rules(family, _) => (restore(*family), step.text()),
        });
        guards.into_iter().flatten().chain(steps).collect()
    }

    fn take_lock_waits(&self) -> Vec<Duration> {
        self.lock.as_ref().map(Lock::take_waits).unwrap_or_default()
    }
}

fn is_rules(step: &Step) -> bool {
    matches!(step, Step::Rules(..))
}

/// How a family's rules are given to its tool.
fn restore(family: Family) -> &'static str {
    match family {
        Family::IPv4 => "iptables-restore --noflush",
        Family::IPv6 => "ip6tables-restore --noflush",
    }
}

/// What names of sets begin with.
fn set_names(prefix: &str) -> [String; 2] {
    ["4-", "6-"].map(|end| format!("{prefix}{end}"))
}

/// For `or_else`: what a tool has printed, which is nothing if the kernel is built without what it
/// asks for.
///
/// # Errors
/// Any other failure.
fn nothing_if_not_supported(error: KernelError) -> Result<String, KernelError> {
    match says(&error, &ABSENT) {
        true => Ok(String::new()),
        false => Err(error),
    }
}

/// What tools say where the kernel is built without what they ask for.
const ABSENT: [&str; 3] = [
    "Failed to initialize nft: Protocol not supported",
    "Could not fetch rule set generation id: Invalid argument",
    "Cannot open session to kernel",
];

/// What they say where it has no table of a family.
const NO_TABLE: [&str; 3] = [
    "Table does not exist",
    "Address family not supported by protocol",
    "TABLE_ADD failed (Operation not supported)",
];

/// Whether the kernel has no tables for what a tool was asked to write.
fn is_not_supported(error: &KernelError) -> bool {
    says(error, &ABSENT) || says(error, &NO_TABLE)
}

fn says(error: &KernelError, any: &[&str]) -> bool {
    matches!(error, KernelError::Failed { stderr, .. } if any.iter().any(|one| stderr.contains(one)))
}
