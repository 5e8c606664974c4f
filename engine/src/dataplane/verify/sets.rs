//! What sets hold, read from the program alone.

use std::collections::BTreeMap;
use std::sync::Arc;

use rustc_hash::FxHashSet;

use super::super::joined::joined;
use super::super::program::{AddressSet, FamilyProgram, Members, PORT_SETS, SetName};
use super::named::{packets_at, without};
use super::packets::Packets;
use super::reader::Trouble;
use super::space::{self, Asked, Origin, Space};
use crate::net::{Family, PortSet, Protocol};

/// Addresses of a set: all, and by protocol and port.
#[derive(Debug)]
pub struct SetSpaces {
    /// The set.
    pub set: Arc<AddressSet>,
    addresses: Arc<Asked>,
    ports: Vec<((Protocol, u16), Arc<Asked>)>,
    /// Connections to its ports, whatever the address.
    pub numbers: Packets,
}

/// Sets that have been read before.
pub type KnownSets = BTreeMap<SetName, Arc<SetSpaces>>;

/// Sets that are not what they were.
#[derive(Debug, Default)]
pub struct SetChanges {
    /// All.
    pub all: FxHashSet<SetName>,
    /// Those that are gone, or that are no mere lists of addresses.
    pub other: FxHashSet<SetName>,
}

/// Reads the sets that have changed since they were read last.
///
/// # Errors
/// If a set cannot be read; what is known is not to be relied upon then.
pub fn follow_sets(known: &mut KnownSets, program: &FamilyProgram) -> Result<SetChanges, Trouble> {
    let mut changes = SetChanges::default();
    let other = joined(known, &program.sets).filter(|(_, known, now)| {
        !matches!((known, now), (Some(known), Some(now)) if Arc::ptr_eq(&known.set, now))
    });
    let other: Vec<SetName> = other.map(|(name, ..)| name.clone()).collect();
    for name in &other {
        let Some(set) = program.sets.get(name) else {
            known.remove(name);
            changes.all.insert(name.clone());
            changes.other.insert(name.clone());
            continue;
        };
        let before = known.get(name);
        let plain = |set: &AddressSet| matches!(set.members, Members::Addresses(_));
        if !plain(set) || !before.is_none_or(|before| plain(&before.set)) {
            changes.other.insert(name.clone());
        }
        changes.all.insert(name.clone());
        known.insert(name.clone(), Arc::new(read_set(set, program.family)?));
    }
    Ok(changes)
}

impl SetSpaces {
    /// The members, if they are but addresses.
    pub fn addresses(&self) -> &Arc<Asked> {
        &self.addresses
    }

    /// Packets to a port and from it, with the addresses that have it as a member.
    pub fn members(&self) -> impl Iterator<Item = (Packets, Packets, &Arc<Asked>)> {
        self.ports.iter().map(|(port, space)| {
            let (to, from) = packets_at(*port);
            (to, from, space)
        })
    }

    /// The addresses of members, and all others, each with packets to ports and from ports that are
    /// no members there.
    pub fn others(&self, family: Family) -> impl Iterator<Item = (Arc<Asked>, Packets, Packets)> {
        without(self.ports.iter().map(|(port, space)| (*port, space.space())), family)
    }
}

fn read_set(set: &Arc<AddressSet>, family: Family) -> Result<SetSpaces, Trouble> {
    let mut by_port: BTreeMap<(Protocol, u16), Vec<std::net::IpAddr>> = BTreeMap::new();
    let (mut strangers, mut numbers) = (0, Packets::none());
    let addresses = match &set.members {
        Members::Addresses(addresses) => {
            // They are ascending, one family after the other.
            let ends = addresses.first().into_iter().chain(addresses.last());
            strangers += ends.filter(|one| Family::of(**one) != family).count();
            Asked::of(Origin::Set(set.name.clone()), addresses.clone())
        }
        Members::Blocks(blocks) => {
            let spaces = blocks.iter().map(|block| space::of_cidr(*block, family));
            let spaces: Vec<Space> = spaces.collect();
            strangers += spaces.iter().filter(|space| space.is_empty()).count();
            let ranges = spaces.iter().flat_map(|space| space.ranges().iter().copied());
            Asked::fixed(Space::from_ranges(ranges))
        }
        Members::Ports(ports) => {
            strangers += ports.iter().filter(|one| Family::of(one.0) != family).count();
            for &(address, protocol, port) in ports {
                by_port.entry((protocol, port)).or_default().push(address);
            }
            Asked::fixed(Space::empty())
        }
        Members::Numbers(ports) => {
            let ports = PortSet::from_sorted(ports.iter().copied());
            PORT_SETS.into_iter().for_each(|protocol| numbers.add(protocol, &ports));
            Asked::fixed(Space::empty())
        }
    };
    if strangers > 0 {
        return Err(format!("set {} has members of the other family", set.name));
    }
    let ports = by_port.into_iter().map(|(port, addresses)| {
        (port, Asked::fixed(space::of_addresses(addresses.into_iter(), family)))
    });
    let ports = ports.collect();
    Ok(SetSpaces { set: set.clone(), addresses, ports, numbers })
}
