//! From arguments to what the engine takes.

use std::collections::HashSet;
use std::str::FromStr;

use portcullis_engine::dataplane::{Denial, Settings};
use portcullis_engine::manifest::Direction;
use portcullis_engine::report::{
    Describe, Expectations, FlowAnswer, FlowError, FlowReport, FlowResult, GateRules, PortQuery,
    ProgramQuery, ProgramReport, Protocol, TestOptions, TestReport, Verdict, parse_family,
    parse_protocol, parse_selector, parse_verdict,
};
use portcullis_engine::selector::Selector;
use portcullis_engine::{Change, FlowQuery, ListFilter, Options, Session, SourceFile};

use crate::argument::Argument;
use crate::error::Error;

pub const OPTIONS: &[&str] = &[
    "podCidrs",
    "nodeCidrs",
    "family",
    "domainNames",
    "namespaceLabels",
    "assumeUnlabelledNamespaces",
    "namespace",
];
pub const FILTER: &[&str] = &[
    "focus",
    "selector",
    "direction",
    "protocol",
    "port",
    "certainOnly",
    "siblings",
    "explain",
    "expand",
];
pub const DIFF_FILTER: &[&str] =
    &["focus", "selector", "direction", "protocol", "port", "siblings", "expand"];
pub const GATE: &[&str] = &["before"];
pub const TEST: &[&str] = &["coverage", "mutants", "suggest"];
pub const RENDER: &[&str] = &["node", "deny", "comments"];
const FILE: &[&str] = &["name", "text"];
const FLOW: &[&str] = &["from", "to", "protocol", "port"];
const ENTRY: &[&str] = &["name", "from", "to", "protocol", "port", "expect"];

/// A session that has read the files.
pub fn session(given: &Argument, options: &Argument) -> Result<Session, Error> {
    let session = Session::new(self::options(options)?);
    let files = if given.is_list() { listed(given)? } else { named(given)? };
    Ok(session.apply(files))
}

fn named(files: &Argument) -> Result<Vec<Change>, Error> {
    files.is_object_of("texts by name, or an array of files")?;
    let changes = files.entries()?.map(|entry| {
        let (name, text) = entry?;
        put(&name, &text)
    });
    changes.collect()
}

fn listed(files: &Argument) -> Result<Vec<Change>, Error> {
    let (mut names, mut changes) = (HashSet::new(), Vec::new());
    for file in files.items()? {
        let file = file?;
        file.only(FILE)?;
        let (name, text) = (file.need("name")?, file.need("text")?);
        changes.push(put(&name.text()?, &text)?);
        if !names.insert(name.text()?) {
            return Err(name.wrong("is a duplicate: an earlier file has this name"));
        }
    }
    Ok(changes)
}

fn put(name: &str, text: &Argument) -> Result<Change, Error> {
    Ok(Change::Put(SourceFile::new(name, &text.bytes()?)))
}

fn options(options: &Argument) -> Result<Options, Error> {
    let mut read = Options {
        pod_cidrs: texts(options.get("podCidrs")?, CIDR)?,
        node_cidrs: texts(options.get("nodeCidrs")?, CIDR)?,
        ..Options::default()
    };
    read = read.with_domain_names(texts(options.get("domainNames")?, DOMAIN_NAME)?);
    read = read.with_namespace_labels(texts(options.get("namespaceLabels")?, NAMESPACE_LABEL)?);
    if let Some(family) = options.get("family")? {
        let known = parse_family(&family.text()?);
        read.family = Some(known.map_err(|_| family.wrong("must be `IPv4` or `IPv6`"))?);
    }
    if let Some(assumed) = options.get("assumeUnlabelledNamespaces")? {
        read.namespaces.unlabelled = assumed.flag()?;
    }
    if let Some(namespace) = options.get("namespace")? {
        read.default_namespace = namespace.text()?;
    }
    Ok(read)
}

const CIDR: &str = "must be a CIDR, such as `10.0.0.0/16`";
const NAMESPACE_LABEL: &str = "must be a namespace and a label, such as `monitoring=team=ops`";
const DOMAIN_NAME: &str = "must be a name and an address, such as `api.example.com=192.0.2.7`";

/// Texts of a form.
fn texts<Form: FromStr>(list: Option<Argument>, form: &str) -> Result<Vec<Form>, Error> {
    let Some(list) = list else {
        return Ok(Vec::new());
    };
    let forms = list.items()?.map(|item| {
        let item = item?;
        let parsed = item.text()?.parse();
        parsed.map_err(|_| item.wrong(form))
    });
    forms.collect()
}

/// The rules of a text.
pub fn rules(given: &Argument) -> Result<GateRules, Error> {
    GateRules::parse("rules", &given.text()?).map_err(|errors| {
        let lines: Vec<String> = errors.iter().map(ToString::to_string).collect();
        given.wrong(&format!("is not a file of rules: {}", lines.join("; ")))
    })
}

/// What is to be described.
pub fn describe_kind(kind: &Argument) -> Result<Describe, Error> {
    Ok(match kind.text()?.as_str() {
        "pod" | "workload" => Describe::Pods,
        "policy" => Describe::Policy,
        "namespace" => Describe::Namespace,
        _ => return Err(kind.wrong("must be `pod`, `workload`, `policy` or `namespace`")),
    })
}

