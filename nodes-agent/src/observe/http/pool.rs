//! The connections of a server: so many at most, and always room for another one.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

use tokio::task::AbortHandle;

/// How far a connection has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum Stage {
    /// It has not yet agreed on keys.
    Handshake,
    /// It has not sent its request.
    Idle,
    /// It is being answered.
    Busy,
}

/// Says how far a connection has come.
#[derive(Clone, Debug)]
pub struct Progress(Arc<AtomicU8>);

impl Progress {
    fn new(stage: Stage) -> Self {
        Self(Arc::new(AtomicU8::new(stage as u8)))
    }

    /// It has come so far.
    pub fn set(&self, stage: Stage) {
        self.0.store(stage as u8, Ordering::Relaxed);
    }

    fn get(&self) -> Stage {
        let stages = [Stage::Handshake, Stage::Idle];
        let stage = self.0.load(Ordering::Relaxed);
        stages.into_iter().find(|one| *one as u8 == stage).unwrap_or(Stage::Busy)
    }
}

/// One of so many connections may be in its handshake: those that have done with it, and those who
/// wait for an answer, never make room for one that has not.
const HANDSHAKES: usize = 4;

/// Connections, the oldest first.
#[derive(Debug)]
pub struct Pool {
    most: usize,
    /// At which stage they begin.
    first: Stage,
    connections: Vec<Connection>,
}

#[derive(Debug)]
struct Connection {
    origin: IpAddr,
    progress: Progress,
    task: AbortHandle,
}

impl Pool {
    /// Room for so many, which begin at a stage.
    pub fn new(most: usize, first: Stage) -> Self {
        Self { most, first, connections: Vec::new() }
    }

    /// Begins a connection; how many others had to end for it.
    pub fn admit(&mut self, peer: IpAddr, begin: impl FnOnce(Progress) -> AbortHandle) -> u64 {
        self.connections.retain(|connection| !connection.task.is_finished());
        let full = self.connections.len() >= self.most || self.has_too_many_handshakes();
        let dropped = if full { self.make_room() } else { 0 };
        let progress = Progress::new(self.first);
        let task = begin(progress.clone());
        self.connections.push(Connection { origin: origin(peer), progress, task });
        dropped
    }

    /// Whether those in their handshake are so many that another has to take the place of one.
    fn has_too_many_handshakes(&self) -> bool {
        let stages = self.connections.iter().map(|connection| connection.progress.get());
        let shaking = stages.filter(|stage| *stage == Stage::Handshake).count();
        shaking >= self.most.div_ceil(HANDSHAKES)
    }

    /// Ends a connection, if there is one; how many ended.
    pub fn make_room(&mut self) -> u64 {
        let all = self.connections.iter();
        let Some(at) = victim(all.map(|connection| (connection.origin, connection.progress.get())))
        else {
            return 0;
        };
        self.connections.remove(at).task.abort();
        1
    }
}

/// Which connection has to make room: one in its handshake rather than one without a request, and
/// that rather than one that is being answered; of the origin that has most; the oldest.
fn victim(connections: impl Iterator<Item = (IpAddr, Stage)> + Clone) -> Option<usize> {
    let mut counts: HashMap<IpAddr, usize> = HashMap::new();
    for (origin, _) in connections.clone() {
        *counts.entry(origin).or_default() += 1;
    }
    let rank = |(at, (origin, stage)): (usize, (IpAddr, Stage))| {
        let others = usize::MAX - counts.get(&origin).copied().unwrap_or_default();
        (stage, others, at)
    };
    connections.enumerate().map(rank).min().map(|(_, _, at)| at)
}

/// Whose connections count together. One host has a whole /64 of IPv6 to speak from.
fn origin(peer: IpAddr) -> IpAddr {
    match peer.to_canonical() {
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() & (u128::MAX << 64)).into(),
        v4 => v4,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(connections: &[(&str, bool)]) -> Option<usize> {
        let stage = |busy: bool| if busy { Stage::Busy } else { Stage::Idle };
        let all = connections.iter();
        victim(all.map(|(peer, busy)| (origin(peer.parse().unwrap()), stage(*busy))))
    }

    #[test]
    fn the_oldest_idle_one_of_who_has_most_makes_room() {
        assert_eq!(of(&[]), None);
        assert_eq!(of(&[("10.0.0.1", false), ("10.0.0.2", false)]), Some(0));
        assert_eq!(of(&[("10.0.0.1", true), ("10.0.0.2", false)]), Some(1));
        let many = [("10.0.0.1", false), ("10.0.0.2", false), ("10.0.0.2", false)];
        assert_eq!(of(&many), Some(1), "a scraper keeps its only one");
        assert_eq!(of(&[("10.0.0.1", true), ("10.0.0.2", true), ("10.0.0.2", true)]), Some(1));
    }

    #[test]
    fn a_host_has_one_origin() {
        let many = [("10.0.0.1", false), ("2001:db8::1", false), ("2001:db8::2", false)];
        assert_eq!(of(&many), Some(1));
        assert_eq!(
            of(&[("fd00::1", false), ("::ffff:10.0.0.1", false), ("10.0.0.1", false)]),
            Some(1)
        );
    }

    #[tokio::test]
    async fn there_is_always_room() {
        let mut pool = Pool::new(2, Stage::Idle);
        let peer = "10.0.0.1".parse().unwrap();
        let begin = |_| tokio::spawn(std::future::pending::<()>()).abort_handle();
        assert_eq!((pool.admit(peer, begin), pool.admit(peer, begin)), (0, 0));
        let oldest = pool.connections[0].task.clone();
        assert_eq!(pool.admit(peer, begin), 1);
        tokio::task::yield_now().await;
        assert!(oldest.is_finished());
        assert_eq!(pool.connections.len(), 2);
    }

    /// Whoever does not end the handshake makes room for others who do not, and keeps nobody away
    /// who has done with it.
    #[tokio::test]
    async fn handshakes_have_few_places() {
        let mut pool = Pool::new(8, Stage::Handshake);
        let begun = std::cell::RefCell::new(Vec::new());
        let begin = |progress: Progress| {
            begun.borrow_mut().push(progress);
            tokio::spawn(std::future::pending::<()>()).abort_handle()
        };
        let peer = |last: u8| IpAddr::from([10, 0, 0, last]);
        pool.admit(peer(1), begin);
        begun.borrow()[0].set(Stage::Idle);
        let dropped: Vec<u64> = (2..7).map(|last| pool.admit(peer(last), begin)).collect();
        assert_eq!(dropped, [0, 0, 1, 1, 1]);
        assert_eq!(pool.connections.len(), 3);
        assert_eq!(pool.connections[0].origin, peer(1), "it is through");
    }
}
