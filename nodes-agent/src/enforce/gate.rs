//! A gate for the time before an agent runs, such as after a boot: what comes from pods and goes to
//! them is denied until an agent knows who they are.

use portcullis_engine::dataplane::{Input, Settings, Wiring, lower, verify};
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
    if enforcer.held()?.tables.values().any(|table| !table.hooks.is_empty()) {
        return Ok(Gate::InForce);
    }
    let session = Session::new(Options::default());
    let (model, policies) = (session.model(), session.policies());
    let input = Input { model, policies, node: "", settings, wiring };
    let program = lower(input);
    verify(&program, input).map_err(EnforceError::Unproven)?;
    enforcer.apply(program)?;
    Ok(Gate::Closed)
}
