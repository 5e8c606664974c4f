//! L40: a block of addresses that are pods'.
//!
//! **What.** An `ipBlock` has nothing but addresses from a range that nodes give their pods
//! (`spec.podCIDRs` of Nodes, `--pod-cidr`), or it is the address of one pod.
//!
//! **Why.** A pod has another address after each restart, and its old one may be another pod's. And
//! not every network plugin holds pods against blocks: Cilium does not.
//!
//! **Fix.** `podSelector` and `namespaceSelector`.
//!
//! Nothing is said of larger blocks, such as `10.0.0.0/8`, which have such addresses among others,
//! nor where the ranges are unknown.

use std::net::IpAddr;

use rustc_hash::FxHashMap;

use super::blocks;
use super::text::Field;
use super::{Context, Finding};
use crate::cluster::{Addresses, Endpoint};
use crate::diagnostic::{Code, Diagnostic};
use crate::manifest::{Block, Body, Direction};
use crate::net::AddrSet;

/// One finding for each policy, at the first such block.
///
/// # Cost
/// Linear in the pods, in the nodes and in the peers.
pub fn findings(context: &Context<'_>) -> Vec<Finding> {
    let mut known = None;
    let mut findings = Vec::new();
    for (_, policy) in context.session.policies().policies() {
        let Body::Policy(body) = &policy.object.body else { continue };
        let blocks = Direction::BOTH.into_iter().flat_map(|one| blocks::of(body, one));
        let mut found = blocks.filter_map(|one| {
            let known = known.get_or_insert_with(|| Known::of(context));
            Some((one.place, one.block, known.said_of(one.block)?))
        });
        let Some((place, block, what)) = found.next() else { continue };
        let finding = Diagnostic::new(Code::BlockOfPods, format!("`{}` {what}", block.cidr))
            .with_help(
                "select the pods by labels: their addresses change, and some network plugins do not \
                 hold pods against blocks",
            );
        let path = place.block_path();
        findings.push(context.about(&policy.object, Field::First(&[&path]), finding));
    }
    findings
}

/// What is known of addresses.
struct Known<'s> {
    ranges: AddrSet,
    pods: FxHashMap<IpAddr, &'s Endpoint>,
}

impl<'s> Known<'s> {
    fn of(context: &Context<'s>) -> Self {
        let model = context.session.model();
        let pods = model.endpoints.values().filter(|endpoint| !endpoint.host_network());
        let pods = pods.flat_map(|endpoint| {
            let addresses = match &endpoint.addresses {
                Addresses::Known(addresses) => &addresses[..],
                _ => &[],
            };
            addresses.iter().map(move |address| (*address, endpoint))
        });
        Self { ranges: model.pod_ranges(), pods: pods.collect() }
    }

    fn said_of(&self, block: &Block) -> Option<String> {
        let first = block.addresses.first()?;
        let is_one = *block.addresses == AddrSet::from_addresses([first]);
        if let Some(pod) = self.pods.get(&first).filter(|_| is_one) {
            return Some(format!("is the address of the pod `{}`", pod.name));
        }
        let within = block.addresses.is_subset(&self.ranges);
        within.then(|| "has nothing but addresses of pods".to_owned())
    }
}
