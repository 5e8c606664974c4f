//! The kernel's packet filter, through the tools that other programs of the node use as well.
//!
//! Nothing here knows policies or programs: texts go to iptables, ipset and conntrack, and what
//! they print comes back. Rules of the two implementations of iptables do not see each other, so
//! the one must be used that the node's other programs use ([`Backend::detect`]).

mod error;
mod exec;
mod lock;
mod session;
mod sets;
mod tables;

pub mod bridge;
pub mod conntrack;

pub use error::KernelError;
pub use sets::Sets;
pub use tables::{Backend, Tables};

use std::time::Duration;

use lock::Lock;
use portcullis_engine::net::{ByFamily, Family};

/// All tools of one backend.
#[derive(Debug)]
pub struct Kernel {
    /// The backend.
    pub backend: Backend,
    /// Tables of each family.
    pub tables: ByFamily<Tables>,
    /// Sets of both.
    pub sets: Sets,
    /// What only one program may have that writes tables; iptables-nft needs no such thing.
    lock: Option<Lock>,
}

impl Kernel {
    /// The tools of a backend, or of the one that the node uses.
    ///
    /// # Errors
    /// If a tool is not installed.
    pub fn find(backend: Option<Backend>) -> Result<Self, KernelError> {
        let backend = backend.map_or_else(Backend::detect, Ok)?;
        let [v4, v6] = Family::BOTH.map(|family| Tables::find(family, backend));
        let tables = ByFamily::from_array([v4?, v6?]);
        let lock = (backend == Backend::Legacy).then(Lock::new);
        Ok(Self { backend, tables, sets: Sets::find()?, lock })
    }

    /// What each family's tables answer.
    ///
    /// # Errors
    /// If those of one of them fail.
    pub fn of_each<T>(
        &self,
        ask: impl Fn(&Tables) -> Result<T, KernelError>,
    ) -> Result<ByFamily<T>, KernelError> {
        let (v4, v6) = (&self.tables[Family::IPv4], &self.tables[Family::IPv6]);
        Ok(ByFamily::from_array([ask(v4)?, ask(v6)?]))
    }

    /// Waits until tables can be written.
    pub fn wait_for_lock(&self) {
        if let Some(lock) = &self.lock {
            lock.wait();
        }
    }

    /// How long others kept tables from being written, each time since this was last asked.
    pub fn take_lock_waits(&self) -> Vec<Duration> {
        self.lock.as_ref().map(Lock::take_waits).unwrap_or_default()
    }
}
