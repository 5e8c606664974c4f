//! The check of one family.

use std::sync::Arc;

use super::super::budget::OverBudget;
use super::super::lower::Input;
use super::super::program::FamilyProgram;
use super::devices::Devices;
use super::frame::{self, Frame};
use super::hosts::Hosts;
use super::memory::{KnownFrame, Local, Memory};
use super::packets::Packets;
use super::places::{Change, Places, Subject};
use super::pod_spaces::PodSpaces;
use super::pods::Pods;
use super::policies::Policies;
use super::reader::{self, Reader, Trouble};
use super::regions::{Region, Walk};
use super::space::{self, Admitted, Asked, Difference, Space};
use super::ways::{Found, Ways};
use super::{Counterexample, Disagreement, Verified};
use crate::manifest::Direction;
use crate::net::Family;

/// What of a program is checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// All of it.
    Whole,
    /// What is said of either end, however packets come there.
    Ends,
}

/// A pod's way through a direction's chains.
pub struct Route {
    /// From the first tree.
    pub first: Found,
    /// From the tree after the Admin tier; none if it does not come there.
    pub after_admin: Found,
}

/// The check of one family.
pub struct Check<'c> {
    /// What it is made from.
    pub input: Input<'c>,
    /// The program.
    pub program: &'c FamilyProgram,
    /// Where pods are.
    pub places: &'c Places,
    /// Policies that are closed since all of them ask for too much.
    pub over_budget: &'c OverBudget,
    /// What is right.
    pub verified: &'c mut Verified,
    /// What is wrong.
    pub wrong: &'c mut Vec<Disagreement>,
    /// Where the node itself is; read in the course of the check.
    pub own_node: Arc<Asked>,
}

