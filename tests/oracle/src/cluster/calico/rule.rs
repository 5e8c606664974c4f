//! Rules of Calico's policies.

use super::Expression;
use crate::cluster::{Net, Protocol};

/// A rule: all that is given must hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CalicoRule {
    /// `action`.
    pub action: CalicoAction,
    /// `ipVersion`.
    pub ip_version: Option<u8>,
    /// `protocol`.
    pub protocol: Option<RuleProtocol>,
    /// `notProtocol`.
    pub not_protocol: Option<RuleProtocol>,
    /// `source`.
    pub source: Entity,
    /// `destination`.
    pub destination: Entity,
}

/// What a rule does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names of Calico")]
pub enum CalicoAction {
    Allow,
    Deny,
    Pass,
    Log,
}

/// A protocol, and how it is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RuleProtocol {
    /// Its number.
    pub number: u8,
    /// Whether it is written as a name, where it has one.
    pub by_name: bool,
}

/// One end of what a rule matches; empty lists are written as absent ones.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Entity {
    /// `nets`.
    pub nets: Vec<Net>,
    /// `notNets`.
    pub not_nets: Vec<Net>,
    /// `selector`.
    pub selector: Option<Expression>,
    /// `notSelector`.
    pub not_selector: Option<Expression>,
    /// `namespaceSelector`.
    pub namespaces: Option<Expression>,
    /// `serviceAccounts`.
    pub accounts: Option<AccountMatch>,
    /// `ports`.
    pub ports: Vec<CalicoPort>,
    /// `notPorts`.
    pub not_ports: Vec<CalicoPort>,
}

/// Pods by their ServiceAccount: at least one of both is there.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AccountMatch {
    /// `names`.
    pub names: Vec<String>,
    /// `selector`.
    pub selector: Option<Expression>,
}

/// A port entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CalicoPort {
    /// From a number to another, both included.
    Range(u16, u16),
    /// A name.
    Named(String),
}

impl CalicoRule {
    /// A rule that matches everything.
    pub fn new(action: CalicoAction) -> Self {
        Self {
            action,
            ip_version: None,
            protocol: None,
            not_protocol: None,
            source: Entity::default(),
            destination: Entity::default(),
        }
    }
}

impl CalicoAction {
    /// As Calico writes it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Allow => "Allow",
            Self::Deny => "Deny",
            Self::Pass => "Pass",
            Self::Log => "Log",
        }
    }
}

const NAMES: [(&str, u8); 6] =
    [("TCP", 6), ("UDP", 17), ("SCTP", 132), ("ICMP", 1), ("ICMPv6", 58), ("UDPLite", 136)];

impl RuleProtocol {
    /// The protocol of a number, written by name if it has one.
    pub fn of(number: u8) -> Self {
        Self { number, by_name: true }
    }

    /// A protocol with ports.
    pub fn ported(protocol: Protocol) -> Self {
        Self::of(number_of(protocol))
    }

    /// The name that it is written by.
    pub fn name(self) -> Option<&'static str> {
        let named = NAMES.iter().find(|(_, number)| self.by_name && *number == self.number);
        named.map(|(name, _)| *name)
    }

    /// Whether rules for it may name numbers of ports.
    pub fn has_ports(self) -> bool {
        Protocol::ALL.into_iter().any(|one| number_of(one) == self.number)
    }
}

/// The number that IP has for a protocol.
pub fn number_of(protocol: Protocol) -> u8 {
    match protocol {
        Protocol::Tcp => 6,
        Protocol::Udp => 17,
        Protocol::Sctp => 132,
    }
}

impl Entity {
    /// All its selectors as written.
    pub fn selectors(&self) -> impl Iterator<Item = &Expression> {
        let accounts = self.accounts.as_ref().and_then(|accounts| accounts.selector.as_ref());
        [&self.selector, &self.not_selector, &self.namespaces].into_iter().flatten().chain(accounts)
    }
}
