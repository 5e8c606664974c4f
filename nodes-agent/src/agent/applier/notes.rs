//! What operators should know though all is in force.

use std::time::Instant;

use portcullis_engine::Session;
use portcullis_engine::manifest::Mode;

use super::Applier;
use crate::agent::{hosts, repeated};
use crate::observe::PolicyName;

/// Names of policies in a note before the rest is only counted.
const MOST_NAMES: usize = 5;

impl Applier {
    /// Says what operators should know.
    pub(super) fn note(&self, session: &Session) {
        for note in self.status.note("devices of pods", self.attachment.notes().to_vec()) {
            tracing::warn!("{note}");
        }
        // Where devices are known, they decide in place of blocks.
        let open = self.pod_blocks.openness(session.model(), &self.node);
        let open = open.filter(|_| self.attachment.wiring().pods.is_empty());
        let open = open.map(|why| format!("unknown pod addresses are not blocked: {why}"));
        for note in self.status.note("pod CIDRs", open.into_iter().collect()) {
            tracing::warn!("{note}");
        }
        let stray = (session.model().nodes.is_empty()
            && self.lowering.local_pods().next().is_none())
        .then(|| format!("no pod is on the node `{}`: is --node what pods name?", self.node));
        self.note_audit(session);
        for note in self.status.note("policies in several files", repeated::notes(session)) {
            tracing::warn!("{note}");
        }
        for note in self.status.note("node", stray.into_iter().collect()) {
            tracing::warn!("{note}");
        }
        for note in self.status.note("host endpoints", self.host_notes(session)) {
            tracing::warn!("{note}");
        }
    }

    fn host_notes(&self, session: &Session) -> Vec<String> {
        if let Some(note) = self.trial.note(Instant::now()) {
            return vec![note];
        }
        hosts::notes(session, &self.node, (self.attachment.wiring(), self.settings.mode))
    }

    /// Says what is not enforced, since it is only audited.
    fn note_audit(&self, session: &Session) {
        let audited = session.policies().audited();
        let names = audited.filter_map(|(id, _)| PolicyName::of(session, id));
        let mut names: Vec<String> = names.map(|name| name.to_string()).collect();
        names.sort_unstable();
        self.status.metrics.policies_audited.set(i64::try_from(names.len()).unwrap_or(i64::MAX));
        let note = match self.settings.mode {
            Mode::Audit => Some("nothing is denied: --mode audit".to_owned()),
            Mode::Enforce => audited_note(&names),
        };
        for note in self.status.note("audit", note.into_iter().collect()) {
            tracing::warn!("{note}");
        }
    }
}

fn audited_note(names: &[String]) -> Option<String> {
    let shown = names.get(..MOST_NAMES).unwrap_or(names).join(", ");
    let more = match names.len().saturating_sub(MOST_NAMES) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    (!names.is_empty()).then(|| format!("audited and not enforced: {shown}{more}"))
}
