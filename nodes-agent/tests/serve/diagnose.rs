//! The command `diagnose`, as operators run it.

use std::collections::BTreeMap;
use std::fs;
use std::io::Read as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Command, Output};

use flate2::read::GzDecoder;

use super::start;

fn run(config: &Path, words: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_portcullis-agent"));
    command.args(["diagnose", "--config"]).arg(config).args(words);
    command.env("PORTCULLIS_KILL_MARK", "0x00400000").env("SOME_SECRET", "env-s3cret");
    command.output().unwrap()
}

/// The files of an archive.
fn files(archive: &[u8]) -> BTreeMap<String, String> {
    let mut files = tar::Archive::new(GzDecoder::new(archive));
    let read = |entry: std::io::Result<tar::Entry<'_, _>>| {
        let (mut entry, mut text) = (entry.unwrap(), String::new());
        entry.read_to_string(&mut text).unwrap();
        let name = entry.path().unwrap().display().to_string();
        (name.strip_prefix("portcullis-diagnose/").unwrap().to_owned(), text)
    };
    files.entries().unwrap().map(read).collect()
}

#[test]
fn an_archive_says_what_is_the_matter_and_has_no_secrets() {
    let folder = std::env::temp_dir().join(format!("portcullis-diagnose-{}", std::process::id()));
    fs::create_dir_all(&folder).unwrap();
    let (token, config) = (folder.join("scrape-token"), folder.join("config.yaml"));
    fs::write(&token, "s3cret-of-the-scraper\n").unwrap();
    let (address, status) = start(|endpoint| endpoint.token = Some(token.clone()));
    status.not_ready("a tool said s3cret-of-the-scraper");
    let text = format!(
        "listen: {address}\nmetrics-token-file: {}\nkubeconfig: /home/me/.kube/config\n\
         flow-log: denied\n",
        token.display()
    );
    fs::write(&config, text).unwrap();
    let output = run(&config, &[]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let all = files(&output.stdout);
    for file in ["README.txt", "versions.txt", "check.txt", "errors.txt", "kernel/sizes.txt"] {
        assert!(all.contains_key(file), "{file}: {:?}", all.keys());
    }
    assert!(all["status.json"].contains("\"a tool said (hidden)\""), "{}", all["status.json"]);
    assert!(all["metrics.txt"].contains("portcullis_ready 0"));
    let options = &all["options.txt"];
    assert!(options.contains("\nmetrics-token-file: (a file)\n"), "{options}");
    assert!(options.contains("\nflow-log: denied\n"), "{options}");
    assert!(options.contains("\nkill-mark: (set in the environment)\n"), "{options}");
    for (name, text) in &all {
        for secret in ["s3cret", "scrape-token", "/home/me", "0x00400000"] {
            assert!(!text.contains(secret), "{name}: {text}");
        }
        // What is in it is said, or it is said that it could not be had.
        let known = all["README.txt"].lines().any(|line| {
            let pattern = line.split_whitespace().next().unwrap_or_default();
            let (start, end) = pattern.split_once('*').unwrap_or((pattern, ""));
            name.starts_with(start) && name.ends_with(end) && !pattern.is_empty()
        });
        assert!(known || name == "README.txt", "{name} is not in README.txt");
    }

    let file = folder.join("node.tar.gz");
    let said = run(&config, &["--output", file.to_str().unwrap()]);
    assert!(String::from_utf8_lossy(&said.stderr).starts_with("archive of "));
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(files(&fs::read(&file).unwrap()).len(), all.len());
    fs::remove_dir_all(folder).unwrap();
}

#[test]
fn what_cannot_be_had_is_named_with_the_reason() {
    let folder = std::env::temp_dir().join(format!("portcullis-undone-{}", std::process::id()));
    fs::create_dir_all(&folder).unwrap();
    let config = folder.join("config.yaml");
    let port = start(|_| {}).0.port();
    fs::write(&config, format!("listen: 127.0.0.4:{port}\n")).unwrap();
    let output = run(&config, &[]);
    assert!(output.status.success());
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.contains("parts that could not be had: status.json, metrics.txt"), "{said}");
    let errors = &files(&output.stdout)["errors.txt"];
    assert!(errors.contains("status.json: no agent answers at 127.0.0.4:"), "{errors}");
    fs::remove_dir_all(folder).unwrap();
}

/// Where nothing can be written, nothing is gathered: what is asked would take its time.
#[test]
fn a_wrong_path_fails_at_once() {
    let folder = std::env::temp_dir().join(format!("portcullis-wrong-{}", std::process::id()));
    fs::create_dir_all(&folder).unwrap();
    let config = folder.join("config.yaml");
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    fs::write(&config, format!("listen: {}\n", silent.local_addr().unwrap())).unwrap();
    silent.set_nonblocking(true).unwrap();
    let output = run(&config, &["--output", "/nowhere/at/all.tar.gz"]);
    assert!(!output.status.success());
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.contains("`/nowhere/at/all.tar.gz`: No such file"), "{said}");
    assert!(silent.accept().is_err(), "nobody was asked");
    fs::remove_dir_all(&folder).unwrap();
}
