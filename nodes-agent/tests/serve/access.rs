//! Who may read metrics, and how.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use portcullis_agent::observe::{Endpoint, NodeReport, Paths, Status, TlsFiles, serve};
use portcullis_agent::options::{Listen, Serving};
use portcullis_agent::status::Question;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::CertificateDer;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};

use super::{ask, connect, endpoint, get, start, wait};

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(name)
}

/// A file of a test's own.
fn file(name: &str, text: &str) -> PathBuf {
    let path = std::env::temp_dir().join(format!("portcullis-{}-{name}", std::process::id()));
    fs::write(&path, text).unwrap();
    path
}

#[test]
fn metrics_ask_for_the_token() {
    let token = file("token", "s3cret\n");
    let (address, _) = start(|endpoint| endpoint.token = Some(token.clone()));
    let with = |header: &str| ask(connect(address), "/metrics", header);
    let is_refused = |answer: String| {
        answer.starts_with("HTTP/1.1 401 ") && !answer.contains("portcullis_ready")
    };
    assert!(with("Authorization: Bearer s3cret\r\n").contains("\nportcullis_ready 0\n"));
    assert!(with("authorization: bearer s3cret\r\n").starts_with("HTTP/1.1 200 "));
    for wrong in
        ["", "Bearer s3cre", "Bearer s3crets", "Bearer ", "Basic s3cret", "s3cret", "\u{fc}"]
    {
        assert!(is_refused(with(&format!("Authorization: {wrong}\r\n"))), "{wrong}");
    }
    let refused = with("");
    assert!(refused.contains("www-authenticate: Bearer\r\n") && is_refused(refused));
    assert!(get(address, "/healthz").starts_with("HTTP/1.1 200 "), "kubelet has no token");

    fs::write(&token, "next").unwrap();
    assert!(is_refused(with("Authorization: Bearer s3cret\r\n")));
    assert!(with("Authorization: Bearer next\r\n").starts_with("HTTP/1.1 200 "));
    fs::write(&token, "\n").unwrap();
    assert!(is_refused(with("Authorization: Bearer \r\n")), "an empty file is no token");
    fs::remove_file(&token).unwrap();
    assert!(with("Authorization: Bearer next\r\n").starts_with("HTTP/1.1 503 "));
}

#[test]
fn the_status_is_the_nodes_own_and_asks_for_the_same_token() {
    let (address, _) = start(|endpoint| endpoint.paths = Paths::Metrics);
    let answer = get(address, "/status");
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    let (_, body) = answer.split_once("\r\n\r\n").unwrap();
    let report: NodeReport = serde_json::from_str(body).unwrap();
    assert_eq!(report.obstacles, ["nothing has been applied yet"]);
    let token = file("status-token", "s3cret");
    let (address, _) = start(|endpoint| {
        (endpoint.paths, endpoint.token) = (Paths::Health, Some(token.clone()));
    });
    assert!(get(address, "/status").starts_with("HTTP/1.1 401 "));
    let header = "Authorization: Bearer s3cret\r\n";
    assert!(ask(connect(address), "/status", header).starts_with("HTTP/1.1 200 "));
    let serving = Serving {
        listen: Listen::Off,
        health_listen: Some(Listen::At(address)),
        metrics_tls_cert: None,
        metrics_tls_key: None,
        metrics_token_file: Some(token.clone()),
        policy_metrics: 200,
    };
    let question = Question::of(&serving).unwrap();
    let answer = portcullis_agent::status::ask(&question, "/status").unwrap();
    let asked: NodeReport = serde_json::from_slice(&answer).unwrap();
    assert_eq!(asked.obstacles, report.obstacles);
    fs::write(&token, "another").unwrap();
    let question = Question::of(&Serving { metrics_token_file: None, ..serving }).unwrap();
    let refused = portcullis_agent::status::ask(&question, "/status").unwrap_err().to_string();
    assert!(refused.contains("401") && refused.contains("token"), "{refused}");
    fs::remove_file(token).unwrap();
}

fn tls() -> TlsFiles {
    TlsFiles { certificate: fixture("tls.crt"), key: fixture("tls.key") }
}

fn client() -> Arc<ClientConfig> {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(fixture("tls.crt")).unwrap()).unwrap();
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()));
    let config = config.with_safe_default_protocol_versions().unwrap();
    Arc::new(config.with_root_certificates(roots).with_no_client_auth())
}

#[test]
fn metrics_are_served_over_tls() {
    let (address, _) = start(|endpoint| endpoint.tls = Some(tls()));
    let connection = ClientConnection::new(client(), "localhost".try_into().unwrap()).unwrap();
    let answer = ask(StreamOwned::new(connection, connect(address)), "/metrics", "");
    assert!(answer.starts_with("HTTP/1.1 200 ") && answer.ends_with("# EOF\n"), "{answer}");
    // Clear text is not answered with anything that says something.
    let mut stream = connect(address);
    std::io::Write::write_all(&mut stream, b"GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n").unwrap();
    let mut answer = Vec::new();
    let _ = std::io::Read::read_to_end(&mut stream, &mut answer);
    assert!(!String::from_utf8_lossy(&answer).contains("portcullis"));
}

#[test]
fn a_certificate_is_waited_for() {
    let certificate = file("late.crt", "");
    let key = fixture("tls.key");
    let status = Arc::<Status>::default();
    status.ready();
    let tls = Some(TlsFiles { certificate: certificate.clone(), key });
    // A port that is free again by the time that it is served at.
    let port = start(|_| {}).0.port();
    let address = format!("127.0.0.2:{port}");
    serve(Endpoint { tls, ..endpoint(&address) }, &status);
    wait(|| status.obstacle().is_some());
    let obstacle = status.obstacle().unwrap();
    assert!(obstacle.contains("late.crt"), "{obstacle}");
    fs::copy(fixture("tls.crt"), &certificate).unwrap();
    wait(|| status.obstacle().is_none());
    let connection = ClientConnection::new(client(), "localhost".try_into().unwrap()).unwrap();
    let stream = StreamOwned::new(connection, connect(address.parse().unwrap()));
    assert!(ask(stream, "/readyz", "").ends_with("ready\n"));
    fs::remove_file(certificate).unwrap();
}
