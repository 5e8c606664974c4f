//! From a file of expectations to questions, with the place of whatever is wrong in it.

use std::sync::Arc;

use super::types::{
    Asked, AskedPort, EXPECTED, Expectation, ExpectationEntry, Expectations, ExpectationsError,
    Expected, Fault,
};
use crate::diagnostic::nearest;
use crate::manifest::Direction;
use crate::net::Protocol;
use crate::report::port::PortQuery;
use crate::report::words::parse_protocol;
use crate::source::{LineIndex, Span, documents, is_empty_line};
use crate::tree::{Node, Value, read_whole_trees};

/// Fields of the file.
const FILE: [&str; 2] = ["manifests", "expect"];
/// Fields of an expectation.
const ENTRY: [&str; 9] =
    ["name", "from", "to", "port", "protocol", "expect", "except", "pods", "direction"];

/// What an end may be, for messages.
const END: &str = "NAMESPACE/NAME, a pattern such as `shop/*`, or an address";
/// What a port may be, for messages.
const PORT: &str = "a number from 1 to 65535, a range such as 80-90, a port's name, or a list";

impl Expectations {
    /// Reads a file: YAML or JSON, a mapping of `manifests` and `expect`, or the list that `expect`
    /// is by itself.
    ///
    /// What is wrong with one expectation is kept with it, and does not hide the others.
    ///
    /// # Errors
    /// If it is no such mapping or list, or if there is no expectation in it.
    pub fn read(file: &str, text: &str) -> Result<Self, ExpectationsError> {
        let places = Places { file: file.into(), text, lines: LineIndex::new(text) };
        let (start, root) = whole(&places)?;
        let reader = Reader { places, start };
        let (manifests, list) = match &root.value {
            Value::Seq(_) => (Vec::new(), &root),
            Value::Map(_) => reader.parts(&root).map_err(|fault| reader.error(&fault))?,
            other => {
                let found = other.describe();
                let message = format!(
                    "this is {found}, not a mapping of `manifests` and `expect`, or a list of {{from, to, port, expect}}"
                );
                return Err(reader.error(&Fault { span: root.span, message }));
            }
        };
        if list.items().is_empty() {
            let message = "there are no expectations in it".to_owned();
            return Err(reader.error(&Fault { span: list.span, message }));
        }
        let entries = list.items().iter().map(|node| reader.entry(node)).collect();
        Ok(Self { file: file.into(), manifests, entries, indent: reader.indent(list) })
    }
}

/// Lines of a text of some file.
struct Places<'t> {
    file: Arc<str>,
    text: &'t str,
    lines: LineIndex,
}

impl Places<'_> {
    fn error(&self, offset: usize, message: &str) -> ExpectationsError {
        let at = self.lines.position(self.text, offset);
        let (line, column) = (at.line, at.column);
        let message = message.to_owned();
        ExpectationsError { file: Arc::clone(&self.file), line, column, message }
    }
}

/// The one document of a text, and where it begins.
fn whole<'t>(places: &Places<'t>) -> Result<(usize, Node<'t>), ExpectationsError> {
    let is_empty = |part: &&std::ops::Range<usize>| {
        let lines = places.text.get((*part).clone()).unwrap_or_default().lines();
        { lines }.all(|line| is_empty_line(line.strip_prefix("---").unwrap_or(line)))
    };
    let parts = documents(places.text);
    let mut filled = parts.iter().filter(|part| !is_empty(part));
    let Some(first) = filled.next() else {
        return Err(places.error(0, "there are no expectations in it"));
    };
    if let Some(second) = filled.next() {
        return Err(places.error(second.start, "a second document: one per file is read"));
    }
    let text = places.text.get(first.clone()).unwrap_or_default();
    let at = |span: Option<Span>| first.start + span.map_or(0, |span| span.start as usize);
    let trees = read_whole_trees(text)
        .whole()
        .map_err(|fault| places.error(at(fault.span), &fault.message))?;
    if let Some(finding) = trees.findings.first() {
        return Err(places.error(at(finding.span), &finding.message));
    }
    let root = trees.documents.into_iter().next();
    Ok((first.start, root.unwrap_or_else(|| Node::from(Value::Null))))
}

