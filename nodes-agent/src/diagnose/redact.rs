//! Taking secrets out of texts. None should be in them; this is for what nobody has thought of.

use std::path::Path;

use crate::options::Effective;

/// What stands in their place.
const HIDDEN: &str = "(hidden)";

/// The token of a pod's account.
const ACCOUNT: &str = "/var/run/secrets/kubernetes.io/serviceaccount/token";

/// The longest file that is looked for in texts, and the shortest.
const LENGTHS: std::ops::RangeInclusive<usize> = 4..=16_384;

/// What is taken out.
#[derive(Debug, Default)]
pub struct Redactor {
    secrets: Vec<String>,
}

impl Redactor {
    /// The names of the files that options name and that hold secrets, and what is in them.
    pub fn of(options: &[Effective]) -> Self {
        let files = options.iter().filter_map(Effective::secret_file);
        let mut secrets: Vec<String> = files.map(|file| file.display().to_string()).collect();
        let files: Vec<&Path> = options.iter().filter_map(Effective::secret_file).collect();
        let files = files.into_iter().chain([Path::new(ACCOUNT)]);
        secrets.extend(files.filter_map(content));
        // A longer one may have a shorter one in it.
        secrets.sort_by_key(|secret| std::cmp::Reverse(secret.len()));
        Self { secrets }
    }

    /// A text without them.
    pub fn clean(&self, text: &str) -> String {
        let clean = |text: String, secret: &String| text.replace(secret, HIDDEN);
        self.secrets.iter().fold(text.to_owned(), clean)
    }
}

fn content(file: &Path) -> Option<String> {
    let text = std::fs::read_to_string(file).ok()?;
    let text = text.trim();
    LENGTHS.contains(&text.len()).then(|| text.to_owned())
}
