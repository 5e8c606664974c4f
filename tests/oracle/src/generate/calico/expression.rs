//! Expressions that often match.

use super::super::Maker;
use super::{ACCOUNTS, NAMESPACES, VALUES};
use crate::cluster::calico::{Expression, Test};

/// Whose labels an expression is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum About {
    /// Pods and sets.
    Items,
    /// Namespaces.
    Namespaces,
    /// ServiceAccounts.
    Accounts,
}

impl Maker {
    /// Mostly one test.
    pub(super) fn expression_about(&mut self, about: About) -> Expression {
        match self.random.below(20) {
            0 | 1 => Expression::All,
            2..=11 => self.test(about),
            12..=14 => Expression::And(self.several(about)),
            15..=16 => Expression::Or(self.several(about)),
            17..=18 => self.test(about).negated(),
            _ => Expression::And(vec![
                self.test(about),
                Expression::Or(self.several(about)).negated(),
            ]),
        }
    }

    fn several(&mut self, about: About) -> Vec<Expression> {
        (0..*self.random.pick(&[2, 2, 3])).map(|_| self.part(about)).collect()
    }

    fn part(&mut self, about: About) -> Expression {
        match self.random.below(8) {
            0 => Expression::All,
            1 => self.test(about).negated(),
            2 => Expression::Or(vec![self.test(about), self.test(about)]),
            3 => Expression::And(vec![self.test(about), self.test(about)]),
            _ => self.test(about),
        }
    }

    fn test(&mut self, about: About) -> Expression {
        let keys: &[&str] = match about {
            About::Items if self.random.chance(12) => &[
                "projectcalico.org/namespace",
                "projectcalico.org/orchestrator",
                "projectcalico.org/serviceaccount",
                "pcns.team",
                "pcns.projectcalico.org/name",
                "pcsa.role",
                "pcsa.projectcalico.org/name",
            ],
            About::Items => &["app", "app", "tier", "feed"],
            About::Namespaces => {
                &["team", "team", "tier", "projectcalico.org/name", "kubernetes.io/metadata.name"]
            }
            About::Accounts => &["role", "role", "projectcalico.org/name"],
        };
        let key = *self.random.pick(keys);
        let test = match self.random.below(16) {
            0 => Test::Has,
            1..=5 => Test::Equals(self.value_of(key)),
            6..=8 => Test::Differs(self.value_of(key)),
            9 => Test::In(self.values_of(key)),
            10 => Test::NotIn(self.values_of(key)),
            11 | 12 => Test::Contains(self.part_of(key)),
            13 => Test::StartsWith(self.part_of(key)),
            _ => Test::EndsWith(self.part_of(key)),
        };
        Expression::test(key, test)
    }

    fn value_of(&mut self, key: &str) -> String {
        let values: &[&str] = match key {
            "projectcalico.org/orchestrator" => &["k8s"],
            "projectcalico.org/serviceaccount" | "pcsa.projectcalico.org/name" => &ACCOUNTS,
            "projectcalico.org/name" => &["a", "b", "default", "sa1"],
            _ if key.contains("name") => &NAMESPACES,
            _ => &VALUES,
        };
        (*self.random.pick(values)).into()
    }

    fn values_of(&mut self, key: &str) -> Vec<String> {
        (0..self.random.below(3)).map(|_| self.value_of(key)).collect()
    }

    fn part_of(&mut self, key: &str) -> String {
        let value = self.value_of(key);
        let end = if self.random.chance(60) { 1 } else { value.len() };
        let end = if self.random.chance(6) { 0 } else { end };
        value.get(..end).unwrap_or_default().into()
    }
}
