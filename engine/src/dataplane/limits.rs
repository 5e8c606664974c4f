//! How much one policy may ask of a node.
//!
//! Who may write policies in one namespace must not slow down, or stop, what is enforced for all
//! others. So a policy that asks for too much is closed, by itself: it isolates, and admits nothing.
//! That is counted from the policy alone, before anything is made of it.

use std::sync::Arc;

use rustc_hash::FxHashSet;

use super::lines::{MEMBERS_OF_NAMES, Written};
use super::lower::ports::conditions;
use crate::cluster::Group;
use crate::manifest::{Direction, PortMatch};
use crate::net::{AddrSet, ByFamily, Family, PortSet, Protocol};
use crate::policy::{BlockId, CompiledPolicy, PolicyRule, PolicySet, RulePeer, SetId};

/// How much may be asked of a node: by one policy in one direction, or by several together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Limits {
    /// Rules of the kernel: each peer of a rule by each line of its ports.
    pub rules: usize,
    /// Members of sets for what is written in it: blocks of addresses, ports.
    pub members: usize,
}

impl Default for Limits {
    /// What no policy needs that somebody wrote for a purpose.
    fn default() -> Self {
        Self { rules: 20_000, members: 131_072 }
    }
}

/// For whom a policy is counted.
#[derive(Clone, Copy, Debug)]
pub struct Counted<'c> {
    /// All policies.
    pub policies: &'c PolicySet,
    /// The direction.
    pub direction: Direction,
    /// The pods, which have their own ports for the names that rules of ingress have; none to
    /// leave such ports out.
    pub subject: Option<&'c Group>,
}

/// Names of ports, sorted.
type Names = Vec<(Protocol, Arc<str>)>;

/// What a policy asks for, so far.
#[derive(Default)]
struct Count {
    rules: usize,
    of_family: ByFamily<usize>,
    members: usize,
    blocks: FxHashSet<BlockId>,
    ports: FxHashSet<PortSet>,
    names: FxHashSet<(Option<RulePeer>, Names)>,
    pods: FxHashSet<SetId>,
}

/// What a policy asks for in one direction, for pods of one group.
#[derive(Debug)]
pub struct Ask {
    /// Rules in each family's tables.
    pub rules: ByFamily<usize>,
    /// Members of sets for what is written in it, but for those of ports.
    pub members: usize,
    /// Ports that have sets: of ingress, those that pods of the group call so are among them.
    pub ports: Vec<PortSet>,
    /// Sets of pods, ascending.
    pub pods: Vec<SetId>,
}

/// How many peers a rule has: all of them, and those that a family has rules for.
struct Peers {
    all: usize,
    of_family: ByFamily<usize>,
}

impl Limits {
    /// Whether a policy asks for more in a direction.
    ///
    /// # Cost
    /// Linear in what is written in the policy, and in the limits.
    pub fn are_exceeded(&self, policy: &CompiledPolicy, counted: Counted<'_>) -> bool {
        self.asked(policy, counted).is_none()
    }

    /// What a policy asks for in a direction; none if that is more than it may.
    ///
    /// # Cost
    /// Linear in what is written in the policy, and in the limits.
    pub fn asked(&self, policy: &CompiledPolicy, counted: Counted<'_>) -> Option<Ask> {
        let mut count = Count::default();
        let is_over = policy.rules(counted.direction).unwrap_or_default().iter().any(|rule| {
            count.rule(rule, counted, self.members);
            count.rules > self.rules || count.members > self.members
        });
        (!is_over).then(|| count.ask())
    }
}

impl Count {
    fn rule(&mut self, rule: &PolicyRule, counted: Counted<'_>, most: usize) {
        if !rule.conditions.is_empty() {
            return self.conditional(&Written::of(rule, counted, most));
        }
        for peer in &rule.peers {
            self.pods.extend(peer.pods());
            if let RulePeer::Block(id) = *peer
                && self.blocks.insert(id)
                && let Some(block) = counted.policies.block(id)
            {
                self.members += nets(block, most);
            }
        }
        let peers = Peers::of(rule, counted.policies);
        if rule.ports.is_empty() {
            self.add(&peers, 1);
        }
        if counted.direction == Direction::Egress {
            self.named(rule);
        }
        for protocol in Protocol::ALL {
            if rule.ports.iter().any(|entry| entry.protocol == protocol) {
                self.ports(numbers(rule, protocol, counted), protocol, &peers);
            }
        }
    }

    fn conditional(&mut self, written: &Written) {
        let Written { lines, members, ports, pods, family } = written;
        self.rules = self.rules.saturating_add(*lines);
        for (own, count) in &mut self.of_family {
            if family.is_none_or(|family| family == own) {
                *count = count.saturating_add(*lines);
            }
        }
        self.members = self.members.saturating_add(*members);
        self.pods.extend(pods);
        for set in ports {
            if self.ports.insert(set.clone()) {
                self.members = self.members.saturating_add(count(set));
            }
        }
    }

