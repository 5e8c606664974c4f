//! Where the desired state comes from: an API server, or a directory of manifests.
//!
//! A source tells of changes, from threads of its own; [`DesiredState`] adds them up to a session
//! of the engine. What an object means is decided by the engine alone, so that a manifest means
//! here what it means to the command and the playground.

pub mod apiserver;
mod desired;
mod manifests;

pub use desired::DesiredState;
pub use manifests::{AtStart, Manifests};

use std::sync::Arc;
use std::sync::mpsc::Sender;
use std::time::Instant;

use portcullis_engine::live::Event;

/// A change of the desired state.
#[derive(Debug)]
pub enum Change {
    /// Of a file. The first ones of a source come together and are the whole state.
    File(portcullis_engine::Change),
    /// Of an object in a cluster. The state is complete once all kinds have been listed.
    Object(Event),
}

/// Changes of the desired state. Before it is complete, nothing is written to the kernel.
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

/// Who takes the changes of a source.
#[derive(Clone)]
pub struct ChangeSink(Arc<dyn Fn(Changes) -> Result<(), Closed> + Send + Sync>);

/// Nobody takes changes any more: the agent has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Closed;

impl ChangeSink {
    /// A sink that wraps changes into messages of another kind.
    pub fn new<M: Send + 'static>(to: Sender<M>, wrap: fn(Changes) -> M) -> Self {
        Self(Arc::new(move |changes| to.send(wrap(changes)).map_err(|_| Closed)))
    }

    /// Gives changes to whoever takes them.
    ///
    /// # Errors
    /// If nobody does any more.
    pub fn send(&self, changes: Vec<Change>) -> Result<(), Closed> {
        (self.0)(Changes::now(changes))
    }
}

impl From<Sender<Changes>> for ChangeSink {
    fn from(to: Sender<Changes>) -> Self {
        Self::new(to, |changes| changes)
    }
}

impl std::fmt::Debug for ChangeSink {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("ChangeSink")
    }
}

/// Something that says what the cluster is like.
pub trait Source {
    /// Begins to tell, from threads of its own, until the sink is closed.
    ///
    /// # Errors
    /// If there is no use in starting: a directory that is not there, a configuration that cannot
    /// be read. What may pass by itself is tried again instead.
    fn start(self: Box<Self>, to: ChangeSink) -> anyhow::Result<()>;
}
