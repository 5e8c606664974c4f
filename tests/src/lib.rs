//! What the tests of the whole share. Nothing here is shipped.

pub mod cases;
pub mod random;
