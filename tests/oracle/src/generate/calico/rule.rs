//! Rules of Calico's policies with everything that they can have.

use super::super::{Maker, PORT_NAMES, PORTS};
use super::ACCOUNTS;
use super::expression::About;
use crate::cluster::calico::{
    AccountMatch, CalicoAction, CalicoPort, CalicoRule, Entity, Expression, RuleProtocol,
};
use crate::cluster::{Net, Protocol};

/// Numbers of protocols without ports: ICMP, ICMPv6, UDPLite, and one without a name.
const PORTLESS: [u8; 4] = [1, 58, 136, 47];

impl Maker {
    pub(super) fn calico_rule(&mut self) -> CalicoRule {
        const ACTIONS: [CalicoAction; 8] = [
            CalicoAction::Allow,
            CalicoAction::Allow,
            CalicoAction::Allow,
            CalicoAction::Deny,
            CalicoAction::Deny,
            CalicoAction::Pass,
            CalicoAction::Pass,
            CalicoAction::Log,
        ];
        let mut rule = CalicoRule::new(*self.random.pick(&ACTIONS));
        rule.protocol = self.rule_protocol();
        if rule.protocol.is_none() && self.random.chance(10) {
            rule.not_protocol = Some(self.any_protocol());
        }
        let six = self.flavour.six && self.random.chance(40);
        if self.random.chance(60) {
            rule.source = self.entity(six);
        }
        if self.random.chance(60) {
            rule.destination = self.entity(six);
        }
        self.rule_ports(&mut rule);
        let excludes = [&rule.source, &rule.destination].iter().any(|e| !e.not_nets.is_empty());
        let own = if six { 6 } else { 4 };
        // Of which family a rule is that excludes blocks, and has none, is not said anywhere.
        if (excludes && self.flavour.six) || self.random.chance(4) {
            rule.ip_version = Some(own);
        }
        let version = |protocol: Option<RuleProtocol>| match protocol.map(|one| one.number) {
            Some(1) => Some(4),
            Some(58) => Some(6),
            _ => None,
        };
        let asked = [rule.protocol, rule.not_protocol].into_iter().find_map(version);
        if asked.is_some() && rule.ip_version.is_some() && asked != rule.ip_version {
            (rule.protocol, rule.not_protocol) = (None, None);
        }
        rule
    }

    fn rule_protocol(&mut self) -> Option<RuleProtocol> {
        match self.random.below(20) {
            0..=7 => None,
            8..=13 => Some(self.written(RuleProtocol::ported(Protocol::Tcp))),
            14 | 15 => Some(self.written(RuleProtocol::ported(Protocol::Udp))),
            16 => Some(self.written(RuleProtocol::ported(Protocol::Sctp))),
            _ => {
                let number = *self.random.pick(&PORTLESS);
                Some(self.written(RuleProtocol::of(number)))
            }
        }
    }

    fn any_protocol(&mut self) -> RuleProtocol {
        let protocol = *self.random.pick(&Protocol::ALL);
        let number = *self.random.pick(&PORTLESS);
        let protocol = match self.random.chance(60) {
            true => RuleProtocol::ported(protocol),
            false => RuleProtocol::of(number),
        };
        self.written(protocol)
    }

    fn written(&mut self, protocol: RuleProtocol) -> RuleProtocol {
        RuleProtocol { by_name: self.random.chance(80), ..protocol }
    }

    fn entity(&mut self, six: bool) -> Entity {
        let mut entity = Entity::default();
        let mut chance = |percent| self.random.chance(percent);
        let (selector, not_selector, namespaces) = (chance(50), chance(15), chance(30));
        let (accounts, nets, not_nets) = (chance(12), chance(20), chance(8));
        if selector {
            entity.selector = Some(self.expression_about(About::Items));
        }
        if not_selector {
            entity.not_selector = Some(self.expression_about(About::Items));
        }
        if namespaces {
            entity.namespaces = Some(self.which_namespaces());
        }
        if accounts {
            entity.accounts = Some(self.which_accounts());
        }
        if nets {
            entity.nets = self.nets(six, 0);
        }
        if not_nets {
            entity.not_nets = self.nets(six, 1);
        }
        entity
    }

    fn which_namespaces(&mut self) -> Expression {
        match self.random.below(6) {
            0 => Expression::Global,
            1 => Expression::All,
            _ => self.expression_about(About::Namespaces),
        }
    }

    fn which_accounts(&mut self) -> AccountMatch {
        let mut names: Vec<String> = Vec::new();
        if self.random.chance(60) {
            for _ in 0..self.random.between(1, 2) {
                let name: String = (*self.random.pick(&ACCOUNTS)).into();
                if !names.contains(&name) {
                    names.push(name);
                }
            }
        }
        let selector = (names.is_empty() || self.random.chance(30))
            .then(|| self.expression_about(About::Accounts));
        AccountMatch { names, selector }
    }

    /// Blocks of one family that are no larger than a prefix says.
    fn nets(&mut self, six: bool, least: u32) -> Vec<Net> {
        let family = if six { 6 } else { 4 };
        let mut nets: Vec<Net> = Vec::new();
        for _ in 0..8 {
            let net = self.net();
            if net.family == family && net.prefix >= least && !nets.contains(&net) {
                nets.push(net);
            }
            if nets.len() > usize::from(self.random.chance(30)) {
                break;
            }
        }
        nets
    }

    /// Numbers where the protocol has some; names also where there is none.
    fn rule_ports(&mut self, rule: &mut CalicoRule) {
        let has_ports = rule.protocol.is_some_and(RuleProtocol::has_ports);
        if !has_ports && rule.protocol.is_some() {
            return;
        }
        let chance = if has_ports { 70 } else { 12 };
        if self.random.chance(chance) {
            rule.destination.ports = self.some_ports(has_ports);
        }
        if self.random.chance(chance / 6) {
            rule.destination.not_ports = self.some_ports(has_ports);
        }
        if self.random.chance(chance / 12) {
            rule.source.ports = self.some_ports(has_ports);
        }
        if self.random.chance(chance / 20) {
            rule.source.not_ports = self.some_ports(has_ports);
        }
    }

    fn some_ports(&mut self, numbers: bool) -> Vec<CalicoPort> {
        let mut ports: Vec<CalicoPort> = Vec::new();
        for _ in 0..*self.random.pick(&[1, 1, 2]) {
            let port = match self.random.below(10) {
                0..=3 => CalicoPort::Named((*self.random.pick(&PORT_NAMES)).into()),
                _ if !numbers => CalicoPort::Named((*self.random.pick(&PORT_NAMES)).into()),
                4..=7 => {
                    let number = *self.random.pick(&PORTS);
                    CalicoPort::Range(number, number)
                }
                _ => {
                    let number = *self.random.pick(&PORTS);
                    CalicoPort::Range(number, self.end(number))
                }
            };
            if !ports.contains(&port) {
                ports.push(port);
            }
        }
        ports
    }
}
