//! Decides which network flows Kubernetes policies allow.
//!
//! Pure data transformations: texts become manifests, manifests a cluster model, policies a
//! compiled policy set, and questions about flows become verdicts with their evidence. No I/O, no
//! clock, no threads, no Kubernetes client. Dependencies between modules point one way, in the
//! order below; the types of `report`, and of `language` for editors, are the only ones that are
//! serialised for users.
#![deny(missing_docs)]

pub mod shared;

pub mod source;

pub mod diagnostic;

pub mod net;

pub mod selector;

pub mod tree;

pub mod folder;

pub mod manifest;

pub mod cluster;

pub mod policy;

pub mod verdict;

pub mod reach;

pub mod dataplane;

pub mod session;

pub mod live;

pub mod lint;

pub mod report;

pub mod language;

pub use manifest::SourceFile;
pub use report::{FlowQuery, ListFilter, QueryError};
pub use session::{Change, DomainName, NamespaceLabel, Options, Session};
