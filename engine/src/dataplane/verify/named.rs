//! Ports of addresses, as members of sets and as pods call theirs.

use std::sync::Arc;

use super::packets::Packets;
use super::space::{Asked, Space, everywhere};
use crate::net::{ConnSet, Family, PortSet, Protocol};

/// Packets to a port, and packets from it.
pub fn packets_at((protocol, port): (Protocol, u16)) -> (Packets, Packets) {
    let ports = PortSet::range(port, port);
    (Packets::of(protocol, ports.clone()), Packets::from(protocol, &ports))
}

/// All addresses, each with packets to ports and from ports that it does not have; those that have
/// the same together.
///
/// # Cost
/// Linear in the ports, times how many addresses have in common.
pub fn without<'s>(
    ports: impl Iterator<Item = ((Protocol, u16), &'s Space)>,
    family: Family,
) -> impl Iterator<Item = (Arc<Asked>, Packets, Packets)> {
    let mut pieces: Vec<(Space, ConnSet)> = vec![(everywhere(family), ConnSet::none())];
    for ((protocol, port), space) in ports {
        let mut next = Vec::with_capacity(pieces.len() + 1);
        for (piece, known) in pieces {
            let (inside, outside) = (piece.intersection(space), piece.difference(space));
            let mut more = known.clone();
            more.add(protocol, &PortSet::range(port, port));
            next.extend(
                [(inside, more), (outside, known)].into_iter().filter(|one| !one.0.is_empty()),
            );
        }
        pieces = next;
    }
    pieces.into_iter().map(|(space, known)| {
        let (to, from) = (Packets::to(&known).others(), Packets::from_ports(&known).others());
        (Asked::dependent(space), to, from)
    })
}
