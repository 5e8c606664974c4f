//! What a sender is told of packets that do not pass, as it comes over the wire.

use std::net::IpAddr;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use socket2::Socket;

use super::sctp::{quoted_v4, quoted_v6, raw, receive};
use crate::Error;
use crate::host::Host;

/// An error of ICMP or ICMPv6 that says that a destination cannot be reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// Its type.
    pub kind: u8,
    /// Its code, which says why.
    pub code: u8,
    /// Where the packet went that it is about.
    pub to: IpAddr,
    /// That packet's destination port.
    pub port: u16,
}

/// Hears errors that come to an address.
#[derive(Debug)]
pub struct Refusals(Socket);

impl Refusals {
    /// Begins to listen on a host.
    ///
    /// # Errors
    /// If there can be no raw socket.
    pub fn listen(host: &Host, address: IpAddr) -> Result<Self, Error> {
        let protocol = if address.is_ipv6() { 58 } else { 1 };
        host.namespace.enter(|| {
            let what = format!("hearing ICMP at {address}");
            raw(address, protocol).map(Self).map_err(Error::while_doing(what))
        })
    }

    /// The next one, if one comes in time.
    pub fn next(&self, patience: Duration) -> Option<Refusal> {
        let until = Instant::now() + patience;
        while Instant::now() < until {
            let left = Timespec::try_from(until.saturating_duration_since(Instant::now())).ok();
            poll(&mut [PollFd::new(&self.0, PollFlags::IN)], left.as_ref()).ok()?;
            // Neighbours, too, are asked for by ICMPv6.
            if let Some(refusal) = receive(&self.0).and_then(|(bytes, from)| read(&bytes, from)) {
                return Some(refusal);
            }
        }
        None
    }
}

fn read(bytes: &[u8], from: IpAddr) -> Option<Refusal> {
    let (to, _, port) = if from.is_ipv6() { quoted_v6(bytes) } else { quoted_v4(bytes) }?;
    Some(Refusal { kind: *bytes.first()?, code: *bytes.get(1)?, to, port })
}
