//! From a Markdown text to its cases.

use super::{Case, CaseFile, CaseOptions, Expect, Expectation, Failure, Input, Truth};

/// Reads a file of cases. What is wrong with it is among its problems; the rest is run.
pub fn parse(path: &str, text: &str) -> CaseFile {
    let mut file = CaseFile { path: path.to_owned(), ..CaseFile::default() };
    let (sections, unclosed) = sections(text);
    file.problems.extend(
        unclosed.map(|line| Failure::in_file(path, line, "a block that begins and never ends")),
    );
    let mut fixture = Vec::new();
    for section in sections {
        match section.title {
            None => fixture = inputs(path, &section, &mut file.problems),
            Some(_) => {
                let case = case(path, &section, &fixture, &mut file.problems);
                file.cases.push(case);
            }
        }
    }
    if file.cases.is_empty() {
        let problem = Failure::in_file(path, 1, "a file without cases");
        file.problems.push(problem);
    }
    file
}

/// Blocks under one heading; what stands before the first is the fixture.
#[derive(Debug, Default)]
struct Section<'t> {
    title: Option<&'t str>,
    line: usize,
    blocks: Vec<Block<'t>>,
}

#[derive(Debug)]
struct Block<'t> {
    /// What stands after the backticks.
    tag: &'t str,
    /// The line of the backticks.
    line: usize,
    lines: Vec<&'t str>,
}

impl<'t> Block<'t> {
    /// Its lines with their numbers in the file.
    fn numbered(&self) -> impl Iterator<Item = (usize, &'t str)> {
        (self.line + 1..).zip(self.lines.iter().copied())
    }
}

/// Sections, and the line of a block that does not end.
fn sections(text: &str) -> (Vec<Section<'_>>, Option<usize>) {
    let mut sections = vec![Section::default()];
    let mut open: Option<Block<'_>> = None;
    for (line, content) in (1..).zip(text.split('\n')) {
        match (&mut open, content.strip_prefix("```")) {
            (Some(_), Some("")) => {
                let blocks = sections.last_mut().map(|section| &mut section.blocks);
                if let (Some(blocks), Some(block)) = (blocks, open.take()) {
                    blocks.push(block);
                }
            }
            (Some(block), _) => block.lines.push(content),
            (None, Some(tag)) => {
                let (tag, lines) = (tag.trim(), Vec::new());
                open = Some(Block { tag, line, lines });
            }
            (None, None) => {
                if let Some(title) = content.strip_prefix("## ") {
                    let (title, blocks) = (Some(title.trim()), Vec::new());
                    sections.push(Section { title, line, blocks });
                }
            }
        }
    }
    (sections, open.map(|block| block.line))
}

fn case(path: &str, section: &Section<'_>, fixture: &[Input], out: &mut Vec<Failure>) -> Case {
    let mut case = Case {
        path: path.to_owned(),
        title: section.title.unwrap_or_default().to_owned(),
        line: section.line,
        inputs: fixture.to_vec(),
        ..Case::default()
    };
    case.inputs.extend(inputs(path, section, out));
    for block in &section.blocks {
        let words: Vec<&str> = block.tag.split_whitespace().collect();
        match words.as_slice() {
            ["expect"] => expectations(&mut case, block, out),
            ["truth", on @ ..] => table(&mut case, block, on, out),
            _ => {}
        }
    }
    if case.expectations.is_empty() {
        out.push(Failure::new(&case, case.line, "", "nothing is expected"));
    }
    case
}

fn expectations(case: &mut Case, block: &Block<'_>, out: &mut Vec<Failure>) {
    for (line, text) in block.numbered() {
        let text = text.trim();
        if text.is_empty() || text.starts_with('#') {
            continue;
        }
        if let Err(problem) = expectation(case, line, text) {
            out.push(Failure::new(case, line, text, &problem));
        }
    }
}

fn table(case: &mut Case, block: &Block<'_>, on: &[&str], out: &mut Vec<Failure>) {
    match Truth::parse(on, block.numbered()) {
        Ok(table) => {
            case.flows.extend(table.flows().map(|(_, flow, _)| flow));
            case.expectations.extend(table.expectations());
            case.tables.push(table);
        }
        Err((line, problem)) => {
            let line = line.max(block.line);
            out.push(Failure::new(case, line, block.tag, &problem));
        }
    }
}

fn expectation(case: &mut Case, line: usize, text: &str) -> Result<(), String> {
    if let Some(rest) = text.strip_prefix("options:") {
        return options(&mut case.options, rest);
    }
    let expect = Expect::parse(text)?;
    case.flows.extend(expect.flow().cloned());
    let text = text.to_owned();
    case.expectations.push(Expectation { line, text, expect });
    Ok(())
}

