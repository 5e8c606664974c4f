//! Netlink as netfilter speaks it: sockets, messages and their attributes.

use std::os::fd::OwnedFd;
use std::time::Duration;

use rustix::io::Errno;
use rustix::net::netlink::{NETFILTER, SocketAddrNetlink};
use rustix::net::sockopt::{Timeout, set_socket_timeout};
use rustix::net::{
    AddressFamily, Protocol, RecvFlags, SendFlags, SocketFlags, SocketType, bind, recv, send,
    socket_with,
};

/// As much as the kernel ever sends at once, and more.
pub const BUFFER: usize = 65_536;

/// Flags of requests.
pub const REQUEST: u16 = 0x1;
/// The kernel is to answer also if nothing went wrong.
pub const ANSWER: u16 = 0x4;
/// All that there is of something.
pub const DUMP: u16 = 0x300;

/// Kinds of messages that every part of netlink has.
const ERROR: u16 = 2;
const DONE: u16 = 3;

/// Lengths of headers: netlink's, and with netfilter's behind it.
const HEADER: usize = 16;
const HEADERS: usize = 20;

/// In the kind of an attribute: that it holds attributes.
const NESTED: u16 = 0x8000;
const KIND: u16 = 0x3fff;

/// A connection with netfilter in the kernel.
#[derive(Debug)]
pub struct Socket(OwnedFd);

impl Socket {
    /// One of which nothing was asked yet.
    ///
    /// # Errors
    /// If the kernel has no netfilter, or the process has no more files.
    pub fn open() -> Result<Self, Errno> {
        Self::of(Some(NETFILTER))
    }

    /// One to the part that has links and their addresses.
    ///
    /// # Errors
    /// If the process has no more files.
    pub fn of_routes() -> Result<Self, Errno> {
        // Its number is zero.
        Self::of(None)
    }

    fn of(part: Option<Protocol>) -> Result<Self, Errno> {
        let (family, kind) = (AddressFamily::NETLINK, SocketType::RAW);
        let socket = socket_with(family, kind, SocketFlags::CLOEXEC, part)?;
        bind(&socket, &SocketAddrNetlink::new(0, 0))?;
        Ok(Self(socket))
    }

    /// With a limit to how long the kernel may take for an answer.
    ///
    /// # Errors
    /// If the kernel refuses.
    pub fn patient(self, limit: Duration) -> Result<Self, Errno> {
        set_socket_timeout(&self.0, Timeout::Recv, Some(limit))?;
        Ok(self)
    }

    /// Sends requests.
    ///
    /// # Errors
    /// If the kernel does not take them.
    pub fn send(&self, requests: &[u8]) -> Result<(), Errno> {
        send(&self.0, requests, SendFlags::empty()).map(|_| ())
    }

    /// Waits for messages.
    ///
    /// # Errors
    /// If some were lost, none comes in time, or the socket is of no more use.
    pub fn receive<'b>(&self, buffer: &'b mut [u8]) -> Result<&'b [u8], Errno> {
        let length = loop {
            match recv(&self.0, &mut *buffer, RecvFlags::empty()) {
                Err(Errno::INTR) => {}
                received => break received?.0,
            }
        };
        Ok(buffer.get(..length).unwrap_or_default())
    }
}

/// A request as it is being written.
#[derive(Debug)]
pub struct Request(Vec<u8>);

/// What a request begins with.
#[derive(Clone, Copy, Debug)]
pub struct Head {
    /// Subsystem and command.
    pub kind: u16,
    /// Flags.
    pub flags: u16,
    /// By which answers are known.
    pub sequence: u32,
    /// Number of the family; zero for any.
    pub family: u8,
    /// What the subsystem takes it for.
    pub resource: u16,
}

impl Request {
    /// One without attributes.
    pub fn new(head: Head) -> Self {
        let mut bytes = vec![0; 4];
        bytes.extend(head.kind.to_ne_bytes());
        bytes.extend((head.flags | REQUEST).to_ne_bytes());
        bytes.extend(head.sequence.to_ne_bytes());
        bytes.extend([0; 4]);
        bytes.extend([head.family, 0]);
        bytes.extend(head.resource.to_be_bytes());
        Self(bytes)
    }

    /// With a further attribute.
    #[must_use]
    pub fn with(mut self, kind: u16, value: &[u8]) -> Self {
        let length = u16::try_from(4 + value.len()).unwrap_or_default();
        self.0.extend(length.to_ne_bytes());
        self.0.extend(kind.to_ne_bytes());
        self.0.extend(value);
        self.0.resize(self.0.len().next_multiple_of(4), 0);
        self
    }

