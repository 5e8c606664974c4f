//! Ending established connections that a change no longer allows.
//!
//! Deleting a connection from the kernel's table does not end it: the next packet of either side
//! would be taken for the beginning of a new one, in a direction that may be allowed. Instead one
//! bit of its mark is set, on which our rules answer both sides with a reset. Connections that are
//! still allowed are not touched, not even for a moment.

mod pass;

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::Duration;

use portcullis_engine::Session;
use portcullis_engine::dataplane::{FamilyProgram, FilterProgram, Members, restricted};
use portcullis_engine::net::{ByFamily, Family};

use crate::kernel::KernelError;
use crate::observe::Status;
use pass::Pass;

/// How soon connections that could not be looked through are looked through again.
const AGAIN: Duration = Duration::from_secs(5);

/// So often in a row newer work ends a pass before its time. Where changes never cease, the
/// connections that were denied first are to be ended, too.
const ENOUGH: u32 = 5;

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
    /// Those that lost something by earlier changes, whose connections were not all looked at yet.
    earlier: BTreeSet<IpAddr>,
}

impl ConnectionCutter {
    /// One that marks connections with a bit. A kernel that does not list connections keeps the
    /// agent from being ready, not from enforcing; it is asked again and again.
    pub fn start(kill_mark: u32, status: Arc<Status>) -> Self {
        let (to, works) = channel();
        let known = Arc::clone(&status);
        let cut = move || Thread::new(works, &status).follow(kill_mark);
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
        let earlier = BTreeSet::new();
        let _ = self.to.send(Work { session: session.clone(), local, shrunk, earlier });
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
        let Some(older) = older else { return newer };
        let lost = older.earlier.into_iter().chain(older.shrunk).chain(newer.earlier);
        let earlier = lost.filter(|pod| !newer.shrunk.contains(pod)).collect();
        Self { earlier, ..newer }
    }

    /// Whether an address of a family has lost something.
    fn concerns(&self, family: Family) -> bool {
        let mut lost = self.shrunk.iter().chain(&self.earlier);
        lost.any(|pod| Family::of(*pod) == family)
    }
}

fn failed(status: &Status, error: &dyn std::error::Error) {
    let why = format!("could not end connections that are no longer allowed: {error}");
    if status.degraded(PART, &why) {
        tracing::error!("{why}; retrying");
    }
}

/// The thread.
struct Thread<'s> {
    works: Receiver<Work>,
    /// What is to be done and was not all done yet.
    waiting: Option<Work>,
    /// Whether connections bear the mark, which is cleared where they are allowed again: an agent
    /// before this one may have left some.
    marked: ByFamily<bool>,
    /// How often in a row newer work has ended a pass.
    ended: u32,
    status: &'s Status,
}

/// How a pass has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ended {
    /// All was looked at.
    Done,
    /// Newer work has come.
    Outdated,
}

impl<'s> Thread<'s> {
    fn new(works: Receiver<Work>, status: &'s Status) -> Self {
        let marked = ByFamily::from_fn(|_| true);
        Self { works, waiting: None, marked, ended: 0, status }
    }

    /// Works until the agent ends.
    fn follow(mut self, kill_mark: u32) {
        while let Some(work) = self.next() {
            let done =
                Family::BOTH.into_iter().try_fold(Ended::Done, |before, family| match before {
                    Ended::Done => self.look_through(kill_mark, family, &work),
                    Ended::Outdated => Ok(before),
                });
            if self.conclude(done, work).is_none() {
                return;
            }
        }
    }

    /// What is to be done next; none if the agent ends.
    fn next(&mut self) -> Option<Work> {
        if self.waiting.is_none() {
            self.waiting = Some(self.works.recv().ok()?);
        }
        self.is_outdated();
        self.waiting.take()
    }

    /// Takes in what has come; whether something has.
    fn is_outdated(&mut self) -> bool {
        let mut any = false;
        while let Ok(newer) = self.works.try_recv() {
            self.waiting = Some(Work::with(self.waiting.take(), newer));
            any = true;
        }
        any
    }

