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
    enforcer.probe()?;
    let held = enforcer.held()?;
    let session = Session::new(Options::default());
    let (model, policies) = (session.model(), session.policies());
    let input = Input { model, policies, node: "", settings, wiring };
    let program = lower(input);
    verify(&program, input).map_err(EnforceError::Unproven)?;
    if is_in_force(&held, &super::enforceable(&program, &enforcer.missing())) {
        return Ok(Gate::InForce);
    }
    enforcer.apply(program)?;
    Ok(Gate::Closed)
}

/// Whether rules are in force wherever the gate's would be: an agent's have more chains, but are
/// entered at the same places. Hooks of one family alone, or that lead to nothing, close nothing;
/// a family that the kernel does not have needs none.
fn is_in_force(held: &KernelState, program: &FilterProgram) -> bool {
    program.families.iter().all(|(family, wanted)| {
        let table = &held.tables[family];
        wanted.hooks.iter().all(|hook| {
            let is_full = |chain: &ChainState| !chain.is_empty();
            table.hooks.contains_key(hook) && table.chains.get(&hook.to).is_some_and(is_full)
        })
    })
}

#[cfg(test)]
mod tests {
    use portcullis_engine::dataplane::{FamilyProgram, UNKNOWN_WIRING};
    use portcullis_engine::net::Family;

    use super::*;

    #[test]
    fn rules_are_in_force_where_every_hook_leads_to_some() {
        let session = Session::new(Options::default());
        let (model, policies) = (session.model(), session.policies());
        let (settings, wiring) = (&Settings::default(), &UNKNOWN_WIRING);
        let program = lower(Input { model, policies, node: "", settings, wiring });
        let whole = KernelState::of(&program);
        assert!(is_in_force(&whole, &program));
        assert!(!is_in_force(&KernelState::default(), &program));
        for family in Family::BOTH {
            let mut part = whole.clone();
            part.tables[family] = Default::default();
            assert!(!is_in_force(&part, &program), "{family} is open");
            let mut without = program.clone();
            without.families[family] = FamilyProgram::nothing(family);
            assert!(is_in_force(&part, &without), "the kernel has no {family}");
            let mut empty = whole.clone();
            let entered = program.families[family].hooks.first().unwrap().to.clone();
            empty.tables[family].chains.insert(entered, ChainState::Listed(Vec::new()));
            assert!(!is_in_force(&empty, &program), "{family} leads to nothing");
        }
    }
}
