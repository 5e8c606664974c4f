//! From a desired state to the kernel: the program is made, verified, written, and announced.

mod notes;

use std::sync::Arc;
use std::time::{Duration, Instant};

use portcullis_engine::Session;
use portcullis_engine::dataplane::{
    FilterProgram, Input, Interface, Lowering, RuleCounts, Settings, Verifier,
};
use portcullis_engine::manifest::Mode;

use crate::enforce::audit::{Audit, Depth, Proof};
use crate::enforce::connections::ConnectionCutter;
use crate::enforce::{Attachment, EnforceError, Enforcer, PodBlocks, PolicyCounters};
use crate::kernel::{Counts, Guard, KernelError, TaggedFrames, addresses, bridge};
use crate::observe::flowlog::LatestSession;
use crate::observe::{Enforced, InForceLog, Nodes, Phase, Reporter, Status, TABLES, unenforced};

use crate::agent::reports::PolicyReports;
use crate::agent::trial::HostTrial;

/// Brings desired states into force.
#[derive(Debug)]
pub struct Applier {
    node: String,
    /// How policies are enforced; the blocks of pods among them are those that were found last.
    settings: Settings,
    pod_blocks: PodBlocks,
    attachment: Attachment,
    trial: HostTrial,
    /// What was made and proven for the program before: most of it is the same again.
    lowering: Lowering,
    /// The state that the last program was made of.
    lowered: Option<Session>,
    verifier: Verifier,
    enforcer: Enforcer,
    tagged: TaggedFrames,
    /// Whether they were, when they were last looked at.
    bridges_are_filtered: bool,
    in_force: InForceLog,
    observers: Observers,
    reports: PolicyReports,
    status: Arc<Status>,
}

/// How policies are enforced.
#[derive(Debug)]
pub struct How {
    /// What the operator decides.
    pub settings: Settings,
    /// Where pods have their addresses.
    pub pod_blocks: PodBlocks,
    /// Where pods and the node are attached.
    pub attachment: Attachment,
    /// How long policies of the node's HostEndpoints are tried; none if they stay at once.
    pub host_limit: Option<Duration>,
}

/// Who is told of what came into force.
#[derive(Debug, Default)]
pub struct Observers {
    /// Of every state: the flow log.
    pub flow_log: Option<LatestSession>,
    /// Of policies that are not enforced as written.
    pub reporter: Reporter,
    /// Of addresses whose connections may no longer be allowed.
    pub cutter: Option<ConnectionCutter>,
    /// Of what rules have counted.
    pub counters: PolicyCounters,
}

impl Applier {
    /// One that has applied nothing yet.
    pub fn new(
        node: &str,
        How { settings, pod_blocks, attachment, host_limit }: How,
        enforcer: Enforcer,
        (observers, status): (Observers, Arc<Status>),
    ) -> Self {
        let (lowering, verifier) = (Lowering::default(), Verifier::default());
        let node = node.to_owned();
        let tagged = TaggedFrames::new(&settings.prefix);
        Self {
            node,
            settings,
            pod_blocks,
            attachment,
            trial: HostTrial::new(host_limit),
            lowering,
            lowered: None,
            verifier,
            enforcer,
            tagged,
            bridges_are_filtered: false,
            in_force: InForceLog::default(),
            observers,
            reports: PolicyReports::default(),
            status,
        }
    }

    /// Brings a state into force.
    ///
    /// # Errors
    /// If the program cannot be proven right, or a tool fails.
    pub fn apply(&mut self, session: &Session) -> Result<(), EnforceError> {
        let start = Instant::now();
        let program = self.program(session)?;
        self.check_node(session)?;
        let lowered = Instant::now();
        self.status.metrics.spent(Phase::Lower, lowered - start);
        let input = input(session, &self.node, (&self.settings, &self.attachment));
        self.verifier.verify(&program, input).map_err(EnforceError::Unproven)?;
        let verified = Instant::now();
        self.status.metrics.spent(Phase::Verify, verified - lowered);
        self.enforcer.guard(&self.guard())?;
        let before = self.enforcer.apply(program)?;
        self.status.metrics.spent(Phase::Write, verified.elapsed());
        self.announce(session, before.as_ref());
        Ok(())
    }

