//! Collections that share with their copies what they have in common.
//!
//! A state of a cluster of 20,000 pods is handed out while the next one is made from it. A copy of
//! these costs a few hundred counts, a change a copy of the one part that it is in; and where two
//! of them differ is found without looking at what they share.

mod id;
mod pages;
mod shards;
mod sorted;
mod table;

pub use id::Id;
pub use pages::Pages;
pub use shards::Shards;
pub use sorted::{Side, Sorted};
pub use table::{PagedTable, Table};
