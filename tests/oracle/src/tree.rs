//! Values as manifests write them, and many ways of writing them.

use crate::random::Random;

/// A value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Tree {
    /// `null`.
    Null,
    /// A boolean.
    Bool(bool),
    /// A number.
    Number(u32),
    /// A number of halves, which may be negative.
    Halves(i32),
    /// A string.
    Text(String),
    /// A sequence.
    List(Vec<Tree>),
    /// A mapping, in the order in which it is written.
    Map(Vec<(String, Tree)>),
}

impl From<&str> for Tree {
    fn from(text: &str) -> Self {
        Self::Text(text.into())
    }
}

impl From<&serde_json::Value> for Tree {
    /// A value of the JSON library; numbers are those of ports and counts.
    fn from(value: &serde_json::Value) -> Self {
        use serde_json::Value;
        match value {
            Value::Null => Self::Null,
            Value::Bool(value) => Self::Bool(*value),
            Value::Number(number) => {
                Self::Number(number.as_u64().and_then(|n| n.try_into().ok()).unwrap_or_default())
            }
            Value::String(text) => Self::Text(text.clone()),
            Value::Array(items) => Self::List(items.iter().map(Self::from).collect()),
            Value::Object(entries) => {
                Self::Map(entries.iter().map(|(key, one)| (key.clone(), one.into())).collect())
            }
        }
    }
}

impl Tree {
    /// A mapping of the entries that are there, in another order than given.
    pub fn map(entries: Vec<(&str, Option<Tree>)>, random: &mut Random) -> Self {
        let there = entries.into_iter().filter_map(|(key, value)| Some((key.to_owned(), value?)));
        let mut entries: Vec<(String, Tree)> = there.collect();
        random.shuffle(&mut entries);
        Self::Map(entries)
    }

    /// As JSON on one line, or over several.
    pub fn json(&self, pretty: bool) -> String {
        let value = self.value();
        let text = if pretty { format!("{value:#}") } else { value.to_string() };
        text + "\n"
    }

    /// As a value of the JSON library.
    pub fn value(&self) -> serde_json::Value {
        match self {
            Self::Null => serde_json::Value::Null,
            Self::Bool(value) => (*value).into(),
            Self::Number(number) => (*number).into(),
            Self::Halves(halves) if halves % 2 == 0 => (halves / 2).into(),
            Self::Halves(halves) => (f64::from(*halves) / 2.0).into(),
            Self::Text(text) => text.as_str().into(),
            Self::List(items) => items.iter().map(Self::value).collect(),
            Self::Map(entries) => {
                let entries = entries.iter().map(|(key, value)| (key.clone(), value.value()));
                serde_json::Value::Object(entries.collect())
            }
        }
    }

    /// As a YAML document, in blocks and flows as it falls.
    pub fn yaml(&self, random: &mut Random) -> String {
        let mut writer = Writer { text: String::new(), random };
        writer.node(self, 0);
        writer.text
    }

    fn is_leaf(&self) -> bool {
        match self {
            Self::List(items) => items.is_empty(),
            Self::Map(entries) => entries.is_empty(),
            _ => true,
        }
    }
}

struct Writer<'w> {
    text: String,
    random: &'w mut Random,
}

impl Writer<'_> {
    /// A mapping or sequence that begins on a line of its own.
    fn node(&mut self, tree: &Tree, indent: usize) {
        match tree {
            Tree::Map(entries) if !entries.is_empty() => self.entries(entries, indent, true),
            Tree::List(items) if !items.is_empty() => self.items(items, indent, true),
            leaf => {
                self.pad(indent);
                self.flow(leaf);
                self.text.push('\n');
            }
        }
    }

    fn pad(&mut self, indent: usize) {
        if self.random.chance(3) {
            self.text.push_str("# a remark: {not, a, value}\n");
        }
        self.text.extend(std::iter::repeat_n(' ', indent));
    }

    /// Entries of a mapping; the first one stands where the text ends if it is not `padded`.
    fn entries(&mut self, entries: &[(String, Tree)], indent: usize, padded: bool) {
        let mut padded = padded;
        for (key, value) in entries {
            if padded {
                self.pad(indent);
            }
            padded = true;
            self.scalar(key);
            self.text.push(':');
            self.value(value, indent);
        }
    }

    fn value(&mut self, value: &Tree, indent: usize) {
        if value.is_leaf() || self.random.chance(20) {
            self.text.push(' ');
            self.flow(value);
            self.text.push('\n');
            return;
        }
        self.text.push('\n');
        let deeper = match value {
            Tree::List(_) if self.random.chance(50) => indent,
            _ => indent + self.random.between(1, 4),
        };
        self.node(value, deeper);
    }

    fn items(&mut self, items: &[Tree], indent: usize, padded: bool) {
        let mut padded = padded;
        for item in items {
            if padded {
                self.pad(indent);
            }
            padded = true;
            self.text.push('-');
            let spaces = self.random.between(1, 3);
            self.text.extend(std::iter::repeat_n(' ', spaces));
            let deeper = indent + 1 + spaces;
            match item {
                Tree::Map(entries) if !entries.is_empty() && self.random.chance(75) => {
                    self.entries(entries, deeper, false);
                }
                Tree::List(items) if !items.is_empty() => self.items(items, deeper, false),
                other => {
                    self.flow(other);
                    self.text.push('\n');
                }
            }
        }
    }

    fn flow(&mut self, tree: &Tree) {
        match tree {
            Tree::Null => self.text.push_str("null"),
            Tree::Bool(value) => self.text.push_str(&value.to_string()),
            Tree::Number(number) => self.text.push_str(&number.to_string()),
            Tree::Halves(halves) => self.text.push_str(&(f64::from(*halves) / 2.0).to_string()),
            Tree::Text(text) => self.scalar(text),
            Tree::List(items) => {
                self.text.push('[');
                for (i, item) in items.iter().enumerate() {
                    self.text.push_str(if i == 0 { "" } else { ", " });
                    self.flow(item);
                }
                self.text.push(']');
            }
            Tree::Map(entries) => {
                self.text.push('{');
                for (i, (key, value)) in entries.iter().enumerate() {
                    self.text.push_str(if i == 0 { "" } else { ", " });
                    self.scalar(key);
                    self.text.push_str(": ");
                    self.flow(value);
                }
                self.text.push('}');
            }
        }
    }

    fn scalar(&mut self, text: &str) {
        let quote = match (is_plain(text), self.random.below(10)) {
            (true, 0..=8) => "",
            (_, 9) => "'",
            _ => "\"",
        };
        let escaped = match quote {
            "'" => text.replace('\'', "''"),
            "\"" => text.replace('\\', "\\\\").replace('"', "\\\"").replace('\t', "\\t"),
            _ => text.to_owned(),
        };
        self.text.push_str(quote);
        self.text.push_str(&escaped);
        self.text.push_str(quote);
    }
}

/// Whether a string needs no quotes, in YAML 1.1 too.
fn is_plain(text: &str) -> bool {
    const WORDS: [&str; 10] = ["y", "n", "yes", "no", "on", "off", "true", "false", "null", "inf"];
    let safe = |c: char| c.is_ascii_alphanumeric() || "./-".contains(c);
    let begins = text.starts_with(|c: char| c.is_ascii_alphabetic());
    let address = text.split('.').count() == 4 && !text.starts_with('-');
    (begins || address)
        && text.chars().all(safe)
        && !WORDS.contains(&text.to_ascii_lowercase().as_str())
}
