//! What pods may never send, whatever policies say: packets with addresses of others, and frames
//! for the node's own tunnels, which would come out there as packets of anybody.
//!
//! It is dropped where it comes in, before anything else sees it, also on connections that are
//! established. It depends on no policy and is no part of the program: it only drops what the
//! program would take for somebody else's.

use portcullis_engine::dataplane::Interface;

/// Ports at which tunnels take frames from anybody: VXLAN (its own, and Linux's), Geneve.
pub const OPEN_TUNNELS: [u16; 3] = [4789, 6081, 8472];

/// Ports of the node's own WireGuard devices, by the networks that make them. Elsewhere pods may
/// be at the end of such a tunnel.
pub const OWN_TUNNELS: [u16; 3] = [51820, 51821, 51871];

/// Protocols that carry packets: IPv4, IPv6, GRE.
pub const CARRIERS: [u8; 3] = [4, 41, 47];

/// A guard; by default, none.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Guard {
    /// Interfaces at which packets are dropped that come from an address to which the node would
    /// send elsewhere. The kernel's routes say where, so that nothing is to be kept up to date.
    pub spoofing: Vec<Interface>,
    /// Interfaces at which nothing comes in for tunnels.
    pub tunnels: Vec<Interface>,
    /// Interfaces of which the others do not hold.
    pub exempt: Vec<Interface>,
}

impl Guard {
    /// Whether there is one.
    pub fn is_on(&self) -> bool {
        !(self.spoofing.is_empty() && self.tunnels.is_empty())
    }
}
