//! etcd and an API server in a folder of their own.

use std::fs;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use kube::{Client, Config};
use tempfile::TempDir;

use crate::process::Process;
use crate::{Error, Programs, etcd};

/// Everything may be done with this token.
const ADMIN: &str = "admin-of-the-tests";

/// Reading lists and starting up are quick; the rest is room for a busy machine.
const PATIENCE: Duration = Duration::from_secs(200);

/// How often the API server may be started before it counts as one that cannot be.
const STARTS: u32 = 3;

/// A running API server and its etcd; both end, and their folder goes, when it is dropped.
#[derive(Debug)]
pub struct Cluster {
    // INVARIANT: dropped in this order, so that nothing writes into a folder that is gone.
    api_server: Option<Process>,
    etcd: Process,
    folder: TempDir,
    programs: Programs,
    flags: Vec<String>,
    address: IpAddr,
    ports: Ports,
}

#[derive(Clone, Copy, Debug)]
struct Ports {
    api_server: u16,
    etcd: u16,
    peers: u16,
}

impl Cluster {
    /// Starts a cluster without any object but those that the API server makes itself, and waits
    /// until it is ready. `flags` are added to the API server's.
    ///
    /// # Errors
    /// If one of the programs cannot be started or does not become ready.
    pub async fn start(programs: &Programs, flags: &[&str]) -> Result<Self, Error> {
        Self::start_at(Ipv4Addr::LOCALHOST.into(), programs, flags).await
    }

    /// The same, where the API server listens at another address of the network namespace of this
    /// thread, so that nodes of namespaces of their own reach it.
    ///
    /// # Errors
    /// If one of the programs cannot be started or does not become ready.
    pub async fn start_at(
        address: IpAddr,
        programs: &Programs,
        flags: &[&str],
    ) -> Result<Self, Error> {
        let folder = tempfile::Builder::new().prefix("portcullis-kube-").tempdir();
        let folder = folder.map_err(Error::system("a temporary folder"))?;
        let ports = Ports::free().map_err(Error::system("a free port"))?;
        let tokens = folder.path().join("tokens.csv");
        fs::write(&tokens, format!("{ADMIN},admin,admin,system:masters\n"))
            .map_err(Error::at(&tokens))?;
        let arguments = etcd::arguments(folder.path(), ports.etcd, ports.peers);
        let etcd = Process::start("etcd", &programs.etcd, &arguments, folder.path())?;
        let flags = flags.iter().map(|flag| (*flag).to_owned()).collect();
        let (api_server, programs) = (None, programs.clone());
        let mut cluster = Self { api_server, etcd, folder, programs, flags, address, ports };
        cluster.start_api_server().await?;
        Ok(cluster)
    }

    /// Where the API server listens, before and after a restart.
    pub fn url(&self) -> String {
        format!("https://{}", self.socket())
    }

    /// The same, as an address with a port.
    pub fn socket(&self) -> SocketAddr {
        SocketAddr::new(self.address, self.ports.api_server)
    }

    /// The programs that it consists of.
    pub fn programs(&self) -> &Programs {
        &self.programs
    }

    /// The folder with all of its files; a test may put its own there.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The certificate that signs the API server's.
    pub fn ca_file(&self) -> PathBuf {
        self.folder.path().join("certs/apiserver.crt")
    }

    /// The API server's process, while it runs.
    pub fn api_server_id(&self) -> Option<u32> {
        self.api_server.as_ref().map(Process::id)
    }

    /// A client that may do everything.
    ///
    /// # Errors
    /// If the server's certificate cannot be read.
    pub fn admin(&self) -> Result<Client, Error> {
        self.client(ADMIN)
    }

    /// A client with a token, such as a service account's.
    ///
    /// # Errors
    /// If the server's certificate cannot be read.
    pub fn client(&self, token: &str) -> Result<Client, Error> {
        let url = self.url().parse::<http::Uri>().map_err(http::Error::from)?;
        let mut config = Config::new(url);
        config.root_cert_file = Some(self.ca_file());
        config.auth_info.token = Some(token.to_owned().into());
        Ok(Client::try_from(config)?)
    }