/// Reads nodes of a document.
struct Reader<'t> {
    places: Places<'t>,
    start: usize,
}

impl Reader<'_> {
    fn error(&self, fault: &Fault) -> ExpectationsError {
        self.places.error(self.start + fault.span.start as usize, &fault.message)
    }

    /// The spaces before the dash of the list's first item; none if the list is not written so.
    fn indent(&self, list: &Node<'_>) -> Option<usize> {
        let first = list.items().first()?;
        let start = self.start + first.span.start as usize;
        let before = self.places.text.get(..start)?;
        let line = before.rsplit('\n').next()?;
        let spaces = line.len() - line.trim_start_matches(' ').len();
        line.get(spaces..)?.starts_with("- ").then_some(spaces)
    }

    /// The manifests, and the list of expectations.
    fn parts<'n, 't>(&self, root: &'n Node<'t>) -> Result<(Vec<String>, &'n Node<'t>), Fault> {
        check_keys(root, &FILE, "a file has manifests and expect")?;
        let manifests = match root.get("manifests") {
            None => Vec::new(),
            Some(node) => texts(node, "manifests", "a path, or a list of them")?,
        };
        match root.get("expect") {
            None => Err(missing(root, "expect", "a list of expectations")),
            Some(node) if matches!(node.value, Value::Seq(_)) => Ok((manifests, node)),
            Some(node) => Err(expected(node, "expect", "a list of expectations")),
        }
    }

    fn entry(&self, node: &Node<'_>) -> ExpectationEntry {
        let name = node.get("name").and_then(shown);
        let asked = expectation(node);
        let span = asked.as_ref().map_or_else(|fault| fault.span, |_| node.span);
        let at = self.places.lines.position(self.places.text, self.start + span.start as usize);
        let asked = asked.map_err(|fault| fault.message);
        ExpectationEntry { name, line: at.line, column: at.column, asked }
    }
}

