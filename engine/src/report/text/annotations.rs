//! Findings as workflow commands, which GitHub Actions shows on the lines that they are about.
//!
//! # Source
//! GitHub, "Workflow commands for GitHub Actions": `::warning file={name},line={line}::{message}`.

use std::fmt::{self, Write};

use super::super::types::{CheckReport, DiagnosticReport, Severity};
use super::Plain;

/// Writes a command for each finding; nothing if there are none.
///
/// # Errors
/// If writing fails.
pub fn write_annotations(report: &CheckReport, out: &mut dyn Write) -> fmt::Result {
    report.diagnostics.iter().try_for_each(|finding| write_one(finding, out))
}

fn write_one(finding: &DiagnosticReport, out: &mut dyn Write) -> fmt::Result {
    let command = match finding.severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
        Severity::Info => "notice",
    };
    write!(out, "::{command} ")?;
    if let Some(at) = &finding.location {
        let file = property(at.file.strip_prefix("./").unwrap_or(&at.file));
        write!(out, "file={file},line={},endLine={},", at.line, at.end_line.max(at.line))?;
        // Columns count only within one line.
        if at.end_line == at.line {
            write!(out, "col={},endColumn={},", at.column, at.end_column)?;
        }
    }
    let title = property(&format!("{} {}", finding.code, finding.name));
    let message = Plain(&finding.message).to_string();
    let help = finding.help.as_ref().map(|help| format!("\n{}", Plain(help)));
    writeln!(out, "title={title}::{}", data(&(message + &help.unwrap_or_default())))
}

/// A text as a command's message has it.
fn data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

/// A text as the value of a command's property.
fn property(text: &str) -> String {
    data(&Plain(text).to_string()).replace(':', "%3A").replace(',', "%2C")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_cannot_end_a_command() {
        assert_eq!(data("100%\n::error::x"), "100%25%0A::error::x");
        assert_eq!(property("a:b,c"), "a%3Ab%2Cc");
    }
}
