//! etcd, and the little that is asked of it directly.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;

use serde_json::{Value, json};

use crate::Error;

/// The arguments of a cluster of one.
pub fn arguments(folder: &Path, port: u16, peers: u16) -> Vec<String> {
    let clients = format!("http://127.0.0.1:{port}");
    let peers = format!("http://127.0.0.1:{peers}");
    vec![
        format!("--data-dir={}/etcd", folder.display()),
        format!("--listen-client-urls={clients}"),
        format!("--advertise-client-urls={clients}"),
        format!("--listen-peer-urls={peers}"),
        format!("--initial-advertise-peer-urls={peers}"),
        format!("--initial-cluster=default={peers}"),
        // What a test writes need not survive a loss of power.
        "--unsafe-no-fsync".into(),
    ]
}

/// Forgets every revision before the newest.
pub fn compact(port: u16) -> Result<(), Error> {
    // A read of any key tells the newest revision.
    let answer = post(port, "/v3/kv/range", &json!({"key": "AA=="}))?;
    let revision = answer.pointer("/header/revision").and_then(Value::as_str);
    let revision = revision.ok_or_else(|| Error::Etcd(answer.to_string()))?;
    post(port, "/v3/kv/compaction", &json!({"revision": revision, "physical": true}))?;
    Ok(())
}

/// One request to etcd's JSON gateway. It is plain HTTP on loopback and asked for an answer in one
/// piece, which is less than a client library.
fn post(port: u16, path: &str, body: &Value) -> Result<Value, Error> {
    let body = body.to_string();
    let request = format!(
        "POST {path} HTTP/1.0\r\nHost: 127.0.0.1\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    let mut answer = String::new();
    let mut exchange = || {
        let mut stream = TcpStream::connect(("127.0.0.1", port))?;
        stream.write_all(request.as_bytes())?;
        stream.read_to_string(&mut answer)
    };
    exchange().map_err(Error::system("etcd"))?;
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or_default();
    let ok = head.split_whitespace().nth(1) == Some("200");
    let value = serde_json::from_str(body).ok().filter(|_| ok);
    value.ok_or_else(|| Error::Etcd(answer.clone()))
}
