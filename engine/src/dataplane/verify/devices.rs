//! The devices that rules tell apart, as numbers.

use std::collections::BTreeSet;

use super::super::program::{ChainKind, FamilyProgram, Match};
use super::super::wiring::{Interface, Wiring};
use super::reader::Trouble;
use super::space::Space;

/// What no device's name ends with: the name that stands for all others that begin so.
const OTHERS: char = '\0';

/// Names of devices, one for all of which rules say the same.
#[derive(Debug, Default)]
pub struct Devices {
    known: BTreeSet<Interface>,
    names: Vec<String>,
}

impl Devices {
    /// Those of which the wiring or a chain that all packets walk says something.
    pub fn new(program: &FamilyProgram, wiring: &Wiring) -> Self {
        let fixed = program.chains.values().filter(|chain| chain.kind == ChainKind::Fixed);
        let conditions = fixed.flat_map(|chain| &chain.rules).flat_map(|rule| &rule.matches);
        let asked = conditions.filter_map(|condition| match condition {
            Match::Enters(interface) | Match::Leaves(interface) => Some(interface),
            _ => None,
        });
        let known: BTreeSet<Interface> =
            wiring.pods.iter().chain(&wiring.forwarders).chain(asked).cloned().collect();
        // Which interfaces a name is one of depends on the longest one that it begins with.
        let named = known.iter().map(|interface| match interface.prefix() {
            Some(prefix) => format!("{prefix}{OTHERS}"),
            None => interface.as_str().to_owned(),
        });
        let names = named.chain([OTHERS.to_string()]).collect();
        Self { known, names }
    }

    /// All of them.
    pub fn all(&self) -> Space {
        Space::from_ranges((0..self.names.len() as u128).map(|number| (number, number)))
    }

    /// Those that are one of several interfaces.
    pub fn of(&self, interfaces: &[Interface]) -> Space {
        let named = self.names.iter().zip(0u128..);
        let within = named.filter(|(name, _)| interfaces.iter().any(|one| one.contains(name)));
        Space::from_ranges(within.map(|(_, number)| (number, number)))
    }

    /// Those that are an interface.
    ///
    /// # Errors
    /// If nothing is known of the interface: no name stands for its devices.
    pub fn space(&self, interface: &Interface) -> Result<Space, Trouble> {
        match self.known.contains(interface) {
            true => Ok(self.of(std::slice::from_ref(interface))),
            false => Err(format!("a rule asks for the device {interface} out of place")),
        }
    }
}
