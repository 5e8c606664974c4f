//! From paths to a session.

mod cluster;
mod config;
mod git;
mod read;
mod tool;
mod walk;

use std::collections::BTreeSet;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

use portcullis_engine::folder::Skipped;
use portcullis_engine::net::Family;
use portcullis_engine::{Change, Options, Session, SourceFile};
use thiserror::Error;

use crate::args::{AssumeArgs, ClusterArgs, InputArgs, OutputArgs};
use crate::output::Progress;
use cluster::{News, Snapshot};
use config::Config;
pub use git::{is_revision, merge_base};
pub use read::{is_stdin, name, read_bytes};

/// What changes within this time is one change.
const TOGETHER: Duration = Duration::from_millis(300);

/// Why nothing was read.
#[derive(Debug, Error)]
pub enum InputError {
    #[error("cannot read {}: {}", path.display(), reason(error))]
    Unreadable { path: PathBuf, error: io::Error },
    #[error("cannot read {}: {what}, not a file", path.display())]
    Special { path: PathBuf, what: &'static str },
    #[error("cannot read {}: larger than {} MiB", path.display(), limit >> 20)]
    TooLarge { path: PathBuf, limit: u64 },
    #[error("no .yaml, .yml or .json file in {}", .0.display())]
    Empty(PathBuf),
    #[error(
        "{} is a Helm chart: name it with --helm {}, or render it first with `helm template`",
        .0.display(), .0.display()
    )]
    Chart(PathBuf),
    #[error("standard input can be read only once")]
    StdinTwice,
    #[error("{tool}: {reason}")]
    Tool { tool: String, reason: String },
    #[error("{0}")]
    Git(String),
    #[error("{0}")]
    Cluster(String),
    #[error("{}: {reason}", path.display())]
    Config { path: PathBuf, reason: String },
}

/// An input error without the operating system's number.
fn reason(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::NotFound => "no such file or folder".into(),
        io::ErrorKind::PermissionDenied => "permission denied".into(),
        _ => error.to_string(),
    }
}

/// Reads everything that the arguments name.
///
/// # Errors
/// If anything cannot be read: an answer that lacks a file would be wrong without a sign of it.
pub fn session(input: &InputArgs, say: OutputArgs) -> Result<Session, InputError> {
    session_of(None, input, say)
}

/// The same, asked about one address family.
///
/// # Errors
/// As [`session`].
pub fn session_of(
    family: Option<Family>,
    input: &InputArgs,
    say: OutputArgs,
) -> Result<Session, InputError> {
    let stdin = input.paths.iter().filter(|path| is_stdin(path)).count();
    if stdin > 1 {
        return Err(InputError::StdinTwice);
    }
    let config = Config::find(input.more.config.as_deref())?;
    let Inputs { files, skipped } = inputs(&input.paths, &config)?;
    let mut files = read::all(&files, Progress::new(say))?;
    files.extend(rendered(input, say)?);
    let more = &input.more;
    let options = Options { family, ..more.assume.options() }.ignoring(config.codes);
    if more.cluster.is_wanted() {
        let cluster = self::cluster((&more.cluster, &more.assume), options, say)?;
        return Ok(cluster.applied(files).with_more_skipped(skipped));
    }
    let changes = files.into_iter().map(Change::Put).collect();
    Ok(Session::new(options).with_skipped(skipped).apply(changes))
}

/// Reads a live cluster, without what would be applied to it.
///
/// # Errors
/// As [`cluster`].
pub fn cluster_alone(
    of: (&ClusterArgs, &AssumeArgs),
    (family, config): (Option<Family>, Option<&Path>),
    say: OutputArgs,
) -> Result<Session, InputError> {
    let config = Config::find(config)?;
    let options = Options { family, ..of.1.options() }.ignoring(config.codes);
    cluster(of, options, say)
}

/// Reads a live cluster.
///
/// # Errors
/// If it cannot be read, or not what an answer cannot do without.
pub fn cluster(
    (cluster, assume): (&ClusterArgs, &AssumeArgs),
    options: Options,
    say: OutputArgs,
) -> Result<Session, InputError> {
    let namespace = assume.namespace.as_deref();
    Ok(of_snapshot(cluster::read(cluster, namespace, say)?, options, namespace))
}

