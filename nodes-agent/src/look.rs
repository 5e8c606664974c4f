//! Looking at the kernel, on a thread of its own so that no change waits for it.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::{Duration, Instant};

use anyhow::Context as _;
use portcullis_engine::Session;
use portcullis_engine::dataplane::{FilterProgram, Input, KernelState, Settings, verify};

use crate::agent::EnforceError;
use crate::guard::Guard;
use crate::kernel::{Kernel, KernelError};
use crate::source::Message;
use crate::tally::{self, Counts};

/// How much is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Depth {
    /// Whether packets still come to our rules: what any stranger's flush or jump in front of ours
    /// would show. A few milliseconds.
    Way,
    /// Everything that is ours. Linear in the rules and members of the whole node.
    Everything,
}

/// What the kernel is compared with, and how.
#[derive(Debug)]
pub struct Look {
    /// The tools.
    pub kernel: Arc<Kernel>,
    /// What the names of our chains and sets begin with.
    pub prefix: String,
    /// What guards pods' addresses.
    pub guard: Guard,
    /// What was written last.
    pub written: Arc<KernelState>,
    /// Where packets come to our rules: for both families, a chain of the kernel's and one of ours.
    pub ways: [Vec<(&'static str, String)>; 2],
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
}

impl Proof {
    /// What the program does otherwise than the policies want, as a sentence.
    fn disagreement(&self) -> Option<String> {
        let Self { program, session, node, settings } = self;
        let (model, policies) = (session.model(), session.policies());
        let disagreements = verify(program, Input { model, policies, node, settings }).err()?;
        Some(EnforceError::Unproven(disagreements).to_string())
    }
}

/// What a look found.
#[derive(Debug)]
pub struct Finding {
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
    /// How many packets our rules have denied; none if they were not counted.
    pub denied: Option<Counts>,
}

/// What is ours in the kernel.
#[derive(Debug)]
pub struct Held {
    /// Chains and sets.
    pub state: KernelState,
    /// How many packets they have denied.
    pub denied: Counts,
}

impl Look {
    /// Looks.
    pub fn make(&self) -> Finding {
        let start = Instant::now();
        let (found, denied) = match self.depth {
            Depth::Way => (self.way(), None),
            Depth::Everything => match read(&self.kernel, &self.prefix) {
                Ok(held) => (self.compare(&held), Some(held.denied)),
                Err(error) => (Err(error), None),
            },
        };
        let disproven = self.proof.as_ref().and_then(Proof::disagreement);
        let Self { depth, number, .. } = *self;
        Finding { depth, number, took: start.elapsed(), found, disproven, denied }
    }

    fn way(&self) -> Result<Option<String>, KernelError> {
        for (tables, ways) in self.kernel.tables.iter().zip(&self.ways) {
            for (from, to) in ways {
                let first = tables.rule(from, 1)?;
                let jumps = first.is_some_and(|rule| rule == format!("-j {to}"));
                if !(jumps && tables.rule(to, 1)?.is_some()) {
                    return Ok(Some("packets do not come to our rules any more".to_owned()));
                }
            }
        }
        Ok(None)
    }

    fn compare(&self, held: &Held) -> Result<Option<String>, KernelError> {
        let mut found = differences(&self.written, &held.state);
        if self.guard.is_on() && !self.guard.holds(&self.kernel, &self.prefix)? {
            found.push("addresses of pods are not guarded".to_owned());
        }
        Ok((!found.is_empty()).then(|| found.join("; ")))
    }
}

/// For both families, where packets come to the rules of a program.
pub fn ways(program: &FilterProgram) -> [Vec<(&'static str, String)>; 2] {
    let ways = program.families.each_ref();
    ways.map(|family| family.hooks.iter().map(|hook| (hook.from, hook.to.to_string())).collect())
}

/// What is ours in the kernel.
///
/// # Errors
/// If a tool fails.
pub fn read(kernel: &Kernel, prefix: &str) -> Result<Held, KernelError> {
    let [v4, v6] = &kernel.tables;
    let (v4, v6) = (v4.save_counted("filter")?, v6.save_counted("filter")?);
    let sets = kernel.sets.save(&set_names(prefix))?;
    let state = KernelState::read(prefix, [&v4, &v6], &sets);
    Ok(Held { state, denied: tally::read(prefix, [&v4, &v6]) })
}

/// What names of sets begin with.
pub fn set_names(prefix: &str) -> [String; 2] {
    ["4-", "6-"].map(|end| format!("{prefix}{end}"))
}

/// Differences between what was written and what the kernel holds, each as a sentence.
pub fn differences(wanted: &KernelState, held: &KernelState) -> Vec<String> {
    let mut found = Vec::new();
    for (wanted, held) in wanted.tables.iter().zip(&held.tables) {
        let names = wanted.chains.keys().chain(held.chains.keys());
        let other = names.filter(|name| wanted.chains.get(*name) != held.chains.get(*name));
        found.extend(other.map(|name| format!("chain {name} is not as it was written")));
        let hooks = wanted.hooks.iter().filter(|(hook, at)| held.hooks.get(*hook) != Some(at));
        found.extend(
            hooks.map(|(hook, _)| format!("{} does not begin with {}", hook.from, hook.to)),
        );
    }
    let names = wanted.sets.keys().chain(held.sets.keys());
    let other = names.filter(|name| wanted.sets.get(*name) != held.sets.get(*name));
    found.extend(other.map(|name| format!("set {name} is not as it was written")));
    found.sort();
    found.dedup();
    found
}

/// Who looks.
#[derive(Debug)]
pub struct Inspector {
    to: Sender<Look>,
}

impl Inspector {
    /// One that tells what it finds.
    ///
    /// # Errors
    /// If no thread can be started.
    pub fn start(back: Sender<Message>) -> anyhow::Result<Self> {
        let (to, looks) = channel();
        std::thread::Builder::new()
            .name("look".into())
            .spawn(move || follow(&looks, &back))
            .context("no thread can be started")?;
        Ok(Self { to })
    }

    /// Begins a look.
    pub fn begin(&self, look: Look) {
        // The thread ends only with the agent.
        let _ = self.to.send(look);
    }
}

fn follow(looks: &Receiver<Look>, back: &Sender<Message>) {
    while let Ok(look) = looks.recv() {
        if back.send(Message::Looked(look.make())).is_err() {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use portcullis_engine::dataplane::lower;
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
        let program = lower(Input { model, policies, node: &node, settings: &settings });
        let mut proof = Proof { program, session: of, node, settings };
        assert_eq!(proof.disagreement(), None);
        proof.session = session("8443");
        let said = proof.disagreement().unwrap();
        assert!(said.starts_with("the program is not proven right: "), "{said}");
    }
}
