//! Whether policies are enforced, or only audited: an annotation of theirs.

use super::read::{Path, Reader};
use crate::diagnostic::{Code, Diagnostic};
use crate::tree::Node;

/// The annotation that says so, of a policy or of the namespace of NetworkPolicies.
pub const MODE_ANNOTATION: &str = "portcullis.dev/mode";

/// What is done with what policies deny.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Mode {
    /// It is denied.
    #[default]
    Enforce,
    /// It passes, and it is said that it would be denied.
    Audit,
}

impl Mode {
    /// Both.
    pub const BOTH: [Self; 2] = [Self::Enforce, Self::Audit];

    /// As annotations and options write it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Enforce => "enforce",
            Self::Audit => "audit",
        }
    }

    /// The mode of a name.
    pub fn find(name: &str) -> Option<Self> {
        Self::BOTH.into_iter().find(|mode| mode.name() == name)
    }
}

/// The mode that an annotation's value names. What is not understood enforces, and is noted.
pub(super) fn read(reader: &mut Reader, path: &Path<'_>, value: &Node<'_>) -> Mode {
    let text = value.as_str().unwrap_or_default();
    Mode::find(text).unwrap_or_else(|| {
        let message = format!("`{text}` is not a mode: the policies are enforced");
        let finding = Diagnostic::new(Code::UnknownMode, message).at(value.span);
        reader.report(path, finding.with_help("write `audit` or `enforce`"));
        Mode::Enforce
    })
}
