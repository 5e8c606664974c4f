//! Whether the chains of host endpoints do what their policies say.
//!
//! Unlike a pod, whose address is known, whoever the packet says may be at either end. So all packets
//! walk the chains at once, region by region, and all are asked of the policies in the same way:
//! what one side admits and the other denies must be nothing.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::super::bound::{Bound, bound};
use super::super::expressible::{Reached, Seen, is_accepting, reached};
use super::super::lower::Input;
use super::super::lower::hosts::{ENTERING, FROM_PODS, LEAVING, RECEIVED, SENT};
use super::super::program::{Action as RuleAction, AddressSet, Chain, ChainName, IcmpMessage, L4};
use super::super::settings::Settings;
use super::super::wiring::Wiring;
use super::host_rules::Reading;
use super::packets::Packets;
use super::policies::Policies;
use super::reader::{Product, Reader, Trouble, Walker, asked_sets};
use super::regions::{Region, Walk, split};
use super::space::{Asked, Extent, Space, everywhere};
use super::{Counterexample, Disagreement, space};
use crate::manifest::calico::HostAction;
use crate::manifest::{Action, Direction};
use crate::net::Family;
use crate::policy::{
    CompiledHost, CompiledPolicy, HostProgram, PolicyRef, PolicyRule, ProgramId, Tier,
};

/// Messages between neighbours, routers among them; and about multicast groups.
const NEIGHBOURS: [u8; 4] = [133, 134, 135, 136];
const LISTENERS: [u8; 4] = [130, 131, 132, 143];

/// What was right, and what that hangs on.
#[derive(Debug)]
pub struct KnownHosts {
    chains: Vec<Arc<Chain>>,
    sets: Vec<Arc<AddressSet>>,
    policies: Vec<Arc<CompiledPolicy>>,
    programs: Vec<ProgramId>,
    wiring: Wiring,
    local: Arc<Space>,
}

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
        for (root, way) in roots(self.input).iter().zip([
            HostProgram::Entering,
            HostProgram::Leaving,
            HostProgram::Local(Direction::Ingress),
            HostProgram::Local(Direction::Egress),
        ]) {
            for (translated, neighbour) in [(false, false), (true, false), (false, true)] {
                let walker = Walker { translated, neighbour, ..Walker::AT_HOST };
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
            let (inside, outside) = split(&rest, &self.of_pods(way));
            rest = outside;
            match way {
                HostProgram::Local(Direction::Ingress) => {
                    let said = self.from_pods(bound, inside, walker);
                    fate.admitted.extend(said.admitted);
                    fate.denied.extend(said.denied);
                }
                _ => fate.admitted.extend(inside),
            }
        }
        for (interface, endpoint) in &bound.own {
            let devices = self.reader.devices.of(std::slice::from_ref(interface));
            let (inside, outside) = split(&rest, &by(way, devices));
            rest = outside;
            self.at(endpoint, (way, walker), inside, &mut fate);
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

    fn from_pods(&mut self, bound: &Bound<'_>, regions: Vec<Region>, walker: Walker) -> Fate {
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

    /// What a proof hangs on; none if it hangs on who is where.
    fn known(&self, bound: &Bound<'_>) -> Result<Option<KnownHosts>, Trouble> {
        let policies = self.input.policies;
        let endpoints = bound.own.iter().map(|(_, endpoint)| *endpoint).chain(bound.for_all);
        let programs: Vec<ProgramId> = endpoints
            .flat_map(|endpoint| {
                [
                    HostProgram::Entering,
                    HostProgram::Leaving,
                    HostProgram::BeforeDnat,
                    HostProgram::Local(Direction::Ingress),
                    HostProgram::Local(Direction::Egress),
                ]
                .map(|which| policies.host_program_id(endpoint, which))
            })
            .collect();
        let of = |id: &ProgramId| policies.policies_of(*id).map(|(_, policy)| Arc::clone(policy));
        let all: Vec<Arc<CompiledPolicy>> = programs.iter().flat_map(of).collect();
        let asks = |policy: &Arc<CompiledPolicy>| {
            let rules = Direction::BOTH.into_iter().filter_map(|direction| policy.rules(direction));
            { rules }
                .flatten()
                .any(|rule| rule.sets().next().is_some() || rule.named_ports().next().is_some())
        };
        if all.iter().any(asks) {
            return Ok(None);
        }
        let (mut chains, mut sets): (BTreeMap<ChainName, Arc<Chain>>, BTreeMap<_, _>) =
            Default::default();
        let mut names: Vec<ChainName> = roots(self.input).to_vec();
        while let Some(name) = names.pop() {
            if chains.contains_key(&name) {
                continue;
            }
            let chain = self.reader.chain(&name)?;
            for set in asked_sets(chain) {
                if let Some(known) = self.reader.program.sets.get(set) {
                    sets.insert(set.clone(), Arc::clone(known));
                }
            }
            names.extend(chain.rules.iter().filter_map(|rule| match &rule.action {
                RuleAction::Jump(to) | RuleAction::Goto(to) => Some(to.clone()),
                _ => None,
            }));
            chains.insert(name, Arc::clone(chain));
        }
        Ok(Some(KnownHosts {
            chains: chains.into_values().collect(),
            sets: sets.into_values().collect(),
            policies: all,
            programs,
            wiring: self.input.wiring.clone(),
            local: Arc::clone(self.local),
        }))
    }
}

impl KnownHosts {
    fn is(&self, now: &Self) -> bool {
        fn same<T>(one: &[Arc<T>], other: &[Arc<T>]) -> bool {
            one.len() == other.len() && one.iter().zip(other).all(|(a, b)| Arc::ptr_eq(a, b))
        }
        same(&self.chains, &now.chains)
            && same(&self.sets, &now.sets)
            && same(&self.policies, &now.policies)
            && self.programs == now.programs
            && self.wiring == now.wiring
            && self.local == now.local
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

/// The same packets in fewer regions: those that differ in one part alone are one.
fn merged(regions: &[Region]) -> Vec<Region> {
    let mut all = regions.to_vec();
    merge(
        &mut all,
        |region| std::mem::replace(&mut region.source, Space::empty()),
        |region, part| {
            region.source = region.source.union(part);
        },
    );
    merge(
        &mut all,
        |region| std::mem::replace(&mut region.destination, Space::empty()),
        |region, part| region.destination = region.destination.union(part),
    );
    merge(
        &mut all,
        |region| std::mem::replace(&mut region.conns, Packets::none()),
        |region, part| {
            region.conns = region.conns.union(part);
        },
    );
    all
}

fn merge<T: Clone>(
    all: &mut Vec<Region>,
    take: impl Fn(&mut Region) -> T,
    add: impl Fn(&mut Region, &T),
) {
    let mut rest: Vec<(Region, Vec<T>)> = Vec::with_capacity(all.len());
    for mut region in all.drain(..) {
        let part = take(&mut region);
        match rest.iter_mut().find(|(other, _)| *other == region) {
            Some((_, parts)) => parts.push(part),
            None => rest.push((region, vec![part])),
        }
    }
    *all = rest
        .into_iter()
        .map(|(mut region, parts)| {
            parts.iter().for_each(|part| add(&mut region, part));
            region
        })
        .collect();
}
