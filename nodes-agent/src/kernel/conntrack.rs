//! Connections that the kernel tracks, by its netlink interface for them: a message for a
//! connection, and no tool.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::Duration;

use portcullis_engine::net::{Family, Protocol};
use rustix::io::Errno;

use super::KernelError;
use super::netlink::{self, ANSWER, DUMP, Head, Message, Request, Socket, attributes, messages};

/// The kernel's table of connections.
#[derive(Debug)]
pub struct Conntrack {
    socket: Socket,
    sequence: u32,
}

/// A connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Connection {
    /// What policies can ask of it.
    pub ends: Ends,
    /// The mark.
    pub mark: u32,
    /// Whether the kernel takes it to be over. It lets packets of such a one pass all the same, and a
    /// pod can bring a connection that goes on into such a state.
    pub is_over: bool,
    /// How the kernel knows it.
    pub key: Key,
}

/// What policies can ask of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Ends {
    /// Protocol; none for those without ports.
    pub protocol: Option<Protocol>,
    /// Who opened it.
    pub client: IpAddr,
    /// Who really answers, after all translation.
    pub server: IpAddr,
    /// Where that one answers; zero without a protocol.
    pub port: u16,
}

/// How the kernel knows a connection: the tuple of whoever opened it, and the zone, both as the
/// kernel wrote them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Key {
    tuple: Vec<u8>,
    zone: Option<Vec<u8>>,
}

/// Bits of marks: those that are meant, and what they are to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bits {
    /// What they are to be.
    pub value: u32,
    /// Which are meant.
    pub mask: u32,
}

/// The kernel's numbers (linux/netfilter/nfnetlink_conntrack.h).
const SUBSYSTEM: u16 = 1 << 8;
/// A connection; without the flag to create it, a change of one that is there.
const CONNECTION: u16 = SUBSYSTEM;
const GET: u16 = SUBSYSTEM | 1;
const ORIGINAL: u16 = 1;
const REPLY: u16 = 2;
const STATE: u16 = 4;
const MARK: u16 = 8;
const ZONE: u16 = 18;
const MARK_MASK: u16 = 21;

/// How long the kernel may take for a further part of an answer.
const PATIENCE: Duration = Duration::from_secs(10);

/// So many changes are sent at once. What the kernel answers to them fits into a socket's buffer
/// even if it refuses all.
pub const BATCH: usize = 64;

impl Conntrack {
    /// The table of this host, or of the network namespace that the thread is in.
    ///
    /// # Errors
    /// If the kernel has no netfilter, or the process has no more files.
    pub fn open() -> Result<Self, KernelError> {
        let socket = Socket::open().and_then(|socket| socket.patient(PATIENCE)).map_err(failed)?;
        Ok(Self { socket, sequence: 0 })
    }

    /// Hands out the connections of a family, in whatever protocol and state; if bits are given, only
    /// those whose marks have them.
    ///
    /// # Errors
    /// If the kernel does not list them.
    ///
    /// # Cost
    /// Linear in the connections of the whole node, some 15 ms for 20,000; much less for bits that
    /// few have.
    pub fn for_each(
        &mut self,
        family: Family,
        bits: Option<Bits>,
        mut found: impl FnMut(Connection),
    ) -> Result<(), KernelError> {
        let request = self.request(GET, DUMP, family);
        let request = bits.into_iter().fold(request, with_mark);
        self.socket.send(&request.bytes()).map_err(failed)?;
        self.answers(|message| {
            if message.kind == CONNECTION
                && let Some(connection) = read_connection(message)
            {
                found(connection);
            }
            None
        })
    }

