//! Which addresses are of the internet.

use std::sync::LazyLock;

use super::{AddrSet, Cidr};

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

/// Addresses that can be reached through the internet, of both families.
pub fn internet() -> &'static AddrSet {
    static INTERNET: LazyLock<AddrSet> = LazyLock::new(|| {
        let others = OTHERS.into_iter().filter_map(|cidr| Cidr::parse(cidr).ok());
        AddrSet::full().difference(&AddrSet::from_cidrs(others))
    });
    &INTERNET
}
