//! The chains that every program has: where packets come in, and what holds for all of them.

use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use std::net::{Ipv4Addr, Ipv6Addr};

use super::super::program::{
    Action, ChainName, FilterRule, L4, Match, RejectWith, SetName, States,
};
use super::super::settings::{Admitted, Denial, Settings};
use super::super::wiring::{Interface, Wiring};
use super::hosts::{ENTERING, LEAVING, RECEIVED, SENT};
use super::tier::{AUDITED, denied, logged};
use crate::manifest::{Direction, Mode};
use crate::net::{Cidr, Family, Protocol};

/// The hop limit of messages between neighbours. A router lowers it before it forwards, so of what
/// is forwarded only frames on a bridge have it.
const NEIGHBOUR: u8 = 255;
const ROUTER_SOLICITATION: u8 = 133;
const ROUTER_ADVERTISEMENT: u8 = 134;
const NEIGHBOUR_SOLICITATION: u8 = 135;
const NEIGHBOUR_ADVERTISEMENT: u8 = 136;
const REDIRECT: u8 = 137;
/// A report of multicast groups: each system sends some, and nobody needs those of pods.
const MULTICAST_REPORT: u8 = 143;

/// What the chains are made for.
#[derive(Clone, Copy, Debug)]
pub struct Entry<'e> {
    /// What the operator decides.
    pub settings: &'e Settings,
    /// How pods are attached.
    pub wiring: &'e Wiring,
    /// The family.
    pub family: Family,
    /// The set of the addresses of local pods.
    pub local: &'e SetName,
    /// The set of Services that the kernel itself forwards, if it does.
    pub services: Option<&'e SetName>,
    /// Whether the node has host endpoints.
    pub hosts: bool,
}

impl Entry<'_> {
    /// All of them but the roots, which depend on the pods.
    ///
    /// # Shape
    /// Each ends in a rule without matches.
    pub fn chains(&self) -> Vec<(ChainName, Vec<FilterRule>)> {
        let named = |word| self.settings.chain(word);
        let mut chains = vec![
            (self.settings.forward(), closed(self.forward())),
            (self.settings.input(), closed(self.input())),
            (named("CUT"), closed(self.cut())),
            (named("DONE"), closed(self.cut().into_iter().chain(self.accept()))),
            (named("UNKNOWN"), self.unknown_end()),
        ];
        if self.settings.drops_invalid() {
            chains.push((named("INVALID"), closed(self.invalid())));
        }
        if self.has_devices() {
            chains.push((named("FROM"), closed(self.entering())));
            chains.push((named("TO"), closed(self.leaving())));
        }
        if self.hosts || self.services.is_some() {
            chains.push((self.settings.output(), closed(self.output())));
        }
        chains
    }

    /// Established connections first, since nearly all packets belong to one; then what is no
    /// matter of policies; then the policies of both ends, each of which may deny.
    fn forward(&self) -> Vec<FilterRule> {
        let mut rules = vec![self.established("DONE")];
        rules.extend(self.neighbours(&[NEIGHBOUR_SOLICITATION, NEIGHBOUR_ADVERTISEMENT]));
        if self.has_devices() {
            rules.push(self.jump("FROM"));
            rules.push(self.jump("TO"));
        }
        rules.extend(self.at_host(&[ENTERING, LEAVING]));
        if self.settings.drops_invalid() {
            let target = Action::Goto(self.settings.chain("INVALID"));
            rules.push(FilterRule::new([Match::State(States::Invalid)], target));
        }
        rules.extend(self.ends(&[Direction::Egress, Direction::Ingress]));
        rules.extend(self.unknown());
        rules.extend(self.log_admitted());
        rules.extend(self.accept());
        rules
    }

    /// A pod's packets to its own node have only the pod's policies; what comes from anybody else
    /// is not policed, and is never accepted here, lest it got past a firewall of the host.
    fn input(&self) -> Vec<FilterRule> {
        let mut rules = vec![self.established("CUT")];
        let neighbours = [ROUTER_SOLICITATION, NEIGHBOUR_SOLICITATION, NEIGHBOUR_ADVERTISEMENT];
        rules.extend(self.neighbours(&neighbours));
        if self.has_devices() {
            rules.extend(self.dhcp());
            rules.push(self.jump("FROM"));
        }
        rules.extend(self.at_host(&[RECEIVED]));
        if let Some(services) = self.services {
            let to_service = Match::DestinationPortIn(services.clone());
            rules.push(FilterRule::new([to_service], Action::Return));
        }
        rules.extend(self.ends(&[Direction::Egress]));
        rules
    }

    /// What the kernel itself forwards to endpoints of Services comes from other addresses than
    /// the node's, and is judged like anything that is forwarded.
    fn output(&self) -> Vec<FilterRule> {
        let mut rules = vec![self.established("CUT")];
        rules.extend(self.at_host(&[SENT]));
        if self.services.is_some() {
            rules.push(FilterRule::new([Match::SourceIsNode], Action::Return));
            rules.extend(self.ends(&[Direction::Egress, Direction::Ingress]));
        }
        rules
    }

    fn at_host(&self, chains: &[&str]) -> Vec<FilterRule> {
        let all = chains.iter().filter(|_| self.hosts);
        all.map(|chain| self.jump(chain)).collect()
    }

    fn established(&self, chain: &str) -> FilterRule {
        let state = Match::State(States::EstablishedOrRelated);
        FilterRule::new([state], Action::Goto(self.settings.chain(chain)))
    }

    fn jump(&self, chain: &str) -> FilterRule {
        FilterRule::new([], Action::Jump(self.settings.chain(chain)))
    }

    fn ends(&self, directions: &[Direction]) -> Vec<FilterRule> {
        let end = |direction: &Direction| Action::Jump(self.settings.root(*direction));
        directions.iter().map(|direction| FilterRule::new([], end(direction))).collect()
    }

    /// Connections that a change of policies has ended: both sides are told.
    fn cut(&self) -> Vec<FilterRule> {
        if self.settings.mode == Mode::Audit {
            return Vec::new();
        }
        let marked = Match::ConnectionMark(self.settings.kill_mark);
        if self.settings.denial == Denial::Drop {
            return vec![FilterRule::new([marked], Action::Drop)];
        }
        let tcp = Match::Protocol(L4::Ports(Protocol::Tcp));
        vec![
            FilterRule::new([tcp, marked.clone()], Action::Reject(RejectWith::TcpReset)),
            FilterRule::new([marked], Action::Reject(RejectWith::PortUnreachable)),
        ]
    }

    /// Packets of no connection are dropped where they concern pods of the node, known or not.
    fn invalid(&self) -> Vec<FilterRule> {
        let drop = |concerns| FilterRule::new([concerns], Action::Drop);
        let mut rules = vec![
            drop(Match::SourceIn(self.local.clone())),
            drop(Match::DestinationIn(self.local.clone())),
        ];
        rules.extend(self.unknown());
        rules
    }

    /// Without these messages there is no IPv6, whatever policies admit.
    fn neighbours(&self, kinds: &[u8]) -> Vec<FilterRule> {
        match self.family {
            Family::IPv4 => Vec::new(),
            Family::IPv6 => kinds.iter().map(|kind| of_neighbour(*kind)).collect(),
        }
    }
}

