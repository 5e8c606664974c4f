//! Sets of addresses of one family, and what is admitted at them.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::{Arc, OnceLock};

use super::super::program::SetName;
use super::decisions::{Decided, Decisions, Outcome, Step};
use super::packets::Packets;
use crate::net::{AddrSet, Cidr, Family, IntervalSet, Protocol};
use crate::policy::SetId;
use crate::shared::Sorted;

/// Addresses of one family, as numbers.
pub type Space = IntervalSet<u128>;

/// Every address of a family.
pub fn everywhere(family: Family) -> Space {
    match family {
        Family::IPv4 => Space::range(0, u128::from(u32::MAX)),
        Family::IPv6 => Space::full(),
    }
}

/// An address as a number.
pub fn number(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(v4) => u128::from(u32::from(v4)),
        IpAddr::V6(v6) => u128::from(v6),
    }
}

/// The address of a number.
pub fn address(number: u128, family: Family) -> IpAddr {
    match (family, u32::try_from(number)) {
        (Family::IPv4, Ok(v4)) => Ipv4Addr::from(v4).into(),
        _ => Ipv6Addr::from(number).into(),
    }
}

/// These addresses, those of the other family left out.
pub fn of_addresses(addresses: impl Iterator<Item = IpAddr>, family: Family) -> Space {
    let own = addresses.filter(|address| Family::of(*address) == family).map(number);
    Space::from_ranges(own.map(|number| (number, number)))
}

/// The addresses of a block; none if it is of the other family.
pub fn of_cidr(cidr: Cidr, family: Family) -> Space {
    match (cidr, family) {
        (Cidr::V4(net), Family::IPv4) => {
            Space::range(u32::from(net.network()).into(), u32::from(net.broadcast()).into())
        }
        (Cidr::V6(net), Family::IPv6) => Space::range(net.network().into(), net.broadcast().into()),
        _ => Space::empty(),
    }
}

/// Whether an address is in a block.
pub fn in_cidr(cidr: Cidr, family: Family, number: u128) -> bool {
    match (cidr, address(number, family)) {
        (Cidr::V4(net), IpAddr::V4(v4)) => net.contains(&v4),
        (Cidr::V6(net), IpAddr::V6(v6)) => net.contains(&v6),
        _ => false,
    }
}

/// The addresses of a set in a family.
pub fn of_set(set: &AddrSet, family: Family) -> Space {
    match family {
        Family::IPv4 => {
            Space::from_ranges(set.v4.ranges().iter().map(|&(a, b)| (u128::from(a), u128::from(b))))
        }
        Family::IPv6 => set.v6.clone(),
    }
}

/// How much of a set of pods is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Extent {
    /// Pods that match for certain.
    Certain,
    /// Pods that match or may match.
    Possible,
}

/// A set of pods, and how much of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PodsKey {
    /// The set.
    pub pods: SetId,
    /// How much of it.
    pub extent: Extent,
}

/// Where addresses come from that rules or policies ask for.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Origin {
    /// They are written there.
    Fixed,
    /// They are members of a set of the program.
    Set(SetName),
    /// They are those of a set of pods.
    Pods(PodsKey),
    /// They hang on those of a set, or of pods, and are others.
    Derived,
}

/// Addresses that rules or policies ask for; one by one only where somebody looks at them so.
#[derive(Debug)]
pub struct Asked {
    /// Where they come from.
    pub origin: Origin,
    /// Members, all of the family, unless they are fixed.
    pub members: Sorted<IpAddr>,
    space: OnceLock<Space>,
}

impl Asked {
    /// Addresses as written.
    pub fn fixed(space: Space) -> Arc<Self> {
        let (origin, members) = (Origin::Fixed, Sorted::default());
        Arc::new(Self { origin, members, space: OnceLock::from(space) })
    }

    /// Addresses that were read from others.
    pub fn derived(space: Space, from: &[&Self]) -> Arc<Self> {
        let written = from.iter().all(|one| one.origin == Origin::Fixed);
        let (origin, members) =
            (if written { Origin::Fixed } else { Origin::Derived }, Sorted::default());
        Arc::new(Self { origin, members, space: OnceLock::from(space) })
    }

