//! Answers that go on and on, line by line.

use std::time::Duration;

use http_body_util::BodyExt as _;
use kube::client::Body;
use tokio::time::timeout;

use super::server::Failure;

/// The longest line: an object has 1.5 MB at most in etcd.
const MOST_BYTES: usize = 64 << 20;

/// An answer of the server that is still coming.
pub(super) struct Lines {
    body: Body,
    /// What has come of the next line.
    begun: Vec<u8>,
}

impl Lines {
    pub(super) fn new(body: Body) -> Self {
        Self { body, begun: Vec::new() }
    }

    /// The next whole lines, one or several; none where the answer ends.
    ///
    /// # Errors
    /// If the answer breaks off, or no whole line of it comes for so long.
    pub(super) async fn next(&mut self, silence: Duration) -> Result<Option<Vec<u8>>, Failure> {
        match timeout(silence, self.lines()).await {
            Ok(lines) => lines,
            Err(_) => broken("the API server is silent"),
        }
    }

    async fn lines(&mut self) -> Result<Option<Vec<u8>>, Failure> {
        loop {
            let frame = match self.body.frame().await {
                Some(Ok(frame)) => frame,
                Some(Err(error)) => return broken(&format!("the watch broke off: {error}")),
                None => return Ok(None),
            };
            self.begun.extend_from_slice(frame.data_ref().map_or(&[][..], |data| data));
            if let Some(end) = self.begun.iter().rposition(|byte| *byte == b'\n') {
                let rest = self.begun.split_off(end + 1);
                return Ok(Some(std::mem::replace(&mut self.begun, rest)));
            }
            if self.begun.len() > MOST_BYTES {
                return broken("a line of the watch has no end");
            }
        }
    }
}

fn broken<T>(why: &str) -> Result<T, Failure> {
    Err(Failure::Broken(why.to_owned()))
}