    /// With a further attribute that holds attributes, as bytes.
    #[must_use]
    pub fn with_nested(self, kind: u16, attributes: &[u8]) -> Self {
        self.with(kind | NESTED, attributes)
    }

    /// The request as it is sent.
    pub fn bytes(mut self) -> Vec<u8> {
        let length = u32::try_from(self.0.len()).unwrap_or_default();
        for (byte, written) in self.0.iter_mut().zip(length.to_ne_bytes()) {
            *byte = written;
        }
        self.0
    }
}

/// What the kernel sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Message<'b> {
    /// Subsystem and command.
    pub kind: u16,
    /// Of the request that it answers.
    pub sequence: u32,
    body: &'b [u8],
}

impl<'b> Message<'b> {
    /// Whether it ends the answer to its request, and how: none if it does not.
    pub fn end(&self) -> Option<Result<(), Errno>> {
        if !matches!(self.kind, ERROR | DONE) {
            return None;
        }
        let code = self.body.first_chunk().map_or(0, |code| i32::from_ne_bytes(*code));
        Some(if code == 0 { Ok(()) } else { Err(Errno::from_raw_os_error(-code)) })
    }

    /// All that it says.
    pub fn body(&self) -> &'b [u8] {
        self.body
    }

    /// What it says, behind the header of netfilter.
    pub fn attributes(&self) -> impl Iterator<Item = (u16, &'b [u8])> + use<'b> {
        attributes(self.body.get(HEADERS - HEADER..).unwrap_or_default())
    }
}

/// The messages in a buffer.
pub fn messages(mut bytes: &[u8]) -> impl Iterator<Item = Message<'_>> {
    std::iter::from_fn(move || {
        let length = u32::from_ne_bytes(*bytes.first_chunk()?);
        let length = usize::try_from(length).ok().filter(|length| *length >= HEADER)?;
        let kind = u16::from_ne_bytes(*bytes.get(4..)?.first_chunk()?);
        let sequence = u32::from_ne_bytes(*bytes.get(8..)?.first_chunk()?);
        let body = bytes.get(HEADER..length)?;
        bytes = bytes.get(length.next_multiple_of(4)..).unwrap_or_default();
        Some(Message { kind, sequence, body })
    })
}

/// Kinds and values of attributes, which are laid out as messages are.
pub fn attributes(mut bytes: &[u8]) -> impl Iterator<Item = (u16, &[u8])> {
    std::iter::from_fn(move || {
        let length = usize::from(u16::from_ne_bytes(*bytes.first_chunk()?));
        let kind = u16::from_ne_bytes(*bytes.get(2..)?.first_chunk()?) & KIND;
        let value = bytes.get(4..length)?;
        bytes = bytes.get(length.next_multiple_of(4)..).unwrap_or_default();
        Some((kind, value))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: Head = Head { kind: 0x0401, flags: ANSWER, sequence: 7, family: 0, resource: 5 };

    #[test]
    fn requests_are_padded() {
        let bytes = Request::new(HEAD).with(1, &[1]).bytes();
        assert_eq!((bytes.len(), bytes[0]), (28, 28));
        assert_eq!(bytes[18..20], [0, 5]);
    }

    #[test]
    fn what_is_written_is_read() {
        let nested = [5, 0, 1, 0, 9, 0, 0, 0];
        let request = || Request::new(HEAD).with(3, b"ab").with_nested(4, &nested).bytes();
        let bytes = [request(), request()].concat();
        let all: Vec<Message<'_>> = messages(&bytes).collect();
        assert_eq!((all.len(), all[0].kind, all[0].sequence), (2, 0x0401, 7));
        let attributes: Vec<_> = all[1].attributes().collect();
        assert_eq!(attributes, [(3, &b"ab"[..]), (4, &nested[..])]);
        assert_eq!(super::attributes(attributes[1].1).next(), Some((1, &[9][..])));
        assert_eq!(all[0].end(), None);
        assert_eq!(messages(&bytes[..10]).count(), 0);
    }

    #[test]
    fn ends_are_read() {
        let end = |kind, code: i32| Message { kind, sequence: 1, body: &code.to_ne_bytes() }.end();
        assert_eq!(end(DONE, 0), Some(Ok(())));
        assert_eq!(end(ERROR, -2), Some(Err(Errno::NOENT)));
    }
}