/// What a cluster had; the namespace is the context's, if none is named.
fn of_snapshot(snapshot: Snapshot, mut options: Options, named: Option<&str>) -> Session {
    let Snapshot { files, skipped, namespace } = snapshot;
    if named.is_none() {
        options.default_namespace = namespace;
    }
    let changes = files.into_iter().map(Change::Put).collect();
    Session::new(options).with_skipped(skipped).apply(changes)
}

/// An input that changes: a cluster, with what would be applied to it.
pub struct Live {
    /// As the cluster is, without that.
    cluster: Session,
    applied: Vec<SourceFile>,
    /// What was not read of that.
    skipped: Vec<Skipped>,
    news: Receiver<News>,
}

impl Live {
    /// Reads everything that the arguments name, and goes on with the cluster.
    ///
    /// # Errors
    /// As [`session`].
    pub fn start(
        family: Option<Family>,
        input: &InputArgs,
        say: OutputArgs,
    ) -> Result<Self, InputError> {
        let more = &input.more;
        let config = Config::find(more.config.as_deref())?;
        let Inputs { files, skipped } = inputs(&input.paths, &config)?;
        let mut applied = read::all(&files, Progress::new(say))?;
        applied.extend(rendered(input, say)?);
        let options = Options { family, ..more.assume.options() }.ignoring(config.codes);
        Self::of((&more.cluster, &more.assume), options, (applied, skipped), say)
    }

    /// The same with what a side of a comparison has.
    ///
    /// # Errors
    /// As [`session`].
    pub fn of_side(
        (family, cluster, assume): (Option<Family>, &ClusterArgs, &AssumeArgs),
        side: Option<&Side>,
        config: Option<&Path>,
        say: OutputArgs,
    ) -> Result<Self, InputError> {
        let config = Config::find(config)?;
        let side = side.map(|side| side_files(side, &config, say)).transpose()?.unwrap_or_default();
        let options = Options { family, ..assume.options() }.ignoring(config.codes);
        Self::of((cluster, assume), options, side, say)
    }

    fn of(
        (cluster, assume): (&ClusterArgs, &AssumeArgs),
        options: Options,
        (applied, skipped): (Vec<SourceFile>, Vec<Skipped>),
        say: OutputArgs,
    ) -> Result<Self, InputError> {
        let namespace = assume.namespace.as_deref();
        let (snapshot, news) = cluster::follow(cluster, namespace, say)?;
        let cluster = of_snapshot(snapshot, options, namespace);
        Ok(Self { cluster, applied, skipped, news })
    }

    /// The cluster as it is now, without what would be applied to it.
    pub fn cluster(&self) -> &Session {
        &self.cluster
    }

    /// What there is now.
    pub fn session(&self) -> Session {
        self.cluster.applied(self.applied.clone()).with_more_skipped(self.skipped.clone())
    }

    /// Waits until something has changed, and for a moment longer: much changes together. False
    /// where nothing more will come.
    pub fn wait(&mut self, mut say: impl FnMut(&str)) -> bool {
        let (mut changes, mut end) = (Vec::new(), None);
        loop {
            let left = end.map(|end: Instant| end.saturating_duration_since(Instant::now()));
            let news = match left {
                None => self.news.recv().map_err(|_| RecvTimeoutError::Disconnected),
                Some(left) => self.news.recv_timeout(left),
            };
            match news {
                Ok(News::Changed(more)) => {
                    changes.extend(more);
                    end = end.or_else(|| Some(Instant::now() + TOGETHER));
                }
                Ok(News::Lost(kind, why)) => say(&format!("{kind}: {why}; trying again")),
                Ok(News::Found(kind)) => say(&format!("{kind}: followed again")),
                Err(RecvTimeoutError::Disconnected) if changes.is_empty() => return false,
                Err(_) => break,
            }
        }
        self.cluster = self.cluster.apply(changes);
        true
    }
}

