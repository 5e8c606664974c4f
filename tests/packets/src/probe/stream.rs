//! TCP and UDP: many at a time, by sockets that do not block.

use std::collections::VecDeque;
use std::io::ErrorKind;
use std::mem::MaybeUninit;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use portcullis_engine::net::Protocol;
use rustix::event::Timespec;
use rustix::event::{PollFd, PollFlags, poll};
use rustix::io::Errno;
use socket2::{Domain, Socket, Type};

use super::{Outcome, Probe};
use crate::Error;

/// How many wait for an answer at once.
const WINDOW: usize = 256;

/// A probe that waits for its answer.
struct Flight {
    at: usize,
    protocol: Protocol,
    socket: Socket,
    until: Instant,
}

/// Sends probes of TCP and UDP from the namespace of this thread.
pub fn send(probes: &[(usize, Probe)], patience: Duration) -> Result<Vec<(usize, Outcome)>, Error> {
    let mut waiting: VecDeque<_> = probes.iter().collect();
    let mut flights: Vec<Flight> = Vec::new();
    let mut outcomes = Vec::with_capacity(probes.len());
    while !(waiting.is_empty() && flights.is_empty()) {
        while flights.len() < WINDOW
            && let Some((at, probe)) = waiting.pop_front()
        {
            match start(probe).map_err(Error::while_doing(format!("opening a socket: {probe}")))? {
                Ok(socket) => {
                    let until = Instant::now() + patience;
                    flights.push(Flight { at: *at, protocol: probe.protocol, socket, until });
                }
                Err(outcome) => outcomes.push((*at, outcome)),
            }
        }
        let ended = wait(&flights)?;
        for (at, outcome) in ended.into_iter().rev() {
            outcomes.push((flights.swap_remove(at).at, outcome));
        }
    }
    Ok(outcomes)
}

/// Opens a socket and sends; or says what already became of it.
fn start(probe: &Probe) -> std::io::Result<Result<Socket, Outcome>> {
    let domain = if probe.from.is_ipv4() { Domain::IPV4 } else { Domain::IPV6 };
    let kind = if probe.protocol == Protocol::Tcp { Type::STREAM } else { Type::DGRAM };
    let socket = Socket::new(domain, kind, None)?;
    socket.set_nonblocking(true)?;
    if probe.protocol == Protocol::Tcp {
        // Closed by a reset, it leaves nothing behind that would use up ports.
        socket.set_linger(Some(Duration::ZERO))?;
    }
    socket.bind(&SocketAddr::new(probe.from, 0).into())?;
    let connected = socket.connect(&SocketAddr::new(probe.to, probe.port).into());
    let sent = connected.and_then(|()| match probe.protocol {
        Protocol::Udp => socket.send(b"portcullis").map(|_| ()),
        _ => Ok(()),
    });
    Ok(match sent {
        Ok(()) => Ok(socket),
        Err(error) if error.raw_os_error() == Some(Errno::INPROGRESS.raw_os_error()) => {
            // An ICMP error that arrives while the socket is still busy connecting is kept as a
            // soft error, which no poll reports.
            match socket.take_error()? {
                Some(error) => Err(outcome_of(&error)),
                None => Ok(socket),
            }
        }
        Err(error) => Err(outcome_of(&error)),
    })
}

/// Those that ended, by their places, ascending.
fn wait(flights: &[Flight]) -> Result<Vec<(usize, Outcome)>, Error> {
    let Some(until) = flights.iter().map(|flight| flight.until).min() else {
        return Ok(Vec::new());
    };
    let mut sockets: Vec<PollFd<'_>> = flights.iter().map(interest).collect();
    let left = until.saturating_duration_since(Instant::now());
    let left = Timespec::try_from(left.max(Duration::from_millis(1))).ok();
    match poll(&mut sockets, left.as_ref()) {
        Ok(_) | Err(Errno::INTR) => {}
        Err(error) => return Err(Error::while_doing("waiting for answers")(error)),
    }
    let now = Instant::now();
    let ended = flights.iter().zip(&sockets).enumerate().filter_map(|(at, (flight, socket))| {
        let outcome = if socket.revents().is_empty() { None } else { outcome(flight) };
        let outcome = outcome.or((now >= flight.until).then_some(Outcome::TimedOut));
        outcome.map(|outcome| (at, outcome))
    });
    Ok(ended.collect())
}

fn interest(flight: &Flight) -> PollFd<'_> {
    let event = if flight.protocol == Protocol::Tcp { PollFlags::OUT } else { PollFlags::IN };
    PollFd::new(&flight.socket, event)
}

fn outcome(flight: &Flight) -> Option<Outcome> {
    let result = match flight.protocol {
        Protocol::Tcp => match flight.socket.take_error() {
            Ok(None) => Ok(()),
            Ok(Some(error)) | Err(error) => Err(error),
        },
        _ => flight.socket.recv(&mut [MaybeUninit::uninit(); 64]).map(|_| ()),
    };
    match result {
        Ok(()) => Some(Outcome::Allowed),
        Err(error) if error.kind() == ErrorKind::WouldBlock => None,
        Err(error) => Some(outcome_of(&error)),
    }
}

fn outcome_of(error: &std::io::Error) -> Outcome {
    match error.kind() {
        // The second one is what the sender's own kernel says where its rules refuse.
        ErrorKind::ConnectionRefused | ErrorKind::PermissionDenied => Outcome::Refused,
        _ => Outcome::Failed(error.raw_os_error().unwrap_or_default()),
    }
}
