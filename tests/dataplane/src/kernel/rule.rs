//! Rules, read from the words of the command line.

use std::net::IpAddr;

use ipnet::IpNet;

use super::{Failure, Protocol, State};

/// A rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    /// As written.
    pub text: String,
    /// What all must hold.
    pub conditions: Vec<Condition>,
    /// What happens then.
    pub target: Target,
}

/// A condition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Condition {
    Source(IpNet),
    Destination(IpNet),
    Set {
        name: String,
        inverted: bool,
        source: bool,
        with_port: bool,
    },
    Protocol {
        protocol: Protocol,
        inverted: bool,
    },
    /// Ports of the destination, or of the source.
    Ports {
        ranges: Vec<(u16, u16)>,
        source: bool,
    },
    States(Vec<State>),
    Mark(u32, u32),
    /// A type of ICMP with its code, if one is asked for.
    Icmp {
        protocol: Protocol,
        kind: u16,
        code: Option<u16>,
        inverted: bool,
    },
    HopLimit(u8),
    /// A device's name, or what it begins with, and a `+`.
    Enters(String),
    Leaves(String),
    SourceIsNode,
    /// The destination of the connection has been translated.
    Translated,
    /// Where the connection was sent to at first.
    Original(IpNet),
    /// At which port.
    OriginalPorts(u16, u16),
    /// Of rates the model knows nothing: all are low.
    Limit,
}

/// What happens to a packet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    Jump(String),
    Goto(String),
    Return,
    Accept,
    Drop,
    Reject,
    Log,
}

impl Rule {
    /// Reads what stands after the name of the chain.
    pub fn parse(text: &str) -> Result<Self, Failure> {
        let bad = || format!("cannot read `{text}`");
        let words: Vec<&str> = text.split(' ').collect();
        let mut rest = words.as_slice();
        let mut conditions = Vec::new();
        loop {
            let (condition, after) = match rest {
                ["-s", net, after @ ..] => (Condition::Source(net_of(net).ok_or_else(bad)?), after),
                ["-d", net, after @ ..] => {
                    (Condition::Destination(net_of(net).ok_or_else(bad)?), after)
                }
                ["-p", protocol, after @ ..] => {
                    let protocol = protocol_of(protocol).ok_or_else(bad)?;
                    (Condition::Protocol { protocol, inverted: false }, after)
                }
                ["!", "-p", protocol, after @ ..] => {
                    let protocol = protocol_of(protocol).ok_or_else(bad)?;
                    (Condition::Protocol { protocol, inverted: true }, after)
                }
                ["-m", "set", "--match-set", name, side, after @ ..] => {
                    (set(name, false, side).ok_or_else(bad)?, after)
                }
                ["-m", "set", "!", "--match-set", name, side, after @ ..] => {
                    (set(name, true, side).ok_or_else(bad)?, after)
                }
                ["-m", "tcp" | "udp" | "sctp", "--dport", ports, after @ ..]
                | ["-m", "multiport", "--dports", ports, after @ ..] => {
                    let ranges = ports_of(ports).ok_or_else(bad)?;
                    (Condition::Ports { ranges, source: false }, after)
                }
                ["-m", "tcp" | "udp" | "sctp", "--sport", ports, after @ ..]
                | ["-m", "multiport", "--sports", ports, after @ ..] => {
                    let ranges = ports_of(ports).ok_or_else(bad)?;
                    (Condition::Ports { ranges, source: true }, after)
                }
                ["-m", "conntrack", "--ctstate", "RELATED,ESTABLISHED", after @ ..] => {
                    (Condition::States(vec![State::Related, State::Established]), after)
                }
                ["-m", "conntrack", "--ctstate", "INVALID", after @ ..] => {
                    (Condition::States(vec![State::Invalid]), after)
                }
                ["-m", "conntrack", "--ctstate", "DNAT", after @ ..] => {
                    (Condition::Translated, after)
                }
                ["-m", "conntrack", "--ctorigdst", net, after @ ..] => {
                    let net = net_of(net).or_else(|| Some(net.parse::<IpAddr>().ok()?.into()));
                    (Condition::Original(net.ok_or_else(bad)?), after)
                }
                ["-m", "conntrack", "--ctorigdstport", ports, after @ ..] => {
                    let ranges = ports_of(ports).ok_or_else(bad)?;
                    let &[(first, last)] = ranges.as_slice() else { return Err(bad()) };
                    (Condition::OriginalPorts(first, last), after)
                }
                ["-m", "connmark", "--mark", mark, after @ ..] => {
                    (mark_of(mark).ok_or_else(bad)?, after)
                }
                ["-m", "icmp6", "--icmpv6-type", kind, after @ ..] => {
                    (message(Protocol::Icmpv6, kind, false).ok_or_else(bad)?, after)
                }
                ["-m", "icmp6", "!", "--icmpv6-type", kind, after @ ..] => {
                    (message(Protocol::Icmpv6, kind, true).ok_or_else(bad)?, after)
                }
                ["-m", "icmp", "--icmp-type", kind, after @ ..] => {
                    (message(Protocol::Icmp, kind, false).ok_or_else(bad)?, after)
                }
                ["-m", "icmp", "!", "--icmp-type", kind, after @ ..] => {
                    (message(Protocol::Icmp, kind, true).ok_or_else(bad)?, after)
                }
                ["-m", "hl", "--hl-eq", hops, after @ ..] => {
                    (Condition::HopLimit(hops.parse().map_err(|_| bad())?), after)
                }
                ["-m", "addrtype", "--src-type", "LOCAL", after @ ..] => {
                    (Condition::SourceIsNode, after)
                }
                ["-i", device, after @ ..] => (Condition::Enters((*device).to_owned()), after),
                ["-o", device, after @ ..] => (Condition::Leaves((*device).to_owned()), after),
                ["-m", "limit", "--limit", _, "--limit-burst", _, after @ ..] => {
                    (Condition::Limit, after)
                }
                target => {
                    let target = target_of(target).ok_or_else(bad)?;
                    let rule = Self { text: text.to_owned(), conditions, target };
                    return rule.checked();
                }
            };
            conditions.push(condition);
            rest = after;
        }
    }

