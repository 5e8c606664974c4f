//! Rules as `iptables-save` lists them, read back.

use std::str::SplitWhitespace;

use super::super::program::{Action, FilterRule, L4, Match, RejectWith, SetKind, SetName, States};
use super::super::state::ListedRule;
use super::render::rule_text;
use crate::net::{Cidr, Family, Protocol};

/// A rule as it stands after the name of its chain. One that would not be written as it is listed
/// is none that was written here.
pub fn read(text: &str, family: Family) -> ListedRule {
    let mut words = Words(text.split_whitespace());
    match words.rule().filter(|rule| rule_text(rule, family) == text) {
        Some(rule) => ListedRule::Known(rule),
        None => ListedRule::Other(text.into()),
    }
}

/// Words of a rule that are not read yet.
struct Words<'t>(SplitWhitespace<'t>);

impl<'t> Words<'t> {
    fn word(&mut self) -> Option<&'t str> {
        self.0.next()
    }

    /// The next word, if it is this one.
    fn expect(&mut self, word: &str) -> Option<()> {
        (self.word()? == word).then_some(())
    }

    fn rule(&mut self) -> Option<FilterRule> {
        let mut matches = Vec::new();
        loop {
            matches.push(match self.word()? {
                "-s" => Match::Source(Cidr::parse(self.word()?).ok()?),
                "-d" => Match::Destination(Cidr::parse(self.word()?).ok()?),
                "-i" => Match::Enters(self.word()?.parse().ok()?),
                "-o" => Match::Leaves(self.word()?.parse().ok()?),
                "-p" => Match::Protocol(match self.word()? {
                    "ipv6-icmp" => L4::Icmpv6,
                    other => L4::Ports(protocol(other)?),
                }),
                "-m" => self.condition()?,
                "-g" => return Some(FilterRule::new(matches, Action::Goto(self.word()?.into()))),
                "-j" => return Some(FilterRule::new(matches, self.target()?)),
                _ => return None,
            });
        }
    }

    /// What stands after `-m`.
    fn condition(&mut self) -> Option<Match> {
        match (self.word()?, self.word()?) {
            ("set", "--match-set") => self.set(true),
            ("set", "!") => {
                self.expect("--match-set")?;
                self.set(false)
            }
            ("conntrack", "--ctstate") => Some(Match::State(match self.word()? {
                "RELATED,ESTABLISHED" => States::EstablishedOrRelated,
                "INVALID" => States::Invalid,
                _ => return None,
            })),
            ("connmark", "--mark") => {
                let (bit, _) = self.word()?.strip_prefix("0x")?.split_once('/')?;
                Some(Match::ConnectionMark(u32::from_str_radix(bit, 16).ok()?))
            }
            ("icmp6", "--icmpv6-type") => Some(Match::Icmpv6Type(self.word()?.parse().ok()?)),
            ("hl", "--hl-eq") => Some(Match::HopLimit(self.word()?.parse().ok()?)),
            ("addrtype", "--src-type") => {
                self.expect("LOCAL")?;
                Some(Match::SourceIsNode)
            }
            ("limit", "--limit") => {
                let per_second = self.word()?.strip_suffix("/sec")?.parse().ok()?;
                self.expect("--limit-burst")?;
                Some(Match::Limit(per_second, self.word()?.parse().ok()?))
            }
            ("tcp" | "udp" | "sctp", "--dport") | ("multiport", "--dports") => {
                let ranges: Option<Vec<_>> = self.word()?.split(',').map(range).collect();
                Some(Match::DestinationPorts(ranges?))
            }
            _ => None,
        }
    }

    fn set(&mut self, is_in: bool) -> Option<Match> {
        let set: SetName = self.word()?.into();
        Some(match (self.word()?, is_in) {
            // What the kernel looks up is a matter of the set's kind.
            ("dst", true) if SetKind::Number.names(&set) => Match::PortIn(set),
            ("src", true) => Match::SourceIn(set),
            ("src", false) => Match::SourceNotIn(set),
            ("dst", true) => Match::DestinationIn(set),
            ("dst", false) => Match::DestinationNotIn(set),
            ("dst,dst", true) => Match::DestinationPortIn(set),
            _ => return None,
        })
    }

    /// What stands after `-j`.
    fn target(&mut self) -> Option<Action> {
        Some(match self.word()? {
            "RETURN" => Action::Return,
            "ACCEPT" => Action::Accept,
            "DROP" => Action::Drop,
            "REJECT" => {
                self.expect("--reject-with")?;
                Action::Reject(match self.word()? {
                    "tcp-reset" => RejectWith::TcpReset,
                    _ => RejectWith::PortUnreachable,
                })
            }
            "NFLOG" => {
                self.expect("--nflog-prefix")?;
                let prefix = self.word()?.strip_prefix('"')?.strip_suffix('"')?.into();
                self.expect("--nflog-group")?;
                Action::Log { group: self.word()?.parse().ok()?, prefix }
            }
            chain => Action::Jump(chain.into()),
        })
    }
}

