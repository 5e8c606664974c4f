//! A truth table: who reaches whom on one port, as a grid.
//!
//! ```text
//!      x/a x/b y/a
//! x/a   .   X   .
//! x/b   .   .   ?
//! ```
//!
//! Rows are where flows come from, columns where they go. `.` is allow, `X` deny, `?` unknown.

use portcullis_engine::FlowQuery;
use portcullis_engine::report::{Protocol, Verdict};

use super::expect::Flow;
use super::{Expect, Expectation};

/// A whole table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Truth {
    /// The protocol of all its flows.
    pub protocol: Protocol,
    /// Their port.
    pub port: u16,
    /// The destinations, in the order of the cells.
    pub to: Vec<String>,
    /// One for each source.
    pub rows: Vec<Row>,
}

/// What becomes of the flows from one source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// Its line in the case file.
    pub line: usize,
    /// The source.
    pub from: String,
    /// As many as there are destinations.
    pub cells: Vec<Verdict>,
}

impl Truth {
    /// Reads a block: its tag after `truth`, and its lines with their numbers.
    ///
    /// # Errors
    /// With the line, if a part has not the form.
    pub fn parse<'t>(
        tag: &[&str],
        lines: impl Iterator<Item = (usize, &'t str)>,
    ) -> Result<Self, (usize, String)> {
        let mut lines = lines.filter(|(_, text)| is_content(text)).peekable();
        let first = lines.peek().map_or(0, |(line, _)| *line);
        let (protocol, port) = on(tag).ok_or((first, "truth PROTOCOL PORT".into()))?;
        let header = lines.next().map_or("", |(_, text)| text);
        let to: Vec<String> = header.split_whitespace().map(str::to_owned).collect();
        let rows = lines.map(|(line, text)| row(line, text, to.len()));
        let rows = rows.collect::<Result<Vec<Row>, _>>()?;
        let table = Self { protocol, port, to, rows };
        table.problem().map_or(Ok(table), |problem| Err((first, problem)))
    }

    /// Each cell as an expectation of its own, row by row.
    pub fn expectations(&self) -> impl Iterator<Item = Expectation> {
        self.flows().map(|(line, query, verdict)| {
            let word = match verdict {
                Verdict::Allow => "allow",
                Verdict::Deny => "deny",
                Verdict::Unknown => "unknown",
            };
            let FlowQuery { from, to, protocol, port } = &query;
            let text = format!("{from} -> {to} {} {port}: {word}", protocol.name());
            Expectation { line, text, expect: Expect::Verdict(Flow { query }, verdict, None, None) }
        })
    }

    /// Each cell: the line of its row, the flow, and what becomes of it.
    pub fn flows(&self) -> impl Iterator<Item = (usize, FlowQuery, Verdict)> {
        self.rows.iter().flat_map(move |row| {
            self.to.iter().zip(&row.cells).map(move |(to, verdict)| {
                let (from, to) = (row.from.clone(), to.clone());
                let query = FlowQuery { from, to, protocol: self.protocol, port: self.port.into() };
                (row.line, query, *verdict)
            })
        })
    }

    fn problem(&self) -> Option<String> {
        let from: Vec<&str> = self.rows.iter().map(|row| &*row.from).collect();
        let to: Vec<&str> = self.to.iter().map(|to| &**to).collect();
        let twice = repeated(&from).or_else(|| repeated(&to));
        match twice {
            Some(name) => Some(format!("`{name}` stands twice")),
            None => from.is_empty().then(|| "a table without rows".into()),
        }
    }
}

fn is_content(text: &str) -> bool {
    let text = text.trim();
    !text.is_empty() && !text.starts_with('#')
}

fn on(tag: &[&str]) -> Option<(Protocol, u16)> {
    match tag {
        [protocol, port] => Some((Protocol::from_name(protocol)?, port.parse().ok()?)),
        _ => None,
    }
}

fn row(line: usize, text: &str, columns: usize) -> Result<Row, (usize, String)> {
    let mut words = text.split_whitespace();
    let from = words.next().unwrap_or_default().to_owned();
    let cells = words.map(|word| cell(word).ok_or(format!("`{word}` is no cell: . X ?")));
    let cells = cells.collect::<Result<Vec<Verdict>, _>>().map_err(|problem| (line, problem))?;
    if cells.len() == columns {
        return Ok(Row { line, from, cells });
    }
    Err((line, format!("{} cells under {columns} columns", cells.len())))
}

fn cell(word: &str) -> Option<Verdict> {
    match word {
        "." => Some(Verdict::Allow),
        "X" => Some(Verdict::Deny),
        "?" => Some(Verdict::Unknown),
        _ => None,
    }
}

fn repeated<'n>(names: &[&'n str]) -> Option<&'n str> {
    let again =
        names.iter().enumerate().find(|(at, name)| names.iter().take(*at).any(|n| n == *name));
    again.map(|(_, name)| *name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(tag: &[&str], text: &str) -> Result<Truth, (usize, String)> {
        Truth::parse(tag, (1..).zip(text.lines()))
    }

    #[test]
    fn each_cell_is_an_expectation_on_the_line_of_its_row() {
        let table = parse(&["UDP", "81"], "     x/a y/b\n# from x\nx/a . X\n\ny/b ? .\n").unwrap();
        let found: Vec<_> = table.expectations().map(|cell| (cell.line, cell.text)).collect();
        let expected = [
            (3, "x/a -> x/a UDP 81: allow"),
            (3, "x/a -> y/b UDP 81: deny"),
            (5, "y/b -> x/a UDP 81: unknown"),
            (5, "y/b -> y/b UDP 81: allow"),
        ];
        assert_eq!(found, expected.map(|(line, text)| (line, text.to_owned())));
    }

    /// The text of each is what a reader of a case file would write as a line.
    #[test]
    fn a_cell_means_what_its_text_says() {
        let table = parse(&["SCTP", "80"], " x/a y/b\nx/a . X\ny/b ? .").unwrap();
        for cell in table.expectations() {
            assert_eq!(Expect::parse(&cell.text), Ok(cell.expect));
        }
    }

    #[test]
    fn what_is_no_table_is_a_problem() {
        let tcp = ["TCP", "80"];
        let problem = |tag: &[&str], text| parse(tag, text).unwrap_err().0;
        assert_eq!(problem(&["TCP"], "x/a\nx/a ."), 1);
        assert_eq!(problem(&["ICMP", "80"], "x/a\nx/a ."), 1);
        assert_eq!(problem(&["TCP", "65536"], "x/a\nx/a ."), 1);
        assert_eq!(problem(&tcp, "x/a x/b\nx/a . .\nx/b ."), 3);
        assert_eq!(problem(&tcp, "x/a x/b\nx/a . . ."), 2);
        assert_eq!(problem(&tcp, "x/a\nx/a x"), 2);
        assert_eq!(problem(&tcp, "x/a\nx/a .\nx/a ."), 1);
        assert_eq!(problem(&tcp, "x/a x/a\nx/b . ."), 1);
        assert_eq!(problem(&tcp, "x/a"), 1);
        assert_eq!(problem(&tcp, ""), 0);
    }
}
