//! Programs as `iptables-restore --noflush` and `ipset restore` read them.

use std::fmt::Write as _;

use super::super::program::{
    Action, AddressSet, FamilyProgram, FilterRule, IcmpMessage, L4, Match, Members, RejectWith,
    RuleOrigin, SetKind, States,
};
use super::protocols;
use crate::net::{Family, Protocol};

/// The least that a set has room for. Only a limit: the kernel takes memory for members that there
/// are.
const ROOM: usize = 1 << 20;

/// The room of sets of named ports. They grow with pods, whose ports others choose, and what is full
/// cannot be given more room while rules ask for it.
const ROOM_FOR_PORTS: usize = 1 << 24;

/// The longest comment that the kernel takes.
const LONGEST_COMMENT: usize = 255;

/// What a rule's comment says; none for no comment.
pub type Comments<'c> = &'c dyn Fn(&RuleOrigin) -> Option<String>;

/// The whole program of a family as `iptables-restore --noflush` (`ip6tables-restore`) reads it.
///
/// # Shape
/// Chains of ours are emptied and filled; the kernel's own chains keep what they have and get our
/// jumps in front. To change a program that is in force there is a plan instead.
pub fn iptables_restore(program: &FamilyProgram, comments: Comments<'_>) -> String {
    let mut text = String::from("*filter\n");
    for name in program.chains.keys() {
        let _ = writeln!(text, ":{name} - [0:0]");
    }
    for chain in program.chains.values() {
        for rule in &chain.rules {
            let _ = write!(text, "-A {} ", chain.name);
            write_rule(&mut text, rule, program.family, comments);
            text.push('\n');
        }
    }
    for hook in &program.hooks {
        let _ = writeln!(text, "-I {} 1 -j {}", hook.from, hook.to);
    }
    text.push_str("COMMIT\n");
    text
}

/// The sets of a family as `ipset restore` reads them, to be made before the rules.
///
/// # Shape
/// With `-exist` on the command line it may be repeated.
pub fn ipset_restore(program: &FamilyProgram) -> String {
    let mut text = String::new();
    for set in program.sets.values() {
        text.push_str(&set_create(set, program.family));
        text.push('\n');
        for member in member_texts(&set.members) {
            let _ = writeln!(text, "add {} {member}", set.name);
        }
    }
    text
}

/// The line of `ipset restore` that makes a set.
pub fn set_create(set: &AddressSet, family: Family) -> String {
    let kind = match set.members.kind() {
        SetKind::Address => "hash:ip",
        SetKind::Block => "hash:net",
        SetKind::Port => "hash:ip,port",
        // Of no family, and with room for all.
        SetKind::Number => return format!("create {} bitmap:port range 0-65535", set.name),
    };
    let family = match family {
        Family::IPv4 => "inet",
        Family::IPv6 => "inet6",
    };
    format!("create {} {kind} family {family} maxelem {}", set.name, room(&set.members))
}

/// How many members a set may have: more than it is made with, unless these are all that it will
/// ever have, as of blocks.
fn room(members: &Members) -> usize {
    let least = if members.kind() == SetKind::Port { ROOM_FOR_PORTS } else { ROOM };
    least.max(members.len().next_power_of_two())
}

/// Members as `ipset` writes them, ascending.
pub fn member_texts(members: &Members) -> Vec<String> {
    match members {
        Members::Addresses(addresses) => addresses.iter().map(ToString::to_string).collect(),
        Members::Blocks(blocks) => blocks.iter().map(ToString::to_string).collect(),
        Members::Ports(ports) => ports
            .iter()
            .map(|(address, protocol, port)| format!("{address},{}:{port}", lower(*protocol)))
            .collect(),
        Members::Numbers(ports) => ports.iter().map(ToString::to_string).collect(),
    }
}

/// A rule as it stands after the name of its chain, without comment.
pub fn rule_text(rule: &FilterRule, family: Family) -> String {
    let mut text = String::new();
    write_rule(&mut text, rule, family, &|_| None);
    text
}

fn write_rule(text: &mut String, rule: &FilterRule, family: Family, comments: Comments<'_>) {
    for condition in rule.listed_matches() {
        write_match(text, condition, (&rule.matches, family));
        text.push(' ');
    }
    if let Some(comment) = rule.origin.as_ref().and_then(comments) {
        let _ = write!(text, "-m comment --comment \"{}\" ", harmless(&comment));
    }
    write_action(text, &rule.action, family);
}

