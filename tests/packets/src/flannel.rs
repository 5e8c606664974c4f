//! A network as Flannel makes it: a block of addresses for each node's pods, a bridge with a gateway
//! in it, and tunnels or routes between nodes.
//!
//! ```text
//!   pod 10.0.0.1/28 ┐                                   ┌ 10.0.1.4/28 pod
//!   pod 10.0.0.2/28 ┤ br0 10.0.0.14       10.0.1.14 br0 ┤
//!                   └──── node ── flannel.1 ── node ────┘
//! ```

use std::fmt::Write as _;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::Error;
use crate::fabric::{Fabric, Node};

/// What carries packets from node to node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Between {
    /// Routes alone: Flannel's `host-gw`, kube-router, routes of a cloud.
    Routes,
    /// VXLAN, Flannel's default.
    Tunnel,
}

/// A node's block of one family.
#[derive(Clone, Copy, Debug)]
pub struct Block {
    /// Its first address, which is the tunnel's end.
    pub first: IpAddr,
    /// The length of its prefix.
    pub length: u8,
    /// The bridge's address in it.
    pub gateway: IpAddr,
}

/// Makes a bridged fabric of two nodes such a network; blocks are those of the nodes in turn.
///
/// # Errors
/// If the system refuses a part of it.
pub fn lay(fabric: &mut Fabric, blocks: [&[Block]; 2], between: Between) -> Result<(), Error> {
    for (node, own) in fabric.nodes.iter().zip(blocks) {
        own.iter().try_for_each(|block| connect_pods(node, block))?;
    }
    match (between, fabric.nodes.as_slice()) {
        (Between::Tunnel, [one, other]) => {
            dig(one, blocks, (other, [1, 2]))?;
            dig(other, [blocks[1], blocks[0]], (one, [2, 1]))?;
        }
        _ => announce(fabric, blocks)?,
    }
    for (node, own) in fabric.nodes.iter_mut().zip(blocks) {
        node.host.addresses.extend(own.iter().map(|block| block.gateway));
    }
    Ok(())
}

/// Pods get their block's length and the gateway, as the `bridge` plugin gives them.
fn connect_pods(node: &Node, block: &Block) -> Result<(), Error> {
    let Block { length, gateway, .. } = block;
    let nodad = if gateway.is_ipv6() { " nodad" } else { "" };
    let all = if gateway.is_ipv6() { "::/0" } else { "0.0.0.0/0" };
    let mut here = format!("addr add {gateway}/{length} dev br0{nodad}\n");
    for pod in &node.pods {
        let own = pod.addresses.iter().filter(|own| own.is_ipv6() == gateway.is_ipv6());
        let mut there = String::new();
        for own in own {
            let _ = writeln!(here, "route del {own} dev br0");
            let _ = writeln!(there, "addr del {own} dev eth0");
            let _ = writeln!(there, "addr add {own}/{length} dev eth0{nodad}");
        }
        let _ = writeln!(there, "route replace {all} via {gateway} dev eth0");
        pod.namespace.ip(&there)?;
    }
    node.host.namespace.ip(&here)
}

/// The router learns which node has which block.
fn announce(fabric: &Fabric, blocks: [&[Block]; 2]) -> Result<(), Error> {
    let mut lines = String::new();
    for (at, blocks) in blocks.iter().enumerate() {
        for Block { first, length, .. } in *blocks {
            let _ = writeln!(lines, "route add {first}/{length} via inet6 fe80::2 dev n{at}");
        }
    }
    fabric.outside.namespace.ip(&lines)
}

/// One end of the tunnels to another node; the numbers are this node's and that one's.
fn dig(
    node: &Node,
    [own, others]: [&[Block]; 2],
    (other, numbers): (&Node, [u8; 2]),
) -> Result<(), Error> {
    for (own, far) in own.iter().zip(others) {
        let six = own.first.is_ipv6();
        let end = |node: &Node| {
            let mut addresses = node.host.addresses.iter().filter(|end| end.is_ipv6() == six);
            let none =
                if six { Ipv6Addr::UNSPECIFIED.into() } else { Ipv4Addr::UNSPECIFIED.into() };
            addresses.next().copied().unwrap_or(none)
        };
        // Both families' tunnels are on one machine, so their numbers differ.
        let (link, id) = if six { ("flannel-v6.1", 2) } else { ("flannel.1", 1) };
        let (first, far_first, length) = (own.first, far.first, far.length);
        let [mac, far_mac] = numbers.map(|number| format!("02:00:00:00:00:0{number}"));
        node.host.namespace.ip(&format!(
            "link add {link} address {mac} type vxlan id {id} local {} remote {} dstport 8472\n\
             addr add {first} dev {link}\nlink set {link} up\n\
             neigh replace {far_first} lladdr {far_mac} dev {link} nud permanent\n\
             route add {far_first}/{length} via {far_first} dev {link} onlink\n",
            end(node),
            end(other),
        ))?;
    }
    Ok(())
}
