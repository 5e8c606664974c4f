//! Whether the chains of host endpoints do what their policies say.
//!
//! Unlike a pod, whose address is known, whoever the packet says may be at either end. So all packets
//! walk the chains at once, region by region, and all are asked of the policies in the same way:
//! what one side admits and the other denies must be nothing.

mod known;
mod merged;
mod rules;

use std::sync::Arc;

use super::super::bound::{Bound, bound};
use super::super::expressible::{Reached, Seen, is_accepting, reached};
use super::super::lower::Input;
use super::super::lower::hosts::{ENTERING, FROM_PODS, LEAVING, RECEIVED, SENT};
use super::super::program::{ChainName, IcmpMessage, L4, Match};
use super::super::settings::Settings;
use super::super::wiring::Wiring;
use super::packets::Packets;
use super::policies::Policies;
use super::reader::{Product, Reader, Trouble, Walker};
use super::regions::{Region, Walk, split};
use super::space::{Asked, Extent, Space, everywhere};
use super::{Counterexample, Disagreement, space};
use crate::manifest::calico::HostAction;
use crate::manifest::{Action, Direction};
use crate::net::Family;
use crate::policy::{CompiledHost, HostProgram, HostStage, PolicyRef, PolicyRule, Tier};
pub use known::KnownHosts;
use merged::merged;
use rules::Reading;

/// Messages between neighbours, routers among them; and about multicast groups.
const NEIGHBOURS: [u8; 4] = [133, 134, 135, 136];
const LISTENERS: [u8; 4] = [130, 131, 132, 143];

/// What becomes of packets.
#[derive(Default)]
struct Fate {
    admitted: Vec<Region>,
    denied: Vec<Region>,
}

/// The check of one family's chains of hosts.
pub struct Hosts<'h, 'p, 'i> {
    /// The program.
    pub reader: &'h Reader<'p>,
    /// What it is made from.
    pub input: Input<'i>,
    /// Reads the policies.
    pub policies: &'h mut Policies<'i>,
    /// The addresses of local pods.
    pub local: &'h Arc<Space>,
}

/// The chains that find the host endpoint of an interface.
pub fn roots(input: Input<'_>) -> [ChainName; 4] {
    [ENTERING, LEAVING, RECEIVED, SENT].map(|word| input.settings.chain(word))
}

/// The same, and the one for what pods send to their node.
pub fn all_roots(settings: &Settings) -> [ChainName; 5] {
    [ENTERING, LEAVING, RECEIVED, SENT, FROM_PODS].map(|word| settings.chain(word))
}

