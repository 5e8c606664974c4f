//! What is compared: files, folders, the standard input, and revisions of a repository.

use std::path::{Path, PathBuf};

use clap::Args;
use portcullis_engine::Session;
use portcullis_engine::net::Family;
use portcullis_engine::report::Summary;
use portcullis_engine::report::text;

use crate::args::{AssumeArgs, ClusterArgs, OutputArgs};
use crate::input::{self, InputError, Live, Side};
use crate::{findings, output, watch};

/// How sides are read.
#[derive(Debug, Args)]
pub struct SidesArgs {
    /// After `--`, with revisions: only what they have in these files and folders
    #[arg(last = true, value_name = "PATH", value_hint = clap::ValueHint::AnyPath)]
    pub paths: Vec<PathBuf>,
    /// Configuration with paths and codes to ignore [default: portcullis.yaml, if there is one]
    #[arg(long, value_name = "FILE", value_hint = clap::ValueHint::FilePath, help_heading = "Input")]
    pub config: Option<PathBuf>,
    #[command(flatten)]
    pub cluster: ClusterArgs,
    #[command(flatten)]
    pub assume: AssumeArgs,
}

impl SidesArgs {
    /// What a side has, of one family or of both.
    pub fn read(
        &self,
        side: &Side,
        family: Option<Family>,
        say: OutputArgs,
    ) -> Result<Session, InputError> {
        input::side(side, (family, &self.assume, self.config.as_deref()), say)
    }

    /// What the cluster has, if one is asked for, and the same as if a side were applied to it.
    pub fn read_cluster(
        &self,
        side: Option<&Side>,
        (family, say): (Option<Family>, OutputArgs),
    ) -> Result<(Session, Option<Session>), InputError> {
        let of = (&self.cluster, &self.assume);
        let cluster = input::cluster_alone(of, (family, self.config.as_deref()), say)?;
        let applied =
            side.map(|side| input::applied(&cluster, side, (self.config.as_deref(), say)));
        Ok((cluster, applied.transpose()?))
    }

    /// The side that would be applied to a cluster, as it is typed.
    pub fn applied(&self, typed: &[String]) -> anyhow::Result<Side> {
        let [one] = typed else {
            anyhow::bail!(
                "with --cluster give one side: what is applied to the cluster it is compared with"
            );
        };
        if !is_path(one) && one.contains("..") {
            anyhow::bail!("with --cluster give one revision or path, not `{one}`");
        }
        side(one, &self.paths)
    }

    /// A cluster that is followed, with what a side would change in it.
    pub fn follow(
        &self,
        side: Option<&Side>,
        (family, say): (Option<Family>, OutputArgs),
    ) -> anyhow::Result<Live> {
        watch::only_with_a_cluster(self.cluster.is_wanted())?;
        let of = (family, &self.cluster, &self.assume);
        Ok(Live::of_side(of, side, self.config.as_deref(), say)?)
    }

    /// Both sides of a comparison, as they are typed, with what they have. Where a cluster is asked
    /// for it is the first, and the second is what it would be if what is typed were applied.
    pub fn read_both(
        &self,
        typed: &[String],
        (family, say): (Option<Family>, OutputArgs),
    ) -> anyhow::Result<[(Side, Session); 2]> {
        if self.cluster.is_wanted() {
            let side = self.applied(typed)?;
            let (cluster, applied) = self.read_cluster(Some(&side), (family, say))?;
            let applied = applied.unwrap_or_else(|| cluster.clone());
            return Ok([(Side::Paths(Vec::new()), cluster), (side, applied)]);
        }
        let [old, new] = both(typed, &self.paths)?;
        let read = |side: &Side| self.read(side, family, say);
        let (old_session, new_session) = (read(&old)?, read(&new)?);
        Ok([(old, old_session), (new, new_session)])
    }
}

