//! Units that are listed together, as sources or as destinations.

use rustc_hash::FxHashMap;

use super::focus::Focus;
use super::members::Units;
use crate::manifest::Direction;
use crate::net::PortSet;
use crate::reach::{ClassId, Reach, Unit, UnitId};
use crate::shared::{Id, Table};

/// Units that are alike in a role and in focus, or that are not in it.
pub struct Part {
    /// Its units, ascending.
    pub units: Vec<UnitId>,
    /// Whether they are in focus.
    pub inside: bool,
    /// The ports that are asked for of each of them as a destination; none: any.
    pub ports: Option<PortSet>,
}

/// The number of a [`Part`].
pub type PartId = Id<Part>;

/// The parts of one role.
#[derive(Default)]
pub struct Side {
    /// All of them.
    pub parts: Table<Part>,
    /// By who speaks for their units.
    pub by_speaker: FxHashMap<ClassId, Vec<PartId>>,
    /// By unit.
    pub of: Table<Option<PartId>, Unit>,
}

impl Side {
    /// Parts of all units in a role (that of sources is egress); those that are not in a focus in
    /// this direction are left out.
    pub fn new(reach: &Reach<'_>, focus: &Focus, direction: Direction) -> Self {
        let mut side = Self { of: Table::filled(None, reach.units().len()), ..Self::default() };
        let speakers = match direction {
            Direction::Egress => reach.sources(),
            Direction::Ingress => reach.destinations(),
        };
        for speaker in speakers {
            let (units, single) = match direction {
                Direction::Egress => (reach.units_from(speaker), reach.is_host(speaker)),
                Direction::Ingress => (reach.units_to(speaker), false),
            };
            let (inside, outside): (Vec<_>, Vec<_>) =
                units.iter().partition(|unit| focus.is_inside(**unit));
            side.add_all((speaker, true), &inside, (focus, direction, single));
            if focus.takes_outside(direction) {
                side.add_all((speaker, false), &outside, (focus, direction, single));
            }
        }
        side
    }

    /// Adds units, those as one part of which the same ports are asked for.
    fn add_all(
        &mut self,
        of: (ClassId, bool),
        units: &[UnitId],
        (focus, direction, single): (&Focus, Direction, bool),
    ) {
        let ports = |unit: UnitId| match direction {
            Direction::Egress => None,
            Direction::Ingress => focus.ports(unit).cloned(),
        };
        let mut by_ports: Vec<(Option<PortSet>, Vec<UnitId>)> = Vec::new();
        for unit in units {
            let ports = ports(*unit);
            match by_ports.iter_mut().find(|(known, _)| *known == ports) {
                Some((_, alike)) => alike.push(*unit),
                None => by_ports.push((ports, vec![*unit])),
            }
        }
        by_ports.into_iter().for_each(|(ports, units)| self.add(of, (&units, ports), single));
    }

    /// Adds units as one part, or each as one of its own.
    fn add(
        &mut self,
        (speaker, inside): (ClassId, bool),
        (units, ports): (&[UnitId], Option<PortSet>),
        single: bool,
    ) {
        let size = if single { 1 } else { units.len().max(1) };
        for units in units.chunks(size) {
            let ports = ports.clone();
            let part = self.parts.push(Part { units: units.to_vec(), inside, ports });
            self.by_speaker.entry(speaker).or_default().push(part);
            for unit in units {
                self.of.get_mut(*unit).into_iter().for_each(|of| *of = Some(part));
            }
        }
    }

    /// All units of some parts.
    pub fn units(&self, parts: &[PartId]) -> Units {
        sorted(
            parts.iter().filter_map(|id| self.parts.get(*id)).flat_map(|part| part.units.clone()),
        )
    }
}

/// Units in order.
pub fn sorted<U>(units: impl Iterator<Item = Id<U>>) -> Units<U> {
    let mut units: Vec<Id<U>> = units.collect();
    units.sort_unstable();
    units.into()
}
