//! The tables of iptables, by whichever of its two implementations the node uses.

use std::io;
use std::path::PathBuf;

use portcullis_engine::net::Family;

use crate::kernel::KernelError;
use crate::kernel::exec::{find, run, run_partly};

/// An implementation of iptables. Rules of one are invisible to the other, so an agent must use
/// the one that the node's other programs use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Backend {
    /// `iptables-nft`: rules in nftables.
    Nft,
    /// `iptables-legacy`: rules in xtables.
    Legacy,
}

/// Seconds to wait for the lock of xtables. As digits of its own: `--wait FILE` of the legacy
/// tools reads whatever follows as seconds.
const WAIT: [&str; 2] = ["-w", "5"];

/// So many rules of others are read one by one.
const MOST_RULES: u32 = 1_000;

/// The tools of one family and backend.
#[derive(Clone, Debug)]
pub struct Tables {
    /// The family.
    pub family: Family,
    backend: Backend,
    restore: PathBuf,
    save: PathBuf,
    single: PathBuf,
}

impl Backend {
    /// As the tools' names have it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Nft => "nft",
            Self::Legacy => "legacy",
        }
    }

    /// The one that it is not.
    pub fn other(self) -> Self {
        match self {
            Self::Nft => Self::Legacy,
            Self::Legacy => Self::Nft,
        }
    }

    /// The implementation that kubelet and kube-proxy use on this node; failing them, the one
    /// with more rules; failing that, nft.
    ///
    /// # Errors
    /// If neither is installed.
    ///
    /// # Source
    /// KEP-3178: kubelet makes the chain `KUBE-IPTABLES-HINT` in the table `mangle` so that
    /// others can tell.
    pub fn detect() -> Result<Self, KernelError> {
        let nft = Tables::find(Family::IPv4, Self::Nft);
        let Ok(legacy) = Tables::find(Family::IPv4, Self::Legacy) else {
            return nft.map(|_| Self::Nft);
        };
        let Ok(nft) = nft else {
            return Ok(Self::Legacy);
        };
        Ok(Self::choose(&marks(&nft), &marks(&legacy)))
    }

    fn choose(nft: &Marks, legacy: &Marks) -> Self {
        let evidence = |marks: &Marks| (marks.hint, marks.kubernetes, marks.rules);
        if evidence(legacy) > evidence(nft) { Self::Legacy } else { Self::Nft }
    }
}

/// What tells which implementation the others use.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Marks {
    hint: bool,
    kubernetes: bool,
    rules: usize,
}

/// What is in the table `mangle` of an implementation; an unreadable table has no marks.
fn marks(tables: &Tables) -> Marks {
    Marks::read(&tables.save_if_there("mangle").unwrap_or_default())
}

impl Marks {
    fn read(saved: &str) -> Self {
        let mut marks = Self::default();
        for line in saved.lines() {
            marks.hint |= line.starts_with(":KUBE-IPTABLES-HINT ");
            marks.kubernetes |= line.starts_with(":KUBE-");
            marks.rules += usize::from(line.starts_with("-A "));
        }
        marks
    }
}

impl Tables {
    /// The tools of a family and backend.
    ///
    /// # Errors
    /// If they are not installed.
    pub fn find(family: Family, backend: Backend) -> Result<Self, KernelError> {
        let base = if family == Family::IPv4 { "iptables" } else { "ip6tables" };
        let tool = |end: &str| find(&format!("{base}-{}{end}", backend.name()));
        let (restore, save, single) = (tool("-restore")?, tool("-save")?, tool("")?);
        Ok(Self { family, backend, restore, save, single })
    }

    /// Does what a text of `iptables-restore` says, all of it or nothing, and leaves all that it
    /// does not name alone.
    ///
    /// # Errors
    /// If the tool refuses the text; then nothing has changed.
    pub fn restore(&self, text: &str) -> Result<(), KernelError> {
        run(&self.restore, &["--noflush", WAIT[0], WAIT[1]], text).map(|_| ())
    }

