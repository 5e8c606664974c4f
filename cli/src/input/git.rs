//! What a revision of a git repository has, read by git itself without touching the working tree.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::io::{self, Write as _};
use std::path::{Component, Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::thread;

use portcullis_engine::SourceFile;
use portcullis_engine::folder::{self, Layout, Skipped};

use super::config::Config;
use super::{InputError, walk};
use crate::args::OutputArgs;
use crate::output::{self, Progress};

/// A file of a revision: its path from the root of the repository, and the number of its content.
type Entry = (String, String);

/// The manifests of a revision, in some paths (from the working folder) if there are any, and what
/// lies beside them. They are called as git calls them: `main:deploy/db.yaml`. A revision may have
/// none: it may be from before they were there.
///
/// # Errors
/// If git is not installed, there is no repository or no such revision.
pub(super) fn files(
    (revision, paths): (&str, &[PathBuf]),
    config: &Config,
    say: OutputArgs,
) -> Result<(Vec<SourceFile>, Vec<Skipped>), InputError> {
    Progress::new(say).show(|| format!("reading {revision}"));
    let (name, inside) = match revision.split_once(':') {
        Some((name, path)) => (name, Some(PathBuf::from(path))),
        None => (revision, None),
    };
    let tree = tree(name)?;
    let root = inside.is_some().then(root).transpose()?;
    let asked: Vec<PathBuf> = inside.map_or_else(|| paths.to_vec(), |path| vec![path]);
    let (mut entries, mut unread) = (Vec::new(), Vec::new());
    let all = [asked.as_slice()];
    for paths in if asked.is_empty() { all.to_vec() } else { asked.chunks(1).collect() } {
        let (found, beside) = self::entries((&tree, paths), root.as_deref(), config)?;
        if let (Some(path), true) = (paths.first(), found.is_empty() && beside.is_empty()) {
            unread.push(format!("{} has no manifest in this revision", path.display()));
        }
        entries.extend(found);
        unread.extend(beside);
    }
    entries.sort_unstable();
    entries.dedup();
    if !say.quiet {
        unread.iter().for_each(|one| output::say(&format!("{name}:{one}")));
    }
    let mut contents = contents(&entries)?;
    let text = |path: &str| String::from_utf8(contents.get(path)?.clone()).ok();
    let all = entries.iter().map(|(path, _)| path.clone()).collect();
    let Layout { manifests, of_trees, skipped } = folder::layout(all, text);
    let named = |path: &str| format!("{name}:{path}");
    let files = manifests.into_iter().map(|path| {
        let bytes = contents.remove(&path).unwrap_or_default();
        let file = SourceFile::of(&named(&path), bytes);
        match asked.iter().any(|asked| *asked == Path::new(&path)) {
            true => file,
            false if of_trees.contains(&path) => file.found().in_a_tree(),
            false => file.found(),
        }
    });
    let skipped = skipped.into_iter().map(|one| {
        let paths = one.paths.iter().map(|path| named(path)).collect();
        Skipped { paths, ..one }
    });
    Ok((files.collect(), skipped.collect()))
}

/// Whether git knows a revision, or a path of one.
pub fn is_revision(text: &str) -> bool {
    tree(text.split_once(':').map_or(text, |(name, _)| name)).is_ok()
}

/// Where two revisions parted.
///
/// # Errors
/// As [`files`], and if they have nothing in common.
pub fn merge_base(one: &str, other: &str) -> Result<String, InputError> {
    for name in [one, other] {
        tree(name)?;
    }
    line(&["merge-base", "--", one, other]).map_err(|error| match error {
        InputError::Git(why) if why.ends_with(": ") => InputError::Git(format!(
            "`{one}` and `{other}` have no common ancestor in this repository: a shallow clone \
             lacks it until `git fetch --unshallow`"
        )),
        other => other,
    })
}

/// The number of a revision's tree.
fn tree(name: &str) -> Result<String, InputError> {
    let object = format!("{name}^{{tree}}");
    let args = ["rev-parse", "--verify", "--quiet", "--end-of-options", &object];
    let output = git(&args, None)?;
    match text(&output.stdout) {
        tree if output.status.success() && !tree.is_empty() => Ok(tree),
        // Quiet about revisions only: that there is no repository is said.
        _ if output.stderr.is_empty() => {
            Err(InputError::Git(format!("no revision `{name}` in this git repository")))
        }
        _ => Err(InputError::Git(format!("git, for revision `{name}`: {}", text(&output.stderr)))),
    }
}

fn root() -> Result<PathBuf, InputError> {
    line(&["rev-parse", "--show-toplevel"]).map(PathBuf::from)
}

/// The one line that git prints.
fn line(args: &[&str]) -> Result<String, InputError> {
    let output = git(args, None)?;
    succeeded(args, &output)?;
    Ok(text(&output.stdout))
}

fn succeeded(args: &[&str], output: &Output) -> Result<(), InputError> {
    let command = || format!("git {}: {}", args.join(" "), text(&output.stderr));
    if output.status.success() { Ok(()) } else { Err(InputError::Git(command())) }
}

/// Manifests and kustomizations of a tree, and what there is that is not read, each with the reason.
fn entries(
    (tree, asked): (&str, &[PathBuf]),
    root: Option<&Path>,
    config: &Config,
) -> Result<(Vec<Entry>, Vec<String>), InputError> {
    let args = ["ls-tree", "-r", "-z", "--full-name", tree, "--"];
    let mut all: Vec<OsString> = args.iter().map(Into::into).collect();
    all.extend(asked.iter().map(|path| walk::short(path).into_os_string()));
    let output = git(&all, root)?;
    succeeded(&args, &output)?;
    let is_hidden = |name: &OsStr| {
        let name = name.to_string_lossy();
        name.starts_with('.') || name == "node_modules"
    };
    let has_hidden = |path: &Path| {
        let mut parts = path.components();
        parts.any(|part| matches!(part, Component::Normal(name) if is_hidden(name)))
    };
    let names_hidden = asked.iter().any(|path| has_hidden(path));
    let is_wanted = |path: &str| {
        let path = Path::new(path);
        walk::is_manifest(path)
            && (names_hidden || !has_hidden(path))
            && !config.is(path)
            && !path.ancestors().any(|path| config.ignores(path))
    };
    let (mut found, mut unread) = (Vec::new(), Vec::new());
    for line in output.stdout.split(|byte| *byte == 0).filter(|line| !line.is_empty()) {
        match entry(line) {
            Ok(entry) if is_wanted(&entry.0) => found.push(entry),
            Err((path, why)) if why == IS_MODULE || is_wanted(&path) => {
                unread.push(format!("{path} {why}"));
            }
            Ok(_) | Err(_) => {}
        }
    }
    Ok((found, unread))
}

const IS_LINK: &str = "is a link, which is not followed in a revision: not read";
const IS_MODULE: &str = "is a submodule: not read";
const IS_NO_TEXT: &str = "has a name that is not valid UTF-8: not read";

/// `100644 blob NUMBER\tPATH`; of links and submodules the path, and why they are not read.
fn entry(line: &[u8]) -> Result<Entry, (String, &'static str)> {
    let lossy = String::from_utf8_lossy(line);
    let (about, path) = lossy.split_once('\t').unwrap_or_default();
    let file = about.strip_prefix("100644 blob ").or_else(|| about.strip_prefix("100755 blob "));
    match file {
        _ if std::str::from_utf8(line).is_err() => Err((path.to_owned(), IS_NO_TEXT)),
        Some(number) => Ok((path.to_owned(), number.to_owned())),
        None if about.starts_with("160000 ") => Err((path.to_owned(), IS_MODULE)),
        None => Err((path.to_owned(), IS_LINK)),
    }
}

/// What files hold, by path.
fn contents(entries: &[Entry]) -> Result<BTreeMap<String, Vec<u8>>, InputError> {
    let mut command = Command::new("git");
    command.args(["cat-file", "--batch"]);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().map_err(|error| refused(&error))?;
    let numbers: String = entries.iter().map(|(_, number)| format!("{number}\n")).collect();
    // On a thread of its own: git answers before it has read all.
    let stdin = child.stdin.take();
    let asking = thread::spawn(move || stdin.map(|mut pipe| pipe.write_all(numbers.as_bytes())));
    let output = child.wait_with_output().map_err(|error| refused(&error))?;
    // Where git stops reading, it says why.
    let _ = asking.join();
    succeeded(&["cat-file", "--batch"], &output)?;
    let mut rest = output.stdout.as_slice();
    let read = entries.iter().map(|(path, _)| Some((path.clone(), content(&mut rest)?.to_vec())));
    let read: Option<BTreeMap<String, Vec<u8>>> = read.collect();
    read.ok_or_else(|| InputError::Git("git cat-file: an object is missing".into()))
}

/// The next content of a batch: `NUMBER blob SIZE`, a line's end, the bytes, a line's end.
fn content<'b>(rest: &mut &'b [u8]) -> Option<&'b [u8]> {
    let end = rest.iter().position(|byte| *byte == b'\n')?;
    let (head, body) = rest.split_at_checked(end)?;
    let size = std::str::from_utf8(head).ok()?.rsplit_once(" blob ")?.1.parse().ok()?;
    let (content, after) = body.get(1..)?.split_at_checked(size)?;
    *rest = after.get(1..)?;
    Some(content)
}

