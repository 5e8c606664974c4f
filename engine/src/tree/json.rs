//! JSON as a tree with byte offsets.

use hifijson::num::LexWrite as _;
use hifijson::str::LexAlloc as _;
use hifijson::token::Lex as _;
use hifijson::{Error, Expect, SliceLexer};

use super::merge::last_of_each_key;
use super::node::{Entry, Node, Value};
use super::{DEEPEST, Extent, Trees, yaml};
use crate::diagnostic::{Code, Diagnostic};
use crate::source::Span;

/// Reads JSON values that follow one another, as `kubectl` and `jq` print them, and says where
/// something else may follow: after the last one, and after its line if nothing else stands in it.
pub fn read(text: &str, extent: Extent) -> (Trees<'_>, Option<usize>) {
    let mut lexer = SliceLexer::new(text.as_bytes());
    let mut reader = Reader { length: text.len(), extent, findings: Vec::new(), overflow: None };
    let mut trees = Trees::default();
    let mut end = 0;
    while let Some(next) = lexer.ws_peek() {
        match reader.value(next, &mut lexer, DEEPEST) {
            Ok(node) => trees.documents.push(node),
            Err(error) => {
                trees.fault = Some(Box::new(failure(&error, reader.at(&lexer))));
                break;
            }
        }
        if let Some(overflow) = reader.overflow.take() {
            trees.documents.pop();
            trees.fault = Some(Box::new(overflow));
            return (trees, None);
        }
        end = reader.at(&lexer);
    }
    trees.findings = reader.findings;
    (trees, Some(after_blanks(text, end)))
}

/// The offset of what follows white space after another, or of the next line.
fn after_blanks(text: &str, from: usize) -> usize {
    let rest = text.get(from..).unwrap_or_default();
    let blanks = rest.len() - rest.trim_start().len();
    let line = rest.get(..blanks).and_then(|blanks| blanks.find('\n'));
    from + line.map_or(blanks, |at| at + 1)
}

fn failure(error: &Error, at: usize) -> Diagnostic {
    let span = Span::new(at, at + 1);
    match error {
        Error::Depth => yaml::too_deep(span),
        error => Diagnostic::new(
            Code::Syntax,
            format!("not valid JSON: {error}").to_lowercase().replace("json", "JSON"),
        )
        .at(span),
    }
}

struct Reader {
    length: usize,
    extent: Extent,
    findings: Vec<Diagnostic>,
    /// A number that is too large, which is still JSON.
    overflow: Option<Diagnostic>,
}

impl Reader {
    /// The offset of the next byte.
    fn at(&self, lexer: &SliceLexer<'_>) -> usize {
        self.length - lexer.as_slice().len()
    }

    fn value<'t>(
        &mut self,
        next: u8,
        lexer: &mut SliceLexer<'t>,
        depth: usize,
    ) -> Result<Node<'t>, Error> {
        let depth = depth.checked_sub(1).ok_or(Error::Depth)?;
        let start = self.at(lexer);
        let value = match next {
            b'"' => Value::Str(lexer.discarded().str_string().map_err(Error::Str)?),
            b'-' | b'0'..=b'9' => {
                let (text, _) = lexer.num_string().validated().map_err(Error::Num)?;
                let number: f64 = text.parse().unwrap_or(f64::INFINITY);
                if number.is_infinite() {
                    let message = format!("`{text}` is too large a number");
                    let span = Span::new(start, self.at(lexer));
                    self.overflow = Some(Diagnostic::new(Code::Syntax, message).at(span));
                }
                Value::Number(number)
            }
            b'a'..=b'z' => match lexer.null_or_bool().ok_or(Expect::Value)? {
                None => Value::Null,
                Some(value) => Value::Bool(value),
            },
            b'[' => self.list(lexer, depth)?,
            b'{' => self.mapping(lexer, depth)?,
            _ => return Err(Expect::Value.into()),
        };
        Ok(Node { value, span: Span::new(start, self.at(lexer)) })
    }

    fn list<'t>(&mut self, lexer: &mut SliceLexer<'t>, depth: usize) -> Result<Value<'t>, Error> {
        let mut items = Vec::new();
        lexer.discarded().seq(b']', SliceLexer::ws_peek, |next, lexer| {
            items.push(self.value(next, lexer, depth)?);
            Ok::<_, Error>(())
        })?;
        Ok(Value::Seq(items))
    }

    fn mapping<'t>(
        &mut self,
        lexer: &mut SliceLexer<'t>,
        depth: usize,
    ) -> Result<Value<'t>, Error> {
        self.entries(lexer, |reader, lexer, key, next| {
            let start = reader.at(lexer);
            match next {
                _ if reader.extent == Extent::Whole => reader.value(next, lexer, depth),
                b'{' if key == "annotations" => reader.annotations(lexer, depth),
                b'[' | b'{' if is_unread(key, next) => {
                    skip(next, lexer, depth)?;
                    let value = match next {
                        b'[' => Value::Seq(Vec::new()),
                        _ => Value::Map(Vec::new()),
                    };
                    Ok(Node { value, span: Span::new(start, reader.at(lexer)) })
                }
                _ => reader.value(next, lexer, depth),
            }
        })
    }

    /// The entries of a mapping; `read` reads a value, given its key and its first byte.
    fn entries<'t>(
        &mut self,
        lexer: &mut SliceLexer<'t>,
        read: impl Fn(&mut Self, &mut SliceLexer<'t>, &str, u8) -> Result<Node<'t>, Error>,
    ) -> Result<Value<'t>, Error> {
        let mut entries = Vec::new();
        lexer.discarded().seq(b'}', SliceLexer::ws_peek, |next, lexer| {
            let start = self.at(lexer);
            lexer.expect(|_| Some(next), b'"').ok_or(Expect::String)?;
            let key = lexer.str_string().map_err(Error::Str)?;
            let key_span = Span::new(start, self.at(lexer));
            lexer.expect(SliceLexer::ws_peek, b':').ok_or(Expect::Colon)?;
            let next = lexer.ws_peek().ok_or(Expect::Value)?;
            let value = read(self, lexer, &key, next)?;
            entries.push(Entry { key, key_span, value });
            Ok::<_, Error>(())
        })?;
        Ok(Value::Map(last_of_each_key(entries, &mut self.findings)))
    }

    /// A mapping of which only the keys matter, values that are no strings, and our own: some hold
    /// a whole manifest as a string, which is passed over.
    fn annotations<'t>(
        &mut self,
        lexer: &mut SliceLexer<'t>,
        depth: usize,
    ) -> Result<Node<'t>, Error> {
        let depth = depth.checked_sub(1).ok_or(Error::Depth)?;
        let start = self.at(lexer);
        let value = self.entries(lexer, |reader, lexer, key, next| {
            if next != b'"' || key.starts_with(OWN_ANNOTATIONS) {
                return reader.value(next, lexer, depth);
            }
            let start = reader.at(lexer);
            skip(next, lexer, depth)?;
            Ok(Node { value: Value::Str("".into()), span: Span::new(start, reader.at(lexer)) })
        })?;
        Ok(Node { value, span: Span::new(start, self.at(lexer)) })
    }
}

