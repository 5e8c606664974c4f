//! A finding with the line that it is about.

use std::ops::Range;
use std::sync::Arc;

use annotate_snippets::{AnnotationKind, Group, Level, Renderer, Snippet};
use portcullis_engine::Session;
use portcullis_engine::report::text::{Plain, Style};
use portcullis_engine::report::{DiagnosticReport, Location, Severity};

/// Draws findings. Keeps the lines of one file at a time: findings come sorted by file.
pub struct Excerpts<'s> {
    session: &'s Session,
    renderer: Renderer,
    file: Option<(Arc<str>, Vec<&'s str>)>,
}

impl<'s> Excerpts<'s> {
    pub fn new(session: &'s Session, style: Style) -> Self {
        let renderer = match style {
            Style::Plain => Renderer::plain(),
            Style::Ansi => Renderer::styled(),
        };
        Self { session, renderer, file: None }
    }

    /// The finding as a title, the line with a caret below, and the help.
    pub fn of(&mut self, finding: &DiagnosticReport) -> String {
        let level = match finding.severity {
            Severity::Error => Level::ERROR,
            Severity::Warning => Level::WARNING,
            Severity::Info => Level::INFO,
        };
        let message = Plain(&finding.message).to_string();
        let title = level.primary_title(message).id(&*finding.code);
        let place = finding.location.as_ref();
        let line = place.and_then(|at| Some((at, self.line(at)?)));
        let mut group = Group::with_title(title);
        let file = place.map(|at| Plain(&at.file).to_string());
        if let (Some((at, line)), Some(file)) = (line, file) {
            let snippet = Snippet::source(line)
                .path(file)
                .line_start(at.line as usize)
                .fold(false)
                .annotation(AnnotationKind::Primary.span(stretch(line, at)));
            group = group.element(snippet);
        }
        let help = finding.help.as_deref().map(|help| Plain(help).to_string());
        let help = help.map(|help| Group::with_title(Level::HELP.secondary_title(help)));
        let groups: Vec<Group<'_>> = std::iter::once(group).chain(help).collect();
        self.renderer.render(&groups)
    }

    fn line(&mut self, at: &Location) -> Option<&'s str> {
        if self.file.as_ref().is_none_or(|(name, _)| *name != at.file) {
            let session: &'s Session = self.session;
            let file = session.files().iter().find(|file| file.name == at.file)?;
            self.file = Some((at.file.clone(), lines(&file.text)));
        }
        let (_, lines) = self.file.as_ref()?;
        lines.get(at.line as usize - 1).copied()
    }
}

/// Lines as positions count them: they end with LF, CRLF or CR.
fn lines(text: &str) -> Vec<&str> {
    let whole = text.split_inclusive('\n');
    let parts =
        whole.flat_map(|line| line.trim_end_matches('\n').trim_end_matches('\r').split('\r'));
    parts.collect()
}

/// The bytes of the line that a place covers; of several lines, those of the first.
fn stretch(line: &str, at: &Location) -> Range<usize> {
    let byte = |column: u32| {
        let mut places = line.char_indices().map(|(byte, _)| byte);
        places.nth(column.saturating_sub(1) as usize).unwrap_or(line.len())
    };
    let start = byte(at.column);
    let end = if at.end_line > at.line { line.len() } else { byte(at.end_column) };
    start..end.max(start)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_counted_as_positions_are() {
        assert_eq!(lines("a\r\nb\rc\nd"), ["a", "b", "c", "d"]);
        assert_eq!(lines("a\n\nb\n"), ["a", "", "b"]);
    }

    #[test]
    fn a_stretch_counts_characters() {
        let at = |column, end_line, end_column| Location {
            file: "f".into(),
            line: 1,
            column,
            end_line,
            end_column,
        };
        assert_eq!(stretch("é: ab", &at(4, 1, 6)), 4..6);
        assert_eq!(stretch("é: ab", &at(4, 3, 2)), 4..6);
        assert_eq!(stretch("ab", &at(9, 1, 12)), 2..2);
    }
}
