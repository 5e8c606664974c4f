//! Rules of a gate: sentences about who must not reach whom.

mod ends;
mod read;
mod values;

use std::fmt;
use std::sync::Arc;

use crate::net::ConnSet;
use crate::report::types::Location;

pub use ends::{Ends, Party};

/// The rules of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GateRules {
    /// They, in the order of the file; at least one.
    pub(super) rules: Vec<Rule>,
}

/// A rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    /// Its name.
    pub name: Arc<str>,
    /// What it is for, if it says so.
    pub description: Option<Arc<str>>,
    /// Where it stands.
    pub location: Location,
    /// What it demands.
    pub demand: Demand,
    /// Of what that is not there it holds too.
    pub future: Future,
}

/// What a rule demands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Demand {
    /// Nothing of this passes.
    Never(Flows),
    /// Nothing passes between any two of these, in either direction.
    NeverMeet(Vec<Ends>, ConnSet),
    /// Nothing of this passes that did not before.
    NoNewAccess(Flows),
}

/// Flows from some ends to others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Flows {
    /// The sources.
    pub from: Ends,
    /// The destinations.
    pub to: Ends,
    /// Connections.
    pub ports: ConnSet,
}

/// What may come to be.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Future {
    /// Pods, in namespaces that are there and in others.
    #[default]
    Namespaces,
    /// Pods, in namespaces that are there.
    Pods,
    /// Nothing.
    Nothing,
}

impl GateRules {
    /// How many there are.
    pub fn len(&self) -> usize {
        self.rules.len()
    }

    /// Whether there are none, which a file never has.
    pub fn is_empty(&self) -> bool {
        self.rules.is_empty()
    }

    /// The name of the first rule that compares two states, if there is one.
    pub fn comparing(&self) -> Option<&str> {
        let is_comparing = |rule: &&Rule| matches!(rule.demand, Demand::NoNewAccess(_));
        self.rules.iter().find(is_comparing).map(|rule| &*rule.name)
    }
}

impl Demand {
    /// What is demanded of which flows, each for itself.
    pub fn flows(&self) -> Vec<Flows> {
        match self {
            Self::Never(flows) | Self::NoNewAccess(flows) => vec![flows.clone()],
            Self::NeverMeet(sides, ports) => {
                let pairs = sides.iter().enumerate().flat_map(|(i, one)| {
                    let others = sides.iter().skip(i + 1);
                    others.flat_map(move |other| [(one, other), (other, one)])
                });
                let flows = |(from, to): (&Ends, &Ends)| Flows {
                    from: from.clone(),
                    to: to.clone(),
                    ports: ports.clone(),
                };
                pairs.map(flows).collect()
            }
        }
    }
}

impl fmt::Display for Demand {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Never(flows) => write!(f, "never {flows}"),
            Self::NoNewAccess(flows) => write!(f, "no new access {flows}"),
            Self::NeverMeet(sides, ports) => {
                let sides: Vec<String> = sides.iter().map(ToString::to_string).collect();
                write!(f, "never between {}{}", sides.join(" and "), on(ports))
            }
        }
    }
}

impl fmt::Display for Flows {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "from {} to {}{}", self.from, self.to, on(&self.ports))
    }
}

/// ` on TCP 80`; nothing for all ports.
fn on(ports: &ConnSet) -> String {
    match ports.is_all_ports() {
        true => String::new(),
        false => format!(" on {}", ports.text()),
    }
}

/// What is wrong in a file of rules.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RulesError {
    /// The file.
    pub file: Arc<str>,
    /// Line, from 1.
    pub line: u32,
    /// Column, from 1.
    pub column: u32,
    /// What is wrong there and what to do about it: lower case, no full stop.
    pub message: String,
}

impl fmt::Display for RulesError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { file, line, column, message } = self;
        write!(f, "{file}:{line}:{column}: {message}")
    }
}

impl std::error::Error for RulesError {}
