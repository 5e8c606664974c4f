//! Policies that a program does not enforce as they are written: logged, and complained of.

use std::sync::Arc;

use portcullis_engine::Session;
use portcullis_engine::dataplane::{FilterProgram, Note};

use super::{Complaint, Reporter};

/// Reports what a program denies for want of knowledge, unless the one before it did so too.
pub fn report(
    session: &Session,
    before: Option<&FilterProgram>,
    program: &FilterProgram,
    reporter: &Reporter,
) {
    let known = before.map(|before| before.notes.as_slice()).unwrap_or_default();
    for note in program.notes.iter().filter(|note| !known.contains(note)) {
        let (about, what) = sentence(session, note);
        tracing::warn!(about, "{what}");
        if let Note::SubjectUnknown(id) | Note::PeersUnknown(id) = note
            && let Some((namespace, policy)) = policy(session, *id)
        {
            reporter.complain(Complaint { namespace, policy, what: what.to_owned() });
        }
    }
}

fn sentence(session: &Session, note: &Note) -> (String, &'static str) {
    match note {
        Note::SubjectUnknown(policy) => (
            policy_name(session, *policy),
            "it is not known whether this policy selects pods of this node: it isolates them and admits nothing",
        ),
        Note::PeersUnknown(policy) => (
            policy_name(session, *policy),
            "it is not known which pods a peer of this policy names: those that it may name are not admitted",
        ),
        Note::NodesUnknown(policy) => (
            policy_name(session, *policy),
            "it is unknown which addresses the nodes have that this policy names: what it would deny or pass is denied wherever they may be",
        ),
        Note::NamesUnknown(policy) => (
            policy_name(session, *policy),
            "it is unknown which addresses the domains have that this policy names: it accepts none of them, and what it would deny or pass is denied",
        ),
        Note::Tie(policy, _) => (
            policy_name(session, *policy),
            "another policy has the same priority and other actions: policies of equal priority are evaluated in the order of their names",
        ),
        Note::NoAddress(pod) => {
            let endpoint = session.model().endpoints.get(*pod as usize);
            let name = endpoint.map(|endpoint| endpoint.name.to_string()).unwrap_or_default();
            (name, "this pod of this node has no address yet")
        }
    }
}

fn policy_name(session: &Session, id: u32) -> String {
    let named = policy(session, id);
    named.map_or_else(String::new, |(namespace, name)| format!("{namespace}/{name}"))
}

/// A policy's namespace and name.
fn policy(session: &Session, id: u32) -> Option<(Arc<str>, Arc<str>)> {
    let policy = session.policies().policy(id)?;
    let namespace = policy.namespace.map_or("", |own| session.model().namespace_name(own));
    Some((namespace.into(), policy.object.meta.name.clone()))
}
