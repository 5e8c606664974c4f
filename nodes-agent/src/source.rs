//! Where the wanted state comes from.

use std::sync::mpsc::Sender;
use std::time::Instant;

use portcullis_engine::live::Event;

use crate::look::Finding;

/// What the agent's loop is told.
#[derive(Debug)]
pub enum Message {
    /// The wanted state has changed.
    Changes(Changes),
    /// The kernel was compared with what it should hold.
    Looked(Finding),
    /// The agent is to end; what is in force stays in force.
    Stop,
}

/// A change of the wanted state.
#[derive(Debug)]
pub enum Change {
    /// Of a file. The first ones of a source come together and are the whole state.
    File(portcullis_engine::Change),
    /// Of an object in a cluster. The state is whole once all kinds have been listed.
    Object(Event),
}

/// Changes of the wanted state. Before it is whole, nothing is written to the kernel.
#[derive(Debug)]
pub struct Changes {
    /// What changed.
    pub changes: Vec<Change>,
    /// When the agent learnt of it.
    pub seen: Instant,
}

impl Changes {
    /// Changes that were learnt of now.
    pub fn now(changes: Vec<Change>) -> Self {
        Self { changes, seen: Instant::now() }
    }
}

/// Something that says what the cluster is like: files, or the API server.
pub trait Source {
    /// Begins to tell, from threads of its own, until the receiver is gone.
    ///
    /// # Errors
    /// If there is no use in starting: a directory that is not there, a configuration that cannot
    /// be read. What may pass by itself is tried again instead.
    fn start(self: Box<Self>, to: Sender<Message>) -> anyhow::Result<()>;
}
