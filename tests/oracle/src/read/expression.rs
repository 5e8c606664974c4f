//! Calico's expressions from their texts. [Calico §3]

use super::Problem;
use crate::cluster::calico::{Expression, Test};

/// The expression that a text means.
///
/// # Errors
/// If the grammar does not have it.
pub fn parse(text: &str) -> Result<Expression, Problem> {
    let mut reader = Reader { rest: text };
    reader.blank();
    if reader.rest.is_empty() {
        return Ok(Expression::All);
    }
    let expression = reader.or()?;
    match reader.rest {
        "" => Ok(expression),
        rest => Err(format!("`{rest}` in `{text}`")),
    }
}

struct Reader<'t> {
    rest: &'t str,
}

impl<'t> Reader<'t> {
    fn blank(&mut self) {
        self.rest = self.rest.trim_start_matches([' ', '\t']);
    }

    /// Takes a sign, and blanks after it.
    fn sign(&mut self, sign: &str) -> bool {
        let Some(rest) = self.rest.strip_prefix(sign) else { return false };
        self.rest = rest;
        self.blank();
        true
    }

    fn expect(&mut self, sign: &str) -> Result<(), Problem> {
        if self.sign(sign) { Ok(()) } else { Err(format!("no `{sign}` before `{}`", self.rest)) }
    }

    fn or(&mut self) -> Result<Expression, Problem> {
        let mut all = vec![self.and()?];
        while self.sign("||") {
            all.push(self.and()?);
        }
        Ok(single(all, Expression::Or))
    }

    fn and(&mut self) -> Result<Expression, Problem> {
        let mut all = vec![self.operation()?];
        while self.sign("&&") {
            all.push(self.operation()?);
        }
        Ok(single(all, Expression::And))
    }

    /// Runs of `!` collapse.
    fn operation(&mut self) -> Result<Expression, Problem> {
        let mut negated = false;
        while self.sign("!") {
            negated = !negated;
        }
        let atom = self.atom()?;
        Ok(if negated { atom.negated() } else { atom })
    }

    fn atom(&mut self) -> Result<Expression, Problem> {
        if self.sign("(") {
            let inner = self.or()?;
            self.expect(")")?;
            return Ok(inner);
        }
        for (word, what) in [("all(", Expression::All), ("global(", Expression::Global)] {
            if self.sign(word) {
                self.expect(")")?;
                return Ok(what);
            }
        }
        if self.sign("has(") {
            let key = self.label()?;
            self.expect(")")?;
            return Ok(Expression::has(key));
        }
        let key = self.label()?;
        let test = self.test()?;
        Ok(Expression::test(key, test))
    }

    fn label(&mut self) -> Result<&'t str, Problem> {
        let end = self.rest.find(|c| !is_of_label(c)).unwrap_or(self.rest.len());
        let (label, rest) = self.rest.split_at(end);
        if label.is_empty() || label.len() > 512 {
            return Err(format!("no label before `{rest}`"));
        }
        self.rest = rest;
        self.blank();
        Ok(label)
    }

    /// A word that is an operator, if something that is not of a label follows it.
    fn word(&mut self, words: &[&str]) -> bool {
        let mut rest = self.rest;
        for (i, word) in words.iter().enumerate() {
            let trimmed = rest.trim_start_matches([' ', '\t']);
            if i > 0 && trimmed == rest {
                return false;
            }
            let Some(after) = trimmed.strip_prefix(word) else { return false };
            rest = after;
        }
        if rest.starts_with(is_of_label) {
            return false;
        }
        self.rest = rest;
        self.blank();
        true
    }

    fn test(&mut self) -> Result<Test, Problem> {
        if self.sign("==") {
            return Ok(Test::Equals(self.string()?));
        }
        if self.sign("!=") {
            return Ok(Test::Differs(self.string()?));
        }
        if self.word(&["not", "in"]) || self.word(&["notin"]) {
            return Ok(Test::NotIn(self.set()?));
        }
        if self.word(&["in"]) {
            return Ok(Test::In(self.set()?));
        }
        if self.word(&["contains"]) {
            return Ok(Test::Contains(self.string()?));
        }
        if self.word(&["starts", "with"]) || self.word(&["startswith"]) {
            return Ok(Test::StartsWith(self.string()?));
        }
        if self.word(&["ends", "with"]) || self.word(&["endswith"]) {
            return Ok(Test::EndsWith(self.string()?));
        }
        Err(format!("no operator before `{}`", self.rest))
    }

    fn set(&mut self) -> Result<Vec<String>, Problem> {
        self.expect("{")?;
        let mut values = Vec::new();
        while !self.sign("}") {
            values.push(self.string()?);
            if !self.sign(",") {
                self.expect("}")?;
                break;
            }
        }
        Ok(values)
    }

    fn string(&mut self) -> Result<String, Problem> {
        let quote = ['"', '\''].into_iter().find(|quote| self.rest.starts_with(*quote));
        let parts = quote.and_then(|quote| self.rest.get(1..)?.split_once(quote));
        let Some((value, rest)) = parts else {
            return Err(format!("no string before `{}`", self.rest));
        };
        self.rest = rest;
        self.blank();
        Ok(value.to_owned())
    }
}

fn is_of_label(c: char) -> bool {
    c.is_ascii_alphanumeric() || "_./-".contains(c)
}

fn single(mut all: Vec<Expression>, many: fn(Vec<Expression>) -> Expression) -> Expression {
    match all.len() {
        1 => all.remove(0),
        _ => many(all),
    }
}
