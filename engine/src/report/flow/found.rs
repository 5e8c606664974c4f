//! Who is asked about, and what policies say of each of them.

use std::sync::Arc;

use super::{Judged, conclude, deciding, evidence, home, judge_all, name, parts, ranges, rejected};
use crate::net::{ConnSet, PortSet};
use crate::report::case::{Case, are_siblings, cases, no_family};
use crate::report::query::{QueryError, Side, resolve};
use crate::report::service::{self, Target};
use crate::report::types::{Evidence, FlowPart, FlowQuery, Protocol, UnknownReason, Verdict};
use crate::session::Session;

/// What is asked about.
pub struct Asked<'m> {
    /// Who receives.
    pub name: Arc<str>,
    /// The pairs to judge.
    pub cases: Vec<Case<'m>>,
    /// The ports of the Service that is asked about; empty if none is, or if it translates none.
    pub ports: Vec<(Protocol, u16)>,
    /// Why it is unknown who receives, whatever policies say of each pair: of a Service that may
    /// have more or fewer pods.
    pub doubt: Option<UnknownReason>,
    /// Whether the pairs are of different pods of one workload.
    pub siblings: bool,
}

/// What is known of a flow before it is said.
pub struct Found<'m> {
    /// Who sends.
    pub source: Side,
    /// What is asked about.
    pub asked: Asked<'m>,
    judged: Vec<Judged>,
    /// What is said of all.
    pub verdict: Verdict,
    /// Why that is unknown.
    pub reason: Option<UnknownReason>,
}

impl Found<'_> {
    /// The case whose evidence is shown.
    ///
    /// # Errors
    /// If there is none.
    pub fn deciding(&self) -> Result<&Case<'_>, QueryError> {
        let case = deciding(&self.judged, &self.asked.cases, self.verdict);
        case.map(|(_, case)| case)
            .ok_or_else(|| QueryError::new("no pair of pods matches this question"))
    }

    /// Each answer, where they differ.
    pub fn parts(&self, session: &Session, query: &FlowQuery) -> Vec<FlowPart> {
        parts::parts(session, query, &self.asked.cases, &self.judged)
    }
}

/// A verdict alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Said {
    /// The verdict.
    pub verdict: Verdict,
    /// Why it is unknown.
    pub reason: Option<UnknownReason>,
}

/// A verdict with what decides, and no more.
pub struct Spoken {
    /// The verdict.
    pub verdict: Verdict,
    /// Why it is unknown.
    pub reason: Option<UnknownReason>,
    /// What decides.
    pub evidence: Evidence,
    /// Each answer, where they differ.
    pub parts: Vec<FlowPart>,
}

impl Session {
    /// Who is asked about and what is said of each of them.
    pub(super) fn found(&self, query: &FlowQuery) -> Result<Found<'_>, QueryError> {
        if query.port.includes(0) {
            return Err(QueryError::new("port 0 does not exist: ports are 1 to 65535"));
        }
        let source = resolve(self.model(), &query.from)?;
        let mut asked = self.asked(query, &source)?;
        asked.cases = ranges::differing(self, query, asked.cases)?;
        let judged = judge_all(self, query, &asked.cases);
        let (verdict, reason) = match asked.doubt {
            Some(reason) => (Verdict::Unknown, Some(reason)),
            None => conclude(&judged),
        };
        Ok(Found { source, asked, judged, verdict, reason })
    }

    /// The verdict that [`Session::evaluate`] gives, without what decides.
    ///
    /// # Errors
    /// As [`Session::evaluate`].
    pub(in crate::report) fn said(&self, asked: &FlowQuery) -> Result<Said, QueryError> {
        let query = &home::with_namespaces(self, asked);
        let with_ends = self.with_ends(query)?;
        let session = with_ends.as_ref().unwrap_or(self);
        let found = session.found(query).map_err(|error| rejected(self, error))?;
        found.deciding()?;
        Ok(Said { verdict: found.verdict, reason: found.reason })
    }

    /// What is said of a flow by policies that are in force in this session, and why.
    ///
    /// # Errors
    /// As [`Session::evaluate`].
    pub(in crate::report) fn verdict_of(&self, query: &FlowQuery) -> Result<Spoken, QueryError> {
        let found = self.found(query)?;
        let evidence = evidence(self, query, found.deciding()?);
        let parts = found.parts(self, query);
        Ok(Spoken { verdict: found.verdict, reason: found.reason, evidence, parts })
    }

    /// Who receives, and the cases to judge: a Service's are its pods, each at its own port.
    fn asked<'m>(&'m self, query: &FlowQuery, source: &Side) -> Result<Asked<'m>, QueryError> {
        if let Some(target) = service::target(self.model(), query)? {
            let mut all = Vec::new();
            for (side, port) in &target.backends {
                let offset = all.last().map_or(0, |case: &Case<'_>| case.pair + 1);
                let query = FlowQuery { port: (*port).into(), ..query.clone() };
                let cases = cases(self, (source, side), &query)?.into_iter();
                let families = &target.families;
                let cases = cases
                    .filter(|case| families.is_empty() || families.contains(&case.family))
                    .map(|case| Case { pair: case.pair + offset, ..case }.translated());
                match &target.outside {
                    None => all.extend(cases),
                    Some(dialled) => {
                        all.extend(cases.filter_map(|case| case.by_way_of(self.model(), dialled)));
                    }
                }
            }
            if all.is_empty() {
                return Err(no_family(self.model()));
            }
            let doubt = target.is_open.then_some(UnknownReason::Label);
            let Target { name, ports, .. } = target;
            return Ok(Asked { name, cases: all, ports, doubt, siblings: false });
        }
        let side = resolve(self.model(), &query.to)?;
        let cases = cases(self, (source, &side), query)?;
        if cases.is_empty() {
            return Err(no_family(self.model()));
        }
        let siblings = are_siblings(self.model(), source, &side);
        Ok(Asked { name: name(&side), cases, ports: Vec::new(), doubt: None, siblings })
    }

    /// Of a Service's ports those at which all that is behind them is allowed for certain.
    pub(super) fn allowed_by_port(&self, query: &FlowQuery, found: &Found<'_>) -> Option<String> {
        let mut all = ConnSet::none();
        for (protocol, port) in &found.asked.ports {
            let is_asked = query.protocol == *protocol && query.port.number() == Some(*port);
            let query = FlowQuery { protocol: *protocol, port: (*port).into(), ..query.clone() };
            let is_allowed = match is_asked {
                true => found.verdict == Verdict::Allow,
                // Behind a port there may be nothing.
                false => self.asked(&query, &found.source).is_ok_and(|asked| {
                    let judged = judge_all(self, &query, &asked.cases);
                    let is_allowed = |one: &Judged| one.verdict() == Verdict::Allow;
                    asked.doubt.is_none() && !judged.is_empty() && judged.iter().all(is_allowed)
                }),
            };
            if is_allowed {
                all.add(*protocol, &PortSet::from_ranges([(*port, *port)]));
            }
        }
        Some(all.text()).filter(|text| !text.is_empty())
    }
}