/// Rules about the devices that lead to pods.
impl Entry<'_> {
    fn has_devices(&self) -> bool {
        !self.wiring.pods.is_empty()
    }

    /// What comes from where pods are: never what tells others about routers, and nothing from an
    /// address that no pod of the node has.
    fn entering(&self) -> Vec<FilterRule> {
        let mut rules = Vec::new();
        let pods = || self.wiring.pods.iter().cloned().map(Match::Enters);
        let forwarders = self.wiring.forwarders.iter().cloned().map(Match::Enters);
        if self.family == Family::IPv6 && self.settings.mode == Mode::Enforce {
            for kind in [ROUTER_ADVERTISEMENT, REDIRECT, MULTICAST_REPORT] {
                let rule = |enters| [vec![enters], message(kind)].concat();
                let enters = pods().chain(forwarders.clone());
                rules.extend(enters.map(|enters| FilterRule::new(rule(enters), Action::Drop)));
            }
        }
        rules.extend(forwarders.map(|enters| FilterRule::new([enters], Action::Return)));
        rules.extend(self.foreign(pods(), &Match::SourceNotIn(self.local.clone())));
        rules
    }

    /// What goes to where pods are: nothing to an address that no pod of the node has.
    fn leaving(&self) -> Vec<FilterRule> {
        let leaves = |interfaces: &[Interface]| -> Vec<Match> {
            interfaces.iter().cloned().map(Match::Leaves).collect()
        };
        let forwarders = leaves(&self.wiring.forwarders).into_iter();
        let mut rules: Vec<FilterRule> =
            forwarders.map(|leaves| FilterRule::new([leaves], Action::Return)).collect();
        let foreign = Match::DestinationNotIn(self.local.clone());
        rules.extend(self.foreign(leaves(&self.wiring.pods).into_iter(), &foreign));
        rules
    }

    fn foreign(&self, devices: impl Iterator<Item = Match>, foreign: &Match) -> Vec<FilterRule> {
        let rule = |device| {
            let target = Action::Goto(self.settings.chain("UNKNOWN"));
            FilterRule::new([device, foreign.clone()], target)
        };
        devices.map(rule).collect()
    }

    /// A pod asks for its address before it has one.
    fn dhcp(&self) -> Vec<FilterRule> {
        let (source, destination, port) = dhcp_request(self.family);
        let rule = |interface: &Interface| {
            let matches = [
                Match::Source(source),
                Match::Destination(destination),
                Match::Enters(interface.clone()),
                Match::Protocol(L4::Ports(Protocol::Udp)),
                Match::DestinationPorts(vec![(port, port)]),
            ];
            FilterRule::new(matches, Action::Return)
        };
        self.wiring.pods.iter().map(rule).collect()
    }
}

