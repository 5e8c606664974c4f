//! Removing all of ours from a kernel.

use std::collections::BTreeMap;
use std::sync::Arc;

use portcullis_engine::dataplane::{FamilyProgram, FilterProgram, KernelState, Plan, plan};
use portcullis_engine::net::ByFamily;

use super::{SpoofGuard, audit, carry_out};
use crate::kernel::{Kernel, KernelError};

/// Removes all that begins with a prefix from a kernel's tables, and, if it is said, its sets;
/// whether there was anything. Sets are those of both backends, and can only go when no rule asks
/// for them.
///
/// # Errors
/// If a tool fails.
pub fn remove(kernel: &Kernel, prefix: &str, sets: Sets) -> Result<bool, KernelError> {
    let state = there(kernel, prefix, sets)?;
    let guarded = SpoofGuard::default().ensure(kernel, prefix)?;
    let Plan { now, sweep } = plan(&state, &nothing());
    let steps = [now, sweep].concat();
    carry_out(kernel, Arc::new(state), &steps)?;
    Ok(guarded || !steps.is_empty())
}

/// What there is to remove. What the kernel does not have is not there.
fn there(kernel: &Kernel, prefix: &str, sets: Sets) -> Result<KernelState, KernelError> {
    let tables = kernel.of_each(|tables| tables.save_if_there("filter"))?;
    let sets = match sets {
        Sets::Stay => String::new(),
        Sets::Go => kernel
            .sets
            .save(&audit::set_names(prefix))
            .or_else(KernelError::nothing_if_not_supported)?,
    };
    Ok(KernelState::read(prefix, &tables, &sets))
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
    let families = ByFamily::from_fn(|family| FamilyProgram {
        family,
        hooks: Vec::new(),
        chains: BTreeMap::new(),
        sets: BTreeMap::new(),
        classes: BTreeMap::new(),
        local: "".into(),
    });
    FilterProgram { families, notes: Vec::new() }
}