fn write_match(text: &mut String, condition: &Match, (all, family): (&[Match], Family)) {
    let _ = match condition {
        Match::Source(block) => write!(text, "-s {block}"),
        Match::Destination(block) => write!(text, "-d {block}"),
        Match::SourceIn(set) => write!(text, "-m set --match-set {set} src"),
        Match::SourceNotIn(set) => write!(text, "-m set ! --match-set {set} src"),
        Match::DestinationIn(set) | Match::PortIn(set) => {
            write!(text, "-m set --match-set {set} dst")
        }
        Match::DestinationNotIn(set) => write!(text, "-m set ! --match-set {set} dst"),
        Match::DestinationPortIn(set) => write!(text, "-m set --match-set {set} dst,dst"),
        Match::DestinationPortNotIn(set) => write!(text, "-m set ! --match-set {set} dst,dst"),
        Match::SourcePortIn(set) => write!(text, "-m set --match-set {set} src,src"),
        Match::SourcePortNotIn(set) => write!(text, "-m set ! --match-set {set} src,src"),
        Match::Protocol(protocol) => write!(text, "-p {}", protocols::name(*protocol)),
        Match::OtherProtocol(protocol) => write!(text, "! -p {}", protocols::name(*protocol)),
        Match::DestinationPorts(ranges) => {
            write_ports(text, ranges, ("--dport", all));
            Ok(())
        }
        Match::SourcePorts(ranges) => {
            write_ports(text, ranges, ("--sport", all));
            Ok(())
        }
        Match::State(States::EstablishedOrRelated) => {
            write!(text, "-m conntrack --ctstate RELATED,ESTABLISHED")
        }
        Match::State(States::Invalid) => write!(text, "-m conntrack --ctstate INVALID"),
        Match::ConnectionMark(bit) => write!(text, "-m connmark --mark {bit:#x}/{bit:#x}"),
        Match::Icmpv6Type(kind) => write!(text, "-m icmp6 --icmpv6-type {kind}"),
        Match::Icmp(message) => write_icmp(text, *message, family),
        Match::HopLimit(hops) => write!(text, "-m hl --hl-eq {hops}"),
        Match::Enters(interface) => write!(text, "-i {interface}"),
        Match::Leaves(interface) => write!(text, "-o {interface}"),
        Match::SourceIsNode => write!(text, "-m addrtype --src-type LOCAL"),
        Match::Translated => write!(text, "-m conntrack --ctstate DNAT"),
        Match::OriginalDestination(block) => {
            let (text_of, end) =
                (block.to_string(), if family == Family::IPv4 { "/32" } else { "/128" });
            // As tools list it.
            let listed = text_of.strip_suffix(end).unwrap_or(&text_of);
            write!(text, "-m conntrack --ctorigdst {listed}")
        }
        Match::OriginalPorts(first, last) if first == last => {
            write!(text, "-m conntrack --ctorigdstport {first}")
        }
        Match::OriginalPorts(first, last) => {
            write!(text, "-m conntrack --ctorigdstport {first}:{last}")
        }
        Match::Limit(per_second, burst) => {
            write!(text, "-m limit --limit {per_second}/sec --limit-burst {burst}")
        }
    };
}

/// One range as the protocol's own match writes it, which costs less than a list; not where both
/// ends' ports are asked for, which tools list in several ways.
fn write_ports(text: &mut String, ranges: &[(u16, u16)], (option, all): (&str, &[Match])) {
    let protocol = all.iter().find_map(|condition| match condition {
        Match::Protocol(L4::Ports(protocol)) => Some(lower(*protocol)),
        _ => None,
    });
    let of_ports = |one: &&Match| matches!(one, Match::DestinationPorts(_) | Match::SourcePorts(_));
    match (ranges, protocol) {
        ([_], Some(protocol)) if all.iter().filter(of_ports).count() == 1 => {
            let _ = write!(text, "-m {protocol} {option} ");
        }
        _ => {
            let _ = write!(text, "-m multiport {option}s ");
        }
    }
    for (i, (first, last)) in ranges.iter().enumerate() {
        let comma = if i == 0 { "" } else { "," };
        let _ = match first == last {
            true => write!(text, "{comma}{first}"),
            false => write!(text, "{comma}{first}:{last}"),
        };
    }
}

fn write_icmp(text: &mut String, message: IcmpMessage, family: Family) -> std::fmt::Result {
    let not = if message.is_other { "! " } else { "" };
    let (module, option) = match family {
        Family::IPv4 => ("icmp", "--icmp-type"),
        Family::IPv6 => ("icmp6", "--icmpv6-type"),
    };
    write!(text, "-m {module} {not}{option} {}", message.kind)?;
    message.code.map_or(Ok(()), |code| write!(text, "/{code}"))
}

fn write_action(text: &mut String, action: &Action, family: Family) {
    let _ = match action {
        Action::Jump(chain) => write!(text, "-j {chain}"),
        Action::Goto(chain) => write!(text, "-g {chain}"),
        Action::Return => write!(text, "-j RETURN"),
        Action::Accept => write!(text, "-j ACCEPT"),
        Action::Drop => write!(text, "-j DROP"),
        Action::Reject(RejectWith::TcpReset) => write!(text, "-j REJECT --reject-with tcp-reset"),
        Action::Reject(RejectWith::PortUnreachable) => {
            let icmp = if family == Family::IPv4 { "icmp" } else { "icmp6" };
            write!(text, "-j REJECT --reject-with {icmp}-port-unreachable")
        }
        Action::Log { group, prefix } => {
            write!(text, "-j NFLOG --nflog-prefix \"{prefix}\" --nflog-group {group}")
        }
    };
}

fn lower(protocol: Protocol) -> &'static str {
    match protocol {
        Protocol::Sctp => "sctp",
        Protocol::Tcp => "tcp",
        Protocol::Udp => "udp",
    }
}

/// A comment that can neither end its quotes nor its line, nor say anything to a terminal.
fn harmless(comment: &str) -> String {
    let plain = |c: char| match c {
        ' '..='~' if !matches!(c, '"' | '\\' | '`' | '$' | '\'') => c,
        _ => '?',
    };
    comment.chars().map(plain).take(LONGEST_COMMENT).collect()
}
