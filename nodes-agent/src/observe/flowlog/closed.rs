//! What is said of packets that the rules deny though policies as they are written allow them: the
//! rules close what they cannot enforce, such as an address that no known pod has, or a policy that
//! needs more than one may.

use portcullis_engine::report::EndReport;
use portcullis_engine::verdict::Verdict;

/// What is true of a packet of which policies as they are written say something.
pub fn verdict(action: &str, written: Verdict) -> Verdict {
    // What is unknown is closed, too.
    if action == "deny" { Verdict::Deny } else { written }
}

/// Why a packet was denied, where no policy as it is written says so.
pub fn reason(action: &str, direction: Option<&str>, ends: &[&EndReport]) -> Option<String> {
    if action != "deny" {
        return None;
    }
    let why = match (direction, ends) {
        (Some("unknown"), _) => "an address is not known to belong to a pod",
        (_, [end]) if end.verdict != Verdict::Deny => {
            "the rules in force deny what policies as they are written allow: a policy that needs \
             more than it may, alone or with others, is closed, or policies have just changed"
        }
        _ => return None,
    };
    Some(why.to_owned())
}

#[cfg(test)]
mod tests {
    use portcullis_engine::{Change, FlowQuery, Options, Session, SourceFile};

    use super::*;

    const PODS: &str = "\
apiVersion: v1
kind: Pod
metadata: {name: a}
status: {phase: Running, podIP: 10.0.0.1}
---
apiVersion: v1
kind: Pod
metadata: {name: b}
status: {phase: Running, podIP: 10.0.0.2}
";

    #[test]
    fn what_is_denied_is_not_said_to_be_allowed() {
        let file = SourceFile::new("all.yaml", PODS.as_bytes());
        let session = Session::new(Options::default()).apply(vec![Change::Put(file)]);
        let query = FlowQuery {
            from: "10.0.0.1".into(),
            to: "10.0.0.2".into(),
            protocol: portcullis_engine::net::Protocol::Tcp,
            port: 80.into(),
        };
        let report = session.evaluate(&query).unwrap();
        assert_eq!(report.verdict, Verdict::Allow);
        assert_eq!(verdict("deny", report.verdict), Verdict::Deny);
        assert_eq!(verdict("allow", report.verdict), Verdict::Allow);
        assert_eq!(verdict("deny", Verdict::Unknown), Verdict::Deny);
        assert_eq!(verdict("audit", Verdict::Unknown), Verdict::Unknown);
        let ends = [&report.evidence.ingress];
        assert!(reason("deny", Some("ingress"), &ends).unwrap().contains("rules in force deny"));
        assert!(reason("deny", Some("unknown"), &[]).unwrap().contains("not known to belong"));
        assert_eq!(reason("allow", None, &ends), None);
    }
}
