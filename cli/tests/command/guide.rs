//! The examples of the user guide print what it says they print.

use std::path::Path;

use crate::run;

/// Commands of the guide's `console` blocks, with the lines below them.
fn examples(guide: &str) -> Vec<(String, Vec<String>)> {
    let mut examples: Vec<(String, Vec<String>)> = Vec::new();
    let mut inside = false;
    for line in guide.lines() {
        match (inside, line) {
            (_, "```console") => inside = true,
            (true, "```") => inside = false,
            (true, line) => match line.strip_prefix("$ portcullis ") {
                Some(command) => examples.push((command.to_owned(), Vec::new())),
                None => examples.last_mut().unwrap().1.push(line.to_owned()),
            },
            (false, _) => {}
        }
    }
    examples
}

/// Whether lines are as expected, where a line `…` stands for any number of them.
fn matches(lines: &[&str], expected: &[String]) -> bool {
    match expected.split_first() {
        None => lines.is_empty(),
        Some((first, rest)) if first == "…" => {
            (0..=lines.len()).any(|skipped| matches(&lines[skipped..], rest))
        }
        Some((first, rest)) => lines.first() == Some(&first.as_str()) && matches(&lines[1..], rest),
    }
}

#[test]
fn examples_are_true() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/guide");
    let of = |page: &str| {
        let examples = examples(&std::fs::read_to_string(folder.join(page)).unwrap());
        assert!(examples.len() > 3, "{page} has lost its examples");
        examples
    };
    for (command, expected) in ["command.md", "testing.md", "calico.md"].into_iter().flat_map(of) {
        // Quotes are the shell's.
        let words = command.split(' ').map(|word| word.trim_matches('\''));
        let ran = run(&words.collect::<Vec<_>>());
        let output = ran.out + &ran.err;
        let lines: Vec<&str> = output.lines().collect();
        assert!(matches(&lines, &expected), "{command}\n{output}");
    }
}
