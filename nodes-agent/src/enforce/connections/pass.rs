//! One pass through the connections of a family: those that a change concerns are judged as the
//! engine judges a flow, and marked or cleared, a batch at a time.

use std::collections::BTreeSet;
use std::net::IpAddr;

use portcullis_engine::Session;
use portcullis_engine::manifest::Direction;
use portcullis_engine::net::Family;
use portcullis_engine::verdict::{Party, Question, Verdict, judge_by_name};

use super::Work;
use crate::kernel::conntrack::{BATCH, Bits, Connection, Conntrack, Ends, Key};
use crate::kernel::{KernelError, addresses};

/// A pass that is under way.
pub struct Pass<'w> {
    conntrack: Conntrack,
    judge: Judge<'w>,
    family: Family,
    kill_mark: u32,
    /// What is still to be looked at, the most urgent last.
    left: Vec<Concerned>,
    has_marked: bool,
}

/// A connection that may be treated otherwise now.
#[derive(Debug, PartialEq, Eq)]
struct Concerned {
    order: Order,
    ends: Ends,
    is_marked: bool,
    is_over: bool,
    key: Key,
}

/// In which order connections are looked at, the last one first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Order {
    /// It bears the mark; nobody has lost anything.
    Marked,
    /// An end has lost something by an earlier change.
    Earlier,
    /// An end has lost something by the newest change.
    Newest,
}

impl<'w> Pass<'w> {
    /// Finds out which connections a change concerns.
    ///
    /// # Errors
    /// If the kernel does not list them.
    pub fn begin(kill_mark: u32, family: Family, work: &'w Work) -> Result<Self, KernelError> {
        let mut conntrack = Conntrack::open()?;
        let mut left = Vec::new();
        // If no pod has lost anything, only what is marked may have to change.
        let only = (!work.concerns(family)).then_some(Bits { value: kill_mark, mask: kill_mark });
        conntrack.for_each(family, only, |connection| {
            left.extend(concerned(connection, kill_mark, work));
        })?;
        // Those between the same ends are treated alike, and follow each other.
        // The last one is looked at first: of those that are over nobody is in a hurry.
        left.sort_unstable_by_key(|one| (one.order, !one.is_over, one.ends));
        // What the host itself began no rule has judged, by whichever of its addresses.
        let judge = Judge { work, host: addresses::of_host(family)?, last: None };
        Ok(Self { conntrack, judge, family, kill_mark, left, has_marked: false })
    }

    /// Whether all was looked at.
    pub fn is_over(&self) -> bool {
        self.left.is_empty()
    }

    /// Whether connections bear the mark, as far as was looked.
    pub fn has_marked(&self) -> bool {
        self.has_marked
    }

    /// Looks at some more; how many of them were marked now, without those that the kernel takes to
    /// be over.
    ///
    /// # Errors
    /// If the kernel does not take a mark.
    pub fn advance(&mut self) -> Result<u64, KernelError> {
        let (mut set, mut over, mut clear) = (Vec::new(), Vec::new(), Vec::new());
        for one in self.left.drain(self.left.len().saturating_sub(BATCH)..).rev() {
            let allowed = self.judge.allows(&one.ends);
            self.has_marked |= !allowed;
            match (allowed, one.is_marked) {
                (false, false) if one.is_over => over.push(one.key),
                (false, false) => set.push(one.key),
                (true, true) => clear.push(one.key),
                _ => {}
            }
        }
        let bits = |value| Bits { value, mask: self.kill_mark };
        self.conntrack.mark(&clear, self.family, bits(0))?;
        self.conntrack.mark(&over, self.family, bits(self.kill_mark))?;
        self.conntrack.mark(&set, self.family, bits(self.kill_mark))
    }
}

fn concerned(connection: Connection, kill_mark: u32, work: &Work) -> Option<Concerned> {
    let Connection { ends, mark, is_over, key } = connection;
    let is_marked = mark & kill_mark != 0;
    let lost = |by: &BTreeSet<IpAddr>| by.contains(&ends.client) || by.contains(&ends.server);
    let order = match () {
        () if lost(&work.shrunk) => Order::Newest,
        () if lost(&work.earlier) => Order::Earlier,
        () if is_marked => Order::Marked,
        () => return None,
    };
    Some(Concerned { order, ends, is_marked, is_over, key })
}

/// Says what is allowed.
struct Judge<'w> {
    work: &'w Work,
    /// Addresses of this host.
    host: BTreeSet<IpAddr>,
    /// What was said last: the next connection often has the same ends.
    last: Option<(Ends, bool)>,
}

impl Judge<'_> {
    fn allows(&mut self, ends: &Ends) -> bool {
        if let Some((_, allowed)) = self.last.filter(|(last, _)| last == ends) {
            return allowed;
        }
        let allowed = self.host.contains(&ends.client) || is_allowed(self.work, ends);
        self.last = Some((*ends, allowed));
        allowed
    }
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
    use portcullis_engine::net::Protocol;

    use super::*;

    #[test]
    fn the_newest_denials_come_first_and_what_lost_nothing_is_left_alone() {
        let address = |text: &str| -> IpAddr { text.parse().unwrap() };
        let work = Work {
            session: Session::new(portcullis_engine::Options::default()),
            local: BTreeSet::new(),
            shrunk: [address("10.0.0.1")].into(),
            earlier: [address("10.0.0.2")].into(),
        };
        let order = |client: &str, mark| {
            let (client, server) = (address(client), address("10.0.0.9"));
            let ends = Ends { protocol: Some(Protocol::Tcp), client, server, port: 80 };
            let connection = Connection { ends, mark, is_over: false, key: Key::default() };
            concerned(connection, 0x80, &work).map(|one| one.order)
        };
        assert_eq!(order("10.0.0.1", 0x80), Some(Order::Newest));
        assert_eq!(order("10.0.0.2", 1), Some(Order::Earlier));
        assert_eq!(order("10.0.0.3", 0x81), Some(Order::Marked));
        assert_eq!(order("10.0.0.3", 0x1), None);
        assert!(Order::Newest > Order::Earlier && Order::Earlier > Order::Marked);
    }
}