    /// Ports need a protocol that has them, and messages theirs. No condition of a rule's own comes
    /// twice.
    fn checked(self) -> Result<Self, Failure> {
        let asks = |wanted: &dyn Fn(&Protocol) -> bool| {
            self.conditions.iter().any(|condition| {
                matches!(condition, Condition::Protocol { protocol, inverted: false } if wanted(protocol))
            })
        };
        let ported = asks(&|one| matches!(one, Protocol::Tcp | Protocol::Udp | Protocol::Sctp));
        let own = |condition: &&Condition| {
            matches!(
                condition,
                Condition::Source(_) | Condition::Destination(_) | Condition::Protocol { .. }
            )
        };
        let kinds = self.conditions.iter().filter(own).map(std::mem::discriminant);
        let kinds: Vec<_> = kinds.collect();
        let repeated =
            kinds.iter().enumerate().any(|(at, one)| kinds.iter().take(at).any(|two| two == one));
        let is_wrong = |condition: &Condition| match condition {
            Condition::Ports { ranges, .. } => {
                let numbers = ranges.iter().map(|(a, b)| if a == b { 1 } else { 2 }).sum::<u32>();
                !ported || numbers > 15
            }
            Condition::OriginalPorts(..) => !ported,
            Condition::Icmp { protocol, .. } => !asks(&|one| one == protocol),
            _ => false,
        };
        match repeated || self.conditions.iter().any(is_wrong) {
            true => Err(format!("the tool refuses `{}`", self.text)),
            false => Ok(self),
        }
    }

    /// The chain that it leads to.
    pub fn leads_to(&self) -> Option<&str> {
        match &self.target {
            Target::Jump(chain) | Target::Goto(chain) => Some(chain),
            _ => None,
        }
    }

    /// The sets that it asks, and whether with a port.
    pub fn sets(&self) -> impl Iterator<Item = &str> {
        self.conditions.iter().filter_map(|condition| match condition {
            Condition::Set { name, .. } => Some(&**name),
            _ => None,
        })
    }
}

fn net_of(text: &str) -> Option<IpNet> {
    text.parse().ok()
}

fn protocol_of(text: &str) -> Option<Protocol> {
    match text {
        "tcp" => Some(Protocol::Tcp),
        "udp" => Some(Protocol::Udp),
        "sctp" => Some(Protocol::Sctp),
        "ipv6-icmp" => Some(Protocol::Icmpv6),
        "icmp" => Some(Protocol::Icmp),
        number => match number.parse().ok()? {
            1 | 6 | 17 | 58 | 132 => None,
            other => Some(Protocol::Other(other)),
        },
    }
}

fn message(protocol: Protocol, text: &str, inverted: bool) -> Option<Condition> {
    let (kind, code) = match text.split_once('/') {
        Some((kind, code)) => (kind, Some(code.parse().ok()?)),
        None => (text, None),
    };
    Some(Condition::Icmp { protocol, kind: kind.parse().ok()?, code, inverted })
}

fn set(name: &str, inverted: bool, side: &str) -> Option<Condition> {
    let (source, with_port) = match side {
        "src" => (true, false),
        "dst" => (false, false),
        "dst,dst" => (false, true),
        "src,src" => (true, true),
        _ => return None,
    };
    Some(Condition::Set { name: name.to_owned(), inverted, source, with_port })
}

fn ports_of(text: &str) -> Option<Vec<(u16, u16)>> {
    let range = |text: &str| {
        let (first, last) = text.split_once(':').unwrap_or((text, text));
        Some((first.parse().ok()?, last.parse().ok()?))
    };
    text.split(',').map(range).collect()
}

fn mark_of(text: &str) -> Option<Condition> {
    let (value, mask) = text.split_once('/')?;
    let number = |text: &str| u32::from_str_radix(text.strip_prefix("0x")?, 16).ok();
    Some(Condition::Mark(number(value)?, number(mask)?))
}

fn target_of(words: &[&str]) -> Option<Target> {
    Some(match words {
        ["-j", "RETURN"] => Target::Return,
        ["-j", "ACCEPT"] => Target::Accept,
        ["-j", "DROP"] => Target::Drop,
        ["-j", "REJECT", "--reject-with", _] => Target::Reject,
        ["-j", "NFLOG", "--nflog-prefix", prefix, "--nflog-group", _] => {
            // In quotes, and the kernel keeps 64 bytes with the NUL.
            return (prefix.len() <= 65).then_some(Target::Log);
        }
        ["-j", chain] => Target::Jump((*chain).to_owned()),
        ["-g", chain] => Target::Goto((*chain).to_owned()),
        _ => return None,
    })
}
