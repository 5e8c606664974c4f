//! Sets of ports, addresses and protocols: algebra that never says "pod".

pub mod addr;
pub mod cidr;
pub mod conn;
mod internet;
pub mod interval;
pub mod port;

pub use addr::{AddrSet, ByFamily, Family};
pub use cidr::{Cidr, CidrError};
pub use conn::{ConnId, ConnSet, ConnTable, Conns, port_text};
pub use internet::internet;
pub use interval::{IntervalSet, Point};
pub use port::{PortSet, Protocol, all_ports};
