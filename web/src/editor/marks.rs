//! Which lines are amber: those that decide what is selected.

use portcullis_engine::report::{EndReport, Location};
use serde::Serialize;

use crate::evidence;
use crate::state::{Selection, State};
use crate::worker::message::FlowAnswer;

/// Whole lines of a file, as the editor takes them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Mark {
    pub file: String,
    pub line: u32,
    pub end_line: u32,
}

/// The lines that decide, the most telling first.
pub fn marks(state: &State) -> Vec<Mark> {
    match &state.selection {
        Selection::Flow => match state.answer.as_deref() {
            Some(FlowAnswer::Judged(judged)) => {
                let evidence = &judged.report.evidence;
                let ends = [&evidence.ingress, &evidence.egress];
                // Of a flow that passes both ends decide; else the one that stops it.
                let deciding = ends.into_iter().filter(|end| end.verdict == judged.report.verdict);
                deciding.flat_map(of_end).collect()
            }
            _ => Vec::new(),
        },
        Selection::Rule => state.rule.iter().map(|rule| mark(&rule.location)).collect(),
        _ => Vec::new(),
    }
}

fn of_end(end: &EndReport) -> Vec<Mark> {
    evidence::deciding(end).flat_map(evidence::lines).map(|location| mark(&location)).collect()
}

fn mark(location: &Location) -> Mark {
    // The end is exclusive: one at the start of a line is the end of the line before.
    let open = location.end_column <= 1 && location.end_line > location.line;
    Mark {
        file: location.file.to_string(),
        line: location.line,
        end_line: location.end_line - u32::from(open),
    }
}
