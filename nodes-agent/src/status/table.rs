//! A node's report for people.

use std::fmt::Write as _;

use portcullis_engine::report::PolicyState;
use portcullis_engine::report::text::Plain;

use crate::observe::NodeReport;
use crate::options::PolicyArgument;

/// A report as lines of words, then a line for each policy, with what its author should know below.
pub fn table(report: &NodeReport, asked: Option<&PolicyArgument>) -> String {
    let mut text = String::new();
    for (what, said) in lines(report) {
        let _ = writeln!(text, "{what:9} {}", Plain(&said));
    }
    match (asked, report.policies.is_empty()) {
        (Some(asked), true) => {
            let _ = writeln!(text, "\n{asked} does not concern this node");
        }
        (_, true) => {}
        (_, false) => policies(report, &mut text),
    }
    text
}

fn lines(report: &NodeReport) -> Vec<(&'static str, String)> {
    let identity = &report.identity;
    let agent = format!(
        "{}, policies from the {}, iptables-{}",
        identity.version, identity.source, identity.backend
    );
    let yes_or = |why: String| if why.is_empty() { "yes".to_owned() } else { format!("no: {why}") };
    let degraded: Vec<String> = report.degraded.values().cloned().collect();
    let audits = identity.audits.then(|| "the agent audits, and denies nothing".to_owned());
    let troubles: Vec<String> = report.obstacles.iter().cloned().chain(audits).collect();
    let ready = [report.obstacles.clone(), degraded].concat();
    let applied = report.last_applied.as_deref().unwrap_or("never");
    let counts = &report.counts;
    let mut lines = vec![
        ("node", identity.node.clone()),
        ("agent", agent),
        ("in force", yes_or(troubles.join("; "))),
        ("ready", yes_or(ready.join("; "))),
        ("applied", format!("{applied}, rules read again {}", report.last_audited)),
    ];
    lines.extend(report.families.iter().map(|family| {
        let size = format!(
            "{}: rules {}, sets {}, members of sets {}",
            family.family, family.rules, family.sets, family.members
        );
        ("kernel", size)
    }));
    lines.push((
        "policies",
        format!(
            "{} concern this node: in force {}, closed {}, audited {}, pending {}; pods {}",
            counts.policies,
            counts.in_force,
            counts.closed,
            counts.audited,
            counts.pending,
            counts.pods
        ),
    ));
    lines.extend(report.notes.iter().map(|note| ("note", note.clone())));
    lines
}

fn policies(report: &NodeReport, text: &mut String) {
    let _ = writeln!(text, "\n{:9} {:>10}  POLICY", "STATE", "GENERATION");
    for policy in &*report.policies {
        let state = match policy.state {
            PolicyState::InForce => "in force",
            PolicyState::Closed => "closed",
            PolicyState::Audited => "audited",
            PolicyState::Pending => "pending",
        };
        let generation = policy.generation.map_or_else(|| "-".to_owned(), |one| one.to_string());
        let _ = writeln!(text, "{state:9} {generation:>10}  {}", Plain(&policy.to_string()));
        if let Some(message) = &policy.message {
            let _ = writeln!(text, "{:22}→ {}", "", Plain(message));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use portcullis_engine::report::NodePolicy;

    use super::*;
    use crate::observe::{self, Counts, FamilySize, Identity};

    fn report() -> NodeReport {
        let policy = |name: &str, state, message: Option<&str>| NodePolicy {
            generation: Some(12),
            message: message.map(str::to_owned),
            ..observe::policy(name, state)
        };
        let identity = Identity {
            version: "0.1.0".into(),
            node: "n1".into(),
            source: "API server".into(),
            backend: "nft".into(),
            audits: false,
        };
        let families = vec![FamilySize { family: "IPv4".into(), rules: 30, sets: 4, members: 9 }];
        let policies = [
            policy("db", PolicyState::Closed, Some("why")),
            policy("a", PolicyState::InForce, None),
        ];
        NodeReport {
            identity,
            families,
            notes: vec!["pods share br0".into()],
            last_applied: Some("2026-01-01T00:00:00Z".into()),
            last_audited: "2026-01-01T00:00:03Z".into(),
            counts: Counts { policies: 2, in_force: 1, closed: 1, audited: 0, pending: 0, pods: 5 },
            policies: Arc::from(policies),
            ..NodeReport::default()
        }
    }

    #[test]
    fn a_report_is_a_table() {
        let wanted = "\
node      n1
agent     0.1.0, policies from the API server, iptables-nft
in force  yes
ready     yes
applied   2026-01-01T00:00:00Z, rules read again 2026-01-01T00:00:03Z
kernel    IPv4: rules 30, sets 4, members of sets 9
policies  2 concern this node: in force 1, closed 1, audited 0, pending 0; pods 5
note      pods share br0

STATE     GENERATION  POLICY
closed            12  NetworkPolicy shop/db
                      → why
in force          12  NetworkPolicy shop/a
";
        assert_eq!(table(&report(), None), wanted);
    }

    #[test]
    fn what_is_missing_is_said() {
        let mut report = report();
        report.obstacles = vec!["no iptables".into()];
        report.degraded.insert("flow log".into(), "no group".into());
        (report.policies, report.last_applied) = (Arc::default(), None);
        let text = table(&report, Some(&"shop/x".parse().unwrap()));
        assert!(text.contains("\nin force  no: no iptables\n"), "{text}");
        assert!(text.contains("\nready     no: no iptables; no group\n"), "{text}");
        assert!(text.contains("\napplied   never, "), "{text}");
        assert!(text.ends_with("\nshop/x does not concern this node\n"), "{text}");
    }
}
