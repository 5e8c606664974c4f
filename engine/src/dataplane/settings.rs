//! What an operator decides, and the policies do not.

use ipnet::IpNet;

use super::digest::LETTERS;
use super::limits::Limits;
use super::program::ChainName;
use crate::manifest::{Direction, Mode};

/// How a program is made, beside what policies say.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Settings {
    /// What the names of all chains and sets begin with: one to five letters or digits.
    pub prefix: String,
    /// Whether anything is denied at all, or only said what would be.
    pub mode: Mode,
    /// What becomes of a packet that policies deny.
    pub denial: Denial,
    /// Where denied packets are logged, if they are.
    pub flow_log: Option<FlowLog>,
    /// The bit of the connection mark that says that an established connection is to end.
    pub kill_mark: u32,
    /// Where the node's pods have their addresses: addresses in here that are not known to belong
    /// to a pod of the node are cut off, so that a pod is never reached before its policies apply.
    pub unknown_local: Vec<IpNet>,
    /// What becomes of a packet of a local pod that policies admit.
    pub admitted: Admitted,
    /// What happens to packets that belong to no connection.
    pub invalid: InvalidPackets,
    /// How much one policy may ask for; one that asks for more is closed.
    pub limits: Limits,
    /// Pods share the chain of an Admin tier where the kernel then looks at no more rules than this
    /// in a direction, about, to see how far chains lead on; `usize::MAX` if it looks at each chain
    /// once, whatever leads there.
    pub walked: usize,
}

/// Some milliseconds of a kernel that looks at a chain as often as something leads there.
const WALKED: usize = 30_000;

/// What becomes of a packet that policies deny.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Denial {
    /// The sender is told at once, by ICMP "port unreachable".
    Reject,
    /// It disappears.
    Drop,
}

/// How packets are logged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct FlowLog {
    /// The group of NFLOG.
    pub group: u16,
    /// Packets a second of each class at most.
    pub per_second: u32,
    /// Packets of each class that may come at once.
    pub burst: u32,
    /// Whether the first packets of admitted connections are logged too.
    pub admitted: bool,
}

/// What becomes of a packet of a local pod that policies admit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Admitted {
    /// The rules after ours decide.
    Return,
    /// It is accepted: for hosts whose FORWARD chain drops what no rule accepts.
    Accept,
}

/// What happens to a packet that belongs to no connection, though it does not begin one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum InvalidPackets {
    /// The policies decide, as for the first packet of a connection: it passes where a new one
    /// would. Pods that no policy selects are not concerned, so that connections of which the node
    /// sees one direction only go on.
    Policed,
    /// It is dropped where one of its ends is a pod of the node, whatever policies say.
    Dropped,
}

/// Why settings cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SettingsError {
    /// The prefix is empty, longer than five, or not of ASCII letters and digits.
    Prefix,
    /// Chains of other programs begin like this.
    Foreign,
    /// The mark is not exactly one bit.
    KillMark,
}

impl std::fmt::Display for SettingsError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Prefix => "a prefix is one to five letters or digits",
            Self::Foreign => "chains of other programs have this prefix: choose another one",
            Self::KillMark => "the connection mark must be exactly one bit",
        })
    }
}

impl std::error::Error for SettingsError {}

/// Before the first dash in names of chains and sets that others write: with such a prefix the agent,
/// and its `cleanup`, would take them for its own.
const FOREIGN: [&str; 9] = ["KUBE", "CNI", "cali", "felix", "WEAVE", "ufw", "ts", "f2b", "nm"];

impl Default for Settings {
    fn default() -> Self {
        Self {
            prefix: "PCL".into(),
            mode: Mode::Enforce,
            denial: Denial::Reject,
            flow_log: None,
            kill_mark: 0x0080_0000,
            unknown_local: Vec::new(),
            admitted: Admitted::Return,
            invalid: InvalidPackets::Policed,
            limits: Limits::default(),
            walked: WALKED,
        }
    }
}

/// Names that readers of programs may rely on.
impl Settings {
    /// The chain that forwarded packets enter.
    pub fn forward(&self) -> ChainName {
        self.chain("FORWARD")
    }

    /// The chain that packets to the node itself enter.
    pub fn input(&self) -> ChainName {
        self.chain("INPUT")
    }

    /// The chain that packets from the node itself enter, where its kernel forwards to Services.
    pub fn output(&self) -> ChainName {
        self.chain("OUTPUT")
    }

    /// The chain that finds the policies of a packet's source (egress) or destination (ingress).
    pub fn root(&self, direction: Direction) -> ChainName {
        self.chain(match direction {
            Direction::Ingress => "IG",
            Direction::Egress => "EG",
        })
    }

    /// Whether packets that belong to no connection are dropped.
    pub fn drops_invalid(&self) -> bool {
        self.mode == Mode::Enforce && self.invalid == InvalidPackets::Dropped
    }

    /// The chain of an audit that says what a chain that denies does; no other chain has its name.
    ///
    /// # Shape
    /// As long as the other's where that ends in a digest, so that there is room for it, too:
    /// `PCL-AI…` for `PCL-I-…`, `PCL-AIG` for `PCL-IG`.
    pub fn audit(&self, name: &str) -> ChainName {
        let word = name.get(self.prefix.len() + 1..).unwrap_or_default();
        let (tag, digest) = word.split_once('-').unwrap_or((word, ""));
        format!("{}-A{tag}{digest}", self.prefix).into()
    }

    /// The chain that the name of a chain of an audit is made of; none if it is not one's.
    pub fn audited(&self, name: &str) -> Option<ChainName> {
        let word = name.strip_prefix(&*self.prefix)?.strip_prefix("-A")?;
        let (tag, digest) = word.split_at_checked(1)?;
        let dash = if digest.len() == LETTERS { "-" } else { "" };
        Some(format!("{}-{tag}{dash}{digest}", self.prefix).into())
    }

    /// The chain that counts packets which an audited end would deny.
    pub fn would_deny(&self, direction: Direction) -> ChainName {
        self.chain(match direction {
            Direction::Ingress => "WI",
            Direction::Egress => "WE",
        })
    }

    /// The chain that finds the policies after the Admin tier, where such a tier passes on.
    pub fn root_after_admin(&self, direction: Direction) -> ChainName {
        self.chain(match direction {
            Direction::Ingress => "IG2",
            Direction::Egress => "EG2",
        })
    }

    /// A chain that every program has.
    pub fn chain(&self, word: &str) -> ChainName {
        format!("{}-{word}", self.prefix).into()
    }
}

impl Settings {
    /// The settings, if a program can be made with them.
    ///
    /// # Errors
    /// If the prefix leaves no room for names or the mark is not one bit.
    pub fn checked(self) -> Result<Self, SettingsError> {
        let plain = self.prefix.bytes().all(|byte| byte.is_ascii_alphanumeric());
        if !plain || !(1..=5).contains(&self.prefix.len()) {
            return Err(SettingsError::Prefix);
        }
        if FOREIGN.iter().any(|other| self.prefix.eq_ignore_ascii_case(other)) {
            return Err(SettingsError::Foreign);
        }
        if self.kill_mark.count_ones() != 1 {
            return Err(SettingsError::KillMark);
        }
        Ok(self)
    }
}
