//! What options may be, where that is one of a few words.

use clap::ValueEnum;

/// Whether anything is denied.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ModeOption {
    /// What policies deny is.
    Enforce,
    /// Nothing is.
    Audit,
}

/// How a packet is denied.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum DenialOption {
    /// Its sender learns of it at once.
    Reject,
    /// It is dropped silently.
    Drop,
}

/// What happens to an admitted packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum AdmittedOption {
    /// Rules after ours decide.
    Return,
    /// It is accepted.
    Accept,
}

/// What happens to a packet that belongs to no connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum InvalidOption {
    /// Policies decide, as for the first packet of a connection.
    Police,
    /// It is dropped.
    Drop,
}

/// Which packets are logged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum FlowLogOption {
    /// None.
    Off,
    /// Denied ones.
    Denied,
    /// Denied ones, and the first ones of admitted connections.
    All,
}

/// How the agent's own log is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// Lines for people.
    Text,
    /// Lines of JSON.
    Json,
}
