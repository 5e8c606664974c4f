//! A packet's way through the chains.

use std::collections::BTreeMap;

use super::rule::{Condition, Target};
use super::set::Set;
use super::table::Table;
use super::{Packet, Verdict};

/// What becomes of a packet that comes into one of the kernel's own chains; those that it comes to
/// are noted.
pub fn judge<'t>(
    table: &'t Table,
    (sets, packet): (&BTreeMap<String, Set>, &Packet),
    hook: &'t str,
    chains: &mut Vec<&'t str>,
) -> Verdict {
    // Where to go on after a return: only jumps are noted, so that from a chain that was gone to
    // one comes back to where the last jump was.
    let mut stack: Vec<(&str, usize)> = Vec::new();
    let (mut chain, mut at) = (hook, 0);
    loop {
        let Some(rule) = table.chain(chain).get(at) else {
            match stack.pop() {
                Some(place) => (chain, at) = place,
                None => return Verdict::Passes,
            }
            continue;
        };
        at += 1;
        if !rule.conditions.iter().all(|condition| holds(condition, sets, packet)) {
            continue;
        }
        match &rule.target {
            Target::Jump(next) => {
                stack.push((chain, at));
                chains.push(next);
                (chain, at) = (next, 0);
            }
            Target::Goto(next) => {
                chains.push(next);
                (chain, at) = (next, 0);
            }
            Target::Return => match stack.pop() {
                Some(place) => (chain, at) = place,
                None => return Verdict::Passes,
            },
            Target::Accept => return Verdict::Passes,
            Target::Drop => return Verdict::Dropped,
            Target::Reject => return Verdict::Refused,
            Target::Log => {}
        }
    }
}

fn holds(condition: &Condition, sets: &BTreeMap<String, Set>, packet: &Packet) -> bool {
    match condition {
        Condition::Source(net) => net.contains(&packet.source),
        Condition::Destination(net) => net.contains(&packet.destination),
        Condition::Set { name, inverted, source, with_port } => {
            let address = if *source { packet.source } else { packet.destination };
            let set = sets.get(name);
            let port = match (with_port, source) {
                (false, _) => None,
                (true, true) => Some(packet.from_port),
                (true, false) => Some(packet.port),
            };
            set.is_some_and(|set| set.contains(address, port, packet)) != *inverted
        }
        Condition::Protocol { protocol, inverted } => (packet.protocol == *protocol) != *inverted,
        Condition::Ports { ranges, source } => {
            let port = if *source { packet.from_port } else { packet.port };
            ranges.iter().any(|(first, last)| (*first..=*last).contains(&port))
        }
        Condition::States(states) => states.contains(&packet.state),
        Condition::Mark(value, mask) => packet.mark & mask == *value,
        Condition::Icmp { protocol, kind, code, inverted } => {
            let is_code = code.is_none_or(|code| packet.from_port == code);
            let is_message = packet.port == *kind && is_code;
            packet.protocol == *protocol && is_message != *inverted
        }
        Condition::HopLimit(hops) => packet.hops == *hops,
        Condition::Enters(device) => is_device(device, packet.enters),
        Condition::Leaves(device) => is_device(device, packet.leaves),
        Condition::SourceIsNode => packet.from_node,
        Condition::Translated => packet.original.is_some(),
        // A connection says where it was sent to, also where that was not translated.
        Condition::Original(net) => net.contains(&packet.first_sent_to().0),
        Condition::OriginalPorts(first, last) => {
            (*first..=*last).contains(&packet.first_sent_to().1)
        }
        Condition::Limit => true,
    }
}

fn is_device(pattern: &str, name: &str) -> bool {
    match pattern.strip_suffix('+') {
        Some(prefix) => name.starts_with(prefix),
        None => pattern == name,
    }
}
