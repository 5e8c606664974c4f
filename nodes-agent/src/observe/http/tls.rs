//! Certificates of the server, read again now and then: who issues them replaces them in time.

use std::io;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};

/// How old what was read may be.
const FRESH: Duration = Duration::from_secs(60);

/// The files of a certificate, with those that it is signed with, and of its key, as PEM.
#[derive(Clone, Debug)]
pub struct TlsFiles {
    /// The certificates.
    pub certificate: PathBuf,
    /// The key.
    pub key: PathBuf,
}

/// What a server speaks TLS with.
pub struct Tls {
    files: TlsFiles,
    read: Mutex<(Instant, TlsAcceptor)>,
}

impl Tls {
    /// What files say.
    ///
    /// # Errors
    /// If they cannot be read, or do not belong together.
    pub fn load(files: TlsFiles) -> io::Result<Self> {
        let read = Mutex::new((Instant::now(), acceptor(&files)?));
        Ok(Self { files, read })
    }

    /// For a new connection. Files that cannot be read any more change nothing.
    pub fn acceptor(&self) -> TlsAcceptor {
        let mut read = self.read.lock().unwrap_or_else(PoisonError::into_inner);
        if read.0.elapsed() > FRESH {
            read.0 = Instant::now();
            match acceptor(&self.files) {
                Ok(newer) => read.1 = newer,
                Err(error) => tracing::error!(%error, "could not read the certificate again"),
            }
        }
        read.1.clone()
    }
}

fn acceptor(files: &TlsFiles) -> io::Result<TlsAcceptor> {
    let TlsFiles { certificate, key } = files;
    let unusable = |path: &PathBuf, error: &dyn std::error::Error| {
        io::Error::other(format!("`{}`: {error}", path.display()))
    };
    let chain: Result<Vec<_>, _> =
        CertificateDer::pem_file_iter(certificate).and_then(Iterator::collect);
    let chain = chain.map_err(|error| unusable(certificate, &error))?;
    let key_read = PrivateKeyDer::from_pem_file(key).map_err(|error| unusable(key, &error))?;
    // The provider is named, as the process has none by default, which would be a panic.
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .and_then(|config| config.with_no_client_auth().with_single_cert(chain, key_read))
        .map_err(|error| unusable(certificate, &error))?;
    Ok(TlsAcceptor::from(Arc::new(config)))
}
