//! A finding with the line that it is about.

use std::ops::Range;
use std::sync::Arc;

use annotate_snippets::{AnnotationKind, Group, Level, Renderer, Snippet};
use portcullis_engine::Session;
use portcullis_engine::report::text::{Plain, Style};
use portcullis_engine::report::{DiagnosticReport, Location, Severity};

/// Of a line longer than this, as printed JSON has, only the surroundings of the place are shown:
/// each finding would cost as much as the whole line.
const LONG: usize = 2_000;

/// How many characters are shown before the place and after it.
const AROUND: usize = 60;

/// Draws findings. Keeps the lines of one file at a time: findings come sorted by file.
pub struct Excerpts<'s> {
    session: &'s Session,
    renderer: Renderer,
    file: Option<(Arc<str>, Vec<&'s str>)>,
    /// Line, column and byte of the last place in a long line: the next is behind it.
    last: (u32, u32, usize),
}

impl<'s> Excerpts<'s> {
    pub fn new(session: &'s Session, style: Style) -> Self {
        let renderer = match style {
            Style::Plain => Renderer::plain(),
            Style::Ansi => Renderer::styled(),
        };
        Self { session, renderer, file: None, last: (0, 1, 0) }
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
        let part = line.map(|(at, line)| (at, self.part(at, line)));
        if let Some((at, part)) = &part {
            let annotation = AnnotationKind::Primary.span(part.span.clone());
            let snippet = Snippet::source(part.text).path(Plain(&at.file).to_string());
            let snippet = snippet.line_start(at.line as usize).fold(false);
            group = group.element(snippet.annotation(annotation));
        }
        let help = finding.help.as_deref().map(|help| Plain(help).to_string());
        let help = help.map(|help| Group::with_title(Level::HELP.secondary_title(help)));
        let groups: Vec<Group<'_>> = std::iter::once(group).chain(help).collect();
        let text = self.renderer.render(&groups);
        match part {
            Some((at, Part { cut: Some(column), .. })) => with_column(&text, at, column),
            _ => text,
        }
    }

    /// What is shown of a line, which is most of the time all of it.
    fn part<'a>(&mut self, at: &Location, line: &'a str) -> Part<'a> {
        if line.len() <= LONG {
            return Part { text: line, span: stretch(line, at), cut: None };
        }
        let start = self.byte(at, line);
        let (before, after) = line.split_at_checked(start).unwrap_or((line, ""));
        let left = before.char_indices().rev().take(AROUND).last().map_or(start, |(i, _)| i);
        let length = match at.end_line > at.line {
            true => AROUND,
            false => AROUND.min(at.end_column.saturating_sub(at.column) as usize),
        };
        let ahead = |count| after.char_indices().map(|(i, _)| i).nth(count).unwrap_or(after.len());
        let text = line.get(left..start + ahead(length + AROUND)).unwrap_or_default();
        let (start, end) = (start - left, start - left + ahead(length));
        let column = text.get(..start).unwrap_or_default().chars().count() + 1;
        Part { text, span: start..end, cut: Some(column) }
    }

    /// The byte of a long line at which a place begins.
    fn byte(&mut self, at: &Location, line: &str) -> usize {
        let (known, column, byte) = self.last;
        let (column, byte) = if (known, column) <= (at.line, at.column) && known == at.line {
            (column, byte)
        } else {
            (1, 0)
        };
        let rest = line.get(byte..).unwrap_or_default();
        let ahead = rest.char_indices().map(|(i, _)| i).nth((at.column - column) as usize);
        let byte = byte + ahead.unwrap_or(rest.len());
        self.last = (at.line, at.column, byte);
        byte
    }

    fn line(&mut self, at: &Location) -> Option<&'s str> {
        if self.file.as_ref().is_none_or(|(name, _)| *name != at.file) {
            let session: &'s Session = self.session;
            let file = session.files().iter().find(|file| file.name == at.file)?;
            self.file = Some((at.file.clone(), lines(&file.text)));
            self.last = (0, 1, 0);
        }
        let (_, lines) = self.file.as_ref()?;
        lines.get(at.line as usize - 1).copied()
    }
}

/// What is shown of a line.
struct Part<'a> {
    text: &'a str,
    /// The bytes of it that are meant.
    span: Range<usize>,
    /// The column in it, if it does not begin where the line does.
    cut: Option<usize>,
}

/// The renderer counts columns from where what it is given begins; here they are set right.
fn with_column(text: &str, at: &Location, column: usize) -> String {
    let place = |column| format!("{}:{}:{column}", Plain(&at.file), at.line);
    text.replacen(&place(column), &place(at.column as usize), 1)
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
    use portcullis_engine::{Change, Options, SourceFile};

    use super::*;

    /// Of a line of thousands of characters a part is shown, with the column that the line has.
    #[test]
    fn of_a_long_line_the_surroundings_are_shown() {
        let bad = r#"{"apiVersion":"v1","kind":"Pod","metadata":{"name":"É"}}"#;
        let items = vec![bad; 50].join(",");
        let text = format!(r#"{{"apiVersion":"v1","kind":"List","items":[{items}]}}"#);
        let file = SourceFile::new("f.json", text.as_bytes());
        let session = Session::new(Options::default()).apply(vec![Change::Put(file)]);
        let found = session.check().diagnostics;
        let mut excerpts = Excerpts::new(&session, Style::Plain);
        // Forwards as they come, and back.
        for number in (0..found.len()).chain([7]) {
            let column = 94 + number * 57;
            let excerpt = excerpts.of(&found[number]);
            let lines: Vec<&str> = excerpt.lines().collect();
            assert_eq!(lines[1].trim(), format!("--> f.json:1:{column}"));
            let caret = lines[4].find('^').unwrap();
            let shown: String = lines[3].chars().skip(caret).take(3).collect();
            assert_eq!((&*shown, lines[4].matches('^').count()), ("\"É\"", 3));
        }
    }

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
