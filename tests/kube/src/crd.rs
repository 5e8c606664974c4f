//! The CustomResourceDefinitions of ClusterNetworkPolicy, of NodePolicyStatus, and of Calico's kinds.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::api::{Api, DeleteParams, PostParams};
use portcullis_engine::manifest::CalicoKind;
use serde_json::json;

use crate::{Cluster, Error, deploy_path};

/// Which of the two sets of definitions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Channel {
    /// Without experimental fields: the server drops them.
    Standard,
    /// With them.
    Experimental,
}

/// Which of the two groups has Calico's kinds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CalicoGroup {
    /// As they are stored.
    Stored,
    /// As they are shown.
    Public,
}

impl CalicoGroup {
    /// The group's name and version.
    fn names(self) -> [&'static str; 2] {
        match self {
            Self::Stored => ["crd.projectcalico.org", "v1"],
            Self::Public => ["projectcalico.org", "v3"],
        }
    }

    /// The group with its version, as objects name it.
    pub fn api_version(self) -> String {
        self.names().join("/")
    }

    /// Where the objects of a kind are, in all namespaces.
    pub fn path(self, kind: CalicoKind) -> String {
        format!("/apis/{}/{}", self.api_version(), kind.plural())
    }
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

    /// Installs Calico's kinds in a group, and waits until the server serves them. The definitions are
    /// of our own: they take any field, where Calico's check some.
    ///
    /// # Errors
    /// If the server does not take or serve them.
    pub async fn install_calico_crds(&self, group: CalicoGroup) -> Result<(), Error> {
        let [name, version] = group.names();
        for kind in CalicoKind::ALL {
            let schema = json!({"type": "object", "x-kubernetes-preserve-unknown-fields": true});
            let definition = json!({
                "apiVersion": "apiextensions.k8s.io/v1",
                "kind": "CustomResourceDefinition",
                "metadata": {"name": format!("{}.{name}", kind.plural())},
                "spec": {
                    "group": name,
                    "names": {"kind": kind.name(), "plural": kind.plural()},
                    "scope": if kind.is_namespaced() { "Namespaced" } else { "Cluster" },
                    "versions": [{"name": version, "served": true, "storage": true,
                                  "schema": {"openAPIV3Schema": schema}}],
                },
            });
            // JSON is YAML.
            let definition = serde_yaml::from_str(&definition.to_string())?;
            self.definitions()?.create(&PostParams::default(), &definition).await?;
        }
        for kind in CalicoKind::ALL {
            self.until(&group.path(kind), true).await?;
        }
        Ok(())
    }

    /// Removes Calico's kinds and every object of them from a group, and waits until the server no
    /// longer serves them.
    ///
    /// # Errors
    /// If the server refuses, or still serves one after a minute.
    pub async fn remove_calico_crds(&self, group: CalicoGroup) -> Result<(), Error> {
        let [name, _] = group.names();
        for kind in CalicoKind::ALL {
            let name = format!("{}.{name}", kind.plural());
            self.definitions()?.delete(&name, &DeleteParams::default()).await?;
        }
        for kind in CalicoKind::ALL {
            self.until(&group.path(kind), false).await?;
        }
        Ok(())
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
