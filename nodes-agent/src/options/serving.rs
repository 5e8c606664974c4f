//! Options of what the agent says of itself: where, to whom, and how.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::Args;

use crate::observe::{Endpoint, Paths, TlsFiles};

/// Where the agent says how it is.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Metrics and health")]
pub struct Serving {
    /// Where metrics and health are served; `off` for nowhere.
    #[arg(long, env = "PORTCULLIS_LISTEN", default_value = "127.0.0.1:9105", value_parser = listen)]
    pub listen: Listen,
    /// Where health alone is served, always in clear text; --listen then serves metrics alone. Give
    /// kubelet's probes an address of the node's own, such as 127.0.0.1:9106, where metrics can be
    /// reached from elsewhere.
    #[arg(long, env = "PORTCULLIS_HEALTH_LISTEN", value_name = "LISTEN", value_parser = listen)]
    pub health_listen: Option<Listen>,
    /// Serve what --listen serves over TLS, with this certificate and those that it is signed with,
    /// as PEM. The file is read again every minute.
    #[arg(
        long,
        env = "PORTCULLIS_METRICS_TLS_CERT",
        value_name = "FILE",
        requires = "metrics_tls_key"
    )]
    pub metrics_tls_cert: Option<PathBuf>,
    /// The key of that certificate, as PEM.
    #[arg(
        long,
        env = "PORTCULLIS_METRICS_TLS_KEY",
        value_name = "FILE",
        requires = "metrics_tls_cert"
    )]
    pub metrics_tls_key: Option<PathBuf>,
    /// Serve metrics, and to the node itself the status of its policies, only to who sends the token
    /// in this file, as `Authorization: Bearer TOKEN`. Health asks for none.
    #[arg(long, env = "PORTCULLIS_METRICS_TOKEN_FILE", value_name = "FILE")]
    pub metrics_token_file: Option<PathBuf>,
    /// How many policies have metrics of their own, `portcullis_policy_packets_total`: the first
    /// that allow or deny something. The rest are `other`; 0 leaves these metrics out.
    #[arg(long, env = "PORTCULLIS_POLICY_METRICS", value_name = "POLICIES", default_value_t = 200)]
    pub policy_metrics: usize,
}

/// Where something is served.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Listen {
    /// Nowhere.
    Off,
    /// At an address.
    At(SocketAddr),
}

fn listen(text: &str) -> Result<Listen, String> {
    match text {
        "off" => Ok(Listen::Off),
        address => address.parse().map(Listen::At).map_err(|_| {
            format!(
                "`{address}` is not a valid address with a port, such as 127.0.0.1:9105, or `off`"
            )
        }),
    }
}

impl Listen {
    fn address(self) -> Option<SocketAddr> {
        match self {
            Self::Off => None,
            Self::At(address) => Some(address),
        }
    }
}

impl Serving {
    /// What is served where.
    pub fn endpoints(&self) -> Vec<Endpoint> {
        let apart = self.health_listen;
        let paths = if apart.is_some() { Paths::Metrics } else { Paths::All };
        let all = self.listen.address().map(|address| Endpoint {
            address,
            paths,
            tls: self.tls(),
            token: self.metrics_token_file.clone(),
        });
        let health = apart.and_then(Listen::address).map(|address| Endpoint {
            address,
            paths: Paths::Health,
            tls: None,
            token: self.metrics_token_file.clone(),
        });
        all.into_iter().chain(health).collect()
    }

    fn tls(&self) -> Option<TlsFiles> {
        let (certificate, key) = (self.metrics_tls_cert.clone()?, self.metrics_tls_key.clone()?);
        Some(TlsFiles { certificate, key })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::options::Options;

    fn endpoints(words: &[&str]) -> Result<Vec<(u16, Paths, bool, bool)>, String> {
        let words = ["portcullis-agent"].iter().chain(words).map(Into::into);
        let options = Options::read(&words.collect::<Vec<_>>()).map_err(|e| e.to_string())?;
        let shown = |e: Endpoint| (e.address.port(), e.paths, e.tls.is_some(), e.token.is_some());
        Ok(options.serving.endpoints().into_iter().map(shown).collect())
    }

    #[test]
    fn health_is_apart_where_it_has_an_address() {
        assert_eq!(endpoints(&[]), Ok(vec![(9105, Paths::All, false, false)]));
        assert_eq!(endpoints(&["--listen", "off"]), Ok(vec![]));
        let tls = ["--metrics-tls-cert=c", "--metrics-tls-key=k", "--metrics-token-file=t"];
        let apart = [&tls[..], &["--health-listen", "127.0.0.1:9106"]].concat();
        let (metrics, health) =
            ((9105, Paths::Metrics, true, true), (9106, Paths::Health, false, true));
        assert_eq!(endpoints(&apart), Ok(vec![metrics, health]));
        assert!(endpoints(&tls[..1]).is_err_and(|error| error.contains("--metrics-tls-key")));
    }
}
