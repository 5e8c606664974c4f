//! Packets of an NFLOG group, from the kernel's netlink interface for it.

use rustix::io::Errno;

use crate::kernel::netlink::{self, ANSWER, Head, Message, Request, messages};

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
pub struct Socket(netlink::Socket);

/// The kernel's numbers (linux/netfilter/nfnetlink_log.h).
const SUBSYSTEM: u16 = 4 << 8;
const PACKET: u16 = SUBSYSTEM;
const CONFIGURE: u16 = SUBSYSTEM | 1;
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
        let socket = Self(netlink::Socket::open()?);
        socket.configure(group, COMMAND, &[BIND])?;
        let [a, b, c, d] = COPIED.to_be_bytes();
        socket.configure(group, MODE, &[a, b, c, d, COPY_PACKETS, 0])?;
        socket.configure(group, TIMEOUT, &KEPT.to_be_bytes())?;
        Ok(socket)
    }

    /// Sends an attribute of a group and waits for the kernel's answer.
    fn configure(&self, resource: u16, kind: u16, value: &[u8]) -> Result<(), Errno> {
        let head = Head { kind: CONFIGURE, flags: ANSWER, sequence: 0, family: 0, resource };
        self.0.send(&Request::new(head).with(kind, value).bytes())?;
        let mut buffer = vec![0; netlink::BUFFER];
        loop {
            // Packets may come before the answer to a later request.
            let ends = messages(self.0.receive(&mut buffer)?).find_map(|message| message.end());
            if let Some(end) = ends {
                return end;
            }
        }
    }

    /// Waits for packets.
    ///
    /// # Errors
    /// If some were lost, or the socket is of no more use.
    pub fn receive(&self) -> Result<Vec<Logged>, Errno> {
        let mut buffer = vec![0; netlink::BUFFER];
        let packets = messages(self.0.receive(&mut buffer)?);
        Ok(packets.filter(|message| message.kind == PACKET).map(read_packet).collect())
    }
}

/// Whether packets came faster than they were taken.
pub fn is_overrun(error: Errno) -> bool {
    error == Errno::NOBUFS
}

fn read_packet(message: Message<'_>) -> Logged {
    let mut logged = Logged::default();
    for (kind, value) in message.attributes() {
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
        let head = Head { kind: PACKET, flags: 0, sequence: 0, family: 2, resource: 1 };
        let bytes = Request::new(head).with(PREFIX, b"abcd\0").with(PAYLOAD, &[0x45, 7]).bytes();
        let logged = read_packet(messages(&bytes).next().unwrap());
        assert_eq!((logged.prefix.as_str(), &logged.payload[..]), ("abcd", &[0x45, 7][..]));
    }
}
