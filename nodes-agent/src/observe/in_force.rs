//! A line in the agent's own log about what is in force: at first, and after changes.

use std::time::{Duration, Instant};

use portcullis_engine::dataplane::{FamilyProgram, FilterProgram};

/// There is one line in so much time at most, whatever changes.
const PAUSE: Duration = Duration::from_secs(10);

/// What was said, and what was not said yet.
#[derive(Debug, Default)]
pub struct InForceLog {
    said: Option<Instant>,
    changes: u64,
}

impl InForceLog {
    /// A program has come into force.
    pub fn changed(&mut self, program: &FilterProgram) {
        self.changes += 1;
        self.say(program);
    }

    /// Says what is in force, if that has changed and it is time for it.
    pub fn say(&mut self, program: &FilterProgram) {
        let now = Instant::now();
        if let Some(changes) = self.due(now) {
            let families = || program.families.values();
            let rules: usize = families().map(FamilyProgram::rule_count).sum();
            let members: usize = families().map(FamilyProgram::member_count).sum();
            let isolated: usize = families()
                .flat_map(|family| family.classes.values())
                .map(|c| c.subjects.len())
                .sum();
            tracing::info!(changes, rules, members, isolated, "in force");
        }
    }

    /// How many changes are to be told of now.
    fn due(&mut self, now: Instant) -> Option<u64> {
        let waits = self.said.is_some_and(|said| now < said + PAUSE);
        if self.changes == 0 || waits {
            return None;
        }
        self.said = Some(now);
        Some(std::mem::take(&mut self.changes))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_changes_are_one_line() {
        let (mut log, now) = (InForceLog::default(), Instant::now());
        assert_eq!(log.due(now), None);
        log.changes = 1;
        assert_eq!(log.due(now), Some(1));
        log.changes = 3;
        assert_eq!(log.due(now + PAUSE / 2), None);
        assert_eq!(log.due(now + PAUSE), Some(3), "what was not told yet");
        assert_eq!(log.due(now + PAUSE * 2), None);
    }
}
