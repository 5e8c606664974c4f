//! A real API server for tests: etcd and kube-apiserver on this machine's loopback, nothing else of
//! Kubernetes. No kubelet runs and no controllers: pods get their addresses from the test.
//!
//! `scripts/build-kube.sh` builds the two programs. A test begins so:
//!
//! ```no_run
//! # async fn test() -> Result<(), portcullis_kube::Error> {
//! let Some(programs) = portcullis_kube::Programs::find() else {
//!     return Ok(()); // Not built here.
//! };
//! let cluster = portcullis_kube::Cluster::start(&programs, &[]).await?;
//! let client = cluster.admin()?;
//! # Ok(())
//! # }
//! ```

mod cluster;
mod crd;
mod deploy;
mod error;
mod etcd;
mod feed;
mod objects;
mod process;
mod programs;
mod proxy;
mod request;

pub use cluster::Cluster;
pub use crd::{CLUSTER_POLICIES, CalicoGroup, Channel, NODE_STATUSES};
pub use deploy::{
    AGENT_ACCOUNT, AGENT_NAMESPACE, agent_token, collection, create_agent_account,
    deploy_manifests, deploy_path,
};
pub use error::Error;
pub use feed::{Step, Stock};
pub use objects::{
    PodAt, create_namespace, create_node, create_pod, create_policy, create_service_account, grant,
    set_pod_status, token,
};
pub use programs::Programs;
pub use proxy::Proxy;
pub use request::{Answer, Body, send};
