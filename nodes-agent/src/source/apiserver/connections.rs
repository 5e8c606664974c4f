//! Connections to the API server, and leaving those that may be dead.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use anyhow::Context as _;
use kube::client::ClientBuilder;
use kube::{Client, Config};
use tower::util::MapRequestLayer;

use super::token::TokenFile;

/// Connections that were made so short a time ago are not left.
const RECENT: Duration = Duration::from_secs(1);

/// A client of the API server. Copies share it.
///
/// A client keeps idle connections for later requests. Where one has gone dead unnoticed, as behind
/// a load balancer that forgot it, most likely all have, and a request on each of them would wait
/// in vain. So once the server has been silent, all are left, and the next request connects anew.
#[derive(Clone)]
pub struct Connections {
    config: Arc<Config>,
    /// The token that is shown, if the client does not show one itself.
    token: Option<TokenFile>,
    /// The client, and when it was made.
    current: Arc<Mutex<(Instant, Client)>>,
}

impl Connections {
    /// None stands yet. In a runtime.
    ///
    /// # Errors
    /// If the configuration makes no client: a certificate that cannot be read, for example.
    pub fn new(config: Config, token: Option<TokenFile>) -> anyhow::Result<Self> {
        let current = Arc::new(Mutex::new((Instant::now(), client(&config, token.as_ref())?)));
        Ok(Self { config: Arc::new(config), token, current })
    }

    /// The client to send a request with.
    pub fn client(&self) -> Client {
        self.current().1.clone()
    }

    /// Leaves the connections that there are to the requests that still use them; not those of a
    /// moment ago, since all watches notice a silence together.
    pub fn renew(&self) {
        if self.current().0.elapsed() < RECENT {
            return;
        }
        match client(&self.config, self.token.as_ref()) {
            Ok(new) => *self.current() = (Instant::now(), new),
            // Files of the configuration may just be replaced.
            Err(error) => {
                tracing::warn!("could not prepare new connections to the API server: {error:#}");
            }
        }
    }

    fn current(&self) -> MutexGuard<'_, (Instant, Client)> {
        self.current.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn client(config: &Config, token: Option<&TokenFile>) -> anyhow::Result<Client> {
    let client = ClientBuilder::try_from(config.clone());
    let client = client.context("could not make a client of the API server")?;
    Ok(match token.cloned() {
        Some(token) => {
            let shows = MapRequestLayer::new(move |request| token.authorize(request));
            client.with_layer(&shows).build()
        }
        None => client.build(),
    })
}
