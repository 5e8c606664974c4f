//! Why something of a list is not known.

use crate::reach::{NoteKey, Reach};
use crate::report::types::{Note, UnknownReason};
use crate::report::{path, place};
use crate::session::Session;
use crate::shared::Table;

/// Notes of a reach with how many connections each leaves open; those that leave none are left out.
pub fn notes(session: &Session, reach: &Reach<'_>, counts: &Table<u32, NoteKey>) -> Vec<Note> {
    let counted = reach.notes().values().zip(counts.values().copied());
    let mut notes: Vec<Note> = counted
        .filter(|(_, count)| *count > 0)
        .map(|(key, count)| note(session, key, count))
        .collect();
    notes.sort_unstable_by(|a, b| {
        (&a.location, &a.policy, &a.path, a.reason).cmp(&(
            &b.location,
            &b.policy,
            &b.path,
            b.reason,
        ))
    });
    notes
}

fn note(session: &Session, key: &NoteKey, connections: u32) -> Note {
    let mut note = Note {
        reason: key.reason,
        message: note_message(key),
        policy: None,
        path: None,
        location: None,
        connections,
    };
    let Some((policy, direction, index)) = key.rule else {
        return note;
    };
    let Some(policy) = session.policies().policy(policy) else {
        return note;
    };
    note.policy = Some(place::object_ref(session, &policy.object));
    let rule = index.and_then(|i| policy.written(direction).get(i as usize));
    note.path = Some(match index {
        Some(index) => path::rule(direction, index as usize),
        None if key.reason == UnknownReason::Tie => "spec.priority".into(),
        None if policy.place.is_some() => "spec.selector".into(),
        None if policy.namespace.is_none() => "spec.subject".into(),
        None => "spec.podSelector".into(),
    });
    let span = rule.map_or(policy.object.span, |rule| rule.span);
    note.location = place::of_object(session, &policy.object, span);
    note
}

fn note_message(key: &NoteKey) -> String {
    match (key.reason, key.rule) {
        (UnknownReason::Address, None) => {
            "IPv4 and IPv6 differ, and the input does not say which of them the pods have: \
             pass `--pod-cidr`, or real pods"
        }
        (UnknownReason::Address, _) => {
            "an address decides this, and the input does not have it: \
             pass `--pod-cidr` (and `--node-cidr`), or real pods and nodes"
        }
        (UnknownReason::Node, _) => {
            "pods on the host network always reach pods on their own node, and the input does not \
             say where pods run: pass real pods, with `spec.nodeName`"
        }
        (UnknownReason::Label, Some((_, _, None))) => {
            "whether the policy selects these pods depends on a label that their controller adds: \
             pass real pods"
        }
        (UnknownReason::Label, _) => {
            "a peer selects by a label that a controller adds: pass real pods"
        }
        (UnknownReason::Namespace, _) => {
            "a label of a namespace decides this, and the Namespace is not in the input: \
             pass it, or `--namespace-labels NAMESPACE=KEY=VALUE`, or \
             `--assume-unlabelled-namespaces`"
        }
        (UnknownReason::Tie, _) => {
            "policies of equal priority disagree, and their order is undefined: \
             give them different priorities"
        }
        (UnknownReason::Name, _) => "a domain name decides this: pass its addresses (`--domain`)",
        (UnknownReason::Translation, _) => {
            "the network may translate addresses before or after policies"
        }
        (UnknownReason::Group, _) => "the pods differ",
        (UnknownReason::Ports, _) => "the ports differ",
        (UnknownReason::PortName, _) => "the name of a port decides this",
        (UnknownReason::ServiceAccount, _) => {
            "a label of a ServiceAccount decides this, and the ServiceAccount is not in the input: \
             pass it"
        }
        (UnknownReason::SourcePort, _) => {
            "the source's port decides this, which a list leaves open"
        }
        (UnknownReason::Protocol, _) => {
            "which of the protocols without ports it is decides this, and a list has them as one"
        }
        (UnknownReason::Service, _) => {
            "what is behind a Service decides this, and the input does not say: pass the Service"
        }
        (UnknownReason::Profile, _) => {
            "a Profile of a HostEndpoint decides this, and it is not in the input: pass it"
        }
        (UnknownReason::HostEndpoint, _) => "which HostEndpoint a flow passes decides this",
        (UnknownReason::HostAction, _) => "what a pod may send to its own node decides this",
        (UnknownReason::Untracked, _) => {
            "a policy with `doNotTrack` decides this, and its replies are not known to pass"
        }
    }
    .into()
}
