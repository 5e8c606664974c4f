//! Ends that are alike on both sides, as sources or as destinations.

use rustc_hash::FxHashMap;

use super::joint::{Joint, JointId, Joints};
use super::side::Sided;
use super::types::{BySide, DiffSide};
use crate::manifest::Direction;
use crate::net::PortSet;
use crate::reach::ClassId;
use crate::report::list::members::Units;
use crate::report::list::part::sorted;
use crate::shared::{Id, Table};

/// Ends that are alike in a role on each side, and in what is asked of them.
pub struct Part {
    /// They, ascending.
    pub units: Vec<JointId>,
    /// Who speaks for them on each side; none if they are not there.
    pub speaker: BySide<Option<ClassId>>,
    /// Whether they are in focus.
    pub inside: bool,
    /// The ports that are asked for of each as a destination; none: any.
    pub ports: Option<PortSet>,
    /// Whether it is one that may reach something else than its like, on its node.
    pub is_host: bool,
}

/// The number of a [`Part`].
pub type PartId = Id<Part>;

/// The parts of one role.
#[derive(Default)]
pub struct Role {
    pub parts: Table<Part>,
    pub by_speaker: BySide<FxHashMap<ClassId, Vec<PartId>>>,
    pub of: Table<Option<PartId>, Joint>,
}

/// What makes ends one part.
#[derive(PartialEq, Eq, Hash)]
struct Alike {
    speaker: BySide<Option<ClassId>>,
    inside: bool,
    ports: Option<PortSet>,
    alone: Option<JointId>,
}

impl Role {
    /// The parts of all ends in a role (that of sources is egress); those that are not in a focus
    /// in this direction are left out.
    pub fn new(joints: &Joints, sides: &BySide<Sided<'_>>, direction: Direction) -> Self {
        let mut role = Self::default();
        let mut known: FxHashMap<Alike, PartId> = FxHashMap::default();
        let takes_outside = sides[DiffSide::New].focus.takes_outside(direction);
        for (id, joint) in joints.all.iter() {
            let alike = alike((id, joint), sides, direction);
            let part = (alike.inside || takes_outside).then(|| match known.get(&alike) {
                Some(part) => *part,
                None => {
                    let part = role.add(&alike);
                    known.insert(alike, part);
                    part
                }
            });
            role.of.push(part);
            let part = part.and_then(|part| role.parts.get_mut(part));
            part.into_iter().for_each(|part| part.units.push(id));
        }
        role
    }

    fn add(&mut self, alike: &Alike) -> PartId {
        let Alike { speaker, inside, ports, alone } = alike;
        let part = self.parts.push(Part {
            units: Vec::new(),
            speaker: *speaker,
            inside: *inside,
            ports: ports.clone(),
            is_host: alone.is_some(),
        });
        for (side, speaker) in speaker {
            if let Some(speaker) = speaker {
                self.by_speaker[side].entry(*speaker).or_default().push(part);
            }
        }
        part
    }

    /// The parts that a class speaks for.
    pub fn spoken_for(&self, side: DiffSide, speaker: ClassId) -> &[PartId] {
        self.by_speaker[side].get(&speaker).map_or(&[], Vec::as_slice)
    }

    /// All units of some parts.
    pub fn units(&self, parts: &[PartId]) -> Units<Joint> {
        let parts = parts.iter().filter_map(|id| self.parts.get(*id));
        sorted(parts.flat_map(|part| part.units.iter().copied()))
    }
}

fn alike((id, joint): (JointId, &Joint), sides: &BySide<Sided<'_>>, direction: Direction) -> Alike {
    let speaker =
        joint.unit.map(|side, unit| unit.and_then(|one| sides[side].reach.speaker(one, direction)));
    let is_host = || {
        let mut there = speaker.iter().filter_map(|(side, speaker)| Some((side, (*speaker)?)));
        there.any(|(side, speaker)| sides[side].reach.is_host(speaker))
    };
    let alone = (direction == Direction::Egress && is_host()).then_some(id);
    Alike {
        speaker,
        inside: is_inside(joint, sides),
        ports: match direction {
            Direction::Egress => None,
            Direction::Ingress => ports(joint, sides),
        },
        alone,
    }
}

/// Whether an end is in focus, on either side.
pub fn is_inside(joint: &Joint, sides: &BySide<Sided<'_>>) -> bool {
    joint.unit.iter().any(|(side, unit)| unit.is_some_and(|unit| sides[side].focus.is_inside(unit)))
}

/// The ports that are asked for of a destination, on either side; none: any.
pub fn ports(joint: &Joint, sides: &BySide<Sided<'_>>) -> Option<PortSet> {
    let of = |(side, unit): (DiffSide, &Option<_>)| sides[side].focus.ports((*unit)?);
    let both = joint.unit.iter().filter_map(of);
    both.fold(None, |all: Option<PortSet>, own| {
        Some(all.map_or_else(|| own.clone(), |all| all.union(own)))
    })
}
