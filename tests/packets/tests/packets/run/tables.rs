//! The cases, sent as packets: whatever they expect of flows between pods that can be built.

use std::collections::BTreeSet;
use std::net::IpAddr;

use portcullis_engine::verdict::Verdict;
use portcullis_packets::probe::Probe;
use portcullis_tests::cases::{Case, Expect, read_cases};

use super::scenario::{Files, KINDS, Scenario, plans, session, session_with};
use super::{Test, in_parallel};

pub const TESTS: &[Test] = &[
    ("the truth tables of Kubernetes' end-to-end tests", truth_tables),
    ("the flows of other cases", other_cases),
];

fn truth_tables() {
    let checked = check_all(|path| path.contains("kubernetes-e2e"));
    assert!(checked >= 40, "{checked} cases");
}

/// Those that came from real use and from mistakes; with `CASES=all`, all of them.
fn other_cases() {
    let all = std::env::var_os("CASES").is_some_and(|cases| cases == "all");
    let chosen = ["scenarios", "regressions", "traps"];
    let checked = check_all(|path| {
        !path.contains("kubernetes-e2e") && (all || chosen.iter().any(|part| path.contains(part)))
    });
    assert!(checked >= 20, "{checked} cases");
}

/// Every case once, in one of the ways to wire and enforce; how many had something to send.
fn check_all(chosen: impl Fn(&str) -> bool) -> usize {
    let files = read_cases().unwrap();
    let cases: Vec<&Case> =
        files.iter().filter(|file| chosen(&file.path)).flat_map(|file| &file.cases).collect();
    let name = |at: usize| format!("{} `{}`", cases[at].path, cases[at].title);
    let sent = in_parallel(cases.len(), |at| check(cases[at], at), name);
    let checked = sent.iter().filter(|sent| **sent > 0).count();
    println!("packets: {checked} cases, {} probes", sent.iter().sum::<usize>());
    checked
}

/// How many flows of a case were sent.
fn check(case: &Case, at: usize) -> usize {
    let inputs = case.inputs.iter();
    let files: Files = inputs.map(|input| (input.name.clone(), input.text.clone())).collect();
    let known = Known::of(case, &files);
    let (probes, expected) = flows(case, &known);
    // What is wrong in manifests the command leaves out and the agent closes.
    if probes.is_empty() || session(&files).check().summary.errors > 0 {
        return 0;
    }
    let ends = probes.iter().flat_map(|probe| [probe.from, probe.to]);
    let outside: BTreeSet<IpAddr> = ends.filter(|end| !known.is_taken(*end)).collect();
    let scenario =
        Scenario::build(KINDS[at % KINDS.len()], &files, &outside.into_iter().collect::<Vec<_>>());
    let ports: BTreeSet<u16> = probes.iter().map(|probe| probe.port).collect();
    let _answering = scenario.answering(&ports.into_iter().collect::<Vec<_>>());
    scenario.enforce_in(case.options.namespace.as_deref().unwrap_or("default"));
    scenario.expect(&probes, &expected);
    probes.len()
}

/// The flows of a case, one for each family that both ends have, and whether they are allowed.
pub fn flows(case: &Case, known: &Known) -> (Vec<Probe>, Vec<bool>) {
    let all = case.expectations.iter().filter_map(|expectation| match &expectation.expect {
        Expect::Verdict(flow, verdict @ (Verdict::Allow | Verdict::Deny), ..) => {
            let query = &flow.query;
            let port = query.port.number()?;
            let pairs = known.pairs(&query.from, &query.to).into_iter();
            let probe = move |(from, to)| Probe { from, to, protocol: query.protocol, port };
            Some(pairs.map(move |pair| (probe(pair), *verdict == Verdict::Allow)))
        }
        _ => None,
    });
    all.flatten().unzip()
}

/// Pods that can be built, with their addresses, and addresses of nodes.
pub struct Known {
    pods: Vec<(String, Vec<IpAddr>)>,
    nodes: Vec<IpAddr>,
}

impl Known {
    pub fn of(case: &Case, files: &Files) -> Self {
        let Ok(options) = case.options.options() else {
            return Self { pods: Vec::new(), nodes: Vec::new() };
        };
        let plans = plans(&session_with(options, files));
        let nodes = plans.iter().flat_map(|plan| plan.addresses.clone()).collect();
        Self { pods: plans.into_iter().flat_map(|plan| plan.pods).collect(), nodes }
    }

    fn is_taken(&self, address: IpAddr) -> bool {
        let mut pods = self.pods.iter().flat_map(|(_, addresses)| addresses);
        self.nodes.contains(&address) || pods.any(|known| *known == address)
    }

    /// Addresses of both ends in each family that both have; at least one end is a pod.
    fn pairs(&self, from: &str, to: &str) -> Vec<(IpAddr, IpAddr)> {
        let (from, to) = (self.addresses(from), self.addresses(to));
        let mut pairs = Vec::new();
        for &from in &from {
            let to = to.iter().filter(|to| to.is_ipv4() == from.is_ipv4());
            pairs.extend(to.map(|to| (from, *to)));
        }
        let is_pod = |end: &IpAddr| self.pods.iter().any(|(_, own)| own.contains(end));
        pairs.retain(|(from, to)| is_pod(from) || is_pod(to));
        pairs
    }

    fn addresses(&self, end: &str) -> Vec<IpAddr> {
        match (end.parse::<IpAddr>(), self.pods.iter().find(|(name, _)| name == end)) {
            (Ok(address), _) if usable(address) => vec![address],
            (_, Some((_, addresses))) => addresses.clone(),
            _ => Vec::new(),
        }
    }
}

/// Whether a host can have an address.
pub fn usable(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => {
            let first = v4.octets()[0];
            !(first == 0 || first == 127 || first >= 224)
        }
        IpAddr::V6(v6) => matches!(v6.segments()[0], 0x2000..=0x3fff | 0xfc00..=0xfdff),
    }
}