    /// Changes bits of the marks of connections, [`BATCH`] of them at most; how many of them there
    /// were still.
    ///
    /// # Errors
    /// If the kernel refuses.
    pub fn mark(&mut self, all: &[Key], family: Family, bits: Bits) -> Result<u64, KernelError> {
        let Some(last) = all.len().checked_sub(1) else { return Ok(0) };
        let mut text = Vec::new();
        for (at, key) in all.iter().enumerate() {
            // Only errors are told of the others, which are carried out in order.
            let flags = if at == last { ANSWER } else { 0 };
            let request = self.request(CONNECTION, flags, family).with_nested(ORIGINAL, &key.tuple);
            let zone = key.zone.iter();
            let request = zone.fold(request, |request, zone| request.with(ZONE, zone));
            text.extend(with_mark(request, bits).bytes());
        }
        self.socket.send(&text).map_err(failed)?;
        let mut gone = 0;
        self.answers(|message| match message.end() {
            Some(Err(Errno::NOENT)) => {
                gone += 1;
                Some(Ok(()))
            }
            end => end,
        })?;
        Ok(u64::try_from(all.len()).unwrap_or(u64::MAX).saturating_sub(gone))
    }

    fn request(&mut self, kind: u16, flags: u16, family: Family) -> Request {
        self.sequence = self.sequence.wrapping_add(1);
        let family = match family {
            Family::IPv4 => 2,
            Family::IPv6 => 10,
        };
        Request::new(Head { kind, flags, sequence: self.sequence, family, resource: 0 })
    }

