//! What is read first of an end's evidence: who decides, and by which lines.

use portcullis_engine::report::{
    EndReport, EntryEvidence, Location, PolicyEvidence, TierEvidence, TierKind, TierOutcome,
};

/// Whether there is more than NetworkPolicy.
pub fn has_tiers(end: &EndReport) -> bool {
    end.tiers.iter().any(|tier| tier.tier != TierKind::NetworkPolicy)
}

/// A tier's policies: those that decide, and the others.
///
/// Where some decide by a rule, those that isolate besides only make the answer possible, and are
/// others too.
pub fn split<'e>(
    end: &'e EndReport,
    tier: &TierEvidence,
) -> (Vec<&'e PolicyEvidence>, Vec<&'e PolicyEvidence>) {
    let own = || end.policies.iter().filter(|policy| policy.is_in(tier));
    let by_rule = own().any(has_deciding_rule);
    own().partition(|policy| if by_rule { has_deciding_rule(policy) } else { policy.decides })
}

/// Policies that decide at an end, of the tier with the last word first.
pub fn deciding(end: &EndReport) -> impl Iterator<Item = &PolicyEvidence> {
    let reached = end.tiers.iter().rev().filter(|tier| tier.outcome != TierOutcome::NotReached);
    reached.flat_map(|tier| split(end, tier).0)
}

fn has_deciding_rule(policy: &PolicyEvidence) -> bool {
    policy.rules.iter().any(|rule| rule.decides)
}

/// Where it stands that a policy decides: the peers and ports of its rules that match, or the
/// head of a rule that names none; of one that decides by selecting the pod, its own head. Rules
/// of cluster policies show their head besides, where their action is.
pub fn lines(policy: &PolicyEvidence) -> Vec<Location> {
    let rules = policy.rules.iter().filter(|rule| rule.decides);
    let of_rules = rules.flat_map(|rule| {
        let entries: Vec<&EntryEvidence> = rule
            .peers
            .iter()
            .chain(&rule.ports)
            .filter(|entry| entry.matches >= rule.matches)
            .collect();
        let with_head = entries.is_empty() || policy.tier != TierKind::NetworkPolicy;
        let own = rule.location.as_ref().filter(|_| with_head).map(head);
        own.into_iter().chain(entries.into_iter().filter_map(|entry| entry.location.clone()))
    });
    let lines: Vec<Location> = of_rules.collect();
    match (lines.is_empty(), policy.decides) {
        (true, true) => policy.location.as_ref().map(head).into_iter().collect(),
        _ => lines,
    }
}

/// The first line of what stands there.
fn head(location: &Location) -> Location {
    Location { end_line: location.line, end_column: location.column + 1, ..location.clone() }
}