impl Hosts<'_, '_, '_> {
    /// Compares them; what is wrong.
    ///
    /// # Errors
    /// If chains are not as they must be, whatever the policies are.
    pub fn check(&mut self, known: &mut Option<KnownHosts>) -> Result<Vec<Disagreement>, Trouble> {
        let Some(bound) = bound(self.input) else {
            *known = None;
            let there = roots(self.input).iter().any(|root| self.reader.chain(root).is_ok());
            return match there {
                true => Err("there are chains of hosts without host endpoints".into()),
                false => Ok(Vec::new()),
            };
        };
        let now = self.known(&bound)?;
        if let (Some(before), Some(now)) = (&known, &now)
            && before.is(now)
        {
            return Ok(Vec::new());
        }
        *known = None;
        let mut wrong = Vec::new();
        let walkers = self.walkers(&bound);
        for (root, way) in roots(self.input).iter().zip([
            HostProgram::Entering,
            HostProgram::Leaving,
            HostProgram::Local(Direction::Ingress),
            HostProgram::Local(Direction::Egress),
        ]) {
            for &walker in &walkers {
                let found = self.walk(root, walker)?;
                let expected = self.expected(&bound, way, walker);
                wrong.extend(self.difference(way, &found, &expected));
            }
        }
        if wrong.is_empty() {
            *known = now;
        }
        Ok(wrong)
    }

    /// The kinds of packets that rules or policies may tell apart here.
    fn walkers(&self, bound: &Bound<'_>) -> Vec<Walker> {
        let policies = self.input.policies;
        let chains = self.reader.program.chains.values();
        let asked: Vec<&Match> = { chains }
            .flat_map(|chain| &chain.rules)
            .flat_map(|rule| &rule.matches)
            .filter(|one| {
                let of_origin =
                    matches!(one, Match::OriginalDestination(_) | Match::OriginalPorts(..));
                of_origin || matches!(one, Match::Translated | Match::HopLimit(_))
            })
            .collect();
        let asks_hops = asked.iter().any(|one| matches!(one, Match::HopLimit(_)));
        let asks_origin = asked.iter().any(|one| !matches!(one, Match::HopLimit(_)));
        let endpoints = bound.own.iter().map(|(_, endpoint)| *endpoint).chain(bound.for_all);
        let is_before = |endpoint: &CompiledHost| {
            let program = policies.host_program(endpoint, HostProgram::Entering);
            program.tiers.iter().any(|tier| tier.stage == Some(HostStage::BeforeDnat))
        };
        let translated = asks_origin || { endpoints }.any(is_before);
        let neighbour = asks_hops || self.reader.program.family == Family::IPv6;
        let first = Walker::AT_HOST;
        let translated = translated.then_some(Walker { translated: true, ..first });
        let neighbour = neighbour.then_some(Walker { neighbour: true, ..first });
        [first].into_iter().chain(translated).chain(neighbour).collect()
    }

    fn all(&self) -> Region {
        let any = everywhere(self.reader.program.family);
        let devices = self.reader.devices.all();
        let (enters, leaves) = (devices.clone(), devices);
        let original = any.clone();
        Region { enters, leaves, original, ..Region::between(any.clone(), any) }
    }

    fn walk(&self, root: &ChainName, walker: Walker) -> Result<Fate, Trouble> {
        let walk = Walk { reader: self.reader, walker, opaque: &[] };
        let outcome = walk.chain(root, self.all())?;
        if !outcome.accepted.is_empty() {
            return Err(format!("{root} accepts, so that nobody asks for pods' policies"));
        }
        Ok(Fate { admitted: outcome.returned, denied: outcome.denied })
    }

    /// What policies say of all packets on a way.
    fn expected(&mut self, bound: &Bound<'_>, way: HostProgram, walker: Walker) -> Fate {
        let mut fate = Fate::default();
        let mut rest = vec![self.all()];
        if matches!(way, HostProgram::Local(_)) {
            // Without these there is no IPv6.
            if self.reader.program.family == Family::IPv6 {
                let kinds = LISTENERS
                    .into_iter()
                    .chain(NEIGHBOURS.into_iter().filter(|_| walker.neighbour));
                let messages = kinds.fold(Packets::none(), |all, kind| {
                    let message = IcmpMessage { kind, code: None, is_other: false };
                    all.union(&Packets::of_message(L4::Icmpv6, message))
                });
                let product = Product { conns: Some(messages), ..Product::default() };
                let (inside, outside) = split(&rest, &product);
                fate.admitted.extend(inside);
                rest = outside;
            }
        }
        for (interface, endpoint) in &bound.own {
            let devices = self.reader.devices.of(std::slice::from_ref(interface));
            let (inside, outside) = split(&rest, &by(way, devices));
            rest = outside;
            self.at(endpoint, (way, walker), inside, &mut fate);
        }
        // An interface of the host's own decides first: an address is easily claimed.
        if matches!(way, HostProgram::Local(_)) {
            let (inside, outside) = split(&rest, &self.of_pods(way));
            rest = outside;
            match way {
                HostProgram::Local(Direction::Ingress) => {
                    let said = self.sent_by_pods(bound, inside, walker);
                    fate.admitted.extend(said.admitted);
                    fate.denied.extend(said.denied);
                }
                _ => fate.admitted.extend(inside),
            }
        }
        match bound.for_all {
            Some(endpoint) => self.at(endpoint, (way, walker), rest, &mut fate),
            None => fate.admitted.extend(rest),
        }
        fate
    }

    /// What pods of the node send or receive.
    fn of_pods(&self, way: HostProgram) -> Product {
        let Wiring { pods, forwarders, .. } = self.input.wiring;
        if pods.is_empty() {
            let local = Some(Asked::fixed((**self.local).clone()));
            return match direction_of(way) {
                Direction::Ingress => Product { source: local, ..Product::default() },
                Direction::Egress => Product { destination: local, ..Product::default() },
            };
        }
        let devices = self.reader.devices.of(pods).union(&self.reader.devices.of(forwarders));
        by(way, devices)
    }

    fn sent_by_pods(&mut self, bound: &Bound<'_>, regions: Vec<Region>, walker: Walker) -> Fate {
        let mut fate = Fate::default();
        match bound.for_all {
            Some(endpoint) => {
                self.at(endpoint, (HostProgram::BeforeDnat, walker), regions, &mut fate);
            }
            None => fate.admitted = regions,
        }
        if bound.to_host == HostAction::Drop {
            fate.denied.append(&mut fate.admitted);
        }
        fate
    }

    /// What a host endpoint's policies say of packets.
    fn at(
        &mut self,
        endpoint: &CompiledHost,
        (which, walker): (HostProgram, Walker),
        mut at: Vec<Region>,
        fate: &mut Fate,
    ) {
        let (policies, direction) = (self.input.policies, direction_of(which));
        let seen = if walker.translated { Seen::Original } else { Seen::Packet };
        let program = policies.host_program(endpoint, which);
        let Reached { tiers, cut } = reached(policies, &program.tiers, direction);
        for tier in tiers {
            let mut next = Vec::new();
            for (rule, one) in self.rules(tier, direction) {
                let Some(rule) = rule else {
                    // It asks for too much, and denies what it would not accept.
                    fate.denied.append(&mut at);
                    continue;
                };
                for (extent, outcome) in outcomes(&rule, one, tier) {
                    let reading = Reading { direction, seen: seen.by(tier), extent };
                    for product in self.policies.products(&rule, reading) {
                        let (inside, outside) = split(&at, &product);
                        at = outside;
                        match outcome {
                            Action::Accept => fate.admitted.extend(inside),
                            Action::Pass => next.extend(inside),
                            _ => fate.denied.extend(inside),
                        }
                    }
                }
            }
            match tier.end {
                Action::Deny => fate.denied.append(&mut at),
                _ => next.append(&mut at),
            }
            at = next;
        }
        match cut {
            Some(_) => fate.denied.append(&mut at),
            None => fate.admitted.append(&mut at),
        }
    }

    /// The rules of a tier in order; none for a policy that asks for too much and denies something.
    fn rules(&self, tier: &Tier, direction: Direction) -> Vec<(Option<PolicyRule>, PolicyRef)> {
        let policies = self.input.policies;
        let known = tier.policies.iter();
        let known = known.filter_map(|one| Some((*one, policies.policy(one.policy)?)));
        let mut all = Vec::new();
        for (one, policy) in known {
            let rules = policy.rules(direction).unwrap_or_default();
            if self.policies.is_over_at_host((one.policy, policy), direction) {
                let denies = |rule: &PolicyRule| matches!(rule.action, Action::Deny | Action::Pass);
                all.extend(rules.iter().any(denies).then_some((None, one)));
            } else {
                all.extend(rules.iter().map(|rule| (Some(rule.clone()), one)));
            }
        }
        all
    }

    /// A packet that one side admits and the other denies.
    fn difference(&self, way: HostProgram, found: &Fate, expected: &Fate) -> Option<Disagreement> {
        let first = |one: &[Region], other: &[Region]| {
            let (one, other) = (merged(one), merged(other));
            one.iter().find_map(|region| {
                let products = other.iter().map(Product::from);
                { products }.find_map(|product| {
                    split(std::slice::from_ref(region), &product).0.into_iter().next()
                })
            })
        };
        let admitted = first(&found.admitted, &expected.denied).map(|region| (region, true));
        let (region, admitted) =
            admitted.or_else(|| Some((first(&found.denied, &expected.admitted)?, false)))?;
        let family = self.reader.program.family;
        let lowest = |space: &Space| {
            space::address(space.ranges().first().map_or(0, |range| range.0), family)
        };
        let (source, destination) = (lowest(&region.source), lowest(&region.destination));
        let direction = direction_of(way);
        let (subject, peer) = match direction {
            Direction::Egress => (source, destination),
            Direction::Ingress => (destination, source),
        };
        let (protocol, port) = region.conns.example().unwrap_or((None, 0));
        let flow = Counterexample { direction, pod: None, subject, peer, protocol, port, admitted };
        Some(Disagreement::Flow(flow))
    }
}