    /// Reads until the last request is answered. `see` may say how a message ends its request
    /// otherwise than the kernel does.
    fn answers(
        &self,
        mut see: impl FnMut(&Message<'_>) -> Option<Result<(), Errno>>,
    ) -> Result<(), KernelError> {
        let mut buffer = vec![0; netlink::BUFFER];
        loop {
            for message in messages(self.socket.receive(&mut buffer).map_err(failed)?) {
                let seen = see(&message);
                if let Some(end) = seen.or_else(|| message.end()) {
                    end.map_err(failed)?;
                    if message.sequence == self.sequence {
                        return Ok(());
                    }
                }
            }
        }
    }
}

fn failed(error: Errno) -> KernelError {
    KernelError::while_doing("the kernel's table of connections")(error)
}

fn with_mark(request: Request, bits: Bits) -> Request {
    let request = request.with(MARK, &bits.value.to_be_bytes());
    request.with(MARK_MASK, &bits.mask.to_be_bytes())
}

/// A connection, in whatever state.
fn read_connection(message: &Message<'_>) -> Option<Connection> {
    let find = |kind| message.attributes().find(|(found, _)| *found == kind).map(|(_, v)| v);
    let (tuple, reply) = (find(ORIGINAL)?, read_tuple(find(REPLY)?)?);
    let original = read_tuple(tuple)?;
    let protocol = original.protocol;
    let (client, server, port) = (original.source, reply.source, reply.source_port);
    let mark = find(MARK).and_then(|mark| mark.first_chunk());
    let mark = mark.map_or(0, |mark| u32::from_be_bytes(*mark));
    let is_over = find(STATE).is_some_and(|state| is_over(protocol, state));
    let key = Key { tuple: tuple.to_vec(), zone: find(ZONE).map(<[u8]>::to_vec) };
    Some(Connection { ends: Ends { protocol, client, server, port }, mark, is_over, key })
}

/// One direction of a connection.
struct Tuple {
    protocol: Option<Protocol>,
    source: IpAddr,
    source_port: u16,
}

fn read_tuple(bytes: &[u8]) -> Option<Tuple> {
    const ADDRESSES: u16 = 1;
    const PROTOCOL: u16 = 2;
    const NUMBER: u16 = 1;
    const SOURCE_PORT: u16 = 2;
    const SOURCES: [u16; 2] = [1, 3];
    let source = SOURCES.into_iter().find_map(|kind| find(find(bytes, ADDRESSES)?, kind));
    let protocol = find(bytes, PROTOCOL)?;
    let number = read_protocol(*find(protocol, NUMBER)?.first()?);
    let port = find(protocol, SOURCE_PORT).filter(|_| number.is_some());
    Some(Tuple {
        protocol: number,
        source: read_address(source?)?,
        source_port: port.and_then(<[u8]>::first_chunk).map_or(0, |port| u16::from_be_bytes(*port)),
    })
}

fn find(bytes: &[u8], kind: u16) -> Option<&[u8]> {
    attributes(bytes).find(|(found, _)| *found == kind).map(|(_, value)| value)
}

fn read_address(bytes: &[u8]) -> Option<IpAddr> {
    let v4 = <[u8; 4]>::try_from(bytes).map(|bytes| Ipv4Addr::from(bytes).into());
    v4.or_else(|_| <[u8; 16]>::try_from(bytes).map(|bytes| Ipv6Addr::from(bytes).into())).ok()
}

fn read_protocol(number: u8) -> Option<Protocol> {
    match number {
        6 => Some(Protocol::Tcp),
        17 => Some(Protocol::Udp),
        132 => Some(Protocol::Sctp),
        _ => None,
    }
}

/// Whether a connection is in a state in which the kernel takes it to be over.
fn is_over(protocol: Option<Protocol>, state: &[u8]) -> bool {
    const TCP: u16 = 1;
    const SCTP: u16 = 3;
    const IN_PROTOCOL: u16 = 1;
    let state = |kind| find(find(state, kind)?, IN_PROTOCOL)?.first().copied();
    match protocol {
        // TIME_WAIT and CLOSE.
        Some(Protocol::Tcp) => matches!(state(TCP), Some(7 | 8)),
        // CLOSED.
        Some(Protocol::Sctp) => state(SCTP) == Some(1),
        Some(Protocol::Udp) | None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An attribute, padded.
    fn attribute(kind: u16, value: &[u8]) -> Vec<u8> {
        let length = u16::try_from(4 + value.len()).unwrap();
        let mut bytes = [length.to_ne_bytes(), kind.to_ne_bytes()].concat();
        bytes.extend(value);
        bytes.resize(bytes.len().next_multiple_of(4), 0);
        bytes
    }

    fn tuple(from: [u8; 4], protocol: u8, source_port: u16) -> Vec<u8> {
        let addresses = [attribute(1, &from), attribute(2, &[10, 96, 0, 1])].concat();
        let port = source_port.to_be_bytes();
        let ports = [attribute(1, &[protocol]), attribute(2, &port), attribute(3, &port)].concat();
        [attribute(1, &addresses), attribute(2, &ports)].concat()
    }

    fn connection(protocol: u8, state: u8) -> Vec<u8> {
        let head = Head { kind: CONNECTION, flags: 0, sequence: 1, family: 2, resource: 0 };
        let kind = if protocol == 132 { 3 } else { 1 };
        Request::new(head)
            .with_nested(ORIGINAL, &tuple([10, 0, 0, 1], protocol, 4000))
            .with_nested(REPLY, &tuple([10, 0, 0, 2], protocol, 8080))
            .with_nested(STATE, &attribute(kind, &attribute(1, &[state])))
            .with(MARK, &3_u32.to_be_bytes())
            .with(ZONE, &[0, 7])
            .bytes()
    }

    fn read(protocol: u8, state: u8) -> Option<Connection> {
        read_connection(&messages(&connection(protocol, state)).next().unwrap())
    }

    #[test]
    fn connections_are_read() {
        let read_one = read(6, 3).unwrap();
        let Ends { protocol, client, server, port } = read_one.ends;
        assert_eq!((protocol, port, read_one.mark), (Some(Protocol::Tcp), 8080, 3));
        assert_eq!([client, server], [[10, 0, 0, 1], [10, 0, 0, 2]].map(IpAddr::from));
        let zone = Some(vec![0, 7]);
        assert_eq!(read_one.key, Key { tuple: tuple([10, 0, 0, 1], 6, 4000), zone });
    }

    /// A pod can bring a connection that goes on into each of them.
    #[test]
    fn no_state_is_left_out_and_no_protocol() {
        let states = [(6, 7, true), (6, 8, true), (6, 5, false), (132, 1, true), (132, 2, false)];
        for (protocol, state, is_over) in states {
            assert_eq!(read(protocol, state).map(|one| one.is_over), Some(is_over));
            assert_eq!(
                read(protocol, state).map(|one| one.ends.port),
                Some(8080),
                "{protocol} {state}"
            );
        }
        for protocol in [1, 47, 253] {
            let ends = read(protocol, 0).unwrap().ends;
            assert_eq!((ends.protocol, ends.port), (None, 0), "{protocol}");
        }
    }
}
