//! The agent's loop: takes changes of the desired state, has them [applied](Applier), and has the
//! kernel [audited](Audits) in between.
//!
//! Everything happens on one thread, in the order of the messages. What takes long and concerns no
//! change, audits above all, is done by other threads, which send their findings as messages.

mod applier;
mod audits;
mod hosts;
mod repeated;
mod reports;
mod schedule;
mod trial;

pub use applier::{Applier, How, Observers};
pub use audits::Audits;
pub use schedule::Pace;

use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

use portcullis_engine::Session;

use crate::enforce::EnforceError;
use crate::enforce::audit::{AuditReport, Depth};
use crate::kernel::Counts;
use crate::observe::{Activity, Phase, Status};
use crate::source::{Changes, DesiredState};
use schedule::Due;

/// The first wait after a failure, and the longest.
const BACKOFF: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(10));

/// How soon a change is tried that came while others could not be applied. It may be the one that
/// helps; but changes that never cease are no reason to try all the time.
const SOON: Duration = Duration::from_secs(1);

/// The longest that the loop waits without a sign of life.
const HEARTBEAT: Duration = Duration::from_secs(30);

/// What the agent's loop is told.
#[derive(Debug)]
pub enum Message {
    /// The desired state has changed.
    Changes(Changes),
    /// The kernel was compared with what it should hold.
    Audited(AuditReport),
    /// The agent is to end; what is in force stays in force.
    Stop,
}

/// An agent.
#[derive(Debug)]
pub struct Agent {
    /// What is known before the first change: nothing but options.
    desired: DesiredState,
    applier: Applier,
    audits: Audits,
    status: Arc<Status>,
    /// What is not in force yet.
    pending: Option<Pending>,
}

/// A change that is not in force.
#[derive(Clone, Copy, Debug)]
struct Pending {
    /// When the oldest change was learnt of.
    seen: Instant,
    /// When it is to be tried.
    attempt: Instant,
    /// How long to wait after the next failure.
    wait: Duration,
}

impl Pending {
    /// With a further change, which came now. What is older counts from its own beginning, and
    /// keeps its pauses: they begin anew only when all is in force.
    fn sooner(self, now: Instant) -> Self {
        Self { attempt: self.attempt.min(now + self.wait.min(SOON)), ..self }
    }
}

impl Agent {
    /// An agent that has heard nothing yet.
    pub fn new(
        desired: DesiredState,
        applier: Applier,
        audits: Audits,
        status: Arc<Status>,
    ) -> Self {
        Self { desired, applier, audits, status, pending: None }
    }

    /// Works until it is told to stop. Rules stay in force then.
    pub fn run(&mut self, messages: &Receiver<Message>) {
        loop {
            self.applier.count_lock_waits();
            self.status.beat(Activity::Waiting);
            let message = messages.recv_timeout(self.time_until_next_work().min(HEARTBEAT));
            self.status.beat(Activity::Working);
            match message {
                Ok(Message::Changes(changes)) => {
                    if self.collect(changes, messages) == Next::Stop {
                        return;
                    }
                    self.attempt_if_due();
                }
                Ok(Message::Audited(finding)) => self.conclude(finding),
                Ok(Message::Stop) | Err(RecvTimeoutError::Disconnected) => return,
                Err(RecvTimeoutError::Timeout) => self.maintain(),
            }
        }
    }

    /// Takes a change, and all that came while the last one was being applied: the kernel is
    /// written once for all of them. It never waits for more.
    fn collect(&mut self, changes: Changes, messages: &Receiver<Message>) -> Next {
        let seen = changes.seen;
        let mut all = changes.changes;
        let mut next = Next::Continue;
        while let Ok(message) = messages.try_recv() {
            match message {
                Message::Changes(more) => all.extend(more.changes),
                Message::Audited(finding) => self.conclude(finding),
                Message::Stop => next = Next::Stop,
            }
        }
        let start = Instant::now();
        if !self.desired.take(all) {
            return next;
        }
        self.status.metrics.spent(Phase::Compile, start.elapsed());
        self.pending = Some(match self.pending {
            None => Pending { seen, attempt: start, wait: BACKOFF.0 },
            Some(pending) => pending.sooner(start),
        });
        next
    }

