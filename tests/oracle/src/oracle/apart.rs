//! What stays open if each peer that is open is taken by itself.
//!
//! Two rules that name one domain name, of which nothing is known, name the same addresses in every
//! world. The engine does not keep them together: each of its rules may or may not match. So where
//! no world leaves an answer open it may still say that it is unknown, and this says when.

use super::calico;
use super::rules::{Traffic, outcomes};
use super::tiers::cluster_peer_matches;
use super::world::World;
use super::{Verdict, agreed};
use crate::cluster::{Cluster, ClusterPolicy, Direction, Labels, TierPeer};

/// A peer that is in some worlds somebody and in others not, by where it is kept: two that say the
/// same are two.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OpenPeer(usize);

/// More peers than these are not told apart: whatever is said of them is left open.
const MOST: usize = 10;

impl OpenPeer {
    fn of(peer: &TierPeer) -> Self {
        Self(std::ptr::from_ref(peer).addr())
    }

    /// Whether it is this one.
    pub fn is(self, peer: &TierPeer) -> bool {
        self == Self::of(peer)
    }
}

/// Whether an answer is unknown if nodes and domain names of each peer are open by themselves.
pub fn is_open_apart(cluster: &Cluster, worlds: &[World], traffic: &Traffic) -> bool {
    if !cluster.calico.is_absent() {
        return calico::is_open_apart(cluster, worlds, calico::Carried::Ported(*traffic));
    }
    let mut kinds: Vec<Vec<&World>> = Vec::new();
    for world in worlds {
        match kinds.iter_mut().find(|kind| kind.iter().all(|other| is_alike(world, other))) {
            Some(kind) => kind.push(world),
            None => kinds.push(vec![world]),
        }
    }
    let open: Vec<Vec<&TierPeer>> = kinds.iter().map(|kind| open_peers(cluster, kind)).collect();
    if open.iter().any(|peers| peers.len() > MOST) {
        return true;
    }
    let all = kinds.iter().zip(&open).flat_map(|(kind, peers)| each_apart(kind, peers));
    let answers = all.flat_map(|world| outcomes(cluster, &world, traffic).answers());
    agreed(answers) == Some(Verdict::Unknown)
}

/// Whether worlds differ in nothing but in nodes and domain names.
fn is_alike(a: &World, b: &World) -> bool {
    let who = |world: &World| {
        let ends = [&world.source, &world.destination];
        (ends.map(|one| one.identity), ends.map(|one| one.address), world.own_node)
    };
    who(a) == who(b) && labels(a) == labels(b)
}

/// Labels of both pods and of their namespaces.
fn labels(world: &World) -> [Option<(&Labels, &Labels)>; 2] {
    [&world.source, &world.destination]
        .map(|one| one.pod.as_ref().map(|pod| (&pod.labels, &pod.namespace_labels)))
}

fn open_peers<'c>(cluster: &'c Cluster, worlds: &[&World]) -> Vec<&'c TierPeer> {
    let rules = cluster
        .cluster_policies
        .iter()
        .flat_map(|one: &ClusterPolicy| one.rules(Direction::Egress));
    let matches = |peer: &TierPeer, world: &World| cluster_peer_matches(peer, &world.destination);
    let is_open = |peer: &&TierPeer| {
        worlds.iter().any(|world| matches(peer, world))
            && !worlds.iter().all(|world| matches(peer, world))
    };
    rules.flat_map(|rule| &rule.peers).filter(is_open).collect()
}

/// A world for each way in which the peers may be the destination.
fn each_apart(worlds: &[&World], peers: &[&TierPeer]) -> Vec<World> {
    let mut all: Vec<World> = worlds.first().map(|one| (*one).clone()).into_iter().collect();
    for peer in peers {
        let with = |world: &World, assumed: bool| {
            let mut world = world.clone();
            world.destination.assumed.push((OpenPeer::of(peer), assumed));
            world
        };
        all = all.iter().flat_map(|one| [with(one, false), with(one, true)]).collect();
    }
    all
}
