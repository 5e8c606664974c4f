//! What is said of policies, made again only when there is something else to say: pods come and go
//! all the time, and policies do not.

use std::sync::Arc;

use portcullis_engine::Session;
use portcullis_engine::cluster::GroupId;
use portcullis_engine::dataplane::Note;
use portcullis_engine::manifest::Mode;
use portcullis_engine::policy::{CompiledPolicy, Considered, PolicyId};
use portcullis_engine::report::{NodePolicy, node_policies, pending};

/// What is said of the policies in force.
#[derive(Debug, Default)]
pub struct PolicyReports {
    /// Of which policies and notes it was made. They are kept, so that another one is never at the
    /// same place.
    policies: Vec<Arc<CompiledPolicy>>,
    notes: Vec<Note>,
    said: Arc<[NodePolicy]>,
}

impl PolicyReports {
    /// Of a state that has come into force, of which the groups have pods on the node, whose own
    /// policies are among them if it is named.
    pub fn in_force(
        &mut self,
        (session, mode, host): (&Session, Mode, Option<&str>),
        groups: impl IntoIterator<Item = GroupId>,
        notes: &[Note],
    ) -> Arc<[NodePolicy]> {
        let ids = selecting((session, host), groups);
        let policies = compiled(session, &ids);
        let same = policies.len() == self.policies.len()
            && policies.iter().zip(&self.policies).all(|(one, other)| Arc::ptr_eq(one, other));
        if !same || self.notes != notes {
            self.said = node_policies((session, mode), &ids, notes).into();
            (self.policies, self.notes) = (policies, notes.to_vec());
        }
        Arc::clone(&self.said)
    }

    /// While a state could not be brought into force.
    pub fn pending(
        &self,
        (session, mode, host): (&Session, Mode, Option<&str>),
        groups: impl IntoIterator<Item = GroupId>,
    ) -> Arc<[NodePolicy]> {
        let desired = node_policies((session, mode), &selecting((session, host), groups), &[]);
        pending(&self.said, &desired, "a change could not be applied").into()
    }
}

/// Policies that select pods of the node, or the node itself, audited ones as well; ascending.
fn selecting(
    (session, host): (&Session, Option<&str>),
    groups: impl IntoIterator<Item = GroupId>,
) -> Vec<PolicyId> {
    let policies = session.policies().considering(Considered::All);
    let mut all = policies.selecting(groups);
    if let Some(node) = host {
        all.extend(policies.selecting_host(node));
        all.sort_unstable();
        all.dedup();
    }
    all
}

fn compiled(session: &Session, ids: &[PolicyId]) -> Vec<Arc<CompiledPolicy>> {
    ids.iter().filter_map(|id| session.policies().policy(*id).cloned()).collect()
}
