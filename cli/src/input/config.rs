//! `portcullis.yaml`: what of a folder is not meant.

use std::path::{Path, PathBuf};

use globset::{GlobBuilder, GlobSet, GlobSetBuilder};
use portcullis_engine::diagnostic::{Code, NotIgnored};
use serde::Deserialize;

use super::{InputError, walk};

/// The file that is read if none is named.
const NAME: &str = "portcullis.yaml";

/// What the configuration says.
#[derive(Debug, Default)]
pub(super) struct Config {
    path: Option<PathBuf>,
    /// Patterns of names, and of paths from the configuration's folder.
    names: GlobSet,
    paths: GlobSet,
    /// Findings that are not told.
    pub codes: Vec<Code>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Text {
    #[serde(default)]
    ignore: Ignore,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Ignore {
    #[serde(default)]
    paths: Vec<String>,
    #[serde(default)]
    codes: Vec<String>,
}

impl Config {
    /// The configuration that is named, or the one of the working folder if there is one.
    ///
    /// # Errors
    /// If it cannot be read, has an unknown key, a pattern that is none or a code that is none.
    pub(super) fn find(named: Option<&Path>) -> Result<Self, InputError> {
        let path = match named {
            Some(path) => path.to_owned(),
            None if Path::new(NAME).is_file() => PathBuf::from(NAME),
            None => return Ok(Self::default()),
        };
        let unreadable = |error| InputError::Unreadable { path: path.clone(), error };
        let text = std::fs::read_to_string(&path).map_err(unreadable)?;
        // An empty file is a mapping without keys.
        let text: Option<Text> = serde_yaml::from_str(&text).map_err(|error| {
            // The library names the type that it reads into.
            let reason = error.to_string().replace("struct Text", "a mapping with `ignore`");
            let reason = reason.replace("struct Ignore", "a mapping of `paths` and `codes`");
            InputError::Config { path: path.clone(), reason }
        })?;
        Self::new(&path, &text.unwrap_or_default())
            .map_err(|reason| InputError::Config { path, reason })
    }

    fn new(path: &Path, text: &Text) -> Result<Self, String> {
        let (paths, names): (Vec<&String>, Vec<&String>) = text
            .ignore
            .paths
            .iter()
            .partition(|pattern| pattern.trim_end_matches('/').contains('/'));
        let codes = text.ignore.codes.iter().map(|code| code_of(code));
        Ok(Self {
            path: Some(walk::short(path)),
            names: globs(&names)?,
            paths: globs(&paths)?,
            codes: codes.collect::<Result<_, _>>()?,
        })
    }

    /// Whether a path is the configuration itself.
    pub(super) fn is(&self, path: &Path) -> bool {
        self.path.as_deref() == Some(path)
    }

    /// Whether a file or a folder with all that is in it is left out.
    pub(super) fn ignores(&self, path: &Path) -> bool {
        let home = self.path.as_deref().and_then(Path::parent).unwrap_or(Path::new(""));
        let inside = path.strip_prefix(home).unwrap_or(path);
        path.file_name().is_some_and(|name| self.names.is_match(name))
            || self.paths.is_match(inside)
    }
}

fn globs(patterns: &[&String]) -> Result<GlobSet, String> {
    let mut globs = GlobSetBuilder::new();
    for pattern in patterns {
        let plain = pattern.trim_start_matches("./").trim_end_matches('/');
        let plain = plain.strip_suffix("/**").unwrap_or(plain);
        let glob = GlobBuilder::new(plain).literal_separator(true).build();
        globs.add(glob.map_err(|error| format!("ignore.paths: {error}"))?);
    }
    globs.build().map_err(|error| format!("ignore.paths: {error}"))
}

/// A code that may be ignored.
fn code_of(text: &str) -> Result<Code, String> {
    Code::to_ignore(text).map_err(|why| match why {
        NotIgnored::Decides(_) => {
            format!("ignore.codes: {why}; leave the file out by ignore.paths")
        }
        NotIgnored::Unknown(_) => format!("ignore.codes: {why}"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(text: &str) -> Result<Config, String> {
        Config::new(Path::new("portcullis.yaml"), &serde_yaml::from_str(text).unwrap())
    }

    #[test]
    fn patterns_with_a_slash_are_paths_and_others_names() {
        let config = config("ignore: {paths: ['*.json', ci/, a/b/**, '**/gen/*.yaml']}").unwrap();
        for path in ["x.json", "deep/x.json", "ci", "deep/ci", "a/b", "gen/x.yaml", "p/gen/x.yaml"]
        {
            assert!(config.ignores(Path::new(path)), "{path}");
        }
        for path in ["x.yaml", "cite", "c/a/b", "gen/deep/x.yaml"] {
            assert!(!config.ignores(Path::new(path)), "{path}");
        }
        assert!(config.is(Path::new("portcullis.yaml")));
    }

    #[test]
    fn codes_that_leave_nothing_out_may_be_ignored() {
        let config = config("ignore: {codes: [L21, wrong-or-missing-namespace, L50]}").unwrap();
        let codes = [Code::DuplicateName, Code::NamespaceWithoutPods, Code::ClusterPolicySchema];
        assert_eq!(config.codes, codes);
    }

    #[test]
    fn what_is_wrong_is_said() {
        let wrong = |text: &str| config(text).unwrap_err();
        assert_eq!(wrong("ignore: {codes: [L99]}"), "ignore.codes: no code `L99`");
        for code in ["R01", "R09", "V05", "L17", "L24", "bad-enum-case"] {
            let said = wrong(&format!("ignore: {{codes: [{code}]}}"));
            assert!(said.contains(" cannot be ignored: only pitfalls can"), "{said}");
        }
        assert!(wrong("ignore: {paths: ['[']}").contains("ignore.paths: "));
    }
}