fn protocol(text: &str) -> Option<Protocol> {
    Protocol::from_name(&text.to_ascii_uppercase())
}

fn range(text: &str) -> Option<(u16, u16)> {
    let (first, last) = text.split_once(':').unwrap_or((text, text));
    Some((first.parse().ok()?, last.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_back() {
        let (tcp, sctp) = (Protocol::Tcp, Protocol::Sctp);
        let ports = |protocol| Match::Protocol(L4::Ports(protocol));
        let block = || Cidr::parse("10.0.0.0/8").unwrap();
        let device = |name: &str| name.parse().unwrap();
        let log = Action::Log { group: 7, prefix: "ingress:abc".into() };
        for (matches, action) in [
            (vec![], Action::Return),
            (vec![Match::Source(block()), Match::Destination(block())], Action::Accept),
            (vec![Match::SourceIn("a".into()), Match::DestinationIn("b".into())], Action::Drop),
            (
                vec![Match::SourceNotIn("a".into()), Match::DestinationNotIn("b".into())],
                Action::Goto("c".into()),
            ),
            (vec![Match::DestinationPortIn("a".into())], Action::Jump("c".into())),
            (vec![ports(tcp), Match::PortIn("P4-n-x".into())], Action::Return),
            (
                vec![ports(tcp), Match::DestinationPorts(vec![(1, 1)])],
                Action::Reject(RejectWith::TcpReset),
            ),
            (
                vec![
                    ports(tcp),
                    Match::DestinationPorts(vec![(1, 1), (2, 9)]),
                    Match::Source(block()),
                ],
                Action::Reject(RejectWith::PortUnreachable),
            ),
            (vec![ports(sctp), Match::SourceIsNode], Action::Return),
            (
                vec![Match::HopLimit(255), Match::Protocol(L4::Icmpv6), Match::Icmpv6Type(135)],
                Action::Return,
            ),
            (vec![Match::Leaves(device("p+")), Match::Enters(device("cni0"))], Action::Drop),
            (vec![Match::State(States::EstablishedOrRelated)], Action::Return),
            (vec![Match::State(States::Invalid), Match::ConnectionMark(0x80)], Action::Return),
            (vec![Match::Limit(5, 10)], log),
        ] {
            let rule = FilterRule::new(matches, action);
            for family in Family::BOTH {
                let text = rule_text(&rule, family);
                let listed = read(&text, family);
                assert!(matches!(listed, ListedRule::Known(_)), "{text}");
                assert!(listed.is(&rule), "{text}");
            }
        }
    }

    #[test]
    fn what_is_not_written_so_is_anothers() {
        for text in [
            "",
            "-j",
            "-j RETURN -x",
            "! -i eth0 -j RETURN",
            "-s 10.1.2.3/8 -j RETURN",
            "-m set --match-set a src,src -j DROP",
            "-m connmark --mark 0x80/0xff -j DROP",
            "-j REJECT --reject-with icmp-host-unreachable",
            "-m comment --comment \"a\" -j RETURN",
            "-p tcp -m multiport --dports 1 -j RETURN",
        ] {
            assert_eq!(read(text, Family::IPv4), ListedRule::Other(text.into()), "{text}");
        }
    }
}
