//! When the kernel is audited, by whom, and what it has counted.

use std::sync::Arc;
use std::time::Instant;

use portcullis_engine::dataplane::DenialCounts;
use portcullis_engine::manifest::Mode;

use super::schedule::{Due, Pace, Schedule};
use crate::enforce::DenialCounters;
use crate::enforce::audit::{Audit, AuditReport, Auditor, Depth};
use crate::observe::Status;

/// This part of the agent, as operators know it.
const PART: &str = "audit";

/// So many failures in a row mean that nobody knows what the kernel holds.
const TOO_MANY: u32 = 2;

/// Audits of the kernel.
#[derive(Debug)]
pub struct Audits {
    schedule: Schedule,
    /// Who runs them; without, each is waited for.
    auditor: Option<Auditor>,
    counters: DenialCounters,
    /// How many in a row could not be made, and how much the last of them was to compare: less is
    /// no proof that it could be made now.
    failures: u32,
    failed: Depth,
    /// How much the last that was begun compares.
    depth: Depth,
    status: Arc<Status>,
}

impl Audits {
    /// None has been made yet.
    pub fn new(pace: Pace, auditor: Option<Auditor>, status: Arc<Status>) -> Self {
        let (schedule, counters) = (Schedule::new(pace), DenialCounters::default());
        let (failed, depth) = (Depth::Entries, Depth::Entries);
        Self { schedule, auditor, counters, failures: 0, failed, depth, status }
    }

    /// The kernel was written to, and something is now out of force or not.
    pub fn written(&mut self, something_left: bool) {
        self.schedule.written(something_left);
    }

    /// When something is due.
    pub fn next(&self) -> Instant {
        self.schedule.next()
    }

    /// What is due now.
    pub fn due(&self) -> Due {
        self.schedule.due()
    }

    /// Begins an audit; what it found, if it was waited for.
    pub fn begin(&mut self, audit: Option<Audit>) -> Option<AuditReport> {
        self.depth = audit.as_ref().map_or(self.depth, |audit| audit.depth);
        match (&self.auditor, audit) {
            (Some(auditor), Some(audit)) => {
                self.schedule.began();
                auditor.begin(audit);
                None
            }
            (_, audit) => self.run(audit),
        }
    }

    /// Runs an audit; what it found.
    pub fn run(&mut self, audit: Option<Audit>) -> Option<AuditReport> {
        self.schedule.began();
        if audit.is_none() {
            self.schedule.abandoned();
        }
        audit.map(|audit| audit.run())
    }

    /// An audit has ended; whether it still counts, the kernel having been written to so often.
    pub fn ended(&mut self, finding: &AuditReport, writes: u64) -> bool {
        self.schedule.ended(finding, writes)
    }

    /// Takes in whether an audit could be made at all.
    pub fn heard(&mut self, finding: &AuditReport) {
        match &finding.found {
            Ok(_) if finding.depth == Depth::Entries && self.failed == Depth::Everything => {}
            Ok(_) => {
                (self.failures, self.failed) = (0, Depth::Entries);
                self.status.audited();
                self.status.restored(PART);
            }
            Err(error) => {
                self.failures += 1;
                self.fails(finding.depth);
                self.status.metrics.audit_errors.inc();
                if self.failures >= TOO_MANY {
                    let why = format!("the kernel's rules could not be read: {error}");
                    self.status.degraded(PART, &why);
                }
            }
        }
    }

    fn fails(&mut self, depth: Depth) {
        if depth == Depth::Everything {
            self.failed = depth;
        }
    }

    /// The audit that runs has taken too long.
    pub fn overdue(&mut self) {
        self.schedule.told();
        self.fails(self.depth);
        let why = "reading the kernel's rules has not ended in time";
        if self.status.degraded(PART, why) {
            tracing::error!("{why}");
        }
    }

    /// Takes in what our rules have denied.
    pub fn count(&mut self, denied: DenialCounts) {
        for ((mode, denier, family), packets) in self.counters.growth(denied) {
            match mode {
                Mode::Enforce => self.status.metrics.denied(denier, family, packets),
                Mode::Audit => self.status.metrics.would_be_denied(denier, family, packets),
            }
        }
    }
}