    /// Addresses that hang on who is where.
    pub fn dependent(space: Space) -> Arc<Self> {
        let (origin, members) = (Origin::Derived, Sorted::default());
        Arc::new(Self { origin, members, space: OnceLock::from(space) })
    }

    /// Addresses that may be others the next time; all of one family.
    pub fn of(origin: Origin, members: Sorted<IpAddr>) -> Arc<Self> {
        Arc::new(Self { origin, members, space: OnceLock::new() })
    }

    /// The addresses.
    pub fn space(&self) -> &Space {
        let members = || self.members.iter().map(|address| number(*address));
        self.space.get_or_init(|| Space::from_sorted(members()))
    }
}

/// What is admitted: at addresses of peers, connections. The same address may be in several
/// parts; then all of them count, and what decisions in order admit besides.
#[derive(Clone, Debug, Default)]
pub struct Admitted {
    parts: Vec<(Arc<Asked>, Packets)>,
    ordered: Vec<Arc<Decisions>>,
}

/// Connections by where their addresses come from.
#[derive(Debug, Default)]
pub struct ByOrigin<'a> {
    /// Everywhere.
    pub everywhere: Packets,
    /// At addresses as written.
    pub fixed: BTreeMap<&'a Space, Packets>,
    /// At those of a set, or of pods.
    pub asked: BTreeMap<&'a Origin, (&'a Arc<Asked>, Packets)>,
}

/// Takes away what is admitted anyhow; whether something is left.
fn left(conns: &mut Packets, anyhow: &Packets) -> bool {
    *conns = conns.difference(anyhow);
    !conns.is_empty()
}

/// An address at which two sides do not decide the same.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// The peer's address.
    pub peer: u128,
    /// Admitted by the first and not by the second.
    pub only_first: Packets,
    /// Admitted by the second and not by the first.
    pub only_second: Packets,
}

impl Admitted {
    /// What is admitted where all comes to an outcome.
    pub fn of(outcome: &Outcome, family: Family) -> Self {
        let mut admitted = Self::default();
        match outcome {
            Outcome::Deny => {}
            Outcome::Admit => admitted.add(Asked::fixed(everywhere(family)), Packets::all()),
            Outcome::Pass => {
                let all = Decisions::new(Vec::new(), outcome, family);
                admitted.ordered.push(Arc::new(all));
            }
            Outcome::Onward(decisions) => match decisions.admitted() {
                Some(steps) => steps.iter().for_each(|step| {
                    admitted.add(step.peers.clone(), step.conns.clone());
                }),
                None => admitted.ordered.push(decisions.clone()),
            },
        }
        admitted
    }

    /// Whether order matters in what is admitted.
    pub fn is_ordered(&self) -> bool {
        !self.ordered.is_empty()
    }

    /// What is admitted as decisions in order; none if it is the union of several such.
    pub fn decisions(&self, family: Family) -> Option<Arc<Decisions>> {
        match (self.ordered.as_slice(), self.parts.is_empty()) {
            ([one], true) => Some(one.clone()),
            ([], _) => {
                let step = |(peers, conns): &(Arc<Asked>, Packets)| {
                    let (peers, conns) = (peers.clone(), conns.clone());
                    Step { peers, conns, outcome: Outcome::Admit }
                };
                let steps = self.parts.iter().map(step).collect();
                Some(Arc::new(Decisions::new(steps, &Outcome::Deny, family)))
            }
            _ => None,
        }
    }

    /// Admits connections at addresses as well.
    pub fn add(&mut self, peers: Arc<Asked>, conns: Packets) {
        // What may be somebody the next time is kept.
        let nobody = peers.origin == Origin::Fixed && peers.space().is_empty();
        if !nobody && !conns.is_empty() {
            self.parts.push((peers, conns));
        }
    }

    /// Whether nothing has been admitted.
    pub fn is_empty(&self) -> bool {
        self.parts.is_empty() && self.ordered.is_empty()
    }

    /// Admits what another admits as well.
    pub fn add_all(&mut self, other: &Self) {
        self.parts.extend(other.parts.iter().cloned());
        self.ordered.extend(other.ordered.iter().cloned());
    }

