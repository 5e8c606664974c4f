//! §7, §10: host endpoints: a packet's way through the hosts of its ends.

use std::net::IpAddr;

use super::super::rules::Outcomes;
use super::item;
use super::packet::Packet;
use super::place::{Place, places};
use super::scene::{Matches, Maybe, Scene};
use super::tiers::{self, Walk};
use crate::cluster::calico::{
    CalicoAction, CalicoPolicy, Felix, HostEndpoint, HostStage, INBOUND, OUTBOUND, ToHost,
};
use crate::cluster::{Direction, Protocol, family_of};

/// The host endpoint at an interface, if there is one.
type At<'c> = Option<&'c HostEndpoint>;

/// What is asked of rules: for a packet, and for replies to it.
#[derive(Clone, Copy)]
pub struct Asked<'m> {
    /// The packet.
    pub packet: Packet,
    /// Whether a rule matches it.
    pub matches: &'m Matches<'m>,
    /// Whether a rule of the other direction matches its replies.
    pub replies: &'m Matches<'m>,
}

/// What becomes of a packet at one end, wherever that is; `pod` is what the policies of a pod's
/// own say of it.
pub fn at_end(
    scene: &Scene<'_>,
    direction: Direction,
    asked: Asked<'_>,
    pod: &dyn Fn() -> Outcomes,
) -> Outcomes {
    let mut all = Outcomes::default();
    for source in places(scene.cluster, &scene.world.source) {
        for destination in places(scene.cluster, &scene.world.destination) {
            let is_own = match (&source, &destination) {
                (Place::Host(a), Place::Pod(b)) => a == b,
                _ => scene.world.own_node,
            };
            if is_own == scene.world.own_node {
                let walk = HostWalk { scene, asked, ends: (&source, &destination), pod };
                all = all.or(walk.at(direction));
            }
        }
    }
    all
}

/// A packet on its way between two places.
struct HostWalk<'w, 's> {
    scene: &'w Scene<'s>,
    asked: Asked<'w>,
    ends: (&'w Place, &'w Place),
    pod: &'w dyn Fn() -> Outcomes,
}

impl HostWalk<'_, '_> {
    fn at(&self, direction: Direction) -> Outcomes {
        let allowed = Outcomes::always(true);
        match (direction, self.ends) {
            (Direction::Egress, (Place::Outside, _)) => allowed,
            (Direction::Ingress, (_, Place::Outside)) => allowed,
            // A host to a pod of its own is not policed.
            (_, (Place::Host(a), Place::Pod(b))) if a == b => allowed,
            (Direction::Egress, (Place::Host(node), to)) => self.sent(node, to),
            (Direction::Egress, (Place::Pod(node), to)) => self.left(node, to),
            (Direction::Ingress, (from, Place::Host(node))) => self.received(node, from),
            (Direction::Ingress, (from, Place::Pod(node))) => self.entered(node, from),
        }
    }

    /// A host sends.
    fn sent(&self, node: &str, to: &Place) -> Outcomes {
        let mut interfaces = match to {
            Place::Host(other) if other == node => vec![self.all(node)],
            _ => self.holding(node, self.scene.world.source.address),
        };
        if matches!(to, Place::Pod(_)) {
            // By a tunnel.
            interfaces.push(self.all(node));
        }
        each(interfaces, |host| self.local(host, Direction::Egress))
    }

    /// A host receives.
    fn received(&self, node: &str, from: &Place) -> Outcomes {
        if *from == Place::Pod(node.into()) {
            if !self.scene.cluster.calico.hosts.iter().any(|host| host.node == node) {
                return Outcomes::always(true);
            }
            let before = self.before_dnat(self.all(node));
            let to_host = self.setting(node, |felix| felix.to_host);
            let after = match to_host {
                Some(ToHost::Accept) => Outcomes::always(true),
                Some(ToHost::Drop) => Outcomes::always(false),
                None => Outcomes { allow: true, deny: true },
            };
            return both(before.0, after);
        }
        let interfaces = match from {
            Place::Host(other) if other == node => vec![self.all(node)],
            _ => self.holding(node, self.scene.world.destination.address),
        };
        each(interfaces, |host| self.local(host, Direction::Ingress))
    }

