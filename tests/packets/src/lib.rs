//! Nodes and pods made of network namespaces, and packets sent between them.
//!
//! Everything happens in namespaces that this crate makes and removes: nothing of the machine's
//! own network is touched. It needs root, and Linux: elsewhere there is nothing in it.
#![cfg(target_os = "linux")]

pub mod fabric;
pub mod flannel;
pub mod host;
pub mod namespace;
pub mod probe;

mod error;

pub use error::Error;

/// Whether namespaces can be made here.
pub fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}
