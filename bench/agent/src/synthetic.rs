//! A cluster that exists only as what its API server would say: the agent's memory and time where
//! there are more pods than a test can create.

use std::io::{self, BufRead as _, BufReader, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context as _, Result};
use portcullis_packets::host::Host;
use serde_json::{Value, json};

use crate::agent::Program;
use crate::figures::{progress, say};
use crate::objects::{self, Manifest, with};

/// The node that the agent is for, and how many of the pods are on it.
const NODE: &str = "node";
const LOCAL: usize = 110;

const POLICIES: usize = 10_000;

/// Measures the agent with so many pods.
pub fn measure(program: &Program, pods: usize) -> Result<()> {
    progress(&format!("an API server of {pods} synthetic pods"));
    let host = Host::new(NODE, &["192.168.0.1".parse()?])?;
    let listener = host.namespace.enter(|| Ok(TcpListener::bind("127.0.0.1:0")))??;
    let address = listener.local_addr()?;
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            // Who goes away needs no answer.
            std::thread::spawn(move || answer(stream, pods));
        }
    });
    let kubeconfig = kubeconfig(program, &address.to_string())?;
    let kubeconfig = kubeconfig.display().to_string();
    let agent = program.start(&host, &["--kubeconfig", &kubeconfig, "--backend", "nft"])?;
    agent.ready()?;
    let ready = agent.started.elapsed();
    std::thread::sleep(Duration::from_secs(2));
    let used = agent.used()?;
    agent.stop()?;
    say(&format!(
        "{pods} pods ({LOCAL} of the node), {POLICIES} policies, from a synthetic watch: ready after \
         {:.1} s, peak memory {:.0} MB, {:.1} s of processor time\n",
        ready.as_secs_f64(),
        used.peak_memory,
        used.own.as_secs_f64()
    ));
    Ok(())
}

fn kubeconfig(program: &Program, address: &str) -> Result<PathBuf> {
    let path = program.log.with_file_name("synthetic.kubeconfig");
    let text = format!(
        "apiVersion: v1\nkind: Config\ncurrent-context: test\n\
         clusters:\n- name: test\n  cluster: {{server: 'http://{address}'}}\n\
         users:\n- name: test\n  user: {{}}\n\
         contexts:\n- name: test\n  context: {{cluster: test, user: test}}\n",
    );
    std::fs::write(&path, text).context("a kubeconfig")?;
    Ok(path)
}

/// Answers one request with the beginning of a watch, and then is silent.
fn answer(stream: TcpStream, pods: usize) -> io::Result<()> {
    let mut reader = BufReader::new(stream.try_clone()?);
    let mut first = String::new();
    reader.read_line(&mut first)?;
    let mut line = String::new();
    while reader.read_line(&mut line)? > 2 {
        line.clear();
    }
    let mut out = Chunks(stream);
    out.0.write_all(
        b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n",
    )?;
    let path = first.split_whitespace().nth(1).unwrap_or_default();
    let collection = path.split('?').next().unwrap_or_default();
    match collection {
        "/api/v1/namespaces" => out.all("Namespace", objects::namespaces())?,
        "/api/v1/nodes" => out.all("Node", [objects::node(NODE, "192.168.0.1")].into_iter())?,
        "/api/v1/pods" => out.all("Pod", (0..pods).map(pod))?,
        _ => out.all("NetworkPolicy", (0..POLICIES).map(objects::policy))?,
    }
    // The agent ends the connection.
    while reader.read_line(&mut line)? > 0 {}
    Ok(())
}

fn pod(number: usize) -> Manifest {
    let elsewhere = format!("elsewhere{}", number / LOCAL);
    objects::other_pod(number, if number < LOCAL { NODE } else { &elsewhere })
}

struct Chunks(TcpStream);

impl Chunks {
    /// All objects, then the mark that says that these are all.
    fn all(&mut self, kind: &str, manifests: impl Iterator<Item = Manifest>) -> io::Result<()> {
        let mut text = String::new();
        for (version, manifest) in manifests.enumerate() {
            push(&mut text, "ADDED", padded(manifest.stored(), version));
            if text.len() > 60_000 {
                self.chunk(&text)?;
                text.clear();
            }
        }
        let meta = json!({"resourceVersion": "1000000",
            "annotations": {"k8s.io/initial-events-end": "true"}});
        push(&mut text, "BOOKMARK", json!({"kind": kind, "metadata": meta}));
        self.chunk(&text)
    }

    fn chunk(&mut self, text: &str) -> io::Result<()> {
        write!(self.0, "{:x}\r\n{text}\r\n", text.len())?;
        self.0.flush()
    }
}

fn push(text: &mut String, kind: &str, object: Value) {
    text.push_str(&json!({"type": kind, "object": object}).to_string());
    text.push('\n');
}

/// An object as servers send it: with what they, kubelets and controllers add, which is most of it.
fn padded(object: Value, version: usize) -> Value {
    let fields = json!([{
        "manager": "kube-controller-manager", "operation": "Update", "apiVersion": "v1",
        "fieldsType": "FieldsV1", "time": "2026-01-01T00:00:00Z",
        "fieldsV1": {"f:metadata": {"f:labels": {".": {}, "f:app": {}, "f:tier": {}}},
            "f:spec": {"f:containers": {"k:{\"name\":\"main\"}": {".": {}, "f:image": {}}}}},
    }]);
    let meta = object.get("metadata").cloned().unwrap_or_default();
    let meta = with(
        meta,
        [
            ("uid", json!(format!("00000000-0000-4000-8000-{version:012}"))),
            ("resourceVersion", json!(version.to_string())),
            ("creationTimestamp", json!("2026-01-01T00:00:00Z")),
            ("managedFields", fields),
        ],
    );
    with(object, [("metadata", meta)])
}
