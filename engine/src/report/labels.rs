//! Label selectors as `kubectl -l` takes them.

use std::sync::Arc;

use super::query::QueryError;
use crate::manifest::syntax;
use crate::selector::{Operator, Requirement, Selector};

/// The selector of a text such as `app=web,tier in (front,back),!old`; the empty text selects
/// everything.
///
/// # Errors
/// If it has another form, or if a key or a value is not valid.
///
/// # Source
/// `labels.Parse` of Kubernetes, without `>` and `<`.
pub fn parse_selector(text: &str) -> Result<Selector, QueryError> {
    let wrong = |why: String| QueryError::new(format!("`{text}` is not a label selector: {why}"));
    let mut requirements = Vec::new();
    for part in parts(text).filter(|_| !text.trim().is_empty()) {
        requirements.push(requirement(part.trim()).map_err(wrong)?);
    }
    Ok(Selector::new(requirements))
}

/// What stands between commas that are not in brackets.
fn parts(text: &str) -> impl Iterator<Item = &str> {
    let mut is_inside = false;
    text.split(move |c| {
        is_inside = (is_inside || c == '(') && c != ')';
        c == ',' && !is_inside
    })
}

fn requirement(text: &str) -> Result<Requirement, String> {
    if let Some(key) = text.strip_prefix('!') {
        return checked(key, Operator::DoesNotExist, &[]);
    }
    if text.contains(['<', '>']) {
        return Err(format!("`{text}` compares numbers, which only nodes are selected by"));
    }
    for (sign, operator) in [("!=", Operator::NotIn), ("==", Operator::In), ("=", Operator::In)] {
        if let Some((key, value)) = text.split_once(sign) {
            return checked(key, operator, &[value]);
        }
    }
    let Some((words, values)) = text.split_once('(') else {
        return checked(text, Operator::Exists, &[]);
    };
    let values = values.strip_suffix(')').ok_or_else(|| format!("`{text}` has no `)`"))?;
    let values: Vec<&str> = values.split(',').collect();
    match words.split_whitespace().collect::<Vec<_>>().as_slice() {
        [key, "in"] => checked(key, Operator::In, &values),
        [key, "notin"] => checked(key, Operator::NotIn, &values),
        _ => Err(format!("`{text}` is not KEY in (VALUE,…) or KEY notin (VALUE,…)")),
    }
}

fn checked(key: &str, operator: Operator, values: &[&str]) -> Result<Requirement, String> {
    let key = key.trim();
    if let Some(why) = syntax::label_key_fault(key) {
        return Err(format!("`{key}` is not a valid label key: {why}"));
    }
    let values = values.iter().map(|value| match syntax::label_value_fault(value.trim()) {
        None => Ok(value.trim().into()),
        Some(why) => Err(format!("`{}` is not a valid label value: {why}", value.trim())),
    });
    let values: Vec<Arc<str>> = values.collect::<Result<_, String>>()?;
    Ok(Requirement { key: key.into(), operator, values })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn selectors_are_those_of_kubectl() {
        for (given, meant) in [
            ("", ""),
            ("app=web", "app=web"),
            ("app == web", "app=web"),
            ("app!=web", "app!=web"),
            ("app=", "app="),
            ("app in (web, db),!old,new", "app in (db,web),new,!old"),
            ("a.io/b notin (x,y)", "a.io/b notin (x,y)"),
            ("a in (b),c in (d,e)", "a=b,c in (d,e)"),
        ] {
            let text = parse_selector(given).map(|selector| selector.text());
            assert_eq!(text.map_err(|error| error.message), Ok(meant.to_owned()), "{given}");
        }
    }

    #[test]
    fn what_is_wrong_is_said() {
        for (given, said) in [
            ("app=web,", "`` is not a valid label key"),
            ("app=we b", "`we b` is not a valid label value"),
            ("app in web", "is not a valid label key"),
            ("app in (web", "has no `)`"),
            ("app on (web)", "is not KEY in (VALUE,…)"),
            ("count>5", "compares numbers"),
            ("!", "`` is not a valid label key"),
        ] {
            let error = parse_selector(given).unwrap_err().message;
            assert!(error.contains(said), "{given}: {error}");
        }
    }
}
