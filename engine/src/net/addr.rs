//! Sets of addresses of both families.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use enum_map::{Enum, EnumMap};
use serde::{Deserialize, Serialize};

use super::cidr::Cidr;
use super::interval::IntervalSet;

/// Something for each family.
pub type ByFamily<T> = EnumMap<Family, T>;

/// An address family. A flow has exactly one.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Enum, Serialize, Deserialize,
)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum Family {
    /// IPv4.
    IPv4,
    /// IPv6.
    IPv6,
}

impl Family {
    /// Both.
    pub const BOTH: [Self; 2] = [Self::IPv4, Self::IPv6];

    /// The family of an address.
    pub fn of(address: IpAddr) -> Self {
        if address.is_ipv4() { Self::IPv4 } else { Self::IPv6 }
    }
}

impl std::fmt::Display for Family {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::IPv4 => "IPv4",
            Self::IPv6 => "IPv6",
        })
    }
}

/// A set of addresses. The families never mix: `0.0.0.0/0` has no IPv6 address.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct AddrSet {
    /// Its IPv4 addresses.
    pub v4: IntervalSet<u32>,
    /// Its IPv6 addresses.
    pub v6: IntervalSet<u128>,
}

impl AddrSet {
    /// Every address of both families.
    pub fn full() -> Self {
        Self { v4: IntervalSet::full(), v6: IntervalSet::full() }
    }

    /// The addresses of a CIDR.
    pub fn from_cidr(cidr: Cidr) -> Self {
        Self::from_cidrs([cidr])
    }

    /// The addresses of some CIDRs, which may overlap and come in any order.
    pub fn from_cidrs(cidrs: impl IntoIterator<Item = Cidr>) -> Self {
        let (mut v4, mut v6) = (Vec::new(), Vec::new());
        for cidr in cidrs {
            match cidr {
                Cidr::V4(net) => v4.push((net.network().into(), net.broadcast().into())),
                Cidr::V6(net) => v6.push((net.network().into(), net.broadcast().into())),
            }
        }
        Self { v4: IntervalSet::from_ranges(v4), v6: IntervalSet::from_ranges(v6) }
    }

    /// These addresses, which may repeat and come in any order.
    pub fn from_addresses(addresses: impl IntoIterator<Item = IpAddr>) -> Self {
        let (mut v4, mut v6) = (Vec::new(), Vec::new());
        for address in addresses {
            match address {
                IpAddr::V4(own) => v4.push((own.into(), own.into())),
                IpAddr::V6(own) => v6.push((own.into(), own.into())),
            }
        }
        Self { v4: IntervalSet::from_ranges(v4), v6: IntervalSet::from_ranges(v6) }
    }

    /// Whether `address` is in the set.
    pub fn contains(&self, address: IpAddr) -> bool {
        match address {
            IpAddr::V4(v4) => self.v4.contains(v4.into()),
            IpAddr::V6(v6) => self.v6.contains(v6.into()),
        }
    }

    /// Whether it has no address.
    pub fn is_empty(&self) -> bool {
        self.v4.is_empty() && self.v6.is_empty()
    }

    /// Addresses of either set.
    #[must_use]
    pub fn union(&self, other: &Self) -> Self {
        Self { v4: self.v4.union(&other.v4), v6: self.v6.union(&other.v6) }
    }

    /// Addresses of both sets.
    #[must_use]
    pub fn intersection(&self, other: &Self) -> Self {
        Self { v4: self.v4.intersection(&other.v4), v6: self.v6.intersection(&other.v6) }
    }

    /// Whether all of its addresses are in `other`.
    pub fn is_subset(&self, other: &Self) -> bool {
        self.v4.is_subset(&other.v4) && self.v6.is_subset(&other.v6)
    }

    /// Whether none of its addresses is in `other`.
    pub fn is_disjoint(&self, other: &Self) -> bool {
        self.v4.is_disjoint(&other.v4) && self.v6.is_disjoint(&other.v6)
    }

    /// Addresses of this set that are not in `other`.
    #[must_use]
    pub fn difference(&self, other: &Self) -> Self {
        Self { v4: self.v4.difference(&other.v4), v6: self.v6.difference(&other.v6) }
    }

