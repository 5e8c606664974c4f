//! What the tests of the whole share. Nothing here is shipped.

pub mod apiserver;
pub mod cases;
pub mod kubectl;
pub mod mutate;
pub mod random;
