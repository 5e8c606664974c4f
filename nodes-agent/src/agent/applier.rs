//! From a desired state to the kernel: the program is made, verified, written, and announced.

use std::sync::Arc;
use std::sync::mpsc::Sender;
use std::time::Instant;

use portcullis_engine::Session;
use portcullis_engine::dataplane::{
    DenialCounts, FilterProgram, Input, Lowering, Settings, Verifier,
};

use crate::enforce::audit::{Audit, Depth, Proof};
use crate::enforce::connections::ConnectionCutter;
use crate::enforce::{EnforceError, Enforcer, PodBlocks};
use crate::kernel::{KernelError, bridge};
use crate::observe::{Phase, Reporter, Status, unenforced};

/// Brings desired states into force.
#[derive(Debug)]
pub struct Applier {
    node: String,
    /// How policies are enforced; the blocks of pods among them are those that were found last.
    settings: Settings,
    pod_blocks: PodBlocks,
    /// What was made and proven for the program before: most of it is the same again.
    lowering: Lowering,
    verifier: Verifier,
    enforcer: Enforcer,
    observers: Observers,
    status: Arc<Status>,
}

/// Who gets every state that came into force.
pub type SessionObserver = Sender<Session>;

/// Who is told of what came into force.
#[derive(Debug, Default)]
pub struct Observers {
    /// Of every state: the flow log.
    pub sessions: Vec<SessionObserver>,
    /// Of policies that are not enforced as written.
    pub reporter: Reporter,
    /// Of addresses whose connections may no longer be allowed.
    pub cutter: Option<ConnectionCutter>,
}

impl Applier {
    /// One that has applied nothing yet.
    pub fn new(
        node: &str,
        (settings, pod_blocks): (Settings, PodBlocks),
        enforcer: Enforcer,
        (observers, status): (Observers, Arc<Status>),
    ) -> Self {
        let (lowering, verifier) = (Lowering::default(), Verifier::default());
        let node = node.to_owned();
        Self { node, settings, pod_blocks, lowering, verifier, enforcer, observers, status }
    }

    /// Brings a state into force.
    ///
    /// # Errors
    /// If the program cannot be proven right, or a tool fails.
    pub fn apply(&mut self, session: &Session) -> Result<(), EnforceError> {
        let start = Instant::now();
        let program = self.program(session);
        let lowered = Instant::now();
        self.status.metrics.spent(Phase::Lower, lowered - start);
        let input = input(session, &self.node, &self.settings);
        self.verifier.verify(&program, input).map_err(EnforceError::Unproven)?;
        let verified = Instant::now();
        self.status.metrics.spent(Phase::Verify, verified - lowered);
        let before = self.enforcer.apply(program)?;
        self.status.metrics.spent(Phase::Write, verified.elapsed());
        self.announce(session, before.as_ref());
        Ok(())
    }

    /// What the tools would be given for a state on a node that has nothing of ours yet, with
    /// their command lines.
    pub fn script(&mut self, session: &Session) -> Vec<(&'static str, String)> {
        let program = self.program(session);
        self.enforcer.script(&program)
    }

    /// The program of a state.
    fn program(&mut self, session: &Session) -> FilterProgram {
        let program = self.lower(session);
        match self.pod_blocks.learn(session.model(), &self.node, &program) {
            true => self.lower(session),
            false => program,
        }
    }

    fn lower(&mut self, session: &Session) -> FilterProgram {
        self.settings.unknown_local = self.pod_blocks.blocks(session.model(), &self.node);
        self.lowering.lower(input(session, &self.node, &self.settings))
    }

    fn announce(&mut self, session: &Session, before: Option<&FilterProgram>) {
        // First of all: packets that the new rules deny are logged already.
        for observer in &self.observers.sessions {
            // An observer that has ended has said why.
            let _ = observer.send(session.clone());
        }
        if let Some(news) = self.pod_blocks.news(session.model(), &self.node) {
            tracing::warn!(because = news, "unknown pod addresses are not blocked");
        }
        let Some(program) = self.enforcer.in_force() else { return };
        unenforced::report(session, before, program, &self.observers.reporter);
        self.status.metrics.in_force(program);
        self.status.metrics.applies.inc();
        self.report_bridges();
        if let Some(cutter) = &self.observers.cutter {
            cutter.consider(session, before, program);
        }
    }

    /// What is in force is of use only where the kernel asks for it.
    pub fn report_bridges(&self) {
        match bridge::ensure_filtered() {
            Ok(()) => self.status.ready(),
            Err(obstacle) => self.status.not_ready(obstacle),
        }
    }

    /// An audit of what is in force, with a proof against a state if there is one; none before
    /// anything is in force.
    pub fn audit(&self, depth: Depth, proven: Option<&Session>) -> Option<Audit> {
        let mut audit = self.enforcer.audit(depth)?;
        audit.proof = proven.and_then(|session| self.proof(session));
        Some(audit)
    }

    fn proof(&self, session: &Session) -> Option<Proof> {
        let program = self.enforcer.in_force()?.clone();
        let (session, node) = (session.clone(), self.node.clone());
        Some(Proof { program, session, node, settings: self.settings.clone() })
    }

    /// Forgets what was made and proven, since that has misled: all is made and proven again.
    pub fn forget_proofs(&mut self) {
        (self.lowering, self.verifier) = (Lowering::default(), Verifier::default());
    }

    /// Forgets what the kernel holds, so that the next state begins with reading it.
    pub fn distrust(&mut self) {
        self.enforcer.distrust();
    }

    /// Removes what is out of force.
    ///
    /// # Errors
    /// If a tool fails.
    pub fn sweep(&mut self) -> Result<(), KernelError> {
        self.enforcer.sweep()
    }

    /// Whether there is something out of force.
    pub fn has_to_sweep(&self) -> bool {
        self.enforcer.has_to_sweep()
    }

    /// How often the kernel has been written to.
    pub fn writes(&self) -> u64 {
        self.enforcer.number()
    }

    /// What our rules had denied when the kernel was last read before it was written, unless that
    /// was asked for already.
    pub fn take_denied(&mut self) -> Option<DenialCounts> {
        self.enforcer.take_denied()
    }

    /// Counts how long others kept tables from being written.
    pub fn count_lock_waits(&self) {
        let waits = self.enforcer.take_lock_waits();
        waits.into_iter().for_each(|wait| self.status.metrics.waited(wait));
    }
}

fn input<'i>(session: &'i Session, node: &'i str, settings: &'i Settings) -> Input<'i> {
    Input { model: session.model(), policies: session.policies(), node, settings }
}
