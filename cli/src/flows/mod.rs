//! Many flows at once: `--flows FILE`.
//!
//! A flow that makes no sense is refused by itself, with its index and its line; the others are
//! judged.

mod entry;
mod place;

use std::fmt::{self, Write};
use std::path::Path;

use portcullis_engine::report::text::{Ink, Plain, Style};
use portcullis_engine::report::{FlowQuery, FlowReport, PortQuery};
use portcullis_engine::{Session, tree};
use serde::Serialize;
use serde_yaml::Value;
use thiserror::Error;

use crate::input::{self, InputError};
use entry::{Entry, query};
use place::{Place, Places};

/// Why no flow could be read.
#[derive(Debug, Error)]
pub enum FlowsError {
    #[error(transparent)]
    Input(#[from] InputError),
    #[error("{file}: {reason}")]
    Syntax { file: String, reason: String },
    #[error("{file}: this is {found}, not a list of {{from, to, protocol, port}}")]
    NoList { file: String, found: &'static str },
}

/// A flow of the file: a question, or why it is none.
pub struct Flow(Result<(FlowQuery, Place), Box<Refused>>);

/// The answer to one flow, in JSON a report or a refusal without a verdict.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub enum Answer {
    Given(Box<FlowReport>),
    Refused(Box<Refused>),
}

/// A flow that cannot be judged.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Refused {
    /// Fields as the file has them, where it has them.
    #[serde(skip_serializing_if = "Option::is_none")]
    from: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    to: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    protocol: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    port: Option<Value>,
    /// Why.
    error: String,
    #[serde(flatten)]
    place: Place,
}

/// Reads the flows of a file, or of the standard input.
///
/// # Errors
/// If it is no list in YAML or JSON.
pub fn read(path: &Path) -> Result<Vec<Flow>, FlowsError> {
    let bytes = input::read_bytes(path)?;
    let file = input::name(path);
    let syntax = |reason: String| FlowsError::Syntax { file: file.clone(), reason };
    let text =
        String::from_utf8(bytes).map_err(|_| syntax("not a text file: invalid UTF-8".into()))?;
    let entries = match parse(&text).map_err(|error| syntax(error.to_string()))? {
        Entry::List(entries) => entries,
        other => {
            let found = other.describe();
            return Err(FlowsError::NoList { file, found });
        }
    };
    let places = Places::new(&text, &file);
    let flows = (0..).zip(entries).map(|(index, entry)| match query(&entry) {
        Ok(query) => Flow(Ok((query, places.of(index, None)))),
        Err(fault) => {
            let place = places.of(index, fault.field);
            Flow(Err(Box::new(refuse(&entry, fault.message, place))))
        }
    });
    Ok(flows.collect())
}

/// JSON is YAML, but a reader of JSON is many times faster.
fn parse(text: &str) -> Result<Entry, serde_yaml::Error> {
    let json = tree::looks_like_json(text).then(|| serde_json::from_str(text).ok());
    match json.flatten() {
        Some(entries) => Ok(entries),
        None => serde_yaml::from_str(text),
    }
}

impl Flow {
    /// Judges the flow.
    pub fn answer(self, session: &Session) -> Answer {
        let (query, place) = match self.0 {
            Ok(flow) => flow,
            Err(refused) => return Answer::Refused(refused),
        };
        match session.evaluate(&query) {
            Ok(report) => Answer::Given(Box::new(report)),
            Err(error) => Answer::Refused(Box::new(Refused {
                from: Some(query.from.into()),
                to: Some(query.to.into()),
                protocol: Some(query.protocol.name().into()),
                port: Some(port_value(&query.port)),
                error: error.message,
                place,
            })),
        }
    }
}

impl Refused {
    /// Writes the refusal where the verdict would stand.
    pub fn write(&self, style: Style, out: &mut dyn Write) -> fmt::Result {
        let of = |value: &Option<Value>| value.as_ref().map_or_else(|| "?".into(), entry::show);
        let (from, to, port) = (of(&self.from), of(&self.to), of(&self.port));
        let protocol = self.protocol.as_ref().map_or_else(|| "TCP".into(), entry::show);
        let word = style.paint(Ink::Bad, "invalid");
        let flow = format!("{from} → {to}   {protocol} {port}");
        writeln!(out, "{word}   {}", Plain(&flow))?;
        writeln!(out, "  {}", Plain(&self.error))?;
        writeln!(out, "  {}", style.paint(Ink::Dim, &self.place.text()))
    }
}

/// A port as files have it.
fn port_value(port: &PortQuery) -> Value {
    port.number().map_or_else(|| port.to_string().into(), Value::from)
}

fn refuse(entry: &Entry, error: String, place: Place) -> Refused {
    let field = |name: &str| entry.field(name).cloned();
    Refused {
        from: field("from"),
        to: field("to"),
        protocol: field("protocol"),
        port: field("port"),
        error,
        place,
    }
}
