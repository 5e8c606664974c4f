//! Answers as JUnit's XML, which continuous integration shows as tests: one for each flow.

use std::io::{self, Write};

use portcullis_engine::report::text::{Style, write_verdict};
use portcullis_engine::report::{FlowAnswer, FlowError, FlowResult};
use quick_xml::Writer;
use quick_xml::events::{BytesDecl, BytesText, Event};

use super::write::{ends, place, word};

/// Writes a test suite of a name with a test case for each answer.
///
/// A verdict other than the expected one is a failure, with what decides; a flow that could not be
/// evaluated is an error.
pub fn write_junit(suite: &str, answers: &[FlowAnswer], out: &mut impl Write) -> io::Result<()> {
    let mut xml = Writer::new_with_indent(&mut *out, b' ', 2);
    xml.write_event(Event::Decl(BytesDecl::new("1.0", Some("UTF-8"), None)))?;
    let of = |is: fn(&FlowAnswer) -> bool| answers.iter().filter(|one| is(one)).count().to_string();
    let counts = [
        ("tests", answers.len().to_string()),
        (
            "failures",
            of(|one| matches!(one, FlowAnswer::Given(one) if one.as_expected == Some(false))),
        ),
        ("errors", of(|one| matches!(one, FlowAnswer::Refused(_)))),
    ];
    let attributes = || counts.iter().map(|(name, count)| (*name, &**count));
    xml.create_element("testsuites").with_attributes(attributes()).write_inner_content(|xml| {
        let suite = plain(suite);
        let element = xml.create_element("testsuite").with_attribute(("name", &*suite));
        element.with_attributes(attributes()).write_inner_content(|xml| {
            answers.iter().try_for_each(|answer| write_case(xml, &suite, answer))
        })?;
        Ok(())
    })?;
    xml.into_inner().write_all(b"\n")
}

fn write_case<W: Write>(xml: &mut Writer<W>, suite: &str, answer: &FlowAnswer) -> io::Result<()> {
    let name = plain(&name(answer));
    let case = xml.create_element("testcase");
    let case = case.with_attribute(("name", &*name)).with_attribute(("classname", suite));
    match answer {
        FlowAnswer::Given(result) => match failure(result) {
            None => case.write_empty()?,
            Some(message) => case.write_inner_content(|xml| {
                let failure = xml.create_element("failure").with_attribute(("message", &*message));
                let failure = failure.with_attribute(("type", "verdict"));
                failure.write_text_content(BytesText::new(&plain(&why(result))))?;
                Ok(())
            })?,
        },
        FlowAnswer::Refused(refused) => case.write_inner_content(|xml| {
            let message = plain(&refused.error);
            let error = xml.create_element("error").with_attribute(("message", &*message));
            let error = error.with_attribute(("type", "flow"));
            error.write_text_content(BytesText::new(&plain(&place(refused))))?;
            Ok(())
        })?,
    };
    Ok(())
}

/// The flow's name, or the flow.
fn name(answer: &FlowAnswer) -> String {
    let (given, made) = match answer {
        FlowAnswer::Given(result) => (&result.name, flow(result)),
        FlowAnswer::Refused(refused) => (&refused.name, invalid(refused)),
    };
    given.clone().unwrap_or(made)
}

fn flow(result: &FlowResult) -> String {
    let report = &result.report;
    format!("{} → {} {} {}", report.from, report.to, report.protocol, report.port)
}

fn invalid(refused: &FlowError) -> String {
    format!("flow {}: {}", refused.number, ends(refused).replace("   ", " "))
}

/// What is not as expected.
fn failure(result: &FlowResult) -> Option<String> {
    let expect = result.expect.filter(|_| result.as_expected == Some(false))?;
    Some(format!("{} expected, the verdict is {}", word(expect), word(result.report.verdict)))
}

/// The verdict and what decides.
fn why(result: &FlowResult) -> String {
    let mut text = String::new();
    // A string takes everything.
    let _ = write_verdict(&result.report, Style::Plain, &mut text);
    text
}

/// A text without the characters that no XML may have.
pub fn plain(text: &str) -> String {
    let is_allowed = |c: char| !c.is_control() || matches!(c, '\t' | '\n' | '\r');
    let of = |c: char| match is_allowed(c) && !matches!(c, '\u{fffe}' | '\u{ffff}') {
        true => c,
        false => '\u{fffd}',
    };
    text.chars().map(of).collect()
}
