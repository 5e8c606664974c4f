//! The kernel, through the tools that other programs of the node use as well.
//!
//! Nothing here knows policies or programs. [`PacketFilter`] is what enforcement asks for, and all
//! that it knows; [`iptables`] does it. Next to them are the connections that the kernel tracks
//! and its switches for bridges, which are the same for every packet filter.

mod child;
mod error;
pub mod exec;
mod guard;
mod packet_filter;
mod routes;
mod tagged;

pub mod addresses;
pub mod bridge;
pub mod conntrack;
pub mod devices;
pub mod interfaces;
pub mod iptables;
pub mod ipvs;
pub mod netlink;

pub use child::{end_all, limit, stop_soon};
pub use error::KernelError;
pub use guard::Guard;
pub use packet_filter::{Counts, Held, Missing, PacketFilter, Removal};
pub use routes::Routes;
pub use tagged::TaggedFrames;
