//! Many flows at once: `--flows FILE`.
//!
//! A flow that makes no sense is refused by itself, with its number and its line; the others are
//! judged.

mod entry;
mod junit;
mod place;
mod write;

use std::path::Path;
use std::sync::Arc;

use portcullis_engine::report::{
    FlowAnswer, FlowError, FlowErrorCode, FlowQuery, FlowResult, Verdict,
};
use portcullis_engine::{Session, tree};
use thiserror::Error;

use crate::input::{self, InputError};
use entry::{Entry, Fault, flow};
pub use junit::suite;
use place::{Place, Places};
pub use write::write_answer;

/// Why no flow could be read.
#[derive(Debug, Error)]
pub enum FlowsError {
    #[error(transparent)]
    Input(#[from] InputError),
    #[error("{file}: {reason}")]
    Syntax { file: String, reason: String },
    #[error("{file}: this is {found}, not a list of {{from, to, protocol, port}}")]
    NoList { file: String, found: &'static str },
    #[error("{file}: there are no flows in it")]
    Empty { file: String },
}

/// A flow of the file: a question with what is expected of the answer, or why it is none.
#[derive(Clone)]
pub struct Flow {
    name: Option<String>,
    asked: Result<(FlowQuery, Option<Verdict>), Box<FlowError>>,
    place: Place,
}

/// Reads the flows of a file, or of the standard input.
///
/// # Errors
/// If it is no list in YAML or JSON, or if there is nothing in it: a test of nothing is a mistake.
pub fn read(path: &Path) -> Result<Vec<Flow>, FlowsError> {
    let bytes = input::read_bytes(path)?;
    let file = input::name(path);
    let syntax = |reason: String| FlowsError::Syntax { file: file.clone(), reason };
    let text =
        String::from_utf8(bytes).map_err(|_| syntax("not a text file: invalid UTF-8".into()))?;
    let entries = match parse(&text).map_err(|error| syntax(error.to_string()))? {
        Entry::List(entries) if entries.is_empty() => return Err(FlowsError::Empty { file }),
        Entry::List(entries) => entries,
        other => {
            let found = other.describe();
            return Err(FlowsError::NoList { file, found });
        }
    };
    let places = Places::new(&text, &file);
    Ok((0..).zip(entries).map(|(index, entry)| read_entry(&entry, &places, index)).collect())
}

/// JSON is YAML, but a reader of JSON is many times faster.
fn parse(text: &str) -> Result<Entry, serde_yaml::Error> {
    let json = tree::looks_like_json(text).then(|| serde_json::from_str(text).ok());
    match json.flatten() {
        Some(entries) => Ok(entries),
        None => serde_yaml::from_str(text),
    }
}

fn read_entry(entry: &Entry, places: &Places<'_>, index: usize) -> Flow {
    let name = entry.field("name").map(entry::show);
    match flow(entry) {
        Ok(asked) => Flow { name, asked: Ok(asked), place: places.of(index, None) },
        Err(fault) => {
            let place = places.of(index, fault.field);
            let refused = refuse(entry, fault, &place);
            Flow { name, asked: Err(Box::new(refused)), place }
        }
    }
}

impl Flow {
    /// Judges the flow; `expect` is expected of its answer unless the file says what is.
    pub fn answer(self, session: &Session, expect: Option<Verdict>) -> FlowAnswer {
        let Self { name, asked, place } = self;
        let (query, own) = match asked {
            Ok(flow) => flow,
            Err(refused) => return FlowAnswer::Refused(Box::new(FlowError { name, ..*refused })),
        };
        match session.evaluate(&query) {
            Ok(report) => {
                FlowAnswer::Given(Box::new(FlowResult::new(name, own.or(expect), report)))
            }
            Err(error) => {
                let error = error.expecting(own.or(expect));
                let refused = FlowError::query(place.number(), &query, error.message);
                FlowAnswer::Refused(Box::new(FlowError { name, ..at(refused, &place) }))
            }
        }
    }
}

fn refuse(entry: &Entry, fault: Fault, place: &Place) -> FlowError {
    let field = |name: &str| entry.field(name).map(entry::show);
    let refused = FlowError {
        from: field("from"),
        to: field("to"),
        protocol: field("protocol"),
        port: field("port"),
        code: FlowErrorCode::Argument,
        ..FlowError::argument(place.number(), fault.message)
    };
    at(refused, place)
}

fn at(refused: FlowError, place: &Place) -> FlowError {
    let file = Some(Arc::from(&*place.file));
    FlowError { file, line: place.line, column: place.column, ..refused }
}
