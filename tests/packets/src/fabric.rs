//! Nodes with pods, joined by a router that is also everything outside.
//!
//! ```text
//!   pod ── eth0   p0 ┐                    ┌ p0   eth0 ── pod      routed: a route for each pod
//!   pod ── eth0   p1 ┤ node ─ up0         │
//!                    └───────────── n0    │
//!                                    outside: a router, and all outside addresses on its loopback
//!                    ┌───────────── n1
//!   pod ── eth0   p0 ┤ node ─ up0
//!   pod ── eth0   p1 ┘ br0                                         bridged: frames on a bridge
//! ```
//!
//! Neighbours are named by link-local IPv6 addresses, which carry IPv4 too, so that any address
//! whatever can be given to a pod.

use std::fmt::Write as _;
use std::net::IpAddr;

use crate::Error;
use crate::host::Host;

/// How the pods of a node hang together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wiring {
    /// Each on a link of its own, with a route: as Calico does it.
    Routed,
    /// On one bridge, whose frames netfilter sees by br_netfilter: as Flannel does it.
    Bridged,
}

/// Who is to be built.
#[derive(Clone, Debug)]
pub struct NodePlan {
    /// Name of the node.
    pub name: String,
    /// Addresses of the node.
    pub addresses: Vec<IpAddr>,
    /// Pods on it: names and addresses.
    pub pods: Vec<(String, Vec<IpAddr>)>,
}

/// A node and its pods.
#[derive(Debug)]
pub struct Node {
    /// The node itself.
    pub host: Host,
    /// Its pods.
    pub pods: Vec<Host>,
}

/// Nodes, pods and the outside, joined.
#[derive(Debug)]
pub struct Fabric {
    /// Nodes.
    pub nodes: Vec<Node>,
    /// The router between them, which has all addresses that are nobody else's.
    pub outside: Host,
}

impl Fabric {
    /// Builds everything; what is built can be reached when this returns.
    ///
    /// # Errors
    /// If the system refuses a part of it; what was built is removed again.
    pub fn build(wiring: Wiring, plans: &[NodePlan], outside: &[IpAddr]) -> Result<Self, Error> {
        let outside = Host::new("outside", outside)?;
        let addresses = outside.addresses.iter();
        outside.namespace.ip(&addresses.fold(String::new(), |mut lines, address| {
            let _ = writeln!(lines, "addr add {address} dev lo");
            lines
        }))?;
        let nodes = plans.iter().enumerate();
        let nodes = nodes.map(|(at, plan)| build_node(wiring, &outside, at, plan));
        Ok(Self { nodes: nodes.collect::<Result<_, _>>()?, outside })
    }

    /// Everybody.
    pub fn hosts(&self) -> impl Iterator<Item = &Host> {
        let nodes = self.nodes.iter().flat_map(|node| node.pods.iter().chain([&node.host]));
        nodes.chain([&self.outside])
    }

    /// Whose address this is.
    pub fn owner(&self, address: IpAddr) -> Option<&Host> {
        self.hosts().find(|host| host.addresses.contains(&address))
    }
}

fn build_node(wiring: Wiring, outside: &Host, at: usize, plan: &NodePlan) -> Result<Node, Error> {
    let host = Host::new(&plan.name, &plan.addresses)?;
    let pods = plan.pods.iter().map(|(name, addresses)| Host::new(name, addresses));
    let node = Node { host, pods: pods.collect::<Result<_, _>>()? };
    join_outside(outside, at, &node)?;
    match wiring {
        Wiring::Routed => node.host.namespace.ip(&routed_links(&node))?,
        Wiring::Bridged => node.host.namespace.ip(&bridged_links(&node))?,
    }
    for (at, pod) in node.pods.iter().enumerate() {
        pod.namespace.ip(&pod_lines(wiring, &node, at, pod))?;
    }
    Ok(node)
}

fn join_outside(outside: &Host, at: usize, node: &Node) -> Result<(), Error> {
    let name = node.host.namespace.name();
    let mut there = format!(
        "link add n{at} type veth peer name up0 netns {name}\n\
         addr add fe80::1/64 dev n{at} nodad\nlink set n{at} up\n"
    );
    let behind = node.pods.iter().chain([&node.host]).flat_map(|host| &host.addresses);
    for address in behind {
        let _ = writeln!(there, "route add {address} via inet6 fe80::2 dev n{at}");
    }
    outside.namespace.ip(&there)?;
    let mut here = String::from("addr add fe80::2/64 dev up0 nodad\nlink set up0 up\n");
    own_addresses(&mut here, &node.host, "up0");
    default_routes(&mut here, "up0");
    node.host.namespace.ip(&here)
}

fn own_addresses(lines: &mut String, host: &Host, link: &str) {
    for address in &host.addresses {
        let nodad = if address.is_ipv6() { " nodad" } else { "" };
        let _ = writeln!(lines, "addr add {address} dev {link}{nodad}");
    }
}

fn default_routes(lines: &mut String, link: &str) {
    let _ = writeln!(lines, "route add 0.0.0.0/0 via inet6 fe80::1 dev {link}");
    let _ = writeln!(lines, "route add ::/0 via fe80::1 dev {link}");
}

fn routed_links(node: &Node) -> String {
    let mut lines = String::new();
    for (at, pod) in node.pods.iter().enumerate() {
        let _ = write!(
            lines,
            "link add p{at} type veth peer name eth0 netns {}\n\
             addr add fe80::1/64 dev p{at} nodad\nlink set p{at} up\n",
            pod.namespace.name()
        );
        for address in &pod.addresses {
            let _ = writeln!(lines, "route add {address} dev p{at}");
        }
    }
    lines
}

fn bridged_links(node: &Node) -> String {
    let mut lines = String::from(
        "link add br0 type bridge mcast_snooping 0\n\
         addr add fe80::1/64 dev br0 nodad\nlink set br0 up\n",
    );
    for (at, pod) in node.pods.iter().enumerate() {
        let _ = write!(
            lines,
            "link add p{at} type veth peer name eth0 netns {}\n\
             link set p{at} master br0\nlink set p{at} up\n",
            pod.namespace.name()
        );
        for address in &pod.addresses {
            let _ = writeln!(lines, "route add {address} dev br0");
        }
    }
    lines
}

fn pod_lines(wiring: Wiring, node: &Node, at: usize, pod: &Host) -> String {
    let mut lines = format!("addr add fe80::{:x}/64 dev eth0 nodad\nlink set eth0 up\n", at + 16);
    own_addresses(&mut lines, pod, "eth0");
    default_routes(&mut lines, "eth0");
    if wiring == Wiring::Bridged {
        let others = node.pods.iter().enumerate().filter(|(other, _)| *other != at);
        for address in others.flat_map(|(_, other)| &other.addresses) {
            let _ = writeln!(lines, "route add {address} dev eth0");
        }
    }
    lines
}
