//! Walks chains as the kernel does, with all packets of a region at once.

use super::super::program::{Action, ChainName, Match};
use super::packets::Packets;
use super::reader::{Product, Reader, Trouble, Walker};
use super::space::{Asked, Space};
use crate::net::PortSet;

/// The kernel allows chains to lead on so often; programs need far less.
pub const DEEPEST: usize = 64;

/// Packets from these sources to these destinations, by these devices.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Region {
    /// Sources.
    pub source: Space,
    /// Destinations.
    pub destination: Space,
    /// Protocols and ports.
    pub conns: Packets,
    /// Devices where they come in, as the reader numbers them.
    pub enters: Space,
    /// Devices where they go out.
    pub leaves: Space,
    /// Where they were sent to before that was translated, if it was.
    pub original: Space,
    /// At which ports.
    pub original_ports: PortSet,
    /// Which of the chains that are not looked into were walked, as bits.
    pub calls: u8,
}

/// What becomes of regions in a chain.
#[derive(Clone, Debug, Default)]
pub struct Outcome {
    /// They come back.
    pub returned: Vec<Region>,
    /// They are accepted, and no later rule sees them.
    pub accepted: Vec<Region>,
    /// They are denied.
    pub denied: Vec<Region>,
}

/// Regions on their way through a chain.
struct Passing {
    /// What has become of those that a rule decided.
    outcome: Outcome,
    /// Those that are still on their way.
    at: Vec<Region>,
}

/// Chains that are only noted, not looked into.
pub type Opaque<'o> = &'o [ChainName];

/// Walks.
pub struct Walk<'w, 'p> {
    /// The program.
    pub reader: &'w Reader<'p>,
    /// The kind of packets.
    pub walker: Walker,
    /// Chains that are only noted.
    pub opaque: Opaque<'w>,
}

impl Walk<'_, '_> {
    /// What becomes of a region that comes into a chain.
    pub fn chain(&self, name: &str, region: Region) -> Result<Outcome, Trouble> {
        self.walk(name, vec![region], 0)
    }

    fn walk(&self, name: &str, mut at: Vec<Region>, depth: usize) -> Result<Outcome, Trouble> {
        if let Some(bit) = self.opaque.iter().position(|known| **known == *name) {
            at.iter_mut().for_each(|region| region.calls |= 1 << bit);
            return Ok(Outcome { returned: at, ..Outcome::default() });
        }
        if depth > DEEPEST {
            return Err(format!("chain {name} leads to itself"));
        }
        let mut passing = Passing { outcome: Outcome::default(), at };
        for rule in &self.reader.chain(name)?.rules {
            if passing.at.is_empty() {
                break;
            }
            let mut matched = Vec::new();
            for product in self.reader.products(rule, self.walker)? {
                let (inside, outside) = split(&passing.at, &product);
                matched.extend(inside);
                passing.at = outside;
            }
            let limited = rule.matches.iter().any(|one| matches!(one, Match::Limit(..)));
            if limited && !matches!(rule.action, Action::Log { .. }) {
                return Err(format!("chain {name} decides by a rate"));
            }
            self.act(&rule.action, matched, &mut passing, depth)?;
        }
        let Passing { mut outcome, mut at } = passing;
        outcome.returned.append(&mut at);
        Ok(outcome)
    }

    /// What the action does with the regions that agree; those that walk on join the others.
    fn act(
        &self,
        action: &Action,
        mut matched: Vec<Region>,
        passing: &mut Passing,
        depth: usize,
    ) -> Result<(), Trouble> {
        let Passing { outcome, at } = passing;
        match action {
            Action::Log { .. } => at.append(&mut matched),
            Action::Return => outcome.returned.append(&mut matched),
            Action::Accept => outcome.accepted.append(&mut matched),
            Action::Drop | Action::Reject(_) => outcome.denied.append(&mut matched),
            Action::Jump(next) | Action::Goto(next) => {
                let mut below = self.walk(next, matched, depth + 1)?;
                outcome.accepted.append(&mut below.accepted);
                outcome.denied.append(&mut below.denied);
                // From a chain that was gone to one returns to where this one was jumped at.
                match action {
                    Action::Jump(_) => at.append(&mut below.returned),
                    _ => outcome.returned.append(&mut below.returned),
                }
            }
        }
        Ok(())
    }
}

/// What of the regions is in the product, and what is not.
pub fn split(regions: &[Region], product: &Product) -> (Vec<Region>, Vec<Region>) {
    let (mut inside, mut outside) = (Vec::new(), Vec::new());
    for region in regions {
        let mut rest = region.clone();
        cut(&mut rest, product.source.as_deref(), |region| &mut region.source, &mut outside);
        cut(&mut rest, product.destination.as_deref(), |r| &mut r.destination, &mut outside);
        cut(&mut rest, product.enters.as_deref(), |r| &mut r.enters, &mut outside);
        cut(&mut rest, product.leaves.as_deref(), |r| &mut r.leaves, &mut outside);
        cut(&mut rest, product.original.as_deref(), |r| &mut r.original, &mut outside);
        if let Some(ports) = &product.original_ports {
            let others = rest.original_ports.difference(ports);
            let other = Region { original_ports: others, ..rest.clone() };
            outside.extend(Some(other).filter(|region| !region.is_empty()));
            rest.original_ports = rest.original_ports.intersection(ports);
        }
        if let Some(conns) = &product.conns {
            let other = Region { conns: rest.conns.difference(conns), ..rest.clone() };
            outside.extend(Some(other).filter(|region| !region.is_empty()));
            rest.conns = rest.conns.intersection(conns);
        }
        inside.extend(Some(rest).filter(|region| !region.is_empty()));
    }
    (inside, outside)
}

/// Keeps of a region what is within a space, and puts the other part outside.
fn cut(
    rest: &mut Region,
    within: Option<&Asked>,
    part: impl Fn(&mut Region) -> &mut Space,
    outside: &mut Vec<Region>,
) {
    let Some(within) = within.map(Asked::space) else { return };
    let mut other = rest.clone();
    let all = part(rest).clone();
    *part(&mut other) = all.difference(within);
    *part(rest) = all.intersection(within);
    outside.extend(Some(other).filter(|region| !region.is_empty()));
}

impl Region {
    /// Packets of all connections from these sources to these destinations, by whatever device.
    pub fn between(source: Space, destination: Space) -> Self {
        Self {
            source,
            destination,
            conns: Packets::all(),
            enters: Space::full(),
            leaves: Space::full(),
            original: Space::full(),
            original_ports: PortSet::full(),
            calls: 0,
        }
    }

    /// Whether no packet is in it.
    pub fn is_empty(&self) -> bool {
        self.source.is_empty()
            || self.destination.is_empty()
            || self.conns.is_empty()
            || self.enters.is_empty()
            || self.leaves.is_empty()
            || self.original.is_empty()
            || self.original_ports.is_empty()
    }
}

impl From<&Region> for Product {
    fn from(region: &Region) -> Self {
        let some = |space: &Space| Some(Asked::fixed(space.clone()));
        Self {
            source: some(&region.source),
            destination: some(&region.destination),
            conns: Some(region.conns.clone()),
            enters: some(&region.enters),
            leaves: some(&region.leaves),
            original: some(&region.original),
            original_ports: Some(region.original_ports.clone()),
        }
    }
}
