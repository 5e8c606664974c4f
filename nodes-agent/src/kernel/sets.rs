//! Sets of ipset.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use super::KernelError;
use super::exec::{find, run};

/// The tool.
#[derive(Clone, Debug)]
pub struct Sets {
    tool: PathBuf,
}

/// Sets of ours in the kernel: members as ipset writes them, by name.
pub type Members = BTreeMap<String, BTreeSet<String>>;

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

    /// Sets whose names begin with one of some words. Sets of others are not read: a newer ipset may have
    /// made them in a way that this one cannot list.
    ///
    /// # Errors
    /// If the tool fails.
    pub fn list(&self, prefixes: &[String]) -> Result<Members, KernelError> {
        let names = run(&self.tool, &["list", "-name"], "")?;
        let ours =
            names.lines().filter(|name| prefixes.iter().any(|prefix| name.starts_with(prefix)));
        let mut members = Members::new();
        for name in ours {
            let text = run(&self.tool, &["save", name], "")?;
            members.insert(name.to_owned(), read_members(&text));
        }
        Ok(members)
    }
}

fn read_members(text: &str) -> BTreeSet<String> {
    let members = text.lines().filter_map(|line| line.strip_prefix("add "));
    members.filter_map(|line| line.split(' ').nth(1)).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_are_read() {
        let text = "create s hash:ip family inet hashsize 1024 maxelem 65536\n\
                    add s 10.0.0.1\nadd s 10.0.0.2\n";
        let members: Vec<String> = read_members(text).into_iter().collect();
        assert_eq!(members, ["10.0.0.1", "10.0.0.2"]);
    }
}
