//! L43: an `except` whose addresses another peer admits.
//!
//! **What.** A block leaves out a range by `except`, and another peer, of the same policy or of one
//! for the same pods, admits all of that range on the same ports.
//!
//! **Why.** `except` only makes its own block smaller. It is not a denial: what another rule admits
//! is admitted.
//!
//! **Fix.** Leave the range out of the other block, too.

use rustc_hash::FxHashMap;

use super::implied::{covers, ports_of};
use super::named::PeerPlace;
use super::text::Field;
use super::{Context, Finding};
use crate::cluster::NamespaceId;
use crate::diagnostic::{Code, Diagnostic};
use crate::manifest::{Block, Body, Direction, PeerKind, Rule};
use crate::net::{AddrSet, Cidr};
use crate::policy::{CompiledPolicy, SetId};

/// No more pairs of blocks are compared.
const MOST_COMPARED: usize = 1_000_000;

/// One finding for each such `except`.
///
/// # Cost
/// For each policy with an `except`, linear in the rules for addresses of the policies for the same
/// pods; up to a limit, behind which nothing is found.
pub fn findings(context: &Context<'_>) -> Vec<Finding> {
    let all = by_pods(context);
    let mut findings = Vec::new();
    let mut left = MOST_COMPARED;
    let mut keys: Vec<_> = all.keys().copied().collect();
    keys.sort_unstable();
    for wanted in keys.iter().filter_map(|key| all.get(key)) {
        let narrowed = wanted
            .iter()
            .filter_map(|one| Some((one, one.block.filter(|b| !b.except.is_empty())?)));
        for (one, block) in narrowed {
            left = left.saturating_sub(wanted.len() * block.except.len());
            if left == 0 {
                return findings;
            }
            for (index, except) in block.except.iter().enumerate() {
                let Ok(range) = Cidr::parse(except).map(AddrSet::from_cidr) else { continue };
                let Some(other) = wanted.iter().find(|other| readmits(one, other, &range)) else {
                    continue;
                };
                let path = format!("{}.ipBlock.except[{index}]", one.place.path());
                let finding = finding(one, other, except);
                findings.push(context.about(&one.policy.object, Field::First(&[&path]), finding));
            }
        }
    }
    findings
}

/// A peer that is addresses, or anybody.
struct Wanted<'s> {
    policy: &'s CompiledPolicy,
    place: PeerPlace,
    rule: &'s Rule,
    /// None for anybody.
    block: Option<&'s Block>,
}

/// Those of all policies in force, by the pods that these are for.
type ByPods<'s> = FxHashMap<(NamespaceId, SetId, bool), Vec<Wanted<'s>>>;

fn by_pods<'s>(context: &Context<'s>) -> ByPods<'s> {
    let mut all = ByPods::default();
    for (_, policy) in context.session.policies().in_force() {
        let (Body::Policy(body), Some(namespace)) = (&policy.object.body, policy.namespace) else {
            continue;
        };
        for direction in Direction::BOTH.into_iter().filter(|one| body.isolates(*one)) {
            let key = (namespace, policy.subject, direction == Direction::Ingress);
            for (index, rule) in body.rules(direction).iter().enumerate() {
                let place = |peer| PeerPlace { direction, rule: index, peer };
                let wanted = |peer, block| Wanted { policy, place: place(peer), rule, block };
                if rule.peers.is_empty() {
                    all.entry(key).or_default().push(wanted(0, None));
                }
                for (peer, one) in rule.peers.iter().enumerate() {
                    if let PeerKind::Block(block) = &one.kind {
                        all.entry(key).or_default().push(wanted(peer, Some(block)));
                    }
                }
            }
        }
    }
    all
}

fn readmits(one: &Wanted<'_>, other: &Wanted<'_>, range: &AddrSet) -> bool {
    let is_itself = std::ptr::eq(one.policy, other.policy) && one.place == other.place;
    let has_range = other.block.is_none_or(|block| range.is_subset(&block.addresses));
    !is_itself && has_range && covers(&ports_of(&other.rule.ports), &ports_of(&one.rule.ports))
}

fn finding(one: &Wanted<'_>, other: &Wanted<'_>, except: &str) -> Diagnostic {
    let whose = match std::ptr::eq(one.policy, other.policy) {
        true => String::new(),
        false => format!(" of `{}`", other.policy.object.meta.name),
    };
    let (place, by) = match other.block {
        Some(block) => (other.place.path(), format!("`{}`", block.cidr)),
        None => {
            let PeerPlace { direction, rule, .. } = other.place;
            (format!("spec.{}[{rule}]", direction.field()), "any peer".to_owned())
        }
    };
    let message = format!("this excludes nothing: `{place}`{whose} admits `{except}` by {by}");
    Diagnostic::new(Code::ExceptReadmitted, message)
        .with_help("an `except` is not a denial: leave the range out of the other peer, too")
}
