//! Label selectors, and how sure one can be that they match.

pub mod expression;

use std::fmt::Write as _;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// Whether something matches.
///
/// # Shape
/// Ordered `No < Unknown < Yes`, so that "and" is `min` and "or" is `max`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum Match {
    /// It does not.
    No,
    /// The input does not tell.
    Unknown,
    /// It does.
    Yes,
}

impl From<bool> for Match {
    fn from(matches: bool) -> Self {
        if matches { Self::Yes } else { Self::No }
    }
}

impl std::ops::Not for Match {
    type Output = Self;

    fn not(self) -> Self {
        match self {
            Self::No => Self::Yes,
            Self::Unknown => Self::Unknown,
            Self::Yes => Self::No,
        }
    }
}

/// How a requirement compares.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Operator {
    /// The key is present with one of the values.
    In,
    /// The key is absent, or present with another value.
    NotIn,
    /// The key is present.
    Exists,
    /// The key is absent.
    DoesNotExist,
}

impl Operator {
    /// All of them by name.
    pub const NAMES: [(&'static str, Self); 4] = [
        ("In", Self::In),
        ("NotIn", Self::NotIn),
        ("Exists", Self::Exists),
        ("DoesNotExist", Self::DoesNotExist),
    ];
}

/// One condition on one key.
///
/// # Shape
/// `values` is sorted and without repetition; empty for `Exists` and `DoesNotExist`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Requirement {
    /// The label's key.
    pub key: Arc<str>,
    /// How it compares.
    pub operator: Operator,
    /// What it compares with.
    pub values: Vec<Arc<str>>,
}

/// Conditions that must all hold. No condition: everything matches.
///
/// # Shape
/// Sorted and without repetition, so that selectors of the same meaning word for word are equal.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Selector {
    requirements: Vec<Requirement>,
}

/// Labels of one object, as a selector asks them.
pub trait Labels {
    /// The value of a key that is present and known.
    fn value(&self, key: &str) -> Option<&str>;
    /// Whether the key is present with a value that the input does not show.
    fn hidden(&self, key: &str) -> bool;
    /// Whether keys that the input does not show may be present, with any value.
    fn open(&self) -> bool {
        false
    }
    /// Whether this key may be present though the input does not show it, with any value.
    fn is_open(&self, _key: &str) -> bool {
        self.open()
    }
}

impl Selector {
    /// The selector of these requirements.
    pub fn new(mut requirements: Vec<Requirement>) -> Self {
        for requirement in &mut requirements {
            requirement.values.sort_unstable();
            requirement.values.dedup();
        }
        requirements.sort_unstable();
        requirements.dedup();
        Self { requirements }
    }

    /// Its requirements, sorted.
    pub fn requirements(&self) -> &[Requirement] {
        &self.requirements
    }

    /// Its requirements, those on one key together.
    pub fn by_key(&self) -> impl Iterator<Item = &[Requirement]> {
        self.requirements.chunk_by(|one, other| one.key == other.key)
    }

    /// Whether everything matches.
    pub fn is_empty(&self) -> bool {
        self.requirements.is_empty()
    }

    /// Whether an object of these labels matches.
    pub fn matches(&self, labels: &impl Labels) -> Match {
        let mut result = Match::Yes;
        for requirement in &self.requirements {
            result = result.min(requirement.matches(labels));
            if result == Match::No {
                break;
            }
        }
        // Each requirement alone may leave a label open that all of them together do not.
        if result == Match::Unknown && !self.can_match(labels) { Match::No } else { result }
    }

    /// Whether each label that is not known can be such that all requirements on it are met.
    fn can_match(&self, labels: &impl Labels) -> bool {
        let mut open = self.requirements.iter().filter(|one| one.matches(labels) == Match::Unknown);
        open.all(|one| self.can_meet(&one.key, labels.hidden(&one.key)))
    }

