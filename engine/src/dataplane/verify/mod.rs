//! Whether a program admits exactly what the policies admit.
//!
//! Two readings are compared: one of the chains and sets, as the kernel would walk them, with all
//! packets at once; one of the policies. Neither knows how programs are made.

mod frame;
mod pods;
mod policies;
mod proof;
mod reader;
mod regions;
mod space;

use std::net::IpAddr;
use std::sync::Arc;

use super::lower::Input;
use super::program::{Chain, FamilyProgram, FilterProgram};
use super::settings::Settings;
use crate::cluster::{Addresses, Endpoint, GroupId, Life};
use crate::manifest::Direction;
use crate::net::{ConnSet, Family, Protocol};
use frame::Frame;
use pods::{Descent, Pods};
use policies::{PodIndex, Policies};
use proof::{Grounds, Memory, Proofs};
use reader::{Reader, Trouble};
use regions::{Region, Walk};
use space::{Admitted, Difference, Space};

/// What was found to be right.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Verified {
    /// Addresses of local pods, in both directions.
    pub subjects: usize,
    /// Chains of classes whose rules were compared with policies.
    pub classes: usize,
    /// Subjects whose way through the chains was walked region by region, since it has not the
    /// usual form.
    pub walked: usize,
}

/// Where a program does not do what the policies say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Disagreement {
    /// A flow is judged otherwise.
    Flow(Counterexample),
    /// Chains or sets are not as they must be, whatever the policies are.
    Structure {
        /// The family.
        family: Family,
        /// What is wrong.
        what: String,
    },
}

/// A flow that is judged otherwise.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Counterexample {
    /// The direction, seen from the pod.
    pub direction: Direction,
    /// The pod, as an index of the model's endpoints; none for an address that is no local pod's.
    pub pod: Option<u32>,
    /// The pod's address.
    pub subject: IpAddr,
    /// The other end's address.
    pub peer: IpAddr,
    /// The protocol; none stands for those without ports.
    pub protocol: Option<Protocol>,
    /// The destination port.
    pub port: u16,
    /// Whether the program admits it; the policies say the opposite.
    pub admitted: bool,
}

/// Compares a program with the policies.
///
/// # Errors
/// The flows and structures that are wrong: at least one of each kind that is.
///
/// # Cost
/// Linear in the endpoints of the cluster, the rules and the members of sets.
pub fn verify(program: &FilterProgram, input: Input<'_>) -> Result<Verified, Vec<Disagreement>> {
    Verifier::default().verify(program, input)
}

/// Compares one program after the other, anew only where the grounds of a proof have changed.
#[derive(Debug, Default)]
pub struct Verifier {
    settings: Option<Settings>,
    pods: PodIndex,
    memories: [Memory; 2],
}

impl Verifier {
    /// What [`verify`] says.
    ///
    /// # Errors
    /// As [`verify`].
    ///
    /// # Cost
    /// Of what is the same as in the program before: linear in the endpoints of the cluster, in
    /// the local pods and in the chains.
    pub fn verify(
        &mut self,
        program: &FilterProgram,
        input: Input<'_>,
    ) -> Result<Verified, Vec<Disagreement>> {
        self.forget(input);
        let (mut verified, mut wrong) = (Verified::default(), Vec::new());
        for (family, memory) in program.families.iter().zip(&mut self.memories) {
            let mut check = Check {
                input,
                program: family,
                verified: &mut verified,
                wrong: &mut wrong,
                own_node: Arc::default(),
            };
            if let Err(what) = check.run(&self.pods, memory) {
                wrong.push(Disagreement::Structure { family: family.family, what });
            }
        }
        if wrong.is_empty() { Ok(verified) } else { Err(wrong) }
    }

    /// Forgets what hangs on settings or pods that are others now.
    fn forget(&mut self, input: Input<'_>) {
        let pods = policies::index(input.model);
        if self.settings.as_ref() != Some(input.settings) || pods != self.pods {
            *self = Self { settings: Some(input.settings.clone()), pods, ..Self::default() };
        }
    }
}

/// The check of one family.
struct Check<'c> {
    input: Input<'c>,
    program: &'c FamilyProgram,
    verified: &'c mut Verified,
    wrong: &'c mut Vec<Disagreement>,
    own_node: Arc<Space>,
}

/// An address of a local pod.
struct Subject {
    pod: u32,
    group: GroupId,
    address: u128,
    /// All addresses of the pod.
    own: Arc<Space>,
}

