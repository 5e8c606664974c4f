//! The tables of iptables, by whichever of its two implementations the node uses.

use std::io;
use std::path::PathBuf;

use portcullis_engine::net::Family;

use crate::kernel::KernelError;
use crate::kernel::exec::{find, run};

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
    Marks::read(&tables.save("mangle").unwrap_or_default())
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

    /// The same, with how many packets and bytes each rule has met.
    ///
    /// # Errors
    /// If the tool fails.
    pub fn save_counted(&self, table: &str) -> Result<String, KernelError> {
        run(&self.save, &["-c", "-t", table], "")
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
    /// If the tool cannot be run.
    pub fn rule(&self, chain: &str, number: u32) -> Result<Option<String>, KernelError> {
        let number = number.to_string();
        let words = [&WAIT[..], &["-S", chain, &number]].concat();
        match run(&self.single, &words, "") {
            Ok(text) => {
                let prefix = format!("-A {chain} ");
                Ok(text.lines().find_map(|line| line.strip_prefix(&prefix)).map(str::to_owned))
            }
            Err(KernelError::Failed { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