    /// The first difference, if there is one.
    ///
    /// # Cost
    /// Linear in the parts and the ranges of their addresses where both say the same in the same
    /// parts, which is what two ways to say the same nearly always come to.
    pub fn difference(&self, other: &Self, family: Family) -> Option<Difference> {
        let everywhere = everywhere(family);
        if self.by_space(&everywhere) == other.by_space(&everywhere)
            && self.ordered.len() == other.ordered.len()
            && self.ordered.iter().zip(&other.ordered).all(|(a, b)| a.is_same(b, family))
        {
            return None;
        }
        let mut starts = vec![0];
        let mut edges = |space: &Space| {
            for &(first, last) in space.ranges() {
                starts.push(first);
                starts.extend(last.checked_add(1));
            }
        };
        for (asked, _) in self.parts.iter().chain(&other.parts) {
            edges(asked.space());
        }
        let mut seen = Vec::new();
        for decisions in self.ordered.iter().chain(&other.ordered) {
            decisions.each_space(&mut seen, &mut edges);
        }
        starts.sort_unstable();
        starts.dedup();
        let inside = starts.into_iter().filter(|start| everywhere.contains(*start));
        { inside }.find_map(|peer| self.difference_at(other, peer))
    }

    fn difference_at(&self, other: &Self, peer: u128) -> Option<Difference> {
        let (one, two) = (self.at(peer), other.at(peer));
        let only_first = one.admitted.difference(&two.admitted);
        let only_second = two.admitted.difference(&one.admitted);
        (one != two).then_some(Difference { peer, only_first, only_second })
    }

    /// Connections by where their addresses come from; what is admitted everywhere is only said
    /// once. None if some hang on members of sets in another way than by being these.
    pub fn by_origin(&self, family: Family) -> Option<ByOrigin<'_>> {
        let all = everywhere(family);
        let mut by = ByOrigin::default();
        if self.is_ordered() {
            return None;
        }
        for (asked, conns) in &self.parts {
            let known = match asked.origin {
                Origin::Fixed if *asked.space() == all => &mut by.everywhere,
                Origin::Fixed => by.fixed.entry(asked.space()).or_default(),
                Origin::Derived => return None,
                Origin::Set(_) | Origin::Pods(_) => {
                    &mut by.asked.entry(&asked.origin).or_insert((asked, Packets::none())).1
                }
            };
            *known = known.union(conns);
        }
        let ByOrigin { everywhere, fixed, asked } = &mut by;
        fixed.retain(|_, conns| left(conns, everywhere));
        asked.retain(|_, (_, conns)| left(conns, everywhere));
        Some(by)
    }

    /// What is decided at an address.
    fn at(&self, peer: u128) -> Decided {
        let parts = self.parts.iter().filter(|(space, _)| space.space().contains(peer));
        let admitted = parts.fold(Packets::none(), |all, (_, conns)| all.union(conns));
        let plain = Decided { admitted, passed: Packets::none() };
        let ordered = self.ordered.iter();
        let mut all = ordered.fold(plain, |all, decisions| all.union(&decisions.at(peer)));
        // What is admitted anyhow does not hang on what comes after.
        all.passed = all.passed.difference(&all.admitted);
        all
    }

    /// Connections by addresses; what is admitted everywhere is only said once.
    fn by_space(&self, everywhere: &Space) -> BTreeMap<&Space, Packets> {
        let mut map: BTreeMap<&Space, Packets> = BTreeMap::new();
        for (space, conns) in self.parts.iter().filter(|(space, _)| !space.space().is_empty()) {
            let known = map.entry(space.space()).or_default();
            *known = known.union(conns);
        }
        if let Some(anywhere) = map.get(everywhere).cloned() {
            for (space, conns) in &mut map {
                if *space != everywhere {
                    *conns = conns.difference(&anywhere);
                }
            }
        }
        map.retain(|_, conns| !conns.is_empty());
        map
    }
}

impl Difference {
    /// A protocol and port for which the two differ, and whether the first admits it; no protocol
    /// stands for those without ports.
    pub fn example(&self) -> (Option<Protocol>, u16, bool) {
        let first = self.only_first.example();
        let is_first = first.is_some();
        let (protocol, port) = first.or_else(|| self.only_second.example()).unwrap_or((None, 0));
        (protocol, port, is_first)
    }
}