    /// Has the kernel hold what was in force last, while what is desired cannot be applied.
    ///
    /// # Errors
    /// If a tool fails.
    pub fn fall_back(&mut self) -> Result<(), KernelError> {
        self.enforcer.fall_back()
    }

    /// What the tools would be given for a state on a node that has nothing of ours yet, with
    /// their command lines.
    ///
    /// # Errors
    /// If it cannot be read where pods are attached.
    pub fn script(
        &mut self,
        session: &Session,
    ) -> Result<Vec<(&'static str, String)>, EnforceError> {
        let program = self.program(session)?;
        self.check_node(session)?;
        self.enforcer.guard(&self.guard())?;
        let tagged = match self.settings.mode {
            Mode::Enforce => self.tagged.script(&self.attachment.wiring().pods),
            Mode::Audit => None,
        };
        Ok(tagged.into_iter().chain(self.enforcer.script(&program)).collect())
    }

    /// The program of a state.
    fn program(&mut self, session: &Session) -> Result<FilterProgram, KernelError> {
        let tries = self.trial.allows(session, &self.node, Instant::now());
        self.attachment.try_host(tries);
        let program = self.lower(session);
        let attached = self.attachment.follow(session.model(), self.lowering.local_pods())?;
        match self.pod_blocks.learn(session.model(), &self.node, &program) || attached {
            true => Ok(self.lower(session)),
            false => Ok(program),
        }
    }

    /// Looks where pods are attached, once something is in force; whether that asks for another
    /// program.
    ///
    /// # Errors
    /// If it cannot be read.
    pub fn is_rewired(&mut self, session: &Session) -> Result<bool, KernelError> {
        let tries = self.trial.allows(session, &self.node, Instant::now());
        self.attachment.try_host(tries);
        Ok(self.enforcer.in_force().is_some() && self.attachment.look(session.model())?)
    }

    fn lower(&mut self, session: &Session) -> FilterProgram {
        self.lowered = Some(session.clone());
        self.settings.unknown_local = self.pod_blocks.blocks(session.model(), &self.node);
        self.lowering.lower(input(session, &self.node, (&self.settings, &self.attachment)))
    }

    fn announce(&mut self, session: &Session, before: Option<&FilterProgram>) {
        self.trial.applied(self.attachment.wiring().host.is_some(), Instant::now());
        // First of all: packets that the new rules deny are logged already.
        if let Some(log) = &self.observers.flow_log {
            log.set(session.clone());
        }
        self.note(session);
        self.report_missing();
        let Some(program) = self.enforcer.in_force() else { return };
        unenforced::report(session, before, program, &self.observers.reporter);
        let mut enforced = Enforced::now(session, &self.node, program);
        let groups: Vec<_> = self.lowering.local_pods().map(|(group, _)| group).collect();
        enforced.pods = groups.len();
        let mode = self.settings.mode;
        let host = self.attachment.wiring().host.as_ref().map(|_| &*self.node);
        let of = (session, mode, host);
        enforced.policies = self.reports.in_force(of, groups, &program.notes);
        self.status.enforced(enforced);
        self.status.metrics.in_force(program);
        self.status.metrics.applies.inc();
        self.in_force.changed(program);
        if let Some(cutter) = &self.observers.cutter {
            cutter.consider(session, before, program);
        }
        self.report_bridges();
    }

