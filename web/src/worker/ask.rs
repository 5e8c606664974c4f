//! Questions of the editor about a place in a file: answered as soon as they come, apart from what
//! is drawn.

use portcullis_engine::language::{Completions, Filled, Hover, Jump, Lens};
use portcullis_engine::report::text::{ListFormat, list};
use portcullis_engine::source::Position;
use portcullis_engine::{ListFilter, Session, SourceFile};
use serde::{Deserialize, Serialize};

/// A question about a place; for the margin, `line` and `column` are the first and the last line.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Ask {
    /// The answer has the same number.
    pub ask: u32,
    pub kind: AskKind,
    pub file: String,
    pub line: u32,
    pub column: u32,
    /// The line as the editor has it, of the margin the last one: an answer about another text would
    /// stand in the wrong place.
    pub text: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AskKind {
    Complete,
    Hover,
    Margin,
    Definition,
    References,
    /// The list of all connections, whatever the place is.
    List(Form),
}

/// A form of a list, for a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Form {
    Csv,
    Dot,
    Markdown,
    Mermaid,
}

impl From<Form> for ListFormat {
    fn from(form: Form) -> Self {
        match form {
            Form::Csv => Self::Csv,
            Form::Dot => Self::Dot,
            Form::Markdown => Self::Markdown,
            Form::Mermaid => Self::Mermaid,
        }
    }
}

/// An answer for the editor; none where there is nothing to say, or the text is another one.
#[derive(Debug, Serialize)]
pub struct Answered {
    pub asked: u32,
    pub answer: Option<Answer>,
}

/// As `web/js/src/editor/types.ts` has it.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub enum Answer {
    Completions(Completions),
    Hover(Hover),
    Margin(Margin),
    Jumps(Vec<Jump>),
    List(String),
}

/// Words at the ends of lines: whom selectors mean, and what the API server fills in.
#[derive(Debug, Serialize)]
pub struct Margin {
    lenses: Vec<Lens>,
    filled: Vec<Filled>,
}

pub fn answer(session: &Session, ask: &Ask) -> Answered {
    let answer = is_current(session, ask).then(|| say(session, ask)).flatten();
    Answered { asked: ask.ask, answer }
}

fn say(session: &Session, ask: &Ask) -> Option<Answer> {
    let Ask { file, line, column, .. } = ask;
    let place = Position { line: *line, column: *column };
    Some(match ask.kind {
        AskKind::Complete => Answer::Completions(session.complete(file, place)?),
        AskKind::Hover => Answer::Hover(session.hover(file, place)?),
        AskKind::Margin => Answer::Margin(Margin {
            lenses: session.lenses(file, *line..=*column),
            filled: session.filled_in(file, *line..=*column),
        }),
        AskKind::Definition => Answer::Jumps(session.definition(file, place)),
        AskKind::References => Answer::Jumps(session.references(file, place)),
        AskKind::List(form) => {
            // As the command writes them.
            let filter = ListFilter { certain_only: true, ..ListFilter::default() };
            Answer::List(list(&session.list(&filter), form.into()))
        }
    })
}

fn is_current(session: &Session, ask: &Ask) -> bool {
    if let AskKind::List(_) = ask.kind {
        return true;
    }
    let line = if ask.kind == AskKind::Margin { ask.column } else { ask.line };
    let file = session.files().iter().find(|file| *file.name == *ask.file);
    file.is_some_and(|file| line_of(file, line) == ask.text)
}

fn line_of(file: &SourceFile, line: u32) -> &str {
    let start = file.lines().offset(&file.text, Position { line, column: 1 });
    let rest = file.text.get(start..).unwrap_or_default();
    rest.split(['\n', '\r']).next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use portcullis_engine::{Change, Options};

    const POLICY: &str = "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {name: a}\nspec:\n  podSelector: {}\n";

    fn asked(kind: AskKind, (line, column): (u32, u32), text: &str) -> Option<Answer> {
        let put = Change::Put(SourceFile::new("a", POLICY.as_bytes()));
        let session = Session::new(Options::default()).apply(vec![put]);
        let text = text.to_owned();
        answer(&session, &Ask { ask: 7, kind, file: "a".into(), line, column, text }).answer
    }

    #[test]
    fn a_question_about_another_text_is_not_answered() {
        let place = (5, 5);
        assert!(asked(AskKind::Hover, place, "  podSelector: {}").is_some());
        assert!(asked(AskKind::Hover, place, "  podSelector: {").is_none());
        assert!(asked(AskKind::Hover, (9, 1), "x").is_none());
    }

    #[test]
    fn every_kind_of_question_is_answered() {
        let said = |kind, place, text| asked(kind, place, text).is_some();
        assert!(said(AskKind::Complete, (5, 6), "  podSelector: {}"));
        assert!(said(AskKind::Margin, (1, 6), ""));
        assert!(said(AskKind::Definition, (5, 5), "  podSelector: {}"));
        assert!(said(AskKind::References, (3, 1), "metadata: {name: a}"));
        for form in [Form::Csv, Form::Dot, Form::Markdown, Form::Mermaid] {
            let list = asked(AskKind::List(form), (0, 0), "");
            assert!(matches!(list, Some(Answer::List(text)) if !text.is_empty()));
        }
    }
}
