//! What a real API server said about objects, in our own short form.

mod cluster;
mod objects;
mod observation;
mod server;

pub use cluster::{ClusterAnswer, ClusterObservation};
pub use objects::{ObjectAnswer, ObjectObservation};
pub use observation::{
    Observation, Outcome, Reason, Stored, StoredRule, Text, Warning, block_text, peer_text,
    requirement_text,
};
pub use server::{Said, outcome};
