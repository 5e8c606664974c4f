//! What an API server that restarts has to answer: many agents follow one on the loopback interface
//! that counts; it is away for a while, and comes back.
//!
//! ```text
//! cargo run -p portcullis-agent --example storm -- [AGENTS] [known|expired]
//! ```
//!
//! `known`: the server still knows what has changed since; `expired`: it knows nothing, so that
//! every agent has to list everything again. It takes less than a minute and stops by itself. Each
//! agent is the real client; of what a request costs a real server only its seats are imitated: so
//! many lists at a time, each of which takes a while, and 429 for those beyond that.
#![expect(clippy::print_stdout, reason = "the result")]

mod server;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use anyhow::Context as _;
use portcullis_agent::observe::Status;
use portcullis_agent::source::apiserver::{ApiServer, Patience};
use portcullis_agent::source::{ChangeSink, Changes, Source as _};
use server::{Counts, Server};

/// How long the server is away, and for how long it is watched after that.
const AWAY: Duration = Duration::from_secs(8);
const AFTER: Duration = Duration::from_secs(32);

/// How long agents get to start.
const START: Duration = Duration::from_secs(14);

fn main() -> anyhow::Result<()> {
    let mut words = std::env::args().skip(1);
    let agents = words.next().map_or(Ok(1_000), |word| word.parse()).context("AGENTS")?;
    let expired = words.next().is_some_and(|word| word == "expired");
    let server = Server::start(None, 1)?;
    let address = server.address;
    let kubeconfig = Kubeconfig::of(&format!("http://{address}"))?;
    let followed: Vec<Receiver<Changes>> =
        (0..agents).map(|_| follow(&kubeconfig.0)).collect::<Result<_, _>>()?;
    std::thread::sleep(START);
    println!("{agents} agents start: {}", server.stop());
    std::thread::sleep(AWAY);
    let server = Server::start(Some(address), if expired { 2 } else { 1 })?;
    std::thread::sleep(AFTER);
    let counts: Counts = server.stop();
    println!("{} s after {} s without a server: {counts}", AFTER.as_secs(), AWAY.as_secs());
    drop(followed);
    Ok(())
}

/// Starts an agent's watches, as it is shipped.
fn follow(kubeconfig: &Path) -> anyhow::Result<Receiver<Changes>> {
    let source = ApiServer {
        kubeconfig: Some(kubeconfig.to_owned()),
        patience: Patience::default(),
        status: Arc::<Status>::default(),
        events: None,
        node_status: None,
    };
    let (to, changes) = channel();
    Box::new(source).start(ChangeSink::from(to))?;
    Ok(changes)
}

/// A file that is removed in the end.
struct Kubeconfig(PathBuf);

impl Kubeconfig {
    fn of(url: &str) -> anyhow::Result<Self> {
        let path = std::env::temp_dir().join(format!("portcullis-storm-{}", std::process::id()));
        // With an authority of its own: the system's would be read a thousand times.
        let authority = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/tls.crt");
        let text = format!(
            "clusters: [{{name: a, cluster: {{server: '{url}', certificate-authority: '{authority}'}}}}]\n\
             contexts: [{{name: a, context: {{cluster: a, user: a}}}}]\n\
             users: [{{name: a, user: {{}}}}]\ncurrent-context: a\n"
        );
        std::fs::write(&path, text)?;
        Ok(Self(path))
    }
}

impl Drop for Kubeconfig {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}
