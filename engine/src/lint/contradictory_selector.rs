//! L05: a selector whose requirements contradict each other.
//!
//! **What.** All requirements of a selector must hold at once. `app: web` in `matchLabels` and `app
//! NotIn [web]` in `matchExpressions` never do, nor does a label that must be there and must not.
//!
//! **Why.** The selector matches nothing, whatever pods or namespaces there are: the policy or the
//! peer has no effect.
//!
//! **Fix.** Remove one of the two. For one value or another, list both in one `In`.

use super::Finding;
use super::named::{self, Written};
use super::text::{Field, Texts};
use crate::cluster::NAME_LABEL;
use crate::diagnostic::{Code, Diagnostic};
use crate::selector::{Operator, Requirement, Selector};
use crate::session::Session;

/// One finding for each such selector.
///
/// # Cost
/// Linear in the selectors.
pub fn findings(session: &Session) -> Vec<Finding> {
    let mut texts = Texts::new(session);
    let mut findings = Vec::new();
    for (_, policy) in session.policies().policies() {
        for written in named::written(&policy.object) {
            let Some(conflict) = conflict(&written) else { continue };
            let paths = written.paths();
            let field = Field::Label(&paths, &conflict.key);
            findings.push(texts.about(&policy.object, field, conflict.finding(&written)));
        }
    }
    findings
}

/// Whether the requirements of a selector of pods contradict each other.
pub fn is_contradictory(selector: &Selector) -> bool {
    let requirements = selector.requirements();
    requirements.len() > 1
        && requirements.iter().any(|one| clash(&on_key(selector, &one.key)).is_some())
}

/// Requirements that cannot all be met.
struct Conflict {
    key: String,
    requirements: Vec<Requirement>,
}

impl Conflict {
    fn finding(&self, written: &Written<'_>) -> Diagnostic {
        let texts: Vec<String> =
            self.requirements.iter().map(|one| format!("`{}`", one.text())).collect();
        let why = match texts.as_slice() {
            [one] => format!("{one}, and every namespace has that label"),
            [one, other] => format!("{one} and {other} contradict each other"),
            all => format!("no value meets {}", all.join(", ")),
        };
        let message = format!("the {} matches nothing: {why}", written.what);
        Diagnostic::new(Code::ContradictorySelector, message).with_help(self.help())
    }

    fn help(&self) -> String {
        let is_list = self.requirements.iter().all(|one| one.operator == Operator::In);
        let mut values: Vec<&str> =
            self.requirements.iter().flat_map(|one| &one.values).map(|value| &**value).collect();
        values.sort_unstable();
        match is_list {
            true => format!(
                "for any of these values, write one requirement: `{{key: {}, operator: In, values: \
                 [{}]}}`",
                self.key,
                values.join(", ")
            ),
            false => "all requirements must hold at once: remove one of them".to_owned(),
        }
    }
}

fn conflict(written: &Written<'_>) -> Option<Conflict> {
    let requirements = written.selector.requirements();
    requirements.iter().find_map(|one| {
        let same = on_key(written.selector, &one.key);
        // The API server sets it, so that its absence alone is one.
        let is_set = written.of_namespaces && *one.key == *NAME_LABEL;
        let absent = same.iter().find(|one| is_set && one.operator == Operator::DoesNotExist);
        let found = absent.map(|one| vec![*one]).or_else(|| clash(&same))?;
        let requirements = found.into_iter().cloned().collect();
        Some(Conflict { key: one.key.to_string(), requirements })
    })
}

fn on_key<'s>(selector: &'s Selector, key: &str) -> Vec<&'s Requirement> {
    selector.requirements().iter().filter(|one| *one.key == *key).collect()
}

/// As few of the requirements on a key as contradict each other: two, or all that list values.
fn clash<'r>(same: &[&'r Requirement]) -> Option<Vec<&'r Requirement>> {
    let pairs = same
        .iter()
        .enumerate()
        .flat_map(|(i, one)| same.iter().skip(i + 1).map(move |other| [*one, *other]));
    let mut pairs = pairs.filter(|[one, other]| exclude(one, other));
    pairs.next().map(Vec::from).or_else(|| {
        let listing = same.iter().copied().filter(|one| !one.values.is_empty());
        let listing: Vec<&Requirement> = listing.collect();
        let first = listing.iter().find(|one| one.operator == Operator::In)?;
        let takes = |value: &str| listing.iter().all(|one| one.takes(value));
        (!first.values.iter().any(|value| takes(value))).then_some(listing)
    })
}

/// Whether two requirements on a key cannot both be met.
fn exclude(one: &Requirement, other: &Requirement) -> bool {
    use Operator::{DoesNotExist, Exists, In};
    match (one.operator, other.operator) {
        (In | Exists, DoesNotExist) | (DoesNotExist, In | Exists) => true,
        (In, _) => !one.values.iter().any(|value| other.takes(value)),
        (_, In) => !other.values.iter().any(|value| one.takes(value)),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn clash_of(requirements: &[(Operator, &[&str])]) -> Option<Vec<String>> {
        let requirement = |(operator, values): &(Operator, &[&str])| Requirement {
            key: "app".into(),
            operator: *operator,
            values: values.iter().map(|value| (*value).into()).collect(),
        };
        let selector = Selector::new(requirements.iter().map(requirement).collect());
        let found = clash(&on_key(&selector, "app"));
        found.map(|found| found.into_iter().map(Requirement::text).collect())
    }

    #[test]
    fn the_fewest_that_contradict_each_other_are_found() {
        use Operator::{DoesNotExist, Exists, In, NotIn};
        let of = |requirements: &[(Operator, &[&str])]| clash_of(requirements);
        let both = |a: &str, b: &str| Some(vec![a.to_owned(), b.to_owned()]);
        assert_eq!(of(&[(In, &["a"]), (In, &["b"])]), both("app=a", "app=b"));
        assert_eq!(of(&[(In, &["a"]), (NotIn, &["a", "b"])]), both("app=a", "app notin (a,b)"));
        assert_eq!(of(&[(Exists, &[]), (DoesNotExist, &[])]), both("app", "!app"));
        assert_eq!(of(&[(In, &["a"]), (DoesNotExist, &[])]), both("app=a", "!app"));
        let three = of(&[(In, &["a", "b"]), (NotIn, &["a"]), (NotIn, &["b"]), (Exists, &[])]);
        assert_eq!(three.unwrap().len(), 3);
        for fine in [
            &[(In, &["a", "b"][..]), (In, &["b"][..])][..],
            &[(NotIn, &["a"][..]), (DoesNotExist, &[][..])][..],
            &[(NotIn, &["a"][..]), (NotIn, &["b"][..])][..],
            &[(In, &["a"][..]), (Exists, &[][..])][..],
        ] {
            assert_eq!(of(fine), None, "{fine:?}");
        }
    }
}
