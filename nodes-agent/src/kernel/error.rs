//! Why the kernel does not hold what it should.

use std::io;

/// A failure of one of the tools that speak to the kernel, or of the kernel itself.
#[derive(Debug, thiserror::Error)]
pub enum KernelError {
    /// A tool is not installed.
    #[error("`{tool}` is not installed")]
    Missing {
        /// Its name.
        tool: String,
    },
    /// A tool could not be started or fed.
    #[error("`{command}` could not be run: {source}")]
    Run {
        /// The command line.
        command: String,
        /// What the system said.
        source: io::Error,
    },
    /// A tool was run and failed.
    #[error("`{command}` failed: {stderr}{}", offending(line.as_deref()))]
    Failed {
        /// The command line.
        command: String,
        /// What the tool said.
        stderr: String,
        /// The line of its input that it names.
        line: Option<String>,
    },
    /// The system refused something.
    #[error("{what}: {source}")]
    System {
        /// What was tried.
        what: String,
        /// What the system said.
        source: io::Error,
    },
}

fn offending(line: Option<&str>) -> String {
    line.map(|line| format!(" (at `{line}`)")).unwrap_or_default()
}

impl KernelError {
    /// Whether a set cannot go because rules ask for it.
    pub fn is_in_use(&self) -> bool {
        matches!(self, Self::Failed { stderr, .. } if stderr.contains("in use by a kernel component"))
    }

    /// The tool that failed, if it is one.
    pub fn tool(&self) -> Option<&str> {
        match self {
            Self::Missing { tool } => Some(tool),
            Self::Run { command, .. } | Self::Failed { command, .. } => command.split(' ').next(),
            Self::System { .. } => None,
        }
    }

    /// For `map_err`: the same failure, with what was tried.
    pub fn while_doing<E: Into<io::Error>>(what: impl Into<String>) -> impl FnOnce(E) -> Self {
        let what = what.into();
        move |source| Self::System { what, source: source.into() }
    }
}