    /// Whether all requirements on a key can be met, by its absence or by some value.
    fn can_meet(&self, key: &str, is_present: bool) -> bool {
        let same = || self.requirements.iter().filter(|one| *one.key == *key);
        let without = !is_present && same().all(Requirement::takes_absence);
        let listed = same().find(|one| one.operator == Operator::In);
        without
            || match listed {
                Some(one) => one.values.iter().any(|value| same().all(|one| one.takes(value))),
                // `NotIn` alone always leaves one.
                None => same().all(|one| one.operator != Operator::DoesNotExist),
            }
    }

    /// As `kubectl` writes selectors: `app=web,tier in (a,b),!old`; empty for the empty selector.
    pub fn text(&self) -> String {
        let mut text = String::new();
        for requirement in &self.requirements {
            if !text.is_empty() {
                text.push(',');
            }
            requirement.write(&mut text);
        }
        text
    }
}

impl Requirement {
    /// As `kubectl` writes it: `app=web`.
    pub fn text(&self) -> String {
        let mut text = String::new();
        self.write(&mut text);
        text
    }

    /// Whether labels meet the requirement.
    ///
    /// # Source
    /// NetworkPolicy §4; others F1 for hidden values.
    pub fn matches(&self, labels: &impl Labels) -> Match {
        if labels.hidden(&self.key) {
            return match self.operator {
                Operator::Exists => Match::Yes,
                Operator::DoesNotExist => Match::No,
                Operator::In | Operator::NotIn => Match::Unknown,
            };
        }
        let value = labels.value(&self.key);
        if value.is_none() && labels.open() {
            return Match::Unknown;
        }
        let listed = || value.is_some_and(|v| self.values.iter().any(|listed| **listed == *v));
        Match::from(match self.operator {
            Operator::In => listed(),
            Operator::NotIn => !listed(),
            Operator::Exists => value.is_some(),
            Operator::DoesNotExist => value.is_none(),
        })
    }

    /// Whether it is met where the key is absent.
    pub fn takes_absence(&self) -> bool {
        matches!(self.operator, Operator::NotIn | Operator::DoesNotExist)
    }

    /// Whether it is met where the key is present with this value.
    pub fn takes(&self, value: &str) -> bool {
        let listed = || self.values.binary_search_by(|listed| (**listed).cmp(value)).is_ok();
        match self.operator {
            Operator::In => listed(),
            Operator::NotIn => !listed(),
            Operator::Exists => true,
            Operator::DoesNotExist => false,
        }
    }

