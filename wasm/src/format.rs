//! Reports as text, as the command prints them.

use portcullis_engine::report::text::{self, ListFormat, Style};
use portcullis_engine::report::{DiffReport, FlowReport, ListReport};

use crate::argument::Argument;
use crate::error::Error;

const REPORT: &str = "a report of `list`, `diff`, `evaluate` or `explain`";

/// A report as text. Which one it is shows in what it has.
pub fn format(report: &Argument, form: &Argument) -> Result<String, Error> {
    report.is_object_of(REPORT)?;
    if report.get("connections")?.is_some() {
        let form = list_form(form)?;
        Ok(text::list(&report.json::<ListReport>(REPORT)?, form))
    } else if report.get("changes")?.is_some() {
        let form = list_form(form)?;
        Ok(text::diff(&report.json::<DiffReport>(REPORT)?, form))
    } else {
        let write = match form.text()?.as_str() {
            "text" => text::write_verdict,
            "chain" => text::write_chain,
            _ => return Err(form.wrong("must be `text` or `chain` for this report")),
        };
        let mut text = String::new();
        // Writing to a String cannot fail.
        let _ = write(&report.json::<FlowReport>(REPORT)?, Style::Plain, &mut text);
        Ok(text)
    }
}

fn list_form(form: &Argument) -> Result<ListFormat, Error> {
    Ok(match form.text()?.as_str() {
        "text" => ListFormat::Text,
        "csv" => ListFormat::Csv,
        "md" => ListFormat::Markdown,
        "dot" => ListFormat::Dot,
        "mermaid" => ListFormat::Mermaid,
        _ => {
            let forms = "must be `text`, `csv`, `md`, `dot` or `mermaid` for this report";
            return Err(form.wrong(forms));
        }
    })
}
