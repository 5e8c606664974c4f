//! L42: blocks of one address family alone, for pods that have addresses of both.
//!
//! **What.** A policy for pods with an IPv4 and an IPv6 address has blocks of one family only.
//!
//! **Why.** Over the other family, what the blocks are for is denied: connections fail, or take
//! another way, depending on which address a client tries first.
//!
//! **Fix.** Add the blocks of the other family. It is an information: one may be meant.

use rustc_hash::FxHashSet;

use super::blocks::{self, Written};
use super::text::Field;
use super::{Context, Finding};
use crate::cluster::{Addresses, GroupId};
use crate::diagnostic::{Code, Diagnostic};
use crate::manifest::{Body, Direction};
use crate::net::Family;

/// One finding for each policy and direction, at the first block.
///
/// # Cost
/// Linear in the pods and in the peers; in the groups that such policies select.
pub fn findings(context: &Context<'_>) -> Vec<Finding> {
    let session = context.session;
    let dual = dual_groups(context);
    let mut findings = Vec::new();
    if dual.is_empty() {
        return findings;
    }
    for (_, policy) in session.policies().policies() {
        let Body::Policy(body) = &policy.object.body else { continue };
        let Some(subject) = session.policies().set(policy.subject) else { continue };
        for direction in Direction::BOTH {
            let mut first = None;
            let mut families = FxHashSet::default();
            for Written { place, block, .. } in blocks::of(body, direction) {
                first.get_or_insert(place);
                let has = |family: &Family| !block.addresses.of_family(*family).is_empty();
                families.extend(Family::BOTH.into_iter().filter(has));
            }
            let missing = Family::BOTH.into_iter().find(|family| !families.contains(family));
            let Some((place, missing)) = first.zip(missing) else { continue };
            if !subject.groups().any(|(group, _)| dual.contains(&group)) {
                continue;
            }
            let message = format!(
                "pods of this policy have {missing} addresses, too, and it has no block of \
                 {missing} for {}",
                direction.field()
            );
            let finding = Diagnostic::new(Code::OneFamilyOnly, message)
                .with_help(format!("add the {missing} blocks, unless that is meant"));
            let path = place.block_path();
            findings.push(context.about(&policy.object, Field::First(&[&path]), finding));
        }
    }
    findings
}

/// Groups with a pod that is known to have addresses of both families.
fn dual_groups(context: &Context<'_>) -> FxHashSet<GroupId> {
    let endpoints = context.session.model().endpoints.values();
    let dual = endpoints.filter_map(|endpoint| {
        let Addresses::Known(addresses) = &endpoint.addresses else { return None };
        let has = |family| addresses.iter().any(|one| Family::of(*one) == family);
        endpoint.group.filter(|_| Family::BOTH.into_iter().all(has))
    });
    dual.collect()
}
