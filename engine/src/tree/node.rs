//! A document as a tree: what YAML and JSON have in common.

use std::borrow::Cow;

use crate::source::Span;

/// A value and where it stands.
#[derive(Clone, Debug, PartialEq)]
pub struct Node<'t> {
    /// The value.
    pub value: Value<'t>,
    /// Where it stands.
    pub span: Span,
}

/// A value as the API server sees it, after YAML 1.1 has been turned into JSON.
#[derive(Clone, Debug, PartialEq)]
pub enum Value<'t> {
    /// `null`, `~` or nothing at all.
    Null,
    /// A boolean; in YAML also `yes`, `on`, `y` and their opposites.
    Bool(bool),
    /// A number, by its value; `80.0` is 80.
    Number(f64),
    /// A string.
    Str(Cow<'t, str>),
    /// A list.
    Seq(Vec<Node<'t>>),
    /// A mapping, in the order of the text; of equal keys only the last one.
    Map(Vec<Entry<'t>>),
}

impl Value<'_> {
    /// What it is, for messages: `a string`, `a list`, ….
    pub fn describe(&self) -> &'static str {
        match self {
            Self::Null => "nothing",
            Self::Bool(_) => "a boolean",
            Self::Number(_) => "a number",
            Self::Str(_) => "a string",
            Self::Seq(_) => "a list",
            Self::Map(_) => "a mapping",
        }
    }
}

impl<'t> Value<'t> {
    /// A mapping of values that came in another form than text, and so stand nowhere. A key stands
    /// in it once at most.
    pub fn mapping(entries: impl IntoIterator<Item = (&'t str, Self)>) -> Self {
        let entry = |(key, value): (&'t str, Self)| Entry {
            key: Cow::Borrowed(key),
            key_span: Span::default(),
            value: value.into(),
        };
        Self::Map(entries.into_iter().map(entry).collect())
    }
}

impl<'t> From<Value<'t>> for Node<'t> {
    /// A value that came in another form than text, and so stands nowhere.
    fn from(value: Value<'t>) -> Self {
        Self { value, span: Span::default() }
    }
}

/// A key of a mapping and its value.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry<'t> {
    /// The key; numbers and booleans have become strings.
    pub key: Cow<'t, str>,
    /// Where the key stands.
    pub key_span: Span,
    /// The value.
    pub value: Node<'t>,
}

impl<'t> Node<'t> {
    /// The value of a key, if this is a mapping that has it.
    pub fn get(&self, key: &str) -> Option<&Node<'t>> {
        match &self.value {
            Value::Map(entries) => entries.iter().find(|e| e.key == key).map(|e| &e.value),
            _ => None,
        }
    }

    /// The items, if this is a list; none otherwise.
    pub fn items(&self) -> &[Node<'t>] {
        match &self.value {
            Value::Seq(items) => items,
            _ => &[],
        }
    }

    /// Whether it is null.
    pub fn is_null(&self) -> bool {
        matches!(self.value, Value::Null)
    }

    /// The string, if it is one.
    pub fn as_str(&self) -> Option<&str> {
        match &self.value {
            Value::Str(text) => Some(text),
            _ => None,
        }
    }
}
