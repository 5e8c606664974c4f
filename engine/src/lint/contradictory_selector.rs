//! L05: a selector whose requirements contradict each other.
//!
//! **What.** All requirements of a selector must hold at once. `app: web` in `matchLabels` and `app
//! NotIn [web]` in `matchExpressions` never do, nor does a label that must be there and must not.
//!
//! **Why.** The selector matches nothing, whatever pods or namespaces there are: the policy or the
//! peer has no effect.
//!
//! **Fix.** Remove one of the two. For one value or another, list both in one `In`.

use std::collections::BTreeSet;

use super::named::{self, Written};
use super::text::Field;
use super::{Context, Finding};
use crate::cluster::NAME_LABEL;
use crate::diagnostic::{Code, Diagnostic};
use crate::selector::{Operator, Requirement, Selector};

/// One finding for each such selector.
///
/// # Cost
/// Linear in the selectors' requirements, and in their values but for a logarithm.
pub fn findings(context: &Context<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (_, policy) in context.session.policies().policies() {
        for written in named::written(&policy.object) {
            let Some(conflict) = conflict(&written) else { continue };
            let field = Field::Label(&written.paths, &conflict.key);
            findings.push(context.about(&policy.object, field, conflict.finding(&written)));
        }
    }
    findings
}

/// Whether the requirements of a selector of pods contradict each other.
pub fn is_contradictory(selector: &Selector) -> bool {
    selector.by_key().any(|same| clash(same).is_some())
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
    written.selector.by_key().find_map(|same| {
        let key = &*same.first()?.key;
        // The API server sets it, so that its absence alone is one.
        let is_set = written.of_namespaces && key == NAME_LABEL;
        let absent = same.iter().find(|one| is_set && one.operator == Operator::DoesNotExist);
        let found = absent.map(|one| vec![one]).or_else(|| clash(same))?;
        let requirements = found.into_iter().cloned().collect();
        Some(Conflict { key: key.to_owned(), requirements })
    })
}

/// A few of the requirements on a key that contradict each other: two, where one rules out the
/// shortest list of values or the label itself; else that list, and what rules out each of it.
///
/// # Cost
/// Only the shortest list is compared with the others, which are all as long: linear in the values.
fn clash(same: &[Requirement]) -> Option<Vec<&Requirement>> {
    let has = |operator| same.iter().find(|one| one.operator == operator);
    let present = has(Operator::In).or_else(|| has(Operator::Exists));
    if let Some((present, absent)) = present.zip(has(Operator::DoesNotExist)) {
        return Some(vec![present, absent]);
    }
    let lists = same.iter().filter(|one| one.operator == Operator::In);
    let shortest = lists.min_by_key(|one| one.values.len())?;
    let values = &shortest.values;
    let rules_out = |one: &Requirement| !values.iter().any(|value| one.takes(value));
    let indexes: Option<BTreeSet<usize>> = match same.iter().position(rules_out) {
        Some(other) => Some(std::iter::once(other).collect()),
        None => values.iter().map(|value| same.iter().position(|one| !one.takes(value))).collect(),
    };
    let others = indexes?.into_iter().filter_map(|index| same.get(index));
    let mut found: Vec<&Requirement> = others.chain([shortest]).collect();
    found.sort_unstable();
    Some(found).filter(|_| !values.is_empty())
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
        let found = clash(selector.requirements());
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
