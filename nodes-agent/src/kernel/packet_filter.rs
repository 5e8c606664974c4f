//! What enforcement needs of a packet filter, whichever it is.

use std::fmt::Debug;
use std::time::Duration;

use portcullis_engine::dataplane::{DenialCounts, Hook, KernelState, RuleCounts, Step};
use portcullis_engine::net::{ByFamily, Family};

use super::{Guard, KernelError};

/// A packet filter of the kernel, and in it the chains and sets whose names begin with a prefix.
///
/// It knows no policies: the engine plans [steps](Step), which say what is to be changed as data,
/// and every implementation writes them in its own way. Whoever has written them knows what there
/// is, so it is only read where that is in doubt.
pub trait PacketFilter: Debug + Send + Sync {
    /// Finds out which families the kernel has no tables for, by writing a chain under a prefix that
    /// is removed at once; from then on nothing is read or written there.
    ///
    /// # Errors
    /// If it has none at all, or cannot be asked.
    fn probe(&self, prefix: &str) -> Result<Missing, KernelError>;

    /// What it holds under a prefix. Linear in all of its rules and members.
    ///
    /// # Errors
    /// If it cannot be read.
    fn read(&self, prefix: &str) -> Result<Held, KernelError>;

    /// Carries steps out, one after the other, but for rules of different families, whose order
    /// does not matter.
    ///
    /// # Errors
    /// If one fails: steps after it are not begun. A step's rules are written as a whole or not at
    /// all, but some of its changes of sets may have been made.
    fn write(&self, steps: &[Step]) -> Result<(), KernelError>;

    /// Whether packets enter a chain of ours before all else, and it has rules. Takes a few
    /// milliseconds, however many there are.
    ///
    /// # Errors
    /// If it cannot be read.
    fn is_entered(&self, family: Family, hook: &Hook) -> Result<bool, KernelError>;

    /// Has it hold a guard, or nothing of one that is off; whether that changed anything.
    ///
    /// # Errors
    /// If it cannot be read or written.
    fn ensure_guard(&self, prefix: &str, guard: &Guard) -> Result<bool, KernelError>;

    /// Whether it holds a guard, or nothing of one that is off.
    ///
    /// # Errors
    /// If it cannot be read.
    fn has_guard(&self, prefix: &str, guard: &Guard) -> Result<bool, KernelError>;

    /// Removes what it holds under a prefix; whether there was anything. What the kernel does not
    /// support is not there.
    ///
    /// # Errors
    /// If it cannot be read or written.
    fn remove(&self, prefix: &str, what: Removal) -> Result<bool, KernelError>;

    /// What its tools would be given for a guard and some steps: the command line of each, and the
    /// text.
    fn script(&self, prefix: &str, guard: &Guard, steps: &[Step]) -> Vec<(&'static str, String)>;

    /// How long others kept it from being written, each time since this was last asked.
    fn take_lock_waits(&self) -> Vec<Duration>;
}

/// Families without tables, each with what was said about it.
pub type Missing = ByFamily<Option<String>>;

/// What a packet filter holds of ours.
#[derive(Debug)]
pub struct Held {
    /// Chains and sets.
    pub state: KernelState,
    /// What its rules have counted.
    pub counts: Counts,
}

/// What rules have counted.
#[derive(Clone, Debug, Default)]
pub struct Counts {
    /// How many packets each chain has denied.
    pub denied: DenialCounts,
    /// How many packets each rule of policies has met.
    pub met: RuleCounts,
}

/// What is removed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Removal {
    /// Rules. Their sets stay: rules of another implementation may ask for them.
    Rules,
    /// Rules and sets.
    RulesAndSets,
}
