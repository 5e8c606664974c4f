//! Labels and ports that pods, namespaces and nodes of the input have.

use std::collections::BTreeMap;

use super::pods::Workloads;
use crate::cluster::ClusterModel;
use crate::manifest::LabelList;
use crate::net::Protocol;
use crate::policy::PeerSet;

/// Values by key, each with how many workloads, namespaces or nodes have it.
#[derive(Debug, Default)]
pub struct Labels<'m> {
    all: BTreeMap<&'m str, BTreeMap<&'m str, usize>>,
}

impl<'m> Labels<'m> {
    /// Those of the pods of a set.
    ///
    /// # Cost
    /// Linear in the endpoints of the model.
    pub fn of_pods(model: &'m ClusterModel, set: &PeerSet) -> Self {
        let workloads = Workloads::new(model);
        let mut labels = Self::default();
        for (id, _) in set.groups() {
            let Some(group) = model.groups.get(id) else { continue };
            labels.add(&group.labels, workloads.in_group(id));
        }
        labels
    }

    /// Those of all namespaces.
    pub fn of_namespaces(model: &'m ClusterModel) -> Self {
        let mut labels = Self::default();
        model.namespaces.values().for_each(|namespace| labels.add(&namespace.labels, 1));
        labels
    }

    /// Those of all nodes.
    pub fn of_nodes(model: &'m ClusterModel) -> Self {
        let mut labels = Self::default();
        model.nodes.iter().for_each(|node| labels.add(&node.labels, 1));
        labels
    }

    fn add(&mut self, labels: &'m LabelList, count: usize) {
        for (key, value) in labels {
            *self.all.entry(key).or_default().entry(value).or_default() += count;
        }
    }

    /// Keys, each with how many have it: those that most have first.
    pub fn keys(&self) -> Vec<(&'m str, usize)> {
        let keys = self.all.iter().map(|(key, values)| (*key, values.values().sum()));
        sorted(keys.collect())
    }

    /// Values of a key, each with how many have it: those that most have first.
    pub fn values(&self, key: &str) -> Vec<(&'m str, usize)> {
        let values = self.all.get(key).into_iter().flatten();
        sorted(values.map(|(value, count)| (*value, *count)).collect())
    }
}

fn sorted(mut counted: Vec<(&str, usize)>) -> Vec<(&str, usize)> {
    counted.sort_by(|a, b| b.1.cmp(&a.1).then(a.0.cmp(b.0)));
    counted
}

/// A port that containers name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Named<'m> {
    /// Its name.
    pub name: &'m str,
    /// Its protocol.
    pub protocol: Protocol,
    /// Its number.
    pub number: u16,
}

/// Ports that the pods of a set name, sorted, each with how many workloads name it so.
pub fn named_ports<'m>(model: &'m ClusterModel, set: &PeerSet) -> BTreeMap<Named<'m>, usize> {
    let workloads = Workloads::new(model);
    let mut ports = BTreeMap::new();
    for (id, _) in set.groups() {
        let Some(group) = model.groups.get(id) else { continue };
        for port in group.ports.iter() {
            let named = Named { name: &port.name, protocol: port.protocol, number: port.port };
            *ports.entry(named).or_default() += workloads.in_group(id);
        }
    }
    ports
}
