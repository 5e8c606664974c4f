//! Kubeconfigs, credentials, and what may be said of both: nothing that is secret.

use kube::client::AuthError;
use kube::config::{KubeConfigOptions, Kubeconfig, KubeconfigError};
use kube::{Client, Config};
use serde_json::Value;

use crate::args::ClusterArgs;

/// How the server of the context is reached: by the files of `--kubeconfig` or KUBECONFIG, else
/// `~/.kube/config`, else as a pod.
pub(super) async fn config(args: &ClusterArgs) -> Result<Config, String> {
    let options =
        KubeConfigOptions { context: args.context.clone(), ..KubeConfigOptions::default() };
    let file = match &args.kubeconfig {
        Some(path) => Kubeconfig::read_from(path).map_err(|error| unreadable(&error))?,
        None => match Kubeconfig::read() {
            Ok(file) => file,
            Err(error) => {
                if let (None, Ok(config)) = (&args.context, Config::incluster()) {
                    return Ok(config);
                }
                return Err(format!(
                    "{}: set KUBECONFIG or pass --kubeconfig FILE",
                    unreadable(&error)
                ));
            }
        },
    };
    let known: Vec<String> = file.contexts.iter().map(|context| context.name.clone()).collect();
    if let Some(context) = args.context.as_ref().filter(|context| !known.contains(context)) {
        return Err(match known.as_slice() {
            [] => format!("the kubeconfig has no context, and so none called `{context}`"),
            known => {
                format!("the kubeconfig has no context `{context}`; it has {}", known.join(", "))
            }
        });
    }
    if args.context.is_none() && file.current_context.as_deref().unwrap_or_default().is_empty() {
        return Err(match known.as_slice() {
            [] => "the kubeconfig has no context".into(),
            known => format!(
                "the kubeconfig names no current context: choose one with --context: {}",
                known.join(", ")
            ),
        });
    }
    check_user(&file, &options)?;
    let config = Config::from_custom_kubeconfig(file, &options).await;
    config.map_err(|error| format!("cannot use the kubeconfig: {}", chain(&error)))
}

/// Why a kubeconfig is not read.
fn unreadable(error: &KubeconfigError) -> String {
    match error {
        KubeconfigError::ReadConfig(why, path) => {
            let why = match why.kind() {
                std::io::ErrorKind::NotFound => "no such file".to_owned(),
                std::io::ErrorKind::PermissionDenied => "permission denied".to_owned(),
                _ => why.to_string(),
            };
            format!("cannot read the kubeconfig {}: {why}", path.display())
        }
        error => format!("cannot read the kubeconfig: {}", cause(error)),
    }
}

/// That the user of the context is there: without one a server would be asked as nobody.
fn check_user(file: &Kubeconfig, options: &KubeConfigOptions) -> Result<(), String> {
    let current = options.context.as_ref().or(file.current_context.as_ref());
    let context = file.contexts.iter().find(|one| Some(&one.name) == current);
    let user = context.and_then(|one| one.context.as_ref()?.user.as_ref());
    match user {
        Some(user) if !file.auth_infos.iter().any(|one| one.name == *user) => {
            Err(format!("the kubeconfig has no user `{user}`, whom its context names"))
        }
        _ => Ok(()),
    }
}

/// A token in a file may end with a line break, which is not part of it.
pub(super) fn trim_token_file(config: &mut Config) {
    let auth = &mut config.auth_info;
    let Some(path) = auth.token_file.as_ref().filter(|_| auth.token.is_none()) else { return };
    // What cannot be read is said by whoever reads it next.
    let Ok(text) = std::fs::read_to_string(path) else { return };
    if text.trim_end() != text {
        auth.token = Some(text.trim_end().to_owned().into());
        auth.token_file = None;
    }
}

/// The program that gives credentials, if there is one.
pub(super) fn program(config: &Config) -> Option<String> {
    config.auth_info.exec.as_ref()?.command.clone()
}

