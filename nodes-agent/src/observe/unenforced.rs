//! What a program does not enforce as it is written: logged, and complained of.

use portcullis_engine::Session;
use portcullis_engine::dataplane::{FilterProgram, Note};
use portcullis_engine::report::note_sentence;

use super::complaint::PolicyName;
use super::{Complaint, Reporter};

/// Reports what a program denies for want of knowledge, unless the one before it did so too.
pub fn report(
    session: &Session,
    before: Option<&FilterProgram>,
    program: &FilterProgram,
    reporter: &Reporter,
) {
    let known = before.map(|before| before.notes.as_slice()).unwrap_or_default();
    for note in program.notes.iter().filter(|note| !known.contains(note)) {
        let what = note_sentence(session, note);
        tracing::warn!("{what}");
        if let Some(policy) = policy(session, note) {
            reporter.complain(Complaint { policy, what });
        }
    }
}

/// The policy whose owner can do something about it.
fn policy(session: &Session, note: &Note) -> Option<PolicyName> {
    match note {
        Note::SubjectUnknown(id)
        | Note::PeersUnknown(id)
        | Note::NodesUnknown(id)
        | Note::NamesUnknown(id)
        | Note::NotExpressed(id)
        | Note::TooManyTiers(id)
        | Note::OverLimits(id)
        | Note::OverBudget(id, _)
        | Note::Tie(id, _) => PolicyName::of(session, *id),
        Note::NoAddress(_) => None,
    }
}
