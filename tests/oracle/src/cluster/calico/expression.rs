//! Calico's expressions over labels.

use crate::cluster::Labels;

/// An expression, as it is written but for spaces, quotes and brackets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Expression {
    /// `all()`.
    All,
    /// `global()`, which stands alone.
    Global,
    /// A test of one label.
    Test(Atom),
    /// `!`.
    Not(Box<Expression>),
    /// `&&`; none are always true.
    And(Vec<Expression>),
    /// `||`; none are never true.
    Or(Vec<Expression>),
}

/// A test of one label.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Atom {
    /// The label's key.
    pub key: String,
    /// What is asked of it.
    pub test: Test,
}

/// What is asked of a label.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Test {
    /// `has(k)`.
    Has,
    /// `k == "v"`.
    Equals(String),
    /// `k != "v"`.
    Differs(String),
    /// `k in {"v", …}`, of none or more.
    In(Vec<String>),
    /// `k not in {"v", …}`, of none or more.
    NotIn(Vec<String>),
    /// `k contains "v"`.
    Contains(String),
    /// `k starts with "v"`.
    StartsWith(String),
    /// `k ends with "v"`.
    EndsWith(String),
}

impl Expression {
    /// A test of one label.
    pub fn test(key: &str, test: Test) -> Self {
        Self::Test(Atom { key: key.into(), test })
    }

    /// `has(k)`.
    pub fn has(key: &str) -> Self {
        Self::test(key, Test::Has)
    }

    /// `k == "v"`.
    pub fn equals(key: &str, value: &str) -> Self {
        Self::test(key, Test::Equals(value.into()))
    }

    /// The opposite.
    #[must_use]
    pub fn negated(self) -> Self {
        Self::Not(Box::new(self))
    }

    /// §3: whether labels match.
    pub fn matches(&self, labels: &Labels) -> bool {
        match self {
            Self::All => true,
            // Only where it stands alone in a rule's `namespaceSelector` has it a meaning, and there
            // it is replaced.
            Self::Global => false,
            Self::Test(atom) => atom.matches(labels),
            Self::Not(one) => !one.matches(labels),
            Self::And(all) => all.iter().all(|one| one.matches(labels)),
            Self::Or(all) => all.iter().any(|one| one.matches(labels)),
        }
    }

    /// The same with every test and every `all()` as others.
    #[must_use]
    pub fn mapped(&self, test: &impl Fn(&Atom) -> Self, all: &impl Fn() -> Self) -> Self {
        let each = |list: &[Self]| list.iter().map(|one| one.mapped(test, all)).collect();
        match self {
            Self::All => all(),
            Self::Global => Self::Global,
            Self::Test(atom) => test(atom),
            Self::Not(one) => Self::Not(Box::new(one.mapped(test, all))),
            Self::And(list) => Self::And(each(list)),
            Self::Or(list) => Self::Or(each(list)),
        }
    }

    /// The same with a prefix before every key.
    #[must_use]
    pub fn prefixed(&self, prefix: &str) -> Self {
        let with = |atom: &Atom| {
            let (key, test) = (format!("{prefix}{}", atom.key), atom.test.clone());
            Self::Test(Atom { key, test })
        };
        self.mapped(&with, &|| Self::All)
    }

    /// The same with something else for every `all()`.
    #[must_use]
    pub fn with_all_as(&self, other: &Self) -> Self {
        self.mapped(&|atom| Self::Test(atom.clone()), &|| other.clone())
    }

    /// All its tests of labels.
    pub fn atoms(&self) -> Vec<&Atom> {
        match self {
            Self::All | Self::Global => Vec::new(),
            Self::Test(atom) => vec![atom],
            Self::Not(one) => one.atoms(),
            Self::And(list) | Self::Or(list) => list.iter().flat_map(Self::atoms).collect(),
        }
    }
}

impl Atom {
    /// §3: `!=` and `not in` are true of a key that is absent, everything else is false.
    pub fn matches(&self, labels: &Labels) -> bool {
        let value = labels.get(&self.key);
        match &self.test {
            Test::Has => value.is_some(),
            Test::Equals(other) => value == Some(other),
            Test::Differs(other) => value != Some(other),
            Test::In(others) => value.is_some_and(|value| others.contains(value)),
            Test::NotIn(others) => !value.is_some_and(|value| others.contains(value)),
            Test::Contains(part) => value.is_some_and(|value| value.contains(part.as_str())),
            Test::StartsWith(part) => value.is_some_and(|value| value.starts_with(part.as_str())),
            Test::EndsWith(part) => value.is_some_and(|value| value.ends_with(part.as_str())),
        }
    }

    /// The texts that it compares with.
    pub fn operands(&self) -> &[String] {
        match &self.test {
            Test::Has => &[],
            Test::In(all) | Test::NotIn(all) => all,
            Test::Equals(one)
            | Test::Differs(one)
            | Test::Contains(one)
            | Test::StartsWith(one)
            | Test::EndsWith(one) => std::slice::from_ref(one),
        }
    }
}