/// Whether the expectations of a text hold.
pub fn tested(
    session: &Session,
    given: &Argument,
    options: &Argument,
) -> Result<TestReport, Error> {
    let flag = |name| options.get(name)?.map_or(Ok(false), |flag| flag.flag());
    let [coverage, mutants, suggest] = [flag("coverage")?, flag("mutants")?, flag("suggest")?];
    let options = TestOptions { coverage, mutants, suggest };
    let expectations = Expectations::read("expectations", &given.text()?);
    let expectations = expectations
        .map_err(|error| given.wrong(&format!("is not a file of expectations: {error}")))?;
    Ok(session.test(&expectations, options))
}

/// Which connections to list.
pub fn filter(filter: &Argument) -> Result<ListFilter, Error> {
    let flag = |name| filter.get(name)?.map_or(Ok(false), |flag| flag.flag());
    Ok(ListFilter {
        focus: focus(filter)?,
        namespace: None,
        selector: selector(filter)?,
        direction: direction(filter)?,
        port: port(filter)?,
        certain_only: flag("certainOnly")?,
        siblings: flag("siblings")?,
        expand: flag("expand")?,
        explain: flag("explain")?,
        unchecked: false,
    })
}

fn focus(filter: &Argument) -> Result<Vec<String>, Error> {
    let Some(focus) = filter.get("focus")? else {
        return Ok(Vec::new());
    };
    focus.items()?.map(|item| item?.text()).collect()
}

fn selector(filter: &Argument) -> Result<Option<Selector>, Error> {
    let Some(selector) = filter.get("selector")? else {
        return Ok(None);
    };
    let parsed = parse_selector(&selector.text()?);
    parsed.map(Some).map_err(|error| selector.wrong(&format!("cannot be used: {error}")))
}

fn direction(filter: &Argument) -> Result<Option<Direction>, Error> {
    let Some(direction) = filter.get("direction")? else {
        return Ok(None);
    };
    let text = direction.text()?;
    let known = Direction::BOTH.into_iter().find(|d| d.field() == text);
    known.map(Some).ok_or_else(|| direction.wrong("must be `ingress` or `egress`"))
}

fn port(filter: &Argument) -> Result<Option<(Protocol, PortQuery)>, Error> {
    match (filter.get("port")?, filter.get("protocol")?) {
        (Some(port), _) => {
            let (port, protocol) = port.port(protocol(filter)?)?;
            Ok(Some((protocol, port)))
        }
        (None, Some(protocol)) => Err(protocol.wrong("needs a `port` with it")),
        (None, None) => Ok(None),
    }
}

fn protocol(of: &Argument) -> Result<Option<Protocol>, Error> {
    let Some(protocol) = of.get("protocol")? else {
        return Ok(None);
    };
    let known = parse_protocol(&protocol.text()?);
    known.map(Some).map_err(|_| protocol.wrong("must be `TCP`, `UDP` or `SCTP`"))
}

/// The answer for one flow.
pub fn evaluate(session: &Session, flow: &Argument) -> Result<FlowReport, Error> {
    flow.only(FLOW)?;
    report(session, flow)
}

/// The answers for several flows: what is wrong with one is its answer, and no other's.
pub fn answers(session: &Session, flows: &Argument) -> Result<Vec<FlowAnswer>, Error> {
    let answers = flows.items()?.zip(1..).map(|(flow, number)| {
        let text = |name: &str| flow.as_ref().ok()?.get(name).ok()??.shown();
        let (name, from, to) = (text("name"), text("from"), text("to"));
        let (protocol, port) = (text("protocol"), text("port"));
        match flow.as_ref().map_err(Error::clone).and_then(|flow| result(session, flow)) {
            Ok(result) => FlowAnswer::Given(Box::new(result)),
            Err(error) => {
                let error = error.of_flow(number);
                FlowAnswer::Refused(Box::new(FlowError { name, from, to, protocol, port, ..error }))
            }
        }
    });
    Ok(answers.collect())
}

fn result(session: &Session, flow: &Argument) -> Result<FlowResult, Error> {
    flow.only(ENTRY)?;
    let name = flow.get("name")?.map(|name| name.text()).transpose()?;
    let expect = flow.get("expect")?.map(|expect| verdict(&expect)).transpose()?;
    Ok(FlowResult::new(name, expect, report(session, flow)?))
}

fn verdict(of: &Argument) -> Result<Verdict, Error> {
    let known = parse_verdict(&of.text()?);
    known.map_err(|_| of.wrong("must be `allow`, `deny` or `unknown`"))
}

fn report(session: &Session, flow: &Argument) -> Result<FlowReport, Error> {
    let (from, to) = (flow.need("from")?.text()?, flow.need("to")?.text()?);
    let given = protocol(flow)?;
    let (port, protocol) = flow.need("port")?.port(given)?;
    let query = FlowQuery { from, to, protocol, port };
    let report = session.evaluate(&query);
    report.map_err(|error| flow.unanswerable(error.message))
}

/// The program of a node.
pub fn program(session: &Session, options: &Argument) -> Result<ProgramReport, Error> {
    let node = options.need("node")?;
    let query = ProgramQuery {
        node: node.text()?,
        settings: Settings { denial: denial(options)?, ..Settings::default() },
        comments: options.get("comments")?.map_or(Ok(false), |flag| flag.flag())?,
    };
    let report = session.unproven_program(&query);
    report.map_err(|error| node.unanswerable(error.message))
}

fn denial(options: &Argument) -> Result<Denial, Error> {
    let Some(deny) = options.get("deny")? else {
        return Ok(Denial::Reject);
    };
    match deny.text()?.as_str() {
        "reject" => Ok(Denial::Reject),
        "drop" => Ok(Denial::Drop),
        _ => Err(deny.wrong("must be `reject` or `drop`")),
    }
}
