//! Calico's selectors: expressions over labels, three-valued.

mod parse;

pub use parse::{ExpressionError, parse};

use std::fmt;
use std::sync::Arc;

use super::{Labels, Match};

/// The label that Calico gives to everything that is in a namespace.
pub const NAMESPACE_LABEL: &str = "projectcalico.org/namespace";

/// A selector as Calico writes it.
///
/// # Source
/// Calico §3.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Expression {
    /// `all()`, and a text that is empty: everything.
    All,
    /// `global()`: what is in no namespace.
    Global,
    /// What an expression does not match.
    Not(Box<Expression>),
    /// What each of two or more matches.
    And(Vec<Expression>),
    /// What any of two or more matches.
    Or(Vec<Expression>),
    /// What has a label of this key.
    Has(Arc<str>),
    /// What has a label of this key that passes a test.
    Label(Arc<str>, Test),
}

/// What is asked of the value of a label.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Test {
    /// It is this.
    Is(Arc<str>),
    /// It is not this, or there is none.
    IsNot(Arc<str>),
    /// It is one of these, which are sorted and each there once; there may be none.
    In(Vec<Arc<str>>),
    /// It is none of these, which are sorted and each there once, or there is none.
    NotIn(Vec<Arc<str>>),
    /// This stands in it.
    Contains(Arc<str>),
    /// It begins with this.
    StartsWith(Arc<str>),
    /// It ends with this.
    EndsWith(Arc<str>),
}

impl Expression {
    /// Whether it matches labels: unknown where that depends on what is hidden of them.
    ///
    /// # Shape
    /// Unknown is never wrong, but not always the most that could be said: `a == "x" || a != "x"`
    /// is unknown of a label whose value is hidden.
    pub fn matches(&self, labels: &impl Labels) -> Match {
        match self {
            Self::All => Match::Yes,
            Self::Global => !has(labels, NAMESPACE_LABEL),
            Self::Not(inner) => !inner.matches(labels),
            Self::And(all) => all.iter().map(|one| one.matches(labels)).min().unwrap_or(Match::Yes),
            Self::Or(all) => all.iter().map(|one| one.matches(labels)).max().unwrap_or(Match::No),
            Self::Has(key) => has(labels, key),
            Self::Label(key, test) => test.matches(labels, key),
        }
    }

    /// The same with something before the keys of all labels.
    #[must_use]
    pub fn with_prefix(&self, prefix: &str) -> Self {
        let key = |key: &str| Arc::from(format!("{prefix}{key}"));
        let each = |all: &[Self]| all.iter().map(|one| one.with_prefix(prefix)).collect();
        match self {
            Self::All => Self::All,
            Self::Global => Self::Global,
            Self::Not(inner) => Self::Not(Box::new(inner.with_prefix(prefix))),
            Self::And(all) => Self::And(each(all)),
            Self::Or(all) => Self::Or(each(all)),
            Self::Has(own) => Self::Has(key(own)),
            Self::Label(own, test) => Self::Label(key(own), test.clone()),
        }
    }

    /// The same with another expression in place of each `all()`.
    #[must_use]
    pub fn with_all_as(&self, other: &Self) -> Self {
        let each = |all: &[Self]| all.iter().map(|one| one.with_all_as(other)).collect();
        match self {
            Self::All => other.clone(),
            Self::Not(inner) => Self::Not(Box::new(inner.with_all_as(other))),
            Self::And(all) => Self::And(each(all)),
            Self::Or(all) => Self::Or(each(all)),
            leaf => leaf.clone(),
        }
    }

    /// What all of some expressions match; everything, if there are none.
    pub fn all_of(mut parts: Vec<Self>) -> Self {
        parts.retain(|one| *one != Self::All);
        match parts.len() {
            0 => Self::All,
            1 => parts.swap_remove(0),
            _ => Self::And(parts),
        }
    }

    /// Keys that it asks for, each with the test if it is not only whether it is there; the same
    /// may come twice.
    pub fn asks(&self) -> Vec<(&Arc<str>, Option<&Test>)> {
        match self {
            Self::All | Self::Global => Vec::new(),
            Self::Not(inner) => inner.asks(),
            Self::And(all) | Self::Or(all) => all.iter().flat_map(Self::asks).collect(),
            Self::Has(key) => vec![(key, None)],
            Self::Label(key, test) => vec![(key, Some(test))],
        }
    }

