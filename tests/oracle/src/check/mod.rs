//! Engine and oracle, side by side.

mod ask;
mod audited;
mod calico;
mod evidence;
mod flows;
mod list;
mod properties;
mod reason;
mod shrink;

pub use ask::{Engine, of_protocol, of_verdict};
pub use audited::{audits_hold, some_audited};
pub use flows::{Pair, edges, pairs, ports};
pub use properties::{PROPERTIES, Property, holds};
pub use shrink::{shrink, shrink_by};

use crate::cluster::{Cluster, Protocol};
use crate::oracle::{Traffic, Verdict, is_open_apart, verdict};
use crate::random::Random;

/// How much is asked.
#[derive(Clone, Copy, Debug)]
pub struct Effort {
    /// The seed of the manifests' style and of which flows are asked with evidence.
    pub seed: u64,
    /// For each pair: flows asked one by one; all others are compared through the set of ports that
    /// each answer carries and through `list`. None: only `list` is asked.
    pub flows_per_pair: usize,
}

/// What was compared.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Pairs of ends.
    pub pairs: u64,
    /// Verdicts of `evaluate`, by the oracle's answer: deny, unknown, allow.
    pub verdicts: [u64; 3],
    /// Questions that the engine rightly refuses.
    pub refused: u64,
    /// Ports of whole sets.
    pub ports: u64,
    /// Ports of pairs of `list`.
    pub listed: u64,
    /// Peer and port entries named by evidence.
    pub entries: u64,
    /// Pairs asked about protocols without ports, where there is something of Calico's.
    pub portless: u64,
}

impl Counts {
    /// Adds another count.
    pub fn add(&mut self, other: &Self) {
        self.pairs += other.pairs;
        for (sum, count) in self.verdicts.iter_mut().zip(other.verdicts) {
            *sum += count;
        }
        self.refused += other.refused;
        self.ports += other.ports;
        self.listed += other.listed;
        self.entries += other.entries;
        self.portless += other.portless;
    }
}

impl std::fmt::Display for Counts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let [deny, unknown, allow] = self.verdicts;
        write!(
            f,
            "{} pairs; {} flows ({allow} allow, {deny} deny, {unknown} unknown, {} refused); \
             {} ports of whole answers; {} ports of list; {} entries of evidence; {} pairs without \
             ports",
            self.pairs,
            deny + unknown + allow + self.refused,
            self.refused,
            self.ports,
            self.listed,
            self.entries,
            self.portless
        )
    }
}

/// Where engine and oracle do not agree.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Mismatch {
    /// What sort of disagreement; shrinking keeps it.
    pub sort: String,
    /// The question.
    pub question: String,
    /// What the engine says.
    pub engine: String,
    /// What the oracle says.
    pub oracle: String,
}

impl std::fmt::Display for Mismatch {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { sort, question, engine, oracle } = self;
        write!(f, "{sort}\n  {question}\n  engine: {engine}\n  oracle: {oracle}")
    }
}

/// Compares everything about a cluster.
///
/// # Errors
/// The first disagreement.
pub fn compare(cluster: &Cluster, effort: Effort) -> Result<Counts, Mismatch> {
    compare_with(&Engine::new(cluster, effort.seed)?, effort)
}

/// Compares what an engine has read with the oracle's view of a cluster.
///
/// # Errors
/// The first disagreement.
pub fn compare_with(engine: &Engine<'_>, effort: Effort) -> Result<Counts, Mismatch> {
    let cluster = engine.cluster;
    let mut counts = Counts::default();
    let mut random = Random::new(effort.seed);
    let traffic = flows::traffic(cluster);
    let pairs = if effort.flows_per_pair == 0 { Vec::new() } else { pairs(cluster) };
    for pair in pairs {
        compare_pair(engine, &pair, (&traffic, effort.flows_per_pair), &mut random)
            .map(|one| counts.add(&one))?;
    }
    // What host endpoints decide a list leaves open.
    if cluster.calico.hosts.is_empty() {
        counts.add(&list::compare(engine, &traffic)?);
    }
    Ok(counts)
}

fn compare_pair(
    engine: &Engine<'_>,
    pair: &Pair,
    (traffic, flows): (&[Traffic], usize),
    random: &mut Random,
) -> Result<Counts, Mismatch> {
    let mut counts = Counts { pairs: 1, ..Counts::default() };
    let mut whole = None;
    let has_calico = !engine.cluster.calico.is_absent();
    if has_calico {
        counts.portless += u64::from(calico::portless(engine, pair)?);
    }
    for _ in 0..flows {
        let traffic = random.pick(traffic);
        let expected = verdict(engine.cluster, &pair.worlds, traffic);
        let report = engine.flow(pair, traffic, expected)?;
        let (Some(report), Some(expected)) = (report, expected) else {
            counts.refused += 1;
            return Ok(counts);
        };
        if let Some(count) = counts.verdicts.get_mut(expected as usize) {
            *count += 1;
        }
        if has_calico {
            calico::ends(engine, pair, (traffic, &report))?;
        } else {
            if expected == Verdict::Unknown {
                reason::check(engine.cluster, pair, (traffic, report.reason))?;
            }
            counts.entries += evidence::check(engine, pair, (traffic, &report))?;
        }
        whole.get_or_insert(report);
    }
    if let Some(report) = whole {
        let allowed = ask::Ports::parse(report.allowed.as_deref().unwrap_or_default());
        for one in traffic {
            counts.ports += 1;
            compare_certain(engine, pair, (one, allowed.contains(one)))?;
        }
    }
    Ok(counts)
}

/// The set of ports that comes with an answer has exactly what is allowed for certain.
fn compare_certain(
    engine: &Engine<'_>,
    pair: &Pair,
    (traffic, allowed): (&Traffic, bool),
) -> Result<(), Mismatch> {
    let expected = verdict(engine.cluster, &pair.worlds, traffic);
    let apart = || is_open_apart(engine.cluster, &pair.worlds, traffic);
    if allowed == (expected == Some(Verdict::Allow)) || (!allowed && apart()) {
        return Ok(());
    }
    Err(Mismatch {
        sort: format!("whole answer: {}", if allowed { "too much" } else { "too little" }),
        question: question(pair, traffic),
        engine: if allowed { "allowed".into() } else { "not allowed".into() },
        oracle: expected.map_or("impossible".into(), |verdict| verdict.to_string()),
    })
}

/// A question as one writes it.
pub fn question(pair: &Pair, Traffic { protocol, port }: &Traffic) -> String {
    format!("{} -> {} {} {port}", pair.from, pair.to, protocol.name())
}

/// Everything of one protocol that there is to ask.
pub fn every_protocol(ports: &[u16]) -> Vec<Traffic> {
    let of = |protocol| ports.iter().map(move |&port| Traffic { protocol, port });
    Protocol::ALL.into_iter().flat_map(of).collect()
}
