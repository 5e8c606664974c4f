//! What a line of an `expect` block says.

use portcullis_engine::FlowQuery;
use portcullis_engine::report::{PortQuery, Protocol, UnknownReason, Verdict};

/// An expectation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Expect {
    /// `A -> B TCP 80: allow`, with what admits it or why it is unknown where that is said.
    Verdict(Flow, Verdict, Option<UnknownReason>, Option<Admitter>),
    /// `A -> B TCP 80: audited: deny by shop/p`, `audited: none`: what would be said if audited
    /// policies were enforced, with one of those that decide it; none where they have no say.
    Audited(Flow, Option<Verdict>, Option<String>),
    /// `A -> B TCP 80: between pods: deny`: of a workload asked about itself, what is said of two
    /// different pods of it, and that it is of two.
    Siblings(Flow, Verdict),
    /// `A -> B TCP 80: error: text`: the question is refused with this text in the message.
    Refused(Flow, String),
    /// `A -> B: TCP 80`: all that is allowed for certain.
    Whole(Flow, String),
    /// `diagnostic L19 at case.yaml:7`
    Finding(String, Option<Place>),
    /// `no diagnostic L32`: none of this code, of whatever severity.
    Absent(String),
    /// `diagnostics: L19 L20`, `no diagnostics`: exactly these of severity warning or error.
    Findings(Vec<String>),
    /// `list: a => b : TCP 80`
    Listed(String),
    /// `list not: a => b`
    NotListed(String),
    /// `notes: address shop/p spec.ingress[0] 3, node 2`, `notes: none`: exactly these, in the order
    /// of the list: why connections are open, by which rule, and how many.
    Noted(String),
    /// `isolated: shop/db ingress`, `not isolated: …`
    Isolated(String, Way, bool),
}

/// A direction, seen from the pod.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// To the pod.
    Ingress,
    /// From the pod.
    Egress,
}

/// A question about a flow.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Flow {
    /// As the engine takes it.
    pub query: FlowQuery,
}

/// What admits a flow.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Admitter {
    /// `NAMESPACE/NAME`
    pub policy: String,
    /// The path of a rule, a peer or a port.
    pub path: String,
    /// The line where it stands.
    pub line: Option<u32>,
}

/// Where a finding is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The file.
    pub file: String,
    /// The line.
    pub line: u32,
    /// The column.
    pub column: Option<u32>,
}

impl Expect {
    /// Reads a line.
    ///
    /// # Errors
    /// If it has none of the forms.
    pub fn parse(line: &str) -> Result<Self, String> {
        if line == "no diagnostics" {
            return Ok(Self::Findings(Vec::new()));
        }
        if let Some(code) = line.strip_prefix("no diagnostic ") {
            return Ok(Self::Absent(code.trim().to_owned()));
        }
        if let Some(rest) = line.strip_prefix("diagnostic ") {
            return finding(rest);
        }
        match line.split_once(": ") {
            Some(("diagnostics", codes)) => Ok(Self::Findings(sorted_codes(codes))),
            Some(("list", text)) => Ok(Self::Listed(text.trim().to_owned())),
            Some(("list not", text)) => Ok(Self::NotListed(text.trim().to_owned())),
            Some(("notes", text)) => Ok(Self::Noted(text.trim().to_owned())),
            Some(("isolated", rest)) => isolated(rest, true),
            Some(("not isolated", rest)) => isolated(rest, false),
            Some((question, answer)) => flow(question, answer.trim()),
            None => Err("this is no expectation".into()),
        }
    }

    /// The flow that it asks about.
    pub fn flow(&self) -> Option<&FlowQuery> {
        match self {
            Self::Verdict(flow, ..)
            | Self::Audited(flow, ..)
            | Self::Siblings(flow, _)
            | Self::Refused(flow, _)
            | Self::Whole(flow, _) => Some(&flow.query),
            _ => None,
        }
    }
}

fn sorted_codes(codes: &str) -> Vec<String> {
    let mut codes: Vec<String> = codes.split_whitespace().map(str::to_owned).collect();
    codes.sort();
    codes
}

fn finding(rest: &str) -> Result<Expect, String> {
    let Some((code, place)) = rest.split_once(" at ") else {
        return Ok(Expect::Finding(rest.trim().to_owned(), None));
    };
    let mut parts = place.trim().split(':');
    let file = parts.next().unwrap_or_default().to_owned();
    let mut number = || parts.next().map(str::parse::<u32>).transpose();
    let (Ok(Some(line)), Ok(column), Ok(None)) = (number(), number(), number()) else {
        return Err("a place is FILE:LINE or FILE:LINE:COLUMN".into());
    };
    let place = Place { file, line, column };
    Ok(Expect::Finding(code.trim().to_owned(), Some(place)))
}

