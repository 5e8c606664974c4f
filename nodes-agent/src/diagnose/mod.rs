//! One archive for a report of a fault: what the agent, its node's kernel and its options say, and
//! no secrets.
//!
//! Each part is made on its own: one that cannot be had is named in the archive, with why.

mod archive;
mod kernel;
mod node;
mod redact;

use std::io::{IsTerminal as _, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use anyhow::{Context as _, bail};

use crate::check;
use crate::options::{DiagnoseOptions, Effective, Options};
use crate::status::{Question, ask};
use archive::Archive;
use redact::Redactor;

/// What is in an archive, and what is not: its first file.
const CONTENTS: &str = include_str!("contents.txt");

/// A part of an archive: the name of its file, and the text, or why there is none.
pub type Part = (String, anyhow::Result<String>);

/// Writes the archive to where it is asked for; a sentence for the operator.
///
/// # Errors
/// If it cannot be written, or is to go to a terminal.
pub fn diagnose(options: &DiagnoseOptions) -> anyhow::Result<String> {
    let to_stdout = options.output == Path::new("-");
    if to_stdout && std::io::stdout().is_terminal() {
        bail!("the archive would go to a terminal: pass --output FILE, or redirect it");
    }
    let shown = options.output.display().to_string();
    // Before anything is gathered, which takes its time.
    let file = (!to_stdout).then(|| create(&options.output)).transpose();
    let file = file.with_context(|| format!("`{shown}`"))?;
    let (archive, failed) = archive(options)?;
    match file {
        None => std::io::stdout().write_all(&archive).context("standard output")?,
        Some(mut file) => file.write_all(&archive).with_context(|| format!("`{shown}`"))?,
    }
    let failed = match failed.is_empty() {
        true => String::new(),
        false => format!("; parts that could not be had: {}", failed.join(", ")),
    };
    Ok(format!("archive of {} bytes{failed}", archive.len()))
}

/// For nobody else to read, since it has names and addresses of pods: a file that is there already
/// may belong to somebody, or lead elsewhere.
fn create(file: &Path) -> std::io::Result<std::fs::File> {
    let mut how = std::fs::OpenOptions::new();
    how.write(true).create_new(true).mode(0o600).open(file)
}

/// The archive, and the names of parts that could not be had.
///
/// # Errors
/// If it cannot be put together.
pub fn archive(options: &DiagnoseOptions) -> anyhow::Result<(Vec<u8>, Vec<String>)> {
    let effective = Options::effective(options.config.as_deref());
    let redactor = Redactor::of(effective.as_deref().unwrap_or_default());
    let mut archive = Archive::new()?;
    archive.add("README.txt", CONTENTS)?;
    let (mut failed, mut reasons) = (Vec::new(), String::new());
    for (name, text) in parts(options, effective) {
        match text {
            Ok(text) => archive.add(&name, &redactor.clean(&text))?,
            Err(error) => {
                reasons += &format!("{name}: {}\n", redactor.clean(&format!("{error:#}")));
                failed.push(name);
            }
        }
    }
    archive.add("errors.txt", &reasons)?;
    Ok((archive.finish()?, failed))
}

/// All parts, each made when it is asked for.
fn parts(
    options: &DiagnoseOptions,
    effective: anyhow::Result<Vec<Effective>>,
) -> impl Iterator<Item = Part> {
    let prefix = options.prefix.clone();
    let subject = check::Subject { backend: None, prefix: prefix.clone() };
    let part = |name: &str, text| (name.to_owned(), text);
    let agent = [
        part("versions.txt", Ok(node::versions())),
        part("options.txt", effective.map(|all| shown(&all))),
        part("status.json", said(options, "/status").and_then(|text| pretty(&text))),
        part("metrics.txt", metrics(options)),
        part("log.txt", node::log()),
        part("check.txt", Ok(check::table(&check::examine(&subject)))),
    ];
    agent.into_iter().chain(kernel::parts(prefix)).chain(node::parts())
}

fn said(options: &DiagnoseOptions, path: &str) -> anyhow::Result<String> {
    let answer = ask(&Question::of(&options.serving)?, path)?;
    Ok(String::from_utf8_lossy(&answer).into_owned())
}

fn metrics(options: &DiagnoseOptions) -> anyhow::Result<String> {
    let answer = ask(&Question::of_metrics(&options.serving)?, "/metrics")?;
    Ok(String::from_utf8_lossy(&answer).into_owned())
}

fn pretty(text: &str) -> anyhow::Result<String> {
    let value: serde_json::Value = serde_json::from_str(text)?;
    Ok(serde_json::to_string_pretty(&value)? + "\n")
}

fn shown(options: &[Effective]) -> String {
    let line = |one: &Effective| format!("{}: {}\n", one.name, one.shown());
    options.iter().map(line).collect()
}
