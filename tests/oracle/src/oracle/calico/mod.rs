//! Calico's tiers: policies of Calico's, of Kubernetes and for all namespaces together, wherever a
//! cluster has anything of Calico's.
//!
//! A world of the oracle knows who the ends are. What only Calico asks for is completed here:
//! labels of ServiceAccounts and of the namespaces of sets, the source's port, and which protocol it
//! is where the question is about protocols without ports.

mod hosts;
mod item;
mod open;
mod packet;
mod place;
mod rule;
mod scene;
mod tiers;

pub use open::{asked_of_namespaces, values};
pub use packet::{Carried, Packet};
pub use rule::{applies, entity_matches, rule_matches, subject};
pub use scene::Maybe;

use super::rules::Outcomes;
use super::world::World;
use super::{Verdict, agreed};
use crate::cluster::{Cluster, Direction};
use scene::{Ends, scenes};

/// What may become of something in a world.
pub fn outcomes(cluster: &Cluster, world: &World, carried: Carried) -> Outcomes {
    let each = scenes(cluster, world, carried).into_iter();
    each.fold(Outcomes::default(), |sum, scene| sum.or(scene.outcomes(Ends::Both)))
}

/// What one end alone says of it.
pub fn end_outcomes(
    cluster: &Cluster,
    world: &World,
    (direction, carried): (Direction, Carried),
) -> Outcomes {
    let each = scenes(cluster, world, carried).into_iter();
    each.fold(Outcomes::default(), |sum, scene| sum.or(scene.outcomes(Ends::One(direction))))
}

/// Whether something passes in these worlds; none if there is no world.
pub fn verdict(cluster: &Cluster, worlds: &[World], carried: Carried) -> Option<Verdict> {
    agreed(worlds.iter().flat_map(|world| outcomes(cluster, world, carried).answers()))
}

/// What one end alone says in these worlds; none if there is no world.
pub fn end_verdict(
    cluster: &Cluster,
    worlds: &[World],
    (direction, carried): (Direction, Carried),
) -> Option<Verdict> {
    let each = worlds.iter().map(|world| end_outcomes(cluster, world, (direction, carried)));
    agreed(each.flat_map(Outcomes::answers))
}

/// Whether an answer is unknown if each rule that asks for the source's port, or for a protocol
/// without ports, may or may not match by itself, whatever others of the kind do.
pub fn is_open_apart(cluster: &Cluster, worlds: &[World], carried: Carried) -> bool {
    is_open(cluster, worlds, (Ends::Both, carried))
}

/// The same of one end alone.
pub fn is_end_open_apart(
    cluster: &Cluster,
    worlds: &[World],
    (direction, carried): (Direction, Carried),
) -> bool {
    is_open(cluster, worlds, (Ends::One(direction), carried))
}

fn is_open(cluster: &Cluster, worlds: &[World], (ends, carried): (Ends, Carried)) -> bool {
    let all = worlds.iter().flat_map(|world| scenes(cluster, world, carried));
    let answers = all.flat_map(|scene| scene.outcomes_apart(ends).answers());
    agreed(answers) == Some(Verdict::Unknown)
}
