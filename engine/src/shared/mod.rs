//! Collections that share with their copies what they have in common.
//!
//! A state of a cluster of 20,000 pods is handed out while the next one is made from it. A copy of
//! these costs a few hundred counts, a change a copy of the one part that it is in; and where two
//! of them differ is found without looking at what they share.

mod pages;
mod shards;
mod sorted;

pub use pages::Pages;
pub use shards::Shards;
pub use sorted::{Side, Sorted};