/// Reads one side of a comparison: files, folders or the standard input, or what a revision has.
///
/// # Errors
/// As [`session`].
pub fn side(
    side: &Side,
    (family, assume, config): (Option<Family>, &AssumeArgs, Option<&Path>),
    say: OutputArgs,
) -> Result<Session, InputError> {
    let config = Config::find(config)?;
    let (files, skipped) = side_files(side, &config, say)?;
    let options = Options { family, ..assume.options() }.ignoring(config.codes);
    let changes = files.into_iter().map(Change::Put).collect();
    Ok(Session::new(options).with_skipped(skipped).apply(changes))
}

/// A state as if what a side has were applied to it.
///
/// # Errors
/// As [`session`].
pub fn applied(
    state: &Session,
    side: &Side,
    (config, say): (Option<&Path>, OutputArgs),
) -> Result<Session, InputError> {
    let (files, skipped) = side_files(side, &Config::find(config)?, say)?;
    Ok(state.applied(files).with_more_skipped(skipped))
}

fn side_files(
    side: &Side,
    config: &Config,
    say: OutputArgs,
) -> Result<(Vec<SourceFile>, Vec<Skipped>), InputError> {
    match side {
        Side::Paths(paths) => {
            let Inputs { files, skipped } = inputs(paths, config)?;
            Ok((read::all(&files, Progress::new(say))?, skipped))
        }
        Side::Revision { revision, paths } => git::files((revision, paths), config, say),
    }
}

/// One side of a comparison.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Side {
    /// Files, folders, or `-`.
    Paths(Vec<PathBuf>),
    /// What a revision of the repository has, in some paths if there are any.
    Revision {
        /// As git takes it.
        revision: String,
        /// From the working folder.
        paths: Vec<PathBuf>,
    },
}

/// What is to be read.
#[derive(Default)]
struct Inputs {
    files: Vec<Input>,
    skipped: Vec<Skipped>,
}

/// A file to read.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Input {
    path: PathBuf,
    origin: Origin,
}

/// Why a file is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Origin {
    /// It was named.
    Named,
    /// It was found in a folder.
    Found,
    /// It was found there and belongs to a kustomize tree.
    OfTree,
}

/// The files that paths stand for, sorted, each once however it is reached: named ones first, so
/// that what is named is meant.
fn inputs(paths: &[PathBuf], config: &Config) -> Result<Inputs, InputError> {
    let mut inputs = Inputs::default();
    let mut known = BTreeSet::new();
    let (folders, files): (Vec<&PathBuf>, Vec<&PathBuf>) =
        paths.iter().partition(|path| !is_stdin(path) && path.is_dir());
    for path in files {
        let path = if is_stdin(path) { path.clone() } else { walk::short(path) };
        if known.insert(identity(&path)) {
            inputs.files.push(Input { path, origin: Origin::Named });
        }
    }
    for folder in folders {
        let found = walk::folder(folder, config)?;
        let found_files = found.files.into_iter().filter(|path| known.insert(identity(path)));
        inputs.files.extend(found_files.map(|path| {
            let is_of_tree = found.of_trees.contains(&path);
            Input { path, origin: if is_of_tree { Origin::OfTree } else { Origin::Found } }
        }));
        let new = found.skipped.into_iter().filter(|new| !inputs.skipped.contains(new));
        let new: Vec<Skipped> = new.collect();
        inputs.skipped.extend(new);
    }
    inputs.files.sort();
    Ok(inputs)
}

/// What a file is called without links; its own name where that cannot be said.
fn identity(path: &Path) -> PathBuf {
    std::fs::canonicalize(path).unwrap_or_else(|_| path.to_owned())
}

/// What the tools print for the charts and trees that were named.
fn rendered(input: &InputArgs, say: OutputArgs) -> Result<Vec<SourceFile>, InputError> {
    let limit = Duration::from_secs(input.more.tool_seconds);
    let charts = input.more.helm.iter().map(|chart| tool::helm(chart, &input.more.helm_values));
    let trees = input.more.kustomize.iter().map(|tree| tool::kustomize(tree));
    let tools = charts.chain(trees);
    tools
        .map(|tool| {
            let text = tool.run(limit, Progress::new(say))?;
            Ok(SourceFile::of(tool.name(), text))
        })
        .collect()
}
