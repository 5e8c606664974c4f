//! Ends that are not in the input: a pod of some labels in a namespace, if there were one.

use std::sync::Arc;

use super::query::QueryError;
use crate::manifest::{LabelList, syntax};

/// A pod that is not in the input: of its labels all is known, of its address, its node and its
/// ports nothing.
///
/// # Shape
/// As text, `NAMESPACE/{KEY=VALUE,…}`, with `{}` for a pod without labels.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Supposed {
    /// Its namespace.
    pub namespace: Arc<str>,
    /// Its labels, sorted by key.
    pub labels: LabelList,
}

impl Supposed {
    /// The pod that a text means; none if it means something else.
    ///
    /// # Errors
    /// If it has the form of such a pod, but no valid namespace or labels.
    pub fn parse(text: &str) -> Result<Option<Self>, QueryError> {
        let Some((namespace, rest)) = text.split_once("/{") else { return Ok(None) };
        let wrong = |why: String| QueryError::new(format!("`{text}`: {why}"));
        if !syntax::is_dns_label(namespace) {
            return Err(wrong(format!("`{namespace}` is not a valid namespace")));
        }
        let Some(labels) = rest.strip_suffix('}') else {
            return Err(wrong("a `}` is missing behind the labels".into()));
        };
        let labels = labels_of(labels).map_err(wrong)?;
        Ok(Some(Self { namespace: namespace.into(), labels }))
    }

    /// As it is typed.
    pub fn text(&self) -> String {
        let labels = self.labels.iter().map(|(key, value)| format!("{key}={value}"));
        format!("{}/{{{}}}", self.namespace, labels.collect::<Vec<_>>().join(","))
    }
}

fn labels_of(text: &str) -> Result<LabelList, String> {
    let mut labels = LabelList::new();
    for label in text.split(',').map(str::trim).filter(|_| !text.trim().is_empty()) {
        let (key, value) = label
            .split_once('=')
            .ok_or_else(|| format!("`{label}` is not a label: KEY=VALUE expected"))?;
        let (key, value) = (key.trim(), value.trim());
        if let Some(why) = syntax::label_key_fault(key) {
            return Err(format!("`{key}` is not a valid label key: {why}"));
        }
        if let Some(why) = syntax::label_value_fault(value) {
            return Err(format!("`{value}` is not a valid label value: {why}"));
        }
        labels.push((key.into(), value.into()));
    }
    labels.sort_unstable();
    match labels.windows(2).find(|two| matches!(two, [(a, _), (b, _)] if a == b)) {
        Some([(key, _), ..]) => Err(format!("`{key}` has two values")),
        _ => Ok(labels),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(text: &str) -> Result<Option<String>, String> {
        let parsed = Supposed::parse(text).map_err(|error| error.message)?;
        Ok(parsed.map(|pod| pod.text()))
    }

    #[test]
    fn labels_are_those_of_kubernetes() {
        assert_eq!(text("a/{}"), Ok(Some("a/{}".into())));
        let read = text("a/{ b = 1, a.io/c= }");
        assert_eq!(read, Ok(Some("a/{a.io/c=,b=1}".into())));
        for other in ["a/b", "a/b[Deployment]{b-1 and 2 more}", "10.0.0.1", "{}"] {
            assert_eq!(text(other), Ok(None), "{other}");
        }
    }

    #[test]
    fn what_is_wrong_is_said() {
        for (given, said) in [
            ("A/{}", "`A` is not a valid namespace"),
            ("/{}", "is not a valid namespace"),
            ("a/{b=1", "a `}` is missing"),
            ("a/{b}", "`b` is not a label: KEY=VALUE expected"),
            ("a/{b=1,}", "`` is not a label"),
            ("a/{b==1}", "`=1` is not a valid label value"),
            ("a/{b='1'}", "`'1'` is not a valid label value"),
            ("a/{-b=1}", "`-b` is not a valid label key"),
            ("a/{b=1,b=2}", "`b` has two values"),
        ] {
            let error = text(given).unwrap_err();
            assert!(error.contains(said), "{given}: {error}");
        }
    }
}