    /// Whether `global()` stands anywhere in it.
    pub fn names_global(&self) -> bool {
        match self {
            Self::Global => true,
            Self::Not(inner) => inner.names_global(),
            Self::And(all) | Self::Or(all) => all.iter().any(Self::names_global),
            Self::All | Self::Has(_) | Self::Label(..) => false,
        }
    }
}

impl Test {
    fn matches(&self, labels: &impl Labels, key: &str) -> Match {
        if labels.hidden(key) {
            return Match::Unknown;
        }
        match labels.value(key) {
            Some(value) => Match::from(self.takes(value)),
            None if labels.is_open(key) => Match::Unknown,
            None => Match::from(matches!(self, Self::IsNot(_) | Self::NotIn(_))),
        }
    }

    /// Whether a value passes.
    pub fn takes(&self, value: &str) -> bool {
        let is_in = |list: &[Arc<str>]| list.binary_search_by(|one| (**one).cmp(value)).is_ok();
        match self {
            Self::Is(text) => **text == *value,
            Self::IsNot(text) => **text != *value,
            Self::In(list) => is_in(list),
            Self::NotIn(list) => !is_in(list),
            Self::Contains(text) => value.contains(&**text),
            Self::StartsWith(text) => value.starts_with(&**text),
            Self::EndsWith(text) => value.ends_with(&**text),
        }
    }
}

fn has(labels: &impl Labels, key: &str) -> Match {
    if labels.hidden(key) || labels.value(key).is_some() {
        return Match::Yes;
    }
    if labels.is_open(key) { Match::Unknown } else { Match::No }
}

/// As Calico would read it back: with parentheses only where they are needed.
impl fmt::Display for Expression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::All => f.write_str("all()"),
            Self::Global => f.write_str("global()"),
            Self::Has(key) => write!(f, "has({key})"),
            Self::Label(key, test) => write!(f, "{key} {test}"),
            // It would be read as `!(a == "x")` without them, too; people read it otherwise.
            Self::Not(inner) if matches!(**inner, Self::Has(_) | Self::All | Self::Global) => {
                write!(f, "!{inner}")
            }
            Self::Not(inner) => write!(f, "!({inner})"),
            Self::And(all) => join(f, all, " && "),
            Self::Or(all) => join(f, all, " || "),
        }
    }
}

fn join(f: &mut fmt::Formatter<'_>, all: &[Expression], operator: &str) -> fmt::Result {
    for (i, one) in all.iter().enumerate() {
        if i > 0 {
            f.write_str(operator)?;
        }
        match one {
            Expression::And(_) | Expression::Or(_) => write!(f, "({one})")?,
            _ => write!(f, "{one}")?,
        }
    }
    Ok(())
}

impl fmt::Display for Test {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Is(text) => write!(f, "== {}", Quoted(text)),
            Self::IsNot(text) => write!(f, "!= {}", Quoted(text)),
            Self::In(list) => write!(f, "in {}", Listed(list)),
            Self::NotIn(list) => write!(f, "not in {}", Listed(list)),
            Self::Contains(text) => write!(f, "contains {}", Quoted(text)),
            Self::StartsWith(text) => write!(f, "starts with {}", Quoted(text)),
            Self::EndsWith(text) => write!(f, "ends with {}", Quoted(text)),
        }
    }
}

/// A text in those quotes that it does not have: none has both.
struct Quoted<'t>(&'t str);

impl fmt::Display for Quoted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let quote = if self.0.contains('"') { '\'' } else { '"' };
        write!(f, "{quote}{}{quote}", self.0)
    }
}

struct Listed<'t>(&'t [Arc<str>]);

impl fmt::Display for Listed<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("{")?;
        for (i, text) in self.0.iter().enumerate() {
            write!(f, "{}{}", if i > 0 { ", " } else { "" }, Quoted(text))?;
        }
        f.write_str("}")
    }
}

#[cfg(test)]
mod tests;
