//! What packets there are, as far as it matters what must happen to them.

use super::super::packets::Packets;
use super::super::regions::Region;
use super::super::space::{Space, everywhere, number, of_cidr};
use super::Frame;
use crate::dataplane::lower::dhcp_request;
use crate::dataplane::program::PortMember;
use crate::dataplane::wiring::Wiring;
use crate::net::{Cidr, Family, PortSet, Protocol};

/// What packets there are.
impl Frame<'_, '_> {
    /// From or to addresses where local pods have theirs, less those that are known.
    pub(super) fn unknown(&self) -> [Region; 2] {
        let family = self.reader.program.family;
        let blocks = self.input.settings.unknown_local.iter().map(|block| match block {
            ipnet::IpNet::V4(net) => of_cidr(Cidr::V4(net.trunc()), family),
            ipnet::IpNet::V6(net) => of_cidr(Cidr::V6(net.trunc()), family),
        });
        let blocks = blocks.fold(Space::empty(), |all, one| all.union(&one));
        let unknown = blocks.difference(self.local);
        let (source, destination) = (unknown.clone(), unknown);
        [Region { source, ..self.all() }, Region { destination, ..self.all() }]
    }

    /// Devices that lead to pods.
    pub(super) fn pod_devices(&self) -> Space {
        let Wiring { pods, forwarders, .. } = self.input.wiring;
        self.reader.devices.of(pods).union(&self.reader.devices.of(forwarders))
    }

    /// Devices that lead to pods with addresses of their own only.
    pub(super) fn ends(&self) -> Space {
        let Wiring { pods, forwarders, .. } = self.input.wiring;
        // Without such a device nothing is said of forwarders either.
        self.reader.devices.of(pods).difference(&self.reader.devices.of(forwarders))
    }

    pub(super) fn foreign(&self) -> Space {
        everywhere(self.reader.program.family).difference(self.local)
    }

    pub(super) fn foreign_source(&self) -> Region {
        Region { enters: self.ends(), source: self.foreign(), ..self.all() }
    }

    pub(super) fn foreign_destination(&self) -> Region {
        Region { leaves: self.ends(), destination: self.foreign(), ..self.all() }
    }

    /// A pod that asks for an address.
    pub(super) fn dhcp(&self) -> Region {
        let family = self.reader.program.family;
        let (source, destination, port) = dhcp_request(family);
        let (source, destination) = (of_cidr(source, family), of_cidr(destination, family));
        let conns = Packets::of(Protocol::Udp, PortSet::range(port, port));
        let enters = self.reader.devices.of(&self.input.wiring.pods);
        Region { source, destination, conns, enters, ..self.all() }
    }

    /// To Services that the kernel itself forwards.
    pub(super) fn services(&self) -> Vec<Region> {
        let family = self.reader.program.family;
        let services = self.input.wiring.services.iter().flatten();
        let own = services.filter(|service| Family::of(service.0) == family);
        let region = |&(address, protocol, port): &PortMember| {
            let destination = Space::range(number(address), number(address));
            let conns = Packets::of(protocol, PortSet::range(port, port));
            Region { destination, conns, ..self.all() }
        };
        own.map(region).collect()
    }
}
