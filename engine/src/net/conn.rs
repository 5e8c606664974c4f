//! What may pass between two endpoints: ports by protocol, and everything else.

use std::fmt::Write as _;

use enum_map::EnumMap;
use rustc_hash::FxHashMap;

use super::port::{PortSet, Protocol, all_ports};

/// A set of connections between two endpoints.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct ConnSet {
    /// Ports by protocol.
    ports: EnumMap<Protocol, PortSet>,
    /// Protocols without ports, such as ICMP: admitted by rules that name no port.
    ///
    /// # Source
    /// NetworkPolicy §13, profile `icmp: follow_l3`.
    other: bool,
}

impl ConnSet {
    /// The text of all connections.
    pub const EVERYTHING: &str = "All Connections";

    /// Nothing.
    pub fn none() -> Self {
        Self::default()
    }

    /// Everything.
    pub fn all() -> Self {
        Self { ports: EnumMap::from_fn(|_| all_ports()), other: true }
    }

    /// All connections of protocols without ports.
    pub fn portless() -> Self {
        Self { other: true, ..Self::none() }
    }

    /// Ports of one protocol.
    pub fn of(protocol: Protocol, ports: PortSet) -> Self {
        let mut set = Self::default();
        set.add(protocol, &ports);
        set
    }

    /// Adds ports of one protocol.
    pub fn add(&mut self, protocol: Protocol, ports: &PortSet) {
        self.ports[protocol] = self.ports[protocol].union(ports);
    }

    /// Its ports of a protocol.
    pub fn ports(&self, protocol: Protocol) -> &PortSet {
        &self.ports[protocol]
    }

    /// Whether a port of a protocol is in it; without a protocol, whether those without ports are.
    pub fn has(&self, protocol: Option<Protocol>, port: u16) -> bool {
        protocol.map_or(self.other, |protocol| self.ports[protocol].contains(port))
    }

    /// Whether protocols without ports pass.
    pub fn other(&self) -> bool {
        self.other
    }

    /// Whether nothing passes.
    pub fn is_empty(&self) -> bool {
        !self.other && self.ports.values().all(PortSet::is_empty)
    }

    /// Whether every port of every protocol passes.
    pub fn is_all_ports(&self) -> bool {
        self.ports.values().all(|ports| ports.ranges() == [(1, u16::MAX)])
    }

    /// What is in either.
    #[must_use]
    pub fn union(&self, other: &Self) -> Self {
        self.zip(other, PortSet::union, |a, b| a || b)
    }

    /// What is in both.
    #[must_use]
    pub fn intersection(&self, other: &Self) -> Self {
        self.zip(other, PortSet::intersection, |a, b| a && b)
    }

    /// What is in this and not in `other`.
    #[must_use]
    pub fn difference(&self, other: &Self) -> Self {
        self.zip(other, PortSet::difference, |a, b| a && !b)
    }

    fn zip(
        &self,
        other: &Self,
        ports: impl Fn(&PortSet, &PortSet) -> PortSet,
        flag: impl Fn(bool, bool) -> bool,
    ) -> Self {
        Self {
            ports: EnumMap::from_fn(|one| ports(&self.ports[one], &other.ports[one])),
            other: flag(self.other, other.other),
        }
    }

    /// As listings write it: `All Connections`, `SCTP 1-65535,TCP 80,443`, or empty.
    pub fn text(&self) -> String {
        if self.is_all_ports() {
            return Self::EVERYTHING.into();
        }
        let mut text = String::new();
        for protocol in Protocol::ALL {
            let ports = self.ports(protocol);
            if !ports.is_empty() {
                let gap = if text.is_empty() { "" } else { "," };
                let _ = write!(text, "{gap}{protocol} {}", port_text(ports));
            }
        }
        text
    }
}

/// Connections of which it is certain, and those of which it may be.
///
/// # Shape
/// INVARIANT: `certain` is part of `possible`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Conns {
    /// In every case.
    pub certain: ConnSet,
    /// In some case.
    pub possible: ConnSet,
}

impl Conns {
    /// Everything.
    pub fn all() -> Self {
        Self { certain: ConnSet::all(), possible: ConnSet::all() }
    }

    /// Nothing.
    pub fn none() -> Self {
        Self { certain: ConnSet::none(), possible: ConnSet::none() }
    }

    /// Exactly these.
    pub fn exactly(set: ConnSet) -> Self {
        Self { certain: set.clone(), possible: set }
    }

    /// All others.
    #[must_use]
    pub fn others(&self) -> Self {
        Self {
            certain: ConnSet::all().difference(&self.possible),
            possible: ConnSet::all().difference(&self.certain),
        }
    }

    /// What is in both.
    #[must_use]
    pub fn and(&self, other: &Self) -> Self {
        Self {
            certain: self.certain.intersection(&other.certain),
            possible: self.possible.intersection(&other.possible),
        }
    }
}

/// Ports as listings write them: `80-85,90`, or empty.
pub fn port_text(ports: &PortSet) -> String {
    let mut text = String::new();
    for &(first, last) in ports.ranges() {
        let gap = if text.is_empty() { "" } else { "," };
        let _ = match first == last {
            true => write!(text, "{gap}{first}"),
            false => write!(text, "{gap}{first}-{last}"),
        };
    }
    text
}

/// The number of a [`ConnSet`] in a [`ConnTable`]: equal sets have equal numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ConnId(u32);