    /// All of a table, as `iptables-save` prints it.
    ///
    /// # Errors
    /// If the tool fails.
    pub fn save(&self, table: &str) -> Result<String, KernelError> {
        run(&self.save, &["-t", table], "")
    }

    /// A table, with how many packets and bytes each rule has met: all of it, or at least the
    /// chains that packets enter and those whose names begin with a prefix.
    ///
    /// # Errors
    /// If the tool fails.
    pub fn save_counted(&self, table: &str, prefix: &str) -> Result<String, KernelError> {
        let saved = run(&self.save, &["-c", "-t", table], "");
        saved.or_else(|error| self.save_ours(table, prefix, error))
    }

    /// What [`Self::save`] cannot print where others have native nft rules: it gives up at the first
    /// that it does not know. Chains are read one by one instead, and those that packets enter
    /// rule by rule, as others' rules are there.
    fn save_ours(
        &self,
        table: &str,
        prefix: &str,
        error: KernelError,
    ) -> Result<String, KernelError> {
        if !is_foreign(&error) {
            return Err(error);
        }
        // Names of all chains stand before the first rule.
        let mut saved = run_partly(&self.save, &["-t", table])?;
        let names: Vec<_> = saved.lines().filter_map(chain_name).collect();
        let mut rules = String::new();
        for (name, is_hooked) in &names {
            if *is_hooked {
                rules.push_str(&self.one_by_one(table, name)?);
            } else if name.starts_with(prefix) {
                rules.push_str(&self.listed(&["-t", table, "-v", "-S", name])?);
            }
        }
        saved = saved
            .lines()
            .filter(|line| line.starts_with(':'))
            .fold(format!("*{table}\n"), |text, line| text + line + "\n");
        Ok(saved + &rules)
    }

    /// The rules of a chain, those that the tool does not know as rules that say nothing.
    fn one_by_one(&self, table: &str, chain: &str) -> Result<String, KernelError> {
        let mut rules = String::new();
        for number in 1..=MOST_RULES {
            match self.listed(&["-t", table, "-v", "-S", chain, &number.to_string()]) {
                Ok(text) if text.is_empty() => break,
                Ok(text) => rules.push_str(&text),
                Err(error) if is_foreign(&error) => {
                    rules.push_str(&format!("-A {chain} -m unknown\n"));
                }
                Err(error) => return Err(error),
            }
        }
        Ok(rules)
    }

    /// Rules as `iptables-save -c` has them.
    fn listed(&self, words: &[&str]) -> Result<String, KernelError> {
        let text = run(&self.single, &[&WAIT[..], words].concat(), "")?;
        let rules = text.lines().filter(|line| line.starts_with("-A "));
        Ok(rules.map(|line| counters_first(line) + "\n").collect())
    }

    /// All of a table, and nothing where the kernel has no such table: none of this implementation, or
    /// none that anybody ever used.
    ///
    /// # Errors
    /// If there is one and the tool fails.
    pub fn save_if_there(&self, table: &str) -> Result<String, KernelError> {
        if self.backend == Backend::Legacy && !self.is_listed(table)? {
            return Ok(String::new());
        }
        self.save(table).or_else(super::nothing_if_not_supported)
    }

    /// What [`Self::save_counted`] gives, and nothing where the kernel has no such table.
    ///
    /// # Errors
    /// If there is one and the tool fails.
    pub fn counted_if_there(&self, table: &str, prefix: &str) -> Result<String, KernelError> {
        if self.backend == Backend::Legacy && !self.is_listed(table)? {
            return Ok(String::new());
        }
        self.save_counted(table, prefix).or_else(super::nothing_if_not_supported)
    }

    /// The same as [`Self::save_if_there`], or at least the chains of a prefix, with counters.
    ///
    /// # Errors
    /// If there is one and the tool fails.
    pub fn ours_if_there(&self, table: &str, prefix: &str) -> Result<String, KernelError> {
        let saved = self.save_if_there(table);
        saved.or_else(|error| self.save_ours(table, prefix, error))
    }

