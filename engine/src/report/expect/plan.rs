//! From an expectation to the questions that it asks.

use std::sync::Arc;

use rustc_hash::FxHashMap;

use super::ends::{End, EndKey, Ends};
use super::types::{Asked, AskedPort, Expectation, Expected};
use crate::cluster::EndpointId;
use crate::manifest::{ByDirection, Direction};
use crate::net::Protocol;
use crate::report::port::PortQuery;
use crate::report::service;
use crate::report::types::{FlowQuery, Verdict};
use crate::session::Session;

/// What an expectation asks.
#[derive(Debug, Default)]
pub struct Plan {
    /// The questions; at least one.
    pub checks: Vec<Check>,
    /// Ends that are not in the input.
    pub supposed: Vec<String>,
}

/// A question, for those that are treated alike.
#[derive(Clone, Debug)]
pub struct Check {
    /// What is asked.
    pub question: CheckQuestion,
    /// How many questions it stands for.
    pub questions: usize,
    /// Whose policies may decide: by direction, the endpoints; absent if that is not known.
    pub subjects: ByDirection<Option<Arc<[EndpointId]>>>,
    /// Whether a pattern means an end: pairs between which no traffic is possible are left out.
    pub of_pattern: bool,
}

/// What is asked.
#[derive(Clone, Debug)]
pub enum CheckQuestion {
    /// Whether a flow has a verdict.
    Flow {
        /// The flow.
        query: FlowQuery,
        /// The verdict.
        expect: Verdict,
    },
    /// Whether NetworkPolicies isolate all pods of an end in a direction.
    Isolated {
        /// The end.
        pods: String,
        /// The direction.
        direction: Direction,
    },
}

impl CheckQuestion {
    /// Its ends, or only the first of them.
    pub fn ends(&self, only_first: bool) -> (&str, &str) {
        match self {
            Self::Flow { query, .. } if only_first => (&query.from, ""),
            Self::Flow { query, .. } => (&query.from, &query.to),
            Self::Isolated { pods, direction } => (pods, direction.field()),
        }
    }
}

impl Plan {
    /// The questions of an expectation.
    ///
    /// # Errors
    /// If it is about nobody of the input, as a sentence.
    pub fn new(session: &Session, ends: &Ends<'_>, of: &Expectation) -> Result<Self, String> {
        let all = |texts: &[String]| ends.of(texts, &of.except);
        let texts: Vec<&String> = match &of.asked {
            Asked::Flows { from, to, .. } => from.iter().chain(to).collect(),
            Asked::Isolated { pods, .. } | Asked::NoInternet { pods } => pods.iter().collect(),
        };
        if !of.except.is_empty() && !texts.iter().any(|text| ends.is_pattern(text)) {
            return Err("`except` leaves ends out of patterns, and there is none".into());
        }
        let plan = match &of.asked {
            Asked::Flows { from, to, ports } => {
                let (from, to) = (all(from)?, all(to)?);
                Self::flows(session, (&from, &to), ports, of.expect)
            }
            Asked::Isolated { pods, directions } => Self::isolated(all(pods)?, directions),
            Asked::NoInternet { pods } => Self::no_internet(session, ends, &all(pods)?),
        };
        match plan.checks.is_empty() {
            true => Err("it is about no pair of different workloads".into()),
            false => Ok(plan),
        }
    }

    fn flows(
        session: &Session,
        (from, to): (&[End], &[End]),
        ports: &[AskedPort],
        expect: Expected,
    ) -> Self {
        let mut plan = Self::supposing(from.iter().chain(to));
        let mut numbers = FxHashMap::default();
        let (from, to) = (numbered(from, &mut numbers), numbered(to, &mut numbers));
        for port in ports {
            let mut alike: FxHashMap<(usize, usize), usize> = FxHashMap::default();
            for (from, of_from) in &from {
                let to =
                    to.iter().filter(|(to, _)| is_pair(from, to) && has_port(session, to, port));
                for (to, of_to) in to {
                    // Names of ports are those of each pod.
                    let is_named = matches!(port.port, PortQuery::Name(_));
                    let key = of_from.zip(*of_to).filter(|_| !is_named);
                    let known = key.and_then(|key| alike.get(&key));
                    if let Some(check) = known.and_then(|known| plan.checks.get_mut(*known)) {
                        check.questions += 1;
                        continue;
                    }
                    alike.extend(key.map(|key| (key, plan.checks.len())));
                    plan.add((from, to), port, expect.verdict());
                }
            }
        }
        plan
    }

