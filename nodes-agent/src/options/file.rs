//! The configuration file: options as a flat YAML mapping.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::Path;

use anyhow::{Context as _, anyhow, bail};
use clap::parser::ValueSource;
use clap::{ArgMatches, Command};
use serde_yaml::Value;

/// A command line with the options of a file that neither it nor the environment gives. A command
/// that is named on it takes those that it has of them.
///
/// # Errors
/// If the file cannot be read, is not a mapping or has an unknown option.
pub fn with_words_of(
    path: &Path,
    command: &Command,
    given: &ArgMatches,
    words: &[OsString],
) -> anyhow::Result<Vec<OsString>> {
    let shown = path.display();
    let text = std::fs::read_to_string(path).with_context(|| format!("`{shown}`"))?;
    // Not in the words of the parser, which quotes the text: it may be a secret's, by mistake.
    let options: BTreeMap<String, Value> = serde_yaml::from_str(&text).map_err(|error| {
        let line = error.location().map_or(1, |place| place.line());
        anyhow!("`{shown}`, line {line}: not a mapping of options to values")
    })?;
    let mut all = words.to_vec();
    let (own, given) = match given.subcommand() {
        Some((name, given)) => (command.find_subcommand(name).unwrap_or(command), given),
        None => (command, given),
    };
    let find = |command: &'_ Command, name: &str| {
        command.get_arguments().find(|option| option.get_long() == Some(name)).cloned()
    };
    for (name, value) in &options {
        if find(command, name).is_none() {
            bail!("`{shown}`: unknown option `{name}`");
        }
        let Some(option) = find(own, name) else { continue };
        let id = option.get_id().as_str();
        let source = given.value_source(id);
        if matches!(source, None | Some(ValueSource::DefaultValue)) {
            let takes_value = option.get_action().takes_values();
            all.extend(
                option_words(name, value, takes_value).with_context(|| format!("`{shown}`"))?,
            );
        }
    }
    Ok(all)
}

fn option_words(name: &str, value: &Value, takes_value: bool) -> anyhow::Result<Vec<OsString>> {
    let word = |text: String| vec![OsString::from(format!("--{name}={text}"))];
    Ok(match value {
        Value::Bool(true) if !takes_value => vec![format!("--{name}").into()],
        Value::Bool(false) if !takes_value => Vec::new(),
        _ if !takes_value => bail!("option `{name}` must be `true` or `false`"),
        Value::Bool(value) => word(value.to_string()),
        Value::Number(number) => word(number.to_string()),
        Value::String(text) => word(text.clone()),
        Value::Sequence(items) => {
            let texts = items.iter().map(|item| item.as_str().map(str::to_owned));
            let texts: Option<Vec<String>> = texts.collect();
            word(
                texts
                    .with_context(|| format!("option `{name}` must be a list of strings"))?
                    .join(","),
            )
        }
        _ => bail!("option `{name}` has an invalid value"),
    })
}
