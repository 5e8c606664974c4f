//! The check of one family.

use std::sync::Arc;

use super::super::lower::Input;
use super::super::program::FamilyProgram;
use super::devices::Devices;
use super::frame::{self, Frame};
use super::memory::{KnownFrame, Local, Memory};
use super::places::{Change, Places, Subject};
use super::pods::Pods;
use super::policies::{PodSpaces, Policies};
use super::proof::{Claim, Grounds, Proof};
use super::reader::{self, Reader, Trouble};
use super::regions::{Region, Walk};
use super::space::{self, Admitted, Asked, Difference, Space};
use super::ways::{Way, Ways};
use super::{Counterexample, Disagreement, Verified};
use crate::manifest::Direction;
use crate::net::{ConnSet, Family, Protocol};

/// What of a program is checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// All of it.
    Whole,
    /// What is said of either end, however packets come there.
    Ends,
}

/// The check of one family.
pub struct Check<'c> {
    /// What it is made from.
    pub input: Input<'c>,
    /// The program.
    pub program: &'c FamilyProgram,
    /// Where pods are.
    pub places: &'c Places,
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
        self.follow_own_node(memory);
        // Read by rules while proofs are added to what is known.
        let sets = std::mem::take(&mut memory.sets);
        let devices = Devices::new(self.program, self.input.wiring);
        let reader = Reader { program: self.program, sets: &sets, devices: &devices };
        let framed = match part {
            Part::Whole => self.frame(&reader, &local.space, &mut memory.frame),
            Part::Ends => Ok(()),
        };
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
            let mut pods = Pods::new(reader, direction);
            let root = self.input.settings.root(direction);
            let ways = memory.ways[direction].find(&mut pods, &root, &addresses)?;
            for (subject, way) in local.subjects.iter().zip(ways) {
                self.subject(subject, way, &mut pods, memory)?;
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

    /// A pod's way through the chains, and what its class admits.
    fn subject(
        &mut self,
        subject: &Subject,
        way: Option<Arc<Way>>,
        pods: &mut Pods<'_, '_>,
        memory: &mut Memory,
    ) -> Result<(), Trouble> {
        let direction = pods.direction;
        let id = self.input.policies.program_id(subject.group, direction);
        self.verified.subjects += 1;
        let mut found = match way {
            Some(way) => {
                let proved = match &way.class {
                    Some(class) => {
                        let (class, group) = (class.clone(), subject.group);
                        let claim = Claim { direction, class, program: id, group };
                        self.proved(claim, pods, memory)?
                    }
                    None => false,
                };
                if proved && self.only_itself(subject, &way, direction, memory) {
                    return Ok(());
                }
                let mut found = way.own.clone();
                let class = way.class.as_ref().map(|class| pods.class(class)).transpose()?;
                if let Some(class) = class.flatten() {
                    found.add_all(&class.admitted);
                }
                found
            }
            None => {
                self.verified.walked += 1;
                pods.walk(&self.input.settings.root(direction), subject.address)?
            }
        };
        let mut expected = Admitted::default();
        expected.add(subject.own.clone(), ConnSet::all());
        let policies = &mut self.policies(&mut memory.spaces);
        expected.add_all(&policies.admitted(id, direction, subject.group));
        self.exempt(direction, &mut found);
        self.exempt(direction, &mut expected);
        if let Some(difference) = found.difference(&expected, self.program.family) {
            let flow = self.counterexample(subject, direction, &difference);
            self.wrong.push(Disagreement::Flow(flow));
        }
        Ok(())
    }

    /// Whether a chain admits what a program does. Not proved with what one pod may send to
    /// itself: another pod of the class may not.
    fn proved(
        &self,
        claim: Claim,
        pods: &mut Pods<'_, '_>,
        memory: &mut Memory,
    ) -> Result<bool, Trouble> {
        if let Some(proof) = memory.proofs.get_mut(&claim) {
            proof.asked = memory.run;
            return Ok(true);
        }
        let Claim { direction, program, group, .. } = claim;
        let Some(class) = pods.class(&claim.class)? else { return Ok(false) };
        let admitted = &class.admitted;
        let expected = self.policies(&mut memory.spaces).admitted(program, direction, group);
        let pairs = memory.equals.pairs(admitted, &expected, self.program.family);
        if pairs.is_none() && !self.same(direction, admitted, &expected) {
            return Ok(false);
        }
        let chains = class.chains.iter().map(|name| pods.reader.chain(name));
        let chains = chains.collect::<Result<Vec<_>, _>>()?;
        let grounds = Grounds::new(&chains, self.input.policies, &claim, pairs);
        memory.proofs.insert(claim, Proof { grounds, asked: memory.run });
        Ok(true)
    }

    /// Whether rules about a pod alone let it send to itself and do nothing else.
    fn only_itself(
        &self,
        subject: &Subject,
        way: &Arc<Way>,
        direction: Direction,
        memory: &mut Memory,
    ) -> bool {
        let key = (direction, subject.address);
        if memory.itself.get(&key).is_some_and(|(known, own)| {
            Arc::ptr_eq(known, way) && own.space() == subject.own.space()
        }) {
            return true;
        }
        let mut itself = Admitted::default();
        itself.add(subject.own.clone(), ConnSet::all());
        let only = self.same(direction, &way.own, &itself);
        if only {
            memory.itself.insert(key, (way.clone(), subject.own.clone()));
        }
        only
    }

    fn policies<'p>(&'p self, spaces: &'p mut PodSpaces) -> Policies<'p> {
        let Input { model, policies, settings, .. } = self.input;
        let (family, places, limits) = (self.program.family, self.places, settings.limits);
        Policies { model, policies, limits, family, places, spaces }
    }

    fn same(&self, direction: Direction, found: &Admitted, expected: &Admitted) -> bool {
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
            admitted.add(self.own_node.clone(), ConnSet::all());
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
    let protocols = Protocol::ALL
        .into_iter()
        .filter_map(|protocol| Some((protocol, denied.conns.ports(protocol).ranges().first()?.0)));
    let (protocol, port) = { protocols }.next().map_or((None, 0), |(one, port)| (Some(one), port));
    Counterexample { direction, pod: None, subject, peer, protocol, port, admitted: false }
}
