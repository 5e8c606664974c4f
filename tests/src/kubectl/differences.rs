//! Where the engine differs from kubectl, and why.

use super::{Answer, comparable};

/// A difference on purpose, or one that is not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Difference {
    /// Bytes that are not text: kubectl takes other characters instead, where it reads a file, or
    /// in JSON. The engine refuses the document.
    Bytes,
    /// Text after `---` in its line: kubectl stops, and has lost the document before. The engine
    /// refuses the document that begins there.
    Separator,
    /// Nesting and aliases: the engine's limits are lower than kubectl's.
    Limits,
    /// After several values of JSON and something else, kubectl reads nothing more of a file. The
    /// engine goes on at the next `---`.
    JsonStream,
    /// Control characters after the end of a document: kubectl finds some of them, depending on
    /// how far away they are. The engine finds all.
    AfterTheEnd,
    /// A byte order mark that begins neither the file nor what follows a `---`: kubectl skips one,
    /// or one character of each line, depending on where it stands. To the engine it is a
    /// character.
    Mark,
    /// What begins like JSON, is not, and has less than four bytes left: kubectl does not try YAML.
    Short,
    /// `\ud800` in JSON is half a character: kubectl takes another one instead, the engine refuses
    /// the document.
    HalfCharacter,
    /// `...` next after `---`: kubectl takes that at the start of a file and refuses it elsewhere. To
    /// the engine it is an empty document.
    EmptyAndEnded,
    /// `---#`: kubectl takes it for a value at the start of a file, and for a separator elsewhere. To
    /// the engine it is one everywhere.
    Hash,
    /// `%` after the end of a document: kubectl looks at it, and then at nothing that follows. The
    /// engine refuses it as it does before a document.
    Directive,
    /// A number in JSON beyond 64 bits: kubectl refuses that value and goes on with the next one.
    /// The engine refuses all that follow in this document.
    LargeNumber,
    /// A key that is nothing, or a number that JSON does not have, in a value that a second key of
    /// the same name overrides: kubectl has not looked at it.
    Overridden,
    /// None is known to be wanted.
    Unwanted,
}

/// How the engine's answers differ from kubectl's; none if they do not.
pub fn difference(text: &[u8], engine: &[Answer], kubectl: &[Answer]) -> Option<Difference> {
    let same = comparable(text, engine) == comparable(text, kubectl);
    (!same).then(|| why(&String::from_utf8_lossy(text), engine, kubectl))
}

fn why(text: &str, engine: &[Answer], kubectl: &[Answer]) -> Difference {
    let ours = |words: &str| refusal(engine, words);
    let theirs = |words: &str| refusal(kubectl, words);
    let shut = text.contains("...");
    if ours("not a text file") {
        Difference::Bytes
    } else if ours("may follow `---`") {
        Difference::Separator
    } else if ours("nested deeper") || ours("aliases expand") {
        Difference::Limits
    } else if ends_in_json(kubectl) {
        Difference::JsonStream
    } else if text.contains(|c: char| c.is_control() && !c.is_ascii_whitespace()) {
        Difference::AfterTheEnd
    } else if text.trim_start_matches('\u{FEFF}').contains('\u{FEFF}') {
        Difference::Mark
    } else if text.contains("---#") {
        Difference::Hash
    } else if ours("directives") {
        Difference::Directive
    } else if ours("too large a number") {
        Difference::LargeNumber
    } else if theirs("decoding failed as both")
        || kubectl.iter().any(|answer| is_short(answer, text))
    {
        Difference::Short
    } else if text.contains("\\u") && ours("not valid JSON") {
        Difference::HalfCharacter
    } else if shut && theirs("did not find expected node content") {
        Difference::EmptyAndEnded
    } else if ours("not nothing") || ours("no infinity") {
        Difference::Overridden
    } else {
        Difference::Unwanted
    }
}

/// Whether kubectl stopped after several values of JSON: the error has no place then.
fn ends_in_json(kubectl: &[Answer]) -> bool {
    let last = kubectl.split_last();
    last.is_some_and(|(last, before)| match last {
        Answer::Refused(why) => before.len() > 1 && why.starts_with("invalid character"),
        Answer::Value(_) => false,
    })
}

/// Whether JSON was refused so near the end that nothing else was tried.
fn is_short(answer: &Answer, text: &str) -> bool {
    let Answer::Refused(why) = answer else { return false };
    if why == "unexpected EOF" {
        return true;
    }
    let offset = why.strip_prefix("json: offset ").and_then(|rest| rest.split(':').next());
    offset.and_then(|offset| offset.parse::<usize>().ok()).is_some_and(|at| at + 4 > text.len())
}

fn refusal(answers: &[Answer], words: &str) -> bool {
    let says = |answer: &Answer| matches!(answer, Answer::Refused(why) if why.contains(words));
    answers.iter().any(says)
}