    /// A pod sends, and its node forwards.
    fn left(&self, node: &str, to: &Place) -> Outcomes {
        let own = (self.pod)();
        if *to == Place::Host(node.into()) {
            return own;
        }
        let inner = self.forwarded_in(self.all(node));
        let outer = match *to == Place::Pod(node.into()) {
            true => Outcomes::always(true),
            false => each(self.any(node), |host| self.forwarded_out(host)),
        };
        both(both(own, inner), outer)
    }

    /// A pod receives what its node forwards.
    fn entered(&self, node: &str, from: &Place) -> Outcomes {
        let own = (self.pod)();
        let inner = self.forwarded_out(self.all(node));
        let outer = match *from == Place::Pod(node.into()) {
            true => Outcomes::always(true),
            false => each(self.any(node), |host| self.forwarded_in(host)),
        };
        both(both(own, inner), outer)
    }

    /// The host endpoint for all interfaces of a node.
    fn all(&self, node: &str) -> At<'_> {
        let own = self.of(node).into_iter();
        own.filter(|host| host.interface.as_deref() == Some("*")).min_by_key(|host| &host.name)
    }

    fn of(&self, node: &str) -> Vec<&HostEndpoint> {
        self.scene.cluster.calico.hosts.iter().filter(|host| host.node == node).collect()
    }

    /// Those that any interface of a node but pods' may have.
    fn any(&self, node: &str) -> Vec<At<'_>> {
        let own = self.of(node);
        let is_first = |host: &&HostEndpoint| {
            let same = own.iter().filter(|other| other.interface == host.interface);
            host.interface.is_none() || same.min_by_key(|other| &other.name) == Some(host)
        };
        let named = own.iter().copied().filter(|host| host.interface.as_deref() != Some("*"));
        named.filter(is_first).map(Some).chain([self.all(node)]).collect()
    }

    /// Those that the interface with an address may have, interface by interface.
    fn holding(&self, node: &str, address: IpAddr) -> Vec<At<'_>> {
        let own = self.of(node);
        let lists = |host: &HostEndpoint| {
            host.addresses.iter().any(|own| family_of(*own) == family_of(address))
        };
        let mut names: Vec<Option<&str>> =
            own.iter().map(|host| host.interface.as_deref()).collect();
        names.retain(|name| name.is_some_and(|name| name != "*"));
        names.sort_unstable();
        names.dedup();
        names.push(Some("another"));
        let named = |name: Option<&str>| -> Vec<&HostEndpoint> {
            own.iter().copied().filter(|host| host.interface.as_deref() == name).collect()
        };
        let has =
            |name: Option<&str>| named(name).iter().any(|host| host.addresses.contains(&address));
        let is_claimed = names.iter().any(|name| has(*name));
        let mut found = Vec::new();
        for name in names.iter().copied() {
            let lacks = named(name).iter().any(|host| lists(host)) && !has(name);
            if lacks || (is_claimed && !has(name)) {
                continue;
            }
            let bound = named(None).into_iter().filter(|host| host.addresses.contains(&address));
            let bound: Vec<&HostEndpoint> = named(name).into_iter().chain(bound).collect();
            let perhaps = named(None).into_iter().filter(|host| !lists(host)).map(Some);
            for other in perhaps.chain([None]) {
                let first = bound.iter().copied().chain(other).min_by_key(|host| &host.name);
                found.push(first.or(self.all(node)));
            }
        }
        found
    }

    fn setting<T>(&self, node: &str, of: impl Fn(&Felix) -> Option<T>) -> Option<T> {
        let all = &self.scene.cluster.calico.felix;
        let named = |name: &str| all.iter().find(|felix| felix.name == name);
        named(&format!("node.{node}")).and_then(&of).or_else(|| named("default").and_then(&of))
    }

    /// Whether the packet is to a port that stays open.
    fn is_failsafe(&self, node: &str, direction: Direction) -> bool {
        let (built_in, peer) = match direction {
            Direction::Ingress => (INBOUND, &self.scene.world.source),
            Direction::Egress => (OUTBOUND, &self.scene.world.destination),
        };
        let is = |protocol: Protocol, port: u16| {
            crate::cluster::calico::number_of(protocol) == self.asked.packet.protocol
                && self.asked.packet.destination == Some(port)
        };
        let own = self.setting(node, |felix| match direction {
            Direction::Ingress => felix.inbound.clone(),
            Direction::Egress => felix.outbound.clone(),
        });
        match own {
            None => built_in.iter().any(|(protocol, port)| is(*protocol, *port)),
            Some(list) => list.iter().any(|one| {
                is(one.protocol, one.port)
                    && one.net.as_ref().is_none_or(|net| net.contains(peer.address))
            }),
        }
    }

    /// Stages 1, 2 and 4.
    fn local(&self, host: At<'_>, direction: Direction) -> Outcomes {
        let Some(host) = host else { return Outcomes::always(true) };
        if self.is_failsafe(&host.node, direction) {
            return Outcomes::always(true);
        }
        let raw = self.untracked(host, direction, self.asked.matches);
        let mut sum = Outcomes { allow: false, deny: raw.deny };
        if raw.accept {
            let other = match direction {
                Direction::Ingress => Direction::Egress,
                Direction::Egress => Direction::Ingress,
            };
            let replies = self.untracked(host, other, self.asked.replies);
            sum.allow = true;
            sum.deny |= replies.deny || replies.pass;
        }
        if !raw.pass {
            return sum;
        }
        let before = match direction {
            Direction::Ingress => self.before(host),
            Direction::Egress => Walk::passing(),
        };
        sum.allow |= before.accept;
        sum.deny |= before.deny;
        if !before.pass {
            return sum;
        }
        let labels = item::of_host(self.scene.cluster, host);
        let is_there = |stage: Option<HostStage>| matches!(stage, None | Some(HostStage::Forward));
        let policies = self.selecting(&labels, direction, &is_there);
        let own = tiers::walk(self.scene.cluster, &policies, direction, self.asked.matches);
        sum.allow |= own.accept;
        sum.deny |= own.deny;
        match own.pass {
            true => sum.or(self.profiles(host, direction)),
            false => sum,
        }
    }

    /// §8: profiles in order; nothing of them allows: denied.
    fn profiles(&self, host: &HostEndpoint, direction: Direction) -> Outcomes {
        let mut sum = Outcomes::default();
        let policy = tiers::nobody();
        for name in &host.profiles {
            let mut profiles = self.scene.cluster.calico.profiles.iter();
            let Some(profile) = profiles.find(|profile| profile.name == *name) else {
                if name == "projectcalico-default-allow" {
                    return sum.or(Outcomes::always(true));
                }
                sum.allow = true;
                continue;
            };
            for rule in profile.rules(direction) {
                let Maybe { yes, no } = (self.asked.matches)(&policy, rule);
                match rule.action {
                    CalicoAction::Allow => sum.allow |= yes,
                    CalicoAction::Deny => sum.deny |= yes,
                    CalicoAction::Log | CalicoAction::Pass => continue,
                }
                if !no {
                    return sum;
                }
            }
        }
        sum.or(Outcomes::always(false))
    }

    fn selecting(
        &self,
        labels: &crate::cluster::Labels,
        direction: Direction,
        stage: &dyn Fn(Option<HostStage>) -> bool,
    ) -> Vec<&CalicoPolicy> {
        let all = self.scene.cluster.calico.policies.iter();
        let own = all.filter(|policy| policy.namespace.is_none() && stage(policy.stage));
        own.filter(|policy| super::rule::selects(policy, direction, labels)).collect()
    }

    /// Stage 1, which that for all interfaces has not.
    fn untracked(&self, host: &HostEndpoint, direction: Direction, matches: &Matches<'_>) -> Walk {
        if host.interface.as_deref() == Some("*") {
            return Walk::passing();
        }
        let labels = item::of_host(self.scene.cluster, host);
        let is_there = |stage: Option<HostStage>| stage == Some(HostStage::Untracked);
        let policies = self.selecting(&labels, direction, &is_there);
        tiers::walk_on(self.scene.cluster, &policies, direction, matches)
    }

    /// Stage 2: of an interface without such policies, those for all count. [§10.10]
    fn before(&self, host: &HostEndpoint) -> Walk {
        let is_there = |stage: Option<HostStage>| stage == Some(HostStage::BeforeDnat);
        let of = |host: &HostEndpoint, direction| {
            let labels = item::of_host(self.scene.cluster, host);
            self.selecting(&labels, direction, &is_there)
        };
        let has_some = [Direction::Ingress, Direction::Egress]
            .into_iter()
            .any(|direction| !of(host, direction).is_empty());
        let whose = if has_some { Some(host) } else { self.all(&host.node) };
        let policies = whose.map(|whose| of(whose, Direction::Ingress)).unwrap_or_default();
        let (cluster, matches) = (self.scene.cluster, self.asked.matches);
        tiers::walk_on(cluster, &policies, Direction::Ingress, matches)
    }

    /// Stage 2 alone, with failsafe ports; and whether what it accepts is not asked about again.
    fn before_dnat(&self, host: At<'_>) -> (Outcomes, bool) {
        let Some(host) = host else { return (Outcomes::always(true), false) };
        if self.is_failsafe(&host.node, Direction::Ingress) {
            return (Outcomes::always(true), false);
        }
        let before = self.before(host);
        (Outcomes { allow: before.accept || before.pass, deny: before.deny }, before.accept)
    }

    /// Stages 1 to 3 of what comes in.
    fn forwarded_in(&self, host: At<'_>) -> Outcomes {
        let Some(host) = host else { return Outcomes::always(true) };
        let mut sum = Outcomes::default();
        if !self.is_failsafe(&host.node, Direction::Ingress) {
            let raw = self.untracked(host, Direction::Ingress, self.asked.matches);
            sum.deny |= raw.deny;
            if raw.accept {
                // Replies come in elsewhere.
                sum = sum.or(Outcomes { allow: true, deny: true });
            }
            if !raw.pass {
                return sum;
            }
            let before = self.before(host);
            sum.allow |= before.accept;
            sum.deny |= before.deny;
            if !before.pass {
                return sum;
            }
        }
        sum.or(self.forward(host, Direction::Ingress))
    }

    /// Stage 3 of what goes out.
    fn forwarded_out(&self, host: At<'_>) -> Outcomes {
        host.map_or(Outcomes::always(true), |host| self.forward(host, Direction::Egress))
    }

    /// Stage 3: falling through it allows. [§10.11]
    fn forward(&self, host: &HostEndpoint, direction: Direction) -> Outcomes {
        let labels = item::of_host(self.scene.cluster, host);
        let is_there = |stage: Option<HostStage>| stage == Some(HostStage::Forward);
        let policies = self.selecting(&labels, direction, &is_there);
        let own = tiers::walk(self.scene.cluster, &policies, direction, self.asked.matches);
        Outcomes { allow: own.accept || own.pass, deny: own.deny }
    }
}

fn each<'c>(hosts: Vec<At<'c>>, ask: impl Fn(At<'c>) -> Outcomes) -> Outcomes {
    hosts.into_iter().map(ask).fold(Outcomes::default(), Outcomes::or)
}

fn both(a: Outcomes, b: Outcomes) -> Outcomes {
    Outcomes { allow: a.allow && b.allow, deny: a.deny || b.deny }
}
