//! What would be said of a flow if audited policies were enforced.

use super::flow::Spoken;
use super::query::QueryError;
use super::types::{
    AuditReport, EndReport, Evidence, FlowQuery, FlowReport, ObjectRef, PolicyEvidence, Verdict,
};
use crate::manifest::calico::CalicoKind;
use crate::session::Session;

/// What would be said; none where no audited policy has a say.
///
/// # Errors
/// As [`Session::evaluate`].
pub fn audit(
    session: &Session,
    query: &FlowQuery,
    in_force: &FlowReport,
) -> Result<Option<Box<AuditReport>>, QueryError> {
    let Some(intended) = session.intended() else { return Ok(None) };
    let Spoken { verdict, reason, evidence, parts } = intended.verdict_of(query)?;
    let has_say = policies(&evidence).any(|policy| policy.audited);
    if !has_say && verdict == in_force.verdict {
        return Ok(None);
    }
    let deciding = deciding(&evidence);
    let summary = summary(verdict, in_force.verdict, &evidence, &deciding);
    let policies = deciding;
    Ok(Some(Box::new(AuditReport { verdict, reason, summary, policies, evidence, parts })))
}

fn policies(evidence: &Evidence) -> impl Iterator<Item = &PolicyEvidence> {
    let Evidence { egress, ingress } = evidence;
    [egress, ingress].into_iter().flat_map(|end| &end.policies)
}

/// Audited policies that decide, or may.
fn deciding(evidence: &Evidence) -> Vec<ObjectRef> {
    let deciding = policies(evidence).filter(|policy| policy.audited && policy.decides);
    let mut deciding: Vec<ObjectRef> = deciding.map(|policy| policy.policy.clone()).collect();
    deciding.sort_unstable();
    deciding.dedup();
    deciding
}

fn summary(
    verdict: Verdict,
    in_force: Verdict,
    evidence: &Evidence,
    deciding: &[ObjectRef],
) -> String {
    let by = match deciding {
        [] => String::new(),
        [first, rest @ ..] => {
            // A staged policy says by its kind that it is only looked at.
            let is_staged = CalicoKind::find(&first.kind).is_some_and(CalicoKind::is_staged);
            let audited = if is_staged { "" } else { "audited " };
            format!(" by {audited}{first}{}", and_more(rest.len()))
        }
    };
    let denies = |end: &EndReport| end.verdict == Verdict::Deny;
    let place = match (denies(&evidence.egress), denies(&evidence.ingress)) {
        (true, true) => " at both ends",
        (true, false) => " at the source",
        (false, true) => " at the destination",
        (false, false) => "",
    };
    match (verdict, in_force) {
        (Verdict::Deny, Verdict::Deny) => format!("would be denied{place} as well{by}"),
        (Verdict::Deny, _) => format!("would be denied{place}{by}"),
        (Verdict::Allow, Verdict::Allow) => "would be allowed as well".into(),
        (Verdict::Allow, _) => format!("would be allowed{by}"),
        (Verdict::Unknown, _) => format!("could be denied{by}: the input leaves it open"),
    }
}

fn and_more(count: usize) -> String {
    if count == 0 { String::new() } else { format!(" and {count} more") }
}
