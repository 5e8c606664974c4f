//! A live cluster as input, read through a kubeconfig as `kubectl` does.
//!
//! Every kind that can change an answer is listed, whatever has it: the server says which kinds it
//! has, the engine which of them it wants. Each object becomes a file of its own, named after it,
//! so that an answer can say where it comes from.

mod credentials;
mod kinds;
mod lines;
mod list;
mod object;
mod server;
mod stream;
mod watch;
mod yaml;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver};
use std::time::Duration;

use portcullis_engine::SourceFile;
use portcullis_engine::folder::{Skipped, SkippedKind};
use portcullis_engine::manifest::Wanted;
use tokio::runtime::{Builder, Runtime};
use tokio::task::JoinSet;

use super::InputError;
use crate::args::{ClusterArgs, OutputArgs};
use crate::output::{self, Progress};
use kinds::{Discovered, Kind};
use list::Listed;
use server::{Failure, Server};
pub(super) use watch::News;
use watch::Watched;

/// How often progress is drawn.
const TICK: Duration = Duration::from_millis(150);

/// What a cluster had when it was read.
pub(super) struct Snapshot {
    /// A file for each object, by name.
    pub files: Vec<SourceFile>,
    /// What may not be read.
    pub skipped: Vec<Skipped>,
    /// The namespace of the context.
    pub namespace: String,
}

/// What a kind came to.
enum Outcome {
    /// All of its objects.
    All(Listed),
    /// Those of the namespace that was asked for: the others may not be read.
    OfNamespace(Listed),
    /// None may be read; and what the server says.
    Forbidden(String),
    /// The server does not have it any more.
    Gone,
}

/// What was read, and how to go on from there.
struct Read {
    snapshot: Snapshot,
    server: Arc<Server>,
    watched: Vec<Watched>,
}

/// Reads everything that can change an answer.
///
/// # Errors
/// If the server cannot be reached or asked, or if policies or pods may not be read, but for
/// `--partial`.
pub(super) fn read(
    args: &ClusterArgs,
    namespace: Option<&str>,
    say: OutputArgs,
) -> Result<Snapshot, InputError> {
    let read = runtime()?.block_on(Reading { args, namespace, say }.read());
    Ok(read.map_err(InputError::Cluster)?.snapshot)
}

/// The same, and then what changes. What is told has no end: failures are told, too.
///
/// # Errors
/// As [`read`].
pub(super) fn follow(
    args: &ClusterArgs,
    namespace: Option<&str>,
    say: OutputArgs,
) -> Result<(Snapshot, Receiver<News>), InputError> {
    let runtime = runtime()?;
    let read = runtime.block_on(Reading { args, namespace, say }.read());
    let Read { snapshot, server, watched } = read.map_err(InputError::Cluster)?;
    let (to, news) = mpsc::channel();
    let namespace = namespace.map(str::to_owned);
    std::thread::spawn(move || runtime.block_on(watch::all(server, watched, namespace, to)));
    Ok((snapshot, news))
}

/// The thread that waits for the server; objects are taken apart on others.
fn runtime() -> Result<Runtime, InputError> {
    let runtime = Builder::new_current_thread().enable_all().build();
    runtime.map_err(|error| InputError::Cluster(format!("could not start: {error}")))
}

struct Reading<'r> {
    args: &'r ClusterArgs,
    namespace: Option<&'r str>,
    say: OutputArgs,
}

