//! What the API server fills in, as faint words for the editor.

use portcullis_engine::manifest::{Body, Direction, NetworkPolicy, Object, Part};
use portcullis_engine::{Session, SourceFile};

use super::desk::first_line;
use super::message::Hint;

/// Defaults of all policies, by file and line.
pub fn hints(session: &Session) -> Vec<Hint> {
    let mut hints = Vec::new();
    for file in session.files() {
        for part in &file.parts {
            for object in &part.document.objects {
                if let Body::Policy(policy) = &object.body {
                    types(&mut hints, (file, part), (object, policy));
                    protocols(&mut hints, (file, part), policy);
                }
            }
        }
    }
    hints
}

/// After `spec:`, where `policyTypes` was left out. Only where it is a line of its own: in flow
/// style the words would stand for more than one field.
fn types(hints: &mut Vec<Hint>, place: (&SourceFile, &Part), of: (&Object, &NetworkPolicy)) {
    let ((file, part), (object, policy)) = (place, of);
    if policy.types_written {
        return;
    }
    let start = part.range.start + object.span.start as usize;
    let text = file.text.get(start..part.range.end).unwrap_or_default();
    let mut offset = start;
    for line in text.split_inclusive('\n') {
        if line.trim_end() == "spec:" {
            let types =
                if policy.isolates(Direction::Egress) { "Ingress, Egress" } else { "Ingress" };
            hints.push(Hint {
                file: file.name.to_string(),
                line: first_line(file, offset),
                text: format!("policyTypes: [{types}]"),
            });
            return;
        }
        offset += line.len();
    }
}

fn protocols(hints: &mut Vec<Hint>, (file, part): (&SourceFile, &Part), policy: &NetworkPolicy) {
    let rules = Direction::BOTH.into_iter().flat_map(|direction| policy.rules(direction));
    for port in rules.flat_map(|rule| &rule.ports) {
        let (start, end) = (port.span.start as usize, port.span.end as usize);
        let (start, end) = (part.range.start + start, part.range.start + end);
        let Some(text) = file.text.get(start..end) else {
            continue;
        };
        if !text.contains("protocol") && !text.starts_with('{') {
            let last = start + text.trim_end().len();
            hints.push(Hint {
                file: file.name.to_string(),
                line: first_line(file, last),
                text: format!("protocol: {}", port.protocol),
            });
        }
    }
}
