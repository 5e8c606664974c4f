//! Auditing the kernel: whether it still holds what was written, and whether that is still what
//! the policies say. On a thread of its own, so that no change waits for it.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::{Duration, Instant};

use anyhow::Context as _;
use portcullis_engine::Session;
use portcullis_engine::dataplane::{
    FilterProgram, Hook, Input, KernelState, Settings, Wiring, verify,
};
use portcullis_engine::net::Family;

use super::EnforceError;
use crate::kernel::{Counts, Guard, Held, KernelError, Missing, PacketFilter};

/// How much is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Depth {
    /// Whether packets still enter our chains: what another program's flush, or jump in front of
    /// ours, would show. A few milliseconds.
    Entries,
    /// Everything that is ours. Linear in the rules and members of the whole node.
    Everything,
}

/// What the kernel is compared with, and how.
#[derive(Debug)]
pub struct Audit {
    /// What holds it.
    pub filter: Arc<dyn PacketFilter>,
    /// What the names of our chains and sets begin with.
    pub prefix: String,
    /// What guards pods' addresses.
    pub guard: Guard,
    /// What was written last.
    pub written: Arc<KernelState>,
    /// Where packets enter our chains.
    pub entries: Vec<(Family, Hook)>,
    /// Families that the kernel had no tables for.
    pub missing: Missing,
    /// How much is compared.
    pub depth: Depth,
    /// How often the kernel had been written to. A finding is of no use if it is more by now.
    pub number: u64,
    /// What the program in force is proven against, with everything; none while it is to be
    /// another one.
    pub proof: Option<Proof>,
}

/// A program, and what it is to do.
///
/// Before a program is written, only what has changed since the one before is proven. Here all of
/// it is, by a verifier that remembers nothing: a mistake in what it remembers would not last.
#[derive(Debug)]
pub struct Proof {
    /// The program.
    pub program: FilterProgram,
    /// The policies and pods.
    pub session: Session,
    /// The node.
    pub node: String,
    /// How they are enforced.
    pub settings: Settings,
    /// How pods are attached.
    pub wiring: Wiring,
}

impl Proof {
    /// What the program does otherwise than the policies want, as a sentence.
    fn disagreement(&self) -> Option<String> {
        let Self { program, session, node, settings, wiring } = self;
        let (model, policies) = (session.model(), session.policies());
        let disagreements =
            verify(program, Input { model, policies, node, settings, wiring }).err()?;
        Some(EnforceError::Unproven(disagreements).to_string())
    }
}

/// What an audit found.
#[derive(Debug)]
pub struct AuditReport {
    /// How much was compared.
    pub depth: Depth,
    /// How often the kernel had been written to.
    pub number: u64,
    /// How long it took.
    pub took: Duration,
    /// What differs, as sentences; none if nothing does.
    pub found: Result<Option<String>, KernelError>,
    /// What the program in force does otherwise than the policies want; none if nothing, or if it
    /// was not asked.
    pub disproven: Option<String>,
    /// What our rules have counted; none if they were not asked.
    pub counts: Option<Counts>,
}

impl Audit {
    /// Compares.
    pub fn run(&self) -> AuditReport {
        let start = Instant::now();
        let (found, counts) = match self.depth {
            Depth::Entries => (self.entries(), None),
            Depth::Everything => match self.filter.read(&self.prefix) {
                Ok(held) => (self.compare(&held), Some(held.counts)),
                Err(error) => (Err(error), None),
            },
        };
        let disproven = self.proof.as_ref().and_then(Proof::disagreement);
        let Self { depth, number, .. } = *self;
        AuditReport { depth, number, took: start.elapsed(), found, disproven, counts }
    }

    fn entries(&self) -> Result<Option<String>, KernelError> {
        for (family, hook) in &self.entries {
            if !self.filter.is_entered(*family, hook)? {
                return Ok(Some("packets no longer enter our chains".to_owned()));
            }
        }
        Ok(None)
    }

