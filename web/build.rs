//! Makes a table of the examples in `examples/`, so that the page needs no further request and a
//! missing file fails the build.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;
use std::{env, fs, io};

use serde::Deserialize;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Entry {
    id: String,
    title: String,
    title_zh: String,
    summary: String,
    summary_zh: String,
    files: Vec<String>,
    ask: BTreeMap<String, serde_json::Value>,
    goal: Goal,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Goal {
    text: String,
    text_zh: String,
    /// `FROM -> TO PORT` that are to pass.
    allow: Vec<String>,
    /// The same, that are not to.
    deny: Vec<String>,
}

fn main() -> io::Result<()> {
    let folder =
        Path::new(&env::var("CARGO_MANIFEST_DIR").map_err(io::Error::other)?).join("examples");
    println!("cargo::rerun-if-changed={}", folder.display());
    let index = fs::read_to_string(folder.join("index.json"))?;
    let entries: Vec<Entry> = serde_json::from_str(&index)?;
    let mut code = String::from("pub static EXAMPLES: &[Example] = &[\n");
    for entry in &entries {
        write_entry(&mut code, &folder, entry).map_err(io::Error::other)?;
    }
    code.push_str("];\n");
    let out = env::var("OUT_DIR").map_err(io::Error::other)?;
    fs::write(Path::new(&out).join("examples.rs"), code)
}

fn write_entry(code: &mut String, folder: &Path, entry: &Entry) -> std::fmt::Result {
    let own = folder.join(&entry.id);
    let text = |name: &str| format!("include_str!({:?})", own.join(name).display().to_string());
    let files: Vec<_> = entry.files.iter().map(|f| format!("({f:?}, {})", text(f))).collect();
    let flows = |list: &[String], passes: bool| {
        list.iter().map(|flow| wanted(flow, passes)).collect::<Result<Vec<String>, _>>()
    };
    let wanted = [flows(&entry.goal.allow, true)?, flows(&entry.goal.deny, false)?].concat();
    let ask = |key: &str| {
        let value = entry.ask.get(key).cloned().unwrap_or_default();
        value.as_str().map_or_else(|| value.to_string(), str::to_owned)
    };
    writeln!(
        code,
        "Example {{ id: {:?}, title: [{:?}, {:?}], summary: [{:?}, {:?}], lesson: [{}, {}], files: &[{}], ask: [{:?}, {:?}, {:?}, {:?}], goal: Goal {{ text: [{:?}, {:?}], flows: &[{}] }} }},",
        entry.id,
        entry.title,
        entry.title_zh,
        entry.summary,
        entry.summary_zh,
        text("about.md"),
        text("about.zh.md"),
        files.join(", "),
        ask("from"),
        ask("to"),
        ask("port"),
        ask("protocol"),
        entry.goal.text,
        entry.goal.text_zh,
        wanted.join(", "),
    )
}

/// A flow as a tuple.
fn wanted(flow: &str, passes: bool) -> Result<String, std::fmt::Error> {
    let (from, rest) = flow.split_once(" -> ").ok_or(std::fmt::Error)?;
    let (to, port) = rest.split_once(' ').ok_or(std::fmt::Error)?;
    Ok(format!("({from:?}, {to:?}, {port:?}, {passes})"))
}
