//! What a node has of what the agent needs, as a table with what to do.

mod probes;

pub use probes::{Subject, examine};

use std::fmt::Write as _;

use serde::Serialize;

/// How something is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Grade {
    /// As it should be.
    Ok,
    /// Worth knowing; policies are enforced all the same.
    Note,
    /// Policies would not be enforced, or not in full.
    Fail,
}

/// One thing that was looked at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Item {
    /// What it is.
    pub what: String,
    /// How it is.
    pub grade: Grade,
    /// What was found.
    pub found: String,
    /// What to do about it; empty where there is nothing.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub advice: String,
}

impl Item {
    /// Something that is as it should be.
    pub fn ok(what: &str, found: impl Into<String>) -> Self {
        Self { what: what.into(), grade: Grade::Ok, found: found.into(), advice: String::new() }
    }

    /// Something worth knowing.
    pub fn note(what: &str, found: impl Into<String>, advice: &str) -> Self {
        Self { grade: Grade::Note, advice: advice.into(), ..Self::ok(what, found) }
    }

    /// Something that is in the way.
    pub fn fail(what: &str, found: impl Into<String>, advice: &str) -> Self {
        Self { grade: Grade::Fail, advice: advice.into(), ..Self::ok(what, found) }
    }
}

/// The worst of them.
pub fn worst(items: &[Item]) -> Grade {
    items.iter().map(|item| item.grade).max().unwrap_or(Grade::Ok)
}

/// A table for people: a line for each, what to do below it, and a sum at the end.
pub fn table(items: &[Item]) -> String {
    let width = items.iter().map(|item| item.what.len()).max().unwrap_or(0);
    let mut text = String::new();
    for Item { what, grade, found, advice } in items {
        let grade = match grade {
            Grade::Ok => "ok  ",
            Grade::Note => "note",
            Grade::Fail => "FAIL",
        };
        let _ = writeln!(text, "{grade}  {what:width$}  {found}");
        if !advice.is_empty() {
            let _ = writeln!(text, "      {:width$}  → {advice}", "");
        }
    }
    let count = |grade| items.iter().filter(|item| item.grade == grade).count();
    let (notes, fails) = (count(Grade::Note), count(Grade::Fail));
    let sum = match (fails, notes) {
        (0, 0) => "the agent can enforce policies on this node".to_owned(),
        (0, _) => format!("the agent can enforce policies on this node; notes: {notes}"),
        _ => format!("the agent cannot enforce all policies on this node: failed: {fails}"),
    };
    let _ = writeln!(text, "\n{sum}");
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_says_what_to_do() {
        let items = [
            Item::ok("backend", "iptables-nft"),
            Item::fail("bridges", "bridge-nf-call-iptables is 0", "set it to 1"),
        ];
        assert_eq!(
            table(&items),
            "ok    backend  iptables-nft\n\
             FAIL  bridges  bridge-nf-call-iptables is 0\n      \
             \u{20}        → set it to 1\n\n\
             the agent cannot enforce all policies on this node: failed: 1\n"
        );
        assert_eq!(worst(&items), Grade::Fail);
        assert_eq!(worst(&[]), Grade::Ok);
    }
}
