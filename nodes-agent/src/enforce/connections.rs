//! Ending established connections that a change no longer allows.
//!
//! Deleting a connection from the kernel's table does not end it: the next packet of either side
//! would be taken for the beginning of a new one, in a direction that may be allowed. Instead one
//! bit of its mark is set, on which our rules answer both sides with a reset. Connections that are
//! still allowed are not touched, not even for a moment.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::Duration;

use portcullis_engine::Session;
use portcullis_engine::dataplane::{FamilyProgram, FilterProgram, Members, restricted};
use portcullis_engine::manifest::Direction;
use portcullis_engine::net::{ByFamily, Family};
use portcullis_engine::verdict::{Party, Question, Verdict, judge_by_name};

use crate::kernel::conntrack::{Connection, Conntrack, Ends};
use crate::kernel::{KernelError, addresses};
use crate::observe::Status;

/// How soon a tool that is not installed is looked for again.
const AGAIN: Duration = Duration::from_secs(5);

/// This part of the agent, as operators know it.
const PART: &str = "connections";

/// Looks through connections on a thread of its own, so that no change waits for it.
#[derive(Debug)]
pub struct ConnectionCutter {
    to: Sender<Work>,
}

/// A state, and the addresses of pods to which it may allow less than the one before.
struct Work {
    session: Session,
    local: BTreeSet<IpAddr>,
    shrunk: BTreeSet<IpAddr>,
}

impl ConnectionCutter {
    /// One that marks connections with a bit. A tool for it that is not installed keeps the agent
    /// from being ready, not from enforcing; it is looked for again and again.
    pub fn start(kill_mark: u32, status: Arc<Status>) -> Self {
        let (to, works) = channel();
        let known = Arc::clone(&status);
        let cut = move || {
            let found = wait_for(Conntrack::find, &works, &status);
            let Some((conntrack, work)) = found else { return };
            follow(&conntrack, kill_mark, (work, &works), &status);
        };
        if let Err(error) = std::thread::Builder::new().name("connections".into()).spawn(cut) {
            failed(&known, &error);
        }
        Self { to }
    }

    /// Considers the connections of pods that a new program treats otherwise than the old one.
    /// Without an old one it is not known what was allowed: all pods of the node are considered.
    pub fn consider(&self, session: &Session, old: Option<&FilterProgram>, new: &FilterProgram) {
        let local: BTreeSet<IpAddr> = new.families.values().flat_map(local_addresses).collect();
        let shrunk = match old {
            Some(old) => restricted(old, new),
            None => local.clone(),
        };
        // What has lost nothing may have been given something back. The thread ends only with the
        // agent.
        let _ = self.to.send(Work { session: session.clone(), local, shrunk });
    }
}

fn local_addresses(family: &FamilyProgram) -> Vec<IpAddr> {
    match family.sets.get(&family.local).map(|set| &set.members) {
        Some(Members::Addresses(addresses)) => addresses.iter().copied().collect(),
        _ => Vec::new(),
    }
}

impl Work {
    /// Only the newest state counts, for all pods that lost something on the way to it.
    fn with(older: Option<Self>, newer: Self) -> Self {
        let lost = older.map(|older| older.shrunk).unwrap_or_default();
        Self { shrunk: lost.union(&newer.shrunk).copied().collect(), ..newer }
    }

    /// With all that has come since.
    fn with_all(self, works: &Receiver<Self>) -> Self {
        works.try_iter().fold(self, |older, newer| Self::with(Some(older), newer))
    }
}

/// Waits until the tool is there; with what was to be done meanwhile. None if the agent ends.
fn wait_for<T>(
    mut find: impl FnMut() -> Result<T, KernelError>,
    works: &Receiver<Work>,
    status: &Status,
) -> Option<(T, Option<Work>)> {
    let mut waiting = None;
    loop {
        match find() {
            Ok(tool) => {
                status.restored(PART);
                return Some((tool, waiting));
            }
            Err(error) => failed(status, &error),
        }
        match works.recv_timeout(AGAIN) {
            Ok(work) => waiting = Some(Work::with(waiting, work).with_all(works)),
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return None,
        }
    }
}

fn failed(status: &Status, error: &dyn std::error::Error) {
    let why = format!("could not end connections that are no longer allowed: {error}");
    if status.degraded(PART, &why) {
        tracing::error!("{why}; retrying");
    }
}

