//! When the kernel is looked at, and when what is out of force is removed.

use std::time::{Duration, Instant};

use crate::look::{Depth, Finding};

/// How often the kernel is looked at.
#[derive(Clone, Copy, Debug)]
pub struct Pace {
    /// Whether our rules are reached.
    pub check: Duration,
    /// Whether everything is as it should be, at the latest.
    pub audit: Duration,
}

/// How much longer than an audit the pause after it is. On most nodes that makes every look an
/// audit, and never does it take more than two hundredths of a processor.
const AUDIT_SHARE: u32 = 50;

/// How long nothing must have changed before what is out of force is removed: that may take ten
/// milliseconds, for which a change would have to wait.
const QUIET: Duration = Duration::from_secs(1);

/// How long it stays at most where changes never cease.
const LONGEST: Duration = Duration::from_secs(10);

/// So many findings may come too late, because of changes, before a look is waited for.
const ENOUGH: u32 = 5;

/// What is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Due {
    /// Nothing yet.
    Nothing,
    /// What is out of force is to be removed.
    Sweep,
    /// A look that nobody waits for.
    Look(Depth),
    /// A look that is waited for: all others came too late.
    LookNow(Depth),
}

/// What was done when.
#[derive(Debug)]
pub struct Upkeep {
    pace: Pace,
    applied: Instant,
    /// Since when there is something out of force.
    left: Option<Instant>,
    looked: Instant,
    looking: bool,
    /// How many findings in a row came too late.
    late: u32,
    audited: Instant,
    /// How long after the last audit the next one is due.
    audit_due: Duration,
}

impl Upkeep {
    /// Nothing has been done yet.
    pub fn new(pace: Pace) -> Self {
        let now = Instant::now();
        let (applied, left, looked, audited) = (now, None, now, now);
        let (looking, late, audit_due) = (false, 0, Duration::ZERO);
        Self { pace, applied, left, looked, looking, late, audited, audit_due }
    }

    /// The kernel was written to, and something is now out of force or not.
    pub fn applied(&mut self, something_left: bool) {
        self.applied = Instant::now();
        self.left = something_left.then(|| self.left.unwrap_or(self.applied));
    }

    /// A look has begun.
    pub fn began(&mut self) {
        self.looking = true;
    }

    /// There was nothing to look at.
    pub fn abandoned(&mut self) {
        (self.looking, self.looked) = (false, Instant::now());
    }

    /// A look has ended; whether it still counts, the kernel having been written to so often.
    pub fn ended(&mut self, finding: &Finding, number: u64) -> bool {
        (self.looking, self.looked) = (false, Instant::now());
        let counts = finding.number == number;
        self.late = if counts { 0 } else { self.late + 1 };
        if counts && finding.depth == Depth::Everything {
            self.audited = self.looked;
            self.audit_due = (finding.took * AUDIT_SHARE).min(self.pace.audit);
        }
        counts
    }

    /// When something is due.
    pub fn next(&self) -> Instant {
        let look = if self.looking { None } else { Some(self.looked + self.pace.check) };
        // A look that never ends must not keep it from what else is due.
        let far = || Instant::now() + self.pace.audit;
        [look, self.sweep()].into_iter().flatten().min().unwrap_or_else(far)
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
        if self.looking || now < self.looked + self.pace.check {
            return Due::Nothing;
        }
        let audit = self.audited.elapsed() >= self.audit_due;
        let depth = if audit { Depth::Everything } else { Depth::Way };
        if self.late < ENOUGH { Due::Look(depth) } else { Due::LookNow(depth) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PACE: Pace = Pace { check: Duration::ZERO, audit: Duration::from_secs(60) };

    fn finding(number: u64, took: Duration) -> Finding {
        Finding {
            depth: Depth::Everything,
            number,
            took,
            found: Ok(None),
            disproven: None,
            denied: None,
        }
    }

    #[test]
    fn audits_take_a_small_share_of_the_time() {
        let mut upkeep = Upkeep::new(PACE);
        assert_eq!(upkeep.due(), Due::Look(Depth::Everything));
        upkeep.began();
        assert_eq!(upkeep.due(), Due::Nothing);
        assert!(upkeep.ended(&finding(3, Duration::from_millis(100)), 3));
        assert_eq!(upkeep.due(), Due::Look(Depth::Way), "the next audit is five seconds away");
        assert!(upkeep.ended(&finding(3, Duration::ZERO), 3));
        assert_eq!(upkeep.due(), Due::Look(Depth::Everything));
    }

    #[test]
    fn what_is_always_late_is_waited_for() {
        let mut upkeep = Upkeep::new(PACE);
        for number in 0..u64::from(ENOUGH) {
            assert_eq!(upkeep.due(), Due::Look(Depth::Everything));
            assert!(!upkeep.ended(&finding(number, Duration::ZERO), number + 1));
        }
        assert_eq!(upkeep.due(), Due::LookNow(Depth::Everything));
        assert!(upkeep.ended(&finding(9, Duration::ZERO), 9));
        assert_eq!(upkeep.due(), Due::Look(Depth::Everything));
    }

    #[test]
    fn what_is_left_goes_when_it_is_quiet_or_old() {
        let mut upkeep = Upkeep::new(PACE);
        assert_eq!(upkeep.sweep(), None);
        upkeep.applied(true);
        let first = upkeep.applied;
        assert_eq!(upkeep.sweep(), Some(first + QUIET));
        upkeep.applied(true);
        assert_eq!(upkeep.sweep(), Some(upkeep.applied + QUIET), "it begins to be quiet anew");
        upkeep.left = Some(first.checked_sub(LONGEST).unwrap());
        upkeep.applied(true);
        assert_eq!(upkeep.due(), Due::Sweep, "but not for ever");
        upkeep.applied(false);
        assert_eq!(upkeep.sweep(), None);
    }
}