/// What annotations begin with of which the value is read.
const OWN_ANNOTATIONS: &str = "portcullis.dev/";

/// Whether no kind's reader looks into lists and mappings under a key: most of what `kubectl`
/// prints of a pod. They are read as empty. `next` is the value's first byte.
fn is_unread(key: &str, next: u8) -> bool {
    // Those of a container are a mapping; a list is what a rule of a role is about.
    if key == "resources" {
        return next == b'{';
    }
    matches!(
        key,
        "managedFields"
            | "finalizers"
            | "env"
            | "envFrom"
            | "volumes"
            | "volumeMounts"
            | "livenessProbe"
            | "readinessProbe"
            | "startupProbe"
            | "lifecycle"
            | "tolerations"
            | "affinity"
            | "securityContext"
            | "conditions"
            | "containerStatuses"
            | "initContainerStatuses"
            | "images"
            | "data"
            | "binaryData"
    )
}

/// Passes over a value.
fn skip(next: u8, lexer: &mut SliceLexer<'_>, depth: usize) -> Result<(), Error> {
    let depth = depth.checked_sub(1).ok_or(Error::Depth)?;
    match next {
        b'"' => drop(lexer.discarded().str_string().map_err(Error::Str)?),
        b'-' | b'0'..=b'9' => {
            lexer.num_string().validated().map_err(Error::Num)?;
        }
        b'a'..=b'z' => {
            lexer.null_or_bool().ok_or(Expect::Value)?;
        }
        b'[' => lexer
            .discarded()
            .seq(b']', SliceLexer::ws_peek, |next, lexer| skip(next, lexer, depth))?,
        b'{' => lexer.discarded().seq(b'}', SliceLexer::ws_peek, |next, lexer| {
            lexer.expect(|_| Some(next), b'"').ok_or(Expect::String)?;
            drop(lexer.str_string().map_err(Error::Str)?);
            lexer.expect(SliceLexer::ws_peek, b':').ok_or(Expect::Colon)?;
            let next = lexer.ws_peek().ok_or(Expect::Value)?;
            skip(next, lexer, depth)
        })?,
        _ => return Err(Expect::Value.into()),
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_know_their_place() {
        let (trees, _) = read(" {\"a\": [1, \"\\u00e9\"]}\n{}", Extent::Needed);
        assert_eq!(trees.documents.len(), 2);
        let a = trees.documents[0].get("a").unwrap();
        assert_eq!(a.span, Span::new(7, 20));
        assert!(matches!(&a.value, Value::Seq(items) if items[1].as_str() == Some("é")));
    }

    #[test]
    fn faults_have_a_place_and_depth_a_limit() {
        for (text, code) in [
            ("{\"a\": }", Code::Syntax),
            ("{\"a\" 1}", Code::Syntax),
            ("[1,]", Code::Syntax),
            ("{\"a\": \"x", Code::Syntax),
            (&"[".repeat(100_000), Code::Limits),
        ] {
            let finding = read(text, Extent::Whole).0.fault.unwrap();
            assert_eq!(finding.code, code);
            assert!(finding.span.is_some());
        }
    }
}