/// Where a host without an address asks for one, and the port that it asks at.
pub fn dhcp_request(family: Family) -> (Cidr, Cidr, u16) {
    match family {
        Family::IPv4 => (
            Cidr::V4(Ipv4Net::from(Ipv4Addr::UNSPECIFIED)),
            Cidr::V4(Ipv4Net::from(Ipv4Addr::BROADCAST)),
            67,
        ),
        Family::IPv6 => {
            let link_local = Ipv6Net::new(Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 0), 10);
            let servers = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 1, 2);
            let source = link_local.unwrap_or_default();
            (Cidr::V6(source), Cidr::V6(Ipv6Net::from(servers)), 547)
        }
    }
}

/// What holds for addresses alone.
impl Entry<'_> {
    /// Where pods of the node have their addresses, an address of no known pod is one of a pod
    /// whose policies are not in force yet.
    fn unknown(&self) -> Vec<FilterRule> {
        let blocks = self.settings.unknown_local.iter().map(|block| match block {
            IpNet::V4(net) => Cidr::V4(net.trunc()),
            IpNet::V6(net) => Cidr::V6(net.trunc()),
        });
        let four = self.family == Family::IPv4;
        let own = blocks.filter(|block| matches!(block, Cidr::V4(_)) == four);
        let rules = own.flat_map(|block| {
            let name = || self.settings.chain("UNKNOWN");
            let target = || match self.settings.mode {
                Mode::Enforce => Action::Goto(name()),
                // What is not denied there comes back.
                Mode::Audit => Action::Jump(name()),
            };
            let from = [Match::Source(block), Match::SourceNotIn(self.local.clone())];
            let to = [Match::Destination(block), Match::DestinationNotIn(self.local.clone())];
            [FilterRule::new(from, target()), FilterRule::new(to, target())]
        });
        rules.collect()
    }

    /// What becomes of such packets.
    fn unknown_end(&self) -> Vec<FilterRule> {
        match self.settings.mode {
            Mode::Enforce => denied(self.settings, "unknown"),
            Mode::Audit => closed(logged(self.settings, AUDITED, "unknown")),
        }
    }

    fn log_admitted(&self) -> Vec<FilterRule> {
        let Some(log) = self.settings.flow_log.filter(|log| log.admitted) else {
            return Vec::new();
        };
        let prefix: std::sync::Arc<str> = format!("{}:allow", self.settings.prefix).into();
        let rule = |concerns: &[Match]| {
            let action = Action::Log { group: log.group, prefix: prefix.clone() };
            let limit = Match::Limit(log.per_second, log.burst);
            FilterRule::new([concerns, &[limit]].concat(), action)
        };
        // A packet between two pods of the node is logged once.
        let (from, to) =
            (Match::SourceIn(self.local.clone()), Match::DestinationIn(self.local.clone()));
        vec![rule(&[from]), rule(&[Match::SourceNotIn(self.local.clone()), to])]
    }

    fn accept(&self) -> Vec<FilterRule> {
        let rule = |concerns| FilterRule::new([concerns], Action::Accept);
        match self.settings.admitted {
            Admitted::Return => Vec::new(),
            Admitted::Accept => vec![
                rule(Match::SourceIn(self.local.clone())),
                rule(Match::DestinationIn(self.local.clone())),
            ],
        }
    }
}

/// Without these messages a host has no IPv6, whatever policies of hosts say: those of neighbours
/// and routers, and those about multicast groups, which neighbours are found by.
pub fn of_ipv6(family: Family) -> Vec<FilterRule> {
    if family == Family::IPv4 {
        return Vec::new();
    }
    let neighbours = OF_NEIGHBOURS.map(of_neighbour);
    let listeners = OF_LISTENERS.map(|kind| FilterRule::new(message(kind), Action::Return));
    neighbours.into_iter().chain(listeners).collect()
}

/// Messages between neighbours, routers among them.
const OF_NEIGHBOURS: [u8; 4] =
    [ROUTER_SOLICITATION, ROUTER_ADVERTISEMENT, NEIGHBOUR_SOLICITATION, NEIGHBOUR_ADVERTISEMENT];
/// Messages about multicast groups: queries, reports of both versions, and that somebody is done.
const OF_LISTENERS: [u8; 4] = [130, 131, 132, MULTICAST_REPORT];

fn of_neighbour(kind: u8) -> FilterRule {
    let matches = [vec![Match::HopLimit(NEIGHBOUR)], message(kind)].concat();
    FilterRule::new(matches, Action::Return)
}

fn message(kind: u8) -> Vec<Match> {
    vec![Match::Protocol(L4::Icmpv6), Match::Icmpv6Type(kind)]
}

/// The rules, and a return at the end.
fn closed(rules: impl IntoIterator<Item = FilterRule>) -> Vec<FilterRule> {
    rules.into_iter().chain([FilterRule::new([], Action::Return)]).collect()
}
