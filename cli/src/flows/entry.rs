//! From an entry of the file to a question.

use std::fmt;

use portcullis_engine::diagnostic::nearest;
use portcullis_engine::net::Protocol;
use portcullis_engine::report::{FlowQuery, PortQuery, Verdict, parse_protocol, parse_verdict};
use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, SeqAccess, Visitor};
use serde_yaml::Value;

const PORT: &str = "a number from 1 to 65535, a range such as 80-90, or a port's name";
const FIELDS: [&str; 6] = ["name", "from", "to", "protocol", "port", "expect"];

/// What stands in the file, as loosely as it can be read: whatever is wrong with one flow is no
/// error of the whole, a repeated key neither.
#[derive(Clone, Debug)]
pub enum Entry {
    List(Vec<Entry>),
    Fields(Vec<(Value, Value)>),
    Scalar(Value),
}

/// What keeps an entry from being a flow, and the field that it is about.
#[derive(Clone, Debug)]
pub struct Fault {
    pub field: Option<&'static str>,
    pub message: String,
}

impl Entry {
    /// The value of a field, if this has fields.
    pub fn field(&self, name: &str) -> Option<&Value> {
        let Self::Fields(fields) = self else {
            return None;
        };
        fields.iter().find(|(key, _)| key.as_str() == Some(name)).map(|(_, value)| value)
    }

    /// What it is, for messages.
    pub fn describe(&self) -> &'static str {
        match self {
            Self::List(_) => "a list",
            Self::Fields(_) => "a mapping",
            Self::Scalar(value) => describe(value),
        }
    }
}

impl<'de> Deserialize<'de> for Entry {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(EntryVisitor)
    }
}

struct EntryVisitor;

impl<'de> Visitor<'de> for EntryVisitor {
    type Value = Entry;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of flows")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Entry, A::Error> {
        let mut entries = Vec::new();
        while let Some(entry) = list.next_element()? {
            entries.push(entry);
        }
        Ok(Entry::List(entries))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Entry, A::Error> {
        let mut fields = Vec::new();
        while let Some(field) = map.next_entry()? {
            fields.push(field);
        }
        Ok(Entry::Fields(fields))
    }

    fn visit_str<E>(self, text: &str) -> Result<Entry, E> {
        Ok(Entry::Scalar(text.into()))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Entry, E> {
        Ok(Entry::Scalar(number.into()))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Entry, E> {
        Ok(Entry::Scalar(number.into()))
    }

    fn visit_f64<E>(self, number: f64) -> Result<Entry, E> {
        Ok(Entry::Scalar(number.into()))
    }

    fn visit_bool<E>(self, value: bool) -> Result<Entry, E> {
        Ok(Entry::Scalar(value.into()))
    }

    fn visit_none<E>(self) -> Result<Entry, E> {
        Ok(Entry::Scalar(Value::Null))
    }

    fn visit_unit<E>(self) -> Result<Entry, E> {
        Ok(Entry::Scalar(Value::Null))
    }
}

/// The question that an entry asks, and the verdict that it expects.
pub fn flow(entry: &Entry) -> Result<(FlowQuery, Option<Verdict>), Fault> {
    let Entry::Fields(fields) = entry else {
        let found = entry.describe();
        return Err(fault(format!("this is {found}, not {{from, to, protocol, port}}")));
    };
    check_keys(fields)?;
    let text = |name| match entry.field(name) {
        Some(Value::String(text)) => Ok(text.clone()),
        other => Err(expected(name, "NAMESPACE/NAME or an address", other)),
    };
    let (from, to) = (text("from")?, text("to")?);
    let given = protocol(entry.field("protocol"))?;
    let (port, protocol) = port(entry.field("port"), given)?;
    let expect = expect(entry.field("expect"))?;
    if !matches!(entry.field("name"), None | Some(Value::String(_) | Value::Number(_))) {
        return Err(expected("name", "a string", entry.field("name")));
    }
    Ok((FlowQuery { from, to, protocol, port }, expect))
}

fn fault(message: String) -> Fault {
    Fault { field: None, message }
}

fn check_keys(fields: &[(Value, Value)]) -> Result<(), Fault> {
    for (index, (key, _)) in fields.iter().enumerate() {
        let name = show(key);
        if !FIELDS.contains(&&*name) {
            return Err(fault(match nearest(&name, FIELDS) {
                Some(meant) => format!("unknown field `{name}`: did you mean `{meant}`?"),
                None => format!(
                    "unknown field `{name}`: a flow has name, from, to, protocol, port and expect"
                ),
            }));
        }
        if fields.iter().take(index).any(|(earlier, _)| earlier == key) {
            return Err(fault(format!("duplicate key `{name}`")));
        }
    }
    Ok(())
}

fn protocol(given: Option<&Value>) -> Result<Option<Protocol>, Fault> {
    let name = match given {
        None => return Ok(None),
        Some(Value::String(name)) => name,
        other => return Err(expected("protocol", "TCP, UDP or SCTP", other)),
    };
    let protocol = parse_protocol(name);
    protocol.map(Some).map_err(|error| Fault { field: Some("protocol"), message: error.message })
}

fn port(given: Option<&Value>, protocol: Option<Protocol>) -> Result<(PortQuery, Protocol), Fault> {
    let text = match given {
        Some(Value::String(text)) => text.clone(),
        Some(Value::Number(number)) if number.as_u64().is_some_and(is_port) => number.to_string(),
        _ => return Err(expected("port", PORT, given)),
    };
    let port = PortQuery::parse(&text, protocol);
    port.map_err(|error| Fault { field: Some("port"), message: error.message })
}

fn expect(given: Option<&Value>) -> Result<Option<Verdict>, Fault> {
    const WORDS: &str = "allow, deny or unknown";
    match given {
        None => Ok(None),
        Some(Value::String(text)) => {
            let verdict = parse_verdict(text).map(Some);
            verdict.map_err(|error| Fault { field: Some("expect"), message: error.message })
        }
        other => Err(expected("expect", WORDS, other)),
    }
}

fn is_port(number: u64) -> bool {
    (1..=u64::from(u16::MAX)).contains(&number)
}

fn expected(field: &'static str, what: &str, found: Option<&Value>) -> Fault {
    let message = match found {
        None => format!("`{field}` is missing: {what} expected"),
        Some(Value::Number(number)) => format!("`{field}` is {number}: {what} expected"),
        Some(other) => format!("`{field}` is {}: {what} expected", describe(other)),
    };
    Fault { field: found.map(|_| field), message }
}

fn describe(value: &Value) -> &'static str {
    match value {
        Value::Null => "nothing",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Sequence(_) => "a list",
        Value::Mapping(_) => "a mapping",
        Value::Tagged(_) => "a tagged value",
    }
}

/// A value as one writes it.
pub fn show(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Number(number) => number.to_string(),
        Value::Bool(value) => value.to_string(),
        other => describe(other).to_owned(),
    }
}
