//! The agent as a process on a node, and what it and the kernel say of it.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use portcullis_packets::host::Host;
use portcullis_packets::namespace::Handle;

use crate::lab::PATIENCE;

/// How it is started.
#[derive(Clone, Debug)]
pub struct Program {
    /// The program itself.
    pub path: PathBuf,
    /// Where its log goes.
    pub log: PathBuf,
}

/// A running agent, killed when dropped.
#[derive(Debug)]
pub struct Agent {
    child: Child,
    handle: Handle,
    log: PathBuf,
    /// When it was started.
    pub started: Instant,
}

/// What the kernel has counted of a process.
#[derive(Clone, Copy, Debug)]
pub struct Used {
    /// The most memory that it ever had, in megabytes of 1,000,000 bytes.
    pub peak_memory: f64,
    /// Processor time of itself.
    pub own: Duration,
    /// Processor time of the tools that it ran and that have ended.
    pub tools: Duration,
}

impl Program {
    /// Starts it on a node.
    pub fn start(&self, on: &Host, words: &[&str]) -> Result<Agent> {
        let log = File::create(&self.log).context("a file for the log")?;
        let mut command = Command::new(&self.path);
        command.args(["--node", &on.name]).args(words);
        // Its start is measured, and no other agent starts with it.
        command.args(["--list-spread-seconds", "0"]);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log);
        let started = Instant::now();
        let child = on.namespace.enter(|| Ok(command.spawn()))?;
        let child = child.with_context(|| self.path.display().to_string())?;
        Ok(Agent { child, handle: on.namespace.handle()?, log: self.log.clone(), started })
    }

    /// Has it remove all that is its.
    pub fn clean_up(&self, on: &Host) -> Result<()> {
        let path = self.path.display().to_string();
        on.namespace.run(&[&path, "cleanup"]).map(drop).context("cleaning up")
    }
}

impl Agent {
    /// Waits until it says that all is in force.
    pub fn ready(&self) -> Result<()> {
        while self.started.elapsed() < PATIENCE {
            if self.handle.agent_serves("/readyz")?.starts_with("ready") {
                return Ok(());
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        let log = std::fs::read_to_string(&self.log).unwrap_or_default();
        bail!("the agent is not ready; its log:\n{log}")
    }

    /// Its metrics.
    pub fn metrics(&self) -> Result<Metrics> {
        Ok(Metrics(self.handle.agent_serves("/metrics")?))
    }

    /// What it has used so far.
    pub fn used(&self) -> Result<Used> {
        Used::of(&PathBuf::from(format!("/proc/{}", self.child.id())))
    }

    /// Asks it to end, and waits. What is in force stays in force.
    pub fn stop(mut self) -> Result<()> {
        let pid = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(pid, rustix::process::Signal::TERM)?;
        self.child.wait()?;
        Ok(())
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Used {
    fn of(process: &Path) -> Result<Self> {
        let status = std::fs::read_to_string(process.join("status"))?;
        let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let peak: f64 = peak
            .and_then(|rest| rest.trim().strip_suffix(" kB")?.parse().ok())
            .context("no VmHWM")?;
        let stat = std::fs::read_to_string(process.join("stat"))?;
        // After the name, which is in parentheses and may have any character.
        let fields: Vec<&str> =
            stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
        let ticks = |at: usize| fields.get(at).and_then(|field| field.parse::<u64>().ok());
        let time = |at: usize| {
            let ticks = ticks(at)? + ticks(at + 1)?;
            Some(Duration::from_secs_f64(
                ticks as f64 / rustix::param::clock_ticks_per_second() as f64,
            ))
        };
        let (own, tools) = (time(11).context("no utime")?, time(13).context("no cutime")?);
        Ok(Self { peak_memory: peak * 1024.0 / 1e6, own, tools })
    }
}

/// Metrics at one moment.
#[derive(Clone, Debug)]
pub struct Metrics(String);

/// The parts of the way from a change to the kernel.
pub const PHASES: [&str; 4] = ["Compile", "Lower", "Verify", "Write"];

impl Metrics {
    /// A number, by name and labels; zero if it is not there yet.
    pub fn number(&self, name: &str) -> f64 {
        let line = self.0.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        line.and_then(|number| number.parse().ok()).unwrap_or_default()
    }

    /// How long a phase took on average since an earlier moment.
    pub fn phase_since(&self, before: &Self, phase: &str) -> Duration {
        let since = |what: &str| {
            let name = format!("portcullis_phase_seconds_{what}{{phase=\"{phase}\"}}");
            self.number(&name) - before.number(&name)
        };
        let (sum, count) = (since("sum"), since("count"));
        Duration::from_secs_f64(if count > 0.0 { (sum / count).max(0.0) } else { 0.0 })
    }
}
