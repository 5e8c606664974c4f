//! What is measured, in which order, and how it is told.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use clap::Parser;
use portcullis_kube::Programs;

use crate::agent::{Agent, Metrics, Program, Used};
use crate::changes;
use crate::figures::{Times, milliseconds, progress, say, table};
use crate::lab::{Lab, PATIENCE};
use crate::objects::{PATH_PORT, POLICY_PORT};
use crate::path::{self, Pairs, Path};
use crate::pulse::Pulse;
use crate::synthetic;

/// Measures the node agent with a real API server, a real kernel and real packets.
#[derive(Clone, Debug, Parser)]
#[command(name = "portcullis-bench-agent")]
struct Arguments {
    /// The agent that is measured.
    #[arg(long, default_value = "target/release/portcullis-agent", value_name = "FILE")]
    agent: PathBuf,
    /// Pods of the nodes, one node for each number.
    #[arg(long, default_value = "10,110,250", value_delimiter = ',', value_name = "COUNTS")]
    pods: Vec<usize>,
    /// Policies of the cluster, growing.
    #[arg(long, default_value = "100,1000,5000", value_delimiter = ',', value_name = "COUNTS")]
    policies: Vec<usize>,
    /// Pods of the cluster, growing; the larger ones are measured with the most policies only.
    #[arg(long, default_value = "1100,20000", value_delimiter = ',', value_name = "COUNTS")]
    cluster: Vec<usize>,
    /// Implementations of iptables.
    #[arg(long, default_value = "nft,legacy", value_delimiter = ',', value_name = "NAMES")]
    backends: Vec<String>,
    /// How often each change is made.
    #[arg(long, default_value_t = 50, value_name = "COUNT")]
    changes: usize,
    /// How often the agent is started.
    #[arg(long, default_value_t = 5, value_name = "COUNT")]
    starts: usize,
    /// Pods of the synthetic watch; 0 for none.
    #[arg(long, default_value_t = 150_000, value_name = "COUNT")]
    synthetic: usize,
}

/// Does what the command line says.
pub fn main() -> Result<()> {
    let arguments = Arguments::parse();
    if !portcullis_packets::is_root() {
        bail!("network namespaces need root");
    }
    if !arguments.agent.is_file() {
        bail!(
            "no agent at {}: cargo build --release -p portcullis-agent",
            arguments.agent.display()
        );
    }
    portcullis_packets::namespace::remove_stale();
    let folder = tempfile::tempdir()?;
    let path = arguments.agent.canonicalize()?;
    let program = Program { path, log: folder.path().join("agent.log") };
    if arguments.synthetic > 0 {
        synthetic::measure(&program, arguments.synthetic)?;
    }
    if arguments.pods.is_empty() {
        return Ok(());
    }
    let programs = Programs::find().context("no API server is built: scripts/build-kube.sh")?;
    let lab = Lab::build(&arguments.pods, &programs)?;
    Bench { arguments, program, lab }.run()
}

struct Bench {
    arguments: Arguments,
    program: Program,
    lab: Lab,
}

/// A node under one implementation of iptables.
#[derive(Clone, Copy, Debug)]
struct Case<'c> {
    at: usize,
    backend: &'c str,
}

/// What was measured of a case: the cells of its row in each of the tables.
#[derive(Clone, Debug)]
struct Row {
    case: [String; 3],
    latencies: Vec<String>,
    phases: Vec<String>,
    costs: Vec<String>,
}

const CASE: [&str; 3] = ["backend", "pods of node / cluster", "policies"];
const LATENCIES: [&str; 5] =
    ["policy created", "policy deleted", "no peer any more", "a peer again", "start"];
const PHASES: [&str; 2] = ["a policy", "a member"];
const COSTS: [&str; 5] = [
    "memory, MB",
    "processor, s: agent + tools",
    "rules / sets / members",
    "connect, µs more",
    "round trip, µs more",
];

impl Bench {
    fn run(self) -> Result<()> {
        let Arguments { cluster, policies, .. } = self.arguments.clone();
        let mut rows = Vec::new();
        let mut lab = self.lab;
        for (round, pods) in cluster.into_iter().enumerate() {
            let most = policies.len().saturating_sub(1);
            for policies in policies.iter().skip(if round == 0 { 0 } else { most }) {
                lab.fill(pods, *policies)?;
                let here = Here { arguments: &self.arguments, program: &self.program, lab: &lab };
                here.all_cases(&mut rows)?;
            }
        }
        print(&rows);
        Ok(())
    }
}

fn print(rows: &[Row]) {
    say(
        "Milliseconds from the API server's answer to the first connection that shows the change: \
         p50 / p99 / maximum. Connections are tried every 2 ms. Start: from the process to the \
         first connection refused, median.\n",
    );
    part(rows, &LATENCIES, |row| &row.latencies);
    say("\nOf it in the agent, microseconds on average: compile / lower / verify / write.\n");
    part(rows, &PHASES, |row| &row.phases);
    say("\nWhat it needs, and what the rules add for a packet (beside what it takes without).\n");
    part(rows, &COSTS, |row| &row.costs);
}