    fn write(&self, text: &mut String) {
        let key = &self.key;
        let _ = match (self.operator, self.values.as_slice()) {
            (Operator::Exists, _) => write!(text, "{key}"),
            (Operator::DoesNotExist, _) => write!(text, "!{key}"),
            (Operator::In, [value]) => write!(text, "{key}={value}"),
            (Operator::NotIn, [value]) => write!(text, "{key}!={value}"),
            (Operator::In, values) => write!(text, "{key} in ({})", values.join(",")),
            (Operator::NotIn, values) => write!(text, "{key} notin ({})", values.join(",")),
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Map(&'static [(&'static str, &'static str)], &'static [&'static str]);

    impl Labels for Map {
        fn value(&self, key: &str) -> Option<&str> {
            self.0.iter().find(|(k, _)| *k == key).map(|(_, v)| *v)
        }
        fn hidden(&self, key: &str) -> bool {
            self.1.contains(&key)
        }
    }

    fn requirement(key: &str, operator: Operator, values: &[&str]) -> Requirement {
        Requirement {
            key: key.into(),
            operator,
            values: values.iter().map(|v| (*v).into()).collect(),
        }
    }

    #[test]
    fn absent_keys_and_empty_values() {
        let labels = Map(&[("app", "web"), ("empty", "")], &[]);
        for (key, operator, values, expected) in [
            ("app", Operator::In, &["web", "db"][..], Match::Yes),
            ("absent", Operator::In, &[""][..], Match::No),
            ("empty", Operator::In, &[""][..], Match::Yes),
            ("absent", Operator::NotIn, &["x"][..], Match::Yes),
            ("app", Operator::NotIn, &["web"][..], Match::No),
            ("empty", Operator::Exists, &[][..], Match::Yes),
            ("absent", Operator::DoesNotExist, &[][..], Match::Yes),
        ] {
            assert_eq!(
                requirement(key, operator, values).matches(&labels),
                expected,
                "{key} {operator:?}"
            );
        }
    }

    #[test]
    fn a_hidden_value_is_present_but_unknown() {
        let labels = Map(&[], &["pod-template-hash"]);
        let ask = |operator, values: &[&str]| {
            requirement("pod-template-hash", operator, values).matches(&labels)
        };
        assert_eq!(ask(Operator::In, &["a"]), Match::Unknown);
        assert_eq!(ask(Operator::NotIn, &["a"]), Match::Unknown);
        assert_eq!(ask(Operator::Exists, &[]), Match::Yes);
        assert_eq!(ask(Operator::DoesNotExist, &[]), Match::No);
    }

    #[test]
    fn a_hidden_value_cannot_be_two() {
        let labels = Map(&[], &["pod-template-hash"]);
        let ask = |requirements: &[(Operator, &[&str])]| {
            let each = requirements.iter();
            Selector::new(each.map(|(o, v)| requirement("pod-template-hash", *o, v)).collect())
                .matches(&labels)
        };
        assert_eq!(ask(&[(Operator::In, &["a"]), (Operator::In, &["b"])]), Match::No);
        assert_eq!(ask(&[(Operator::In, &["a"]), (Operator::NotIn, &["a"])]), Match::No);
        assert_eq!(ask(&[(Operator::In, &["a", "b"]), (Operator::NotIn, &["a"])]), Match::Unknown);
        assert_eq!(ask(&[(Operator::NotIn, &["b"]), (Operator::NotIn, &["a"])]), Match::Unknown);
        assert_eq!(ask(&[(Operator::In, &["a"]), (Operator::Exists, &[])]), Match::Unknown);
    }

    struct Open(&'static [(&'static str, &'static str)]);

    impl Labels for Open {
        fn value(&self, key: &str) -> Option<&str> {
            self.0.iter().find(|(k, _)| *k == key).map(|(_, v)| *v)
        }
        fn hidden(&self, _key: &str) -> bool {
            false
        }
        fn open(&self) -> bool {
            true
        }
    }

    #[test]
    fn labels_of_which_not_all_are_known_may_have_any_other() {
        let labels = Open(&[("name", "x")]);
        let ask = |requirements: &[(&str, Operator, &[&str])]| {
            let each = requirements.iter();
            Selector::new(each.map(|(key, o, v)| requirement(key, *o, v)).collect())
                .matches(&labels)
        };
        let team = |operator, values| ask(&[("team", operator, values)]);
        assert_eq!(team(Operator::In, &["a"]), Match::Unknown);
        assert_eq!(team(Operator::NotIn, &["a"]), Match::Unknown);
        assert_eq!(team(Operator::Exists, &[]), Match::Unknown);
        assert_eq!(team(Operator::DoesNotExist, &[]), Match::Unknown);
        assert_eq!(ask(&[("name", Operator::In, &["x"])]), Match::Yes);
        let other = [("name", Operator::In, &["y"][..]), ("team", Operator::Exists, &[][..])];
        assert_eq!(ask(&other), Match::No);
        let never = [("team", Operator::In, &["a"][..]), ("team", Operator::DoesNotExist, &[][..])];
        assert_eq!(ask(&never), Match::No);
        let absent = [("team", Operator::NotIn, &["a"][..]), never[1]];
        assert_eq!(ask(&absent), Match::Unknown);
        assert_eq!(ask(&[("team", Operator::Exists, &[]), never[1]]), Match::No);
    }

    #[test]
    fn order_and_repetition_do_not_matter() {
        let a = Selector::new(vec![
            requirement("b", Operator::In, &["y", "x"]),
            requirement("a", Operator::Exists, &[]),
        ]);
        let b = Selector::new(vec![
            requirement("a", Operator::Exists, &[]),
            requirement("b", Operator::In, &["x", "y", "x"]),
        ]);
        assert_eq!(a, b);
        assert_eq!(a.text(), "a,b in (x,y)");
    }
}
