//! Answers as JUnit's XML, which continuous integration shows as tests.

use std::io::{self, Write};

use quick_xml::Writer;
use quick_xml::events::{BytesDecl, BytesText, Event};

/// Answers under one name.
pub struct Suite {
    /// The file that asks.
    pub name: String,
    /// What was asked, in order.
    pub cases: Vec<Case>,
}

/// What was asked, and what is wrong with the answer.
pub struct Case {
    /// What it is called.
    pub name: String,
    /// None if all is as it should be.
    pub fault: Option<Fault>,
}

/// What is wrong with an answer.
pub struct Fault {
    /// Whether there is no answer, rather than another one than expected.
    pub is_error: bool,
    /// What kind of fault it is, in a word.
    pub kind: &'static str,
    /// What is wrong, in a line.
    pub message: String,
    /// What decides, or where it stands.
    pub text: String,
}

/// Writes suites with a test case for each answer.
pub fn write(suites: &[Suite], out: &mut impl Write) -> io::Result<()> {
    let mut xml = Writer::new_with_indent(&mut *out, b' ', 2);
    xml.write_event(Event::Decl(BytesDecl::new("1.0", Some("UTF-8"), None)))?;
    let counts = counts(suites);
    let attributes = counts.iter().map(|(name, count)| (*name, &**count));
    xml.create_element("testsuites")
        .with_attributes(attributes)
        .write_inner_content(|xml| suites.iter().try_for_each(|suite| write_suite(xml, suite)))?;
    xml.into_inner().write_all(b"\n")
}

fn counts(suites: &[Suite]) -> [(&'static str, String); 3] {
    let cases = || suites.iter().flat_map(|suite| &suite.cases);
    let faults = |is_error: bool| {
        let faults = cases().filter_map(|case| case.fault.as_ref());
        faults.filter(|fault| fault.is_error == is_error).count()
    };
    [
        ("tests", cases().count().to_string()),
        ("failures", faults(false).to_string()),
        ("errors", faults(true).to_string()),
    ]
}

fn write_suite<W: Write>(xml: &mut Writer<W>, suite: &Suite) -> io::Result<()> {
    let (name, counts) = (plain(&suite.name), counts(std::slice::from_ref(suite)));
    let element = xml.create_element("testsuite").with_attribute(("name", &*name));
    let attributes = counts.iter().map(|(name, count)| (*name, &**count));
    element.with_attributes(attributes).write_inner_content(|xml| {
        suite.cases.iter().try_for_each(|case| write_case(xml, &name, case))
    })?;
    Ok(())
}

fn write_case<W: Write>(xml: &mut Writer<W>, suite: &str, case: &Case) -> io::Result<()> {
    let name = plain(&case.name);
    let element = xml.create_element("testcase");
    let element = element.with_attribute(("name", &*name)).with_attribute(("classname", suite));
    let Some(fault) = &case.fault else { return element.write_empty().map(drop) };
    element.write_inner_content(|xml| {
        let message = plain(&fault.message);
        let fault_element = if fault.is_error { "error" } else { "failure" };
        let element = xml.create_element(fault_element).with_attribute(("message", &*message));
        let element = element.with_attribute(("type", fault.kind));
        element.write_text_content(BytesText::new(&plain(&fault.text)))?;
        Ok(())
    })?;
    Ok(())
}

/// A text without the characters that no XML may have.
fn plain(text: &str) -> String {
    let is_allowed = |c: char| !c.is_control() || matches!(c, '\t' | '\n' | '\r');
    let of = |c: char| match is_allowed(c) && !matches!(c, '\u{fffe}' | '\u{ffff}') {
        true => c,
        false => '\u{fffd}',
    };
    text.chars().map(of).collect()
}
