//! Rules as `iptables-save` lists them, read back.

use std::str::SplitWhitespace;

use super::super::program::{
    Action, FilterRule, IcmpMessage, Match, RejectWith, SetKind, SetName, States,
};
use super::super::state::ListedRule;
use super::protocols;
use super::render::rule_text;
use crate::net::{Cidr, Family};

/// A rule as it stands after the name of its chain. One that would not be written as it is listed
/// is none that was written here.
pub fn read(text: &str, family: Family) -> ListedRule {
    let mut words = Words(text.split_whitespace());
    let written = |rule: &FilterRule| rule_text(rule, family) == protocols::as_written(text);
    match words.rule().filter(written) {
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
                "-p" => Match::Protocol(protocols::read(self.word()?)?),
                "!" => {
                    self.expect("-p")?;
                    Match::OtherProtocol(protocols::read(self.word()?)?)
                }
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
            ("conntrack", "--ctstate") => Some(match self.word()? {
                "RELATED,ESTABLISHED" => Match::State(States::EstablishedOrRelated),
                "INVALID" => Match::State(States::Invalid),
                "DNAT" => Match::Translated,
                _ => return None,
            }),
            ("conntrack", "--ctorigdst") => {
                let text = self.word()?;
                let whole = if text.contains(':') { "128" } else { "32" };
                let block = match text.contains('/') {
                    true => Cidr::parse(text),
                    false => Cidr::parse(&format!("{text}/{whole}")),
                };
                Some(Match::OriginalDestination(block.ok()?))
            }
            ("conntrack", "--ctorigdstport") => {
                let (first, last) = range(self.word()?)?;
                Some(Match::OriginalPorts(first, last))
            }
            ("connmark", "--mark") => {
                let (bit, _) = self.word()?.strip_prefix("0x")?.split_once('/')?;
                Some(Match::ConnectionMark(u32::from_str_radix(bit, 16).ok()?))
            }
            ("icmp6", "--icmpv6-type") => {
                let message = message(self.word()?, false)?;
                Some(match message.code {
                    None => Match::Icmpv6Type(message.kind),
                    Some(_) => Match::Icmp(message),
                })
            }
            ("icmp", "--icmp-type") => Some(Match::Icmp(message(self.word()?, false)?)),
            ("icmp" | "icmp6", "!") => {
                let _ = self.word()?;
                Some(Match::Icmp(message(self.word()?, true)?))
            }
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
                Some(Match::DestinationPorts(self.ranges()?))
            }
            ("tcp" | "udp" | "sctp", "--sport") | ("multiport", "--sports") => {
                Some(Match::SourcePorts(self.ranges()?))
            }
            _ => None,
        }
    }

    fn ranges(&mut self) -> Option<Vec<(u16, u16)>> {
        self.word()?.split(',').map(range).collect()
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
            ("dst,dst", false) => Match::DestinationPortNotIn(set),
            ("src,src", true) => Match::SourcePortIn(set),
            ("src,src", false) => Match::SourcePortNotIn(set),
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

/// A type of ICMP with its code, if it has one.
fn message(text: &str, is_other: bool) -> Option<IcmpMessage> {
    let (kind, code) = match text.split_once('/') {
        Some((kind, code)) => (kind, Some(code.parse().ok()?)),
        None => (text, None),
    };
    Some(IcmpMessage { kind: kind.parse().ok()?, code, is_other })
}

fn range(text: &str) -> Option<(u16, u16)> {
    let (first, last) = text.split_once(':').unwrap_or((text, text));
    Some((first.parse().ok()?, last.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::super::super::program::L4;
    use super::*;
    use crate::net::Protocol;

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
            (vec![Match::Translated], Action::Goto("c".into())),
            (
                vec![ports(tcp), Match::OriginalDestination(block()), Match::OriginalPorts(1, 9)],
                Action::Return,
            ),
            (
                vec![
                    ports(tcp),
                    Match::OriginalPorts(7, 7),
                    Match::OriginalDestination(Cidr::parse("10.0.0.1/32").unwrap()),
                ],
                Action::Return,
            ),
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
    fn what_packets_are_is_read_back() {
        let icmp = |kind, code, is_other| Match::Icmp(IcmpMessage { kind, code, is_other });
        let (tcp, number) = (L4::Ports(Protocol::Tcp), L4::of_number);
        for matches in [
            vec![Match::OtherProtocol(tcp)],
            vec![Match::Protocol(number(47))],
            vec![Match::OtherProtocol(number(58)), Match::SourcePortIn("a".into())],
            vec![Match::SourcePortNotIn("a".into()), Match::DestinationPortNotIn("b".into())],
            vec![Match::Protocol(tcp), Match::SourcePorts(vec![(0, 79)])],
            vec![Match::Protocol(tcp), Match::SourcePorts(vec![(1, 1), (3, 3)])],
            vec![
                Match::Protocol(tcp),
                Match::SourcePorts(vec![(1, 1)]),
                Match::DestinationPorts(vec![(3, 4)]),
            ],
        ] {
            is_read_back(matches, &Family::BOTH);
        }
        for (message, family) in
            [(icmp(8, None, false), Family::IPv4), (icmp(128, Some(0), true), Family::IPv6)]
        {
            is_read_back(vec![Match::Protocol(L4::icmp(family)), message], &[family]);
        }
        for name in ["gre", "47"] {
            let listed = read(&format!("-p {name} -j RETURN"), Family::IPv4);
            let rule = FilterRule::new([Match::Protocol(number(47))], Action::Return);
            assert!(listed.is(&rule), "{name}");
        }
    }

    fn is_read_back(matches: Vec<Match>, families: &[Family]) {
        let rule = FilterRule::new(matches, Action::Return);
        for family in families {
            let text = rule_text(&rule, *family);
            assert!(read(&text, *family).is(&rule), "{text}");
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
            "-m set --match-set a src,dst -j DROP",
            "! -p tcp ! -i eth0 -j DROP",
            "-m connmark --mark 0x80/0xff -j DROP",
            "-j REJECT --reject-with icmp-host-unreachable",
            "-m comment --comment \"a\" -j RETURN",
            "-p tcp -m multiport --dports 1 -j RETURN",
        ] {
            assert_eq!(read(text, Family::IPv4), ListedRule::Other(text.into()), "{text}");
        }
    }
}
