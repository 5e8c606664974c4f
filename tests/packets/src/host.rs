//! One end of traffic: a namespace and the addresses that it has.

use std::net::IpAddr;

use crate::Error;
use crate::namespace::Namespace;

/// A pod, a node or the outside.
#[derive(Debug)]
pub struct Host {
    /// What it is called in reports.
    pub name: String,
    /// Where it is.
    pub namespace: Namespace,
    /// Addresses that are its own.
    pub addresses: Vec<IpAddr>,
}

impl Host {
    /// A host without any link.
    ///
    /// # Errors
    /// If its namespace cannot be made.
    pub fn new(name: &str, addresses: &[IpAddr]) -> Result<Self, Error> {
        let label: String = name.chars().filter(char::is_ascii_alphanumeric).take(12).collect();
        let namespace = Namespace::new(&label)?;
        namespace.set(SETTINGS)?;
        Ok(Self { name: name.to_owned(), namespace, addresses: addresses.to_vec() })
    }
}

/// Every host forwards, as only nodes have anything to forward; addresses are usable at once; and
/// errors that say "rejected" are all sent, as a test sends more probes than a user ever would.
const SETTINGS: &[(&str, &str)] = &[
    ("ipv4/ip_forward", "1"),
    ("ipv6/conf/all/forwarding", "1"),
    ("ipv6/conf/default/accept_dad", "0"),
    ("ipv6/conf/all/accept_dad", "0"),
    // Types of ICMP whose rate is limited: none, and for IPv6 one that nobody uses.
    ("ipv4/icmp_ratemask", "0"),
    ("ipv6/icmp/ratemask", "255"),
];
