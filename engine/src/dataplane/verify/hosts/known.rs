//! What was right of hosts before, and what that hangs on.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::super::reader::{Trouble, asked_sets};
use super::super::space::Space;
use super::{Hosts, roots};
use crate::dataplane::bound::Bound;
use crate::dataplane::program::{Action, AddressSet, Chain, ChainName};
use crate::dataplane::wiring::Wiring;
use crate::manifest::Direction;
use crate::policy::{CompiledPolicy, HostProgram, ProgramId};

/// What was right, and what that hangs on.
#[derive(Debug)]
pub struct KnownHosts {
    chains: Vec<Arc<Chain>>,
    sets: Vec<Arc<AddressSet>>,
    policies: Vec<Arc<CompiledPolicy>>,
    programs: Vec<ProgramId>,
    wiring: Wiring,
    local: Arc<Space>,
}

impl Hosts<'_, '_, '_> {
    /// What a proof hangs on; none if it hangs on who is where.
    pub(super) fn known(&self, bound: &Bound<'_>) -> Result<Option<KnownHosts>, Trouble> {
        let policies = self.input.policies;
        let endpoints = bound.own.iter().map(|(_, endpoint)| *endpoint).chain(bound.for_all);
        let programs: Vec<ProgramId> = endpoints
            .flat_map(|endpoint| {
                [
                    HostProgram::Entering,
                    HostProgram::Leaving,
                    HostProgram::BeforeDnat,
                    HostProgram::Local(Direction::Ingress),
                    HostProgram::Local(Direction::Egress),
                ]
                .map(|which| policies.host_program_id(endpoint, which))
            })
            .collect();
        let of = |id: &ProgramId| policies.policies_of(*id).map(|(_, policy)| Arc::clone(policy));
        let all: Vec<Arc<CompiledPolicy>> = programs.iter().flat_map(of).collect();
        let asks = |policy: &Arc<CompiledPolicy>| {
            let rules = Direction::BOTH.into_iter().filter_map(|direction| policy.rules(direction));
            { rules }
                .flatten()
                .any(|rule| rule.sets().next().is_some() || rule.named_ports().next().is_some())
        };
        if all.iter().any(asks) {
            return Ok(None);
        }
        let (mut chains, mut sets): (BTreeMap<ChainName, Arc<Chain>>, BTreeMap<_, _>) =
            Default::default();
        let mut names: Vec<ChainName> = roots(self.input).to_vec();
        while let Some(name) = names.pop() {
            if chains.contains_key(&name) {
                continue;
            }
            let chain = self.reader.chain(&name)?;
            for set in asked_sets(chain) {
                if let Some(known) = self.reader.program.sets.get(set) {
                    sets.insert(set.clone(), Arc::clone(known));
                }
            }
            names.extend(chain.rules.iter().filter_map(|rule| match &rule.action {
                Action::Jump(to) | Action::Goto(to) => Some(to.clone()),
                _ => None,
            }));
            chains.insert(name, Arc::clone(chain));
        }
        Ok(Some(KnownHosts {
            chains: chains.into_values().collect(),
            sets: sets.into_values().collect(),
            policies: all,
            programs,
            wiring: self.input.wiring.clone(),
            local: Arc::clone(self.local),
        }))
    }
}

impl KnownHosts {
    /// Whether nothing is otherwise now.
    pub fn is(&self, now: &Self) -> bool {
        fn same<T>(one: &[Arc<T>], other: &[Arc<T>]) -> bool {
            one.len() == other.len() && one.iter().zip(other).all(|(a, b)| Arc::ptr_eq(a, b))
        }
        same(&self.chains, &now.chains)
            && same(&self.sets, &now.sets)
            && same(&self.policies, &now.policies)
            && self.programs == now.programs
            && self.wiring == now.wiring
            && self.local == now.local
    }
}
