//! When the kernel is audited, and when what is out of force is removed.

use std::time::{Duration, Instant};

use crate::enforce::audit::{AuditReport, Depth};

/// How often the kernel is audited.
#[derive(Clone, Copy, Debug)]
pub struct Pace {
    /// Whether packets enter our chains.
    pub check: Duration,
    /// Whether everything is as it should be, at the latest.
    pub audit: Duration,
}

/// How much longer than a full audit the pause after it is. On most nodes that makes every audit a
/// full one, and never does it take more than two hundredths of a processor.
const AUDIT_SHARE: u32 = 50;

/// How long nothing must have changed before what is out of force is removed: that may take ten
/// milliseconds, for which a change would have to wait.
const QUIET: Duration = Duration::from_secs(1);

/// How long it stays at most where changes never cease.
const LONGEST: Duration = Duration::from_secs(10);

/// An audit may take twice as long as this, however often there is to be one.
const SHORTEST: Duration = Duration::from_secs(1);

/// So many findings may come too late, because of changes, before an audit is waited for.
const ENOUGH: u32 = 5;

/// What is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Due {
    /// Nothing yet.
    Nothing,
    /// What is out of force is to be removed.
    Sweep,
    /// An audit that nobody waits for.
    Audit(Depth),
    /// An audit that is waited for: all others came too late.
    AuditNow(Depth),
    /// The audit that runs should have ended.
    Overdue,
}

/// What was done when.
#[derive(Debug)]
pub struct Schedule {
    pace: Pace,
    applied: Instant,
    /// Since when there is something out of force.
    left: Option<Instant>,
    checked: Instant,
    auditing: bool,
    /// When the audit that runs has taken too long; none once that was said.
    overdue: Option<Instant>,
    /// How long the last full audit took.
    took: Duration,
    /// How many findings in a row came too late.
    late: u32,
    audited: Instant,
    /// How long after the last audit the next one is due.
    audit_due: Duration,
}

impl Schedule {
    /// Nothing has been done yet.
    pub fn new(pace: Pace) -> Self {
        let now = Instant::now();
        let (applied, left, checked, audited) = (now, None, now, now);
        let (auditing, late, audit_due) = (false, 0, Duration::ZERO);
        let (overdue, took) = (None, Duration::ZERO);
        Self { pace, applied, left, checked, auditing, overdue, took, late, audited, audit_due }
    }

    /// The kernel was written to, and something is now out of force or not.
    pub fn written(&mut self, something_left: bool) {
        self.applied = Instant::now();
        self.left = something_left.then(|| self.left.unwrap_or(self.applied));
    }

    /// An audit has begun.
    pub fn began(&mut self) {
        self.auditing = true;
        self.overdue = Some(Instant::now() + (self.pace.check.max(SHORTEST) + self.took) * 2);
    }

    /// It was said that the audit that runs has taken too long.
    pub fn told(&mut self) {
        self.overdue = None;
    }

    /// There was nothing to audit.
    pub fn abandoned(&mut self) {
        (self.auditing, self.overdue, self.checked) = (false, None, Instant::now());
    }

    /// An audit has ended; whether it still counts, the kernel having been written to so often.
    pub fn ended(&mut self, finding: &AuditReport, number: u64) -> bool {
        (self.auditing, self.overdue, self.checked) = (false, None, Instant::now());
        if finding.depth == Depth::Everything && finding.found.is_ok() {
            self.took = finding.took;
        }
        let counts = finding.number == number;
        self.late = if counts { 0 } else { self.late + 1 };
        if finding.depth == Depth::Everything && (counts || finding.found.is_err()) {
            self.audited = self.checked;
            let pause = (finding.took * AUDIT_SHARE).min(self.pace.audit);
            // After one that could not be made, entries at least are looked at in between.
            self.audit_due = if finding.found.is_ok() { pause } else { self.pace.check * 2 };
        }
        counts
    }

    /// When something is due.
    pub fn next(&self) -> Instant {
        let audit = if self.auditing { None } else { Some(self.checked + self.pace.check) };
        // An audit that never ends must not keep it from what else is due.
        let far = || Instant::now() + self.pace.audit;
        [audit, self.overdue, self.sweep()].into_iter().flatten().min().unwrap_or_else(far)
    }

    /// When what is out of force is to go.
    fn sweep(&self) -> Option<Instant> {
        self.left.map(|since| (self.applied + QUIET).min(since + LONGEST))
    }

    /// What is due now.
    pub fn due(&self) -> Due {
        let now = Instant::now();
        if self.sweep().is_some_and(|at| at <= now) {
            return Due::Sweep;
        }
        if self.overdue.is_some_and(|at| at <= now) {
            return Due::Overdue;
        }
        if self.auditing || now < self.checked + self.pace.check {
            return Due::Nothing;
        }
        let full = self.audited.elapsed() >= self.audit_due;
        let depth = if full { Depth::Everything } else { Depth::Entries };
        if self.late < ENOUGH { Due::Audit(depth) } else { Due::AuditNow(depth) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PACE: Pace = Pace { check: Duration::ZERO, audit: Duration::from_secs(60) };

    fn finding(number: u64, took: Duration) -> AuditReport {
        AuditReport {
            depth: Depth::Everything,
            number,
            took,
            found: Ok(None),
            disproven: None,
            counts: None,
        }
    }

    #[test]
    fn audits_take_a_small_share_of_the_time() {
        let mut schedule = Schedule::new(PACE);
        assert_eq!(schedule.due(), Due::Audit(Depth::Everything));
        schedule.began();
        assert_eq!(schedule.due(), Due::Nothing);
        assert!(schedule.ended(&finding(3, Duration::from_millis(100)), 3));
        assert_eq!(
            schedule.due(),
            Due::Audit(Depth::Entries),
            "the next audit is five seconds away"
        );
        assert!(schedule.ended(&finding(3, Duration::ZERO), 3));
        assert_eq!(schedule.due(), Due::Audit(Depth::Everything));
    }

    #[test]
    fn what_is_always_late_is_waited_for() {
        let mut schedule = Schedule::new(PACE);
        for number in 0..u64::from(ENOUGH) {
            assert_eq!(schedule.due(), Due::Audit(Depth::Everything));
            assert!(!schedule.ended(&finding(number, Duration::ZERO), number + 1));
        }
        assert_eq!(schedule.due(), Due::AuditNow(Depth::Everything));
        assert!(schedule.ended(&finding(9, Duration::ZERO), 9));
        assert_eq!(schedule.due(), Due::Audit(Depth::Everything));
    }

    #[test]
    fn what_is_left_goes_when_it_is_quiet_or_old() {
        let mut schedule = Schedule::new(PACE);
        assert_eq!(schedule.sweep(), None);
        schedule.written(true);
        let first = schedule.applied;
        assert_eq!(schedule.sweep(), Some(first + QUIET));
        schedule.written(true);
        assert_eq!(schedule.sweep(), Some(schedule.applied + QUIET), "it begins to be quiet again");
        schedule.left = Some(first.checked_sub(LONGEST).unwrap());
        schedule.written(true);
        assert_eq!(schedule.due(), Due::Sweep, "but not for ever");
        schedule.written(false);
        assert_eq!(schedule.sweep(), None);
    }
}
