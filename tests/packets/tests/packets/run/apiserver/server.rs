//! An API server in a network namespace of its own, which nodes reach by way of everything outside.

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;

use portcullis_kube::{
    CalicoGroup, Channel, Cluster, Error, Programs, Proxy, Step, Stock, agent_token,
    create_agent_account,
};
use portcullis_oracle::random::Random;
use portcullis_packets::fabric::Fabric;
use portcullis_packets::namespace::Namespace;
use serde_json::Value;
use tokio::runtime::Builder;

use super::marks::marks;

/// Where it is: outside, and in no block of a test's policies alone.
const ADDRESS: &str = "198.51.100.1";

/// The API server, and what it holds.
pub struct Server {
    // INVARIANT: dropped in this order, so that its processes end before their namespace.
    cluster: Cluster,
    stock: Stock,
    namespace: Namespace,
    /// How many fabrics, nodes and kubeconfigs it has seen: each has a number of its own.
    fabrics: u32,
    nodes: u16,
    configs: u32,
    mark: u32,
    /// Whether the kind ClusterNetworkPolicy is installed.
    cluster_policies: Installed,
}

/// Whether a kind is installed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Installed {
    Yes,
    No,
}

impl Server {
    /// A server with nothing but the agent's account and the kind ClusterNetworkPolicy.
    pub fn start() -> Self {
        let namespace = Namespace::new("apiserver").unwrap();
        namespace.ip(&format!("addr add {ADDRESS} dev lo")).unwrap();
        let programs = Programs::find().unwrap();
        let cluster = inside(&namespace, async || {
            let cluster = Cluster::start_at(ADDRESS.parse().unwrap(), &programs, &[]).await?;
            create_agent_account(&cluster.admin()?).await?;
            cluster.install_cluster_policy_crds(Channel::Experimental).await?;
            Ok(cluster)
        });
        let (stock, fabrics, nodes, configs, mark) = (Stock::default(), 0, 0, 0, 0);
        let cluster_policies = Installed::Yes;
        Self { cluster, stock, namespace, fabrics, nodes, configs, mark, cluster_policies }
    }

    /// Lets the nodes of a fabric reach the server. Each has an address for that which no other
    /// node has, as fabrics give the same addresses to their pods and nodes.
    pub fn attach(&mut self, fabric: &Fabric) {
        let number = self.fabrics;
        self.fabrics += 1;
        let outside = &fabric.outside.namespace;
        let link = format!(
            "link add api{number} type veth peer name api netns {}\n\
             addr add fe80::2/64 dev api{number} nodad\nlink set api{number} up\n",
            outside.name()
        );
        self.namespace.ip(&link).unwrap();
        let link = format!(
            "addr add fe80::1/64 dev api nodad\nlink set api up\n\
             route add {ADDRESS} via inet6 fe80::2 dev api\n"
        );
        outside.ip(&link).unwrap();
        for (at, node) in fabric.nodes.iter().enumerate() {
            let [high, low] = self.nodes.to_be_bytes();
            self.nodes = self.nodes.wrapping_add(1);
            let own = IpAddr::from([198, 18, high, low]);
            let back = format!("route add {own} via inet6 fe80::1 dev api{number}\n");
            self.namespace.ip(&back).unwrap();
            outside.ip(&format!("route add {own} via inet6 fe80::2 dev n{at}\n")).unwrap();
            let there = format!(
                "addr add {own} dev up0\n\
                 route add {ADDRESS} via inet6 fe80::1 dev up0 src {own}\n"
            );
            node.host.namespace.ip(&there).unwrap();
        }
    }

    /// A kubeconfig of the agent's account, by way of a wire if there is one.
    pub fn kubeconfig(&mut self, wire: Option<&Proxy>) -> PathBuf {
        self.configs += 1;
        let name = format!("agent-{}", self.configs);
        let url = wire.map_or_else(|| self.cluster.url(), Proxy::url);
        inside(&self.namespace, async || {
            let token = agent_token(&self.cluster.admin()?).await?;
            self.cluster.kubeconfig_by_way_of(&name, &token, &url)
        })
    }

    /// A wire to the server.
    pub fn wire(&self) -> Proxy {
        let socket: SocketAddr = self.cluster.socket();
        self.namespace.enter(|| Ok(Proxy::to(socket).unwrap())).unwrap()
    }

    /// Has the server hold these objects instead of those of before, changed in some order.
    pub fn turn_into(&mut self, objects: &[Value], seed: u64) {
        let mut steps: Vec<Step> = self.stock.steps_to(objects).unwrap();
        Random::new(seed).shuffle(&mut steps);
        inside(&self.namespace, async || self.stock.carry_out(&self.cluster.admin()?, steps).await);
    }

    /// The same, and marks after that. All that it holds then.
    pub fn turn_into_and_mark(&mut self, objects: &[Value], seed: u64) -> Vec<Value> {
        let installed = self.cluster_policies;
        let with = |number| [objects, &marks(number, installed)].concat();
        self.turn_into(&with(self.mark), seed);
        self.mark += 1;
        let all = with(self.mark);
        self.turn_into(&all, seed);
        all
    }

    /// Has the kind ClusterNetworkPolicy or not. Objects of it go with it, but for marks only
    /// where there are none.
    pub fn install_cluster_policies(&mut self, installed: Installed) {
        if self.cluster_policies == installed {
            return;
        }
        self.cluster_policies = installed;
        if installed == Installed::No {
            // What it holds is known, and is to be so without them.
            self.turn_into(&[], 0);
        }
        inside(&self.namespace, async || match installed {
            Installed::Yes => self.cluster.install_cluster_policy_crds(Channel::Experimental).await,
            Installed::No => self.cluster.remove_cluster_policy_crds().await,
        });
    }

    /// Has Calico's kinds, as they are stored.
    pub fn install_calico(&self) {
        inside(&self.namespace, async || {
            self.cluster.install_calico_crds(CalicoGroup::Stored).await
        });
    }

    /// Has the kind NodePolicyStatus, in which agents say what is in force.
    pub fn install_status(&self) {
        inside(&self.namespace, async || self.cluster.install_status_crd().await);
    }

    /// Has etcd forget what was before now.
    pub fn compact(&self) {
        inside(&self.namespace, async || self.cluster.compact());
    }

    /// Ends the API server as a crash does.
    pub fn stop(&mut self) {
        self.cluster.stop_api_server();
    }

    /// Starts it again.
    pub fn start_again(&mut self) {
        inside(&self.namespace, async || self.cluster.start_api_server().await);
    }
}

/// Does work in a namespace. The client of one call is not that of the next: it lives with the
/// runtime.
fn inside<T: Send>(
    namespace: &Namespace,
    work: impl AsyncFnOnce() -> Result<T, Error> + Send,
) -> T {
    let done = namespace.enter(|| {
        let runtime = Builder::new_current_thread().enable_all().build().unwrap();
        Ok(runtime.block_on(work()).unwrap())
    });
    done.unwrap()
}