fn isolated(rest: &str, isolated: bool) -> Result<Expect, String> {
    match rest.trim().split_once(' ') {
        Some((who, "ingress")) => Ok(Expect::Isolated(who.into(), Way::Ingress, isolated)),
        Some((who, "egress")) => Ok(Expect::Isolated(who.into(), Way::Egress, isolated)),
        _ => Err("isolated: NAMESPACE/POD ingress|egress".into()),
    }
}

fn flow(question: &str, answer: &str) -> Result<Expect, String> {
    let words: Vec<&str> = question.split_whitespace().collect();
    match words.as_slice() {
        [from, "->", to, protocol, port] => {
            let protocol = Protocol::from_name(protocol).ok_or("no such protocol")?;
            let (port, protocol) = PortQuery::parse(port, Some(protocol)).map_err(|e| e.message)?;
            one_port(query((from, to), (protocol, port)), answer)
        }
        // Any port would do: the whole set does not hang on the one asked about.
        [from, "->", to] => {
            let flow = query((from, to), (Protocol::Tcp, 1.into()));
            Ok(Expect::Whole(flow, answer.to_owned()))
        }
        _ => Err("a flow is FROM -> TO or FROM -> TO PROTOCOL PORT".into()),
    }
}

fn query((from, to): (&str, &str), (protocol, port): (Protocol, PortQuery)) -> Flow {
    let (from, to) = (from.to_owned(), to.to_owned());
    Flow { query: FlowQuery { from, to, protocol, port } }
}

fn one_port(flow: Flow, answer: &str) -> Result<Expect, String> {
    if let Some(text) = answer.strip_prefix("error: ") {
        return Ok(Expect::Refused(flow, text.to_owned()));
    }
    if let Some(text) = answer.strip_prefix("audited: ") {
        return audited(flow, text);
    }
    if let Some(text) = answer.strip_prefix("between pods: ") {
        let verdict = verdict(text).ok_or("between pods: allow, deny or unknown")?;
        return Ok(Expect::Siblings(flow, verdict));
    }
    let verdict = |verdict, reason, by| Ok(Expect::Verdict(flow, verdict, reason, by));
    match answer.split_once(' ') {
        None if answer == "allow" => verdict(Verdict::Allow, None, None),
        None if answer == "deny" => verdict(Verdict::Deny, None, None),
        None if answer == "unknown" => verdict(Verdict::Unknown, None, None),
        Some(("unknown", why)) => verdict(Verdict::Unknown, Some(reason(why)?), None),
        Some(("allow", by)) => verdict(Verdict::Allow, None, Some(admitter(by)?)),
        _ => Err("an answer is allow, deny, unknown or error: TEXT".into()),
    }
}

fn audited(flow: Flow, answer: &str) -> Result<Expect, String> {
    let (verdict, by) = match answer.split_once(" by ") {
        Some((verdict, by)) => (verdict, Some(by.trim().to_owned())),
        None => (answer, None),
    };
    let verdict = match (verdict, self::verdict(verdict)) {
        ("none", _) => None,
        (_, Some(verdict)) => Some(verdict),
        _ => return Err("audited: allow, deny, unknown or none".into()),
    };
    Ok(Expect::Audited(flow, verdict, by))
}

fn verdict(word: &str) -> Option<Verdict> {
    Some(match word {
        "allow" => Verdict::Allow,
        "deny" => Verdict::Deny,
        "unknown" => Verdict::Unknown,
        _ => return None,
    })
}

fn reason(text: &str) -> Result<UnknownReason, String> {
    let name = text.strip_prefix('(').and_then(|t| t.strip_suffix(')'));
    let name = serde_json::Value::from(name.unwrap_or_default());
    serde_json::from_value(name).map_err(|_| format!("`{text}` is no reason"))
}

fn admitter(text: &str) -> Result<Admitter, String> {
    let words: Vec<&str> = text.split_whitespace().collect();
    let (policy, path, line) = match words.as_slice() {
        ["by", policy, path] => (policy, path, None),
        ["by", policy, path, "at", line] => (policy, path, Some(line)),
        _ => return Err("allow by NAMESPACE/POLICY PATH [at LINE]".into()),
    };
    let line = line.map(|line| line.parse()).transpose();
    Ok(Admitter {
        policy: (*policy).to_owned(),
        path: (*path).to_owned(),
        line: line.map_err(|_| "a line is a number")?,
    })
}
