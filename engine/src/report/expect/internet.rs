//! Which addresses are of the internet.

use std::net::IpAddr;
use std::sync::LazyLock;

use crate::net::{AddrSet, Cidr};

/// Blocks that are not: private, shared, of links, of a host, for many, reserved.
///
/// # Source
/// IANA's registries of special-purpose addresses; blocks for documentation count as the internet.
const OTHERS: [&str; 16] = [
    "0.0.0.0/8",
    "10.0.0.0/8",
    "100.64.0.0/10",
    "127.0.0.0/8",
    "169.254.0.0/16",
    "172.16.0.0/12",
    "192.168.0.0/16",
    "224.0.0.0/4",
    "240.0.0.0/4",
    "::/128",
    "::1/128",
    "100::/64",
    "fc00::/7",
    "fe80::/10",
    "fec0::/10",
    "ff00::/8",
];

/// Addresses that everyone knows: they are named where they can be.
const KNOWN: [&str; 6] =
    ["1.1.1.1", "8.8.8.8", "203.0.113.1", "192.0.2.1", "2606:4700:4700::1111", "2001:db8::1"];

static INTERNET: LazyLock<AddrSet> = LazyLock::new(|| {
    let others = OTHERS.into_iter().filter_map(|cidr| Cidr::parse(cidr).ok());
    AddrSet::full().difference(&AddrSet::from_cidrs(others))
});

/// An address of the internet in a range, if there is one.
pub fn address(range: &AddrSet) -> Option<IpAddr> {
    any(&range.intersection(&INTERNET))
}

/// An address of a range: one that everyone knows, if it is in it.
pub fn any(range: &AddrSet) -> Option<IpAddr> {
    let mut known = KNOWN.into_iter().filter_map(|text| text.parse().ok());
    let known = known.find(|address| range.contains(*address));
    known.or_else(|| second(range)).or_else(|| range.first())
}

/// The address after the first one, which is rarely that of a host.
fn second(range: &AddrSet) -> Option<IpAddr> {
    let next = match range.first()? {
        IpAddr::V4(first) => IpAddr::from(first.to_bits().checked_add(1)?.to_be_bytes()),
        IpAddr::V6(first) => IpAddr::from(first.to_bits().checked_add(1)?.to_be_bytes()),
    };
    range.contains(next).then_some(next)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(cidr: &str) -> Option<String> {
        let range = AddrSet::from_cidr(Cidr::parse(cidr).unwrap());
        address(&range).map(|address| address.to_string())
    }

    #[test]
    fn private_addresses_are_not_of_the_internet() {
        assert_eq!(OTHERS.into_iter().filter(|cidr| Cidr::parse(cidr).is_err()).count(), 0);
        assert_eq!(of("10.0.0.0/8"), None);
        assert_eq!(of("fd00::/8"), None);
        assert_eq!(of("0.0.0.0/0").as_deref(), Some("1.1.1.1"));
        assert_eq!(of("::/0").as_deref(), Some("2606:4700:4700::1111"));
        assert_eq!(of("8.0.0.0/7").as_deref(), Some("8.8.8.8"));
        assert_eq!(of("10.0.0.0/7").as_deref(), Some("11.0.0.1"));
        assert_eq!(of("64:ff9b::/96").as_deref(), Some("64:ff9b::1"));
    }
}
