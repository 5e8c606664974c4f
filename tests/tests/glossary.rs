//! What users read is written in the words of the glossary in `CONTRIBUTING.md`.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, reason = "test code")]

use std::collections::BTreeSet;
use std::fs;
use std::process::Command;

use portcullis_tests::cases::root;

/// Rust sources whose strings users may see.
const SOURCES: &[&str] = &["engine/src", "cli/src", "wasm/src", "web/src", "nodes-agent/src"];

/// Of these, the ones whose `///` comments users see too: as help, types or documentation.
const DOCUMENTED: &[&str] = &[
    "cli/src/args.rs",
    "cli/src/render.rs",
    "engine/src/diagnostic/code.rs",
    "engine/src/report/types.rs",
    "nodes-agent/src/kernel/iptables/tables.rs",
    "nodes-agent/src/options/mod.rs",
    "wasm/src/lib.rs",
];

/// Files and folders that users read as they are.
const PROSE: &[&str] = &[
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "Makefile",
    "README.md",
    "deploy",
    "docs/*.md",
    "docs/*.svg",
    "index.html",
    "wasm/README.md",
    "wasm/js/*.d.ts",
    "wasm/js/*.js",
    "web/examples",
];

/// What is not written so yet. An entry goes when nothing is found in it any more.
const STILL_TO_DO: &[&str] = &[];

/// A text that users read, and the line on which it begins.
type Text = (usize, String);

fn tracked(places: &[&str]) -> Vec<String> {
    let words = ["ls-files", "--cached", "--others", "--exclude-standard", "--"];
    let listed = Command::new("git").args(words).args(places).current_dir(root()).output().unwrap();
    assert!(listed.status.success(), "{}", String::from_utf8_lossy(&listed.stderr));
    let names = String::from_utf8(listed.stdout).unwrap();
    names.lines().filter(|name| root().join(name).is_file()).map(str::to_owned).collect()
}

fn read(name: &str) -> String {
    fs::read_to_string(root().join(name)).unwrap()
}

// --- the glossary

/// The phrases of the glossary, as words; `…` is any one word.
fn phrases() -> Vec<Vec<String>> {
    let text = read("CONTRIBUTING.md");
    let (_, table) = text.split_once("\n| not | but |\n").expect("the glossary has its table");
    let rows = table.lines().skip(1).map_while(|line| line.strip_prefix("| "));
    let cells = rows.filter_map(|row| row.split(" | ").next());
    let phrases = cells.flat_map(|cell| cell.split(" / "));
    phrases.map(|phrase| phrase.split_whitespace().map(str::to_lowercase).collect()).collect()
}

/// Words without punctuation, in lower case, each with its line; a sentence ends with an empty one.
fn words((line, text): &Text) -> Vec<(usize, String)> {
    let mut words = Vec::new();
    for (line, text) in (*line..).zip(text.lines()) {
        for raw in text.replace("\\n", " ").split_whitespace() {
            let word = raw.trim_matches(|c: char| !c.is_alphanumeric());
            if !word.is_empty() {
                words.push((line, word.to_lowercase()));
            }
            if raw.ends_with(['.', ':', ';', '!', '?', '|']) {
                words.push((line, String::new()));
            }
        }
    }
    words
}

/// Lines with phrases of the glossary, and the phrases.
fn faults(text: &Text, phrases: &[Vec<String>]) -> Vec<(usize, String)> {
    let words = words(text);
    let mut faults = Vec::new();
    for phrase in phrases {
        for (at, window) in words.windows(phrase.len()).enumerate() {
            let before = at.checked_sub(1).map_or("", |before| &*words[before].1);
            if matches(window, phrase) && !is_fine(before, window) {
                faults.push((window[0].0, phrase.join(" ")));
            }
        }
    }
    faults
}

fn matches(window: &[(usize, String)], phrase: &[String]) -> bool {
    let is = |((_, word), wanted): (&(usize, String), &String)| {
        word == wanted || (wanted == "…" && !word.is_empty())
    };
    window.iter().zip(phrase).all(is)
}

/// `there is no …`, `is no longer`.
fn is_fine(before: &str, window: &[(usize, String)]) -> bool {
    let words: Vec<&str> = window.iter().map(|(_, word)| &**word).collect();
    match words.as_slice() {
        ["is" | "are", "no", "longer"] => true,
        ["is" | "are", "no", _] => before == "there",
        _ => false,
    }
}

// --- texts in Rust

/// String literals and, if they are wanted, documentation; neither tests nor reasons of lints.
fn texts_of_rust(source: &str, documentation: bool) -> Vec<Text> {
    let source = source.split("\n#[cfg(test)]").next().unwrap();
    let (mut texts, mut at, mut line) = (Vec::<Text>::new(), 0, 1);
    while at < source.len() {
        let (kind, length) = piece(&source[at..], source[..at].chars().next_back());
        let text = &source[at..at + length];
        match kind {
            Kind::Literal if !source[..at].trim_end().ends_with("reason =") => {
                texts.push((line, text.to_owned()));
            }
            Kind::Documentation if documentation => add_line(&mut texts, line, text),
            _ => {}
        }
        line += text.matches('\n').count();
        at += length;
    }
    texts
}