    fn add(&mut self, (from, to): (&End, &End), port: &AskedPort, expect: Verdict) {
        let AskedPort { port, protocol } = port.clone();
        let query = FlowQuery { from: from.text.clone(), to: to.text.clone(), protocol, port };
        let question = CheckQuestion::Flow { query, expect };
        let of_pattern = from.of_pattern || to.of_pattern;
        let subjects = ByDirection::from_fn(|direction| match direction {
            Direction::Egress => from.endpoints.clone(),
            Direction::Ingress => to.endpoints.clone(),
        });
        self.checks.push(Check { question, questions: 1, subjects, of_pattern });
    }

    fn isolated(pods: Vec<End>, directions: &[Direction]) -> Self {
        let mut plan = Self::supposing(pods.iter());
        for end in pods {
            plan.checks.extend(directions.iter().map(|direction| Check {
                question: CheckQuestion::Isolated { pods: end.text.clone(), direction: *direction },
                questions: 1,
                subjects: ByDirection::from_fn(|of| match of == *direction {
                    true => end.endpoints.clone(),
                    false => Some(Arc::default()),
                }),
                of_pattern: end.of_pattern,
            }));
        }
        plan
    }

    /// Which families pods have is found out when they are asked about.
    fn no_internet(session: &Session, ends: &Ends<'_>, pods: &[End]) -> Self {
        let to = ends.internet();
        let whole = PortQuery::Range(1, u16::MAX);
        let all = [Protocol::Tcp, Protocol::Udp, Protocol::Sctp];
        let ports = all.map(|protocol| AskedPort::new(whole.clone(), protocol));
        // Not every pod has an address of both families.
        let pods: Vec<End> =
            pods.iter().map(|end| End { of_pattern: true, ..end.clone() }).collect();
        Self::flows(session, (&pods, &to), &ports, Expected::NoInternet)
    }

    fn supposing<'e>(ends: impl Iterator<Item = &'e End>) -> Self {
        let supposed = ends.filter(|end| end.supposed).map(|end| end.text.clone()).collect();
        Self { checks: Vec::new(), supposed }
    }
}

/// Ends with numbers: those of equal keys have equal ones, those without a key have none.
fn numbered<'e>(
    ends: &'e [End],
    numbers: &mut FxHashMap<&'e EndKey, usize>,
) -> Vec<(&'e End, Option<usize>)> {
    let mut number = |end: &'e End| {
        let (next, key) = (numbers.len(), end.key.as_ref()?);
        Some(*numbers.entry(key).or_insert(next))
    };
    ends.iter().map(|end| (end, number(end))).collect()
}

/// Whether two ends are a pair: what patterns mean is never asked about itself.
fn is_pair(from: &End, to: &End) -> bool {
    let by_pattern = from.of_pattern || to.of_pattern;
    !(by_pattern && from.own().iter().any(|id| to.own().contains(id)))
}

/// Whether an end that a pattern means has a port, if that is asked for by name.
fn has_port(session: &Session, to: &End, port: &AskedPort) -> bool {
    let PortQuery::Name(name) = &port.port else { return true };
    let model = session.model();
    let endpoints = to.own().iter().filter_map(|id| model.endpoints.get(*id));
    let mut ports = endpoints.flat_map(|endpoint| service::ports(model, endpoint));
    !to.of_pattern || ports.any(|own| own.name == *name && own.protocol == port.protocol)
}
