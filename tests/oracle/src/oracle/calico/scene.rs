//! Both ends of a flow with everything that Calico knows of them.

use super::super::rules::Outcomes;
use super::super::world::World;
use super::hosts::{self, Asked};
use super::item::{Item, items};
use super::open::completions;
use super::packet::{Carried, Packet, packets};
use super::rule::{self, Seen};
use super::tiers;
use crate::cluster::calico::{CalicoPolicy, CalicoPort, CalicoRule};
use crate::cluster::{Cluster, Direction};

/// Ends of a flow in which all labels are known.
#[derive(Debug)]
pub struct Scene<'s> {
    /// The cluster.
    pub cluster: &'s Cluster,
    /// The world.
    pub world: &'s World,
    /// What is asked about.
    pub carried: Carried,
    /// What is at the source's address.
    source: Vec<Item<'s>>,
    /// What is at the destination's address.
    destination: Vec<Item<'s>>,
    /// The packets that are meant.
    packets: Vec<Packet>,
}

/// Whether a rule matches: in some case, and whether in some it does not.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Maybe {
    /// It does.
    pub yes: bool,
    /// It does not.
    pub no: bool,
}

impl Maybe {
    /// With one more case.
    fn and(self, matches: bool) -> Self {
        Self { yes: self.yes || matches, no: self.no || !matches }
    }
}

/// Which ends are asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ends {
    /// Both.
    Both,
    /// The subject of one direction.
    One(Direction),
}

/// Whether a rule matches packets.
pub type Matches<'m> = dyn Fn(&CalicoPolicy, &CalicoRule) -> Maybe + 'm;

/// Every scene of a world: one for each way in which labels may be.
pub fn scenes<'s>(cluster: &'s Cluster, world: &'s World, carried: Carried) -> Vec<Scene<'s>> {
    let packets = packets(cluster, world, carried);
    let scene = |completion| Scene {
        cluster,
        world,
        carried,
        source: items(cluster, &world.source, &completion),
        destination: items(cluster, &world.destination, &completion),
        packets: packets.clone(),
    };
    completions(cluster, world).into_iter().map(scene).collect()
}

impl Scene<'_> {
    /// What may become of its packets, each by itself.
    pub fn outcomes(&self, ends: Ends) -> Outcomes {
        let each = self.packets.iter().map(|packet| {
            let matches = |policy: &CalicoPolicy, rule: &CalicoRule| {
                let matches = self.matches(policy, rule, *packet);
                Maybe { yes: matches, no: !matches }
            };
            self.judge(ends, *packet, &matches)
        });
        each.fold(Outcomes::default(), Outcomes::or)
    }

    /// What may become of them if each rule that matches some of them, and others not, may or may
    /// not match by itself.
    pub fn outcomes_apart(&self, ends: Ends) -> Outcomes {
        let matches = |policy: &CalicoPolicy, rule: &CalicoRule| {
            let each = self.packets.iter().map(|packet| self.matches(policy, rule, *packet));
            each.fold(Maybe::default(), Maybe::and)
        };
        let Some(packet) = self.packets.first() else { return Outcomes::default() };
        self.judge(ends, *packet, &matches)
    }

    /// Whether a rule matches replies to a packet: to whatever port they go.
    fn matches_replies(&self, policy: &CalicoPolicy, rule: &CalicoRule, packet: Packet) -> Maybe {
        let rules = self.cluster.calico.policies.iter().flat_map(CalicoPolicy::all_rules);
        let ends = rules.flat_map(|rule| [&rule.source, &rule.destination]);
        let ranges = ends.flat_map(|end| end.ports.iter().chain(&end.not_ports));
        let mut ports: Vec<u16> = vec![1, u16::MAX];
        for port in ranges {
            if let CalicoPort::Range(first, last) = port {
                ports.extend([first.saturating_sub(1), *first, *last, last.saturating_add(1)]);
            }
        }
        let at = |port: u16| {
            let packet = Packet {
                source: packet.destination,
                destination: packet.destination.map(|_| port),
                ..packet
            };
            let (address, items) = (self.world.destination.address, &*self.destination);
            let source = Seen { address, items, port: packet.source };
            let (address, items) = (self.world.source.address, &*self.source);
            let destination = Seen { address, items, port: packet.destination };
            rule::rule_matches((policy, rule), (source, destination), packet)
        };
        let each = ports.into_iter().filter(|port| *port > 0).map(at);
        each.fold(Maybe::default(), Maybe::and)
    }

    fn matches(&self, policy: &CalicoPolicy, rule: &CalicoRule, packet: Packet) -> bool {
        let (address, items, port) = (self.world.source.address, &*self.source, packet.source);
        let source = Seen { address, items, port };
        let (address, port) = (self.world.destination.address, packet.destination);
        let destination = Seen { address, items: &self.destination, port };
        rule::rule_matches((policy, rule), (source, destination), packet)
    }

    /// What Calico knows of the pod that is a direction's subject.
    pub fn subject(&self, direction: Direction) -> Option<&Item<'_>> {
        let items = match direction {
            Direction::Egress => &self.source,
            Direction::Ingress => &self.destination,
        };
        items.iter().find(|item| item.pod.is_some())
    }

    /// §6: each end is evaluated independently.
    fn judge(&self, ends: Ends, packet: Packet, matches: &Matches<'_>) -> Outcomes {
        // A pod on its node's network is that node.
        let is_pod = self.world.source.pod.is_some() || self.cluster.calico.hosts.is_empty();
        if self.world.itself && is_pod {
            return Outcomes::always(true);
        }
        let replies =
            |policy: &CalicoPolicy, rule: &CalicoRule| self.matches_replies(policy, rule, packet);
        let asked = Asked { packet, matches, replies: &replies };
        let at = |direction| {
            let own = || tiers::at_end(self, direction, matches);
            match self.cluster.calico.hosts.is_empty() {
                true => own(),
                false => hosts::at_end(self, direction, asked, &own),
            }
        };
        match ends {
            Ends::One(direction) => at(direction),
            Ends::Both => {
                let (egress, ingress) = (at(Direction::Egress), at(Direction::Ingress));
                Outcomes { allow: egress.allow && ingress.allow, deny: egress.deny || ingress.deny }
            }
        }
    }
}
