//! What can go wrong before a test has said anything.

use std::path::PathBuf;

/// Why there is no API server, or why it does not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file of the cluster's folder, or a program, that cannot be had.
    #[error("{what}: {source}")]
    System {
        /// What was tried.
        what: String,
        /// Why it failed.
        source: std::io::Error,
    },
    /// A program that ended or never became ready, with the end of what it said.
    #[error("{program} is not ready after {seconds} s; the end of its log:\n{log}")]
    NotReady {
        /// Its name.
        program: &'static str,
        /// How long it was waited for.
        seconds: u64,
        /// The last lines of its log.
        log: String,
    },
    /// The API server's refusal, or no answer at all.
    #[error(transparent)]
    Api(#[from] Box<kube::Error>),
    /// A manifest of a test that is none.
    #[error("the manifest cannot be read: {0}")]
    Manifest(#[from] serde_yaml::Error),
    /// A text that is no address to connect to.
    #[error("no request can be made: {0}")]
    Request(#[from] http::Error),
    /// etcd's answer that is not the expected one.
    #[error("etcd answered: {0}")]
    Etcd(String),
    /// The API server's refusal of what should be taken.
    #[error("the API server refuses: {0}")]
    Refused(String),
    /// Something without what was looked for.
    #[error("there is no {0}")]
    Missing(&'static str),
}

impl From<kube::Error> for Error {
    fn from(error: kube::Error) -> Self {
        Self::Api(Box::new(error))
    }
}

impl Error {
    /// A failure of the file system or of starting a program.
    pub(crate) fn system(what: impl Into<String>) -> impl FnOnce(std::io::Error) -> Self {
        let what = what.into();
        move |source| Self::System { what, source }
    }

    /// As [`Self::system`], at a path.
    pub(crate) fn at(path: impl Into<PathBuf>) -> impl FnOnce(std::io::Error) -> Self {
        Self::system(path.into().display().to_string())
    }
}