impl Reading<'_> {
    async fn read(&self) -> Result<Read, String> {
        let (server, own) = Server::connect(self.args).await?;
        let server = Arc::new(server);
        server.wait_until_ready().await.map_err(|failure| format!("{failure}"))?;
        let discovered = kinds::discover(&server)
            .await
            .map_err(|failure| format!("cannot ask the cluster which kinds it has: {failure}"))?;
        server.learn_streams().await;
        self.need(&discovered)?;
        let mut outcomes = self.lists(&server, &discovered.kinds).await?;
        let unread = self.unread(&mut outcomes)?;
        let (mut files, mut watched) = (Vec::new(), Vec::new());
        for (kind, outcome) in outcomes.into_values() {
            let (listed, within) = match outcome {
                Outcome::All(listed) => (listed, None),
                Outcome::OfNamespace(listed) => (listed, self.namespace.map(str::to_owned)),
                Outcome::Forbidden(_) | Outcome::Gone => continue,
            };
            watched.push(Watched::new(kind, within, &listed));
            files.extend(listed.files);
        }
        files.sort_by(|a, b| a.name.cmp(&b.name));
        let skipped = Skipped { what: SkippedKind::NotPermitted, paths: unread };
        let skipped = if skipped.paths.is_empty() { Vec::new() } else { vec![skipped] };
        let snapshot = Snapshot { files, skipped, namespace: own };
        Ok(Read { snapshot, server, watched })
    }

    /// That the server says of the kinds that each one has that it has them, and that no part of the
    /// API is away that may have policies.
    fn need(&self, discovered: &Discovered) -> Result<(), String> {
        if self.args.partial {
            for group in &discovered.stale {
                output::say(&format!(
                    "the server of {group} is away: if it has kinds that decide traffic, they are not read"
                ));
            }
            return Ok(());
        }
        if let [first, ..] = discovered.stale.as_slice() {
            return Err(format!(
                "the server of {first} is away, and may have policies: an answer without them could be \
                 wrong: try again when it is back, or pass --partial to leave them out"
            ));
        }
        for (group, kind) in [("", "Pod"), ("networking.k8s.io", "NetworkPolicy")] {
            let has = |one: &Kind| (&*one.group, &*one.kind) == (group, kind);
            if !discovered.kinds.iter().any(has) {
                return Err(format!(
                    "the API server does not say that it has the kind {kind}, which each one has: is \
                     this the address of one? (--partial answers without)"
                ));
            }
        }
        Ok(())
    }

    /// Lists all kinds at once.
    async fn lists(
        &self,
        server: &Arc<Server>,
        kinds: &[Kind],
    ) -> Result<BTreeMap<String, (Kind, Outcome)>, String> {
        let mut tasks = JoinSet::new();
        for kind in kinds.iter().cloned() {
            let (server, namespace) = (Arc::clone(server), self.namespace.map(str::to_owned));
            tasks.spawn(async move {
                let outcome = outcome(&server, &kind, namespace.as_deref()).await;
                (kind, outcome)
            });
        }
        let (mut progress, mut outcomes) = (Progress::new(self.say), BTreeMap::new());
        let mut tick = tokio::time::interval(TICK);
        loop {
            tokio::select! {
                done = tasks.join_next() => {
                    let Some(done) = done else { return Ok(outcomes) };
                    let (kind, outcome) = done.map_err(|error| error.to_string())?;
                    let outcome = outcome.map_err(|failure| {
                        format!("cannot list {}: {failure}", kind.name())
                    })?;
                    outcomes.insert(kind.name(), (kind, outcome));
                }
                _ = tick.tick() => {
                    progress.show(|| format!("reading the cluster: {} objects", server.objects()));
                }
            }
        }
    }

    /// What may not be read, as it is said in the answer.
    fn unread(
        &self,
        outcomes: &mut BTreeMap<String, (Kind, Outcome)>,
    ) -> Result<Vec<String>, String> {
        let mut unread = Vec::new();
        for (name, (kind, outcome)) in outcomes {
            match outcome {
                Outcome::Forbidden(why) if kind.is_needed() && !self.args.partial => {
                    return Err(needed(name, kind, why, self.namespace));
                }
                Outcome::Forbidden(_) => {
                    // However quiet it is to be: the answer may be wrong without them.
                    if kind.is_needed() && self.say.quiet {
                        output::say(&format!("not read, and may change the answer: {name}"));
                    }
                    unread.push(name.clone());
                }
                Outcome::OfNamespace(_) => unread.push(format!("{name} of other namespaces")),
                Outcome::All(_) | Outcome::Gone => {}
            }
        }
        Ok(unread)
    }
}

/// Why nothing is answered without a kind, and what helps.
fn needed(name: &str, kind: &Kind, why: &str, namespace: Option<&str>) -> String {
    let narrower = match (kind.namespaced, namespace) {
        (true, None) => " name a namespace with -n to read that one only,",
        _ => "",
    };
    format!(
        "cannot list {name}: {why}\nan answer without them could be wrong: ask for the right to list \
         them,{narrower} or pass --partial to leave them out"
    )
}

/// All objects of a kind, or those of the namespace if no others may be read.
async fn outcome(
    server: &Server,
    kind: &Kind,
    namespace: Option<&str>,
) -> Result<Outcome, Failure> {
    let why = match list::all(server, kind, None).await {
        Ok(listed) => return Ok(Outcome::All(listed)),
        Err(failure) if failure.is_absent() => {
            return match kinds::is_gone(server, kind).await? {
                true => Ok(Outcome::Gone),
                false => Err(failure),
            };
        }
        Err(Failure::Refused { code: 403, message, .. }) => message,
        Err(failure) => return Err(failure),
    };
    let Some(namespace) = namespace.filter(|_| kind.namespaced) else {
        return Ok(Outcome::Forbidden(why));
    };
    match list::all(server, kind, Some(namespace)).await {
        Ok(listed) => Ok(Outcome::OfNamespace(listed)),
        Err(Failure::Refused { code: 403, message, .. }) => Ok(Outcome::Forbidden(message)),
        Err(failure) => Err(failure),
    }
}

impl Kind {
    /// Whether an answer without the kind could be wrong, and not only say less.
    fn is_needed(&self) -> bool {
        self.wanted == Wanted::Policy || (self.group.is_empty() && self.kind == "Pod")
    }
}
