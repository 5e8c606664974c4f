//! The grammar of Calico's selectors.
//!
//! Blanks and tabs may stand between any two tokens, and nothing else may: no line breaks. Words
//! such as `in` are operators only behind a label, so that labels may be called so.

use std::sync::Arc;

use super::{Expression, Test};

/// Why a text is no selector.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExpressionError {
    /// Where, in bytes from the text's start.
    pub at: usize,
    /// What is wrong there.
    pub message: String,
    /// What to do about it.
    pub help: Option<String>,
}

/// Parentheses that stand in each other more deeply than this are not read: nobody writes them, and
/// reading them takes as much stack.
const DEEPEST: usize = 200;

/// Reads a selector; an empty one is `all()`.
///
/// # Errors
/// If it is none, with the first place that does not fit.
///
/// # Source
/// Calico §3.
pub fn parse(text: &str) -> Result<Expression, ExpressionError> {
    let mut parser = Parser { text, at: 0, depth: 0 };
    parser.skip_blanks();
    if parser.rest().is_empty() {
        return Ok(Expression::All);
    }
    let expression = parser.or()?;
    match parser.rest().is_empty() {
        true => Ok(expression),
        false => Err(parser.left_over()),
    }
}

struct Parser<'t> {
    text: &'t str,
    at: usize,
    depth: usize,
}

type Read<T> = Result<T, ExpressionError>;

/// What a value is asked for.
type OfValue = fn(Arc<str>) -> Test;

/// Operators that are words and take one value.
const WORDS: [(&[&str], OfValue); 3] = [
    (&["contains"], Test::Contains),
    (&["starts", "with"], Test::StartsWith),
    (&["ends", "with"], Test::EndsWith),
];