    /// What is desired.
    pub fn session(&self) -> &Session {
        self.desired.session()
    }

    /// Takes changes without applying them; whether the desired state is complete now.
    pub fn take(&mut self, changes: Changes) -> bool {
        self.desired.take(changes.changes)
    }

    /// Brings the desired state into force.
    ///
    /// # Errors
    /// If the program cannot be proven right, or a tool fails.
    pub fn enforce(&mut self) -> Result<(), EnforceError> {
        self.applier.apply(self.desired.session())?;
        if let Some(counts) = self.applier.take_counts() {
            self.count(counts);
        }
        self.audits.written(self.applier.has_to_sweep());
        Ok(())
    }

    /// Tries what is to be tried by now; whether there was something.
    fn attempt_if_due(&mut self) -> bool {
        let due = self.pending.is_some_and(|pending| pending.attempt <= Instant::now());
        if due {
            self.attempt();
        }
        due
    }

    fn attempt(&mut self) {
        let Some(pending) = self.pending else { return };
        match self.enforce() {
            Ok(()) => {
                self.pending = None;
                self.status.metrics.took(pending.seen.elapsed());
            }
            Err(error) => self.failed(&error, pending),
        }
    }

    fn failed(&mut self, error: &EnforceError, pending: Pending) {
        if let EnforceError::Kernel(error) = error {
            self.status.metrics.failed(error);
        }
        tracing::error!(%error, "could not apply a change; retrying");
        self.status.metrics.apply_errors.inc();
        // Under a wrong name all pods are other nodes', which says nothing of policies.
        if !matches!(error, EnforceError::UnknownNode(_)) {
            self.applier.report_pending(self.desired.session());
        }
        self.status.not_ready(format!("a change could not be applied: {error}"));
        self.fall_back();
        let wait = (pending.wait * 2).min(BACKOFF.1);
        let attempt = Instant::now() + pending.wait;
        self.pending = Some(Pending { attempt, wait, ..pending });
    }

    /// Until then, what was in force last stays so, and is watched.
    fn fall_back(&mut self) {
        match self.applier.fall_back() {
            Ok(()) => self.audits.written(self.applier.has_to_sweep()),
            Err(error) => {
                self.status.metrics.failed(&error);
                tracing::error!(%error, "could not restore the last good rules either");
            }
        }
    }

    fn time_until_next_work(&self) -> Duration {
        let attempt = self.pending.map(|pending| pending.attempt);
        let audit = self.audits.next();
        let next = attempt.map_or(audit, |attempt| attempt.min(audit));
        next.saturating_duration_since(Instant::now())
    }

    /// Does what is due while no change comes.
    fn maintain(&mut self) {
        if self.attempt_if_due() {
            return;
        }
        match self.audits.due() {
            Due::Nothing => {}
            Due::Overdue => self.audits.overdue(),
            Due::Sweep => self.sweep(),
            Due::Audit(_) | Due::AuditNow(_) if self.is_rewired() => self.attempt(),
            Due::Audit(depth) => self.audit(depth),
            Due::AuditNow(depth) => self.audit_now(depth),
        }
    }

    /// Whether devices of pods have come or gone since the last program was made; then another one
    /// is to be applied.
    fn is_rewired(&mut self) -> bool {
        if self.pending.is_some() {
            return false;
        }
        let rewired = self.applier.is_rewired(self.desired.session()).unwrap_or_else(|error| {
            self.status.metrics.failed(&error);
            self.status.not_ready(format!("could not find the devices of pods: {error}"));
            false
        });
        if rewired {
            let now = Instant::now();
            self.pending = Some(Pending { seen: now, attempt: now, wait: BACKOFF.0 });
        }
        rewired
    }