/// Adds a line of documentation to the one above, so that phrases are found across both.
fn add_line(texts: &mut Vec<Text>, line: usize, text: &str) {
    match texts.last_mut() {
        Some((first, above))
            if above.starts_with("///") && *first + above.lines().count() == line =>
        {
            above.push('\n');
            above.push_str(text);
        }
        _ => texts.push((line, text.to_owned())),
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Literal,
    Documentation,
    Other,
}

/// What a source goes on with, and how many bytes that is.
fn piece(rest: &str, before: Option<char>) -> (Kind, usize) {
    let until = |end: &str, from: usize| {
        rest[from..].find(end).map_or(rest.len(), |found| from + found + end.len())
    };
    let hashes = rest.strip_prefix('r').map(|raw| raw.len() - raw.trim_start_matches('#').len());
    let first = rest.chars().next().map_or(1, char::len_utf8);
    if rest.starts_with("//") {
        let kind = if rest.starts_with("///") { Kind::Documentation } else { Kind::Other };
        (kind, rest.find('\n').unwrap_or(rest.len()))
    } else if rest.starts_with("/*") {
        (Kind::Other, until("*/", 2))
    } else if rest.starts_with('"') {
        (Kind::Literal, quoted(rest))
    } else if let Some(hashes) = hashes
        && rest[1 + hashes..].starts_with('"')
        && !before.is_some_and(|c| c.is_alphanumeric() || c == '_')
    {
        (Kind::Literal, until(&format!("\"{}", "#".repeat(hashes)), hashes + 2))
    } else if let Some(inside) = rest.strip_prefix('\'') {
        (Kind::Other, character(inside).unwrap_or(1))
    } else {
        (Kind::Other, first)
    }
}

/// The length of a string literal.
fn quoted(rest: &str) -> usize {
    let mut escaped = false;
    for (at, c) in rest.char_indices().skip(1) {
        match c {
            '"' if !escaped => return at + 1,
            _ => escaped = c == '\\' && !escaped,
        }
    }
    rest.len()
}

/// The length of a character literal; none for a lifetime.
fn character(inside: &str) -> Option<usize> {
    if let Some(escape) = inside.strip_prefix('\\') {
        return Some(2 + 1 + escape[1..].find('\'')? + 1);
    }
    let length = inside.chars().next()?.len_utf8();
    inside[length..].starts_with('\'').then_some(length + 2)
}

// --- the rule

/// Every text of the project that users read, by file.
fn texts() -> Vec<(String, Vec<Text>)> {
    let rust = tracked(SOURCES).into_iter().filter(|name| {
        name.ends_with(".rs") && !name.split('/').any(|part| part == "tests" || part == "tests.rs")
    });
    let rust = rust.map(|name| {
        let texts = texts_of_rust(&read(&name), DOCUMENTED.contains(&&*name));
        (name, texts)
    });
    let generated = "wasm/js/reports.d.ts";
    let prose = tracked(PROSE).into_iter().filter(|name| name != generated).map(|name| {
        let text = read(&name);
        let own = text.split("\n| not | but |\n").next().unwrap().to_owned();
        (name, vec![(1, own)])
    });
    rust.chain(prose).collect()
}

#[test]
fn users_read_the_words_of_the_glossary() {
    let phrases = phrases();
    let (mut found, mut waiting) = (Vec::new(), BTreeSet::new());
    for (name, texts) in texts() {
        let faults: Vec<_> = texts.iter().flat_map(|text| faults(text, &phrases)).collect();
        let place = STILL_TO_DO.iter().find(|place| name.starts_with(**place));
        match place {
            Some(place) if !faults.is_empty() => drop(waiting.insert(*place)),
            Some(_) => {}
            None => found.extend(faults.iter().map(|(l, phrase)| format!("{name}:{l}: {phrase}"))),
        }
    }
    assert!(found.is_empty(), "CONTRIBUTING.md says what to write instead: {found:#?}");
    let done: Vec<_> = STILL_TO_DO.iter().filter(|place| !waiting.contains(*place)).collect();
    assert!(done.is_empty(), "take these from STILL_TO_DO, they are done: {done:?}");
}

#[test]
fn phrases_are_found_in_texts_only() {
    let phrases = phrases();
    assert!(phrases.len() > 20, "{phrases:?}");
    let count = |source: &str| {
        let texts = texts_of_rust(source, true);
        texts.iter().flat_map(|text| faults(text, &phrases)).count()
    };
    let found = [
        r##"f("`{x}` is no CIDR: {why}");"##,
        r##"f("it hangs \
                on a label");"##,
        "f(r#\"a \"key\" stands twice\"#);",
        "f('\"', \"read anew\");",
        "f('\\'', \"read anew\");",
        "fn f<'a>() { g(\"read anew\"); }",
        "/// It hangs\n/// on this.\nfn f() {}",
    ];
    found.into_iter().for_each(|source| assert_eq!(count(source), 1, "{source}"));
    let passed = [
        "// This hangs on that.\nlet anew = beside(1);",
        "f(\"there is no port\"); f(\"it is no longer served\");",
        "f(\"where it is. No port\");",
        "#[expect(lint, reason = \"it hangs on that\")]",
        "fn f() {}\n#[cfg(test)]\nmod tests { f(\"read anew\"); }",
    ];
    passed.into_iter().for_each(|source| assert_eq!(count(source), 0, "{source}"));
}
