//! Asking the engine.

use std::str::FromStr;

use ipnet::IpNet;
use portcullis_engine::report::{FlowReport, Protocol as EngineProtocol, Verdict as EngineVerdict};
use portcullis_engine::{Change, DomainName, FlowQuery, Options, Session, SourceFile};

use super::{Mismatch, Pair, question};
use crate::cluster::{Cluster, Net, Protocol};
use crate::oracle::{Traffic, Verdict, is_open_apart};
use crate::write::{self, DEFAULT_NAMESPACE};

/// A cluster, and what the engine made of its manifests.
pub struct Engine<'c> {
    /// The cluster.
    pub cluster: &'c Cluster,
    /// The manifests, name and text.
    pub files: Vec<(String, String)>,
    /// The engine.
    pub session: Session,
}

impl<'c> Engine<'c> {
    /// Lets the engine read a cluster.
    ///
    /// # Errors
    /// If it finds fault with the manifests, which are all valid.
    pub fn new(cluster: &'c Cluster, seed: u64) -> Result<Self, Mismatch> {
        let files = write::files(cluster, seed);
        let sources = files.iter().map(|(name, text)| SourceFile::new(name, text.as_bytes()));
        let changes = sources.map(Change::Put).collect();
        let session = Session::new(options(cluster)).apply(changes);
        let engine = Self { cluster, files, session };
        engine.nothing_wrong()?;
        Ok(engine)
    }

    /// Lets the engine read an earlier state, and then what became of it.
    ///
    /// # Errors
    /// If it finds fault with the manifests of either, which are all valid.
    pub fn after(before: &Cluster, cluster: &'c Cluster, seed: u64) -> Result<Self, Mismatch> {
        let before = Engine::new(before, seed)?;
        let files = write::files(cluster, seed);
        let session = before.edited(&files);
        let engine = Self { cluster, files, session };
        engine.nothing_wrong()?;
        Ok(engine)
    }

    /// The session, changed so that it has these files and no others.
    pub(super) fn edited(&self, files: &[(String, String)]) -> Session {
        let gone = self.files.iter().filter(|(name, _)| files.iter().all(|(n, _)| n != name));
        let gone = gone.map(|(name, _)| Change::Remove(name.clone()));
        let put = files.iter().map(|(name, text)| {
            // Half of the files as an editor gives them, half as a new reading does.
            if name.starts_with("f0") {
                self.session.reread(name, text.as_bytes())
            } else {
                Change::Put(SourceFile::new(name, text.as_bytes()))
            }
        });
        self.session.apply(gone.chain(put).collect())
    }

    fn nothing_wrong(&self) -> Result<(), Mismatch> {
        let found = self.session.check().diagnostics;
        let calico: &[&str] = match self.cluster.calico.is_absent() {
            true => &[],
            false => &super::calico::EXPECTED,
        };
        let expected = |code: &str| EXPECTED.contains(&code) || calico.contains(&code);
        let Some(wrong) = found.iter().find(|one| !expected(&one.code)) else {
            return Ok(());
        };
        Err(Mismatch {
            sort: format!("finding {}", wrong.code),
            question: "check".into(),
            engine: format!("{wrong:?}"),
            oracle: "the manifests are valid".into(),
        })
    }

    /// The engine's answer, if it gives one and it is the expected one.
    pub(super) fn flow(
        &self,
        pair: &Pair,
        traffic: &Traffic,
        expected: Option<Verdict>,
    ) -> Result<Option<FlowReport>, Mismatch> {
        let answer = self.session.evaluate(&FlowQuery {
            from: pair.from.to_string(),
            to: pair.to.to_string(),
            protocol: of_protocol(traffic.protocol),
            port: traffic.port.into(),
        });
        let said = match &answer {
            Ok(report) => Some(of_verdict(report.verdict)),
            Err(_) => None,
        };
        let text = |verdict: Option<Verdict>| verdict.map_or("refused".into(), |v| v.to_string());
        let apart = || is_open_apart(self.cluster, &pair.worlds, traffic);
        if said == expected || (said == Some(Verdict::Unknown) && expected.is_some() && apart()) {
            return Ok(answer.ok());
        }
        Err(Mismatch {
            sort: format!("verdict: {} for {}", text(said), text(expected)),
            question: question(pair, traffic),
            engine: match answer {
                Ok(report) => format!("{} {:?}: {}", text(said), report.reason, report.summary),
                Err(error) => error.to_string(),
            },
            oracle: text(expected),
        })
    }
}

/// The oracle's name for a verdict.
pub fn of_verdict(verdict: EngineVerdict) -> Verdict {
    match verdict {
        EngineVerdict::Deny => Verdict::Deny,
        EngineVerdict::Unknown => Verdict::Unknown,
        EngineVerdict::Allow => Verdict::Allow,
    }
}

/// The engine's name for a protocol.
pub fn of_protocol(protocol: Protocol) -> EngineProtocol {
    match protocol {
        Protocol::Tcp => EngineProtocol::Tcp,
        Protocol::Udp => EngineProtocol::Udp,
        Protocol::Sctp => EngineProtocol::Sctp,
    }
}

/// What is found in manifests that are valid: policies that do not do what they seem to, a namespace
/// that is not in the input, ports by name and domain names in rules that deny, a version that is
/// outdated. Whether these are true is for the cases of each.
const EXPECTED: [&str; 40] = [
    "L01", "L02", "L03", "L04", "L05", "L06", "L07", "L08", "L09", "L10", "L11", "L12", "L13",
    "L14", "L15", "L16", "L18", "L22", "L27", "L28", "L29", "L30", "L31", "L32", "L33", "L34",
    "L35", "L36", "L38", "L40", "L41", "L42", "L43", "L45", "L46", "L47", "L48", "L49", "L50",
    "R09",
];

fn options(cluster: &Cluster) -> Options {
    let nets = |nets: &[Net]| {
        nets.iter().filter_map(|net| IpNet::from_str(&net.to_string()).ok()).collect()
    };
    let domains = cluster.domains.iter().map(|(name, address)| {
        let (name, address) = (name.clone(), *address);
        DomainName { name, address }
    });
    Options {
        pod_cidrs: nets(&cluster.pod_cidrs),
        node_cidrs: nets(&cluster.node_cidrs),
        default_namespace: DEFAULT_NAMESPACE.into(),
        ..Options::default()
    }
    .with_domain_names(domains)
}

/// Ports as the engine prints them: `SCTP 1-65535,TCP 80,443`, `All Connections` or nothing.
pub struct Ports(Vec<(String, u16, u16)>);

impl Ports {
    /// The set that a text means.
    pub fn parse(text: &str) -> Self {
        if text == "All Connections" {
            let all = Protocol::ALL.map(|protocol| (protocol.name().to_owned(), 1, u16::MAX));
            return Self(all.into());
        }
        let mut ports = Vec::new();
        let mut protocol = String::new();
        for part in text.split(',').filter(|part| !part.is_empty()) {
            let range = match part.split_once(' ') {
                Some((name, range)) => {
                    protocol = name.to_owned();
                    range
                }
                None => part,
            };
            let (first, last) = range.split_once('-').unwrap_or((range, range));
            if let (Ok(first), Ok(last)) = (first.parse(), last.parse()) {
                ports.push((protocol.clone(), first, last));
            }
        }
        Self(ports)
    }

    /// Whether a protocol's port is in it.
    pub fn contains(&self, traffic: &Traffic) -> bool {
        self.0.iter().any(|(protocol, first, last)| {
            protocol == traffic.protocol.name() && (*first..=*last).contains(&traffic.port)
        })
    }
}
