//! The connections of a server: so many at most, and always room for another one.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::task::AbortHandle;

/// Says that a connection has sent its request.
#[derive(Clone, Debug, Default)]
pub struct Busy(Arc<AtomicBool>);

impl Busy {
    /// It has.
    pub fn set(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    fn get(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// Connections, the oldest first.
#[derive(Debug)]
pub struct Pool {
    most: usize,
    connections: Vec<Connection>,
}

#[derive(Debug)]
struct Connection {
    origin: IpAddr,
    busy: Busy,
    task: AbortHandle,
}

impl Pool {
    /// Room for so many.
    pub fn new(most: usize) -> Self {
        Self { most, connections: Vec::new() }
    }

    /// Begins a connection; how many others had to end for it.
    pub fn admit(&mut self, peer: IpAddr, begin: impl FnOnce(Busy) -> AbortHandle) -> u64 {
        self.connections.retain(|connection| !connection.task.is_finished());
        let full = self.connections.len() >= self.most;
        let dropped = if full { self.make_room() } else { 0 };
        let busy = Busy::default();
        let task = begin(busy.clone());
        self.connections.push(Connection { origin: origin(peer), busy, task });
        dropped
    }

    /// Ends a connection, if there is one; how many ended.
    pub fn make_room(&mut self) -> u64 {
        let all = self.connections.iter();
        let Some(at) = victim(all.map(|connection| (connection.origin, connection.busy.get())))
        else {
            return 0;
        };
        self.connections.remove(at).task.abort();
        1
    }
}

/// Which connection has to make room: one without a request rather than one that is being answered;
/// of the origin that has most; the oldest.
fn victim(connections: impl Iterator<Item = (IpAddr, bool)> + Clone) -> Option<usize> {
    let mut counts: HashMap<IpAddr, usize> = HashMap::new();
    for (origin, _) in connections.clone() {
        *counts.entry(origin).or_default() += 1;
    }
    let rank = |(at, (origin, busy)): (usize, (IpAddr, bool))| {
        let others = usize::MAX - counts.get(&origin).copied().unwrap_or_default();
        (busy, others, at)
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
        victim(connections.iter().map(|(peer, busy)| (origin(peer.parse().unwrap()), *busy)))
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
        let mut pool = Pool::new(2);
        let peer = "10.0.0.1".parse().unwrap();
        let begin = |_| tokio::spawn(std::future::pending::<()>()).abort_handle();
        assert_eq!((pool.admit(peer, begin), pool.admit(peer, begin)), (0, 0));
        let oldest = pool.connections[0].task.clone();
        assert_eq!(pool.admit(peer, begin), 1);
        tokio::task::yield_now().await;
        assert!(oldest.is_finished());
        assert_eq!(pool.connections.len(), 2);
    }
}
