//! The flow in the flow bar.

use portcullis_engine::FlowQuery;
use portcullis_engine::report::{PortQuery, PortRange, Protocol};

use crate::worker::message::{Edge, Scene};

/// Ports that are asked about first, where an edge has a choice.
const FAMILIAR: [u16; 3] = [80, 443, 8080];

/// As typed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FlowForm {
    pub from: String,
    pub to: String,
    pub port: String,
    pub protocol: Protocol,
}

impl Default for FlowForm {
    fn default() -> Self {
        Self {
            from: String::new(),
            to: String::new(),
            port: String::new(),
            protocol: Protocol::Tcp,
        }
    }
}

impl FlowForm {
    /// The question, once it is one.
    pub fn query(&self) -> Option<FlowQuery> {
        let (port, protocol) = PortQuery::parse(&self.port, None).ok()?;
        // What stands in the field says more than what is chosen next to it.
        let protocol = if self.port.contains('/') { protocol } else { self.protocol };
        let (from, to) = (self.from.trim().to_owned(), self.to.trim().to_owned());
        let whole = !from.is_empty() && !to.is_empty();
        whole.then_some(FlowQuery { from, to, protocol, port })
    }

    /// Whether a port is written that is none.
    pub fn has_bad_port(&self) -> bool {
        !self.port.trim().is_empty() && PortQuery::parse(&self.port, None).is_err()
    }

    /// The same, with addresses for what the page calls outside.
    pub fn resolved(&self, outside: &str, address: Option<&str>) -> Self {
        let end = |end: &str| match address {
            Some(address) if end.trim().eq_ignore_ascii_case(outside) => address.to_owned(),
            _ => end.to_owned(),
        };
        Self { from: end(&self.from), to: end(&self.to), ..self.clone() }
    }

    /// The flow of an edge: with the port that stands here if the edge has it, else one of its own.
    pub fn of_edge(&self, scene: &Scene, edge: &Edge) -> Option<Self> {
        let ask = |index: u32| scene.nodes.get(index as usize).map(|node| node.ask.clone());
        let set = scene.port_sets.get(edge.allowed.or(edge.unknown)? as usize)?;
        let (port, protocol) = self.port_in(&set.ranges);
        Some(Self { from: ask(edge.from)?, to: ask(edge.to)?, port: port.to_string(), protocol })
    }

    /// The flow between two nodes of which nothing passes, on the port that stands here.
    pub fn of_ends(&self, scene: &Scene, (from, to): (u32, u32)) -> Option<Self> {
        let ask = |index: u32| scene.nodes.get(index as usize).map(|node| node.ask.clone());
        let port = if self.port.trim().is_empty() { "80".to_owned() } else { self.port.clone() };
        Some(Self { from: ask(from)?, to: ask(to)?, port, protocol: self.protocol })
    }

    fn port_in(&self, ranges: &[PortRange]) -> (u16, Protocol) {
        let has = |protocol, port| {
            let mut of = ranges.iter().filter(|range| range.protocol == protocol);
            of.any(|range| (range.port..=range.end_port).contains(&port))
        };
        if let Ok(port) = self.port.parse()
            && has(self.protocol, port)
        {
            return (port, self.protocol);
        }
        if let Some(port) = FAMILIAR.into_iter().find(|port| has(Protocol::Tcp, *port)) {
            return (port, Protocol::Tcp);
        }
        let tcp = ranges.iter().find(|range| range.protocol == Protocol::Tcp);
        tcp.or(ranges.first()).map_or((80, Protocol::Tcp), |range| (range.port, range.protocol))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn form(port: &str) -> FlowForm {
        FlowForm {
            from: "a/b".into(),
            to: "a/c".into(),
            port: port.into(),
            protocol: Protocol::Tcp,
        }
    }

    #[test]
    fn a_question_needs_both_ends_and_a_port() {
        assert_eq!(form("80").query().map(|flow| flow.port), Some(80.into()));
        let dns = form("53/UDP").query().map(|flow| (flow.port, flow.protocol));
        assert_eq!(dns, Some((53.into(), Protocol::Udp)));
        for port in ["", "0", "65536", "h ttp"] {
            assert_eq!(form(port).query(), None, "{port}");
        }
        assert_eq!(FlowForm { from: " ".into(), ..form("80") }.query(), None);
    }

    #[test]
    fn outside_is_an_address_of_it() {
        let form = FlowForm { from: "Outside".into(), ..form("80") };
        assert_eq!(form.resolved("outside", Some("203.0.113.10")).from, "203.0.113.10");
        assert_eq!(form.resolved("outside", None).from, "Outside");
    }

    #[test]
    fn a_port_is_wrong_once_something_is_written() {
        assert!(
            form("70000").has_bad_port()
                && !form("").has_bad_port()
                && !form("53/UDP").has_bad_port()
        );
    }

    #[test]
    fn an_edge_keeps_the_port_that_is_asked_about() {
        let all = [PortRange { protocol: Protocol::Tcp, port: 1, end_port: 65535 }];
        assert_eq!(form("5432").port_in(&all), (5432, Protocol::Tcp));
        assert_eq!(form("").port_in(&all), (80, Protocol::Tcp));
        let dns = [PortRange { protocol: Protocol::Udp, port: 53, end_port: 53 }];
        assert_eq!(form("5432").port_in(&dns), (53, Protocol::Udp));
    }
}