/// Says what a side does not count, and where findings are; the name is empty if there is one side.
pub fn remark(name: &str, summary: &Summary, (command, cluster): (&str, &ClusterArgs)) {
    let head = if name.is_empty() { String::new() } else { format!("{name}: ") };
    let left_out = text::not_judged(&summary.not_judged).into_iter();
    let left_out = left_out.chain(text::rejected(&summary.rejected));
    let left_out = left_out.chain(text::skipped(&summary.skipped, command));
    left_out.for_each(|line| output::say(&format!("{head}{line}")));
    if let Some(counts) = findings::counts(summary) {
        let cluster = findings::cluster(cluster).map_or_else(String::new, |own| format!(" {own}"));
        output::say(&format!("{head}{counts} in the input: see `portcullis check{cluster}`"));
    }
}

/// The two sides of a comparison, as they are typed: OLD NEW, or OLD..NEW, and paths of revisions.
pub fn both(sides: &[String], paths: &[PathBuf]) -> anyhow::Result<[Side; 2]> {
    let sides = match sides {
        [one] => range(one, paths)?,
        [old, new] => [side(old, paths)?, side(new, paths)?],
        _ => anyhow::bail!("give what to compare: OLD NEW, or OLD..NEW"),
    };
    if sides.iter().all(|side| *side == Side::Paths(vec!["-".into()])) {
        anyhow::bail!("standard input can be read only once");
    }
    Ok(sides)
}

/// The revisions that a word names, as names of their files begin; none of a path.
pub fn revisions(text: &str) -> Vec<String> {
    if is_path(text) || text.contains(':') {
        return Vec::new();
    }
    let of = |one: &str| if one.is_empty() { "HEAD".to_owned() } else { one.to_owned() };
    match text.split_once("...").or_else(|| text.split_once("..")) {
        Some((old, new)) => vec![of(old), of(new)],
        None => vec![of(text)],
    }
}

/// One side: files, a folder, `-`, or a revision.
pub fn side(text: &str, paths: &[PathBuf]) -> anyhow::Result<Side> {
    if is_path(text) {
        if !paths.is_empty() {
            anyhow::bail!("paths after `--` are those of revisions, and `{text}` is a path");
        }
        return Ok(Side::Paths(vec![text.into()]));
    }
    let looks_like_path = text.ends_with('/') || text.ends_with(".yaml") || text.ends_with(".yml");
    if looks_like_path && !text.contains(':') && !input::is_revision(text) {
        anyhow::bail!("cannot read {text}: no such file or folder, nor a git revision");
    }
    if text.contains(':') && !paths.is_empty() {
        anyhow::bail!("`{text}` has a path: give none after `--`");
    }
    Ok(Side::Revision { revision: text.into(), paths: paths.to_vec() })
}

/// What is written as one word: two revisions, or one that is compared with what there is.
fn range(text: &str, paths: &[PathBuf]) -> anyhow::Result<[Side; 2]> {
    if is_path(text) {
        anyhow::bail!("give what to compare `{text}` with: OLD NEW");
    }
    let of = |revision: &str| Side::Revision {
        revision: if revision.is_empty() { "HEAD".into() } else { revision.into() },
        paths: paths.to_vec(),
    };
    if text.contains(':') && !paths.is_empty() {
        anyhow::bail!("`{text}` has a path: give none after `--`");
    }
    if let Some((old, new)) = text.split_once("...") {
        let or_head = |name: &'static str, text: &str| {
            if text.is_empty() { name.to_owned() } else { text.to_owned() }
        };
        let (old, new) = (or_head("HEAD", old), or_head("HEAD", new));
        let base = input::merge_base(&old, &new)?;
        return Ok([of(&base), of(&new)]);
    }
    if let Some((old, new)) = text.split_once("..") {
        return Ok([of(old), of(new)]);
    }
    let there = if paths.is_empty() { vec![PathBuf::from(".")] } else { paths.to_vec() };
    match text.split_once(':') {
        Some(_) => anyhow::bail!("give what to compare `{text}` with: OLD NEW"),
        None => Ok([of(text), Side::Paths(there)]),
    }
}

/// Whether a text is a path rather than a revision.
pub fn is_path(text: &str) -> bool {
    text == "-" || Path::new(text).exists()
}
