//! Sets of ipset.

use std::path::PathBuf;

use super::KernelError;
use super::exec::{find, run};

/// The tool.
#[derive(Clone, Debug)]
pub struct Sets {
    tool: PathBuf,
}

impl Sets {
    /// The tool.
    ///
    /// # Errors
    /// If it is not installed.
    pub fn find() -> Result<Self, KernelError> {
        Ok(Self { tool: find("ipset")? })
    }

    /// Does what a text of `ipset restore` says; what is there already is no error.
    ///
    /// # Errors
    /// If a line is refused; those before it have been done.
    pub fn restore(&self, text: &str) -> Result<(), KernelError> {
        if text.is_empty() {
            return Ok(());
        }
        run(&self.tool, &["restore", "-exist"], text).map(|_| ())
    }

    /// Sets whose names begin with one of some words, and maybe others, as `ipset save` prints them.
    ///
    /// # Errors
    /// If the tool fails.
    pub fn save(&self, prefixes: &[String]) -> Result<String, KernelError> {
        // One that a newer ipset has made may be such that this one cannot list it.
        run(&self.tool, &["save"], "").or_else(|_| self.save_one_by_one(prefixes))
    }

    fn save_one_by_one(&self, prefixes: &[String]) -> Result<String, KernelError> {
        let names = run(&self.tool, &["list", "-name"], "")?;
        let ours = |name: &&str| prefixes.iter().any(|prefix| name.starts_with(prefix));
        let texts = names.lines().filter(ours).map(|name| run(&self.tool, &["save", name], ""));
        texts.collect()
    }
}