    /// What a pass did not do is done later; none if the agent ends.
    fn conclude(&mut self, done: Result<Ended, KernelError>, work: Work) -> Option<()> {
        self.ended = if matches!(done, Ok(Ended::Outdated)) { self.ended + 1 } else { 0 };
        if let Ok(Ended::Done) = done {
            self.status.restored(PART);
            return Some(());
        }
        self.waiting = Some(match self.waiting.take() {
            Some(newer) => Work::with(Some(work), newer),
            None => work,
        });
        if let Err(error) = done {
            failed(self.status, &error);
            return self.rest();
        }
        Some(())
    }

    /// Waits until it may work the next time.
    fn rest(&mut self) -> Option<()> {
        match self.works.recv_timeout(AGAIN) {
            Ok(newer) => self.waiting = Some(Work::with(self.waiting.take(), newer)),
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return None,
        }
        Some(())
    }

    fn look_through(
        &mut self,
        kill_mark: u32,
        family: Family,
        work: &Work,
    ) -> Result<Ended, KernelError> {
        if !self.marked[family] && !work.concerns(family) {
            return Ok(Ended::Done);
        }
        let mut pass = Pass::begin(kill_mark, family, work)?;
        self.marked[family] = true;
        while !pass.is_over() {
            self.status.metrics.connections_cut.inc_by(pass.advance()?);
            if self.is_outdated() && self.ended < ENOUGH {
                return Ok(Ended::Outdated);
            }
        }
        self.marked[family] = pass.has_marked();
        Ok(Ended::Done)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn work(session: &Session, lost: &str) -> Work {
        let lost: IpAddr = lost.parse().unwrap();
        let (local, shrunk) = ([lost].into(), [lost].into());
        Work { session: session.clone(), local, shrunk, earlier: BTreeSet::new() }
    }

    fn addresses<const N: usize>(all: [&str; N]) -> BTreeSet<IpAddr> {
        all.map(|address| address.parse().unwrap()).into()
    }

    #[test]
    fn what_is_lost_while_connections_cannot_be_listed_is_not_forgotten() {
        let (status, (to, works)) = (Status::default(), channel());
        status.ready();
        let session = Session::new(portcullis_engine::Options::default());
        let mut thread = Thread::new(works, &status);
        to.send(work(&session, "10.0.0.1")).unwrap();
        let first = thread.next().unwrap();
        to.send(work(&session, "10.0.0.2")).unwrap();
        let error = KernelError::Missing { tool: "ctnetlink".into() };
        thread.conclude(Err(error), first).unwrap();
        assert!(status.obstacle().is_some_and(|obstacle| obstacle.contains("ctnetlink")));
        let second = thread.next().unwrap();
        assert_eq!(second.earlier, addresses(["10.0.0.1"]));
        assert_eq!(second.shrunk, addresses(["10.0.0.2"]));
        assert_eq!(second.local, addresses(["10.0.0.2"]), "of the newest state");
        thread.conclude(Ok(Ended::Done), second).unwrap();
        assert_eq!(status.obstacle(), None);
    }

    #[test]
    fn newer_work_ends_a_pass_and_what_that_left_follows() {
        let (status, (to, works)) = (Status::default(), channel());
        let session = Session::new(portcullis_engine::Options::default());
        let mut thread = Thread::new(works, &status);
        to.send(work(&session, "10.0.0.1")).unwrap();
        let first = thread.next().unwrap();
        assert!(!thread.is_outdated());
        to.send(work(&session, "10.0.0.2")).unwrap();
        to.send(work(&session, "10.0.0.1")).unwrap();
        assert!(thread.is_outdated());
        thread.conclude(Ok(Ended::Outdated), first).unwrap();
        let second = thread.next().unwrap();
        assert_eq!(second.shrunk, addresses(["10.0.0.1"]), "the newest first");
        assert_eq!((second.earlier, thread.ended), (addresses(["10.0.0.2"]), 1));
        drop(to);
        assert!(thread.next().is_none(), "the agent ends");
    }
}
