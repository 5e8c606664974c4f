//! Sets of addresses.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::net::IpAddr;

use ipnet::IpNet;

use super::{Failure, Packet, Protocol};

/// A set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Set {
    kind: String,
    family: String,
    members: BTreeSet<Member>,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Member {
    Address(IpAddr),
    Net(IpNet),
    Port(IpAddr, String, u16),
    Number(u16),
}

impl Set {
    /// A set without members.
    pub fn new(kind: &str, family: &str) -> Result<Self, Failure> {
        let known = ["hash:ip", "hash:net", "hash:ip,port"].contains(&kind);
        if !known || !["inet", "inet6"].contains(&family) {
            return Err("unknown kind of set".into());
        }
        Ok(Self { kind: kind.into(), family: family.into(), members: BTreeSet::new() })
    }

    /// A set of ports, without members.
    pub fn of_ports() -> Self {
        Self { kind: "bitmap:port".into(), family: String::new(), members: BTreeSet::new() }
    }

    /// A new member.
    pub fn add(&mut self, text: &str) -> Result<(), Failure> {
        let member = self.member(text)?;
        match self.members.insert(member) {
            true => Ok(()),
            false => Err("it is a member already".into()),
        }
    }

    /// A member less.
    pub fn remove(&mut self, text: &str) -> Result<(), Failure> {
        let member = self.member(text)?;
        match self.members.remove(&member) {
            true => Ok(()),
            false => Err("it is no member".into()),
        }
    }

    fn member(&self, text: &str) -> Result<Member, Failure> {
        let bad = || format!("`{text}` is no member of a set of {}", self.kind);
        let address = |text: &str| {
            let address: IpAddr = text.parse().map_err(|_| bad())?;
            let right = address.is_ipv4() == (self.family == "inet");
            if right { Ok(address) } else { Err(bad()) }
        };
        match self.kind.as_str() {
            "hash:ip" => Ok(Member::Address(address(text)?)),
            "bitmap:port" => text.parse().map(Member::Number).map_err(|_| bad()),
            "hash:net" => {
                let net: IpNet = match text.contains('/') {
                    true => text.parse().map_err(|_| bad())?,
                    false => IpNet::from(address(text)?),
                };
                address(&net.addr().to_string())?;
                // The kernel's sets of nets cannot hold everything.
                if net.prefix_len() == 0 { Err(bad()) } else { Ok(Member::Net(net.trunc())) }
            }
            _ => {
                let (host, rest) = text.split_once(',').ok_or_else(bad)?;
                let (protocol, port) = rest.split_once(':').ok_or_else(bad)?;
                if !["tcp", "udp", "sctp"].contains(&protocol) {
                    return Err(bad());
                }
                let port = port.parse().map_err(|_| bad())?;
                Ok(Member::Port(address(host)?, protocol.into(), port))
            }
        }
    }

    /// Whether a packet's end is in it: by its address, with protocol and port if one is asked
    /// for; in a set of ports, by the destination's port.
    pub fn contains(&self, address: IpAddr, port: Option<u16>, packet: &Packet) -> bool {
        if self.kind == "bitmap:port" {
            let looked_up = matches!(packet.protocol, Protocol::Tcp | Protocol::Udp);
            // Where packets come from is not modelled.
            assert_eq!(address, packet.destination, "a set of ports is asked for the source");
            return looked_up && self.members.contains(&Member::Number(packet.port));
        }
        match port {
            None => self.members.iter().any(|member| match member {
                Member::Address(known) => *known == address,
                Member::Net(net) => net.contains(&address),
                Member::Port(..) | Member::Number(_) => false,
            }),
            Some(port) => {
                let protocol = match packet.protocol {
                    Protocol::Tcp => "tcp",
                    Protocol::Udp => "udp",
                    Protocol::Sctp => "sctp",
                    _ => return false,
                };
                self.members.contains(&Member::Port(address, protocol.into(), port))
            }
        }
    }

    /// As `ipset save` prints it.
    pub fn save(&self, name: &str) -> String {
        let mut text = match self.kind.as_str() {
            "bitmap:port" => format!("create {name} bitmap:port range 0-65535\n"),
            _ => format!(
                "create {name} {} family {} hashsize 1024 maxelem 1048576 bucketsize 12 initval 0x1\n",
                self.kind, self.family
            ),
        };
        for member in &self.members {
            let _ = match member {
                Member::Address(address) => writeln!(text, "add {name} {address}"),
                Member::Net(net) if net.prefix_len() == net.max_prefix_len() => {
                    writeln!(text, "add {name} {}", net.addr())
                }
                Member::Net(net) => writeln!(text, "add {name} {net}"),
                Member::Number(port) => writeln!(text, "add {name} {port}"),
                Member::Port(address, protocol, port) => {
                    writeln!(text, "add {name} {address},{protocol}:{port}")
                }
            };
        }
        text
    }
}