    fn compare(&self, held: &Held) -> Result<Option<String>, KernelError> {
        let mut found = differences(&self.written, &held.state);
        // It may have loaded a module by now.
        let is_missing = self.missing.values().any(Option::is_some);
        if is_missing && self.filter.probe(&self.prefix)?.values().all(Option::is_none) {
            found.push("the kernel has tables of both families now".to_owned());
        }
        if self.guard.is_on() && !self.filter.has_guard(&self.prefix, &self.guard)? {
            found.push("the rules against address spoofing and tunnels differ".to_owned());
        }
        Ok((!found.is_empty()).then(|| found.join("; ")))
    }
}

/// Where packets enter the chains of a program.
pub fn entries(program: &FilterProgram) -> Vec<(Family, Hook)> {
    let families = program.families.iter();
    let entries = families
        .flat_map(|(family, program)| program.hooks.iter().map(move |hook| (family, hook.clone())));
    entries.collect()
}

/// Differences between what was written and what the kernel holds, each as a sentence.
pub fn differences(wanted: &KernelState, held: &KernelState) -> Vec<String> {
    let mut found = Vec::new();
    for (wanted, held) in wanted.tables.values().zip(held.tables.values()) {
        let names = wanted.chains.keys().chain(held.chains.keys());
        let other = names.filter(|name| wanted.chains.get(*name) != held.chains.get(*name));
        found.extend(other.map(|name| format!("chain {name} differs from what was written")));
        let hooks = wanted.hooks.iter().filter(|(hook, at)| held.hooks.get(*hook) != Some(at));
        found.extend(
            hooks.map(|(hook, _)| format!("{} does not begin with {}", hook.from, hook.to)),
        );
    }
    let names = wanted.sets.keys().chain(held.sets.keys());
    let other = names.filter(|name| wanted.sets.get(*name) != held.sets.get(*name));
    found.extend(other.map(|name| format!("set {name} differs from what was written")));
    found.sort();
    found.dedup();
    found
}

/// Runs audits on a thread of its own.
#[derive(Debug)]
pub struct Auditor {
    to: Sender<Audit>,
}

impl Auditor {
    /// One that reports what it finds, until that is taken no more.
    ///
    /// # Errors
    /// If no thread can be started.
    pub fn start(report: impl Fn(AuditReport) -> bool + Send + 'static) -> anyhow::Result<Self> {
        let (to, audits) = channel();
        std::thread::Builder::new()
            .name("audit".into())
            .spawn(move || run_all(&audits, &report))
            .context("could not start a thread")?;
        Ok(Self { to })
    }

    /// Begins an audit.
    pub fn begin(&self, audit: Audit) {
        // The thread ends only with the agent.
        let _ = self.to.send(audit);
    }
}

fn run_all(audits: &Receiver<Audit>, report: &dyn Fn(AuditReport) -> bool) {
    while let Ok(audit) = audits.recv() {
        if !report(audit.run()) {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use portcullis_engine::dataplane::{UNKNOWN_WIRING, lower};
    use portcullis_engine::{Change, Options, SourceFile};

    use super::*;

    const PODS: &str = "\
apiVersion: v1
kind: Pod
metadata: {name: a}
spec: {nodeName: one, containers: []}
status: {phase: Running, podIP: 10.0.0.1}
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: only-https}
spec: {podSelector: {}, ingress: [{ports: [{port: 443}]}]}
";

    fn session(text: &str) -> Session {
        let file = SourceFile::new("all.yaml", text.as_bytes());
        Session::new(Options::default()).apply(vec![Change::Put(file)])
    }

    #[test]
    fn a_program_that_is_not_of_the_policies_is_disproven() {
        let (settings, node) = (Settings::default(), "one".to_owned());
        let session = |port: &str| session(&PODS.replace("443", port));
        let of = session("443");
        let (model, policies) = (of.model(), of.policies());
        let program = lower(Input {
            model,
            policies,
            node: &node,
            settings: &settings,
            wiring: &UNKNOWN_WIRING,
        });
        let wiring = Wiring::default();
        let mut proof = Proof { program, session: of, node, settings, wiring };
        assert_eq!(proof.disagreement(), None);
        proof.session = session("8443");
        let said = proof.disagreement().unwrap();
        assert!(said.starts_with("the program failed verification: "), "{said}");
    }
}