    /// Whether the kernel lists a table among those of xtables. To ask the tool would make it.
    fn is_listed(&self, table: &str) -> Result<bool, KernelError> {
        let base = if self.family == Family::IPv4 { "ip" } else { "ip6" };
        let path = format!("/proc/thread-self/net/{base}_tables_names");
        match std::fs::read_to_string(&path) {
            Ok(names) => Ok(names.lines().any(|name| name == table)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(error) => Err(KernelError::while_doing(path)(error)),
        }
    }

    /// Rule `number` of a chain of the table `filter`, counted from one; none if the chain or the
    /// rule is not there.
    ///
    /// # Errors
    /// If the tool fails for another reason.
    pub fn rule(&self, chain: &str, number: u32) -> Result<Option<String>, KernelError> {
        let number = number.to_string();
        let words = [&WAIT[..], &["-S", chain, &number]].concat();
        match run(&self.single, &words, "") {
            Ok(text) => {
                let prefix = format!("-A {chain} ");
                Ok(text.lines().find_map(|line| line.strip_prefix(&prefix)).map(str::to_owned))
            }
            Err(KernelError::Failed { stderr, .. }) if is_absent(&stderr) => Ok(None),
            Err(error) => Err(error),
        }
    }
}

/// Whether a tool says that there is no such chain or rule.
fn is_absent(stderr: &str) -> bool {
    let said = [
        "No chain/target/match by that name",
        "does not exist",
        // What iptables-nft says of a chain that is not there.
        "is incompatible, use 'nft' tool",
    ];
    said.iter().any(|said| stderr.contains(said))
}

/// Whether a tool has met a native rule of nftables that it does not know.
fn is_foreign(error: &KernelError) -> bool {
    matches!(error, KernelError::Failed { stderr, .. }
        if stderr.contains("Parsing nftables rule failed"))
}

/// The name in a line such as `:FORWARD ACCEPT [0:0]`, and whether packets enter there.
fn chain_name(line: &str) -> Option<(&str, bool)> {
    let (name, rest) = line.strip_prefix(':')?.split_once(' ')?;
    Some((name, !rest.starts_with('-')))
}

/// `[5:300] -A CHAIN -j DROP` from `-A CHAIN -c 5 300 -j DROP`.
fn counters_first(rule: &str) -> String {
    let parts = || {
        let (before, after) = rule.split_once(" -c ")?;
        let (packets, after) = after.split_once(' ')?;
        let (bytes, after) = after.split_once(' ').unwrap_or((after, ""));
        Some(format!("[{packets}:{bytes}] {before} {after}").trim_end().to_owned())
    };
    parts().unwrap_or_else(|| rule.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counters_come_first() {
        let listed = "-A A -s 10.0.0.1/32 -c 5 300 -j DROP";
        assert_eq!(counters_first(listed), "[5:300] -A A -s 10.0.0.1/32 -j DROP");
        assert_eq!(counters_first("-A A -j DROP"), "-A A -j DROP");
        assert_eq!(chain_name(":A - [0:0]"), Some(("A", false)));
        assert_eq!(chain_name(":FORWARD ACCEPT [0:0]"), Some(("FORWARD", true)));
    }

    #[test]
    fn marks_are_read() {
        let text = "*mangle\n:KUBE-IPTABLES-HINT - [0:0]\n-A FORWARD -j A\nCOMMIT\n";
        let found = Marks { hint: true, kubernetes: true, rules: 1 };
        assert_eq!(Marks::read(text), found);
        assert_eq!(Marks::read(""), Marks::default());
    }

    #[test]
    fn the_hint_outweighs_the_number_of_rules() {
        let hinted = Marks { hint: true, kubernetes: true, rules: 0 };
        let many = Marks { hint: false, kubernetes: true, rules: 900 };
        assert_eq!(Backend::choose(&many, &hinted), Backend::Legacy);
        assert_eq!(Backend::choose(&hinted, &many), Backend::Nft);
        assert_eq!(Backend::choose(&Marks::default(), &Marks::default()), Backend::Nft);
    }
}
