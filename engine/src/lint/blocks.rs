//! Blocks of addresses that NetworkPolicies name, and what is asked of them.

use super::named::PeerPlace;
use crate::manifest::{Block, Direction, NetworkPolicy, Peer, PeerKind, Rule};
use crate::net::{AddrSet, Cidr, Family};

/// A block as a rule has it.
#[derive(Clone, Copy)]
pub struct Written<'p> {
    /// Where it stands.
    pub place: PeerPlace,
    /// The rule that it is a peer of.
    pub rule: &'p Rule,
    /// The block.
    pub block: &'p Block,
}

/// All blocks of a direction, in order; none of a direction that the policy is not for.
pub fn of(policy: &NetworkPolicy, direction: Direction) -> impl Iterator<Item = Written<'_>> {
    let peers = policy.isolates(direction).then(|| peers(policy, direction));
    peers.into_iter().flatten().filter_map(|(place, rule, peer)| match &peer.kind {
        PeerKind::Block(block) => Some(Written { place, rule, block }),
        _ => None,
    })
}

/// All peers of a direction.
pub fn peers(
    policy: &NetworkPolicy,
    direction: Direction,
) -> impl Iterator<Item = (PeerPlace, &Rule, &Peer)> {
    policy.rules(direction).iter().enumerate().flat_map(move |(rule, one)| {
        let peers = one.peers.iter().enumerate();
        peers.map(move |(peer, it)| (PeerPlace { direction, rule, peer }, one, it))
    })
}

/// The family of which a block has all addresses, but for its exceptions; however it is written.
pub fn whole_family(block: &Block) -> Option<Family> {
    match Cidr::parse(&block.cidr).ok()? {
        Cidr::V4(net) => (net.prefix_len() == 0).then_some(Family::IPv4),
        Cidr::V6(net) => (net.prefix_len() == 0).then_some(Family::IPv6),
    }
}

/// What stands for ranges that are not known.
pub fn private() -> AddrSet {
    let ranges = ["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7"];
    AddrSet::from_cidrs(ranges.into_iter().filter_map(|range| Cidr::parse(range).ok()))
}
