//! The answer of `eval` and `explain`.

mod found;
mod home;
mod hosts;
mod names;
mod parts;
mod ranges;
mod readings;

use std::sync::Arc;

use rustc_hash::FxHashMap;

use super::audit::audit;
use super::case::Case;
use super::check;
use super::evidence::end_report;
use super::port::PortQuery;
use super::query::{QueryError, Side};
use super::supposed::Supposed;
use super::types::{DiagnosticReport, Evidence, FlowQuery, FlowReport, UnknownReason, Verdict};
use crate::cluster::{EndpointId, Place};
use crate::manifest::Direction;
use crate::net::{ConnSet, PortSet, port_text};
use crate::reach;
use crate::session::Session;
use crate::verdict::{EndVerdict, NoTrace, PortNames, Question, judge};
use found::Found;
pub use found::Spoken;
pub use home::in_namespace;

impl Session {
    /// Whether a flow may pass, with what decides.
    ///
    /// # Errors
    /// If an end is not in the input, could be several, or cannot take part in traffic.
    pub fn evaluate(&self, asked: &FlowQuery) -> Result<FlowReport, QueryError> {
        let query = &home::with_namespaces(self, asked);
        let with_ends = self.with_ends(query)?;
        let session = with_ends.as_ref().unwrap_or(self);
        let found = session.found(query).map_err(|error| rejected(self, error))?;
        let in_force = session.in_force(query, found)?;
        let audit = audit(session, query, &in_force)?;
        let (from, to) = (asked.from.clone(), asked.to.clone());
        Ok(FlowReport { audit, from, to, ..in_force })
    }

    /// The session with the ends that are not in the input; none if both are, or are no pods.
    fn with_ends(&self, query: &FlowQuery) -> Result<Option<Self>, QueryError> {
        let ends = [Supposed::parse(&query.from)?, Supposed::parse(&query.to)?];
        let ends = ends.iter().flatten().map(|pod| (&*pod.namespace, &pod.labels));
        let ends: Vec<_> = ends.collect();
        Ok((!ends.is_empty()).then(|| self.supposing(&ends)))
    }

    /// What is said of a flow without what audited policies would say.
    fn in_force(&self, query: &FlowQuery, found: Found<'_>) -> Result<FlowReport, QueryError> {
        let case = found.deciding()?;
        let evidence = evidence(self, query, case);
        let (pod_port, parts) = (pod_port(query, case.port), found.parts(self, query));
        let allowed = match found.asked.ports.is_empty() {
            true => {
                allowed(self, query, &found.asked.cases).filter(|_| found.asked.doubt.is_none())
            }
            false => self.allowed_by_port(query, &found),
        };
        let Found { source, asked, verdict, reason, .. } = found;
        Ok(FlowReport {
            from: query.from.clone(),
            to: query.to.clone(),
            protocol: query.protocol,
            port: query.port.clone(),
            verdict,
            reason,
            summary: summary((verdict, reason), &evidence, are_known(&asked.cases)),
            source: name(&source),
            destination: asked.name,
            siblings: asked.siblings,
            pod_port,
            allowed,
            parts,
            evidence,
            audit: None,
            not_judged: check::not_judged(self),
            rejected: check::rejected(self),
        })
    }
}

fn judge_all(session: &Session, query: &FlowQuery, cases: &[Case<'_>]) -> Vec<Judged> {
    cases.iter().map(|case| Judged::new(session, query, case)).collect()
}

/// The error of a question about an object that is left out, with why it is.
fn rejected(session: &Session, error: QueryError) -> QueryError {
    let missing = error.missing.as_ref();
    let why = missing.and_then(|(namespace, name)| check::rejection(session, namespace, name));
    let Some(DiagnosticReport { object: Some(object), location, message, .. }) = why else {
        return error;
    };
    let place = location.map(|at| format!(" at {}:{}:{}", at.file, at.line, at.column));
    QueryError::new(format!(
        "{}: the {} of this name is left out, since the API server rejects it{}: {}",
        error.message,
        object.kind,
        place.unwrap_or_default(),
        message
    ))
}

/// The evidence is that of a case with this verdict; where cases differ without one, of the one that
/// stands in the way most.
fn deciding<'j, 'c, 'm>(
    judged: &'j [Judged],
    cases: &'c [Case<'m>],
    verdict: Verdict,
) -> Option<(&'j Judged, &'c Case<'m>)> {
    judged.iter().zip(cases).min_by_key(|(judged, _)| {
        let own = judged.verdict();
        (own != verdict, own)
    })
}

fn evidence(session: &Session, query: &FlowQuery, case: &Case<'_>) -> Evidence {
    let asked = match (&case.ports, &query.port) {
        (Some(ports), _) => port_text(ports),
        (None, PortQuery::Range(..)) => query.port.to_string(),
        (None, _) => case.port.to_string(),
    };
    let end = |direction| end_report(session, question(query, case, direction), &asked);
    Evidence { egress: end(Direction::Egress), ingress: end(Direction::Ingress) }
}

