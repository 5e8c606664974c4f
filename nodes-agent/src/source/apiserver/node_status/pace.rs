//! How often status objects are written. The bound is one of the whole cluster: every agent knows
//! how many there are, and takes its share.

use std::time::Duration;

/// How often status objects are written.
#[derive(Clone, Copy, Debug)]
pub struct StatusPace {
    /// How often it is looked whether there is something to write.
    pub look: Duration,
    /// At least so long between two requests of an agent.
    pub least: Duration,
    /// So many a second of all agents together, at most.
    pub writes_per_second: u32,
    /// So much is written again, though nothing has changed: that shows that the agent is alive.
    pub renew: Duration,
    /// So long, and up to half as long again, where the server does not have the kind or does not
    /// let it be written.
    pub refused: Duration,
}

/// Bytes a second of all agents together, at most: the server's store keeps every version for some
/// minutes.
const BYTES_PER_SECOND: usize = 1 << 20;

/// The longest pause, in however large a cluster.
const LONGEST: Duration = Duration::from_secs(600);

impl Default for StatusPace {
    fn default() -> Self {
        Self {
            look: Duration::from_secs(1),
            least: Duration::from_secs(2),
            writes_per_second: 50,
            renew: Duration::from_secs(300),
            refused: Duration::from_secs(300),
        }
    }
}

impl StatusPace {
    /// The pause between two requests of an agent, among so many nodes, for an object of so many
    /// bytes.
    pub fn pause(&self, nodes: usize, bytes: usize) -> Duration {
        let share = |all: usize, a_second: usize| {
            let millis = all.saturating_mul(1000) / a_second.max(1);
            Duration::from_millis(u64::try_from(millis).unwrap_or(u64::MAX))
        };
        let writes = usize::try_from(self.writes_per_second).unwrap_or(usize::MAX);
        let objects = share(nodes, writes);
        let bytes = share(nodes.saturating_mul(bytes), BYTES_PER_SECOND);
        objects.max(bytes).clamp(self.least, LONGEST.max(self.least))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_agents_together_keep_to_one_pace() {
        let pause = |nodes, bytes| StatusPace::default().pause(nodes, bytes).as_secs();
        assert_eq!(pause(1, 5_000), 2);
        assert_eq!(pause(100, 5_000), 2);
        assert_eq!(pause(1_000, 5_000), 20, "50 a second");
        assert_eq!(pause(5_000, 5_000), 100);
        assert_eq!(pause(1_000, 60 << 10), 58, "a megabyte a second");
        assert_eq!(pause(100_000, 1 << 20), 600);
        let quick = StatusPace { least: Duration::ZERO, ..StatusPace::default() };
        assert_eq!(quick.pause(0, 0), Duration::ZERO);
    }
}
