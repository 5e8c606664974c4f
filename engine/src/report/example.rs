//! One address of many, to show something by it.

use std::net::IpAddr;

use crate::cluster::ClusterModel;
use crate::net::AddrSet;

/// Addresses for examples.
const EXAMPLES: &[&str] =
    &["203.0.113.1", "198.51.100.1", "192.0.2.1", "2001:db8::1", "2001:db8:1::1"];

/// So many addresses of a range are tried.
const MOST_TRIED: u32 = 4096;

/// Whether an address is one for examples, which come before others.
pub fn is_example(address: IpAddr) -> bool {
    EXAMPLES.iter().any(|text| text.parse() == Ok(address))
}

/// An address of a set that is nobody's, one of those for examples if it has one; none if all that
/// were tried are somebody's.
pub fn example(addresses: &AddrSet, model: &ClusterModel) -> Option<IpAddr> {
    let is_free = |address: &IpAddr| {
        !model.by_address.contains_key(address) && !model.node_by_address.contains_key(address)
    };
    let known = EXAMPLES.iter().filter_map(|text| text.parse().ok());
    let mut known = known.filter(|address: &IpAddr| addresses.contains(*address));
    // The first address of a range is rarely that of a host.
    let v4 = addresses.v4.ranges().iter().flat_map(|&(first, last)| {
        let end = first.saturating_add(MOST_TRIED).min(last);
        (first.saturating_add(1)..=end).chain([first]).map(|own| IpAddr::V4(own.into()))
    });
    let v6 = addresses.v6.ranges().iter().flat_map(|&(first, last)| {
        let end = first.saturating_add(MOST_TRIED.into()).min(last);
        (first.saturating_add(1)..=end).chain([first]).map(|own| IpAddr::V6(own.into()))
    });
    known.find(is_free).or_else(|| v4.chain(v6).find(is_free))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::net::{Cidr, internet};

    fn of(cidr: &str) -> Option<String> {
        let range = AddrSet::from_cidr(Cidr::parse(cidr).unwrap()).intersection(internet());
        example(&range, &ClusterModel::default()).map(|address| address.to_string())
    }

    #[test]
    fn private_addresses_are_not_of_the_internet() {
        assert_eq!(of("10.0.0.0/8"), None);
        assert_eq!(of("fd00::/8"), None);
        assert_eq!(of("fe80::/10"), None);
        assert_eq!(of("64:ff9b::/96").as_deref(), Some("64:ff9b::1"));
    }

    #[test]
    fn an_address_for_examples_is_preferred_and_the_first_of_a_range_avoided() {
        assert_eq!(of("0.0.0.0/0").as_deref(), Some("203.0.113.1"));
        assert_eq!(of("::/0").as_deref(), Some("2001:db8::1"));
        assert_eq!(of("10.0.0.0/7").as_deref(), Some("11.0.0.1"));
        assert_eq!(of("8.8.8.8/32").as_deref(), Some("8.8.8.8"));
    }
}