/// What a rule does with what it is about, and how much of it.
fn outcomes(rule: &PolicyRule, one: PolicyRef, tier: &Tier) -> Vec<(Extent, Action)> {
    match rule.action {
        Action::Accept if one.certain && is_accepting(tier) => {
            vec![(Extent::Certain, Action::Accept)]
        }
        Action::Pass if one.certain => {
            vec![(Extent::Certain, Action::Pass), (Extent::Possible, Action::Deny)]
        }
        Action::Deny | Action::Pass => vec![(Extent::Possible, Action::Deny)],
        Action::Accept | Action::Log => Vec::new(),
    }
}

fn direction_of(way: HostProgram) -> Direction {
    match way {
        HostProgram::Local(direction)
        | HostProgram::Untracked(direction)
        | HostProgram::Replies(direction) => direction,
        HostProgram::BeforeDnat | HostProgram::Entering => Direction::Ingress,
        HostProgram::Leaving => Direction::Egress,
    }
}

/// Packets that go by some devices.
fn by(way: HostProgram, devices: Space) -> Product {
    let devices = Some(Asked::fixed(devices));
    match direction_of(way) {
        Direction::Ingress => Product { enters: devices, ..Product::default() },
        Direction::Egress => Product { leaves: devices, ..Product::default() },
    }
}