fn follow(
    conntrack: &Conntrack,
    kill_mark: u32,
    (first, works): (Option<Work>, &Receiver<Work>),
    status: &Status,
) {
    let later = std::iter::from_fn(|| works.recv().ok());
    // Whether connections bear the mark, which is cleared where they are allowed again: an agent
    // before this one may have left some.
    let mut marked: ByFamily<bool> = ByFamily::from_fn(|_| true);
    for work in first.into_iter().chain(later) {
        let work = work.with_all(works);
        // Reading all connections of a family takes long on a node that has many.
        let lost = |family: Family| work.shrunk.iter().any(|pod| Family::of(*pod) == family);
        for family in Family::BOTH {
            if !marked[family] && !lost(family) {
                continue;
            }
            match look_through(conntrack, kill_mark, family, &work) {
                Ok(seen) => {
                    marked[family] = seen.marked;
                    status.metrics.connections_cut.inc_by(seen.cut);
                }
                Err(error) => tracing::error!(%error, "could not check connections"),
            }
        }
    }
}

/// What was done with connections.
#[derive(Clone, Copy, Debug, Default)]
struct Seen {
    /// How many were marked now.
    cut: u64,
    /// Whether some bear the mark after that.
    marked: bool,
}

/// Marks what is denied and clears the mark of what is allowed.
fn look_through(
    conntrack: &Conntrack,
    kill_mark: u32,
    family: Family,
    work: &Work,
) -> Result<Seen, KernelError> {
    let (mut seen, host) = (Seen::default(), addresses::of_host(family)?);
    for ((ends, marked), count) in concerned(conntrack.list(family)?, kill_mark, work) {
        // What the host itself began no rule has judged, by whichever of its addresses.
        let allowed = host.contains(&ends.client) || is_allowed(work, &ends);
        seen.marked |= !allowed;
        match (allowed, marked) {
            (false, false) => {
                conntrack.mark(&ends, (kill_mark, kill_mark))?;
                seen.cut += count;
            }
            (true, true) => conntrack.mark(&ends, (0, kill_mark))?,
            _ => {}
        }
    }
    Ok(seen)
}

/// How many connections there are between two ends, marked or not, that may be treated otherwise
/// now. All of them are treated alike.
fn concerned(
    connections: Vec<Connection>,
    kill_mark: u32,
    work: &Work,
) -> BTreeMap<(Ends, bool), u64> {
    let mut all = BTreeMap::new();
    for connection in connections {
        let (ends, marked) = (connection.ends(), connection.mark & kill_mark != 0);
        let ended = [ends.client, ends.server];
        if marked || ended.iter().any(|end| work.shrunk.contains(end)) {
            *all.entry((ends, marked)).or_default() += 1;
        }
    }
    all
}

/// Whether the pods of this node at the ends of a connection would let it begin today. The other
/// end's own node answers for that end. What is not certain is closed, as the rules have it.
fn is_allowed(work: &Work, ends: &Ends) -> bool {
    let Ends { client, server, .. } = *ends;
    let allows = |direction, subject: IpAddr, peer| {
        !work.local.contains(&subject) || allows(&work.session, (direction, subject, peer), ends)
    };
    allows(Direction::Egress, client, server) && allows(Direction::Ingress, server, client)
}

fn allows(
    session: &Session,
    (direction, subject, peer): (Direction, IpAddr, IpAddr),
    ends: &Ends,
) -> bool {
    let question = Question {
        direction,
        subject: &party(session, subject),
        peer: &party(session, peer),
        protocol: ends.protocol,
        port: ends.port,
    };
    judge_by_name(session.policies(), question).verdict == Verdict::Allow
}

fn party(session: &Session, address: IpAddr) -> Party<'_> {
    let model = session.model();
    let endpoint = model.by_address.get(&address);
    let pod = endpoint.and_then(|at| Party::endpoint(model, *at, Family::of(address)));
    pod.unwrap_or_else(|| Party::address(model, address))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn work(session: &Session, lost: &str) -> Work {
        let lost: IpAddr = lost.parse().unwrap();
        Work { session: session.clone(), local: [lost].into(), shrunk: [lost].into() }
    }

    #[test]
    fn what_is_lost_while_the_tool_is_missing_is_not_forgotten() {
        let (status, (to, works)) = (Status::default(), channel());
        status.ready();
        let session = Session::new(portcullis_engine::Options::default());
        let mut looks = 0;
        let find = || {
            looks += 1;
            if looks > 2 {
                assert!(status.obstacle().is_some_and(|obstacle| obstacle.contains("conntrack")));
                return Ok(());
            }
            to.send(work(&session, &format!("10.0.0.{looks}"))).unwrap();
            Err(KernelError::Missing { tool: "conntrack".into() })
        };
        let ((), waiting) = wait_for(find, &works, &status).unwrap();
        let waiting = waiting.unwrap();
        assert_eq!(waiting.shrunk, ["10.0.0.1", "10.0.0.2"].map(|a| a.parse().unwrap()).into());
        assert_eq!(waiting.local, ["10.0.0.2".parse().unwrap()].into(), "of the newest state");
        assert_eq!(status.obstacle(), None);
    }
}
