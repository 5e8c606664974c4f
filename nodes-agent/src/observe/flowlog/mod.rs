//! The flow log: packets that our rules log, each with the policies that decide.
//!
//! The kernel says only which class of pods a packet was denied for. What policies say is asked of
//! the engine, so that the log, the command and the playground give one answer.

mod closed;
mod netlink;
mod packet;

use std::convert::Infallible;
use std::io::Write as _;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, UNIX_EPOCH};

use portcullis_engine::manifest::Action;
use portcullis_engine::report::{EndReport, Evidence, FlowReport, RuleEvidence};
use portcullis_engine::selector::Match;
use portcullis_engine::{FlowQuery, Session};
use serde::Serialize;

use super::Status;
use netlink::{Logged, Socket};
use packet::Headers;

/// How soon a group that the kernel does not give is asked for again.
const AGAIN: Duration = Duration::from_secs(5);

/// What a log says of packets that a rule wants written down.
const LOG: &str = "log";

/// This part of the agent, as operators know it.
const PART: &str = "flow log";

/// The state that came into force last, for the log to explain packets by.
#[derive(Clone, Debug, Default)]
pub struct LatestSession(Arc<Mutex<Option<Session>>>);

impl LatestSession {
    /// Says that a state has come into force.
    pub fn set(&self, session: Session) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(session);
    }

    fn get(&self) -> Option<Session> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// A line of the log.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Line<'l> {
    /// Seconds since 1970.
    time: f64,
    node: &'l str,
    /// What the rules did: `allow` or `deny`; `audit` where they let it pass and audited policies
    /// would deny it; `log` where a rule wants it written down, whatever becomes of it.
    action: &'l str,
    /// The end whose policies stopped it: `egress` or `ingress`; `unknown` for an address that is
    /// not known to belong to a pod.
    #[serde(skip_serializing_if = "Option::is_none")]
    direction: Option<&'l str>,
    source: String,
    destination: String,
    #[serde(flatten)]
    headers: &'l Headers,
    #[serde(skip_serializing_if = "Option::is_none")]
    verdict: Option<portcullis_engine::verdict::Verdict>,
    /// Why, as a sentence.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    /// The policies at that end; of an admitted packet, those of both ends that admit it.
    policies: Vec<Policy>,
}

#[derive(Debug, Serialize)]
struct Policy {
    policy: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    rule: Option<String>,
    summary: String,
}

/// Starts the log on standard output, from a thread of its own; whom to tell of new states.
///
/// A group that the kernel does not give, since another program has it, keeps the agent from being
/// ready, not from enforcing; it is asked for again and again.
pub fn start(group: u16, node: &str, status: Arc<Status>) -> LatestSession {
    let session = LatestSession::default();
    let (sessions, node, known) = (session.clone(), node.to_owned(), Arc::clone(&status));
    let log = move || loop {
        let Err(error) = follow(group, &node, &sessions, &status);
        failed(&status, &error);
        std::thread::sleep(AGAIN);
    };
    if let Err(error) = std::thread::Builder::new().name("flow-log".into()).spawn(log) {
        failed(&known, &error);
    }
    session
}

fn failed(status: &Status, error: &std::io::Error) {
    let why = format!("could not receive packets to log: {error}");
    if status.degraded(PART, &why) {
        tracing::error!("{why}; retrying");
    }
}

fn follow(
    group: u16,
    node: &str,
    session: &LatestSession,
    status: &Status,
) -> std::io::Result<Infallible> {
    let socket = Socket::open(group)?;
    status.restored(PART);
    loop {
        let packets = match socket.receive() {
            Err(error) if netlink::is_overrun(error) => {
                status.metrics.packets_lost.inc();
                continue;
            }
            packets => packets?,
        };
        let session = session.get();
        for packet in packets {
            status.metrics.packets_logged.inc();
            write(&packet, session.as_ref(), node);
        }
    }
}

