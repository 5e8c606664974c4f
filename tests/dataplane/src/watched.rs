//! Random clusters as those who watch an API server are told of them.

use std::collections::BTreeMap;
use std::sync::Arc;

use portcullis_engine::SourceFile;
use portcullis_engine::cluster::namespace_of;
use portcullis_engine::live::{Event, Name};
use portcullis_engine::manifest::{Body, ClusterPolicyKind, Object, Stored};
use portcullis_oracle::cluster::Cluster;
use portcullis_oracle::write;

/// Objects by kind and name.
pub type Objects = BTreeMap<(Stored, Name), Object>;

/// Objects of a cluster that a watch would tell of.
pub fn watched(cluster: &Cluster, seed: u64) -> Objects {
    let files = write::files(cluster, seed);
    let files = files.iter().map(|(name, text)| SourceFile::new(name, text.as_bytes()));
    let mut objects = BTreeMap::new();
    for file in files {
        for object in file.parts.iter().flat_map(|part| &part.document.objects) {
            if let Some(key) = key(object) {
                objects.insert(key, Object::clone(object));
            }
        }
    }
    objects
}

/// What leads from one cluster to another.
pub fn events(from: &Objects, to: &Objects) -> Vec<Event> {
    let gone = from.keys().filter(|key| !to.contains_key(*key));
    let gone = gone.map(|(kind, name)| Event::Gone(*kind, name.clone()));
    let put = |object: &Object| Event::Put(Box::new(object.clone()));
    gone.chain(to.values().map(put)).collect()
}

fn key(object: &Object) -> Option<(Stored, Name)> {
    let kind = match object.body {
        Body::Pod { .. } => Stored::Pod,
        Body::Namespace => Stored::Namespace,
        Body::Node { .. } => Stored::Node,
        Body::Policy(_) => Stored::Policy,
        // The kinds before it are not watched.
        Body::ClusterPolicy(ref policy)
            if policy.kind == ClusterPolicyKind::ClusterNetworkPolicy =>
        {
            Stored::ClusterPolicy
        }
        Body::CalicoPolicy(ref policy) => Stored::Calico(policy.kind),
        Body::Calico(kind, _) if Stored::ALL.contains(&Stored::Calico(kind)) => {
            Stored::Calico(kind)
        }
        _ => return None,
    };
    let namespace = match object.is_namespaced() {
        true => namespace_of(object, "default"),
        false => Arc::from(""),
    };
    Some((kind, (namespace, object.meta.name.clone())))
}
