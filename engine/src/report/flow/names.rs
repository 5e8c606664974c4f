//! Names of ports of a pod that is not in the input: what all of them together may be.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::question;
use crate::manifest::{Action, ByDirection, Direction, PortMatch};
use crate::policy::PolicyRule;
use crate::report::case::Case;
use crate::report::types::{FlowQuery, Protocol, Verdict};
use crate::session::Session;
use crate::verdict::{NoTrace, Party, PortNames, judge};

/// Of more names than these, what depends on them stays unknown.
const MOST: usize = 6;

/// More questions than these, one for each set of names and each two sets of labels, are not asked:
/// what depends on them stays unknown.
const MOST_QUESTIONS: usize = 4_096;

/// The verdict that all names lead to that the port may have, with all labels that the ends may
/// have; none if they differ.
pub fn settled(session: &Session, query: &FlowQuery, case: &Case<'_>) -> Option<Verdict> {
    let model = session.model();
    let (sources, destinations) = (case.source.variants(model), case.destination.variants(model));
    let subsets = subsets(session, query.protocol, (&case.source, &case.destination))?;
    let questions = sources.len().saturating_mul(destinations.len()).saturating_mul(subsets.len());
    if questions > MOST_QUESTIONS {
        return None;
    }
    let mut verdict = None;
    for source in &sources {
        for destination in destinations.iter().filter(|other| other.agrees_with(source)) {
            for names in &subsets {
                let one = judged(session, query, (case, (source, destination)), names.clone());
                if verdict.is_some_and(|known| known != one) {
                    return None;
                }
                verdict = Some(one);
            }
        }
    }
    verdict.filter(|verdict| *verdict != Verdict::Unknown)
}

/// What both ends say if the port has these names.
fn judged<'m>(
    session: &'m Session,
    query: &FlowQuery,
    (case, (source, destination)): (&Case<'m>, (&Party<'m>, &Party<'m>)),
    names: Vec<Arc<str>>,
) -> Verdict {
    let port_names = PortNames::Assumed(names);
    let destination = Party { port_names, ..destination.clone() };
    let case = Case { source: source.clone(), destination, ..case.clone() };
    let end = |direction| {
        judge(session.policies(), question(query, &case, direction), &mut NoTrace).verdict
    };
    end(Direction::Egress).min(end(Direction::Ingress))
}

/// All sets of names that rules of the two ends ask for; none if there are too many.
fn subsets(
    session: &Session,
    protocol: Protocol,
    ends: (&Party<'_>, &Party<'_>),
) -> Option<Vec<Vec<Arc<str>>>> {
    let rules = rules(session, ends);
    let names = rules.values().flatten().flat_map(|rule| names(rule, protocol));
    let names: BTreeSet<&Arc<str>> = names.collect();
    if names.len() > MOST {
        return None;
    }
    let mut all = vec![Vec::new()];
    for name in names {
        let with =
            all.iter().map(|some: &Vec<Arc<str>>| [&some[..], std::slice::from_ref(name)].concat());
        let with: Vec<_> = with.collect();
        all.extend(with);
    }
    Some(all)
}

/// Whether rules may deny ports by names, or leave them to others, of which nothing is known: then
/// nothing is certain of what passes on others than the one asked about.
pub fn may_deny(session: &Session, case: &Case<'_>) -> bool {
    let ends = (&case.source, &case.destination);
    let open = case.destination.port_names == PortNames::Unknown;
    let rules = open.then(|| rules(session, ends)).into_iter();
    let denying = rules.flat_map(ByDirection::into_values).flatten();
    let mut denying = denying.filter(|rule| rule.action != Action::Accept);
    denying.any(|rule| Protocol::ALL.iter().any(|one| names(rule, *one).next().is_some()))
}

/// Rules of the source for egress, and of the destination for ingress.
fn rules<'s>(
    session: &'s Session,
    (source, destination): (&Party<'_>, &Party<'_>),
) -> ByDirection<Vec<&'s PolicyRule>> {
    let (model, set) = (session.model(), session.policies());
    ByDirection::from_fn(|direction| {
        let party = match direction {
            Direction::Egress => source,
            Direction::Ingress => destination,
        };
        let of = |one: &Party<'_>| Some(set.program_id(one.group?.0, direction));
        let own = party.variants(model).iter().filter_map(of).chain(of(party)).collect();
        let own: BTreeSet<_> = own;
        own.into_iter().flat_map(|program| set.rules_of(program, direction)).collect()
    })
}

/// Names that a rule asks for.
fn names(rule: &PolicyRule, protocol: Protocol) -> impl Iterator<Item = &Arc<str>> {
    rule.ports.iter().filter_map(move |entry| match &entry.ports {
        PortMatch::Named(name) if entry.protocol == protocol => Some(name),
        _ => None,
    })
}
