//! Policies with everything that a NetworkPolicy can have.

use std::net::IpAddr;

use super::{Maker, PORT_NAMES, PORTS, V4, V6, VALUES};
use crate::cluster::{
    Direction, Expression, Net, Operator, Peer, Policy, Port, PortName, Rule, Selector,
};

impl Maker {
    pub(super) fn policy(&mut self, i: usize) -> Policy {
        let types = [
            None,
            Some(vec![]),
            Some(vec![Direction::Ingress]),
            Some(vec![Direction::Egress]),
            Some(vec![Direction::Ingress, Direction::Egress]),
            Some(vec![Direction::Egress, Direction::Ingress]),
        ];
        Policy {
            namespace: self.namespace(),
            name: format!("np{i}"),
            subject: self.subject(),
            types: self.random.pick(&types).clone(),
            ingress: self.rules(),
            egress: self.rules(),
        }
    }

    fn subject(&mut self) -> Option<Selector> {
        match self.random.below(10) {
            0 => None,
            1..=3 => Some(Selector::default()),
            _ => Some(self.selector(&["app", "tier"])),
        }
    }

    fn rules(&mut self) -> Option<Vec<Rule>> {
        match self.random.below(10) {
            0..=2 => None,
            3 => Some(Vec::new()),
            4..=7 => Some(vec![self.rule()]),
            _ => Some(vec![self.rule(), self.rule()]),
        }
    }

    pub(super) fn rule(&mut self) -> Rule {
        let peers = match self.random.below(10) {
            0 | 1 => None,
            2 => Some(Vec::new()),
            3..=6 => Some(vec![self.peer()]),
            _ => Some(vec![self.peer(), self.peer()]),
        };
        let ports = match self.random.below(10) {
            0..=2 => None,
            3 => Some(Vec::new()),
            4..=7 => Some(vec![self.port()]),
            _ => Some(vec![self.port(), self.port()]),
        };
        Rule { peers, ports }
    }

    fn peer(&mut self) -> Peer {
        if self.random.chance(self.flavour.blocks) {
            return self.block();
        }
        let namespaces = self.random.chance(50).then(|| self.namespace_selector());
        let pods = self.random.chance(70).then(|| self.selector(&["app", "tier"]));
        match (namespaces, pods) {
            (None, None) => Peer::Pods(None, Some(Selector::default())),
            (namespaces, pods) => Peer::Pods(namespaces, pods),
        }
    }

    pub(super) fn namespace_selector(&mut self) -> Selector {
        if self.random.chance(25) {
            let name = (*self.random.pick(&super::NAMESPACES)).into();
            let labels = [("kubernetes.io/metadata.name".into(), name)].into();
            return Selector { labels, ..Selector::default() };
        }
        self.selector(&["team", "tier"])
    }

    pub(super) fn selector(&mut self, keys: &[&'static str]) -> Selector {
        let mut selector = Selector::default();
        for _ in 0..*self.random.pick(&[0, 1, 1, 2]) {
            let pods = keys.contains(&"app");
            let ask = !self.flavour.controllers.is_empty() && pods && self.random.chance(60);
            let key = *self.random.pick(if ask { self.flavour.controllers } else { keys });
            if self.random.chance(40) {
                let value = self.value(key);
                selector.labels.insert(key.into(), value);
            } else {
                let expression = self.expression(key);
                selector.expressions.push(expression);
            }
        }
        selector
    }

    fn expression(&mut self, key: &str) -> Expression {
        const OPERATORS: [Operator; 4] =
            [Operator::In, Operator::NotIn, Operator::Exists, Operator::DoesNotExist];
        let operator = *self.random.pick(&OPERATORS);
        let count = match operator {
            Operator::In | Operator::NotIn => self.random.between(1, 2),
            Operator::Exists | Operator::DoesNotExist => 0,
        };
        let values = (0..count).map(|_| self.value(key)).collect();
        Expression { key: key.into(), operator, values }
    }

    /// A value that some pod may have under the key.
    fn value(&mut self, key: &str) -> String {
        let names: &[&str] = match key {
            "statefulset.kubernetes.io/pod-name" => &["w0-0", "w0-1", "w1-0"],
            "apps.kubernetes.io/pod-index" => &["0", "1"],
            "job-name" => &["w0", "w1"],
            _ => &VALUES,
        };
        (*self.random.pick(names)).into()
    }

    fn block(&mut self) -> Peer {
        let cidr = self.net();
        let except = match self.random.below(6) {
            0..=2 => None,
            3 => Some(Vec::new()),
            4 => Some(vec![self.net()]),
            _ => Some(vec![self.net(), self.net()]),
        };
        // An exception must lie in its block and be smaller.
        let inside = |hole: &Net| hole.within(&cidr) && hole.prefix > cidr.prefix;
        let except = except.map(|holes| holes.into_iter().filter(inside).collect());
        Peer::Block(cidr, except)
    }

    pub(super) fn net(&mut self) -> Net {
        let six = self.flavour.six && self.random.chance(40);
        let address = if six { *self.random.pick(&V6) } else { *self.random.pick(&V4) };
        let prefix = if six {
            *self.random.pick(&[0, 1, 7, 16, 64, 125, 127, 128])
        } else {
            *self.random.pick(&[0, 0, 1, 8, 24, 29, 30, 31, 32])
        };
        let address: IpAddr =
            address.parse().unwrap_or(IpAddr::V4(std::net::Ipv4Addr::UNSPECIFIED));
        Net::of(address, prefix)
    }

    fn port(&mut self) -> Port {
        let protocol = self.protocol();
        let number = *self.random.pick(&PORTS);
        let (port, end) = match self.random.below(10) {
            0 | 1 => (None, None),
            2..=4 => (Some(PortName::Name((*self.random.pick(&PORT_NAMES)).into())), None),
            5 | 6 => (Some(PortName::Number(number)), Some(self.end(number))),
            _ => (Some(PortName::Number(number)), None),
        };
        Port { protocol, port, end }
    }

    pub(super) fn end(&mut self, number: u16) -> u16 {
        match self.random.below(4) {
            0 => number,
            1 => u16::MAX,
            _ => number.saturating_add(u16::try_from(self.random.between(1, 3)).unwrap_or(1)),
        }
    }
}
