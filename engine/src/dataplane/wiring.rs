//! How the pods of a node are attached to it, as its agent finds it: no operator decides this, and
//! it changes while the agent runs.

use std::net::IpAddr;
use std::str::FromStr;
use std::sync::Arc;

use super::program::PortMember;
use crate::manifest::calico::HostAction;
use crate::shared::Sorted;

/// The longest name of a network device, in bytes.
const LONGEST_NAME: usize = 15;

/// Where a node's pods are attached, and what its kernel does with Services.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Wiring {
    /// The devices that lead to local pods: bridges, or a device for each pod. What enters or
    /// leaves there with an address that no local pod has is denied. Empty: they are not known,
    /// and only addresses decide.
    pub pods: Vec<Interface>,
    /// Devices of pods that forward for others (gateways, VPNs): any address may enter and leave
    /// there.
    pub forwarders: Vec<Interface>,
    /// Addresses and ports of Services that the node's kernel itself forwards (IPVS), of both
    /// families: what pods send there is judged when it leaves for an endpoint. None where the
    /// kernel has no IPVS.
    pub services: Option<Sorted<PortMember>>,
    /// The node's own interfaces; none where policies of hosts are not enforced.
    pub host: Option<HostWiring>,
}

/// How a node is attached to its network.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostWiring {
    /// Its interfaces with their addresses, sorted by name; those that lead to pods may be among
    /// them.
    pub interfaces: Vec<(Interface, Vec<IpAddr>)>,
    /// What becomes of what pods send to their own node, where no settings in the cluster say it.
    pub to_host: HostAction,
}

/// That of a node of which nothing is known.
pub static UNKNOWN_WIRING: Wiring =
    Wiring { pods: Vec::new(), forwarders: Vec::new(), services: None, host: None };

/// That of a node of which only the names are known that policies give to its interfaces.
pub static NAMED_WIRING: Wiring = Wiring {
    pods: Vec::new(),
    forwarders: Vec::new(),
    services: None,
    host: Some(HostWiring { interfaces: Vec::new(), to_host: HostAction::Accept }),
};

/// A network device, or all whose names begin alike.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Interface(Arc<str>);

/// Why a text does not name interfaces.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InterfaceError;

impl Interface {
    /// As iptables takes it: a last `+` stands for any end.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What all names begin with, if it stands for several.
    pub fn prefix(&self) -> Option<&str> {
        self.0.strip_suffix('+')
    }

    /// Whether a device of this name is one of them.
    pub fn contains(&self, name: &str) -> bool {
        match self.prefix() {
            Some(prefix) => name.starts_with(prefix),
            None => *self.0 == *name,
        }
    }
}

impl FromStr for Interface {
    type Err = InterfaceError;

    fn from_str(text: &str) -> Result<Self, InterfaceError> {
        let name = text.strip_suffix('+').unwrap_or(text);
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._:@-".contains(&byte);
        // A prefix of full length would stand for one name: iptables refuses it.
        let good = (1..=LONGEST_NAME).contains(&text.len())
            && !name.is_empty()
            && name.bytes().all(plain)
            && !name.starts_with('-');
        if good { Ok(Self(text.into())) } else { Err(InterfaceError) }
    }
}

impl std::fmt::Display for Interface {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::fmt::Display for InterfaceError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("not a valid interface name, such as cni0, or prefix of one, such as veth+")
    }
}

impl std::error::Error for InterfaceError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_plain_and_short() {
        for good in ["cni0", "veth+", "br-1a2b", "cali+", "fifteen-letters"] {
            assert_eq!(good.parse::<Interface>().unwrap().as_str(), good);
        }
        for bad in ["", "+", "a b", "veth*", "-j", "sixteen-letters-", "x\n", "fifteen-letters+"] {
            assert_eq!(bad.parse::<Interface>(), Err(InterfaceError), "{bad}");
        }
    }

    #[test]
    fn a_prefix_stands_for_all_that_begin_so() {
        let veth: Interface = "veth+".parse().unwrap();
        assert!(veth.contains("veth12") && veth.contains("veth") && !veth.contains("vet"));
        let bridge: Interface = "cni0".parse().unwrap();
        assert!(bridge.contains("cni0") && !bridge.contains("cni01"));
    }
}
