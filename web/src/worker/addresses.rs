//! Ranges of addresses, merged where they have the same connections, and named for people.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use portcullis_engine::net::{AddrSet, Cidr, Family};

use super::message::Addresses;

/// More blocks than this are not named one by one.
const NAMED: usize = 3;

/// The addresses of an endpoint's CIDRs.
pub fn set_of(cidrs: &[String]) -> AddrSet {
    let sets = cidrs.iter().filter_map(|cidr| Cidr::parse(cidr).ok()).map(AddrSet::from_cidr);
    sets.fold(AddrSet::default(), |all, set| all.union(&set))
}

/// What people would call it, when `known` are all addresses that the list speaks of.
pub fn name(set: &AddrSet, known: &AddrSet) -> Addresses {
    let rest = known.difference(set);
    if rest.is_empty() {
        return whole(set);
    }
    let missing = rest.cidrs();
    let most = |family| !set.of_family(family).is_empty() && is_most(set, family);
    if most(Family::IPv4) || (set.v4.is_empty() && most(Family::IPv6)) {
        let all_of =
            |family: Family| !set.of_family(family).is_empty() && rest.of_family(family).is_empty();
        let one_family = set.v4.is_empty() != set.v6.is_empty();
        return match Family::BOTH.into_iter().find(|family| all_of(*family)) {
            Some(family) if one_family => Addresses::AllOf(family),
            _ if missing.len() <= NAMED => Addresses::AllBut(missing),
            _ => Addresses::Others,
        };
    }
    Addresses::Blocks(set.cidrs())
}

fn whole(set: &AddrSet) -> Addresses {
    match (is_full(set, Family::IPv4), is_full(set, Family::IPv6)) {
        (true, true) => Addresses::All,
        (true, false) if set.v6.is_empty() => Addresses::AllOf(Family::IPv4),
        (false, true) if set.v4.is_empty() => Addresses::AllOf(Family::IPv6),
        _ => {
            let but = AddrSet::full().difference(set);
            let but: Vec<_> = Family::BOTH
                .into_iter()
                .filter(|family| !set.of_family(*family).is_empty())
                .flat_map(|family| but.of_family(family).cidrs())
                .collect();
            if but.len() <= NAMED { Addresses::AllBut(but) } else { Addresses::Others }
        }
    }
}

fn is_full(set: &AddrSet, family: Family) -> bool {
    AddrSet::full().difference(set).of_family(family).is_empty()
}

/// Whether it has more than half of a family's addresses.
fn is_most(set: &AddrSet, family: Family) -> bool {
    match family {
        Family::IPv4 => {
            let size: u64 = set.v4.ranges().iter().map(|(a, b)| u64::from(b - a) + 1).sum();
            size > 1 << 31
        }
        Family::IPv6 => {
            let size: f64 = set.v6.ranges().iter().map(|(a, b)| (b - a) as f64).sum();
            size > (u128::MAX / 2) as f64
        }
    }
}

/// An address of the set to ask with; one that documentation uses, if it has one.
pub fn sample(set: &AddrSet) -> Option<IpAddr> {
    let known = [
        IpAddr::V4(Ipv4Addr::new(203, 0, 113, 10)),
        IpAddr::V4(Ipv4Addr::new(198, 51, 100, 10)),
        IpAddr::V4(Ipv4Addr::new(192, 0, 2, 10)),
        IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 0x10)),
    ];
    known.into_iter().find(|address| set.contains(*address)).or_else(|| first_host(set))
}

/// The first address, or the one after it: the first of a block is rarely a host's.
fn first_host(set: &AddrSet) -> Option<IpAddr> {
    let first = set.first()?;
    let next = match first {
        IpAddr::V4(v4) => IpAddr::V4(Ipv4Addr::from(u32::from(v4).saturating_add(1))),
        IpAddr::V6(v6) => IpAddr::V6(Ipv6Addr::from(u128::from(v6).saturating_add(1))),
    };
    Some(if set.contains(next) { next } else { first })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(cidrs: &[&str]) -> AddrSet {
        set_of(&cidrs.iter().map(|&cidr| cidr.to_owned()).collect::<Vec<_>>())
    }

    #[test]
    fn everything_is_all_addresses() {
        assert_eq!(name(&AddrSet::full(), &AddrSet::full()), Addresses::All);
        let v4 = set(&["0.0.0.0/0"]);
        assert_eq!(name(&v4, &v4), Addresses::AllOf(Family::IPv4));
        assert_eq!(name(&v4, &AddrSet::full()), Addresses::AllOf(Family::IPv4));
    }

    #[test]
    fn most_addresses_are_named_by_what_is_missing() {
        let private = set(&["10.0.0.0/8"]);
        let public = AddrSet::full().difference(&private);
        assert_eq!(name(&public, &AddrSet::full()), Addresses::AllBut(vec!["10.0.0.0/8".into()]));
        assert_eq!(name(&private, &AddrSet::full()), Addresses::Blocks(vec!["10.0.0.0/8".into()]));
    }

    #[test]
    fn a_sample_is_in_its_set() {
        for cidrs in [["10.0.0.0/8"], ["203.0.113.200/32"], ["2001:db8::/32"], ["0.0.0.0/1"]] {
            let set = set(&cidrs);
            assert!(sample(&set).is_some_and(|address| set.contains(address)), "{cidrs:?}");
        }
    }
}
