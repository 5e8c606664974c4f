//! What a list names at the ends of its lines, whoever they are units of.
//!
//! A list names the units of one reach, a difference of two lists those that two have in common.

use std::sync::Arc;

use super::endpoint::unit_ids;
use crate::net::AddrSet;
use crate::reach::{Reach, Unit, UnitKind};
use crate::shared::{Id, Table};

/// Some units of a kind: numbers, ascending.
pub type Units<U = Unit> = Arc<[Id<U>]>;

/// An end of lines.
#[derive(Clone, Debug)]
pub struct Member {
    /// Unique: `shop/web[Deployment]`, `10.0.0.0-10.255.255.255`.
    pub id: Arc<str>,
    /// What it is.
    pub kind: MemberKind,
}

/// What an end of lines is.
#[derive(Clone, Debug)]
pub enum MemberKind {
    /// Addresses outside: one range.
    Outside(AddrSet),
    /// A workload, or a part of one.
    Workload {
        /// The name of its namespace.
        namespace: Arc<str>,
        /// A number that all parts of the workload have.
        workload: u32,
    },
}

impl Member {
    /// Whether it is of pods, rather than addresses outside.
    pub fn is_workload(&self) -> bool {
        matches!(self.kind, MemberKind::Workload { .. })
    }

    /// The namespace of a workload.
    pub fn namespace(&self) -> Option<&Arc<str>> {
        match &self.kind {
            MemberKind::Workload { namespace, .. } => Some(namespace),
            MemberKind::Outside(_) => None,
        }
    }

    /// The number of a workload.
    pub fn workload(&self) -> Option<u32> {
        match &self.kind {
            MemberKind::Workload { workload, .. } => Some(*workload),
            MemberKind::Outside(_) => None,
        }
    }
}

/// The units of a reach.
pub fn of_reach(reach: &Reach<'_>) -> Table<Member, Unit> {
    let model = reach.model();
    let ids = unit_ids(model, reach.units());
    let kind = |unit: &Unit| match &unit.kind {
        UnitKind::Outside(_, addresses) => MemberKind::Outside(addresses.clone()),
        UnitKind::Workload { workload, .. } => MemberKind::Workload {
            namespace: namespace_of(reach, *workload),
            workload: workload.number(),
        },
    };
    let units = reach.units().values().zip(ids.values());
    units.map(|(unit, id)| Member { id: id.clone(), kind: kind(unit) }).collect()
}

fn namespace_of(reach: &Reach<'_>, workload: crate::cluster::WorkloadId) -> Arc<str> {
    let workload = reach.model().workloads.get(workload);
    let namespace = workload.and_then(|one| reach.model().namespaces.get(one.namespace));
    namespace.map_or_else(|| "".into(), |namespace| namespace.name.clone())
}
