//! Clusters that a test writes itself, whose node `n1` is looked at.

use portcullis_engine::dataplane::{FilterProgram, Input, Settings, UNKNOWN_WIRING, verify};
use portcullis_engine::{Change, Options, Session, SourceFile};

use crate::site::program;

/// What the manifests of a text describe.
///
/// # Panics
/// If one of them is wrong.
pub fn session(text: &str) -> Session {
    let file = SourceFile::new("all.yaml", text.as_bytes());
    let session = Session::new(Options::default()).apply(vec![Change::Put(file)]);
    assert_eq!(session.check().summary.errors, 0, "{:?}", session.check().diagnostics);
    session
}

/// What the node's program is made from.
pub fn input<'i>(session: &'i Session, settings: &'i Settings) -> Input<'i> {
    let (model, policies) = (session.model(), session.policies());
    Input { model, policies, node: "n1", settings, wiring: &UNKNOWN_WIRING }
}

/// The program of the node, which is proven.
///
/// # Panics
/// If it is not what the policies say.
pub fn proven(session: &Session, settings: &Settings) -> FilterProgram {
    let program = program(session, "n1", settings);
    let wrong = verify(&program, input(session, settings)).err();
    assert!(wrong.is_none(), "{wrong:#?}");
    program
}
