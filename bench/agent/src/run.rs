//! What is measured, in which order, and how it is told.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use clap::Parser;
use portcullis_kube::Programs;

use crate::agent::{Agent, Program, Used};
use crate::changes;
use crate::figures::{Table, Times, microseconds, milliseconds, progress, say};
use crate::lab::{Lab, PATIENCE};
use crate::objects::{PATH_PORT, POLICY_PORT};
use crate::path::{self, Path};
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
    Bench { arguments, program, lab, tables: None }.run()
}

struct Bench {
    arguments: Arguments,
    program: Program,
    lab: Lab,
    tables: Option<Table>,
}

/// One line of the tables.
#[derive(Clone, Copy, Debug)]
struct Case<'c> {
    at: usize,
    backend: &'c str,
}

const HEAD: [&str; 11] = [
    "backend",
    "pods of node / cluster",
    "policies",
    "policy created, ms",
    "policy deleted, ms",
    "no peer any more, ms",
    "a peer again, ms",
    "start, ms",
    "memory, MB / processor, s",
    "rules / sets / members",
    "connect, round trip: more than none, µs",
];

impl Bench {
    fn run(mut self) -> Result<()> {
        say("Milliseconds from the API server's answer to the first connection that shows the \
             change, p50 / p99 / maximum; connections are tried every 2 ms.\n");
        self.tables = Some(Table::begin(&HEAD));
        let Arguments { cluster, policies, .. } = self.arguments.clone();
        for (round, pods) in cluster.into_iter().enumerate() {
            let most = policies.len().saturating_sub(1);
            for policies in policies.iter().skip(if round == 0 { 0 } else { most }) {
                self.lab.fill(pods, *policies)?;
                self.all_cases()?;
            }
        }
        Ok(())
    }

    fn all_cases(&self) -> Result<()> {
        for backend in &self.arguments.backends {
            for at in 0..self.lab.places.len() {
                self.case(Case { at, backend })?;
            }
        }
        Ok(())
    }

    fn case(&self, case: Case<'_>) -> Result<()> {
        let place = self.lab.place(case.at)?;
        let (pods, policies) = self.lab.filled();
        progress(&format!("{}, {}, {pods} pods, {policies} policies", case.backend, place.name));
        let host = &self.lab.node(case.at)?.host;
        self.program.clean_up(host)?;
        let bare = self.path(case.at)?;
        let starts = self.starts(case)?;
        let agent = self.start(case)?;
        agent.ready()?;
        std::thread::sleep(Duration::from_secs(1));
        let count = self.arguments.changes;
        let policy = changes::policies(&self.lab, (case.at, &agent), count)?;
        let member = changes::members(&self.lab, (case.at, &agent), count)?;
        let used = agent.used()?;
        let metrics = agent.metrics()?;
        agent.stop()?;
        let ruled = self.path(case.at)?;
        self.program.clean_up(host)?;
        let bare_again = self.path(case.at)?;
        let number = |name: &str| metrics.number(&format!("portcullis_{name}{{family=\"IPv4\"}}"));
        self.row(&[
            case.backend.to_owned(),
            format!("{} / {pods}", place.pods),
            policies.to_string(),
            policy.closing.cells(),
            policy.opening.cells(),
            member.closing.cells(),
            member.opening.cells(),
            milliseconds(starts.percentile(50)),
            used_cell(used),
            format!("{} / {} / {}", number("rules"), number("sets"), number("set_members")),
            path_cell(&[bare, bare_again], ruled),
        ]);
        say(&format!(
            "  compile / lower / verify / write, µs on average: policies {}; members {}",
            policy.phases, member.phases
        ));
        Ok(())
    }

    fn row(&self, cells: &[String]) {
        if let Some(table) = &self.tables {
            table.row(cells);
        }
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

fn used_cell(used: Used) -> String {
    let Used { peak_memory, own, tools } = used;
    format!("{peak_memory:.0} / {:.1} + {:.1}", own.as_secs_f64(), tools.as_secs_f64())
}

/// What the rules cost, against the middle of before and after.
fn path_cell(bare: &[Path; 2], ruled: Path) -> String {
    let more = |of: fn(&Path) -> Duration| {
        let [before, after] = bare.each_ref().map(of);
        let middle = (before + after) / 2;
        let sign = if of(&ruled) < middle { "-" } else { "+" };
        format!("{sign}{} ({})", microseconds(of(&ruled).abs_diff(middle)), microseconds(middle))
    };
    format!("{}, {}", more(|path| path.connect), more(|path| path.round_trip))
}
