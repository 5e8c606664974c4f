//! The place: nodes, the pods that packets are sent between, and an API server beside them.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use k8s_openapi::api::core::v1::Pod;
use k8s_openapi::api::networking::v1::NetworkPolicy;
use kube::Client;
use kube::api::{Api, DeleteParams, Patch, PatchParams};
use portcullis_kube::{Body, Cluster, Programs, agent_token, create_agent_account, send};
use portcullis_packets::fabric::{Fabric, Node, NodePlan, Wiring};
use serde_json::{Value, json};
use tokio::runtime::Runtime;
use tokio::task::JoinSet;

use crate::figures::progress;
use crate::objects::{self, MEMBER_PORT, Manifest, OWN, PATH_PORT, POLICY_PORT};
use crate::{path, pulse};

/// Where the API server listens.
const SERVER: IpAddr = IpAddr::V4(Ipv4Addr::new(198, 51, 100, 1));

/// How many requests are under way at the same time while the cluster is filled.
const AT_ONCE: usize = 48;

/// A node that the agent is measured on.
#[derive(Clone, Debug)]
pub struct Place {
    /// Its name.
    pub name: String,
    /// How many pods it has.
    pub pods: usize,
}

/// The place.
pub struct Lab {
    runtime: Runtime,
    client: Client,
    /// A service account's, with the rights that the agent's role has.
    pub kubeconfig: PathBuf,
    /// The nodes.
    pub places: Vec<Place>,
    filled: Filled,
    // INVARIANT: dropped in this order, as the server runs in the fabric.
    _cluster: Cluster,
    fabric: Fabric,
}

/// How much is there.
#[derive(Clone, Copy, Debug, Default)]
struct Filled {
    pods: usize,
    policies: usize,
}

impl Lab {
    /// Builds the network. What it is given runs where the API server is reached.
    pub fn build(sizes: &[usize], programs: &Programs) -> Result<Self> {
        let places = sizes.iter().map(|pods| Place { name: format!("node{pods}"), pods: *pods });
        let places: Vec<Place> = places.collect();
        let plans: Vec<NodePlan> =
            (0u8..).zip(&places).map(|(at, place)| plan(at, place)).collect();
        let fabric = Fabric::build(Wiring::Routed, &plans, &[SERVER])?;
        // This thread stays where the server and its clients are.
        enter(&fabric)?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        progress("starting etcd and an API server");
        let cluster = runtime.block_on(Cluster::start_at(SERVER, programs, &[]))?;
        let client = runtime.block_on(async { cluster.admin() })?;
        let kubeconfig = runtime.block_on(account(&cluster, &client))?;
        let filled = Filled::default();
        let _cluster = cluster;
        let mut lab = Self { runtime, client, kubeconfig, places, filled, _cluster, fabric };
        lab.begin()?;
        Ok(lab)
    }

    /// What is there from the beginning: namespaces, nodes, and the pods with namespaces of the
    /// kernel, which answer.
    fn begin(&mut self) -> Result<()> {
        let mut manifests: Vec<Manifest> = objects::namespaces().collect();
        for (at, place) in (0u8..).zip(&self.places) {
            manifests.push(objects::node(&place.name, &node_address(at).to_string()));
            let [server, client] = own_addresses(at);
            let labels = json!({"app": "server"});
            manifests.push(objects::own_pod(&server_name(place), labels, &place.name, server));
            let labels = json!({"app": "client", "role": "peer"});
            manifests.push(objects::own_pod(&client_name(place), labels, &place.name, client));
        }
        manifests.push(objects::peers_only());
        self.create(manifests)?;
        for at in 0..self.places.len() {
            let server = self.server(at)?.namespace.handle()?;
            for (port, treat) in
                [(POLICY_PORT, drop as fn(_)), (MEMBER_PORT, drop), (PATH_PORT, path::echo)]
            {
                pulse::serve(&server, self.address(at, port), treat)?;
            }
        }
        Ok(())
    }

    /// Adds pods and policies until there are so many.
    pub fn fill(&mut self, pods: usize, policies: usize) -> Result<()> {
        let Filled { pods: first, policies: first_policy } = self.filled;
        if pods > first {
            progress(&format!("creating pods {first} to {pods}"));
            self.create((first..pods).map(|at| self.other_pod(at)).collect())?;
            self.filled.pods = pods;
        }
        if policies > first_policy {
            progress(&format!("creating policies {first_policy} to {policies}"));
            self.create((first_policy..policies).map(objects::policy).collect())?;
            self.filled.policies = policies;
        }
        Ok(())
    }

    /// How many pods and policies were added.
    pub fn filled(&self) -> (usize, usize) {
        (self.filled.pods, self.filled.policies)
    }