/// The client of a configuration.
///
/// # Errors
/// If the credentials are of no use.
pub(super) fn client(config: Config) -> Result<Client, String> {
    // A token that no header can have would end the program. What is secret shows itself only when
    // it is written.
    let auth = serde_json::to_value(&config.auth_info).unwrap_or_default();
    let token = auth.get("token").and_then(Value::as_str).unwrap_or_default();
    if http::HeaderValue::from_str(token).is_err() {
        return Err("cannot use the kubeconfig: its token has a line break or another character \
                    that no header can have"
            .into());
    }
    let program = program(&config);
    Client::try_from(config).map_err(|error| {
        of_credentials(&error, program.as_deref())
            .unwrap_or_else(|| format!("cannot use the kubeconfig: {}", chain(&error)))
    })
}

/// What is wrong with credentials, without what a program was given or has printed: secrets.
pub(super) fn of_credentials(
    error: &(dyn std::error::Error + 'static),
    program: Option<&str>,
) -> Option<String> {
    let program = program.map_or_else(String::new, |name| format!(" `{name}`"));
    let mut causes = std::iter::successors(Some(error), |error| error.source());
    let auth = causes.find_map(|cause| cause.downcast_ref::<AuthError>())?;
    Some(match auth {
        AuthError::AuthExecStart(why) => {
            format!("the credential program{program} cannot be run: {}", cause(why))
        }
        AuthError::AuthExecRun { out, .. } => {
            // What it says of itself is for people; what it prints, and what it is given, is not.
            let said = String::from_utf8_lossy(&out.stderr);
            let said = said.trim();
            let said = if said.is_empty() { String::new() } else { format!(": {said}") };
            format!("the credential program{program} failed: {}{said}", out.status)
        }
        AuthError::AuthExecParse(_) | AuthError::ExecPluginFailed => {
            format!("the credential program{program} printed no credentials")
        }
        AuthError::InvalidBearerToken(_) | AuthError::InvalidBasicAuth(_) => {
            "the credentials of the kubeconfig have a character that no header can have".into()
        }
        other => {
            let text = without_passwords(&chain(other));
            match text.contains("oauth") || text.contains("oidc") {
                true => {
                    "the kubeconfig has an `auth-provider`, which kubectl does not take any more \
                         either: use a credential program (`exec`)"
                        .into()
                }
                false => format!("cannot use the credentials of the kubeconfig: {text}"),
            }
        }
    })
}

/// A text with URLs without the users and passwords in them.
pub(super) fn without_passwords(text: &str) -> String {
    let mut parts = text.split("://");
    let mut out = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let host =
            part.find(|letter: char| matches!(letter, '/' | '?' | '#') || letter.is_whitespace());
        let (host, rest) = part.split_at(host.unwrap_or(part.len()));
        out.push_str("://");
        out.push_str(host.rsplit_once('@').map_or(host, |(_, host)| host));
        out.push_str(rest);
    }
    out
}

/// The last cause of an error, in a line and without the operating system's number.
pub(super) fn cause(error: &dyn std::error::Error) -> String {
    let mut causes = std::iter::successors(Some(error), |error| error.source());
    let text = causes.by_ref().last().map_or_else(String::new, ToString::to_string);
    let line = text.lines().next().unwrap_or_default();
    line.split(" (os error").next().unwrap_or(line).to_owned()
}

/// An error with its causes, which a client's own text leaves out.
fn chain(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(Some(error), |error| error.source());
    let mut texts: Vec<String> = Vec::new();
    for text in causes.map(ToString::to_string) {
        // Some say their causes themselves.
        if !texts.iter().any(|known| known.contains(&text)) {
            texts.push(text);
        }
    }
    without_passwords(&texts.join(": "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_are_shown_without_passwords() {
        let shown = without_passwords("no http://u:p@a.b:1/x?y@z, nor ftp://u:p%40@c");
        assert_eq!(shown, "no http://a.b:1/x?y@z, nor ftp://c");
    }
}