    /// Says which family has no tables. One that the kernel does not speak needs none.
    fn report_missing(&self) {
        let (mut open, mut notes) = (Vec::new(), Vec::new());
        for (family, why) in self.enforcer.missing() {
            let Some(why) = why else { continue };
            let said = format!("{family} is not enforced: the kernel has no tables for it: {why}");
            if addresses::is_spoken(family) { open.push(said) } else { notes.push(said) }
        }
        match open.is_empty() {
            true => self.status.restored(TABLES),
            false if self.status.degraded(TABLES, &open.join("; ")) => {
                tracing::error!("{}", open.join("; "));
            }
            false => {}
        }
        for note in self.status.note(TABLES, notes) {
            tracing::warn!("{note}");
        }
    }

    /// Says which policies a change concerns that could not be applied.
    pub fn report_pending(&self, session: &Session) {
        let groups = self.lowering.local_pods().map(|(group, _)| group);
        let host = self.attachment.wiring().host.as_ref().map(|_| &*self.node);
        let of = (session, self.settings.mode, host);
        let policies = self.reports.pending(of, groups);
        self.status.pending(policies, Nodes::of(session, &self.node));
    }

    /// Where there are Node objects, this node is one of them, or pods are on it.
    fn check_node(&self, session: &Session) -> Result<(), EnforceError> {
        let nodes = &session.model().nodes;
        let is_listed = nodes.is_empty() || nodes.iter().any(|node| *node.name == *self.node);
        match is_listed || self.lowering.local_pods().next().is_some() {
            true => Ok(()),
            false => Err(EnforceError::UnknownNode(self.node.clone())),
        }
    }

    /// What is in force is of use only where the kernel asks for it.
    pub fn report_bridges(&mut self) {
        if let Some(program) = self.enforcer.in_force() {
            self.in_force.say(program);
        }
        match self.ensure_bridges() {
            Ok(()) => self.status.ready(),
            Err(obstacle) => self.status.not_ready(obstacle),
        }
    }

    /// Sees to it that traffic within bridges is filtered.
    ///
    /// # Errors
    /// A sentence for the operator: traffic between pods of this node is open until it is repaired.
    pub fn ensure_bridges(&mut self) -> Result<(), String> {
        let switched = bridge::ensure_filtered()?;
        let pods: &[Interface] = match self.settings.mode {
            Mode::Enforce => &self.attachment.wiring().pods,
            Mode::Audit => &[],
        };
        let rewritten = self.tagged.ensure_dropped(pods)?;
        if self.bridges_are_filtered && (switched == Some(true) || rewritten) {
            tracing::warn!(switched, rewritten, "bridges were no longer filtered; repaired");
            self.status.metrics.drift_repairs.inc();
        }
        self.bridges_are_filtered = switched.is_some();
        Ok(())
    }

    /// What pods may never send; in an audit nothing is dropped.
    fn guard(&self) -> Guard {
        match self.settings.mode {
            Mode::Enforce => self.attachment.guard().clone(),
            Mode::Audit => Guard::default(),
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
        let (settings, wiring) = (self.settings.clone(), self.attachment.wiring().clone());
        Some(Proof { program, session, node, settings, wiring })
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

    /// What our rules had counted when the kernel was last read before it was written, unless that
    /// was asked for already.
    pub fn take_counts(&mut self) -> Option<Counts> {
        self.enforcer.take_counts()
    }

    /// Takes in how many packets the rules of policies have met.
    pub fn count(&mut self, met: RuleCounts) {
        let grown = self.observers.counters.growth(met);
        let Some(session) = self.lowered.as_ref().filter(|_| !grown.is_empty()) else { return };
        let decided = self.lowering.decided(&grown);
        self.observers.counters.count(session, &decided, &self.status.metrics);
    }

    /// Counts how long others kept tables from being written.
    pub fn count_lock_waits(&self) {
        let waits = self.enforcer.take_lock_waits();
        waits.into_iter().for_each(|wait| self.status.metrics.waited(wait));
    }
}

fn input<'i>(
    session: &'i Session,
    node: &'i str,
    (settings, attachment): (&'i Settings, &'i Attachment),
) -> Input<'i> {
    let (model, policies, wiring) = (session.model(), session.policies(), attachment.wiring());
    Input { model, policies, node, settings, wiring }
}