    fn sweep(&mut self) {
        let swept = self.applier.sweep();
        self.audits.written(self.applier.has_to_sweep());
        if let Err(error) = swept {
            self.status.metrics.failed(&error);
            self.repair(&format!("could not remove what is out of force: {error}"));
        }
    }

    fn audit(&mut self, depth: Depth) {
        let audit = self.applier.audit(depth, self.proven(depth));
        if let Some(finding) = self.audits.begin(audit) {
            self.conclude(finding);
        }
    }

    fn audit_now(&mut self, depth: Depth) {
        let audit = self.applier.audit(depth, self.proven(depth));
        if let Some(finding) = self.audits.run(audit) {
            self.conclude(finding);
        }
    }

    /// What the program in force is proven against, unless another one is desired already.
    fn proven(&self, depth: Depth) -> Option<&Session> {
        let proves = depth == Depth::Everything && self.pending.is_none();
        proves.then(|| self.desired.session())
    }

    fn conclude(&mut self, finding: AuditReport) {
        self.audits.heard(&finding);
        if !self.audits.ended(&finding, self.applier.writes()) {
            return;
        }
        if let Some(disproven) = finding.disproven {
            self.applier.forget_proofs();
            return self.repair(&disproven);
        }
        if let Some(counts) = finding.counts {
            self.count(counts);
        }
        match finding.found {
            // What is in force is not what is desired.
            Ok(None) if self.pending.is_some() => {}
            Ok(None) => {
                if finding.depth == Depth::Everything {
                    self.status.metrics.confirmed();
                }
                self.applier.report_bridges();
            }
            Ok(Some(found)) => self.repair(&found),
            Err(error) => {
                self.status.metrics.failed(&error);
                tracing::error!(%error, "could not read the kernel's rules");
            }
        }
    }

    /// Takes in what our rules have counted.
    fn count(&mut self, counts: Counts) {
        self.audits.count(counts.denied);
        self.applier.count(counts.met);
    }

    fn repair(&mut self, found: &str) {
        tracing::warn!(found, "rules drifted; repairing");
        self.status.metrics.drift_repairs.inc();
        self.status.not_ready(format!("rules drifted: {found}"));
        self.applier.distrust();
        let now = Instant::now();
        let wait = self.pending.map_or(BACKOFF.0, |pending| pending.wait);
        self.pending = Some(Pending { seen: now, attempt: now, wait });
        self.attempt();
    }

    /// Applies the desired state once, and removes what is out of force.
    ///
    /// # Errors
    /// As [`Self::enforce`].
    pub fn enforce_once(&mut self) -> Result<(), EnforceError> {
        self.enforce()?;
        Ok(self.applier.sweep()?)
    }

    /// Sees to it that traffic within bridges is filtered.
    ///
    /// # Errors
    /// A sentence for the operator.
    pub fn ensure_bridges(&mut self) -> Result<(), String> {
        self.applier.ensure_bridges()
    }

    /// What the tools would be given for the desired state on a node that has nothing of ours yet,
    /// with their command lines.
    ///
    /// # Errors
    /// If it cannot be read where pods are attached.
    pub fn script(&mut self) -> Result<Vec<(&'static str, String)>, EnforceError> {
        self.applier.script(self.desired.session())
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Next {
    Continue,
    Stop,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn changes_do_not_begin_the_pauses_anew() {
        let now = Instant::now();
        let pending = Pending { seen: now, attempt: now + BACKOFF.1, wait: BACKOFF.1 };
        let one = pending.sooner(now);
        assert_eq!((one.attempt, one.wait, one.seen), (now + SOON, BACKOFF.1, now));
        let more = one.sooner(now + SOON / 2);
        assert_eq!(more.attempt, now + SOON, "a further one does not put it off");
        let short = Pending { attempt: now + BACKOFF.0, wait: BACKOFF.0, ..pending };
        assert_eq!(short.sooner(now).attempt, now + BACKOFF.0);
    }
}
