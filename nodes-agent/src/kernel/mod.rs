//! The kernel's packet filter, through the tools that other programs of the node use as well.

mod error;
mod exec;
mod session;
mod sets;
mod tables;

pub mod conntrack;

pub use error::KernelError;
pub use sets::Sets;
pub use tables::{Backend, Tables};

use portcullis_engine::net::Family;

/// All tools of one backend.
#[derive(Debug)]
pub struct Kernel {
    /// The backend.
    pub backend: Backend,
    /// Tables of IPv4 and IPv6.
    pub tables: [Tables; 2],
    /// Sets of both.
    pub sets: Sets,
}

impl Kernel {
    /// The tools of a backend, or of the one that the node uses.
    ///
    /// # Errors
    /// If a tool is not installed.
    pub fn find(backend: Option<Backend>) -> Result<Self, KernelError> {
        let backend = backend.map_or_else(Backend::detect, Ok)?;
        let [v4, v6] = Family::BOTH.map(|family| Tables::find(family, backend));
        Ok(Self { backend, tables: [v4?, v6?], sets: Sets::find()? })
    }
}
