//! Where the two programs are.

use std::path::PathBuf;

/// The programs that make a cluster.
#[derive(Clone, Debug)]
pub struct Programs {
    /// etcd.
    pub etcd: PathBuf,
    /// kube-apiserver.
    pub api_server: PathBuf,
    /// The folder of the CustomResourceDefinitions, one file a channel.
    pub crds: PathBuf,
}

impl Programs {
    /// What `scripts/build-kube.sh` has built; none if it was not run.
    ///
    /// # Panics
    /// If they are missing although `PORTCULLIS_KUBE=required` says that they were built: a run
    /// that is meant to use them must not pass by skipping.
    pub fn find() -> Option<Self> {
        let tools = std::env::var_os("PORTCULLIS_TOOLS").map(PathBuf::from);
        let home =
            std::env::var_os("HOME").map(|home| PathBuf::from(home).join(".cache/portcullis"));
        let folder = tools.or(home)?.join("kube");
        let [etcd, api_server, crds] =
            ["etcd", "kube-apiserver", "crds"].map(|name| folder.join(name));
        let programs = Self { etcd, api_server, crds };
        let found = programs.etcd.is_file() && programs.api_server.is_file();
        let required = std::env::var("PORTCULLIS_KUBE").is_ok_and(|word| word == "required");
        assert!(found || !required, "no API server in {}: scripts/build-kube.sh", folder.display());
        found.then_some(programs)
    }
}
