//! Packets of an NFLOG group, from the kernel's netlink interface for it.

use std::os::fd::OwnedFd;

use rustix::io::Errno;
use rustix::net::netlink::{NETFILTER, SocketAddrNetlink};
use rustix::net::{
    AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType, bind, recv, send, socket_with,
};

/// A logged packet.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Logged {
    /// What the rule says.
    pub prefix: String,
    /// The beginning of the packet, from the IP header on.
    pub payload: Vec<u8>,
}

/// A subscription to a group.
#[derive(Debug)]
pub struct Socket {
    socket: OwnedFd,
}

/// The kernel's numbers (linux/netfilter/nfnetlink_log.h).
const SUBSYSTEM: u16 = 4 << 8;
const PACKET: u16 = SUBSYSTEM;
const CONFIGURE: u16 = SUBSYSTEM | 1;
const ERROR: u16 = 2;
const REQUEST_WITH_ANSWER: u16 = 1 | 4;
const COMMAND: u16 = 1;
const MODE: u16 = 2;
const TIMEOUT: u16 = 4;
const BIND: u8 = 1;
const COPY_PACKETS: u8 = 2;
const PAYLOAD: u16 = 9;
const PREFIX: u16 = 10;

/// How long the kernel keeps a packet for more to come, in hundredths of a second. By itself it would
/// be a whole second: policies may be others by then, and the line would tell of those.
const KEPT: u32 = 1;

/// How much of a packet is copied: an IPv6 header and ports, with room to spare.
const COPIED: u32 = 128;

impl Socket {
    /// Subscribes to a group.
    ///
    /// # Errors
    /// If the kernel refuses, as it does where somebody else has the group.
    pub fn open(group: u16) -> Result<Self, Errno> {
        let socket = socket_with(
            AddressFamily::NETLINK,
            SocketType::RAW,
            SocketFlags::CLOEXEC,
            Some(NETFILTER),
        )?;
        bind(&socket, &SocketAddrNetlink::new(0, 0))?;
        let socket = Self { socket };
        socket.configure(group, COMMAND, &[BIND])?;
        let [a, b, c, d] = COPIED.to_be_bytes();
        socket.configure(group, MODE, &[a, b, c, d, COPY_PACKETS, 0])?;
        socket.configure(group, TIMEOUT, &KEPT.to_be_bytes())?;
        Ok(socket)
    }

    /// Sends an attribute of a group and waits for the kernel's answer.
    fn configure(&self, group: u16, kind: u16, value: &[u8]) -> Result<(), Errno> {
        send(&self.socket, &request(group, kind, value), SendFlags::empty())?;
        loop {
            let mut buffer = vec![0; 65_536];
            let (length, _) = recv(&self.socket, &mut buffer, RecvFlags::empty())?;
            // Packets may come before the answer to a later request.
            for (kind, body) in messages(buffer.get(..length).unwrap_or_default()) {
                if kind == ERROR {
                    let code = body.first_chunk().map_or(0, |code| i32::from_ne_bytes(*code));
                    return match code {
                        0 => Ok(()),
                        code => Err(Errno::from_raw_os_error(-code)),
                    };
                }
            }
        }
    }

    /// Waits for packets.
    ///
    /// # Errors
    /// If some were lost, or the socket is of no more use.
    pub fn receive(&self) -> Result<Vec<Logged>, Errno> {
        let mut buffer = vec![0; 65_536];
        let (length, _) = loop {
            match recv(&self.socket, &mut buffer, RecvFlags::empty()) {
                Err(Errno::INTR) => {}
                other => break other?,
            }
        };
        let bodies = messages(buffer.get(..length).unwrap_or_default());
        Ok(bodies.filter(|(kind, _)| *kind == PACKET).map(|(_, body)| read_packet(body)).collect())
    }
}

/// Whether packets came faster than they were taken.
pub fn is_overrun(error: Errno) -> bool {
    error == Errno::NOBUFS
}

/// A message with one attribute: netlink's header, netfilter's, the attribute.
fn request(group: u16, kind: u16, value: &[u8]) -> Vec<u8> {
    let attribute = 4 + value.len();
    let padded = attribute.next_multiple_of(4);
    let mut bytes = Vec::with_capacity(20 + padded);
    bytes.extend(u32::try_from(20 + padded).unwrap_or_default().to_ne_bytes());
    bytes.extend(CONFIGURE.to_ne_bytes());
    bytes.extend(REQUEST_WITH_ANSWER.to_ne_bytes());
    bytes.extend([0; 8]);
    bytes.extend([0, 0]);
    bytes.extend(group.to_be_bytes());
    bytes.extend(u16::try_from(attribute).unwrap_or_default().to_ne_bytes());
    bytes.extend(kind.to_ne_bytes());
    bytes.extend(value);
    bytes.resize(20 + padded, 0);
    bytes
}

/// Kinds and bodies of the messages in a buffer.
fn messages(mut bytes: &[u8]) -> impl Iterator<Item = (u16, &[u8])> {
    std::iter::from_fn(move || {
        let length = u32::from_ne_bytes(*bytes.first_chunk()?);
        let length = usize::try_from(length).ok().filter(|length| *length >= 16)?;
        let kind = u16::from_ne_bytes(*bytes.get(4..)?.first_chunk()?);
        let body = bytes.get(16..length)?;
        bytes = bytes.get(length.next_multiple_of(4)..).unwrap_or_default();
        Some((kind, body))
    })
}

/// Kinds and values of attributes, which are laid out as messages are.
fn attributes(mut bytes: &[u8]) -> impl Iterator<Item = (u16, &[u8])> {
    std::iter::from_fn(move || {
        let length = usize::from(u16::from_ne_bytes(*bytes.first_chunk()?));
        let kind = u16::from_ne_bytes(*bytes.get(2..)?.first_chunk()?) & 0x3fff;
        let value = bytes.get(4..length)?;
        bytes = bytes.get(length.next_multiple_of(4)..).unwrap_or_default();
        Some((kind, value))
    })
}

fn read_packet(body: &[u8]) -> Logged {
    let mut logged = Logged::default();
    for (kind, value) in attributes(body.get(4..).unwrap_or_default()) {
        match kind {
            PAYLOAD => logged.payload = value.to_vec(),
            PREFIX => {
                let text = value.strip_suffix(&[0]).unwrap_or(value);
                logged.prefix = String::from_utf8_lossy(text).into_owned();
            }
            _ => {}
        }
    }
    logged
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packets_are_read() {
        let mut body = vec![0; 4];
        body.extend([9, 0, 10, 0, b'a', b'b', b'c', b'd', 0, 0, 0, 0]);
        body.extend([6, 0, 9, 0, 0x45, 7, 0, 0]);
        let mut bytes = u32::try_from(16 + body.len()).unwrap().to_ne_bytes().to_vec();
        bytes.extend(PACKET.to_ne_bytes());
        bytes.extend([0; 10]);
        bytes.extend(&body);
        let all: Vec<_> = messages(&bytes).collect();
        assert_eq!(all.len(), 1);
        let logged = read_packet(all[0].1);
        assert_eq!((logged.prefix.as_str(), &logged.payload[..]), ("abcd", &[0x45, 7][..]));
        assert_eq!(messages(&bytes[..10]).count(), 0);
    }

    #[test]
    fn requests_are_padded() {
        let bytes = request(5, COMMAND, &[BIND]);
        assert_eq!((bytes.len(), bytes[0]), (28, 28));
        assert_eq!(bytes[18..20], [0, 5]);
    }
}
