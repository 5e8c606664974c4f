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

/// Prints a table whose columns are as wide as what is in them.
pub fn table(head: &[&str], rows: &[Vec<String>]) {
    let width = |at: usize| {
        let cells = rows.iter().filter_map(|row| row.get(at)).map(String::as_str);
        cells
            .chain(head.get(at).copied())
            .map(|cell| cell.chars().count())
            .max()
            .unwrap_or_default()
    };
    let widths: Vec<usize> = (0..head.len()).map(width).collect();
    let head: Vec<String> = head.iter().map(|word| (*word).to_owned()).collect();
    let line: Vec<String> = widths.iter().map(|width| "-".repeat(*width)).collect();
    for row in [head, line].iter().chain(rows) {
        let mut text = String::from("|");
        for (cell, width) in row.iter().zip(&widths) {
            let _ = write!(text, " {cell:<width$} |");
        }
        say(&text);
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
