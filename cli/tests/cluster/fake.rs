//! A server that answers what a test wants.

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};
use tempfile::TempDir;

/// A status, headers and a body.
pub struct Answer {
    pub status: u16,
    pub headers: Vec<(&'static str, String)>,
    pub body: Value,
}

impl Answer {
    pub fn ok(body: Value) -> Self {
        Self { status: 200, headers: Vec::new(), body }
    }

    pub fn refusal(status: u16, message: &str) -> Self {
        let body = json!({"kind": "Status", "code": status, "message": message});
        Self { status, headers: Vec::new(), body }
    }
}

/// What is answered to a path that is asked for the n-th time, counted from zero; nothing where the
/// connection breaks.
type Script = dyn Fn(&str, usize) -> Option<Answer> + Send + Sync;

/// The server, until the test ends.
pub struct Fake {
    pub kubeconfig: PathBuf,
    /// How often each path was asked for.
    pub asked: Arc<Mutex<BTreeMap<String, usize>>>,
    _folder: TempDir,
}

impl Fake {
    pub fn start(script: impl Fn(&str, usize) -> Option<Answer> + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let folder = tempfile::tempdir().unwrap();
        let kubeconfig = folder.path().join("kubeconfig");
        let url = format!("http://{}", listener.local_addr().unwrap());
        let text = format!(
            "apiVersion: v1\nkind: Config\ncurrent-context: fake\n\
             clusters: [{{name: fake, cluster: {{server: '{url}'}}}}]\n\
             users: [{{name: fake, user: {{}}}}]\n\
             contexts: [{{name: fake, context: {{cluster: fake, user: fake, namespace: shop}}}}]\n"
        );
        fs::write(&kubeconfig, text).unwrap();
        let asked = Arc::<Mutex<BTreeMap<String, usize>>>::default();
        let (known, script) =
            (Arc::clone(&asked), Arc::<Script>::from(Box::new(script) as Box<Script>));
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (known, script) = (Arc::clone(&known), Arc::clone(&script));
                std::thread::spawn(move || serve(&stream, &known, &*script));
            }
        });
        Self { kubeconfig, asked, _folder: folder }
    }

    pub fn count(&self, path: &str) -> usize {
        self.asked.lock().unwrap().get(path).copied().unwrap_or(0)
    }
}

fn serve(stream: &TcpStream, asked: &Mutex<BTreeMap<String, usize>>, script: &Script) {
    let mut lines = BufReader::new(stream).lines();
    while let Some(Ok(request)) = lines.next() {
        let path = request.split(' ').nth(1).unwrap_or_default().to_owned();
        while lines.next().is_some_and(|line| line.is_ok_and(|line| !line.is_empty())) {}
        let at = {
            let mut asked = asked.lock().unwrap();
            let count = asked.entry(path.clone()).or_default();
            *count += 1;
            *count - 1
        };
        let Some(Answer { status, headers, body }) = script(&path, at) else { return };
        let body = match body {
            Value::String(text) => text,
            body => body.to_string(),
        };
        let mut head = format!("HTTP/1.1 {status} X\r\nContent-Length: {}\r\n", body.len());
        head.extend(headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")));
        if { stream }.write_all(format!("{head}\r\n{body}").as_bytes()).is_err() {
            return;
        }
    }
}

/// What a server says of its API that has pods, namespaces, NetworkPolicies and Cilium's.
pub fn discovery(path: &str) -> Option<Answer> {
    let resource = |kind: &str, plural: &str, scope: &str| {
        json!({"resource": plural, "responseKind": {"kind": kind}, "scope": scope,
            "verbs": ["list"]})
    };
    let group = |name: &str, version: &str, resources: Value| {
        json!({"metadata": {"name": name}, "versions": [
            {"version": version, "freshness": "Current", "resources": resources}]})
    };
    let items = match path {
        "/api" => json!([group(
            "",
            "v1",
            json!([
                resource("Pod", "pods", "Namespaced"),
                resource("Namespace", "namespaces", "Cluster")
            ])
        )]),
        "/apis" => json!([
            group(
                "networking.k8s.io",
                "v1",
                json!([resource("NetworkPolicy", "networkpolicies", "Namespaced")])
            ),
            group(
                "cilium.io",
                "v2",
                json!([resource("CiliumNetworkPolicy", "ciliumnetworkpolicies", "Namespaced")])
            ),
        ]),
        _ => return None,
    };
    Some(Answer::ok(json!({"kind": "APIGroupDiscoveryList", "items": items})))
}

/// A list of some items.
pub fn list(items: &[Value], next: &str) -> Answer {
    Answer::ok(json!({"kind": "List", "metadata": {"resourceVersion": "7", "continue": next},
        "items": items}))
}

/// What a stream says, line by line.
pub fn stream(lines: &[Value]) -> Answer {
    let lines: String = lines.iter().map(|line| format!("{line}\n")).collect();
    Answer::ok(Value::String(lines))
}

pub fn pod(name: &str, address: &str) -> Value {
    json!({"metadata": {"name": name, "namespace": "shop", "labels": {"app": name}},
        "spec": {"nodeName": "n1", "containers": [{"name": "main", "image": "x"}]},
        "status": {"phase": "Running", "podIP": address, "podIPs": [{"ip": address}]}})
}
