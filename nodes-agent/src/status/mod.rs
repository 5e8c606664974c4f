//! What an operator asks: what a node's agent says of it, and whether a policy is in force on all
//! nodes that it concerns.

mod ask;
mod table;
mod wait;

pub use ask::{Question, ask};
pub use table::table;
pub use wait::{Wait, wait};

use std::sync::Arc;

use portcullis_engine::report::{NodePolicy, PolicyState};

use crate::observe::NodeReport;
use crate::options::{Output, PolicyArgument, StatusOptions};

/// What came of asking.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// What was asked about is in force.
    InForce,
    /// Something of it is not.
    NotInForce,
}

/// Asks the agent of this node; what is to be printed, and whether what was asked about is in force.
///
/// # Errors
/// If it does not answer.
pub fn of_node(options: &StatusOptions) -> anyhow::Result<(String, Answer)> {
    let question = Question::of(&options.serving)?;
    let report: NodeReport = serde_json::from_slice(&ask(&question, "/status")?)?;
    let asked = options.policy.as_ref();
    let report = about(report, asked);
    let answer = answer(&report, asked);
    let shown = if options.faults { faults(report) } else { report };
    let text = match options.output {
        Output::Table => table(&shown, asked),
        Output::Json => serde_json::to_string_pretty(&shown)? + "\n",
    };
    Ok((text, answer))
}

/// A report with nothing but the policy that was asked about.
fn about(report: NodeReport, asked: Option<&PolicyArgument>) -> NodeReport {
    match asked {
        Some(asked) => {
            only(report, |one| asked.names(&one.kind, one.namespace.as_deref(), &one.name))
        }
        None => report,
    }
}

fn faults(report: NodeReport) -> NodeReport {
    only(report, |policy| !matches!(policy.state, PolicyState::InForce | PolicyState::Audited))
}

fn only(report: NodeReport, counts: impl Fn(&NodePolicy) -> bool) -> NodeReport {
    let policies: Arc<[NodePolicy]> =
        report.policies.iter().filter(|policy| counts(policy)).cloned().collect();
    NodeReport { policies, ..report }
}

/// Whether what a report is about is in force. A policy that does not concern the node is not, nor
/// is one that is audited; but of a node as a whole, audited ones are as they were asked to be.
fn answer(report: &NodeReport, asked: Option<&PolicyArgument>) -> Answer {
    let all = report.policies.iter().all(|policy| match policy.state {
        PolicyState::InForce => true,
        PolicyState::Audited => asked.is_none(),
        PolicyState::Closed | PolicyState::Pending => false,
    });
    let is_found = asked.is_none() || !report.policies.is_empty();
    match report.obstacles.is_empty() && !report.identity.audits && all && is_found {
        true => Answer::InForce,
        false => Answer::NotInForce,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observe::policy;

    #[test]
    fn what_was_asked_about_decides() {
        let policies = [policy("a", PolicyState::InForce), policy("b", PolicyState::Closed)];
        let report = NodeReport { policies: Arc::from(policies), ..NodeReport::default() };
        let asked = |asked: Option<&str>| {
            let asked: Option<PolicyArgument> = asked.map(|asked| asked.parse().unwrap());
            answer(&about(report.clone(), asked.as_ref()), asked.as_ref())
        };
        assert_eq!(asked(None), Answer::NotInForce);
        assert_eq!(asked(Some("shop/a")), Answer::InForce);
        assert_eq!(asked(Some("shop/b")), Answer::NotInForce);
        assert_eq!(asked(Some("shop/c")), Answer::NotInForce, "it does not concern the node");
        let audited = NodeReport {
            policies: Arc::from([
                policy("a", PolicyState::InForce),
                policy("b", PolicyState::Audited),
            ]),
            ..NodeReport::default()
        };
        let one: PolicyArgument = "shop/b".parse().unwrap();
        assert_eq!(answer(&audited, None), Answer::InForce);
        assert_eq!(answer(&about(audited, Some(&one)), Some(&one)), Answer::NotInForce);
        assert_eq!(faults(report.clone()).policies.len(), 1);
        let failed = NodeReport { obstacles: vec!["no".into()], ..about(report, None) };
        let asked = "shop/a".parse().unwrap();
        assert_eq!(answer(&failed, Some(&asked)), Answer::NotInForce);
    }
}
