use std::io;

/// Why a network of namespaces could not be built or used.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A program did not do what it was asked.
    #[error("`{command}` failed: {stderr}")]
    Command {
        /// What was run.
        command: String,
        /// What it said.
        stderr: String,
    },
    /// The system refused something.
    #[error("{what}")]
    System {
        /// What was tried.
        what: String,
        /// Why it failed.
        #[source]
        source: io::Error,
    },
}

impl Error {
    /// For `map_err`: the same failure, with what was tried.
    pub(crate) fn while_doing<E: Into<io::Error>>(
        what: impl Into<String>,
    ) -> impl FnOnce(E) -> Self {
        let what = what.into();
        move |source| Self::System { what, source: source.into() }
    }
}
