//! L54: a policy in a tier that the input does not have.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::{Context, Finding};
use crate::diagnostic::{Code, Diagnostic, nearest};
use crate::manifest::calico::{BUILT_IN_TIERS, CalicoBody, CalicoKind, CalicoObject};
use crate::session::Session;

/// Policies of Calico's whose tier is neither in the input nor one that Calico makes itself.
///
/// # Source
/// Calico §4, §10.1: the API refuses such a policy; one that is stored all the same comes after all
/// tiers and ends in denial.
pub fn findings(context: &Context<'_>) -> Vec<Finding> {
    let session = context.session;
    let built_in = BUILT_IN_TIERS.iter().map(|(name, ..)| *name);
    let tiers = all(session).filter(|(_, object)| object.kind == CalicoKind::Tier);
    let known: BTreeSet<&str> = built_in.chain(tiers.map(|(_, tier)| &*tier.meta.name)).collect();
    let policies = all(session).filter_map(|(place, object)| match &object.body {
        CalicoBody::Policy(policy) => Some((place, object, &*policy.tier)),
        _ => None,
    });
    let missing = policies.filter(|(.., tier)| !known.contains(tier));
    missing.map(|(place, object, tier)| (Some(place), finding(object, tier, &known))).collect()
}

fn finding(object: &CalicoObject, tier: &str, known: &BTreeSet<&str>) -> Diagnostic {
    let message = format!("the tier `{tier}` is not in the input");
    let help = match nearest(tier, known.iter().copied()) {
        Some(near) => format!("did you mean `{near}`?"),
        None => "Calico's API refuses a policy whose tier does not exist; stored without it, the \
                 policy comes after all tiers and denies what none of its rules matches"
            .to_owned(),
    };
    let namespace = object.meta.namespace.as_deref().map(str::to_owned);
    let name = (object.kind.name().to_owned(), namespace, object.meta.name.to_string());
    let finding = Diagnostic::new(Code::TierMissing, message).with_help(help).at(object.span);
    Diagnostic { object: Some(name), path: Some("spec.tier".to_owned()), ..finding }
}

/// Objects of Calico's kinds, each with its file and part.
fn all(session: &Session) -> impl Iterator<Item = ((usize, usize), &Arc<CalicoObject>)> {
    session.files().iter().enumerate().flat_map(|(file, source)| {
        source.parts.iter().enumerate().flat_map(move |(part, one)| {
            one.document.calico.iter().map(move |object| ((file, part), object))
        })
    })
}
