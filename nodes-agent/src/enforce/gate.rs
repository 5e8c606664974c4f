//! A gate for the time before an agent runs, such as after a boot: what comes from pods and goes to
//! them is denied until an agent knows who they are.

use portcullis_engine::dataplane::{
    ChainState, FilterProgram, Input, KernelState, Settings, Wiring, lower, verify,
};
use portcullis_engine::{Options, Session};

use super::{EnforceError, Enforcer};
use crate::kernel::PacketFilter;

/// What became of closing a gate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Gate {
    /// It is closed.
    Closed,
    /// Rules are in force, which an agent has written: they are left as they are.
    InForce,
}

/// Writes a program that knows no pod: addresses of the settings' blocks, and whatever comes in or
/// goes out at pods' devices, are denied. An agent that starts writes what differs from it.
///
/// # Errors
/// If the program cannot be proven right, or a tool fails.
pub fn close(
    filter: impl PacketFilter + 'static,
    settings: &Settings,
    wiring: &Wiring,
) -> Result<Gate, EnforceError> {
    let mut enforcer = Enforcer::new(filter, &settings.prefix);
    let held = enforcer.held()?;
    let session = Session::new(Options::default());
    let (model, policies) = (session.model(), session.policies());
    let input = Input { model, policies, node: "", settings, wiring };
    let program = lower(input);
    verify(&program, input).map_err(EnforceError::Unproven)?;
    if is_in_force(&held, &program) {
        return Ok(Gate::InForce);
    }
    enforcer.apply(program)?;
    Ok(Gate::Closed)
}

/// Whether rules are in force wherever the gate's would be: an agent's have more chains, but are
/// entered at the same places. Hooks of one family alone, or that lead to nothing, close nothing.
fn is_in_force(held: &KernelState, program: &FilterProgram) -> bool {
    program.families.iter().all(|(family, wanted)| {
        let table = &held.tables[family];
        wanted.hooks.iter().all(|hook| {
            let is_full = |chain: &ChainState| !chain.is_empty();
            table.hooks.contains_key(hook) && table.chains.get(&hook.to).is_some_and(is_full)
        })
    })
}
