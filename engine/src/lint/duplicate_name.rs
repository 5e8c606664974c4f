//! L21: two objects of the same kind, namespace and name.

use super::{Finding, about};
use crate::diagnostic::{Code, Diagnostic};
use crate::session::{Repeated, Session};

/// One finding for each object that replaces an earlier one.
pub fn findings(session: &Session) -> Vec<Finding> {
    let repeated = session.repeated().map(|Repeated { file, part, object }| {
        let (kind, namespace, name) = session.identity(object);
        let place = match namespace.is_empty() {
            true => String::new(),
            false => format!(" in namespace `{namespace}`"),
        };
        let message = format!("a second {kind} `{name}`{place}: it replaces the first");
        let finding = Diagnostic::new(Code::DuplicateName, message);
        let finding = finding.with_help("rename one of the two");
        let (_, finding) = about(session, object, "metadata.name", finding);
        (Some((*file, *part)), finding)
    });
    repeated.collect()
}