    /// Writes a kubeconfig with a token into the cluster's folder.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn kubeconfig(&self, name: &str, token: &str) -> Result<PathBuf, Error> {
        self.kubeconfig_by_way_of(name, token, &self.url())
    }

    /// As [`Self::kubeconfig`], with another URL, which leads to the API server.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn kubeconfig_by_way_of(
        &self,
        name: &str,
        token: &str,
        url: &str,
    ) -> Result<PathBuf, Error> {
        let text = format!(
            "apiVersion: v1\nkind: Config\ncurrent-context: test\n\
             clusters:\n- name: test\n  cluster: {{server: '{url}', certificate-authority: '{}'}}\n\
             users:\n- name: test\n  user: {{token: '{token}'}}\n\
             contexts:\n- name: test\n  context: {{cluster: test, user: test}}\n",
            self.ca_file().display(),
        );
        let path = self.folder.path().join(format!("{name}.kubeconfig"));
        fs::write(&path, text).map_err(Error::at(&path))?;
        Ok(path)
    }

    /// As [`Self::kubeconfig`], for everything.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn admin_kubeconfig(&self) -> Result<PathBuf, Error> {
        self.kubeconfig("admin", ADMIN)
    }

    /// Ends the API server at once, as a crash does; open watches break. etcd goes on.
    pub fn stop_api_server(&mut self) {
        self.api_server = None;
    }

    /// Starts the API server on the port that it had, and waits until it is ready.
    ///
    /// # Errors
    /// If it does not become ready.
    pub async fn start_api_server(&mut self) -> Result<(), Error> {
        self.launch()?;
        self.ready().await
    }

    fn launch(&mut self) -> Result<(), Error> {
        let folder = self.folder.path();
        let mut arguments = self.arguments();
        arguments.extend(self.flags.iter().cloned());
        let program = &self.programs.api_server;
        self.api_server = Some(Process::start("kube-apiserver", program, &arguments, folder)?);
        Ok(())
    }

    /// [`Self::stop_api_server`] and [`Self::start_api_server`].
    ///
    /// # Errors
    /// If it does not become ready again.
    pub async fn restart_api_server(&mut self) -> Result<(), Error> {
        self.stop_api_server();
        self.start_api_server().await
    }

    /// Makes etcd forget what was before now: a watch from an earlier version can then not be
    /// served, once the API server has been restarted and so has no memory of its own either.
    ///
    /// # Errors
    /// If etcd refuses.
    pub fn compact(&self) -> Result<(), Error> {
        etcd::compact(self.ports.etcd)
    }

    fn arguments(&self) -> Vec<String> {
        let folder = self.folder.path().display();
        let Ports { api_server, etcd, .. } = self.ports;
        // The key that the server makes for its certificate also signs the tokens of service
        // accounts: one key less to make. The advertised address is for documentation, and reached
        // by nobody; without one the server looks for a default route, which a network namespace
        // of a test does not have.
        let arguments = [
            format!("--etcd-servers=http://127.0.0.1:{etcd}"),
            format!("--secure-port={api_server}"),
            format!("--bind-address={}", self.address),
            "--advertise-address=192.0.2.1".into(),
            "--endpoint-reconciler-type=none".into(),
            format!("--cert-dir={folder}/certs"),
            "--service-account-issuer=https://kubernetes.default.svc".into(),
            format!("--service-account-key-file={folder}/certs/apiserver.key"),
            format!("--service-account-signing-key-file={folder}/certs/apiserver.key"),
            format!("--token-auth-file={folder}/tokens.csv"),
            "--authorization-mode=RBAC".into(),
            "--service-cluster-ip-range=10.96.0.0/16".into(),
            "--disable-admission-plugins=ServiceAccount".into(),
        ];
        arguments.into()
    }

    async fn ready(&mut self) -> Result<(), Error> {
        let (start, mut starts) = (Instant::now(), 1);
        loop {
            // A server that is not ready in a minute gives up: on a busy machine it is started
            // again, as a kubelet would.
            let ended = self.api_server.as_mut().is_some_and(|process| !process.is_running());
            if ended && starts < STARTS {
                starts += 1;
                self.launch()?;
            }
            let (etcd, api_server) = (&mut self.etcd, &mut self.api_server);
            let waited = start.elapsed();
            for process in [Some(etcd), api_server.as_mut()].into_iter().flatten() {
                if !process.is_running() || waited > PATIENCE {
                    return Err(process.not_ready(waited.as_secs()));
                }
            }
            if self.answers_ready().await {
                return Ok(());
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// Also that `default` is there: the server makes its namespaces after it is ready.
    async fn answers_ready(&self) -> bool {
        // Its certificate is not there yet when it starts for the first time.
        let Ok(client) = self.admin() else {
            return false;
        };
        for path in ["/readyz", "/api/v1/namespaces/default"] {
            let Ok(request) = http::Request::get(path).body(Vec::new()) else {
                return false;
            };
            if client.request_text(request).await.is_err() {
                return false;
            }
        }
        true
    }
}

impl Ports {
    /// Three that nobody listens on. Another program may take one before it is used; then the
    /// start fails with the program's own message.
    fn free() -> std::io::Result<Self> {
        let listen = || TcpListener::bind(("127.0.0.1", 0));
        let (a, b, c) = (listen()?, listen()?, listen()?);
        let port = |listener: &TcpListener| listener.local_addr().map(|address| address.port());
        Ok(Self { api_server: port(&a)?, etcd: port(&b)?, peers: port(&c)? })
    }
}