fn part(rows: &[Row], head: &[&str], of: fn(&Row) -> &[String]) {
    let rows: Vec<_> = rows.iter().map(|row| [&row.case[..], of(row)].concat()).collect();
    table(&[&CASE[..], head].concat(), &rows);
}

/// The place as it is filled now.
struct Here<'h> {
    arguments: &'h Arguments,
    program: &'h Program,
    lab: &'h Lab,
}

impl Here<'_> {
    fn all_cases(&self, rows: &mut Vec<Row>) -> Result<()> {
        for backend in &self.arguments.backends {
            for at in 0..self.lab.places.len() {
                rows.push(self.case(Case { at, backend })?);
            }
        }
        Ok(())
    }

    fn case(&self, case: Case<'_>) -> Result<Row> {
        let place = self.lab.place(case.at)?;
        let (pods, policies) = self.lab.filled();
        progress(&format!("{}, {}, {pods} pods, {policies} policies", case.backend, place.name));
        let host = &self.lab.node(case.at)?.host;
        self.program.clean_up(host)?;
        let paths = self.paths(case)?;
        let starts = self.starts(case)?;
        let agent = self.start(case)?;
        agent.ready()?;
        std::thread::sleep(Duration::from_secs(1));
        let count = self.arguments.changes;
        let policy = changes::policies(self.lab, (case.at, &agent), count)?;
        let member = changes::members(self.lab, (case.at, &agent), count)?;
        let (used, metrics) = (agent.used()?, agent.metrics()?);
        agent.stop()?;
        self.program.clean_up(host)?;
        let start = milliseconds(starts.percentile(50));
        let times = [&policy.closing, &policy.opening, &member.closing, &member.opening];
        let row = Row {
            case: [case.backend.into(), format!("{} / {pods}", place.pods), policies.to_string()],
            latencies: times.map(Times::cells).into_iter().chain([start]).collect(),
            phases: vec![policy.phases, member.phases],
            costs: costs(used, &metrics, &paths),
        };
        progress(&[&row.latencies[..], &row.phases, &row.costs].concat().join(" | "));
        Ok(row)
    }

    fn start(&self, case: Case<'_>) -> Result<Agent> {
        let kubeconfig = self.lab.kubeconfig.display().to_string();
        let words = ["--kubeconfig", &kubeconfig, "--backend", case.backend];
        self.program.start(&self.lab.node(case.at)?.host, &words)
    }

    fn path(&self, at: usize) -> Result<Path> {
        let from = self.lab.client(at)?.namespace.handle()?;
        path::measure(&from, [POLICY_PORT, PATH_PORT].map(|port| self.lab.address(at, port)))
    }

    /// Without rules and with them, in turn.
    fn paths(&self, case: Case<'_>) -> Result<Pairs> {
        let mut pairs = Pairs::default();
        for _ in 0..path::ROUNDS {
            let bare = self.path(case.at)?;
            let agent = self.start(case)?;
            agent.ready()?;
            agent.stop()?;
            pairs.0.push([bare, self.path(case.at)?]);
            self.program.clean_up(&self.lab.node(case.at)?.host)?;
        }
        Ok(pairs)
    }

    /// From the start of the process, on a node without any rules, to the first connection that is
    /// refused as the policies want it.
    fn starts(&self, case: Case<'_>) -> Result<Times> {
        self.lab.close()?;
        let mut times = Times::default();
        for _ in 0..self.arguments.starts {
            self.program.clean_up(&self.lab.node(case.at)?.host)?;
            let from = self.lab.client(case.at)?.namespace.handle()?;
            let pulse = Pulse::start(&from, self.lab.address(case.at, POLICY_PORT))?;
            pulse.until(true, Instant::now(), PATIENCE)?;
            pulse.forget();
            let agent = self.start(case)?;
            times.0.push(pulse.until(false, agent.started, PATIENCE)?);
            agent.ready()?;
            agent.stop()?;
        }
        self.lab.open()?;
        self.program.clean_up(&self.lab.node(case.at)?.host)?;
        Ok(times)
    }
}

fn costs(used: Used, metrics: &Metrics, paths: &Pairs) -> Vec<String> {
    let number = |name: &str| metrics.number(&format!("portcullis_{name}{{family=\"IPv4\"}}"));
    vec![
        format!("{:.0}", used.peak_memory),
        format!("{:.1} + {:.1}", used.own.as_secs_f64(), used.tools.as_secs_f64()),
        format!("{} / {} / {}", number("rules"), number("sets"), number("set_members")),
        paths.cell(|path| path.connect),
        paths.cell(|path| path.round_trip),
    ]
}
