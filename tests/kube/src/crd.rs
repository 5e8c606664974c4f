//! The CustomResourceDefinitions of ClusterNetworkPolicy, and that of NodePolicyStatus.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::api::{Api, DeleteParams, PostParams};

use crate::{Cluster, Error, deploy_path};

/// Which of the two sets of definitions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Channel {
    /// Without experimental fields: the server drops them.
    Standard,
    /// With them.
    Experimental,
}

/// Where ClusterNetworkPolicies are.
pub const CLUSTER_POLICIES: &str = "/apis/policy.networking.k8s.io/v1beta1/clusternetworkpolicies";

/// Where NodePolicyStatuses are.
pub const NODE_STATUSES: &str = "/apis/portcullis.dev/v1alpha1/nodepolicystatuses";

const NAME: &str = "clusternetworkpolicies.policy.networking.k8s.io";
const PATIENCE: Duration = Duration::from_secs(60);

impl Channel {
    /// Both.
    pub const BOTH: [Self; 2] = [Self::Standard, Self::Experimental];

    /// The channel's name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Standard => "standard",
            Self::Experimental => "experimental",
        }
    }
}

impl Cluster {
    /// Installs the kind ClusterNetworkPolicy as a channel has it, in place of any that is installed
    /// and its objects, and waits until the server serves it.
    ///
    /// # Errors
    /// If the definitions have not been fetched, or the server does not take or serve them.
    pub async fn install_cluster_policy_crds(&self, channel: Channel) -> Result<(), Error> {
        let path = self.programs().crds.join(format!("{}.yaml", channel.name()));
        let text = fs::read_to_string(&path).map_err(Error::at(&path))?;
        let definition: CustomResourceDefinition = serde_yaml::from_str(&text)?;
        // A changed schema comes into force some time after the answer; a new one, when served.
        if self.definitions()?.get_opt(NAME).await?.is_some() {
            self.remove_cluster_policy_crds().await?;
        }
        self.definitions()?.create(&PostParams::default(), &definition).await?;
        self.until(CLUSTER_POLICIES, true).await
    }

    /// Installs the kind NodePolicyStatus as `deploy/` has it, and waits until the server serves it.
    ///
    /// # Errors
    /// If it cannot be read, or the server does not take or serve it.
    pub async fn install_status_crd(&self) -> Result<(), Error> {
        let path = deploy_path("manifests/45-customresourcedefinition.yaml");
        let text = fs::read_to_string(&path).map_err(Error::at(&path))?;
        let definition: CustomResourceDefinition = serde_yaml::from_str(&text)?;
        self.definitions()?.create(&PostParams::default(), &definition).await?;
        self.until(NODE_STATUSES, true).await
    }

    /// Removes the kind and every object of it, and waits until the server no longer serves it.
    ///
    /// # Errors
    /// If the server refuses, or still serves it after a minute.
    pub async fn remove_cluster_policy_crds(&self) -> Result<(), Error> {
        self.definitions()?.delete(NAME, &DeleteParams::default()).await?;
        self.until(CLUSTER_POLICIES, false).await
    }

    /// Installs every CustomResourceDefinition of a folder, and waits until the server serves them.
    ///
    /// # Errors
    /// If one cannot be read, or the server does not take or serve it.
    pub async fn install_definitions(&self, folder: &Path) -> Result<(), Error> {
        for entry in fs::read_dir(folder).map_err(Error::at(folder))? {
            let path = entry.map_err(Error::at(folder))?.path();
            if path.extension().is_none_or(|extension| extension != "yaml") {
                continue;
            }
            let text = fs::read_to_string(&path).map_err(Error::at(&path))?;
            let definition: CustomResourceDefinition = serde_yaml::from_str(&text)?;
            let spec = &definition.spec;
            let version = spec.versions.first().map(|version| version.name.clone());
            let group = format!("/apis/{}/{}", spec.group, version.unwrap_or_default());
            let served = format!("{group}/{}", spec.names.plural);
            self.definitions()?.create(&PostParams::default(), &definition).await?;
            self.until(&served, true).await?;
        }
        Ok(())
    }

    fn definitions(&self) -> Result<Api<CustomResourceDefinition>, Error> {
        Ok(Api::all(self.admin()?))
    }

    /// Waits until the objects at a path are served, or are not any more.
    async fn until(&self, path: &str, wanted: bool) -> Result<(), Error> {
        let (client, start) = (self.admin()?, Instant::now());
        loop {
            let request = http::Request::get(path).body(Vec::new())?;
            let served = client.request_text(request).await.is_ok();
            if served == wanted || start.elapsed() > PATIENCE {
                let what = format!("waiting for {path}");
                let late = || Error::system(what)(std::io::Error::other("a minute has passed"));
                return if served == wanted { Ok(()) } else { Err(late()) };
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
}