impl Check<'_> {
    /// Checks it.
    ///
    /// # Errors
    /// If chains or sets are not as they must be, whatever the policies are.
    pub fn run(&mut self, change: &Change, memory: &mut Memory, part: Part) -> Result<(), Trouble> {
        let local = memory.follow(self.program, self.input, self.places, change)?;
        memory.follow_budgets(self.over_budget, self.input.policies);
        memory.follow_hosts(self.input.policies);
        self.follow_own_node(memory);
        // Read by rules while proofs are added to what is known.
        let sets = std::mem::take(&mut memory.sets);
        let devices = Devices::new(self.program, self.input.wiring);
        let reader = Reader { program: self.program, sets: &sets, devices: &devices };
        let framed = match part {
            Part::Whole => self.frame(&reader, &local.space, &mut memory.frame),
            Part::Ends => Ok(()),
        };
        let framed = framed.and_then(|()| match part {
            Part::Whole => self.hosts(&reader, &local.space, memory),
            Part::Ends => Ok(()),
        });
        let result = framed.and_then(|()| self.with(&reader, memory, &local));
        memory.sets = sets;
        result?;
        self.verified.classes += memory.keep_used();
        Ok(())
    }

    fn with(
        &mut self,
        reader: &Reader<'_>,
        memory: &mut Memory,
        local: &Local,
    ) -> Result<(), Trouble> {
        let addresses: Vec<u128> = local.subjects.iter().map(|one| one.address).collect();
        for direction in Direction::BOTH {
            let after_admin = self.input.settings.root_after_admin(direction);
            let mut pods = Pods::new(reader, direction, after_admin);
            let routes = self.routes(&addresses, &mut pods, &mut memory.ways[direction])?;
            for (subject, route) in local.subjects.iter().zip(routes) {
                self.subject(subject, &route, &mut pods, memory)?;
            }
            self.others(&pods, &local.space, &mut memory.ways[direction])?;
        }
        Ok(())
    }

    /// Forgets what may hang on the node's own addresses, if they are others.
    fn follow_own_node(&mut self, memory: &mut Memory) {
        let own_node = self.own_node();
        if own_node != *memory.own_node {
            memory.proofs.clear();
            memory.itself.clear();
            memory.own_node = Arc::new(own_node.clone());
        }
        self.own_node = Asked::fixed(own_node);
    }

    /// Checks the chains that all packets walk, unless they were right before.
    fn frame(
        &self,
        reader: &Reader<'_>,
        local: &Arc<Space>,
        known: &mut Option<KnownFrame>,
    ) -> Result<(), Trouble> {
        let chains = frame::chains(self.program, self.input.settings);
        let before = known.take();
        let frame = Frame { reader, input: self.input, local };
        if let (Some(before), Some(chains)) = (&before, &chains)
            && before.local == *local
            && before.wiring == *self.input.wiring
            && before.chains.len() == chains.len()
            && before.chains.iter().zip(chains).all(|(a, b)| Arc::ptr_eq(a, b))
        {
            // Hooks and what sets hold are no part of chains.
            frame.check_rest()?;
        } else {
            frame.check()?;
        }
        let (local, wiring) = (local.clone(), self.input.wiring.clone());
        *known = chains.map(|chains| KnownFrame { chains, local, wiring });
        Ok(())
    }

    /// Checks the chains of hosts, unless they were right before.
    fn hosts(
        &mut self,
        reader: &Reader<'_>,
        local: &Arc<Space>,
        memory: &mut Memory,
    ) -> Result<(), Trouble> {
        let mut known = memory.hosts.take();
        let mut policies = self.policies(&mut memory.spaces);
        let mut hosts = Hosts { reader, input: self.input, policies: &mut policies, local };
        let wrong = hosts.check(&mut known)?;
        self.wrong.extend(wrong);
        memory.hosts = known;
        Ok(())
    }

    /// The ways of pods' addresses through the chains.
    fn routes(
        &self,
        addresses: &[u128],
        pods: &mut Pods<'_, '_>,
        ways: &mut Ways,
    ) -> Result<Vec<Route>, Trouble> {
        let root = self.input.settings.root(pods.direction);
        let first = ways.find(pods, &root, addresses)?;
        let passes = |way: &Found| way.as_ref().is_some_and(|way| way.passes);
        let passed = first.iter().zip(addresses).filter(|(way, _)| passes(way));
        let passed: Vec<u128> = passed.map(|(_, address)| *address).collect();
        let mut behind = Vec::new().into_iter();
        if !passed.is_empty() {
            let root = pods.after_admin.clone();
            behind = ways.find(pods, &root, &passed)?.into_iter();
        }
        let route = |first: Found| {
            let after_admin = if passes(&first) { behind.next().flatten() } else { None };
            Route { first, after_admin }
        };
        Ok(first.into_iter().map(route).collect())
    }

    /// A pod's way through the chains, and what its class admits.
    fn subject(
        &mut self,
        subject: &Subject,
        route: &Route,
        pods: &mut Pods<'_, '_>,
        memory: &mut Memory,
    ) -> Result<(), Trouble> {
        let direction = pods.direction;
        let id = self.input.policies.program_id(subject.group, direction);
        self.verified.subjects += 1;
        if self.is_right(subject, route, pods, memory)? {
            return Ok(());
        }
        let mut found = match &route.first {
            Some(way) if !way.passes => {
                let mut found = way.own.clone();
                let class = way.class.as_ref().map(|class| pods.class(class)).transpose()?;
                if let Some(class) = class.flatten() {
                    found.add_all(&class.admitted);
                }
                found
            }
            // What several chains come to together.
            _ => {
                self.verified.walked += 1;
                pods.walk(&self.input.settings.root(direction), subject.address)?
            }
        };
        let mut expected = Admitted::default();
        expected.add(subject.own.clone(), Packets::all());
        let policies = &mut self.policies(&mut memory.spaces);
        expected.add_all(&policies.admitted(id, direction, subject));
        self.exempt(direction, &mut found);
        self.exempt(direction, &mut expected);
        if let Some(difference) = found.difference(&expected, self.program.family) {
            let flow = self.counterexample(subject, direction, &difference);
            self.wrong.push(Disagreement::Flow(flow));
        }
        Ok(())
    }

    pub(super) fn policies<'p>(&'p self, spaces: &'p mut PodSpaces) -> Policies<'p> {
        let Input { model, policies, settings, .. } = self.input;
        let (family, places, limits) = (self.program.family, self.places, settings.limits);
        let over_budget = self.over_budget;
        Policies { model, policies, limits, over_budget, family, places, spaces }
    }

    pub(super) fn same(&self, direction: Direction, found: &Admitted, expected: &Admitted) -> bool {
        if found.difference(expected, self.program.family).is_none() {
            return true;
        }
        let exempt = |admitted: &Admitted| {
            let mut admitted = admitted.clone();
            self.exempt(direction, &mut admitted);
            admitted
        };
        exempt(found).difference(&exempt(expected), self.program.family).is_none()
    }

    /// The node's own packets are sent to its pods, not forwarded: no chain sees them, and what
    /// chains would do with them does not matter.
    fn exempt(&self, direction: Direction, admitted: &mut Admitted) {
        if direction == Direction::Ingress {
            admitted.add(self.own_node.clone(), Packets::all());
        }
    }

    fn counterexample(
        &self,
        subject: &Subject,
        direction: Direction,
        difference: &Difference,
    ) -> Counterexample {
        let family = self.program.family;
        let (protocol, port, admitted) = difference.example();
        Counterexample {
            direction,
            pod: Some(subject.pod),
            subject: space::address(subject.address, family),
            peer: space::address(difference.peer, family),
            protocol,
            port,
            admitted,
        }
    }

    fn own_node(&self) -> Space {
        let node = self.input.model.nodes.iter().find(|node| *node.name == *self.input.node);
        let addresses = node.into_iter().flat_map(|node| node.addresses.iter().copied());
        space::of_addresses(addresses, self.program.family)
    }

    /// Nobody else is denied anything by a direction's chains.
    fn others(
        &mut self,
        pods: &Pods<'_, '_>,
        local: &Space,
        ways: &mut Ways,
    ) -> Result<(), Trouble> {
        let family = self.program.family;
        let root = self.input.settings.root(pods.direction);
        let others = space::everywhere(family).difference(local);
        let captured = ways.captured(pods, &root, others)?;
        if captured.is_empty() {
            return Ok(());
        }
        let any = space::everywhere(family);
        let (source, destination) = match pods.direction {
            Direction::Egress => (captured, any),
            Direction::Ingress => (any, captured),
        };
        let region = Region::between(source, destination);
        let walk = Walk { reader: pods.reader, walker: reader::Walker::NEW, opaque: &[] };
        let outcome = walk.chain(&root, region)?;
        if !outcome.accepted.is_empty() {
            return Err(format!(
                "{root} accepts, so that nobody asks for the other end's policies"
            ));
        }
        if let Some(denied) = outcome.denied.first() {
            self.wrong.push(Disagreement::Flow(stranger(denied, pods.direction, family)));
        }
        Ok(())
    }
}

/// A packet of a region that is denied for the sake of somebody who is no local pod.
fn stranger(denied: &Region, direction: Direction, family: Family) -> Counterexample {
    let first =
        |space: &Space| space::address(space.ranges().first().map_or(0, |range| range.0), family);
    let (source, destination) = (first(&denied.source), first(&denied.destination));
    let (subject, peer) = match direction {
        Direction::Egress => (source, destination),
        Direction::Ingress => (destination, source),
    };
    let (protocol, port) = denied.conns.example().unwrap_or((None, 0));
    Counterexample { direction, pod: None, subject, peer, protocol, port, admitted: false }
}
