//! Complaints: policies that are not enforced as they are written, and who takes them.

use std::sync::Arc;

use tokio::sync::mpsc::Sender;

/// What is wrong with a policy.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Complaint {
    /// Its namespace.
    pub namespace: Arc<str>,
    /// Its name.
    pub policy: Arc<str>,
    /// What is wrong, as a sentence.
    pub what: String,
}

/// Who takes complaints. By default, nobody does.
#[derive(Clone, Debug, Default)]
pub struct Reporter {
    to: Option<Sender<Complaint>>,
}

impl Reporter {
    /// One that has room for as many complaints as the channel has.
    pub fn new(to: Sender<Complaint>) -> Self {
        Self { to: Some(to) }
    }

    /// Takes a complaint, if there is room for it.
    pub fn complain(&self, complaint: Complaint) {
        if let Some(to) = &self.to {
            // It is in the log, too.
            let _ = to.try_send(complaint);
        }
    }
}
