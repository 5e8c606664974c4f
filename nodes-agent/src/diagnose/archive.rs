//! Texts in a compressed archive, in memory: a container may have nothing to write to.

use std::time::SystemTime;

use flate2::Compression;
use flate2::write::GzEncoder;
use tar::{Builder, Header};

/// The folder that all files are in.
const FOLDER: &str = "portcullis-diagnose";

/// The longest text of a file; of more, the end is left out.
const LONGEST: usize = 32 << 20;

/// An archive on its way.
pub struct Archive {
    files: Builder<GzEncoder<Vec<u8>>>,
    now: u64,
}

impl Archive {
    /// One with nothing in it.
    ///
    /// # Errors
    /// Only if the clock is wrong.
    pub fn new() -> anyhow::Result<Self> {
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH)?.as_secs();
        let files = Builder::new(GzEncoder::new(Vec::new(), Compression::default()));
        Ok(Self { files, now })
    }

    /// Adds a file.
    ///
    /// # Errors
    /// If its name is too long.
    pub fn add(&mut self, name: &str, text: &str) -> std::io::Result<()> {
        let bytes = text.as_bytes().get(..LONGEST).unwrap_or(text.as_bytes());
        let mut header = Header::new_gnu();
        header.set_size(u64::try_from(bytes.len()).unwrap_or_default());
        header.set_mode(0o600);
        header.set_mtime(self.now);
        self.files.append_data(&mut header, format!("{FOLDER}/{name}"), bytes)
    }

    /// Its bytes.
    ///
    /// # Errors
    /// None that are known.
    pub fn finish(self) -> std::io::Result<Vec<u8>> {
        self.files.into_inner()?.finish()
    }
}
