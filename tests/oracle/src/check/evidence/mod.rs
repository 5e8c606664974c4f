//! Whether evidence is true, and stands where it says.

mod tiered;

use portcullis_engine::report::{
    EndReport, EndState, EntryEvidence, FlowReport, Location, Match, PolicyEvidence, RuleEvidence,
};

use super::ask::Engine;
use super::{Mismatch, Pair, question};
use crate::cluster::{Direction, Policy, Rule};
use crate::oracle::{
    Tier, Traffic, Verdict, World, agreed, peer_matches, port_matches, reaches, rule_matches,
    selected_by,
};
use crate::random::Random;
use crate::tree::Tree;
use crate::write::Objects;

/// One end's evidence, and all that it is about.
#[derive(Clone, Copy)]
struct Asked<'a> {
    engine: &'a Engine<'a>,
    pair: &'a Pair,
    traffic: &'a Traffic,
    direction: Direction,
}

/// Checks every entry that a report names; returns how many.
///
/// # Errors
/// The first untruth.
pub fn check(
    engine: &Engine<'_>,
    pair: &Pair,
    (traffic, report): (&Traffic, &FlowReport),
) -> Result<u64, Mismatch> {
    let mut untrue = None;
    for case in cases(pair) {
        match check_case(engine, &case, (traffic, report)) {
            Ok(count) => return Ok(count),
            Err(mismatch) => untrue = Some(mismatch),
        }
    }
    untrue.map_or(Ok(0), Err)
}

/// Evidence is that of one pair of pods in one family, and it does not say of which: it must be
/// true of one of them.
fn cases(pair: &Pair) -> Vec<Pair> {
    let case = |world: &World| (world.source.identity, world.destination.identity, world.family());
    let mut cases: Vec<Pair> = Vec::new();
    for world in &pair.worlds {
        let same = |known: &&mut Pair| known.worlds.iter().all(|other| case(other) == case(world));
        match cases.iter_mut().find(same) {
            Some(known) => known.worlds.push(world.clone()),
            None => cases.push(Pair { worlds: vec![world.clone()], ..pair.clone() }),
        }
    }
    cases
}

fn check_case(
    engine: &Engine<'_>,
    pair: &Pair,
    (traffic, report): (&Traffic, &FlowReport),
) -> Result<u64, Mismatch> {
    let mut count = 0;
    for (direction, end) in [
        (Direction::Egress, &report.evidence.egress),
        (Direction::Ingress, &report.evidence.ingress),
    ] {
        let asked = Asked { engine, pair, traffic, direction };
        asked.state(end)?;
        for policy in &end.policies {
            count += asked.policy(policy)?;
        }
        for tier in &end.tiers {
            asked.tier(tier)?;
        }
    }
    Ok(count)
}

