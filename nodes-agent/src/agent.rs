//! The agent's loop: takes changes, makes programs, has them enforced, and looks after them.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

use portcullis_engine::Session;
use portcullis_engine::dataplane::{
    Disagreement, FilterProgram, Input, Lowering, Settings, Verifier,
};

use crate::bridge;
use crate::cut::Cutter;
use crate::enforce::Enforcer;
use crate::expected::Expected;
use crate::kernel::KernelError;
use crate::look::{Depth, Finding, Inspector, Proof};
use crate::notes;
use crate::observe::{Phase, Status};
use crate::source::{Changes, Message};
use crate::tally::{Counts, Tally};
use crate::upkeep::{Due, Pace, Upkeep};
use crate::wanted::Wanted;
use crate::watch::Reporter;

/// The first wait after a failure, and the longest.
const BACKOFF: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(10));

/// Why what is wanted is not in force.
#[derive(Debug, thiserror::Error)]
pub enum EnforceError {
    /// The program does not admit what the policies admit. It is never written.
    #[error("the program is not proven right: {}", told(.0))]
    Unproven(Vec<Disagreement>),
    /// The kernel, or a tool that speaks to it.
    #[error(transparent)]
    Kernel(#[from] KernelError),
}

/// The first of them, and how many more there are.
fn told(disagreements: &[Disagreement]) -> String {
    let first = disagreements.first().map(|first| format!("{first:?}")).unwrap_or_default();
    match disagreements.len() {
        0 | 1 => first,
        many => format!("{first}, and {} more", many - 1),
    }
}

/// An agent.
#[derive(Debug)]
pub struct Agent {
    wanted: Wanted,
    /// How it is to be enforced; where pods are expected, as it was found last.
    settings: Settings,
    expected: Expected,
    node: String,
    /// What was made and proven for the program before: most of it is so again.
    lowering: Lowering,
    verifier: Verifier,
    enforcer: Enforcer,
    status: Arc<Status>,
    /// Who ends connections and expands the flow log, on threads of their own.
    followers: Vec<Follower>,
    reporter: Reporter,
    cutter: Option<Cutter>,
    inspector: Option<Inspector>,
    upkeep: Upkeep,
    tally: Tally,
    /// When the oldest change that is not in force was learnt of, and when it is to be tried.
    pending: Option<Pending>,
}

/// Who is told of every state that came into force.
pub type Follower = std::sync::mpsc::Sender<Session>;

#[derive(Clone, Copy, Debug)]
struct Pending {
    seen: Instant,
    attempt: Instant,
    wait: Duration,
}

/// What an agent is made of.
#[derive(Debug)]
pub struct Parts {
    /// What is known before the first change: nothing but options.
    pub wanted: Wanted,
    /// How policies are to be enforced.
    pub settings: Settings,
    /// Where pods are expected.
    pub expected: Expected,
    /// The name of the node.
    pub node: String,
    /// The kernel's side.
    pub enforcer: Enforcer,
    /// Where it is told how things are.
    pub status: Arc<Status>,
    /// Who is told of every state that came into force.
    pub followers: Vec<Follower>,
    /// Who is told of policies that are not enforced as written.
    pub reporter: Reporter,
    /// Who ends connections that are no longer allowed.
    pub cutter: Option<Cutter>,
    /// Who looks at the kernel; without, an agent waits for its own looks.
    pub inspector: Option<Inspector>,
    /// How often the kernel is looked at.
    pub pace: Pace,
}

impl Agent {
    /// An agent that has heard nothing yet.
    pub fn new(parts: Parts) -> Self {
        let Parts { wanted, settings, expected, node, enforcer, status, .. } = parts;
        let Parts { followers, reporter, cutter, inspector, pace, .. } = parts;
        Self {
            wanted,
            settings,
            expected,
            node,
            lowering: Lowering::default(),
            verifier: Verifier::default(),
            enforcer,
            status,
            followers,
            reporter,
            cutter,
            inspector,
            upkeep: Upkeep::new(pace),
            tally: Tally::default(),
            pending: None,
        }
    }

