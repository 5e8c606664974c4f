//! The token that the agent shows the API server, as a file has it now.
//!
//! The client's own reading goes by the clock of the wall: where that jumps back, a token that has
//! expired long ago is shown until it is that time again. Requests are few, so the file is read for
//! each of them.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::Context as _;
use http::header::AUTHORIZATION;
use http::{HeaderValue, Request};

/// The file of a token.
#[derive(Clone, Debug)]
pub struct TokenFile {
    path: PathBuf,
    /// What it said last.
    known: Arc<Mutex<HeaderValue>>,
}

impl TokenFile {
    /// One that can be read.
    ///
    /// # Errors
    /// If it cannot, or holds no token.
    pub fn read(path: PathBuf) -> anyhow::Result<Self> {
        let known = header(&path).with_context(|| format!("`{}`", path.display()))?;
        Ok(Self { path, known: Arc::new(Mutex::new(known)) })
    }

    /// Shows the token in a request. If the file cannot be read any more, what it said last: it may
    /// just be replaced.
    pub fn authorize<B>(&self, mut request: Request<B>) -> Request<B> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        match header(&self.path) {
            Ok(now) => *known = now,
            Err(error) => tracing::debug!(%error, "could not read the token of the API server"),
        }
        request.headers_mut().insert(AUTHORIZATION, known.clone());
        request
    }
}

fn header(path: &Path) -> anyhow::Result<HeaderValue> {
    let token = std::fs::read_to_string(path)?;
    let token = token.trim();
    anyhow::ensure!(!token.is_empty(), "the file is empty");
    let mut header = HeaderValue::try_from(format!("Bearer {token}"))?;
    header.set_sensitive(true);
    Ok(header)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_shown_as_the_file_has_it_now() {
        let path = std::env::temp_dir().join(format!("portcullis-token-{}", std::process::id()));
        let write = |text: &str| std::fs::write(&path, text).unwrap();
        write("old\n");
        let token = TokenFile::read(path.clone()).unwrap();
        let shown = || {
            let request = token.authorize(Request::new(()));
            request.headers()[AUTHORIZATION].to_str().unwrap().to_owned()
        };
        assert_eq!(shown(), "Bearer old");
        write("new\n");
        assert_eq!(shown(), "Bearer new", "at once, whatever time it is");
        write("");
        assert_eq!(shown(), "Bearer new", "it is being replaced");
        std::fs::remove_file(&path).unwrap();
        assert_eq!(shown(), "Bearer new");
        assert!(TokenFile::read(path).is_err());
    }
}
