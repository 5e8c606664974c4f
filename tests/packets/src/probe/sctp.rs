//! SCTP: an INIT by a raw socket, and its answer, or an ICMP error, by raw sockets.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};

use rustix::event::Timespec;
use rustix::event::{PollFd, PollFlags, poll};
use rustix::io::Errno;
use rustix::net::{RecvFlags, recvfrom};
use socket2::{Domain, Protocol, Socket, Type};

use super::chunk::{INIT, INIT_ACK, Packet, read_ports};
use super::{Outcome, Probe};
use crate::Error;

/// How many wait for an answer at once: no more than sockets' buffers hold for certain.
const WINDOW: usize = 128;

/// Destination, source port and destination port of probes under way.
type Open = HashMap<(IpAddr, u16, u16), usize>;

/// Sends probes of SCTP from the namespace of this thread.
pub fn send(probes: &[(usize, Probe)], patience: Duration) -> Result<Vec<(usize, Outcome)>, Error> {
    let mut sources: Vec<IpAddr> = probes.iter().map(|(_, probe)| probe.from).collect();
    sources.sort_unstable();
    sources.dedup();
    let mut outcomes = Vec::with_capacity(probes.len());
    for source in sources {
        let own: Vec<_> = probes.iter().filter(|(_, probe)| probe.from == source).collect();
        let sockets = Sockets::new(source)
            .map_err(Error::while_doing(format!("opening raw sockets at {source}")))?;
        for window in own.chunks(WINDOW) {
            outcomes.extend(sockets.exchange(window, patience)?);
        }
    }
    Ok(outcomes)
}

/// Raw sockets at one address.
struct Sockets {
    sctp: Socket,
    icmp: Socket,
    six: bool,
}

/// A raw socket of a protocol, bound to an address.
pub fn raw(address: IpAddr, protocol: i32) -> std::io::Result<Socket> {
    let domain = if address.is_ipv4() { Domain::IPV4 } else { Domain::IPV6 };
    let socket = Socket::new(domain, Type::RAW, Some(Protocol::from(protocol)))?;
    socket.set_nonblocking(true)?;
    socket.bind(&SocketAddr::new(address, 0).into())?;
    Ok(socket)
}

/// The number of SCTP.
pub const SCTP: i32 = 132;

impl Sockets {
    fn new(source: IpAddr) -> std::io::Result<Self> {
        let six = source.is_ipv6();
        Ok(Self { sctp: raw(source, SCTP)?, icmp: raw(source, if six { 58 } else { 1 })?, six })
    }

    fn exchange(
        &self,
        probes: &[&(usize, Probe)],
        patience: Duration,
    ) -> Result<Vec<(usize, Outcome)>, Error> {
        let (mut open, mut outcomes) = (Open::new(), Vec::new());
        for (at, probe) in probes {
            let from = free_port();
            let packet = Packet { from, to: probe.port, tag: 0, kind: INIT, initiate: 0x0050_434C };
            match self.sctp.send_to(&packet.bytes(), &SocketAddr::new(probe.to, 0).into()) {
                Ok(_) => drop(open.insert((probe.to, from, probe.port), *at)),
                Err(error) => {
                    let error = error.raw_os_error().unwrap_or_default();
                    outcomes.push((*at, Outcome::Failed(error)));
                }
            }
        }
        let until = Instant::now() + patience;
        while !open.is_empty() && Instant::now() < until {
            self.wait(until)?;
            let answers = self.answers().into_iter().map(|key| (key, Outcome::Allowed));
            let errors = self.errors().into_iter().map(|key| (key, Outcome::Refused));
            for (key, outcome) in answers.chain(errors) {
                outcomes.extend(open.remove(&key).map(|at| (at, outcome)));
            }
        }
        outcomes.extend(open.into_values().map(|at| (at, Outcome::TimedOut)));
        Ok(outcomes)
    }

    fn wait(&self, until: Instant) -> Result<(), Error> {
        let left = until.saturating_duration_since(Instant::now());
        let left = Timespec::try_from(left.max(Duration::from_millis(1))).ok();
        let interest = |socket| PollFd::new(socket, PollFlags::IN);
        match poll(&mut [interest(&self.sctp), interest(&self.icmp)], left.as_ref()) {
            Ok(_) | Err(Errno::INTR) => Ok(()),
            Err(error) => Err(Error::while_doing("waiting for answers")(error)),
        }
    }

    fn answers(&self) -> Vec<(IpAddr, u16, u16)> {
        let mut answers = Vec::new();
        while let Some((bytes, from)) = receive(&self.sctp) {
            if let Some(packet) = Packet::read(&bytes)
                && packet.kind == INIT_ACK
            {
                answers.push((from, packet.to, packet.from));
            }
        }
        answers
    }

    /// What "destination unreachable" says cannot be reached.
    fn errors(&self) -> Vec<(IpAddr, u16, u16)> {
        let mut errors = Vec::new();
        while let Some((bytes, _)) = receive(&self.icmp) {
            let quoted = if self.six { quoted_v6(&bytes) } else { quoted_v4(&bytes) };
            errors.extend(quoted);
        }
        errors
    }
}

/// Ports that no earlier probe of this process used: its answers and conntrack entries may linger.
fn free_port() -> u16 {
    static NEXT: std::sync::atomic::AtomicU16 = std::sync::atomic::AtomicU16::new(0);
    1024 + NEXT.fetch_add(1, std::sync::atomic::Ordering::Relaxed) % 64_000
}

/// The next packet of a raw socket, without its IP header, and who sent it; none for now.
pub fn receive(socket: &Socket) -> Option<(Vec<u8>, IpAddr)> {
    let mut buffer = [0_u8; 1500];
    let (length, _, from) = recvfrom(socket, &mut buffer, RecvFlags::empty()).ok()?;
    let from = SocketAddr::try_from(from?).ok()?.ip();
    // Raw sockets of IPv4 give the header as well, those of IPv6 do not.
    let first = buffer.first().copied().unwrap_or_default();
    let header = if from.is_ipv4() { usize::from(first & 15) * 4 } else { 0 };
    Some((buffer.get(header..length)?.to_vec(), from))
}

/// Destination, source port and destination port of the packet that an error of ICMP is about.
pub fn quoted_v4(icmp: &[u8]) -> Option<(IpAddr, u16, u16)> {
    let quoted = icmp.strip_prefix(&[3]).and_then(|rest| rest.get(7..))?;
    let to: [u8; 4] = quoted.get(16..20)?.try_into().ok()?;
    let header = usize::from(quoted.first()? & 15) * 4;
    let (from, port) = read_ports(quoted.get(header..)?)?;
    Some((to.into(), from, port))
}

/// The same of ICMPv6.
pub fn quoted_v6(icmp: &[u8]) -> Option<(IpAddr, u16, u16)> {
    let quoted = icmp.strip_prefix(&[1]).and_then(|rest| rest.get(7..))?;
    let to: [u8; 16] = quoted.get(24..40)?.try_into().ok()?;
    let (from, port) = read_ports(quoted.get(40..)?)?;
    Some((to.into(), from, port))
}