    /// Works until it is told to stop. Rules stay in force then.
    pub fn run(&mut self, messages: &Receiver<Message>) {
        loop {
            self.status.beat();
            let waits = self.enforcer.take_lock_waits();
            waits.into_iter().for_each(|wait| self.status.metrics.waited(wait));
            match messages.recv_timeout(self.time_until_next_work()) {
                Ok(Message::Changes(changes)) => {
                    if self.collect(changes, messages) == Next::Stop {
                        return;
                    }
                    self.attempt();
                }
                Ok(Message::Looked(finding)) => self.judge(finding),
                Ok(Message::Stop) | Err(RecvTimeoutError::Disconnected) => return,
                Err(RecvTimeoutError::Timeout) => self.look_after(),
            }
        }
    }

    /// Takes a change, and all that came while the last one was being applied: the kernel is
    /// written once for all of them. It never waits for more.
    fn collect(&mut self, changes: Changes, messages: &Receiver<Message>) -> Next {
        let seen = changes.seen;
        let mut all = changes.changes;
        let mut next = Next::GoOn;
        while let Ok(message) = messages.try_recv() {
            match message {
                Message::Changes(more) => all.extend(more.changes),
                Message::Looked(finding) => self.judge(finding),
                Message::Stop => next = Next::Stop,
            }
        }
        let start = Instant::now();
        if !self.wanted.take(all) {
            return next;
        }
        self.status.metrics.spent(Phase::Compile, start.elapsed());
        // What is older and was not applied yet counts from its own beginning.
        let seen = self.pending.map_or(seen, |pending| pending.seen);
        self.pending = Some(Pending { seen, attempt: start, wait: BACKOFF.0 });
        next
    }

    /// Brings what is wanted into force.
    ///
    /// # Errors
    /// If the program cannot be proven right, or a tool fails.
    pub fn enforce(&mut self) -> Result<(), EnforceError> {
        let start = Instant::now();
        let program = self.program();
        let lowered = Instant::now();
        self.status.metrics.spent(Phase::Lower, lowered - start);
        let input = input(self.wanted.session(), &self.node, &self.settings);
        self.verifier.verify(&program, input).map_err(EnforceError::Unproven)?;
        let verified = Instant::now();
        self.status.metrics.spent(Phase::Verify, verified - lowered);
        let before = self.enforcer.apply(program)?;
        if let Some(denied) = self.enforcer.take_denied() {
            self.count(denied);
        }
        self.upkeep.applied(self.enforcer.has_to_sweep());
        self.status.metrics.spent(Phase::Write, verified.elapsed());
        self.tell(before.as_ref());
        Ok(())
    }

    /// The program of what is wanted.
    pub fn program(&mut self) -> FilterProgram {
        let program = self.lower();
        let model = self.wanted.session().model();
        match self.expected.learn(model, &self.node, &program) {
            true => self.lower(),
            false => program,
        }
    }

    fn lower(&mut self) -> FilterProgram {
        let session = self.wanted.session();
        self.settings.unknown_local = self.expected.blocks(session.model(), &self.node);
        self.lowering.lower(input(session, &self.node, &self.settings))
    }

    /// What is wanted.
    pub fn session(&self) -> &Session {
        self.wanted.session()
    }

    /// Takes changes without applying them; whether the wanted state is whole now.
    pub fn take(&mut self, changes: Changes) -> bool {
        self.wanted.take(changes.changes)
    }

    fn tell(&mut self, before: Option<&FilterProgram>) {
        if let Some(news) = self.expected.news(self.wanted.session().model(), &self.node) {
            tracing::warn!(because = news, "addresses of unknown pods are open");
        }
        let Some(program) = self.enforcer.in_force() else { return };
        notes::tell(self.session(), before, program, &self.reporter);
        self.status.metrics.in_force(program);
        self.status.metrics.applies.inc();
        self.report_bridges();
        for follower in &self.followers {
            // A follower that has ended has said why.
            let _ = follower.send(self.session().clone());
        }
        if let Some(cutter) = &self.cutter {
            cutter.consider(self.session(), before, program);
        }
    }

    /// What is in force is of use only where the kernel asks for it.
    fn report_bridges(&self) {
        match bridge::ensure_filtered() {
            Ok(()) => self.status.ready(),
            Err(obstacle) => self.status.not_ready(obstacle),
        }
    }