/// A scalar as one writes it.
fn shown(node: &Node<'_>) -> Option<String> {
    match &node.value {
        Value::Str(text) => Some(text.to_string()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(value) => Some(value.to_string()),
        _ => None,
    }
}

fn expectation(node: &Node<'_>) -> Result<Expectation, Fault> {
    if !matches!(node.value, Value::Map(_)) {
        let found = node.value.describe();
        let message = format!("this is {found}, not {{from, to, port, expect}}");
        return Err(Fault { span: node.span, message });
    }
    check_keys(
        node,
        &ENTRY,
        "an expectation has name, from, to, port, protocol, expect, except, pods and direction",
    )?;
    if let Some(name) = node.get("name").filter(|name| shown(name).is_none()) {
        return Err(expected(name, "name", "a string"));
    }
    let expect = word(node)?;
    let except = optional(node, "except", END)?;
    let asked = match expect {
        Expected::Isolated => isolated(node)?,
        Expected::NoInternet => no_internet(node)?,
        Expected::Allow | Expected::Deny | Expected::Unknown => flows(node)?,
    };
    Ok(Expectation { expect, asked, except })
}

fn word(node: &Node<'_>) -> Result<Expected, Fault> {
    let words = EXPECTED.map(|(word, _)| word);
    let what = "allow, deny, unknown, isolated or no-internet";
    let Some(given) = node.get("expect") else { return Err(missing(node, "expect", what)) };
    let Value::Str(text) = &given.value else { return Err(expected(given, "expect", what)) };
    let known = EXPECTED.iter().find(|(word, _)| word == text).map(|(_, expect)| *expect);
    known.ok_or_else(|| {
        let meant = nearest(text, words).map(|meant| format!(": did you mean `{meant}`?"));
        let meant = meant.unwrap_or_else(|| format!(": use {what}"));
        Fault { span: given.span, message: format!("`{text}` is not an expectation{meant}") }
    })
}

fn flows(node: &Node<'_>) -> Result<Asked, Fault> {
    refuse(node, &["pods", "direction"], "a flow has from and to")?;
    let (from, to) = (required(node, "from", END)?, required(node, "to", END)?);
    Ok(Asked::Flows { from, to, ports: ports(node)? })
}

fn isolated(node: &Node<'_>) -> Result<Asked, Fault> {
    refuse(node, &["from", "to", "port", "protocol"], "`isolated` has pods and direction")?;
    let pods = required(node, "pods", END)?;
    let directions = match node.get("direction") {
        None => Direction::BOTH.to_vec(),
        Some(given) => vec![direction(given)?],
    };
    Ok(Asked::Isolated { pods, directions })
}

fn direction(node: &Node<'_>) -> Result<Direction, Fault> {
    let mut both = Direction::BOTH.into_iter();
    let known = both.find(|direction| node.as_str() == Some(direction.field()));
    known.ok_or_else(|| expected(node, "direction", "ingress or egress"))
}

fn no_internet(node: &Node<'_>) -> Result<Asked, Fault> {
    let others = ["from", "to", "port", "protocol", "direction"];
    refuse(node, &others, "`no-internet` has pods")?;
    Ok(Asked::NoInternet { pods: required(node, "pods", END)? })
}

/// The ports that are asked about: every one of every protocol if none is written.
fn ports(node: &Node<'_>) -> Result<Vec<AskedPort>, Fault> {
    let protocol = node.get("protocol").map(protocol).transpose()?;
    let Some(given) = node.get("port") else {
        let all = [Protocol::Tcp, Protocol::Udp, Protocol::Sctp];
        let all = protocol.map_or_else(|| all.to_vec(), |only| vec![only]);
        let whole = PortQuery::Range(1, u16::MAX);
        return Ok(all.into_iter().map(|of| AskedPort::new(whole.clone(), of)).collect());
    };
    match &given.value {
        Value::Seq(items) if items.is_empty() => Err(expected(given, "port", PORT)),
        Value::Seq(items) => items.iter().map(|item| port(item, protocol)).collect(),
        _ => Ok(vec![port(given, protocol)?]),
    }
}

fn port(node: &Node<'_>, protocol: Option<Protocol>) -> Result<AskedPort, Fault> {
    let text = match &node.value {
        Value::Str(_) | Value::Number(_) => shown(node).unwrap_or_default(),
        _ => return Err(expected(node, "port", PORT)),
    };
    let read = PortQuery::parse(&text, protocol);
    let (port, protocol) =
        read.map_err(|error| Fault { span: node.span, message: error.message })?;
    Ok(AskedPort::new(port, protocol))
}

fn protocol(node: &Node<'_>) -> Result<Protocol, Fault> {
    let Some(name) = node.as_str() else {
        return Err(expected(node, "protocol", "TCP, UDP or SCTP"));
    };
    parse_protocol(name).map_err(|error| Fault { span: node.span, message: error.message })
}

fn required(node: &Node<'_>, field: &str, what: &str) -> Result<Vec<String>, Fault> {
    let given = node.get(field).ok_or_else(|| missing(node, field, what))?;
    let read = texts(given, field, what)?;
    if read.is_empty() { Err(expected(given, field, what)) } else { Ok(read) }
}

fn optional(node: &Node<'_>, field: &str, what: &str) -> Result<Vec<String>, Fault> {
    node.get(field).map_or_else(|| Ok(Vec::new()), |given| texts(given, field, what))
}

/// A text, or a list of texts.
fn texts(node: &Node<'_>, field: &str, what: &str) -> Result<Vec<String>, Fault> {
    let one = |node: &Node<'_>| match &node.value {
        Value::Str(text) => Ok(text.to_string()),
        _ => Err(expected(node, field, what)),
    };
    match &node.value {
        Value::Seq(items) => items.iter().map(one).collect(),
        _ => Ok(vec![one(node)?]),
    }
}

fn check_keys(node: &Node<'_>, known: &[&'static str], has: &str) -> Result<(), Fault> {
    let Value::Map(entries) = &node.value else { return Ok(()) };
    let Some(other) = entries.iter().find(|entry| !known.contains(&&*entry.key)) else {
        return Ok(());
    };
    let name = &other.key;
    let message = match nearest(name, known.iter().copied()) {
        Some(meant) => format!("unknown field `{name}`: did you mean `{meant}`?"),
        None => format!("unknown field `{name}`: {has}"),
    };
    Err(Fault { span: other.key_span, message })
}