/// Writes a line; a log that nobody can read any more is no reason to stop enforcing.
fn write(packet: &Logged, session: Option<&Session>, node: &str) {
    let Some(headers) = Headers::read(&packet.payload) else { return };
    let line = line(&packet.prefix, &headers, session, node);
    if let Ok(mut text) = serde_json::to_vec(&line) {
        text.push(b'\n');
        let mut out = std::io::stdout().lock();
        let _ = out.write_all(&text).and_then(|()| out.flush());
    }
}

fn line<'l>(
    prefix: &'l str,
    headers: &'l Headers,
    session: Option<&Session>,
    node: &'l str,
) -> Line<'l> {
    let mut words = prefix.split(':').skip(1);
    let (action, direction) = (words.next().unwrap_or_default(), words.next());
    let report = session.and_then(|session| explain(session, headers));
    let evidence = report.as_ref().map(|report| evidence(report, action));
    let ends = evidence.map(|evidence| deciding(evidence, direction)).unwrap_or_default();
    Line {
        time: UNIX_EPOCH.elapsed().unwrap_or_default().as_secs_f64(),
        node,
        action,
        direction,
        source: name(report.as_ref().map(|r| &*r.source), &headers.from),
        destination: name(report.as_ref().map(|r| &*r.destination), &headers.to),
        headers,
        verdict: report.as_ref().map(|report| closed::verdict(action, report.verdict)),
        reason: closed::reason(action, direction, &ends)
            .or_else(|| reason(&ends))
            .or(report.as_ref().map(|report| report.summary.clone())),
        policies: ends.iter().flat_map(|end| policies(end, action)).collect(),
    }
}

fn explain(session: &Session, headers: &Headers) -> Option<FlowReport> {
    let query = FlowQuery {
        from: headers.from.to_string(),
        to: headers.to.to_string(),
        protocol: headers.protocol?,
        port: headers.to_port?.into(),
    };
    session.evaluate(&query).ok()
}

/// What the rules that logged a packet went by: for those of an audit, policies that are not in
/// force as well.
fn evidence<'r>(report: &'r FlowReport, action: &str) -> &'r Evidence {
    match &report.audit {
        Some(audit) if action == "audit" => &audit.evidence,
        _ => &report.evidence,
    }
}

/// The end that denied a packet; both, if it was admitted.
fn deciding<'r>(evidence: &'r Evidence, direction: Option<&str>) -> Vec<&'r EndReport> {
    match direction {
        Some("egress") => vec![&evidence.egress],
        Some("ingress") => vec![&evidence.ingress],
        Some(_) => Vec::new(),
        None => vec![&evidence.egress, &evidence.ingress],
    }
}

/// Why one end decided so.
fn reason(ends: &[&EndReport]) -> Option<String> {
    match ends {
        [end] => Some(end.summary.clone()),
        _ => None,
    }
}

/// Policies that decide; of what a rule wants written down, those that have such a rule.
fn policies(end: &EndReport, action: &str) -> Vec<Policy> {
    let is_told = |rule: &RuleEvidence| match action {
        LOG => rule.action == Action::Log && rule.matches != Match::No,
        _ => rule.decides,
    };
    let told = end.policies.iter().filter(|policy| match action {
        LOG => policy.rules.iter().any(is_told),
        _ => policy.decides,
    });
    let policy = |evidence: &portcullis_engine::report::PolicyEvidence| {
        let object = &evidence.policy;
        let name = match &object.namespace {
            Some(namespace) => format!("{namespace}/{}", object.name),
            None => format!("{} {}", object.kind, object.name),
        };
        let rule = evidence.rules.iter().find(|rule| is_told(rule));
        Policy {
            policy: name,
            rule: rule.map(|rule| rule.path.clone()),
            summary: evidence.summary.clone(),
        }
    };
    told.map(policy).collect()
}

fn name(known: Option<&str>, address: &std::net::IpAddr) -> String {
    known.map_or_else(|| address.to_string(), str::to_owned)
}
