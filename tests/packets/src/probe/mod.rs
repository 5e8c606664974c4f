//! Probes: who reaches whom, asked with packets.

mod answer;
mod chunk;
mod refusal;
mod sctp;
mod stream;

pub use answer::Answering;
pub use refusal::{Refusal, Refusals};

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Duration;

use portcullis_engine::net::Protocol;

use crate::Error;
use crate::fabric::Fabric;
use crate::host::Host;

/// A question to the network: a new connection, or a packet where there are none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Probe {
    /// An address of the source.
    pub from: IpAddr,
    /// An address of the destination, of the same family.
    pub to: IpAddr,
    /// Protocol.
    pub protocol: Protocol,
    /// Destination port.
    pub port: u16,
}

/// What became of a probe.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The destination answered.
    Allowed,
    /// An error came back that says that nobody may or can be reached there.
    Refused,
    /// Nothing came back.
    TimedOut,
    /// It could not be sent or failed otherwise; the number of the system's error.
    Failed(i32),
}

impl std::fmt::Display for Probe {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} -> {} {} {}", self.from, self.to, self.protocol.name(), self.port)
    }
}

/// Sends all probes, those of different hosts at the same time; outcomes in the same order.
///
/// # Errors
/// If a probe is from an address that nobody has, or if sockets cannot be made.
pub fn send(fabric: &Fabric, probes: &[Probe], patience: Duration) -> Result<Vec<Outcome>, Error> {
    let mut outcomes = vec![Outcome::TimedOut; probes.len()];
    let batches = by_host(fabric, probes)?;
    let results = std::thread::scope(|scope| {
        let threads = batches.iter().map(|(host, batch)| {
            scope.spawn(move || host.namespace.enter(|| send_from_here(batch, patience)))
        });
        let threads: Vec<_> = threads.collect();
        let joined = threads
            .into_iter()
            .map(|thread| thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)));
        joined.collect::<Result<Vec<_>, _>>()
    })?;
    for (at, outcome) in results.into_iter().flatten() {
        if let Some(slot) = outcomes.get_mut(at) {
            *slot = outcome;
        }
    }
    Ok(outcomes)
}

/// Probes with their places in the answer.
type Batch = Vec<(usize, Probe)>;

fn by_host<'f>(fabric: &'f Fabric, probes: &[Probe]) -> Result<Vec<(&'f Host, Batch)>, Error> {
    let mut batches: BTreeMap<&str, (&Host, Batch)> = BTreeMap::new();
    for (at, probe) in probes.iter().enumerate() {
        let host = fabric.owner(probe.from).ok_or_else(|| {
            let nobody = std::io::Error::from(std::io::ErrorKind::AddrNotAvailable);
            Error::while_doing::<std::io::Error>(format!("probing from {}", probe.from))(nobody)
        })?;
        let batch = &mut batches.entry(host.namespace.name()).or_insert((host, Vec::new())).1;
        batch.push((at, *probe));
    }
    Ok(batches.into_values().collect())
}

fn send_from_here(batch: &Batch, patience: Duration) -> Result<Vec<(usize, Outcome)>, Error> {
    let (sctp, streams): (Batch, Batch) =
        batch.iter().copied().partition(|(_, probe)| probe.protocol == Protocol::Sctp);
    let mut outcomes = stream::send(&streams, patience)?;
    outcomes.extend(sctp::send(&sctp, patience)?);
    Ok(outcomes)
}
