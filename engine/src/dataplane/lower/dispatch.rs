//! From a packet's address to the chain of its pod's class, in few comparisons.
//!
//! A comparison of addresses costs a tenth of looking into a set, so the way is a tree of blocks
//! of addresses, four to a chain: some ten comparisons for 256 pods.
//!
//! Pods with an Admin tier come to that tier's chain, which all of them share, and are found once
//! more when it passes on. The kernel allows chains to lead on 16 times in all (nftables), so the
//! second tree is a flat one, sixteen to a chain.

use std::net::IpAddr;
use std::sync::Arc;

use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use rustc_hash::FxHashMap;

use super::super::program::{Action, Chain, ChainKind, ChainName, FilterRule, Match};
use super::super::settings::Settings;
use super::FamilyLowering;
use crate::manifest::Direction;
use crate::net::Cidr;

/// One of the trees.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tree {
    /// Its direction.
    pub direction: Direction,
    /// Where it stands.
    pub place: Place,
}

/// Where a tree stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// Before all tiers.
    First,
    /// After the Admin tier.
    AfterAdmin,
}

impl Tree {
    fn root(self, settings: &Settings) -> ChainName {
        match self.place {
            Place::First => settings.root(self.direction),
            Place::AfterAdmin => settings.root_after_admin(self.direction),
        }
    }

    /// The bits of an address that a chain looks at.
    fn bits(self) -> u32 {
        match self.place {
            Place::First => 2,
            Place::AfterAdmin => 4,
        }
    }

    /// A chain holds this many branches at most.
    fn branches(self) -> usize {
        1 << self.bits()
    }

    /// So many chains lead from one to the next below the root; the last holds what is left. Of
    /// 16, the two trees leave eight: the kernel's own chain, that of all packets, both roots, an
    /// Admin tier, another tier, a chain that denies, and in an audit the one that counts this.
    fn deepest(self) -> usize {
        match self.place {
            Place::First => 5,
            Place::AfterAdmin => 3,
        }
    }
}

/// Leaves that some chain leads to.
#[derive(Clone, Copy)]
struct Part<'l> {
    leaves: &'l [Leaf],
    /// How many chains there are from the root.
    depth: usize,
}

/// An address of a pod that policies select.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Leaf {
    /// The address.
    pub address: IpAddr,
    /// All addresses of the pod, this one among them; in a tree that is not the first, none.
    pub own: Arc<[IpAddr]>,
    /// What applies.
    pub class: ChainName,
}

/// A tree's chains on the way to classes.
#[derive(Debug, Default)]
pub struct Dispatch {
    /// Where they lead, ascending.
    pub leaves: Vec<Leaf>,
    /// The first one.
    pub root: Option<Arc<Chain>>,
    /// Those below it, by how far below, and by where they lead.
    pub branches: Vec<FxHashMap<Vec<Leaf>, Arc<Chain>>>,
}

/// A tree's chains on the way to leaves, which come ascending; they are put into the program.
///
/// # Cost
/// Linear in the leaves, and for others than before in those below the chains that are others.
pub fn build(lowering: &mut FamilyLowering<'_>, tree: Tree, leaves: Vec<Leaf>) -> Arc<Dispatch> {
    let known = lowering.before.dispatch(tree);
    let dispatch = match known.filter(|known| known.leaves == leaves) {
        Some(known) => known.clone(),
        None => new(lowering, tree, leaves),
    };
    let chains = dispatch.root.iter().chain(dispatch.branches.iter().flat_map(|all| all.values()));
    lowering.chains.extend(chains.map(|chain| (chain.name.clone(), chain.clone())));
    dispatch
}

fn new(lowering: &mut FamilyLowering<'_>, tree: Tree, leaves: Vec<Leaf>) -> Arc<Dispatch> {
    let mut dispatch = Dispatch::default();
    dispatch.branches.resize_with(tree.deepest() + 1, FxHashMap::default);
    let mut rules = branches(lowering, &mut dispatch, tree, Part { leaves: &leaves, depth: 0 });
    rules.push(FilterRule::new([], Action::Return));
    let (name, kind) = (tree.root(lowering.input.settings), ChainKind::Fixed);
    let root = lowering.before.chain(Chain { name, kind, rules });
    Arc::new(Dispatch { leaves, root: Some(root), ..dispatch })
}

