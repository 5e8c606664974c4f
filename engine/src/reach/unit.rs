//! What is listed: workloads, or the groups of them that policies tell apart, and addresses.

use rustc_hash::FxHashMap;

use super::class::{ClassId, ClassKind, Classes};
use crate::cluster::{ClusterModel, EndpointId, WorkloadId};
use crate::net::{AddrSet, Family};
use crate::shared::{Id, Table};

/// The number of a [`Unit`].
pub type UnitId = Id<Unit>;

/// One line's end.
#[derive(Clone, Debug)]
pub struct Unit {
    /// What it is.
    pub kind: UnitKind,
    /// Its class.
    pub class: ClassId,
}

impl Unit {
    /// Whether it is of pods, rather than addresses outside.
    pub fn is_workload(&self) -> bool {
        matches!(self.kind, UnitKind::Workload { .. })
    }
}

/// What a unit is.
#[derive(Clone, Debug)]
pub enum UnitKind {
    /// Outside addresses: one range.
    Outside(Family, AddrSet),
    /// Endpoints of one workload that policies do not tell apart.
    Workload {
        /// The workload's index.
        workload: WorkloadId,
        /// Its endpoints of this class, ascending; at least one.
        endpoints: Vec<EndpointId>,
        /// Whether the workload has other units.
        part: bool,
    },
}

/// All units in order.
pub fn units(model: &ClusterModel, classes: &Classes) -> Table<Unit> {
    let mut units: Vec<Unit> = Vec::new();
    let mut class_of: FxHashMap<EndpointId, ClassId> = FxHashMap::default();
    for (class, info) in classes.iter() {
        match &info.kind {
            ClassKind::Outside(family, pieces) => units.extend(pieces.iter().map(|addresses| {
                Unit { kind: UnitKind::Outside(*family, addresses.clone()), class }
            })),
            ClassKind::Endpoints(endpoints) => {
                class_of.extend(endpoints.iter().map(|endpoint| (*endpoint, class)));
            }
        }
    }
    units.sort_by_key(|unit| match &unit.kind {
        UnitKind::Outside(family, addresses) => Some((*family, addresses.first())),
        UnitKind::Workload { .. } => None,
    });
    for (workload, _) in model.workloads.iter() {
        add_workload(&mut units, workload, model.endpoints_of(workload), &class_of);
    }
    units.into_iter().collect()
}

fn add_workload(
    units: &mut Vec<Unit>,
    workload: WorkloadId,
    endpoints: impl Iterator<Item = EndpointId>,
    class_of: &FxHashMap<EndpointId, ClassId>,
) {
    let mut parts: Vec<(ClassId, Vec<EndpointId>)> = Vec::new();
    for endpoint in endpoints {
        let Some(&class) = class_of.get(&endpoint) else {
            continue;
        };
        match parts.iter_mut().find(|(known, _)| *known == class) {
            Some((_, list)) => list.push(endpoint),
            None => parts.push((class, vec![endpoint])),
        }
    }
    let part = parts.len() > 1;
    units.extend(parts.into_iter().map(|(class, endpoints)| Unit {
        kind: UnitKind::Workload { workload, endpoints, part },
        class,
    }));
}