impl<'t> Parser<'t> {
    fn rest(&self) -> &'t str {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn skip_blanks(&mut self) {
        let rest = self.rest();
        self.at += rest.len() - rest.trim_start_matches([' ', '\t']).len();
    }

    /// Takes a token, and the blanks behind it.
    fn take(&mut self, token: &str) -> bool {
        let is_there = self.rest().starts_with(token);
        if is_there {
            self.at += token.len();
            self.skip_blanks();
        }
        is_there
    }

    /// Takes words with blanks between them or none, all or none of them.
    fn take_words(&mut self, words: &[&str]) -> bool {
        let begin = self.at;
        let are_there = words.iter().all(|word| self.take(word));
        if !are_there {
            self.at = begin;
        }
        are_there
    }

    fn error<T>(&self, message: impl Into<String>, help: Option<String>) -> Read<T> {
        Err(ExpressionError { at: self.at, message: message.into(), help })
    }

    fn or(&mut self) -> Read<Expression> {
        let mut all = vec![self.and()?];
        while self.take("||") {
            all.push(self.and()?);
        }
        Ok(one_or(all, Expression::Or))
    }

    fn and(&mut self) -> Read<Expression> {
        let mut all = vec![self.operand()?];
        while self.take("&&") {
            all.push(self.operand()?);
        }
        Ok(one_or(all, Expression::And))
    }

    fn operand(&mut self) -> Read<Expression> {
        let mut is_negated = false;
        while !self.rest().starts_with("!=") && self.take("!") {
            is_negated = !is_negated;
        }
        let inner = self.atom()?;
        Ok(if is_negated { Expression::Not(Box::new(inner)) } else { inner })
    }

    fn atom(&mut self) -> Read<Expression> {
        if self.rest().starts_with('(') {
            return self.parenthesis();
        }
        for (name, expression) in [("all(", Expression::All), ("global(", Expression::Global)] {
            if self.take(name) {
                self.close(name)?;
                return Ok(expression);
            }
        }
        if self.take("has(") {
            let Some(key) = self.label() else {
                return self.error("`has(` needs the key of a label", None);
            };
            self.close("has(")?;
            return Ok(Expression::Has(key.into()));
        }
        match self.label() {
            Some(key) => Ok(Expression::Label(key.into(), self.test(key)?)),
            None => self.no_operand(),
        }
    }

    fn parenthesis(&mut self) -> Read<Expression> {
        if self.depth == DEEPEST {
            let message = format!("there are more than {DEEPEST} parentheses in each other");
            return self.error(message, None);
        }
        let begin = self.at;
        self.depth += 1;
        self.take("(");
        let inner = self.or()?;
        self.depth -= 1;
        if self.take(")") {
            return Ok(inner);
        }
        if self.rest().is_empty() {
            self.at = begin;
            return self.error("this parenthesis is not closed", None);
        }
        Err(self.left_over())
    }

    fn close(&mut self, opened: &str) -> Read<()> {
        match self.take(")") {
            true => Ok(()),
            false => self.error(format!("`{opened}` needs its `)` here"), None),
        }
    }

    /// A label's key, if one stands here.
    fn label(&mut self) -> Option<&'t str> {
        let rest = self.rest();
        let end = rest.bytes().position(|byte| !is_of_label(byte)).unwrap_or(rest.len());
        let label = rest.get(..end).filter(|label| !label.is_empty())?;
        self.at += end;
        self.skip_blanks();
        Some(label)
    }

    fn test(&mut self, key: &str) -> Read<Test> {
        if self.take("==") {
            return self.value(key, "==").map(Test::Is);
        }
        if self.take("!=") {
            return self.value(key, "!=").map(Test::IsNot);
        }
        for (words, test) in WORDS {
            if self.take_words(words) {
                return self.value(key, &words.join(" ")).map(test);
            }
        }
        if self.take_words(&["not", "in"]) {
            return self.list(key, "not in").map(Test::NotIn);
        }
        if self.take_words(&["in"]) {
            return self.list(key, "in").map(Test::In);
        }
        self.no_operator(key)
    }

    fn value(&mut self, key: &str, operator: &str) -> Read<Arc<str>> {
        let Some(quote) = self.rest().chars().next().filter(|one| matches!(one, '"' | '\'')) else {
            let bare = self.rest().split([' ', '\t', ')', '}', ',', '&', '|']).next();
            let bare = bare.filter(|bare| !bare.is_empty() && !bare.contains(['"', '\'']));
            let help = bare.map(|bare| format!("write `{key} {operator} '{bare}'`"));
            return self.error("a value in quotes belongs here", help);
        };
        let inner = self.rest().get(1..).unwrap_or_default();
        let Some(end) = inner.find(quote) else {
            return self
                .error(format!("the text that begins with {quote} here does not end"), None);
        };
        self.at += end + 2;
        self.skip_blanks();
        Ok(inner.get(..end).unwrap_or_default().into())
    }

    /// `{"a", 'b'}`, with a comma behind the last or not; none is allowed.
    fn list(&mut self, key: &str, operator: &str) -> Read<Vec<Arc<str>>> {
        if !self.take("{") {
            let help = format!("write `{key} {operator} {{'a', 'b'}}`");
            return self.error(format!("`{operator}` needs a list in braces"), Some(help));
        }
        let mut values = Vec::new();
        while !self.take("}") {
            values.push(self.value(key, operator).map_err(in_list)?);
            if !self.take(",") && !self.rest().starts_with('}') {
                return self.error("a `,` or a `}` belongs here", None);
            }
        }
        values.sort_unstable();
        values.dedup();
        Ok(values)
    }

    fn no_operand<T>(&self) -> Read<T> {
        let message = match self.rest().chars().next() {
            None => "something is missing at the end".to_owned(),
            Some('\n' | '\r') => return self.line_break(),
            Some('=' | '!') => "the key of a label is missing here".to_owned(),
            Some('"' | '\'') => "a key stands without quotes: only values have them".to_owned(),
            Some(one) => does_not_fit(one),
        };
        self.error(message, None)
    }

    fn no_operator<T>(&self, key: &str) -> Read<T> {
        let rest = self.rest();
        if rest.starts_with('=') {
            let help = format!("write `{key} == '…'`: two equals signs, and quotes");
            return self.error("`=` is not an operator", Some(help));
        }
        if rest.starts_with('(') && ["has", "all", "global"].contains(&key) {
            let help = format!("write `{key}(` without a blank");
            return self.error(format!("`{key}` is taken for a label here"), Some(help));
        }
        if rest.starts_with(['\n', '\r']) {
            return self.line_break();
        }
        let help = format!("to ask whether there is such a label, write `has({key})`");
        self.error(format!("an operator is missing behind the label `{key}`"), Some(help))
    }

    fn line_break<T>(&self) -> Read<T> {
        Err(self.left_over())
    }

    /// What stands where an expression has ended.
    fn left_over(&self) -> ExpressionError {
        let rest = self.rest();
        let lower = rest.get(..3).unwrap_or(rest).to_ascii_lowercase();
        let help = match rest.as_bytes().first() {
            Some(b'\n' | b'\r') => Some("in YAML, `>-` in place of `|` folds the lines into one"),
            Some(b',') => Some("write `&&` to ask for both"),
            Some(b'&') => Some("write `&&`"),
            Some(b'|') => Some("write `||`"),
            _ if lower.starts_with("and") => Some("write `&&`"),
            _ if lower.starts_with("or") => Some("write `||`"),
            _ => None,
        };
        let message = match rest.chars().next() {
            Some('\n' | '\r') => "a line break does not fit here".to_owned(),
            Some(one) => does_not_fit(one),
            None => "something is missing at the end".to_owned(),
        };
        ExpressionError { at: self.at, message, help: help.map(str::to_owned) }
    }
}

fn does_not_fit(one: char) -> String {
    format!("`{}` does not fit here", one.escape_debug())
}

fn one_or(mut all: Vec<Expression>, several: fn(Vec<Expression>) -> Expression) -> Expression {
    match all.pop() {
        Some(one) if all.is_empty() => one,
        last => {
            all.extend(last);
            several(all)
        }
    }
}

/// Of a list, no comparison is what was meant.
fn in_list(error: ExpressionError) -> ExpressionError {
    let help = error.help.map(|_| "put each value in quotes".to_owned());
    ExpressionError { help, ..error }
}

fn is_of_label(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'/' | b'-')
}
