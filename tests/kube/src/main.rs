//! `portcullis-kube record [FOLDER]` asks an API server about every case and writes what it said
//! to the fixtures;
//! `portcullis-kube record-calico DEFINITIONS` asks one that has Calico's CustomResourceDefinitions,
//! those of a folder, again about every manifest of their fixture;
//! `portcullis-kube serve` starts one and prints where it is, until its input ends.
#![cfg_attr(
    test,
    allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "test code")
)]

mod cases;
mod record;

use std::io::{Read as _, Write as _, stdin, stdout};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use portcullis_kube::{Cluster, Programs};
use portcullis_tests::cases::root;
use serde::Serialize;

type Outcome<T> = Result<T, Box<dyn std::error::Error>>;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Outcome<ExitCode> {
    let Some(programs) = Programs::find() else {
        writeln!(stdout(), "No API server is built here; run: scripts/build-kube.sh")?;
        return Ok(ExitCode::from(2));
    };
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["record"] => record(&programs, root().join("tests/fixtures")).await?,
        ["record", folder] => record(&programs, PathBuf::from(folder)).await?,
        ["record-calico", definitions] => record_calico(&programs, Path::new(definitions)).await?,
        ["serve"] => serve(&programs).await?,
        _ => {
            writeln!(
                stdout(),
                "usage: portcullis-kube record [FOLDER] | record-calico DEFINITIONS | serve"
            )?;
            return Ok(ExitCode::from(2));
        }
    }
    Ok(ExitCode::SUCCESS)
}

async fn record(programs: &Programs, folder: PathBuf) -> Outcome<()> {
    let cluster = Cluster::start(programs, &[]).await?;
    let observations = record::record(&cluster.admin()?, &cases::all()).await?;
    write(&observations, &folder.join("apiserver.json"))?;
    let observations = record::record_cluster(&cluster, &cases::cluster::all()).await?;
    write(&observations, &folder.join("clusternetworkpolicy.json"))?;
    let observations = record::record_objects(&cluster.admin()?, &cases::objects::all()).await?;
    write(&observations, &folder.join("objects.json"))
}

async fn record_calico(programs: &Programs, definitions: &Path) -> Outcome<()> {
    let file = root().join("tests/fixtures/calico.json");
    let before = serde_json::from_str(&std::fs::read_to_string(&file)?)?;
    let cluster = Cluster::start(programs, &[]).await?;
    write(&record::record_calico(&cluster, definitions, before).await?, &file)
}

fn write<T: Serialize>(observations: &[T], file: &Path) -> Outcome<()> {
    std::fs::write(file, record::text(observations)?)?;
    writeln!(stdout(), "{} observations in {}", observations.len(), file.display())?;
    Ok(())
}

async fn serve(programs: &Programs) -> Outcome<()> {
    let cluster = Cluster::start(programs, &[]).await?;
    writeln!(stdout(), "{}", cluster.url())?;
    writeln!(stdout(), "export KUBECONFIG={}", cluster.admin_kubeconfig()?.display())?;
    stdin().read_to_end(&mut Vec::new())?;
    Ok(())
}
