//! The agent as a process in a node's namespace.

use std::ffi::OsString;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use portcullis_agent::kernel::iptables::Backend;
use portcullis_packets::host::Host;
use portcullis_packets::namespace::Handle;

use super::scenario::Scenario;

/// What makes the test program be the agent.
pub const WORD: &str = "portcullis-agent";

/// Where an agent learns what is wanted.
#[derive(Clone, Copy)]
pub enum Source<'s> {
    /// A folder of manifests.
    Manifests(&'s Path),
    /// An API server, as a kubeconfig file says.
    ApiServer(&'s Path),
}

fn command(node: &Host, source: Source<'_>, backend: Backend, more: &[&str]) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    let name: OsString = node.name.clone().into();
    command.arg(WORD).arg("--node").arg(name);
    match source {
        Source::Manifests(folder) => command.arg("--manifests").arg(folder),
        Source::ApiServer(file) => command.arg("--kubeconfig").arg(file),
    };
    command.args(["--backend", backend.name()]).args(more);
    if !more.contains(&"--namespace") {
        // The generator of clusters writes for a command line that says so.
        command.args(["--namespace", "a"]);
    }
    command
}

/// Has the agent apply once; what it printed.
pub fn once(node: &Host, manifests: &Path, backend: Backend, more: &[&str]) -> String {
    once_from(Source::Manifests(manifests), node, backend, more)
}

/// Has the agent apply once what it learns from a source; what it printed.
pub fn once_from(source: Source<'_>, node: &Host, backend: Backend, more: &[&str]) -> String {
    let more = [&["--once"], more].concat();
    let mut command = command(node, source, backend, &more);
    let output = node.namespace.enter(|| Ok(command.output().unwrap())).unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "the agent failed on {}: {stderr}", node.name);
    String::from_utf8(output.stdout).unwrap()
}

/// Has the agent remove all that is its.
pub fn cleanup(node: &Host) -> String {
    cleanup_with(node, &[]).unwrap_or_else(|stderr| panic!("on {}: {stderr}", node.name))
}

/// The same in an environment; what it complained of if it failed.
pub fn cleanup_with(node: &Host, environment: &[(&str, &str)]) -> Result<String, String> {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args([WORD, "cleanup"]).envs(environment.iter().copied());
    let output = node.namespace.enter(|| Ok(command.output().unwrap())).unwrap();
    match output.status.success() {
        true => Ok(String::from_utf8(output.stdout).unwrap()),
        false => Err(String::from_utf8_lossy(&output.stderr).into_owned()),
    }
}

/// What a command of the agent prints on a node, and whether it succeeds.
pub fn asked(node: &Host, words: &[&str]) -> (Vec<u8>, bool) {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.arg(WORD).args(words).stderr(Stdio::inherit());
    let output = node.namespace.enter(|| Ok(command.output().unwrap())).unwrap();
    (output.stdout, output.status.success())
}

/// An agent that keeps running, until it is dropped.
pub struct Running {
    /// The namespace of its node.
    handle: Handle,
    child: Child,
    out: PathBuf,
}

impl Running {
    /// Starts one and waits until it is ready.
    pub fn start(scenario: &Scenario, node: usize, more: &[&str]) -> Self {
        Self::start_with(scenario, node, more, &[])
    }

    /// Starts one in an environment and waits until it is ready.
    pub fn start_with(
        scenario: &Scenario,
        node: usize,
        more: &[&str],
        environment: &[(&str, &str)],
    ) -> Self {
        let running = Self::launch_with(scenario, node, more, environment);
        running.wait("/readyz", "ready\n");
        running
    }

    /// Starts one in an environment.
    pub fn launch_with(
        scenario: &Scenario,
        node: usize,
        more: &[&str],
        environment: &[(&str, &str)],
    ) -> Self {
        let source = Source::Manifests(&scenario.folder);
        let mut command = command(scenario.node(node), source, scenario.backend, more);
        command.envs(environment.iter().copied());
        Self::spawn(scenario, node, command)
    }

    /// Starts one that follows an API server.
    pub fn follow(scenario: &Scenario, node: usize, kubeconfig: &Path, more: &[&str]) -> Self {
        let source = Source::ApiServer(kubeconfig);
        let command = command(scenario.node(node), source, scenario.backend, more);
        Self::spawn(scenario, node, command)
    }

    fn spawn(scenario: &Scenario, node: usize, mut command: Command) -> Self {
        let out = Self::out(scenario, node);
        let node = scenario.node(node);
        let err = File::create(out.with_extension("err")).unwrap();
        command.stdin(Stdio::null()).stdout(File::create(&out).unwrap()).stderr(err);
        let child = node.namespace.enter(|| Ok(command.spawn().unwrap())).unwrap();
        Self { handle: node.namespace.handle().unwrap(), child, out }
    }

    fn out(scenario: &Scenario, node: usize) -> PathBuf {
        let name = scenario.node(node).namespace.name();
        scenario.folder.with_extension(format!("{name}.out"))
    }

    /// What an agent that runs on a node has complained of.
    pub fn log(scenario: &Scenario, node: usize) -> String {
        let path = Self::out(scenario, node).with_extension("err");
        std::fs::read_to_string(path).unwrap_or_default()
    }

    /// What it complained of.
    pub fn complaints(&self) -> String {
        std::fs::read_to_string(self.out.with_extension("err")).unwrap_or_default()
    }

    /// What it printed.
    pub fn printed(&self) -> String {
        std::fs::read_to_string(&self.out).unwrap()
    }

    /// What it serves at a path; empty while it does not.
    pub fn get(&self, path: &str) -> String {
        self.handle.agent_serves(path).unwrap()
    }

    /// Waits until a path serves a text, five seconds at most.
    pub fn wait(&self, path: &str, text: &str) {
        self.wait_at_most(path, text, Duration::from_secs(5));
    }

    /// The same, as long as pauses between attempts may be.
    pub fn wait_long(&self, path: &str, text: &str) {
        self.wait_at_most(path, text, Duration::from_secs(30));
    }

    fn wait_at_most(&self, path: &str, text: &str, limit: Duration) {
        let start = Instant::now();
        let mut last = String::new();
        while start.elapsed() < limit {
            last = self.get(path);
            if last.contains(text) {
                return;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        let log = self.complaints();
        panic!("{path} does not say `{text}` but `{last}`; its log: {log}");
    }

    /// Waits until it complains of something, five seconds at most.
    pub fn wait_for(&self, complaint: &str) {
        let start = Instant::now();
        while !self.complaints().contains(complaint) {
            assert!(start.elapsed() < Duration::from_secs(5), "{}", self.complaints());
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// A number that it serves among its metrics.
    pub fn metric(&self, name: &str) -> f64 {
        let text = self.get("/metrics");
        let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        line.unwrap_or_else(|| panic!("no metric {name} in {text}")).parse().unwrap()
    }

    /// The number of its process.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// What the kernel says of its process.
    pub fn process_status(&self) -> String {
        std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap()
    }

    /// Ends it without any warning.
    pub fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Asks it to end, and waits.
    pub fn stop(mut self) {
        let pid = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
        assert!(self.child.wait().unwrap().success());
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = std::fs::remove_file(&self.out);
        let _ = std::fs::remove_file(self.out.with_extension("err"));
    }
}
