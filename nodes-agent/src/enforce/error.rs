//! Why the desired program is not in force.

use portcullis_engine::dataplane::{Counterexample, Disagreement};
use portcullis_engine::manifest::Direction;

use crate::kernel::KernelError;

/// Why the desired program is not in force.
#[derive(Debug, thiserror::Error)]
pub enum EnforceError {
    /// The program does not admit what the policies admit. It is never written.
    #[error("the program failed verification: {}", summary(.0))]
    Unproven(Vec<Disagreement>),
    /// No Node object has the name that the agent was given, and no pod is on such a node: it would take all pods for those of
    /// other nodes, and remove what is in force.
    #[error(
        "there is no node `{0}`: set --node (NODE_NAME) to the name of this node's Node object"
    )]
    UnknownNode(String),
    /// The kernel, or a tool that speaks to it.
    #[error(transparent)]
    Kernel(#[from] KernelError),
}

/// The first of them, and how many more there are.
fn summary(disagreements: &[Disagreement]) -> String {
    let first = disagreements.first().map(sentence).unwrap_or_default();
    match disagreements.len() {
        0 | 1 => first,
        many => format!("{first} (and {} more)", many - 1),
    }
}

fn sentence(disagreement: &Disagreement) -> String {
    match disagreement {
        Disagreement::Structure { family, what } => format!("{family}: {what}"),
        Disagreement::Flow(flow) => flow_sentence(flow),
        Disagreement::Audited(flow) => format!("audit: {}", flow_sentence(flow)),
    }
}

fn flow_sentence(flow: &Counterexample) -> String {
    let Counterexample { direction, subject, peer, protocol, port, admitted, .. } = flow;
    let (from, to) = match direction {
        Direction::Egress => (subject, peer),
        Direction::Ingress => (peer, subject),
    };
    let what = match protocol {
        Some(protocol) => format!("{} port {port}", protocol.name()),
        None => "a protocol without ports".to_owned(),
    };
    let (program, policies) = if *admitted { ("admits", "deny") } else { ("denies", "admit") };
    format!(
        "it {program} {what} from {from} to {to}, which policies {policies} ({})",
        direction.field()
    )
}

#[cfg(test)]
mod tests {
    use portcullis_engine::cluster::EndpointId;
    use portcullis_engine::net::{Family, Protocol};

    use super::*;

    #[test]
    fn a_program_that_failed_says_what_is_wrong_as_a_sentence() {
        let flow = Disagreement::Flow(Counterexample {
            direction: Direction::Ingress,
            pod: Some(EndpointId::new(3)),
            subject: [10, 0, 0, 1].into(),
            peer: [10, 0, 0, 2].into(),
            protocol: Some(Protocol::Tcp),
            port: 443,
            admitted: false,
        });
        let what = "chain X is missing".to_owned();
        let structure = Disagreement::Structure { family: Family::IPv6, what };
        let said = |all: &[&Disagreement]| {
            EnforceError::Unproven(all.iter().copied().cloned().collect()).to_string()
        };
        assert_eq!(
            said(&[&flow, &structure]),
            "the program failed verification: it denies TCP port 443 from 10.0.0.2 to 10.0.0.1, \
             which policies admit (ingress) (and 1 more)"
        );
        assert_eq!(
            said(&[&structure]),
            "the program failed verification: IPv6: chain X is missing"
        );
    }
}
