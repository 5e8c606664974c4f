//! From the API server's answer to the first connection that shows a change.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};

use crate::agent::{Agent, Metrics, PHASES};
use crate::figures::{Times, microseconds};
use crate::lab::{Lab, PATIENCE};
use crate::objects::{MEMBER_PORT, POLICY_PORT};
use crate::pulse::Pulse;

/// Changes of one kind: there, and back again.
#[derive(Clone, Debug)]
pub struct Kind {
    /// A policy that closes, created; or a pod that is no peer any more.
    pub closing: Times,
    /// The policy deleted; or the pod a peer again.
    pub opening: Times,
    /// What the agent says of its part: the averages of its phases, in microseconds.
    pub phases: String,
}

/// How long to wait after a change: between 20 and 170 ms, so that some changes come while the
/// agent sweeps what the one before left.
fn pause(round: usize) {
    let milliseconds = 20 + round * 37 % 150;
    std::thread::sleep(Duration::from_millis(u64::try_from(milliseconds).unwrap_or(50)));
}

/// Creates and deletes a policy so many times.
pub fn policies(lab: &Lab, (at, agent): (usize, &Agent), count: usize) -> Result<Kind> {
    let change = |open: bool| if open { lab.open() } else { lab.close() };
    there_and_back(lab, (at, agent), (count, POLICY_PORT), change).context("policies")
}

/// Makes a pod a peer, and not, so many times.
pub fn members(lab: &Lab, (at, agent): (usize, &Agent), count: usize) -> Result<Kind> {
    let change = |open: bool| lab.set_peer(at, open);
    there_and_back(lab, (at, agent), (count, MEMBER_PORT), change).context("members")
}

fn there_and_back(
    lab: &Lab,
    (at, agent): (usize, &Agent),
    (count, port): (usize, u16),
    change: impl Fn(bool) -> Result<()>,
) -> Result<Kind> {
    let pulse = Pulse::start(&lab.client(at)?.namespace.handle()?, lab.address(at, port))?;
    pulse.until(true, Instant::now(), PATIENCE).context("before the first change")?;
    let before = agent.metrics()?;
    let (mut closing, mut opening) = (Times::default(), Times::default());
    for round in 0..count * 2 {
        let open = round % 2 == 1;
        pulse.forget();
        change(open)?;
        let times = if open { &mut opening } else { &mut closing };
        times.0.push(pulse.until(open, Instant::now(), PATIENCE)?);
        pause(round);
    }
    Ok(Kind { closing, opening, phases: phases(&before, &agent.metrics()?) })
}

/// Averages of compile, lower, verify and write, in microseconds.
fn phases(before: &Metrics, after: &Metrics) -> String {
    let each = PHASES.map(|phase| microseconds(after.phase_since(before, phase)));
    each.join(" / ")
}