    fn add(&mut self, peers: &Peers, lines: usize) {
        self.rules += peers.all * lines;
        for (family, count) in &mut self.of_family {
            *count += peers.of_family[family] * lines;
        }
    }

    fn ask(self) -> Ask {
        let mut pods: Vec<SetId> = self.pods.into_iter().collect();
        pods.sort_unstable();
        let ports: Vec<PortSet> = self.ports.into_iter().collect();
        let members = self.members - ports.iter().map(count).sum::<usize>();
        Ask { rules: self.of_family, members, ports, pods }
    }

    fn ports(&mut self, ports: PortSet, protocol: Protocol, peers: &Peers) {
        let (lines, set) = conditions(protocol, &ports, peers.all);
        self.add(peers, lines.max(1));
        let Some(set) = set else { return };
        let members = count(&set);
        if self.ports.insert(set) {
            self.members += members;
        }
    }

    /// The sets of what destinations call their ports: one for each peer and each list of names.
    fn named(&mut self, rule: &PolicyRule) {
        let mut names = Names::new();
        for entry in &rule.ports {
            if let PortMatch::Named(name) = &entry.ports {
                names.push((entry.protocol, name.clone()));
            }
        }
        if names.is_empty() {
            return;
        }
        names.sort_unstable();
        names.dedup();
        let peers = rule.peers.iter().copied().map(Some);
        let anybody = rule.peers.is_empty().then_some(None);
        for peer in peers.chain(anybody) {
            if self.names.insert((peer, names.clone())) {
                self.members += MEMBERS_OF_NAMES;
            }
        }
    }
}

impl Peers {
    fn of(rule: &PolicyRule, policies: &PolicySet) -> Self {
        let of_family = ByFamily::from_fn(|family| match rule.peers.len() {
            0 => 1,
            _ => rule.peers.iter().filter(|peer| is_of(**peer, family, policies)).count(),
        });
        Self { all: rule.peers.len().max(1), of_family }
    }
}

/// Whether rules of a family are written for a peer. Sets of pods stand there also when nobody is in
/// them.
fn is_of(peer: RulePeer, family: Family, policies: &PolicySet) -> bool {
    let Some(pair) = peer.addresses() else { return true };
    policies.block(pair.possible).is_some_and(|block| match family {
        Family::IPv4 => !block.v4.is_empty(),
        Family::IPv6 => !block.v6.is_empty(),
    })
}

/// The ports that a rule names of a protocol.
fn numbers(rule: &PolicyRule, protocol: Protocol, counted: Counted<'_>) -> PortSet {
    let entries = rule.ports.iter().filter(|entry| entry.protocol == protocol);
    let mut ranges = Vec::new();
    for entry in entries {
        match &entry.ports {
            PortMatch::Range(first, last) => ranges.push((*first, *last)),
            // Of egress they are looked up at the destination, by one rule.
            PortMatch::Named(name) if counted.direction == Direction::Ingress => {
                let own = counted.subject.map(|group| group.named_ports(name, protocol));
                ranges.extend(own.iter().flat_map(PortSet::ranges));
            }
            PortMatch::Named(_) | PortMatch::Any => {}
        }
    }
    PortSet::from_ranges(ranges)
}

/// How many ports there are in a set.
pub fn count(ports: &PortSet) -> usize {
    ports.ranges().iter().map(|(first, last)| usize::from(last - first) + 1).sum()
}

/// How many CIDRs a block takes, or somewhat more than `most`, if it takes more.
pub fn nets(block: &AddrSet, most: usize) -> usize {
    let v4 = block.v4.ranges().iter().map(|&(a, b)| (u128::from(a), u128::from(b)));
    let mut count = 0;
    for (first, last) in v4.chain(block.v6.ranges().iter().copied()) {
        count += nets_of_range(first, last);
        if count > most {
            break;
        }
    }
    count
}

fn nets_of_range(first: u128, last: u128) -> usize {
    let (mut at, mut count) = (first, 1);
    // Every address there is: one.
    while let Some(left) = (last - at).checked_add(1) {
        let bits = at.trailing_zeros().min(left.ilog2());
        match at.checked_add(1 << bits) {
            Some(next) if next <= last => (at, count) = (next, count + 1),
            _ => break,
        }
    }
    count
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::net::Cidr;

    #[test]
    fn nets_are_counted_as_they_are_made() {
        let block = |text: &str| AddrSet::from_cidr(Cidr::parse(text).unwrap());
        let all = AddrSet::full();
        for except in ["10.1.2.3/32", "0.0.0.0/32", "255.255.255.255/32", "fd00::7/128", "::/1"] {
            let rest = all.difference(&block(except));
            assert_eq!(nets(&rest, usize::MAX), rest.nets().len(), "{except}");
        }
        assert_eq!(nets(&all, usize::MAX), 2);
        assert_eq!(nets(&AddrSet::default(), usize::MAX), 0);
    }
}