    /// The first pods are those of the measured nodes, the others are elsewhere.
    fn other_pod(&self, number: usize) -> Manifest {
        let mut before = 0;
        for place in &self.places {
            // Two of its pods are the measured ones.
            before += place.pods.saturating_sub(2);
            if number < before {
                return objects::other_pod(number, &place.name);
            }
        }
        objects::other_pod(number, &format!("elsewhere{}", number / 110))
    }

    fn create(&self, manifests: Vec<Manifest>) -> Result<()> {
        self.runtime.block_on(async {
            let mut tasks = JoinSet::new();
            for manifest in manifests {
                if tasks.len() >= AT_ONCE
                    && let Some(done) = tasks.join_next().await
                {
                    done??;
                }
                tasks.spawn(create(self.client.clone(), manifest));
            }
            while let Some(done) = tasks.join_next().await {
                done??;
            }
            Ok(())
        })
    }

    /// Creates the policy that closes all clients.
    pub fn close(&self) -> Result<()> {
        self.runtime.block_on(create(self.client.clone(), objects::closed()))
    }

    /// Deletes it.
    pub fn open(&self) -> Result<()> {
        let api: Api<NetworkPolicy> = Api::namespaced(self.client.clone(), OWN);
        let delete = async { api.delete("closed", &DeleteParams::default()).await };
        self.runtime.block_on(delete).map(drop).context("deleting the policy")
    }

    /// Makes a node's client a peer or not.
    pub fn set_peer(&self, at: usize, peer: bool) -> Result<()> {
        let api: Api<Pod> = Api::namespaced(self.client.clone(), OWN);
        let role = peer.then_some("peer");
        let patch = Patch::Merge(json!({"metadata": {"labels": {"role": role}}}));
        let name = client_name(self.place(at)?);
        let patched = async { api.patch(&name, &PatchParams::default(), &patch).await };
        self.runtime.block_on(patched).map(drop).context("changing a label")
    }

    /// A place.
    pub fn place(&self, at: usize) -> Result<&Place> {
        self.places.get(at).context("no such node")
    }

    /// A node and its pods.
    pub fn node(&self, at: usize) -> Result<&Node> {
        self.fabric.nodes.get(at).context("no such node")
    }

    fn server(&self, at: usize) -> Result<&portcullis_packets::host::Host> {
        self.node(at)?.pods.first().context("no server")
    }

    /// Where its connections come from.
    pub fn client(&self, at: usize) -> Result<&portcullis_packets::host::Host> {
        self.node(at)?.pods.get(1).context("no client")
    }

    /// A port of a node's server.
    pub fn address(&self, at: usize, port: u16) -> SocketAddr {
        let [server, _] = own_addresses(u8::try_from(at).unwrap_or(u8::MAX));
        SocketAddr::new(server.into(), port)
    }
}

/// Moves this thread to the API server's namespace.
fn enter(fabric: &Fabric) -> Result<()> {
    let path = Path::new("/run/netns").join(fabric.outside.namespace.name());
    let file = std::fs::File::open(&path).with_context(|| path.display().to_string())?;
    let kind = Some(rustix::thread::LinkNameSpaceType::Network);
    rustix::thread::move_into_link_name_space(std::os::fd::AsFd::as_fd(&file), kind)
        .context("entering a network namespace")
}

fn plan(at: u8, place: &Place) -> NodePlan {
    let [server, client] = own_addresses(at).map(|address| vec![address.into()]);
    let pods = vec![(server_name(place), server), (client_name(place), client)];
    NodePlan { name: place.name.clone(), addresses: vec![node_address(at)], pods }
}

fn server_name(place: &Place) -> String {
    format!("server-{}", place.name)
}

fn client_name(place: &Place) -> String {
    format!("client-{}", place.name)
}

fn node_address(at: u8) -> IpAddr {
    [192, 168, 0, at + 1].into()
}

fn own_addresses(at: u8) -> [Ipv4Addr; 2] {
    [1, 2].map(|host| Ipv4Addr::new(10, 0, at, host))
}

/// A kubeconfig of a service account that may do what the agent's role says, and nothing else.
async fn account(cluster: &Cluster, admin: &Client) -> Result<PathBuf> {
    create_agent_account(admin).await?;
    let token = agent_token(admin).await?;
    Ok(cluster.kubeconfig("agent", &token)?)
}

async fn create(client: Client, manifest: Manifest) -> Result<()> {
    let answer = send(&client, &manifest.path, Body::Json(&manifest.body.to_string())).await?;
    if answer.status != 201 {
        bail!("{}/{}: {} {}", manifest.path, manifest.name, answer.status, answer.body);
    }
    if manifest.status.is_null() {
        return Ok(());
    }
    let path = format!("{}/{}/status", manifest.path, manifest.name);
    let patch = json!({"status": manifest.status}).to_string();
    let request = http::Request::patch(path).header("Content-Type", "application/merge-patch+json");
    let _object: Value = client.request(request.body(patch.into_bytes())?).await?;
    Ok(())
}

/// How long anything that is waited for may take.
pub const PATIENCE: Duration = Duration::from_secs(60);