/// That a field does not belong to what is expected.
fn refuse(node: &Node<'_>, fields: &[&str], why: &str) -> Result<(), Fault> {
    let Value::Map(entries) = &node.value else { return Ok(()) };
    match entries.iter().find(|entry| fields.contains(&&*entry.key)) {
        None => Ok(()),
        Some(entry) => {
            let message = format!("`{}` has no meaning here: {why}", entry.key);
            Err(Fault { span: entry.key_span, message })
        }
    }
}

fn missing(node: &Node<'_>, field: &str, what: &str) -> Fault {
    Fault { span: node.span, message: format!("`{field}` is missing: {what} expected") }
}

fn expected(node: &Node<'_>, field: &str, what: &str) -> Fault {
    let found = match (&node.value, shown(node)) {
        (Value::Number(_) | Value::Str(_), Some(text)) => format!("`{text}`"),
        (other, _) => other.describe().to_owned(),
    };
    Fault { span: node.span, message: format!("`{field}` is {found}: {what} expected") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(text: &str) -> String {
        match Expectations::read("f", text) {
            Err(error) => error.to_string(),
            Ok(read) => {
                let mut entries = read.entries.iter();
                let found = entries.find_map(|entry| {
                    let message = entry.asked.as_ref().err()?;
                    Some(format!("{}:{}: {message}", entry.line, entry.column))
                });
                found.unwrap_or_default()
            }
        }
    }

    #[test]
    fn what_is_wrong_is_said_where_it_stands() {
        for (text, said) in [
            ("", "f:1:1: there are no expectations in it"),
            ("expect: []", "f:1:9: there are no expectations in it"),
            ("a", "f:1:1: this is a string, not a mapping"),
            (
                "manifest: a\nexpect: []",
                "f:1:1: unknown field `manifest`: did you mean `manifests`?",
            ),
            ("manifests: [1]\nexpect: []", "f:1:13: `manifests` is `1`: a path"),
            ("manifests: a", "f:1:1: `expect` is missing"),
            ("# c\n---\n- {form: a/b}", "3:4: unknown field `form`: did you mean `from`?"),
            ("- {from: a/b, from: a/c}", "duplicate key"),
            ("- {from: a/b, to: a/c}\n---\n- {}", "f:2:1: a second document"),
            (
                "- {from: a/b, to: a/c, expect: alow}",
                "1:32: `alow` is not an expectation: did you mean `allow`?",
            ),
            ("- {from: a/b, to: a/c, port: 0, expect: deny}", "1:30: `0` is not a valid port"),
            ("- {from: a/b, to: a/c, port: [80, true], expect: deny}", "1:35: `port` is a boolean"),
            ("- {from: a/b, port: 80, expect: deny}", "1:3: `to` is missing: NAMESPACE/NAME"),
            (
                "- {pods: a/*, port: 80, expect: isolated}",
                "1:15: `port` has no meaning here: `isolated` has pods",
            ),
            (
                "- {pods: a/*, direction: in, expect: isolated}",
                "1:26: `direction` is `in`: ingress or egress",
            ),
            ("- {pods: a/*, from: a/b, expect: no-internet}", "`from` has no meaning here"),
            ("- {from: a/b, to: [], expect: deny}", "1:19: `to` is a list"),
            ("- {from: a/b, to: a/c", "f:"),
        ] {
            let found = error(text);
            assert!(found.contains(said), "{text:?}: {found:?}");
        }
    }

    #[test]
    fn a_list_of_flows_is_a_file_of_expectations() {
        let text = "- {name: n, from: a/b, to: a/c, port: 53/UDP, expect: deny}\n";
        let read = Expectations::read("f", text).unwrap();
        assert_eq!((read.indent, read.entries.len()), (Some(0), 1));
        let indented = "manifests: m\nexpect:\n  - from: a/b\n    to: a/c\n    expect: allow\n";
        let read = Expectations::read("f", indented).unwrap();
        assert_eq!((read.indent, &*read.manifests), (Some(2), &["m".to_owned()][..]));
        let Ok(Expectation { asked: Asked::Flows { ports, .. }, .. }) = &read.entries[0].asked
        else {
            panic!("not a flow");
        };
        assert_eq!(ports.len(), 3, "every protocol");
    }
}
