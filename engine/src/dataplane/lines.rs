//! How many rules of the kernel a rule with conditions is, about, and what is in sets for it.
//!
//! Not fewer than are written: conditions that exclude each other are not looked for.

use super::limits::{self, Counted};
use super::lower::ports::{chunks, conditions};
use crate::manifest::{Direction, PortMatch};
use crate::net::{AddrSet, ConnSet, Family, PortSet, Protocol};
use crate::policy::{BlockId, Condition, PacketMatch, PolicyRule, PolicySet, Seat, SetId};

/// So many members a set of those counts as that give a port some name: who they are is not known
/// from the policy alone, and each of its rules may ask for another set.
pub const MEMBERS_OF_NAMES: usize = 1024;

/// What a rule asks for.
#[derive(Debug, Default)]
pub struct Written {
    /// Rules of the kernel.
    pub lines: usize,
    /// Members of sets, but for those of ports.
    pub members: usize,
    /// Ports that have sets.
    pub ports: Vec<PortSet>,
    /// Sets of pods.
    pub pods: Vec<SetId>,
    /// The family that it is about alone, if it is about one.
    pub family: Option<Family>,
}

/// How many rules of the kernel a rule is, about.
pub fn lines_of(rule: &PolicyRule, policies: &PolicySet, direction: Direction) -> usize {
    if rule.conditions.is_empty() {
        return rule.peers.len().max(1).saturating_mul(rule.ports.len().max(1));
    }
    Written::of(rule, Counted { policies, direction, subject: None }, usize::MAX).lines
}

impl Written {
    /// What a rule with conditions asks for; of members, somewhat more than `most` at most.
    pub fn of(rule: &PolicyRule, counted: Counted<'_>, most: usize) -> Self {
        let mut written = Self { lines: 1, ..Self::default() };
        for condition in &rule.conditions {
            written.add(condition, counted, most);
        }
        written
    }

    fn add(&mut self, condition: &Condition, counted: Counted<'_>, most: usize) {
        let is_own = |seat: Seat| seat == Seat::Subject;
        match condition {
            Condition::Items { seat, .. } | Condition::Net { seat, .. } if is_own(*seat) => {}
            Condition::Items { negated, pods, sets, .. } => {
                self.pods.push(*pods);
                let block = counted.policies.block(sets.possible).cloned().unwrap_or_default();
                let block = if *negated { AddrSet::full().difference(&block) } else { block };
                self.block(&block, most);
                self.times(if *negated { 1 } else { 2 });
            }
            Condition::Net { block, .. } => self.net(*block, counted, most),
            Condition::Flows { packets, family, .. } => {
                if let (PacketMatch::Protocol(_, false), Some((own, _))) = (packets, family) {
                    self.family = Some(*own);
                }
                self.times(if matches!(packets, PacketMatch::Icmp(_, true)) { 2 } else { 1 });
            }
            Condition::Ports { negated, numbers, names, of } => {
                self.pods.extend(of);
                let is_own = counted.direction == Direction::Ingress;
                let own = if is_own { own_ports(condition, counted) } else { ConnSet::none() };
                let lines = self.ports(&numbers.union(&own), *negated);
                let looked_up = usize::from(!is_own && !names.is_empty());
                self.members += looked_up * MEMBERS_OF_NAMES;
                self.times(lines + looked_up);
            }
            Condition::SourcePorts { negated, numbers, names, of, seat } => {
                self.pods.extend(of);
                let own =
                    if is_own(*seat) { own_ports(condition, counted) } else { ConnSet::none() };
                let all = numbers.union(&own);
                let lines = Protocol::ALL.map(|one| {
                    let ports = asked(all.ports(one), *negated);
                    chunks(&ports).len()
                });
                let looked_up = usize::from(!is_own(*seat) && !names.is_empty());
                self.members += looked_up * MEMBERS_OF_NAMES;
                self.times(lines.iter().sum::<usize>() + looked_up);
            }
            Condition::Service { pods, numbers, names } => {
                self.pods.push(*pods);
                let lines = self.ports(numbers, false);
                let looked_up = usize::from(!names.is_empty());
                self.members += looked_up * MEMBERS_OF_NAMES;
                self.times(lines + looked_up);
            }
            Condition::Open(_) => {}
        }
    }

    fn times(&mut self, lines: usize) {
        self.lines = self.lines.saturating_mul(lines.max(1));
    }

    fn net(&mut self, block: BlockId, counted: Counted<'_>, most: usize) {
        let Some(block) = counted.policies.block(block) else { return };
        self.block(block, most);
        match (block.v4.is_empty(), block.v6.is_empty()) {
            (true, false) => self.family = Some(Family::IPv6),
            (false, true) => self.family = Some(Family::IPv4),
            _ => {}
        }
    }

    fn block(&mut self, block: &AddrSet, most: usize) {
        // What is one block is written in the rule; parts of two blocks may be in two sets.
        let nets = limits::nets(block, most).saturating_sub(1);
        self.members = self.members.saturating_add(nets.saturating_mul(2));
    }

    /// How many lines ports are, which may have sets.
    fn ports(&mut self, all: &ConnSet, negated: bool) -> usize {
        let mut lines = 0;
        for protocol in Protocol::ALL {
            let ports = asked(all.ports(protocol), negated);
            if ports.is_empty() {
                continue;
            }
            let (count, set) = conditions(protocol, &ports, self.lines.max(2));
            // Few ports are listed where there are few lines.
            lines += count.max(chunks(&ports).len().min(16));
            self.ports.extend(set);
        }
        lines
    }
}

/// Ports that are asked for, or all but those.
fn asked(ports: &PortSet, negated: bool) -> PortSet {
    if negated && !ports.is_empty() {
        return PortSet::full().difference(ports);
    }
    ports.clone()
}

/// Ports that the pods call so.
fn own_ports(condition: &Condition, counted: Counted<'_>) -> ConnSet {
    let mut own = ConnSet::none();
    let Some(group) = counted.subject else { return own };
    for entry in condition.names() {
        if let PortMatch::Named(name) = &entry.ports {
            own.add(entry.protocol, &group.named_ports(name, entry.protocol));
        }
    }
    own
}
