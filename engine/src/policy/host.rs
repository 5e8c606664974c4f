//! Host endpoints, with their programs.
//!
//! What a host's own processes send and receive goes through one program: ports that stay open,
//! policies before connections are tracked, those before DNAT, all others, and profiles, which end
//! in denial. What only passes through the host has programs of its own.
//!
//! # Source
//! Calico §7, §10.

use std::net::IpAddr;
use std::sync::Arc;

use super::programs::Programs;
use super::{Considered, PolicyId, PolicySet, Program, ProgramId};
use crate::cluster::HostPlace;
use crate::manifest::calico::HostAction;
use crate::manifest::{ByDirection, Direction};

/// Host endpoints of a cluster, compiled.
#[derive(Clone, Debug, Default)]
pub struct HostSet {
    /// Host endpoints, sorted by name: of several for one interface the first one counts.
    pub(super) all: Vec<Arc<CompiledHost>>,
    /// Whether policies decide about what only passes through a host.
    pub(super) forwards: bool,
    /// Whether some of them stand before DNAT.
    pub(super) before_dnat: bool,
}

/// A host endpoint, compiled.
#[derive(Clone, Debug)]
pub struct CompiledHost {
    /// Which interfaces it is for, and what it says of them.
    pub place: HostPlace,
    /// What becomes of what a pod sends to this node, which is its own; none: nobody knows.
    pub to_host: Option<HostAction>,
    pub(super) local: ByDirection<Programs>,
    pub(super) before_dnat: Programs,
    pub(super) entering: Programs,
    pub(super) leaving: Programs,
    pub(super) untracked: ByDirection<Programs>,
    pub(super) replies: ByDirection<Programs>,
}

/// At which of a host's stages policies stand.
///
/// # Source
/// Calico §7.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum HostStage {
    /// Before connections are tracked (`doNotTrack`).
    Untracked,
    /// Before destinations are translated (`preDNAT`): rules see the original ones.
    BeforeDnat,
    /// Of what passes through the host (`applyOnForward`).
    Forward,
    /// Of what the host itself sends and receives.
    Local,
}

/// Which of a host endpoint's programs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HostProgram {
    /// What the host itself sends or receives goes through it.
    Local(Direction),
    /// What a pod sends to its own node goes through it, before what settings say of that.
    BeforeDnat,
    /// What comes in to pass through the host goes through it.
    Entering,
    /// What goes out after it has passed through the host goes through it.
    Leaving,
    /// It admits what the host sends or receives without that it is tracked.
    Untracked(Direction),
    /// It admits replies that pass without being tracked.
    Replies(Direction),
}

impl HostSet {
    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    /// All of them, by name.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<CompiledHost>> {
        self.all.iter()
    }

    /// Those of a node, by name.
    pub fn of_node<'h>(&'h self, node: &'h str) -> impl Iterator<Item = &'h CompiledHost> {
        self.all.iter().filter(move |host| *host.place.node == *node).map(|host| &**host)
    }

    /// Whether policies decide about what only passes through a host, to pods and from them.
    pub fn forwards(&self) -> bool {
        self.forwards
    }

    /// Whether policies see addresses before they are translated.
    pub fn is_before_dnat(&self) -> bool {
        self.before_dnat
    }

    /// The names of all ports of host endpoints, ascending.
    pub fn port_names(&self) -> Vec<Arc<str>> {
        let all = self.all.iter().flat_map(|host| host.place.port_names.iter().cloned());
        let mut all: Vec<Arc<str>> = all.collect();
        all.sort_unstable();
        all.dedup();
        all
    }

    /// Whether a host endpoint has a port of a name.
    pub fn names_port(&self, name: &str) -> bool {
        self.all.iter().any(|host| host.place.port_names.iter().any(|own| **own == *name))
    }
}

impl CompiledHost {
    /// The number of one of its programs, for policies that are considered so.
    pub fn program_id(&self, which: HostProgram, considered: Considered) -> ProgramId {
        let programs = match which {
            HostProgram::Local(direction) => self.local[direction],
            HostProgram::BeforeDnat => self.before_dnat,
            HostProgram::Entering => self.entering,
            HostProgram::Leaving => self.leaving,
            HostProgram::Untracked(direction) => self.untracked[direction],
            HostProgram::Replies(direction) => self.replies[direction],
        };
        programs.considering(considered)
    }

    /// All its programs.
    pub fn programs(&self) -> impl Iterator<Item = ProgramId> {
        let of_local = Direction::BOTH.map(|direction| self.local[direction]);
        let others = [self.before_dnat, self.entering, self.leaving];
        of_local.into_iter().chain(others).flat_map(Programs::both)
    }
}

impl PolicySet {
    /// The host endpoints.
    pub fn hosts(&self) -> &HostSet {
        &self.hosts
    }

    /// Addresses of a node, as far as the input has them.
    pub fn addresses_of(&self, node: &str) -> &[IpAddr] {
        let known = self.nodes.iter().find(|known| *known.name == *node);
        known.map_or(&[], |known| &known.addresses)
    }

    /// The policies that select host endpoints of a node, as they are written; ascending.
    ///
    /// # Cost
    /// Linear in the policies of their programs, and in all policies.
    pub fn selecting_host(&self, node: &str) -> Vec<PolicyId> {
        let programs = self.hosts.of_node(node).flat_map(CompiledHost::programs);
        let mut all: Vec<PolicyId> = programs
            .flat_map(|id| self.program(id).policies())
            .filter_map(|one| self.as_written(one.policy))
            .collect();
        all.sort_unstable();
        all.dedup();
        all
    }

    /// The policy that another one was made of for hosts, or itself; none for what is no policy,
    /// such as ports that stay open.
    pub fn as_written(&self, id: PolicyId) -> Option<PolicyId> {
        let policy = self.policy(id)?;
        if !policy.is_of_hosts {
            return Some(id);
        }
        let mut written = self.policies();
        written.find(|(_, one)| Arc::ptr_eq(&one.object, &policy.object)).map(|(id, _)| id)
    }

    /// A program of a host endpoint.
    pub fn host_program(&self, host: &CompiledHost, which: HostProgram) -> &Program {
        self.program(self.host_program_id(host, which))
    }

    /// Its number.
    pub fn host_program_id(&self, host: &CompiledHost, which: HostProgram) -> ProgramId {
        host.program_id(which, self.considered)
    }
}
