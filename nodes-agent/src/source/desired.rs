//! The desired state: what a source has told so far, as a session of the engine.

use portcullis_engine::live::{Event, Index};
use portcullis_engine::{Options, Session};

use super::Change;

/// The desired state.
#[derive(Debug)]
pub struct DesiredState {
    options: Options,
    /// The node for which it is.
    node: String,
    session: Session,
    /// What the session is made from, where objects come one by one.
    index: Option<Index>,
}

impl DesiredState {
    /// Nothing yet, as a node sees it.
    pub fn new(options: Options, node: &str) -> Self {
        Self { session: Session::new(options.clone()), options, node: node.to_owned(), index: None }
    }

    /// Takes changes in. Whether the state is complete: before, there is nothing to enforce.
    pub fn take(&mut self, changes: Vec<Change>) -> bool {
        let mut files = Vec::new();
        let mut events = Vec::new();
        for change in changes {
            match change {
                Change::File(change) => files.push(change),
                Change::Object(event) => events.push(event),
            }
        }
        if !files.is_empty() {
            self.session = self.session.apply(files);
        }
        if !events.is_empty() {
            self.take_events(events);
        }
        self.index.as_ref().is_none_or(Index::is_complete)
    }

    fn take_events(&mut self, events: Vec<Event>) {
        // What the index has given away it must copy before it can change it.
        self.session = Session::new(self.options.clone());
        let new = || Index::of_node(self.options.clone(), &self.node);
        let index = self.index.get_or_insert_with(new);
        events.into_iter().for_each(|event| index.take(event));
        if index.is_complete() {
            self.session = index.session();
        }
    }

    /// The state.
    pub fn session(&self) -> &Session {
        &self.session
    }
}
