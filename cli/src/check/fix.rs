//! `--fix` and `--diff`: what the engine would change in files, written or shown.

use std::io::{IsTerminal as _, Write as _};
use std::path::Path;

use portcullis_engine::Session;
use portcullis_engine::report::FixedFile;
use portcullis_engine::report::text::Plain;
use similar::TextDiff;

use crate::args::OutputArgs;
use crate::findings;
use crate::output::{self, Output};

/// Prints all changes as a unified diff, which `patch -p1` and `git apply` take.
///
/// # Errors
/// If it cannot be written.
pub fn show(session: &Session, (say, out): (OutputArgs, &mut Output)) -> anyhow::Result<()> {
    let files = session.fix();
    for file in &files {
        let name = file.name.strip_prefix("./").unwrap_or(&file.name);
        let name = Plain(name.trim_start_matches('/')).to_string();
        let diff = TextDiff::from_lines(&*file.before, &*file.after);
        let (old, new) = (format!("a/{name}"), format!("b/{name}"));
        let patch = diff.unified_diff().header(&old, &new).to_string();
        // Raw, or it would be no patch of the file; but what a terminal obeys never reaches one.
        match std::io::stdout().is_terminal() {
            true => patch.lines().try_for_each(|line| writeln!(out, "{}", Plain(line)))?,
            false => out.write_all(patch.as_bytes())?,
        }
    }
    summarize(&files, "can be fixed", say);
    Ok(())
}

/// Writes all changes to the files.
///
/// # Errors
/// If a file cannot be written, is not the one that was read, or is none: the standard input, or
/// what another tool printed.
pub fn write(session: &Session, say: OutputArgs) -> anyhow::Result<()> {
    let (mut fixed, mut failed) = (Vec::new(), Vec::new());
    for file in session.fix() {
        match change(&file) {
            Ok(()) => fixed.push(file),
            Err(error) => failed.push(error.to_string()),
        }
    }
    summarize(&fixed, "fixed", say);
    match failed.is_empty() {
        true => Ok(()),
        false => anyhow::bail!("{}", failed.join("\n")),
    }
}

/// What some editors begin files with.
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

fn change(file: &FixedFile) -> anyhow::Result<()> {
    let (path, name) = (Path::new(&*file.name), Plain(&file.name));
    if !path.is_file() {
        anyhow::bail!("{name} is not a file that can be changed: use `--diff`");
    }
    let bytes = std::fs::read(path)?;
    let (mark, text) = match bytes.strip_prefix(BYTE_ORDER_MARK) {
        Some(text) => (BYTE_ORDER_MARK, text),
        None => (&[][..], &bytes[..]),
    };
    if text != file.before.as_bytes() {
        match std::str::from_utf8(text) {
            Ok(text) if !text.contains('\0') => {
                anyhow::bail!("{name} is not changed: it is not what was read any more");
            }
            _ => anyhow::bail!("{name} is not changed: write it as UTF-8 first"),
        }
    }
    let failed = |error| anyhow::anyhow!("cannot write {name}: {error}");
    std::fs::write(path, [mark, file.after.as_bytes()].concat()).map_err(failed)
}

/// Says how many findings are gone, and how many policies decide otherwise now.
fn summarize(files: &[FixedFile], what: &str, say: OutputArgs) {
    if say.quiet {
        return;
    }
    let sum = |count: fn(&FixedFile) -> usize| files.iter().map(count).sum::<usize>();
    let (fixed, changing) = (sum(|one| one.fixed), sum(|one| one.changing));
    let count = |n: usize, noun| {
        let n = u32::try_from(n).unwrap_or(u32::MAX);
        findings::count(n, noun).unwrap_or_else(|| format!("no {noun}s"))
    };
    let places = if files.is_empty() {
        String::new()
    } else {
        format!(" in {}", count(files.len(), "file"))
    };
    let changing = match changing {
        0 => String::new(),
        1 => "; 1 of them changes what is decided: look at it".to_owned(),
        n => format!("; {n} of them change what is decided: look at them"),
    };
    output::say(&format!("{} {what}{places}{changing}", count(fixed, "finding")));
}