fn options(options: &mut CaseOptions, text: &str) -> Result<(), String> {
    let mut words = text.split_whitespace();
    while let Some(option) = words.next() {
        if option == "--assume-unlabelled-namespaces" {
            options.assume_unlabelled_namespaces = true;
            continue;
        }
        let value = words.next().ok_or("an option without a value")?.to_owned();
        match option {
            "--pod-cidr" => options.pod_cidrs.push(value),
            "--node-cidr" => options.node_cidrs.push(value),
            "--family" => {
                let value = serde_json::Value::from(value);
                options.family = serde_json::from_value(value).map_err(|why| why.to_string())?;
            }
            "--domain" => options.domain_names.push(value),
            "--namespace-labels" => options.namespace_labels.push(value),
            "--namespace" => options.namespace = Some(value),
            _ => return Err(format!("no option `{option}`")),
        }
    }
    options.options().map(|_| ())
}

/// The files that a section's blocks make; blocks without a name are one file.
fn inputs(path: &str, section: &Section<'_>, out: &mut Vec<Failure>) -> Vec<Input> {
    let stem = match section.title {
        Some(_) => "case",
        None => "fixture",
    };
    let mut inputs: Vec<Input> = Vec::new();
    for block in &section.blocks {
        let mut words = block.tag.split_whitespace();
        let language = match words.next() {
            Some(language @ ("yaml" | "json")) => language,
            Some("expect" | "truth") if section.title.is_some() => continue,
            _ => {
                out.push(Failure::in_file(path, block.line, "an unknown block"));
                continue;
            }
        };
        let (mut name, mut raw) = (format!("{stem}.{language}"), false);
        for word in words {
            match word.strip_prefix("name=") {
                Some(given) => name = given.to_owned(),
                None if word == "raw" => raw = true,
                None => out.push(Failure::in_file(path, block.line, "an unknown tag")),
            }
        }
        let text = block_text(block, raw);
        match inputs.iter_mut().find(|input| input.name == name) {
            Some(input) => join(&mut input.text, &text),
            None => inputs.push(Input { name, text }),
        }
    }
    inputs
}

/// A raw block is what its escapes say, and ends without a newline.
fn block_text(block: &Block<'_>, raw: bool) -> String {
    let text = block.lines.join("\n");
    if !raw {
        return text + "\n";
    }
    let escapes = [("\\t", "\t"), ("\\r", "\r"), ("\\n", "\n"), ("\\0", "\0")];
    let replace = |text: String, (from, to): (&str, &str)| text.replace(from, to);
    escapes.into_iter().fold(text, replace)
}

fn join(text: &mut String, next: &str) {
    if !text.ends_with('\n') {
        text.push('\n');
    }
    text.push_str("---\n");
    text.push_str(next);
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "# T\n\n```yaml\na: 1\n```\n\n## One\n\n```yaml\nb: 2\n```\n\n```yaml\nc: 3\n```\n\n```yaml raw name=r.yaml\nd:\\t4\\r\\n\n```\n\n```expect\noptions: --namespace n\n# why\nno diagnostics\na/b -> c/d TCP 80: deny\n```\n\n## Two\n";

    #[test]
    fn blocks_make_files() {
        let file = parse("t.md", TEXT);
        let inputs = &file.cases[0].inputs;
        let found: Vec<_> = inputs.iter().map(|i| (&*i.name, &*i.text)).collect();
        let expected = [
            ("fixture.yaml", "a: 1\n"),
            ("case.yaml", "b: 2\n---\nc: 3\n"),
            ("r.yaml", "d:\t4\r\n"),
        ];
        assert_eq!(found, expected);
    }

    #[test]
    fn expectations_keep_their_lines() {
        let file = parse("t.md", TEXT);
        let case = &file.cases[0];
        let lines: Vec<_> = case.expectations.iter().map(|e| e.line).collect();
        assert_eq!((lines, case.flows.len()), (vec![24, 25], 1));
        assert_eq!(case.options.namespace.as_deref(), Some("n"));
    }

    #[test]
    fn a_table_asks_for_each_of_its_cells() {
        let file = parse("t.md", "## A\n```truth TCP 80\n    x/a x/b\nx/a  .   X\n```\n");
        let case = &file.cases[0];
        let asked: Vec<_> = case.flows.iter().map(|flow| (&*flow.from, &*flow.to)).collect();
        assert_eq!((file.problems, asked), (vec![], vec![("x/a", "x/a"), ("x/a", "x/b")]));
        assert_eq!((case.expectations.len(), case.tables.len()), (2, 1));
        let wrong = parse("t.md", "## A\n```truth TCP 80\n    x/a x/b\nx/a  .\n```\n");
        let lines: Vec<_> = wrong.problems.iter().map(|problem| problem.line).collect();
        assert_eq!(lines, [4, 1]);
    }

    #[test]
    fn a_section_that_expects_nothing_is_a_problem() {
        let file = parse("t.md", TEXT);
        let found: Vec<_> = file.problems.iter().map(ToString::to_string).collect();
        assert_eq!(found, ["t.md:28 (Two): nothing is expected"]);
    }

    #[test]
    fn what_is_not_understood_is_a_problem() {
        let file = parse(
            "t.md",
            "## A\n```expect\nshop/a -> shop/b TCP 80: perhaps\ndiagnosis L1: x\n```\n```rust\n```\n```yaml\n",
        );
        let lines: Vec<_> = file.problems.iter().map(|problem| problem.line).collect();
        assert_eq!(lines, [8, 6, 3, 4, 1]);
    }
}