impl ConnId {
    /// Nothing, in every table.
    pub const NONE: Self = Self(0);
    /// Everything, in every table.
    pub const ALL: Self = Self(1);

    /// Its place in the table.
    pub fn index(self) -> usize {
        self.0 as usize
    }
}

/// Interned sets of connections with remembered unions and intersections.
///
/// # Cost
/// An operation on numbers seen before is one look-up.
#[derive(Clone, Debug)]
pub struct ConnTable {
    sets: Vec<ConnSet>,
    ids: FxHashMap<ConnSet, ConnId>,
    unions: FxHashMap<(ConnId, ConnId), ConnId>,
    intersections: FxHashMap<(ConnId, ConnId), ConnId>,
    differences: FxHashMap<(ConnId, ConnId), ConnId>,
}

impl Default for ConnTable {
    fn default() -> Self {
        let mut table = Self {
            sets: Vec::new(),
            ids: FxHashMap::default(),
            unions: FxHashMap::default(),
            intersections: FxHashMap::default(),
            differences: FxHashMap::default(),
        };
        table.intern(ConnSet::none());
        table.intern(ConnSet::all());
        table
    }
}

impl ConnTable {
    /// The set's number.
    pub fn intern(&mut self, set: ConnSet) -> ConnId {
        if let Some(&id) = self.ids.get(&set) {
            return id;
        }
        let id = ConnId(u32::try_from(self.sets.len()).unwrap_or(u32::MAX));
        self.sets.push(set.clone());
        self.ids.insert(set, id);
        id
    }

    /// The set of a number of this table.
    pub fn get(&self, id: ConnId) -> &ConnSet {
        static NONE: std::sync::LazyLock<ConnSet> = std::sync::LazyLock::new(ConnSet::none);
        self.sets.get(id.index()).unwrap_or(&NONE)
    }

    /// What is in either.
    pub fn union(&mut self, a: ConnId, b: ConnId) -> ConnId {
        match (a, b) {
            _ if a == b => a,
            (ConnId::NONE, other) | (other, ConnId::NONE) => other,
            (ConnId::ALL, _) | (_, ConnId::ALL) => ConnId::ALL,
            _ => {
                let key = (a.min(b), a.max(b));
                if let Some(&id) = self.unions.get(&key) {
                    return id;
                }
                let id = self.intern(self.get(a).union(self.get(b)));
                self.unions.insert(key, id);
                id
            }
        }
    }

    /// What is in both.
    pub fn intersection(&mut self, a: ConnId, b: ConnId) -> ConnId {
        match (a, b) {
            _ if a == b => a,
            (ConnId::NONE, _) | (_, ConnId::NONE) => ConnId::NONE,
            (ConnId::ALL, other) | (other, ConnId::ALL) => other,
            _ => {
                let key = (a.min(b), a.max(b));
                if let Some(&id) = self.intersections.get(&key) {
                    return id;
                }
                let id = self.intern(self.get(a).intersection(self.get(b)));
                self.intersections.insert(key, id);
                id
            }
        }
    }

    /// What is in `a` and not in `b`.
    pub fn difference(&mut self, a: ConnId, b: ConnId) -> ConnId {
        match (a, b) {
            _ if a == b => ConnId::NONE,
            (ConnId::NONE, _) | (_, ConnId::ALL) => ConnId::NONE,
            (_, ConnId::NONE) => a,
            _ => {
                if let Some(&id) = self.differences.get(&(a, b)) {
                    return id;
                }
                let id = self.intern(self.get(a).difference(self.get(b)));
                self.differences.insert((a, b), id);
                id
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn protocols_without_ports_are_counted_like_ports() {
        let (all, none) = (ConnSet::all(), ConnSet::none());
        let mut ports = ConnSet::none();
        for protocol in Protocol::ALL {
            ports.add(protocol, &all_ports());
        }
        let other = all.difference(&ports);
        assert_eq!([&all, &none, &ports, &other].map(ConnSet::other), [true, false, false, true]);
        assert_eq!(
            [&all, &none, &ports, &other].map(ConnSet::is_empty),
            [false, true, false, false]
        );
        assert_eq!(ports.union(&other), all);
        assert_eq!(ports.intersection(&other), none);
        assert_eq!(all.difference(&other), ports);
        assert_eq!(other.difference(&all), none);
        assert_eq!(other.union(&none), other);
    }

    #[test]
    fn texts_are_those_of_existing_tools() {
        let mut set = ConnSet::of(Protocol::Tcp, PortSet::from_ranges([(1, 9089), (9091, 65535)]));
        set.add(Protocol::Sctp, &all_ports());
        assert_eq!(set.text(), "SCTP 1-65535,TCP 1-9089,9091-65535");
        assert_eq!(ConnSet::all().text(), "All Connections");
        assert_eq!(ConnSet::none().text(), "");
    }

    #[test]
    fn equal_sets_have_equal_numbers() {
        let mut table = ConnTable::default();
        let a = table.intern(ConnSet::of(Protocol::Tcp, PortSet::range(1, 10)));
        let b = table.intern(ConnSet::of(Protocol::Tcp, PortSet::range(11, 65535)));
        let c = table.intern(ConnSet::of(Protocol::Tcp, all_ports()));
        assert_eq!(table.union(a, b), c);
        assert_eq!(table.intersection(a, b), ConnId::NONE);
        assert_eq!(table.difference(c, a), b);
        assert_eq!(table.difference(c, c), ConnId::NONE);
    }
}