/// The rules that lead to some leaves.
fn branches(
    lowering: &FamilyLowering<'_>,
    dispatch: &mut Dispatch,
    tree: Tree,
    Part { leaves, depth }: Part<'_>,
) -> Vec<FilterRule> {
    let direction = tree.direction;
    if leaves.len() <= tree.branches() || depth == tree.deepest() {
        return leaves.iter().flat_map(|leaf| leaf_rules(direction, leaf)).collect();
    }
    let mut rules = Vec::new();
    for part in parts(leaves, tree.bits()) {
        match (part, common(part)) {
            (several, Some(block)) if several.len() > 1 => {
                let part = Part { leaves: several, depth: depth + 1 };
                let name = below(lowering, dispatch, tree, part);
                rules.push(FilterRule::new([of_subject(direction, block)], Action::Goto(name)));
            }
            _ => rules.extend(part.iter().flat_map(|leaf| leaf_rules(direction, leaf))),
        }
    }
    rules
}

/// The chain that leads to some leaves; that of before, if they are the same.
fn below(
    lowering: &FamilyLowering<'_>,
    dispatch: &mut Dispatch,
    tree: Tree,
    part: Part<'_>,
) -> ChainName {
    let Part { leaves, depth } = part;
    // Chains below that one are looked for too, so that they are in the program again.
    let rules = branches(lowering, dispatch, tree, part);
    let known = lowering.before.dispatch(tree).and_then(|known| known.branches.get(depth));
    let known = known.and_then(|known| known.get(leaves));
    let chain = match known {
        Some(known) => known.clone(),
        None => {
            let digest = lowering.digest(&rules);
            let name = format!("{}-D-{digest}", lowering.input.settings.prefix).into();
            lowering.before.chain(Chain { name, kind: ChainKind::Content, rules })
        }
    };
    let name = chain.name.clone();
    if let Some(known) = dispatch.branches.get_mut(depth) {
        known.insert(leaves.to_vec(), chain);
    }
    name
}

/// To itself a pod may always talk; else its class decides.
///
/// # Source
/// NetworkPolicy §10.
fn leaf_rules(direction: Direction, leaf: &Leaf) -> Vec<FilterRule> {
    // The source first, as the kernel's own listing has it.
    let between = |own: &IpAddr| match direction {
        Direction::Ingress => [Match::Source(host(*own)), Match::Destination(host(leaf.address))],
        Direction::Egress => [Match::Source(host(leaf.address)), Match::Destination(host(*own))],
    };
    let itself = leaf.own.iter().map(|own| FilterRule::new(between(own), Action::Return));
    let of_subject = |address| of_subject(direction, host(address));
    let class = FilterRule::new([of_subject(leaf.address)], Action::Goto(leaf.class.clone()));
    itself.chain([class]).collect()
}

fn of_subject(direction: Direction, block: Cidr) -> Match {
    match direction {
        Direction::Ingress => Match::Destination(block),
        Direction::Egress => Match::Source(block),
    }
}

/// The leaves, cut where some bits after those that all have in common change.
fn parts(leaves: &[Leaf], count: u32) -> impl Iterator<Item = &[Leaf]> {
    let shared = shared_bits(leaves);
    leaves.chunk_by(move |a, b| {
        let key =
            |leaf: &Leaf| bits(leaf.address).checked_shl(shared).unwrap_or(0) >> (128 - count);
        key(a) == key(b)
    })
}

/// The smallest block that has all these leaves.
fn common(leaves: &[Leaf]) -> Option<Cidr> {
    let shared = u8::try_from(shared_bits(leaves)).ok()?;
    block(leaves.first()?.address, shared)
}

/// How many bits all leaves begin with alike; leaves are ascending, so the ends tell.
fn shared_bits(leaves: &[Leaf]) -> u32 {
    match (leaves.first(), leaves.last()) {
        (Some(first), Some(last)) => (bits(first.address) ^ bits(last.address)).leading_zeros(),
        _ => 0,
    }
}

/// An address's bits, the first one highest.
fn bits(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(v4) => u128::from(u32::from(v4)) << 96,
        IpAddr::V6(v6) => u128::from(v6),
    }
}

fn block(address: IpAddr, prefix: u8) -> Option<Cidr> {
    match address {
        IpAddr::V4(v4) => Some(Cidr::V4(Ipv4Net::new(v4, prefix.min(32)).ok()?.trunc())),
        IpAddr::V6(v6) => Some(Cidr::V6(Ipv6Net::new(v6, prefix).ok()?.trunc())),
    }
}

fn host(address: IpAddr) -> Cidr {
    match IpNet::from(address) {
        IpNet::V4(net) => Cidr::V4(net),
        IpNet::V6(net) => Cidr::V6(net),
    }
}
