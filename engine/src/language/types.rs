//! What editors receive.

use std::sync::Arc;

use serde::Serialize;

use crate::report::Location;

/// What may be written at a position.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Completions {
    /// What a suggestion replaces.
    pub location: Location,
    /// Suggestions, the most likely ones first; at least one.
    pub items: Vec<Completion>,
}

/// A suggestion.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Completion {
    /// As it is shown.
    pub label: String,
    /// What it is.
    pub kind: CompletionKind,
    /// Shortly, what it holds or how often the input has it: `label selector`, `3 workloads`.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub detail: String,
    /// What it means: sentences, with code in backticks.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub doc: String,
    /// What is written; the cursor goes to its end.
    pub insert: String,
}

/// What a suggestion is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum CompletionKind {
    /// A field of the kind.
    Field,
    /// A word that the field may have.
    Word,
    /// The key of a label that the input has.
    LabelKey,
    /// The value of a label that the input has.
    LabelValue,
    /// A namespace of the input.
    Namespace,
    /// A node of the input.
    Node,
    /// A port of the input.
    Port,
    /// A block of addresses.
    Block,
    /// A kind of objects.
    Kind,
}

/// What stands at a position, and what it does in the input as it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Hover {
    /// What is meant.
    pub location: Location,
    /// Its name: `podSelector`, `app=web`, `kind NetworkPolicy`.
    pub title: String,
    /// What it is, in a word or two; empty if there is nothing to say.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub detail: String,
    /// What it means: sentences, with code in backticks; empty if there is nothing to say.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub doc: String,
    /// What it does now, in the order of importance.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub facts: Vec<Fact>,
}

/// Something that holds of the input as it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Fact {
    /// A phrase: `matches 2 of 5 workloads`.
    pub text: String,
    /// The first ones that it is about: `shop/web[Deployment]`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub items: Vec<String>,
    /// How many more there are.
    #[serde(skip_serializing_if = "is_zero")]
    pub more: usize,
}

/// Faint words at the end of a line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Lens {
    /// The line, from 1.
    pub line: u32,
    /// What it says.
    pub kind: LensKind,
    /// How many workloads, or parts of them, are meant for certain.
    pub workloads: usize,
    /// How many of which that cannot be known.
    #[serde(skip_serializing_if = "is_zero")]
    pub unknown: usize,
    /// In how many namespaces.
    pub namespaces: usize,
    /// The same in words: `selects 3 workloads`, `matches nothing`.
    pub text: String,
}

/// What is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum LensKind {
    /// Those that a policy selects.
    Selected,
    /// Those that a peer of a rule names.
    Named,
}

/// What the API server fills in where nothing is written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Filled {
    /// The line, from 1, that it belongs to.
    pub line: u32,
    /// As it would be written: `protocol: TCP`.
    pub text: String,
}

/// A document, to be shown as one line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Fold {
    /// Its first line, from 1.
    pub line: u32,
    /// Its last line that is not empty.
    pub end_line: u32,
    /// What it holds: `NetworkPolicy shop/db`; empty if nothing of it is understood.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub title: String,
}

/// What a name leads to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Jump {
    /// Where.
    pub location: Location,
    /// What is there: `shop/web[Deployment]`, `NetworkPolicy shop/db`.
    pub title: Arc<str>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for a reference")]
fn is_zero(count: &usize) -> bool {
    *count == 0
}
