//! Network namespaces that go when their owner does.

use std::fs::File;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::os::fd::AsFd as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};

use crate::Error;

/// Where `ip netns` keeps them.
const FOLDER: &str = "/run/netns";

/// What our names start with; the process's number follows.
const PREFIX: &str = "pcl-";

/// A network namespace.
#[derive(Debug)]
pub struct Namespace {
    name: String,
    handle: Handle,
}

/// A way into a namespace.
#[derive(Debug)]
pub struct Handle(File);

impl Handle {
    /// Runs something there, on a thread of its own.
    ///
    /// # Errors
    /// If the thread cannot enter, or if what it runs fails.
    pub fn enter<T: Send>(
        &self,
        work: impl FnOnce() -> Result<T, Error> + Send,
    ) -> Result<T, Error> {
        std::thread::scope(|scope| {
            let thread = scope.spawn(|| {
                move_into_link_name_space(self.0.as_fd(), Some(LinkNameSpaceType::Network))
                    .map_err(Error::while_doing("entering a network namespace"))?;
                work()
            });
            thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
        })
    }
}

impl Handle {
    /// What an agent there serves at a path; empty while it does not.
    ///
    /// # Errors
    /// If the namespace cannot be entered.
    pub fn agent_serves(&self, path: &str) -> Result<String, Error> {
        let request = format!("GET {path} HTTP/1.0\r\nHost: agent\r\n\r\n");
        let answer = self.enter(|| {
            let mut answer = String::new();
            if let Ok(mut stream) = TcpStream::connect("127.0.0.1:9105") {
                // What breaks off is not served.
                let _ = stream.write_all(request.as_bytes());
                let _ = stream.read_to_string(&mut answer);
            }
            Ok(answer)
        })?;
        Ok(answer.split_once("\r\n\r\n").map(|(_, body)| body.to_owned()).unwrap_or_default())
    }
}

impl Namespace {
    /// A new one, with its loopback up.
    ///
    /// # Errors
    /// If it cannot be made, usually for want of root.
    pub fn new(label: &str) -> Result<Self, Error> {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("{PREFIX}{}-{count}-{label}", std::process::id());
        run(Command::new("ip").args(["netns", "add", &name]), "")?;
        let path = Path::new(FOLDER).join(&name);
        let handle = File::open(&path).map_err(Error::while_doing(path.display().to_string()))?;
        let namespace = Self { name, handle: Handle(handle) };
        namespace.ip("link set lo up")?;
        Ok(namespace)
    }

    /// Its name, as `ip netns` lists it.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Runs lines of `ip -batch` in it.
    ///
    /// # Errors
    /// If one of them fails; those before it have been done.
    pub fn ip(&self, lines: &str) -> Result<(), Error> {
        run(Command::new("ip").args(["-n", &self.name, "-batch", "-"]), lines).map(|_| ())
    }

    /// A way into it that lives on its own.
    ///
    /// # Errors
    /// If the process has no more files.
    pub fn handle(&self) -> Result<Handle, Error> {
        let file = self.handle.0.try_clone().map_err(Error::while_doing("a further handle"))?;
        Ok(Handle(file))
    }

    /// Runs something in it, on a thread of its own.
    ///
    /// # Errors
    /// If the thread cannot enter, or if what it runs fails.
    pub fn enter<T: Send>(
        &self,
        work: impl FnOnce() -> Result<T, Error> + Send,
    ) -> Result<T, Error> {
        self.handle.enter(work)
    }

    /// Runs a program in it; its output.
    ///
    /// # Errors
    /// If it does not start or does not succeed.
    pub fn run(&self, words: &[&str]) -> Result<String, Error> {
        self.feed(words, "")
    }

    /// Runs a program in it with a text on its standard input; its output.
    ///
    /// # Errors
    /// If it does not start or does not succeed.
    pub fn feed(&self, words: &[&str], input: &str) -> Result<String, Error> {
        self.enter(|| {
            let (program, rest) = words.split_first().unwrap_or((&"true", &[]));
            run(Command::new(program).args(rest), input)
        })
    }

    /// Sets values under `/proc/sys/net`, each a path and what to write there.
    ///
    /// # Errors
    /// If the kernel does not take one of them.
    pub fn set(&self, values: &[(&str, &str)]) -> Result<(), Error> {
        self.enter(|| {
            values.iter().try_for_each(|(path, value)| {
                let path = Path::new("/proc/sys/net").join(path);
                let what = format!("setting {}", path.display());
                std::fs::write(path, value).map_err(Error::while_doing(what))
            })
        })
    }
}

impl Drop for Namespace {
    fn drop(&mut self) {
        remove(&self.name);
    }
}

/// Runs a command with a text on its standard input; its output.
///
/// # Errors
/// If it does not start or does not succeed.
pub fn run(command: &mut Command, input: &str) -> Result<String, Error> {
    let text = format!("{command:?}");
    // Administration tools are not on every user's path.
    let path = std::env::var("PATH").unwrap_or_default() + ":/usr/sbin:/sbin";
    command.env("PATH", path).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().map_err(Error::while_doing(text.clone()))?;
    if let Some(mut stdin) = child.stdin.take() {
        // A program that ends without reading says itself why.
        let _ = stdin.write_all(input.as_bytes());
    }
    let output = child.wait_with_output().map_err(Error::while_doing(text.clone()))?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    let stderr = String::from_utf8_lossy(&output.stderr).trim().to_owned();
    Err(Error::Command { command: text, stderr })
}

/// Removes namespaces of earlier runs that were killed; how many there were.
pub fn remove_stale() -> usize {
    let Ok(entries) = std::fs::read_dir(FOLDER) else { return 0 };
    let names = entries.flatten().filter_map(|entry| entry.file_name().into_string().ok());
    let stale: Vec<String> = names.filter(|name| is_stale(name)).collect();
    stale.iter().for_each(|name| remove(name));
    stale.len()
}

/// Whether a name is one of ours and the process that gave it is gone.
fn is_stale(name: &str) -> bool {
    let process = name.strip_prefix(PREFIX).and_then(|rest| rest.split('-').next());
    let process = process.filter(|digits| digits.parse::<u32>().is_ok());
    process.is_some_and(|digits| !PathBuf::from("/proc").join(digits).exists())
}

/// Ends what still runs in a namespace of ours, such as an agent whose test was killed, and
/// removes it. Nothing can be done about a failure: the next run tries again.
fn remove(name: &str) {
    let pids = run(Command::new("ip").args(["netns", "pids", name]), "").unwrap_or_default();
    for pid in pids.lines().filter_map(|line| line.trim().parse().ok()) {
        if let Some(pid) = rustix::process::Pid::from_raw(pid)
            && pid != rustix::process::getpid()
        {
            let _ = rustix::process::kill_process(pid, rustix::process::Signal::KILL);
        }
    }
    let _ = run(Command::new("ip").args(["netns", "del", name]), "");
}