    fn attempt(&mut self) {
        let Some(pending) = self.pending else { return };
        match self.enforce() {
            Ok(()) => {
                self.pending = None;
                self.status.metrics.took(pending.seen.elapsed());
            }
            Err(error) => {
                if let EnforceError::Kernel(error) = &error {
                    self.status.metrics.failed(error);
                }
                tracing::error!(%error, "a change could not be applied; it is tried again");
                self.status.metrics.apply_errors.inc();
                self.status.not_ready(format!("a change could not be applied: {error}"));
                let wait = (pending.wait * 2).min(BACKOFF.1);
                let attempt = Instant::now() + pending.wait;
                self.pending = Some(Pending { attempt, wait, ..pending });
            }
        }
    }

    fn time_until_next_work(&self) -> Duration {
        let attempt = self.pending.map(|pending| pending.attempt);
        let upkeep = self.upkeep.next();
        let next = attempt.map_or(upkeep, |attempt| attempt.min(upkeep));
        next.saturating_duration_since(Instant::now())
    }

    /// Removes what is out of force.
    ///
    /// # Errors
    /// If a tool fails.
    pub fn sweep(&mut self) -> Result<(), KernelError> {
        let swept = self.enforcer.sweep();
        self.upkeep.applied(self.enforcer.has_to_sweep());
        swept
    }

    fn look_after(&mut self) {
        if self.pending.is_some_and(|pending| pending.attempt <= Instant::now()) {
            self.attempt();
            return;
        }
        match self.upkeep.due() {
            Due::Nothing => {}
            Due::Sweep => {
                if let Err(error) = self.sweep() {
                    self.status.metrics.failed(&error);
                    self.repair(&format!("what is out of force could not be removed: {error}"));
                }
            }
            Due::Look(depth) => self.look(depth, self.inspector.is_none()),
            Due::LookNow(depth) => self.look(depth, true),
        }
    }

    fn look(&mut self, depth: Depth, here: bool) {
        self.upkeep.began();
        // Before anything is in force there is nothing to look at.
        let Some(mut look) = self.enforcer.look(depth) else {
            return self.upkeep.abandoned();
        };
        look.proof = self.proof(depth);
        match &self.inspector {
            Some(inspector) if !here => inspector.begin(look),
            _ => self.judge(look.make()),
        }
    }

    /// What is in force is proven with everything else, unless it is not what is wanted.
    fn proof(&self, depth: Depth) -> Option<Proof> {
        if depth != Depth::Everything || self.pending.is_some() {
            return None;
        }
        let program = self.enforcer.in_force()?.clone();
        let (session, node) = (self.session().clone(), self.node.clone());
        Some(Proof { program, session, node, settings: self.settings.clone() })
    }

    fn judge(&mut self, finding: Finding) {
        if !self.upkeep.ended(&finding, self.enforcer.number()) {
            return;
        }
        if let Some(disproven) = finding.disproven {
            // What was remembered has misled: all is made and proven from nothing.
            (self.lowering, self.verifier) = (Lowering::default(), Verifier::default());
            return self.repair(&disproven);
        }
        if let Some(denied) = finding.denied {
            self.count(denied);
        }
        match finding.found {
            Ok(None) => {
                if finding.depth == Depth::Everything {
                    self.status.metrics.confirmed();
                }
                self.report_bridges();
            }
            Ok(Some(found)) => self.repair(&found),
            Err(error) => {
                self.status.metrics.failed(&error);
                tracing::error!(%error, "the kernel could not be looked at");
            }
        }
    }

    /// Takes in what our rules have denied.
    fn count(&mut self, denied: Counts) {
        for ((denier, family), packets) in self.tally.grown(denied) {
            self.status.metrics.denied(denier, family, packets);
        }
    }

    fn repair(&mut self, found: &str) {
        tracing::warn!(found, "our rules are not as they should be; they are put right");
        self.status.metrics.drift_repairs.inc();
        self.status.not_ready(format!("our rules are not as they should be: {found}"));
        self.enforcer.distrust();
        let now = Instant::now();
        self.pending = Some(Pending { seen: now, attempt: now, wait: BACKOFF.0 });
        self.attempt();
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Next {
    GoOn,
    Stop,
}

fn input<'i>(session: &'i Session, node: &'i str, settings: &'i Settings) -> Input<'i> {
    Input { model: session.model(), policies: session.policies(), node, settings }
}
