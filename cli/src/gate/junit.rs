//! Rules as JUnit's XML, which continuous integration shows as tests: one for each rule.

use std::io::{self, Write};

use portcullis_engine::report::text::gate_rule;
use portcullis_engine::report::{GateOutcome, GateReport, GateRuleReport};
use quick_xml::Writer;
use quick_xml::events::{BytesDecl, BytesText, Event};

use crate::flows::plain;

/// Writes a test suite of a name with a test case for each rule. One that fails is a failure, with
/// the flows that show it; one that could not be decided is an error.
pub fn write(
    suite: &str,
    (report, fails): (&GateReport, impl Fn(GateOutcome) -> bool),
    out: &mut impl Write,
) -> io::Result<()> {
    let mut xml = Writer::new_with_indent(&mut *out, b' ', 2);
    xml.write_event(Event::Decl(BytesDecl::new("1.0", Some("UTF-8"), None)))?;
    let is_error = |rule: &&GateRuleReport| rule.outcome == GateOutcome::Undecided;
    let errors = report.rules.iter().filter(is_error).count();
    let failed = report.rules.iter().filter(|rule| fails(rule.outcome)).count();
    let counts = [
        ("tests", report.rules.len().to_string()),
        ("failures", failed.saturating_sub(errors).to_string()),
        ("errors", errors.to_string()),
    ];
    let attributes = || counts.iter().map(|(name, count)| (*name, &**count));
    xml.create_element("testsuites").with_attributes(attributes()).write_inner_content(|xml| {
        let suite = plain(suite);
        let element = xml.create_element("testsuite").with_attribute(("name", &*suite));
        element.with_attributes(attributes()).write_inner_content(|xml| {
            let mut rules = report.rules.iter();
            rules.try_for_each(|rule| write_case(xml, &suite, (rule, fails(rule.outcome))))
        })?;
        Ok(())
    })?;
    xml.into_inner().write_all(b"\n")
}

fn write_case<W: Write>(
    xml: &mut Writer<W>,
    suite: &str,
    (rule, fails): (&GateRuleReport, bool),
) -> io::Result<()> {
    let name = plain(&rule.name);
    let case = xml.create_element("testcase");
    let case = case.with_attribute(("name", &*name)).with_attribute(("classname", suite));
    if !fails {
        case.write_empty()?;
        return Ok(());
    }
    let (element, kind) = match rule.outcome {
        GateOutcome::Undecided => ("error", "undecided"),
        _ => ("failure", "rule"),
    };
    let message = plain(&format!("{}: {}", rule.outcome.text(), rule.rule));
    case.write_inner_content(|xml| {
        let failure = xml.create_element(element).with_attribute(("message", &*message));
        let failure = failure.with_attribute(("type", kind));
        failure.write_text_content(BytesText::new(&plain(&gate_rule(rule))))?;
        Ok(())
    })?;
    Ok(())
}
