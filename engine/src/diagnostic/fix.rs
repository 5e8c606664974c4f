//! What to change in a text so that a finding is gone: as data, which whoever shows the finding can
//! apply.

use std::ops::Range;

use crate::source::Span;

/// A change of a document that does away with a finding.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fix {
    /// What is changed, and where.
    pub edit: Edit,
    /// Where it is changed: in the finding's document.
    pub span: Span,
    /// Whether policies decide otherwise with it, or an object counts that was rejected.
    pub changes_meaning: bool,
}

/// What is done at a place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Edit {
    /// This text takes its place.
    Text(String),
    /// This value takes its place, in quotes if there were some.
    Scalar(String),
    /// It is put in quotes.
    Quote,
    /// A field that is a list comes before it, in the same mapping.
    Field(&'static str, Vec<&'static str>),
    /// The element of a list that begins there becomes a part of the one before.
    Join,
}

/// A part of a text, and what takes its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Replacement {
    /// Bytes of the text.
    pub range: Range<usize>,
    /// What takes their place.
    pub text: String,
}

impl Fix {
    /// A change after which everything means the same.
    pub fn same(span: Span, edit: Edit) -> Box<Self> {
        Box::new(Self { edit, span, changes_meaning: false })
    }

    /// A change after which something is decided otherwise.
    pub fn other(span: Span, edit: Edit) -> Box<Self> {
        Box::new(Self { edit, span, changes_meaning: true })
    }

    /// What is replaced in the document, if it is written in a way that can be changed so.
    pub fn replacement(&self, document: &str) -> Option<Replacement> {
        let range = self.span.start as usize..self.span.end as usize;
        let old = document.get(range.clone())?;
        let before = document.get(..range.start)?;
        let line = before.rsplit('\n').next().unwrap_or_default();
        match &self.edit {
            Edit::Text(text) => Some(Replacement { range, text: text.clone() }),
            Edit::Scalar(value) => {
                let quote = old.chars().next().filter(|one| matches!(one, '"' | '\''));
                let quote = quote.map(String::from).unwrap_or_default();
                Some(Replacement { range, text: format!("{quote}{value}{quote}") })
            }
            Edit::Quote => {
                // What YAML has for something else stays: an alias, a tag, a block of text.
                let is_other = old.starts_with(['*', '&', '!', '|', '>', '%', '@', '`']);
                let is_plain = !old.contains(['"', '\'', '\\', '\n']) && !old.is_empty();
                let is_plain = is_plain && !is_other;
                is_plain.then(|| Replacement { range, text: format!("\"{old}\"") })
            }
            Edit::Field(key, items) => {
                let text = field((key, items), line, old.starts_with('"'))?;
                let text = match document.contains("\r\n") {
                    true => text.replace('\n', "\r\n"),
                    false => text,
                };
                Some(Replacement { range: range.start..range.start, text })
            }
            Edit::Join => {
                let dash = line.trim_end_matches(' ');
                let at = range.start - line.len() + dash.len().checked_sub(1)?;
                let is_first = dash.trim_start_matches(' ') == "-";
                is_first.then(|| Replacement { range: at..at + 1, text: " ".to_owned() })
            }
        }
    }
}

/// A field with what parts it from the one behind it; `line` is what stands before that.
fn field((key, items): (&str, &[&str]), line: &str, in_quotes: bool) -> Option<String> {
    let is_block = line.trim_matches(' ').is_empty() || line.trim_matches(' ') == "-";
    let quoted = |text: &&str| if in_quotes { format!("\"{text}\"") } else { (*text).to_owned() };
    let list = items.iter().map(quoted).collect::<Vec<_>>().join(", ");
    let pair = format!("{}: [{list}]", quoted(&key));
    match (is_block, in_quotes) {
        // JSON over several lines, or YAML with quotes: not worth guessing.
        (true, true) => Some(format!("{pair},\n{}", " ".repeat(line.len()))),
        (true, false) => Some(format!("{pair}\n{}", " ".repeat(line.len()))),
        (false, _) => line.trim_end().ends_with(['{', ',']).then(|| format!("{pair}, ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn applied(document: &str, at: &str, edit: Edit) -> Option<String> {
        let start = document.find(at).unwrap();
        let number = |n: usize| u32::try_from(n).unwrap();
        let span = Span { start: number(start), end: number(start + at.len()) };
        let one = Fix::same(span, edit).replacement(document)?;
        let mut text = document.to_owned();
        text.replace_range(one.range, &one.text);
        Some(text)
    }

    #[test]
    fn each_edit_fits_how_the_text_is_written() {
        let types = || Edit::Field("policyTypes", vec!["Ingress", "Egress"]);
        let of = |document: &str, at: &str, edit: Edit| applied(document, at, edit).unwrap();
        let block = of("spec:\n  egress:\n  - {}\n", "egress", types());
        assert_eq!(block, "spec:\n  policyTypes: [Ingress, Egress]\n  egress:\n  - {}\n");
        let flow = of("spec: {a: b, egress: [{}]}", "egress", types());
        assert_eq!(flow, "spec: {a: b, policyTypes: [Ingress, Egress], egress: [{}]}");
        let json = of("{\"spec\": {\"egress\": []}}", "\"egress\"", types());
        assert_eq!(
            json,
            "{\"spec\": {\"policyTypes\": [\"Ingress\", \"Egress\"], \"egress\": []}}"
        );
        let pretty = of("{\n  \"egress\": []\n}", "\"egress\"", types());
        assert_eq!(pretty, "{\n  \"policyTypes\": [\"Ingress\", \"Egress\"],\n  \"egress\": []\n}");
        let two = "from:\n  - a: 1\n  - b: 2\n";
        assert_eq!(of(two, "b: 2", Edit::Join), "from:\n  - a: 1\n    b: 2\n");
        assert_eq!(applied("from: [{a: 1}, {b: 2}]", "{b: 2}", Edit::Join), None);
        assert_eq!(of("p: tcp", "tcp", Edit::Scalar("TCP".into())), "p: TCP");
        assert_eq!(of("p: 'tcp'", "'tcp'", Edit::Scalar("TCP".into())), "p: 'TCP'");
        assert_eq!(of("p: \"80\"", "\"80\"", Edit::Text("80".into())), "p: 80");
        assert_eq!(of("v: 1.0", "1.0", Edit::Quote), "v: \"1.0\"");
        assert_eq!(applied("v: *one", "*one", Edit::Quote), None);
        let windows = of("spec:\r\n  egress:\r\n", "egress", types());
        assert_eq!(windows, "spec:\r\n  policyTypes: [Ingress, Egress]\r\n  egress:\r\n");
    }
}
