//! Expectations as JUnit's XML: a suite for each file, a test case for each expectation.

use std::io::{self, Write};

use portcullis_engine::report::text::{Style, write_expectation};
use portcullis_engine::report::{ExpectationOutcome, ExpectationReport, TestReport};
use quick_xml::Writer;
use quick_xml::events::{BytesDecl, BytesText, Event};

use crate::flows::plain;

pub fn write(reports: &[&TestReport], out: &mut impl Write) -> io::Result<()> {
    let mut xml = Writer::new_with_indent(&mut *out, b' ', 2);
    xml.write_event(Event::Decl(BytesDecl::new("1.0", Some("UTF-8"), None)))?;
    let counts = counts(reports);
    let attributes = counts.iter().map(|(name, count)| (*name, &**count));
    xml.create_element("testsuites").with_attributes(attributes).write_inner_content(|xml| {
        reports.iter().try_for_each(|report| write_suite(xml, report))
    })?;
    xml.into_inner().write_all(b"\n")
}

fn counts(reports: &[&TestReport]) -> [(&'static str, String); 3] {
    let of = |outcome| reports.iter().map(|report| report.count(outcome)).sum::<usize>();
    let tests: usize = reports.iter().map(|report| report.expectations.len()).sum();
    [
        ("tests", tests.to_string()),
        ("failures", of(ExpectationOutcome::Fails).to_string()),
        ("errors", of(ExpectationOutcome::Invalid).to_string()),
    ]
}

fn write_suite<W: Write>(xml: &mut Writer<W>, report: &TestReport) -> io::Result<()> {
    let (suite, counts) = (plain(&report.file), counts(&[report]));
    let element = xml.create_element("testsuite").with_attribute(("name", &*suite));
    let attributes = counts.iter().map(|(name, count)| (*name, &**count));
    element.with_attributes(attributes).write_inner_content(|xml| {
        report.expectations.iter().try_for_each(|one| write_case(xml, &suite, one))
    })?;
    Ok(())
}

fn write_case<W: Write>(
    xml: &mut Writer<W>,
    suite: &str,
    one: &ExpectationReport,
) -> io::Result<()> {
    let name = plain(&one.name);
    let case = xml.create_element("testcase");
    let case = case.with_attribute(("name", &*name)).with_attribute(("classname", suite));
    let (element, kind, message) = match one.outcome {
        ExpectationOutcome::Holds => return case.write_empty().map(drop),
        ExpectationOutcome::Fails => {
            let first = one.failures.first().map(|failure| failure.message.clone());
            ("failure", "verdict", first.unwrap_or_default())
        }
        ExpectationOutcome::Invalid => {
            ("error", "expectation", one.error.clone().unwrap_or_default())
        }
    };
    let mut text = String::new();
    // A string takes everything.
    let _ = write_expectation(one, suite, Style::Plain, &mut text);
    case.write_inner_content(|xml| {
        let message = plain(&message);
        let element = xml.create_element(element).with_attribute(("message", &*message));
        let element = element.with_attribute(("type", kind));
        element.write_text_content(BytesText::new(&plain(&text)))?;
        Ok(())
    })?;
    Ok(())
}
