//! Headers of logged packets.

use std::net::IpAddr;

use portcullis_engine::net::Protocol;
use serde::Serialize;

/// What a log tells of a packet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Headers {
    /// Source address.
    pub from: IpAddr,
    /// Destination address.
    pub to: IpAddr,
    /// Protocol, of those that policies name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub protocol: Option<Protocol>,
    /// Source port.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from_port: Option<u16>,
    /// Destination port.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub to_port: Option<u16>,
}

impl Headers {
    /// Headers at the beginning of an IP packet; none if it is none, or cut off too early.
    pub fn read(packet: &[u8]) -> Option<Self> {
        let (from, to, protocol, rest) = match packet.first()? >> 4 {
            4 => read_v4(packet)?,
            6 => read_v6(packet)?,
            _ => return None,
        };
        let protocol = match protocol {
            6 => Some(Protocol::Tcp),
            17 => Some(Protocol::Udp),
            132 => Some(Protocol::Sctp),
            _ => None,
        };
        let port = |at: usize| {
            let bytes = rest.get(at..at + 2).filter(|_| protocol.is_some())?;
            bytes.try_into().ok().map(u16::from_be_bytes)
        };
        Some(Self { from, to, protocol, from_port: port(0), to_port: port(2) })
    }
}

/// Addresses, the number of the protocol, and what follows the header.
type Read<'p> = (IpAddr, IpAddr, u8, &'p [u8]);

fn read_v4(packet: &[u8]) -> Option<Read<'_>> {
    let address = |at: usize| {
        let bytes: [u8; 4] = packet.get(at..at + 4)?.try_into().ok()?;
        Some(IpAddr::from(bytes))
    };
    let length = usize::from(packet.first()? & 15) * 4;
    Some((address(12)?, address(16)?, *packet.get(9)?, packet.get(length..)?))
}

/// Packets with extension headers are shown without protocol and ports.
fn read_v6(packet: &[u8]) -> Option<Read<'_>> {
    let address = |at: usize| {
        let bytes: [u8; 16] = packet.get(at..at + 16)?.try_into().ok()?;
        Some(IpAddr::from(bytes))
    };
    Some((address(8)?, address(24)?, *packet.get(6)?, packet.get(40..)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_are_read_in_both_families() {
        let mut v4 = vec![0_u8; 20];
        v4[0] = 0x45;
        v4[9] = 6;
        v4[12..20].copy_from_slice(&[10, 0, 0, 1, 10, 0, 0, 2]);
        v4.extend([0x12, 0x34, 0, 80]);
        let headers = Headers::read(&v4).unwrap();
        assert_eq!(headers.to.to_string(), "10.0.0.2");
        assert_eq!((headers.from_port, headers.to_port), (Some(0x1234), Some(80)));
        let mut v6 = vec![0_u8; 40];
        v6[0] = 0x60;
        v6[6] = 58;
        v6[39] = 7;
        let headers = Headers::read(&v6).unwrap();
        assert_eq!(headers.to.to_string(), "::7");
        assert_eq!((headers.protocol, headers.to_port), (None, None));
        assert_eq!(Headers::read(&v4[..12]), None);
        assert_eq!(Headers::read(&[]), None);
    }
}
