//! Which lines are amber: those that decide what is selected.

use portcullis_engine::report::{
    EndReport, EntryEvidence, Location, Match, PolicyEvidence, Verdict,
};
use serde::Serialize;

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
    let locations = match end.verdict {
        Verdict::Allow => {
            end.policies.iter().flat_map(|policy| deciding(policy, Match::Yes)).collect()
        }
        Verdict::Unknown => {
            end.policies.iter().flat_map(|policy| deciding(policy, Match::Unknown)).collect()
        }
        // What stops a flow is that these policies select the pod: where each begins.
        Verdict::Deny => {
            end.policies.iter().filter_map(|p| p.location.as_ref().map(head)).collect::<Vec<_>>()
        }
    };
    locations.iter().map(mark).collect()
}

/// Where a policy's rules that say `admits` stand: their peers and ports that do, or the whole
/// rule where it names none.
pub fn deciding(policy: &PolicyEvidence, admits: Match) -> Vec<Location> {
    let rules = policy.rules.iter().filter(|rule| rule.matches == admits);
    let of_rule = rules.flat_map(|rule| {
        let entries: Vec<&EntryEvidence> =
            rule.peers.iter().chain(&rule.ports).filter(|entry| entry.matches >= admits).collect();
        let own = if entries.is_empty() { rule.location.as_ref().map(head) } else { None };
        own.into_iter().chain(entries.into_iter().filter_map(|entry| entry.location.clone()))
    });
    of_rule.collect()
}

/// The first line of what stands there.
fn head(location: &Location) -> Location {
    Location { end_line: location.line, end_column: location.column + 1, ..location.clone() }
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
