//! What the API server is asked about.

// One value to a line would be long and no easier to read.
#[rustfmt::skip]
pub mod cluster;
mod combined;
mod documents;
mod fields;
// As the tables below.
#[rustfmt::skip]
pub mod objects;
// Packed by hand: one value to a line would be long and no easier to read.
#[rustfmt::skip]
mod tables;

use std::collections::BTreeSet;

use portcullis_tests::apiserver::Text;

/// One question.
#[derive(Clone, Debug)]
pub struct Case {
    /// What it tries.
    pub name: String,
    /// What is sent.
    pub text: Text,
    /// Whether unknown fields and duplicate keys are to be refused.
    pub strict: bool,
}

impl Case {
    fn new(name: &str, text: Text) -> Self {
        let text = match text {
            Text::Spec(text) => Text::Spec(repeated(text)),
            Text::Yaml(text) => Text::Yaml(repeated(text)),
            Text::Json(text) => Text::Json(repeated(text)),
        };
        Self { name: name.to_owned(), text, strict: name.starts_with("strict") }
    }

    fn spec(name: &str, spec: impl Into<String>) -> Self {
        Self::new(name, Text::Spec(spec.into()))
    }

    /// Where it is posted.
    pub fn collection(&self) -> &'static str {
        match &self.text {
            Text::Yaml(text) if text.contains("kind: Namespace") => "/api/v1/namespaces",
            _ => "/apis/networking.k8s.io/v1/namespaces/default/networkpolicies",
        }
    }
}

/// `<63>` in a table stands for 63 letters: what matters is how many.
fn repeated(text: String) -> String {
    let lengths = [15, 16, 58, 59, 63, 64, 100, 101, 243, 244, 253, 254];
    lengths
        .iter()
        .fold(text, |text, length| text.replace(&format!("<{length}>"), &"a".repeat(*length)))
}

/// Every case once, in an order that stays.
pub fn all() -> Vec<Case> {
    let mut cases = written();
    cases.extend(fields::cases());
    cases.extend(documents::cases());
    cases.extend(combined::cases());
    let mut seen = BTreeSet::new();
    cases.retain(|case| seen.insert((case.text.manifest(), case.strict)));
    cases
}

/// Those that were thought of one by one: a name and a spec on each line.
fn written() -> Vec<Case> {
    let lines = include_str!("written.txt").lines().filter_map(|line| line.split_once(" | "));
    lines.map(|(name, spec)| Case::spec(name, spec)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cases_are_many_and_stay_the_same() {
        let texts = || all().iter().map(|case| case.text.manifest()).collect::<Vec<_>>();
        assert!(texts().len() > 700, "{}", texts().len());
        assert_eq!(texts(), texts());
        assert!(written().len() > 100);
    }
}
