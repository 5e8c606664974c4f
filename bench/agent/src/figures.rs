//! Numbers and tables of them.

use std::fmt::Write as _;
use std::time::Duration;

/// Times of one kind, in the order in which they were taken.
#[derive(Clone, Debug, Default)]
pub struct Times(pub Vec<Duration>);

impl Times {
    /// The time that so many of a hundred do not exceed; zero without any.
    pub fn percentile(&self, of_hundred: usize) -> Duration {
        let mut sorted = self.0.clone();
        sorted.sort_unstable();
        let at = (sorted.len() * of_hundred).div_ceil(100).saturating_sub(1);
        sorted.get(at).copied().unwrap_or_default()
    }

    /// Median, 99th percentile and maximum, in milliseconds.
    pub fn cells(&self) -> String {
        let [p50, p99, most] = [50, 99, 100].map(|of| milliseconds(self.percentile(of)));
        format!("{p50} / {p99} / {most}")
    }
}

/// In milliseconds, with one digit after the point.
pub fn milliseconds(time: Duration) -> String {
    format!("{:.1}", time.as_secs_f64() * 1e3)
}

/// In microseconds, with one digit after the point.
pub fn microseconds(time: Duration) -> String {
    format!("{:.1}", time.as_secs_f64() * 1e6)
}

/// A table that grows, and is printed row by row.
#[derive(Debug)]
pub struct Table {
    widths: Vec<usize>,
}

impl Table {
    /// Prints the head.
    pub fn begin(head: &[&str]) -> Self {
        let table = Self { widths: head.iter().map(|word| word.chars().count()).collect() };
        table.row(&head.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>());
        let lines: Vec<String> = table.widths.iter().map(|width| "-".repeat(*width)).collect();
        table.row(&lines);
        table
    }

    /// Prints a row.
    pub fn row(&self, cells: &[String]) {
        let mut line = String::from("|");
        for (cell, width) in cells.iter().zip(&self.widths) {
            let _ = write!(line, " {cell:<width$} |");
        }
        say(&line);
    }
}

/// Prints a line of the result.
#[expect(clippy::print_stdout, reason = "printing is what this program is for")]
pub fn say(line: &str) {
    println!("{line}");
}

/// Tells how far it is; not a part of the result.
#[expect(clippy::print_stderr, reason = "a benchmark takes minutes: somebody may be waiting")]
pub fn progress(line: &str) {
    eprintln!("==> {line}");
}
