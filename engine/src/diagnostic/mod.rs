//! Findings about the input, as data.

mod code;
mod fix;
mod nearest;

pub use code::{Code, NotIgnored};
pub use fix::{Edit, Fix, Replacement};
pub use nearest::{is_slip, nearest, nearly_same};

use serde::{Deserialize, Serialize};

use crate::source::Span;

/// How much a finding matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Worth knowing.
    Info,
    /// Likely a mistake.
    Warning,
    /// Invalid, or provably not what was meant.
    Error,
}

impl Severity {
    /// As reports and options write it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }
}

/// One finding, placed in its document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// What kind of finding.
    pub code: Code,
    /// What is wrong: lower case, no full stop, the user's text in backticks.
    pub message: String,
    /// What to do about it.
    pub help: Option<String>,
    /// Kind, namespace and name of the object that it is about.
    pub object: Option<(String, Option<String>, String)>,
    /// The field's path in the object.
    pub path: Option<String>,
    /// Where it stands in its document, for text.
    pub span: Option<Span>,
    /// What to change in the document, where that is certain.
    pub fix: Option<Box<Fix>>,
}

impl Diagnostic {
    /// A finding without place or help.
    pub fn new(code: Code, message: impl Into<String>) -> Self {
        let message = message.into();
        Self { code, message, help: None, object: None, path: None, span: None, fix: None }
    }

    /// The same with advice.
    #[must_use]
    pub fn with_help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// The same with a change that does away with it.
    #[must_use]
    pub fn with_fix(mut self, fix: Box<Fix>) -> Self {
        self.fix = Some(fix);
        self
    }

    /// The same at a place in the document.
    #[must_use]
    pub fn at(mut self, span: Span) -> Self {
        self.span = Some(span);
        self
    }

    /// How much it matters.
    pub fn severity(&self) -> Severity {
        self.code.severity()
    }
}
