//! Options of `diagnose`, and what the options of an agent come to.

use std::path::{Path, PathBuf};

use clap::parser::ValueSource;
use clap::{Args, CommandFactory as _};

use super::{Options, Serving, file};

/// Options of `diagnose`.
#[derive(Clone, Debug, Args)]
#[command(after_help = "On a pod: kubectl -n portcullis exec POD -- portcullis-agent diagnose > \
                        node.tar.gz")]
pub struct DiagnoseOptions {
    /// Where the archive is written; `-` is the standard output.
    #[arg(long, value_name = "FILE", default_value = "-")]
    pub output: PathBuf,
    /// The agent's file of options.
    #[arg(long, env = "PORTCULLIS_CONFIG", value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// What the names of the agent's chains and sets begin with.
    #[arg(long, env = "PORTCULLIS_PREFIX", default_value = "PCL")]
    pub prefix: String,
    /// Where the agent is asked.
    #[command(flatten)]
    pub serving: Serving,
}

/// Options that name files with secrets, or with what leads to them.
const SECRET: [&str; 4] =
    ["kubeconfig", "metrics-tls-cert", "metrics-tls-key", "metrics-token-file"];

/// What an option of an agent comes to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Effective {
    /// Its name.
    pub name: String,
    value: String,
    origin: Origin,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Origin {
    Default,
    Environment,
    File,
}

impl Effective {
    /// Its value, for others to read: none of the environment's, no files with secrets.
    pub fn shown(&self) -> String {
        match (self.origin, self.secret_file()) {
            (Origin::Environment, _) => "(set in the environment)".to_owned(),
            (_, Some(_)) => "(a file)".to_owned(),
            (Origin::Default, _) => format!("{} (default)", self.value),
            (Origin::File, _) => self.value.clone(),
        }
    }

    /// The file with a secret that it names.
    pub fn secret_file(&self) -> Option<&Path> {
        SECRET.contains(&&*self.name).then(|| Path::new(&self.value))
    }
}

impl Options {
    /// What the options of an agent come to that is started with a file and this environment.
    ///
    /// # Errors
    /// As [`Self::read`].
    pub fn effective(path: Option<&Path>) -> anyhow::Result<Vec<Effective>> {
        let words = vec!["portcullis-agent".into()];
        let command = Self::command();
        let given = command.clone().try_get_matches_from(&words)?;
        let all = match path {
            Some(path) => file::with_words_of(path, &command, &given, &words)?,
            None => words,
        };
        let matches = command.clone().try_get_matches_from(all)?;
        let effective = |option: &clap::Arg| {
            let (name, id) = (option.get_long()?, option.get_id().as_str());
            let values = matches.try_get_raw(id).ok().flatten()?;
            let values: Vec<String> =
                values.map(|value| value.to_string_lossy().into_owned()).collect();
            let origin = match matches.value_source(id)? {
                ValueSource::DefaultValue => Origin::Default,
                ValueSource::EnvVariable => Origin::Environment,
                _ => Origin::File,
            };
            Some(Effective { name: name.to_owned(), value: values.join(","), origin })
        };
        Ok(command.get_arguments().filter_map(effective).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_options_come_to_has_no_secrets() {
        let path = std::env::temp_dir().join(format!("portcullis-options-{}", std::process::id()));
        let text = "metrics-token-file: /secret/token\nflow-log: denied\nevents: true\n\
                    local-pod-cidrs: [10.0.0.0/24, 10.1.0.0/24]\n";
        std::fs::write(&path, text).unwrap();
        let all = Options::effective(Some(&path)).unwrap();
        std::fs::remove_file(path).unwrap();
        let shown = |name: &str| all.iter().find(|one| one.name == name).map(Effective::shown);
        assert_eq!(shown("metrics-token-file").as_deref(), Some("(a file)"));
        assert_eq!(shown("flow-log").as_deref(), Some("denied"));
        assert_eq!(shown("events").as_deref(), Some("true"));
        assert_eq!(shown("local-pod-cidrs").as_deref(), Some("10.0.0.0/24,10.1.0.0/24"));
        assert_eq!(shown("prefix").as_deref(), Some("PCL (default)"));
        assert_eq!(shown("kubeconfig"), None);
        let token = all.iter().find_map(Effective::secret_file);
        assert_eq!(token, Some(Path::new("/secret/token")));
        let value = "s3cret".to_owned();
        let set = Effective { name: "node".into(), value, origin: Origin::Environment };
        assert_eq!(set.shown(), "(set in the environment)");
    }

    /// An option that is added with such a name must be among them.
    #[test]
    fn every_option_that_may_name_a_secret_is_known() {
        let command = Options::command();
        let names: Vec<&str> = command.get_arguments().filter_map(clap::Arg::get_long).collect();
        let words = ["token", "key", "cert", "secret", "password", "kubeconfig"];
        let suspicious = names.iter().filter(|name| words.iter().any(|word| name.contains(word)));
        let unknown: Vec<_> = suspicious.filter(|name| !SECRET.contains(*name)).collect();
        assert!(unknown.is_empty(), "{unknown:?}");
        assert!(SECRET.iter().all(|name| names.contains(name)), "{names:?}");
    }
}
