//! Removing all of ours from a kernel.

use portcullis_engine::dataplane::{FamilyProgram, FilterProgram, KernelState, Plan, Step, plan};
use portcullis_engine::net::ByFamily;

use super::{Iptables, nothing_if_not_supported, set_names};
use crate::kernel::{KernelError, Removal};

/// What removes all that begins with a prefix. Sets are those of both backends, and can only go
/// when no rule asks for them.
///
/// # Errors
/// If a tool fails.
pub fn steps(kernel: &Iptables, prefix: &str, what: Removal) -> Result<Vec<Step>, KernelError> {
    let Plan { now, sweep } = plan(&there(kernel, prefix, what)?, &nothing());
    Ok([now, sweep].concat())
}

/// What there is to remove. What the kernel does not have is not there.
fn there(kernel: &Iptables, prefix: &str, what: Removal) -> Result<KernelState, KernelError> {
    let tables = kernel.saved(|tables| tables.ours_if_there("filter", prefix))?;
    let sets = match what {
        Removal::Rules => String::new(),
        Removal::RulesAndSets => {
            kernel.sets.save(&set_names(prefix)).or_else(nothing_if_not_supported)?
        }
    };
    Ok(KernelState::read(prefix, &tables, &sets))
}

/// The program that asks for nothing.
fn nothing() -> FilterProgram {
    FilterProgram { families: ByFamily::from_fn(FamilyProgram::nothing), notes: Vec::new() }
}