    /// Its addresses of one family.
    #[must_use]
    pub fn of_family(&self, family: Family) -> Self {
        match family {
            Family::IPv4 => Self { v4: self.v4.clone(), v6: IntervalSet::empty() },
            Family::IPv6 => Self { v4: IntervalSet::empty(), v6: self.v6.clone() },
        }
    }

    /// Its smallest address, IPv4 before IPv6.
    pub fn first(&self) -> Option<IpAddr> {
        let v4 = self.v4.ranges().first().map(|&(a, _)| IpAddr::V4(Ipv4Addr::from(a)));
        v4.or_else(|| self.v6.ranges().first().map(|&(a, _)| IpAddr::V6(Ipv6Addr::from(a))))
    }

    /// How many ranges it has.
    pub fn range_count(&self) -> usize {
        self.v4.ranges().len() + self.v6.ranges().len()
    }

    /// Its ranges, IPv4 first, ascending: as `first-last`, or as an address alone.
    pub fn range_texts(&self) -> Vec<String> {
        self.map_ranges(range_text::<Ipv4Addr>, range_text::<Ipv6Addr>).collect()
    }

    /// Each of its ranges as a set, IPv4 first, ascending.
    pub fn each_range(&self) -> Vec<Self> {
        let v4 = |a: Ipv4Addr, b: Ipv4Addr| Self {
            v4: IntervalSet::range(a.into(), b.into()),
            v6: IntervalSet::empty(),
        };
        let v6 = |a: Ipv6Addr, b: Ipv6Addr| Self {
            v4: IntervalSet::empty(),
            v6: IntervalSet::range(a.into(), b.into()),
        };
        self.map_ranges(v4, v6).collect()
    }

    /// The fewest CIDRs that make it up, IPv4 first, ascending.
    pub fn nets(&self) -> Vec<Cidr> {
        let v4 = |a, b| ipnet::Ipv4Subnets::new(a, b, 0).map(Cidr::V4).collect::<Vec<_>>();
        let v6 = |a, b| ipnet::Ipv6Subnets::new(a, b, 0).map(Cidr::V6).collect();
        self.map_ranges(v4, v6).flatten().collect()
    }

    /// What becomes of the first and the last address of each range, IPv4 first, ascending.
    fn map_ranges<T>(
        &self,
        v4: impl Fn(Ipv4Addr, Ipv4Addr) -> T,
        v6: impl Fn(Ipv6Addr, Ipv6Addr) -> T,
    ) -> impl Iterator<Item = T> {
        let v4 = self.v4.ranges().iter().map(move |&(a, b)| v4(a.into(), b.into()));
        let v6 = self.v6.ranges().iter().map(move |&(a, b)| v6(a.into(), b.into()));
        v4.chain(v6)
    }

    /// Their texts.
    pub fn cidrs(&self) -> Vec<String> {
        self.nets().iter().map(ToString::to_string).collect()
    }
}

fn range_text<A: std::fmt::Display + PartialEq>(first: A, last: A) -> String {
    if first == last { first.to_string() } else { format!("{first}-{last}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(cidrs: &[&str]) -> AddrSet {
        AddrSet::from_cidrs(cidrs.iter().map(|text| Cidr::parse(text).unwrap()))
    }

    #[test]
    fn families_have_the_names_that_listings_write() {
        assert_eq!(Family::BOTH.map(|family| family.to_string()), ["IPv4", "IPv6"]);
    }

    #[test]
    fn the_fewest_cidrs_make_up_a_set() {
        let some = set(&["10.0.0.0/30", "fd00::/127"]).difference(&set(&["10.0.0.0/32"]));
        assert_eq!(some.cidrs(), ["10.0.0.1/32", "10.0.0.2/31", "fd00::/127"]);
        assert_eq!(AddrSet::from_cidrs(some.nets()), some);
        assert_eq!(set(&["10.0.0.0/9", "10.128.0.0/9"]).cidrs(), ["10.0.0.0/8"]);
        assert_eq!(AddrSet::full().cidrs(), ["0.0.0.0/0", "::/0"]);
        assert_eq!(AddrSet::default().cidrs(), [""; 0]);
    }
}