impl Check<'_> {
    fn run(&mut self, pods: &PodIndex, memory: &mut Memory) -> Result<(), Trouble> {
        let family = self.program.family;
        let own_node = self.own_node();
        if own_node != memory.own_node {
            memory.proofs.clear();
            memory.own_node = own_node.clone();
        }
        self.own_node = Arc::new(own_node);
        let reader = Reader::new(self.program, &mut memory.sets)?;
        let subjects = self.subjects();
        let local = Space::from_ranges(subjects.iter().map(|one| (one.address, one.address)));
        self.frame(&reader, local, &mut memory.frame)?;
        let (model, set) = (self.input.model, self.input.policies);
        let spaces = &mut memory.spaces;
        let mut policies = Policies { model, policies: set, family, pods, spaces };
        let mut proofs = Proofs { before: &memory.proofs, now: Default::default() };
        for direction in Direction::BOTH {
            let mut pods = Pods::new(&reader, direction);
            for subject in &subjects {
                self.subject(subject, (&mut pods, &mut policies), &mut proofs)?;
            }
            self.others(&pods, &subjects)?;
        }
        let proofs = proofs.now;
        self.verified.classes += proofs.len();
        memory.proofs = proofs;
        Ok(())
    }

    /// Checks the chains that all packets walk, unless they were right before.
    fn frame(
        &self,
        reader: &Reader<'_>,
        local: Space,
        known: &mut Option<(Vec<Arc<Chain>>, Space)>,
    ) -> Result<(), Trouble> {
        let chains = proof::frame(self.program, self.input.settings);
        let before = known.take();
        if let (Some((before, was_local)), Some(chains)) = (&before, &chains)
            && *was_local == local
            && before.len() == chains.len()
            && before.iter().zip(chains).all(|(a, b)| Arc::ptr_eq(a, b))
        {
            // Hooks and the set of local addresses are no part of chains.
            Frame { reader, settings: self.input.settings, local: &local }.check_rest()?;
        } else {
            Frame { reader, settings: self.input.settings, local: &local }.check()?;
        }
        *known = chains.map(|chains| (chains, local));
        Ok(())
    }

    fn subjects(&self) -> Vec<Subject> {
        let (family, model) = (self.program.family, self.input.model);
        let mut subjects = Vec::new();
        for (pod, endpoint) in (0..).zip(&model.endpoints) {
            let (Some(group), Some(addresses)) = (endpoint.group, self.here(endpoint)) else {
                continue;
            };
            let own = Arc::new(space::of_addresses(addresses.iter().copied(), family));
            for address in addresses.iter().filter(|one| Family::of(**one) == family) {
                let address = space::number(*address);
                subjects.push(Subject { pod, group, address, own: own.clone() });
            }
        }
        subjects
    }

    /// The addresses of a pod of the node.
    fn here<'e>(&self, endpoint: &'e Endpoint) -> Option<&'e [IpAddr]> {
        match &endpoint.addresses {
            Addresses::Known(addresses)
                if endpoint.node.as_deref() == Some(self.input.node)
                    && endpoint.life == Life::Active =>
            {
                Some(addresses)
            }
            _ => None,
        }
    }

    /// A pod's way through the chains, and what its class admits.
    fn subject(
        &mut self,
        subject: &Subject,
        (pods, policies): (&mut Pods<'_, '_>, &mut Policies<'_>),
        proofs: &mut Proofs<'_>,
    ) -> Result<(), Trouble> {
        let direction = pods.direction;
        let root = self.input.settings.root(direction);
        let id = self.input.policies.program_id(subject.group, direction);
        self.verified.subjects += 1;
        let mut itself = Admitted::default();
        itself.add(subject.own.clone(), ConnSet::all());
        let mut found = match pods.descend(&root, subject.address)? {
            Some(Descent { own, class: Some(class) }) => {
                let admitted = pods.class(&class)?.unwrap_or_default();
                let claim = (direction, class, id, subject.group);
                // Not proved with what one pod may send to itself: another pod of the class may
                // not.
                let known = proofs.holds(pods.reader, self.input.policies, &claim);
                let proved = known || {
                    let expected = policies.admitted(id, direction, subject.group);
                    self.same(direction, &admitted, &expected)
                };
                if proved && !known {
                    let chain = pods.reader.chain(&claim.1)?;
                    let grounds = Grounds::new(chain, pods.reader, self.input.policies, &claim);
                    proofs.now.insert(claim, Arc::new(grounds));
                }
                if proved && self.same(direction, &own, &itself) {
                    return Ok(());
                }
                let mut found = own;
                found.add_all(&admitted);
                found
            }
            Some(Descent { own, class: None }) => own,
            None => {
                self.verified.walked += 1;
                pods.walk(&root, subject.address)?
            }
        };
        let mut expected = itself;
        expected.add_all(&policies.admitted(id, direction, subject.group));
        self.exempt(direction, &mut found);
        self.exempt(direction, &mut expected);
        if let Some(difference) = found.difference(&expected, self.program.family) {
            self.wrong.push(Disagreement::Flow(self.counterexample(
                subject,
                direction,
                &difference,
            )));
        }
        Ok(())
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
    fn others(&mut self, pods: &Pods<'_, '_>, subjects: &[Subject]) -> Result<(), Trouble> {
        let family = self.program.family;
        let root = self.input.settings.root(pods.direction);
        let local = Space::from_ranges(subjects.iter().map(|one| (one.address, one.address)));
        let others = space::everywhere(family).difference(&local);
        let captured = pods.captured(&root, others)?;
        if captured.is_empty() {
            return Ok(());
        }
        let any = space::everywhere(family);
        let (source, destination) = match pods.direction {
            Direction::Egress => (captured, any),
            Direction::Ingress => (any, captured),
        };
        let region = Region { source, destination, conns: ConnSet::all(), calls: 0 };
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