impl Asked<'_> {
    fn wrong(&self, sort: &str, engine: String, oracle: String) -> Mismatch {
        let question = format!("{} at {:?}", question(self.pair, self.traffic), self.direction);
        Mismatch { sort: format!("evidence: {sort}"), question, engine, oracle }
    }

    /// What worlds say of a condition.
    fn all(&self, holds: impl Fn(&World) -> bool) -> Option<Verdict> {
        agreed(self.pair.worlds.iter().map(holds))
    }

    fn selects(&self, policy: &Policy) -> Option<Verdict> {
        self.all(|world| selected_by(policy, self.direction, world.ends(self.direction).0))
    }

    /// The policies named are those that select the subject, or may.
    fn state(&self, end: &EndReport) -> Result<(), Mismatch> {
        if matches!(end.state, EndState::SelfTraffic | EndState::OwnNode) {
            return Ok(());
        }
        let cluster = self.engine.cluster;
        let selecting = cluster.policies.iter();
        let selecting = selecting.filter(|policy| self.selects(policy) != Some(Verdict::Deny));
        let mut expected: Vec<String> = selecting.map(name).collect();
        let tiered = cluster.cluster_policies.iter().filter(|policy| self.tiers_select(policy));
        expected.extend(tiered.map(tiered::name));
        let mut named: Vec<String> = end.policies.iter().map(named).collect();
        expected.sort();
        named.sort();
        if named == expected {
            return Ok(());
        }
        Err(self.wrong("policies", named.join(" "), expected.join(" ")))
    }

    fn policy(&self, evidence: &PolicyEvidence) -> Result<u64, Mismatch> {
        let written = named(evidence);
        if evidence.policy.namespace.is_none() {
            return self.cluster_policy(&written, evidence);
        }
        let known = self.engine.cluster.policies.iter().find(|policy| name(policy) == written);
        let Some(policy) = known else {
            return Err(self.wrong("no such policy", written, String::new()));
        };
        let rules = policy.rules(self.direction);
        if rules.len() != evidence.rules.len() {
            let (said, is) = (evidence.rules.len(), rules.len());
            return Err(self.wrong("number of rules", said.to_string(), is.to_string()));
        }
        let mut count = 0;
        for (i, (rule, evidence)) in rules.iter().zip(&evidence.rules).enumerate() {
            count += self.rule(policy, (i, rule), evidence)?;
        }
        Ok(count)
    }

    fn rule(
        &self,
        policy: &Policy,
        (index, rule): (usize, &Rule),
        evidence: &RuleEvidence,
    ) -> Result<u64, Mismatch> {
        let (list, field) = match self.direction {
            Direction::Ingress => ("ingress", "from"),
            Direction::Egress => ("egress", "to"),
        };
        let path = format!("spec.{list}[{index}]");
        self.same("path", &evidence.path, &path)?;
        let (peers, ports) = (rule.peers.iter().flatten(), rule.ports.iter().flatten());
        let mut written = Vec::new();
        for (i, peer) in peers.enumerate() {
            let truth = self.all(|world| {
                let party = world.ends(self.direction).1;
                peer_matches(policy, peer, party)
            });
            let random = &mut Random::new(0);
            written.push((format!("{path}.{field}[{i}]"), truth, Some(Objects(random).peer(peer))));
        }
        for (i, port) in ports.enumerate() {
            let truth = self.all(|world| port_matches(port, &world.destination, self.traffic));
            let random = &mut Random::new(0);
            written.push((format!("{path}.ports[{i}]"), truth, Some(Objects(random).port(port))));
        }
        let matches = |world: &World| self.rule_matches(policy, rule, world);
        let decides = |world: &World| {
            let (cluster, direction) = (self.engine.cluster, self.direction);
            let reached = reaches(cluster, (Tier::NetworkPolicy, direction), world, self.traffic);
            reached && selected_by(policy, direction, world.ends(direction).0) && matches(world)
        };
        // Where one accepts for certain, none of those that may is said to.
        self.rule_says(evidence, matches, (Verdict::Allow, decides))?;
        self.entries(evidence, &written)
    }

    fn rule_matches(&self, policy: &Policy, rule: &Rule, world: &World) -> bool {
        let rule = (policy, rule);
        let ends = (world.ends(self.direction).1, &world.destination);
        rule_matches(rule, ends, self.traffic)
    }

    fn entries(&self, evidence: &RuleEvidence, written: &[Written]) -> Result<u64, Mismatch> {
        let named: Vec<&EntryEvidence> = evidence.peers.iter().chain(&evidence.ports).collect();
        self.same("number of entries", &named.len().to_string(), &written.len().to_string())?;
        for (named, (path, truth, tree)) in named.iter().zip(written) {
            self.entry(named, (path, *truth, tree.as_ref()))?;
        }
        Ok(written.len() as u64)
    }

    fn same(&self, sort: &str, engine: &str, oracle: &str) -> Result<(), Mismatch> {
        if engine == oracle {
            return Ok(());
        }
        Err(self.wrong(sort, engine.into(), oracle.into()))
    }

    /// Alone, the entry does what the evidence says; and the evidence says where it stands.
    fn entry(
        &self,
        named: &EntryEvidence,
        (path, truth, tree): (&str, Option<Verdict>, Option<&Tree>),
    ) -> Result<(), Mismatch> {
        self.same("path", &named.path, path)?;
        let said = match named.matches {
            Match::No => Verdict::Deny,
            Match::Unknown => Verdict::Unknown,
            Match::Yes => Verdict::Allow,
        };
        if Some(said) != truth {
            let engine = format!("{path} matches: {said} ({})", named.text);
            return Err(self.wrong(&format!("{said} for {truth:?}"), engine, format!("{truth:?}")));
        }
        let Some(tree) = tree else { return Ok(()) };
        let text = named.location.as_ref().and_then(|place| self.text_at(place));
        let read = text.as_deref().and_then(|text| serde_yaml::from_str(text).ok());
        let read: Option<serde_json::Value> = read;
        if read.as_ref().map(without_nothing) == Some(without_nothing(&tree.value())) {
            return Ok(());
        }
        let engine = format!("{path} at {:?}: {text:?}", named.location);
        Err(self.wrong("place", engine, tree.value().to_string()))
    }

    /// The text of a place, moved to where its first line begins.
    fn text_at(&self, place: &Location) -> Option<String> {
        let (_, text) = self.engine.files.iter().find(|(name, _)| *name == *place.file)?;
        let (first, last) = (place.line as usize, place.end_line as usize);
        let column = place.column as usize - 1;
        let lines = text.lines().enumerate().skip(first - 1).take(last + 1 - first);
        let mut cut = String::new();
        for (at, line) in lines {
            let end = if at + 1 == last { place.end_column as usize - 1 } else { line.len() };
            let begin = if at + 1 == first { column } else { 0 };
            let padding = if begin == 0 { 0 } else { column };
            cut.extend(std::iter::repeat_n(' ', padding));
            cut.push_str(line.get(begin..end)?);
            cut.push('\n');
        }
        Some(cut)
    }
}

/// An entry: its path, what worlds say of it, and how it is written, if there is one way only.
type Written = (String, Option<Verdict>, Option<Tree>);

/// Kind, namespace and name that evidence has of a policy.
fn named(evidence: &PolicyEvidence) -> String {
    let policy = &evidence.policy;
    match &policy.namespace {
        Some(namespace) => format!("{namespace}/{}", policy.name),
        None => format!("{} {}", policy.kind, policy.name),
    }
}

fn name(policy: &Policy) -> String {
    format!("{}/{}", policy.namespace, policy.name)
}

/// A value without empty lists and mappings' nulls, which say nothing.
fn without_nothing(value: &serde_json::Value) -> serde_json::Value {
    use serde_json::Value;
    match value {
        Value::Object(entries) => {
            let entries = entries.iter().filter(|(_, v)| !v.is_null());
            Value::Object(entries.map(|(k, v)| (k.clone(), without_nothing(v))).collect())
        }
        Value::Array(items) => items.iter().map(without_nothing).collect(),
        other => other.clone(),
    }
}
