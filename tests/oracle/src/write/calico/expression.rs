//! Calico's expressions as texts, in many ways.

use super::super::Objects;
use crate::cluster::calico::{Atom, Expression, Test};

/// How tightly what stands around a part binds.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Around {
    Nothing,
    Or,
    And,
    Not,
}

impl Objects<'_> {
    /// A text that means an expression.
    pub fn expression_text(&mut self, expression: &Expression) -> String {
        let mut text = self.within(expression, Around::Nothing);
        // Calico takes blanks at either end.
        if self.0.chance(5) && !matches!(expression, Expression::All | Expression::Global) {
            text = format!(" {text} ");
        }
        text
    }

    fn within(&mut self, expression: &Expression, around: Around) -> String {
        let (text, own) = match expression {
            Expression::All => return "all()".into(),
            Expression::Global => return "global()".into(),
            Expression::Test(atom) => (self.atom(atom), Around::Not),
            Expression::Not(one) => (format!("!{}", self.negated(one)), Around::Not),
            Expression::And(list) => (self.joined(list, ("&&", Around::And)), Around::And),
            Expression::Or(list) => (self.joined(list, ("||", Around::Or)), Around::Or),
        };
        match own < around || self.0.chance(8) {
            true => format!("({}{text}{})", self.space(), self.space()),
            false => text,
        }
    }

    fn negated(&mut self, one: &Expression) -> String {
        let twice = if self.0.chance(10) { "!!" } else { "" };
        format!("{twice}{}{}", self.space(), self.within(one, Around::Not))
    }

    fn joined(&mut self, list: &[Expression], (sign, around): (&str, Around)) -> String {
        let mut text = String::new();
        for (i, one) in list.iter().enumerate() {
            if i > 0 {
                text.push_str(&format!("{}{sign}{}", self.space(), self.space()));
            }
            // A part of the same sort needs no brackets: both signs are associative.
            text.push_str(&self.within(one, around));
        }
        text
    }

    fn atom(&mut self, atom: &Atom) -> String {
        let key = &atom.key;
        match &atom.test {
            Test::Has => format!("has({}{key}{})", self.space(), self.space()),
            Test::Equals(value) => self.compared(key, "==", value),
            Test::Differs(value) => self.compared(key, "!=", value),
            Test::In(values) => format!("{key} in{}", self.set(values)),
            Test::NotIn(values) => {
                let word = *self.0.pick(&["not in", "notin"]);
                format!("{key} {word}{}", self.set(values))
            }
            Test::Contains(value) => self.worded(key, &["contains"], value),
            Test::StartsWith(value) => self.worded(key, &["starts with", "startswith"], value),
            Test::EndsWith(value) => self.worded(key, &["ends with", "endswith"], value),
        }
    }

    fn compared(&mut self, key: &str, sign: &str, value: &str) -> String {
        let (before, after) = (self.space(), self.space());
        format!("{key}{before}{sign}{after}{}", self.quoted(value))
    }

    fn worded(&mut self, key: &str, words: &[&str], value: &str) -> String {
        let word = *self.0.pick(words);
        format!("{key} {word}{}{}", self.space(), self.quoted(value))
    }

    fn set(&mut self, values: &[String]) -> String {
        let mut text = format!("{}{{{}", self.space(), self.space());
        for (i, value) in values.iter().enumerate() {
            let gap = if i > 0 { format!(",{}", self.space()) } else { String::new() };
            text.push_str(&format!("{gap}{}", self.quoted(value)));
        }
        let comma = if !values.is_empty() && self.0.chance(10) { "," } else { "" };
        format!("{text}{comma}{}}}", self.space())
    }

    fn quoted(&mut self, value: &str) -> String {
        let quote = if self.0.chance(50) { '"' } else { '\'' };
        format!("{quote}{value}{quote}")
    }

    fn space(&mut self) -> &'static str {
        const SPACES: [&str; 5] = ["", " ", " ", " ", "\t"];
        let at = self.0.below(SPACES.len());
        SPACES.get(at).copied().unwrap_or_default()
    }
}
