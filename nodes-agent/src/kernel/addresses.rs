//! The addresses of this host itself, as `/proc` lists them: those of all its devices, such as the
//! gateway of a bridge or the end of a tunnel, of which no Node object knows.

use std::collections::BTreeSet;
use std::fs;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use portcullis_engine::net::Family;

use super::KernelError;

/// Where they are listed, for the network namespace of whoever looks.
const V4: &str = "/proc/thread-self/net/fib_trie";
const V6: &str = "/proc/thread-self/net/if_inet6";

/// Those of a family. A kernel without IPv6 has none of it.
///
/// # Errors
/// If the list cannot be read.
pub fn of_host(family: Family) -> Result<BTreeSet<IpAddr>, KernelError> {
    match family {
        Family::IPv4 => {
            let list = fs::read_to_string(V4).map_err(KernelError::while_doing(V4))?;
            Ok(read_v4(&list).collect())
        }
        Family::IPv6 => match fs::read_to_string(V6) {
            Ok(list) => Ok(list.lines().filter_map(read_v6).collect()),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(BTreeSet::new()),
            Err(error) => Err(KernelError::while_doing(V6)(error)),
        },
    }
}

/// A leaf of the tree is `|-- ADDRESS`, and lines below it say what is there: `/32 host LOCAL`.
fn read_v4(list: &str) -> impl Iterator<Item = IpAddr> + '_ {
    let mut leaf = None;
    list.lines().filter_map(move |line| {
        let line = line.trim_start();
        if let Some(address) = line.strip_prefix("|-- ") {
            leaf = address.parse::<Ipv4Addr>().ok();
            return None;
        }
        leaf.filter(|_| line == "/32 host LOCAL").map(IpAddr::V4)
    })
}

/// Each line begins with an address in hexadecimal digits.
fn read_v6(line: &str) -> Option<IpAddr> {
    let digits = line.split_ascii_whitespace().next()?;
    Some(Ipv6Addr::from(u128::from_str_radix(digits, 16).ok()?).into())
}

/// Whether the kernel speaks a family: then pods may, though the host has no address of it.
pub fn is_spoken(family: Family) -> bool {
    family == Family::IPv4 || std::path::Path::new("/proc/sys/net/ipv6").exists()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn local_addresses_are_read_and_others_are_not() {
        let list = "Main:\n  +-- 0.0.0.0/0 3 0 5\n     |-- 0.0.0.0\n        /0 universe UNICAST\n\
            Local:\n     +-- 10.244.1.0/24 2 0 1\n        |-- 10.244.1.0\n           \
            /24 link UNICAST\n        |-- 10.244.1.1\n           /32 host LOCAL\n        \
            |-- 10.244.1.255\n           /32 link BROADCAST\n     |-- 127.0.0.1\n        \
            /32 host LOCAL\n";
        let found: Vec<String> = read_v4(list).map(|address| address.to_string()).collect();
        assert_eq!(found, ["10.244.1.1", "127.0.0.1"]);
        let line = "fe80000000000000000000000000000a 04 40 20 80     cni0";
        assert_eq!(read_v6(line), Some("fe80::a".parse().unwrap()));
        assert_eq!(read_v6(""), None);
        assert!(of_host(Family::IPv4).is_ok());
    }
}