fn git(args: &[impl AsRef<OsStr>], folder: Option<&Path>) -> Result<Output, InputError> {
    let mut command = Command::new("git");
    command.args(args).stdin(Stdio::null());
    if let Some(folder) = folder {
        command.current_dir(folder);
    }
    command.output().map_err(|error| refused(&error))
}

fn refused(error: &io::Error) -> InputError {
    InputError::Git(match error.kind() {
        io::ErrorKind::NotFound => "git is not installed: it is needed to read revisions".into(),
        _ => format!("git: {error}"),
    })
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn contents_are_read_by_their_sizes() {
        let batch = b"1f blob 3\na\nb\n2f blob 0\n\n3f missing\n";
        let mut rest = &batch[..];
        assert_eq!(content(&mut rest), Some(&b"a\nb"[..]));
        assert_eq!(content(&mut rest), Some(&b""[..]));
        assert_eq!(content(&mut rest), None);
    }

    #[test]
    fn links_and_submodules_are_not_files() {
        let file = Ok(("a/b.yaml".to_owned(), "1f".to_owned()));
        assert_eq!(entry(b"100644 blob 1f\ta/b.yaml"), file);
        let link = Err(("a/b.yaml".to_owned(), IS_LINK));
        assert_eq!(entry(b"120000 blob 1f\ta/b.yaml"), link);
        assert_eq!(entry(b"160000 commit 1f\ta"), Err(("a".to_owned(), IS_MODULE)));
        assert_eq!(entry(b"100644 blob 1f\t\xff.yaml").unwrap_err().1, IS_NO_TEXT);
    }
}
