//! When the kernel is audited, by whom, and what it has counted.

use std::sync::Arc;
use std::time::Instant;

use portcullis_engine::dataplane::DenialCounts;

use super::schedule::{Due, Pace, Schedule};
use crate::enforce::DenialCounters;
use crate::enforce::audit::{Audit, AuditReport, Auditor};
use crate::observe::Status;

/// Audits of the kernel.
#[derive(Debug)]
pub struct Audits {
    schedule: Schedule,
    /// Who runs them; without, each is waited for.
    auditor: Option<Auditor>,
    counters: DenialCounters,
    status: Arc<Status>,
}

impl Audits {
    /// None has been made yet.
    pub fn new(pace: Pace, auditor: Option<Auditor>, status: Arc<Status>) -> Self {
        Self { schedule: Schedule::new(pace), auditor, counters: DenialCounters::default(), status }
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

    /// Takes in what our rules have denied.
    pub fn count(&mut self, denied: DenialCounts) {
        for ((denier, family), packets) in self.counters.growth(denied) {
            self.status.metrics.denied(denier, family, packets);
        }
    }
}