/// The port of the pod, where that is another one than was asked for by number.
fn pod_port(query: &FlowQuery, port: u16) -> Option<u16> {
    (!query.port.includes(port)).then_some(port)
}

/// Everything that is allowed for certain in every case, whatever the port.
fn allowed(session: &Session, query: &FlowQuery, cases: &[Case<'_>]) -> Option<String> {
    let (model, set) = (session.model(), session.policies());
    if cases.iter().any(|case| names::may_deny(session, case)) {
        return None;
    }
    if cases.iter().any(|case| hosts::concern(session, case)) {
        let all = hosts::allowed(session, query, cases).text();
        return Some(all).filter(|text| !text.is_empty());
    }
    // Each pair is among the cases of some ports, and says the same in those of others.
    let first = cases.first().map(|case| &case.ports);
    let once = cases.iter().filter(|case| Some(&case.ports) == first);
    let common = once.fold(ConnSet::all(), |all, case| {
        let conns = reach::pair(model, set, &case.source, &case.destination);
        all.intersection(&conns.certain)
    });
    Some(common.text()).filter(|text| !text.is_empty())
}

fn name(side: &Side) -> Arc<str> {
    match side {
        Side::Endpoints { name, .. } | Side::Supposed { name, .. } => name.as_str().into(),
        Side::Addresses(addresses) => {
            let texts: Vec<String> = addresses.iter().map(ToString::to_string).collect();
            texts.join(",").into()
        }
    }
}

struct Judged {
    egress: EndVerdict,
    ingress: EndVerdict,
    /// The verdict, and why it is unknown, where it is not that of the two ends: they may leave
    /// open what they say together, or policies may see other addresses.
    settled: Option<(Verdict, Option<UnknownReason>)>,
    pair: usize,
    /// The ports that it speaks for, where not all are alike.
    ports: Option<PortSet>,
    /// Pods of both ends, and the port at the destination.
    ends: [Option<EndpointId>; 2],
    port: u16,
}

impl Judged {
    fn new(session: &Session, query: &FlowQuery, case: &Case<'_>) -> Self {
        let ask =
            |direction| judge(session.policies(), question(query, case, direction), &mut NoTrace);
        let (egress, ingress) = (ask(Direction::Egress), ask(Direction::Ingress));
        let open = egress.verdict.min(ingress.verdict) == Verdict::Unknown;
        let settled = match &case.dialled {
            Some(dialled) => {
                Some(readings::conclude(session, query, (case, dialled), (egress, ingress)))
            }
            None if hosts::concern(session, case) => None,
            None => open.then(|| settled(session, query, case)).flatten().map(|one| (one, None)),
        };
        let settled = match hosts::are_dialled(session, case, [egress, ingress]) {
            true => Some((Verdict::Unknown, Some(UnknownReason::Translation))),
            false => settled,
        };
        let ends = [case.source.endpoint, case.destination.endpoint];
        let (pair, ports, port) = (case.pair, case.ports.clone(), case.port);
        Self { egress, ingress, settled, pair, ports, ends, port }
    }

    fn verdict(&self) -> Verdict {
        self.settled.map_or(self.egress.verdict.min(self.ingress.verdict), |(verdict, _)| verdict)
    }

    fn reason(&self) -> Option<UnknownReason> {
        match self.settled {
            Some((_, reason)) => reason,
            None if self.verdict() == Verdict::Unknown => {
                self.egress.reason.or(self.ingress.reason)
            }
            None => None,
        }
    }
}

/// What selectors say together of labels that a template does not show, and both ends of the names
/// of ports of a pod that is not in the input.
fn settled(session: &Session, query: &FlowQuery, case: &Case<'_>) -> Option<Verdict> {
    let model = session.model();
    if case.destination.port_names == PortNames::Unknown {
        return names::settled(session, query, case);
    }
    if !case.source.has_variants(model) && !case.destination.has_variants(model) {
        return None;
    }
    let conns = reach::pair(model, session.policies(), &case.source, &case.destination);
    let has = |conns: &ConnSet| conns.ports(query.protocol).contains(case.port);
    match (has(&conns.certain), has(&conns.possible)) {
        (true, _) => Some(Verdict::Allow),
        (false, false) => Some(Verdict::Deny),
        (false, true) => None,
    }
}

fn question<'q, 'm>(
    query: &FlowQuery,
    case: &'q Case<'m>,
    direction: Direction,
) -> Question<'q, 'm> {
    let (subject, peer) = match direction {
        Direction::Egress => (&case.source, &case.destination),
        Direction::Ingress => (&case.destination, &case.source),
    };
    Question { direction, subject, peer, protocol: Some(query.protocol), port: case.port }
}

/// One verdict of all cases. Families disagree: the address decides. Pods disagree: the group. Only
/// ports disagree: those.
fn conclude(judged: &[Judged]) -> (Verdict, Option<UnknownReason>) {
    let Some(first) = judged.first() else {
        return (Verdict::Unknown, None);
    };
    if !differ(judged) {
        return (first.verdict(), first.reason());
    }
    let split = by_pair(judged).any(differ);
    let unknown = judged.iter().find_map(Judged::reason);
    let reason = match (split, unknown) {
        (true, _) => UnknownReason::Address,
        (false, Some(reason)) => reason,
        (false, None) if only_ports_differ(judged) => UnknownReason::Ports,
        (false, None) => UnknownReason::Group,
    };
    (Verdict::Unknown, Some(reason))
}

/// What was judged of each pair of pods, which is one case for each family.
fn by_pair(judged: &[Judged]) -> impl Iterator<Item = &[Judged]> {
    judged.chunk_by(|one, next| one.pair == next.pair)
}

/// Whether verdicts are the same for all pods, port by port, and differ for the same pods.
fn only_ports_differ(judged: &[Judged]) -> bool {
    let (mut of_ports, mut of_ends) = (FxHashMap::default(), FxHashMap::default());
    let are_alike = judged.iter().all(|one| {
        *of_ports.entry((&one.ports, one.port)).or_insert(one.verdict()) == one.verdict()
    });
    are_alike
        && judged
            .iter()
            .any(|one| *of_ends.entry(one.ends).or_insert(one.verdict()) != one.verdict())
}

/// Whether verdicts differ.
fn differ(judged: &[Judged]) -> bool {
    let first = judged.first().map(Judged::verdict);
    judged.iter().any(|one| Some(one.verdict()) != first)
}

/// Whether the addresses of all ends are in the input.
fn are_known(cases: &[Case<'_>]) -> bool {
    let mut ends = cases.iter().flat_map(|case| [&case.source.place, &case.destination.place]);
    ends.all(|place| matches!(place, Place::Known(_)))
}

fn summary(
    (verdict, reason): (Verdict, Option<UnknownReason>),
    evidence: &Evidence,
    are_known: bool,
) -> String {
    let Evidence { egress, ingress } = evidence;
    match verdict {
        Verdict::Allow => "both ends allow the flow".into(),
        Verdict::Deny => match (egress.verdict, ingress.verdict) {
            (Verdict::Deny, Verdict::Deny) => "denied at both ends".into(),
            (Verdict::Deny, _) => "denied at the source".into(),
            _ => "denied at the destination".into(),
        },
        Verdict::Unknown => match reason {
            // No case by itself is unknown: it is the families that disagree.
            Some(UnknownReason::Address) if egress.verdict.min(ingress.verdict) != verdict => {
                let differ = "IPv4 and IPv6 differ: each answer is below";
                let or = "; pass `--pod-cidr` for the family that pods have";
                if are_known { differ.into() } else { format!("{differ}{or}") }
            }
            Some(UnknownReason::Address) => "an address decides this, and it is not in the input: pass `--pod-cidr`, `--node-cidr`, or real pods and nodes".into(),
            Some(UnknownReason::Node) => "it depends on whether both are on the same node, which the input does not say: pass real pods, with `spec.nodeName`".into(),
            Some(UnknownReason::Label) => "a label that the controller adds decides this, and the template does not show it: pass real pods".into(),
            Some(UnknownReason::Namespace) => "a label of a namespace decides this, and the Namespace is not in the input: pass it, or `--namespace-labels NAMESPACE=KEY=VALUE`, or `--assume-unlabelled-namespaces`".into(),
            Some(UnknownReason::Tie) => "policies of equal priority disagree, and their order is undefined: give them different priorities".into(),
            Some(UnknownReason::Name) => "a domain name decides this, and its addresses are not in the input: pass `--domain`".into(),
            Some(UnknownReason::Translation) => "it depends on whether the network translates addresses before it enforces policies: ask for the Service, or for a pod behind it, from the address that the pod sees".into(),
            Some(UnknownReason::PortName) => "the name of a port decides this, and the pod asked about is not in the input: ask for a pod that declares its ports".into(),
            Some(UnknownReason::ServiceAccount) => "a label of a ServiceAccount decides this, and the ServiceAccount is not in the input: pass it".into(),
            Some(UnknownReason::SourcePort) => "the source's port decides this, and a question does not say which it is".into(),
            Some(UnknownReason::Protocol) => "which of the protocols without ports it is decides this, and a question does not say".into(),
            Some(UnknownReason::Service) => "what is behind a Service decides this, and the input does not say: pass the Service".into(),
            Some(UnknownReason::Profile) => "a Profile of a HostEndpoint decides this, and it is not in the input: pass it".into(),
            Some(UnknownReason::HostEndpoint) => "it depends on which HostEndpoint the flow passes, and the input does not say on which interface or node: give the HostEndpoints `expectedIPs`, pass Nodes, or ask for an address".into(),
            Some(UnknownReason::HostAction) => "what a pod may send to its own node decides this: pass the FelixConfiguration with `defaultEndpointToHostAction`".into(),
            Some(UnknownReason::Untracked) => "a policy with `doNotTrack` lets the flow pass, and whether its replies pass is not known: allow these in the other direction by their source's port".into(),
            Some(UnknownReason::Ports) => "the ports differ: each answer is below".into(),
            Some(UnknownReason::Group) | None => "the pods differ: each answer is below".into(),
        },
    }
}
