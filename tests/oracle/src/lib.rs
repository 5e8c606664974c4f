//! Finds out where the engine is wrong: random clusters, a slow and literal second opinion on
//! them, and a comparison of the two. Nothing here is shipped, and nothing here shares code with
//! the engine that it questions.

pub mod check;
pub mod cluster;
pub mod generate;
pub mod matrix;
pub mod oracle;
pub mod random;
pub mod read;
pub mod tree;
pub mod write;
