//! The nine pods that all cases share.

use crate::cluster::{
    Cluster, Container, ContainerPort, Labels, Namespace, Node, Phase, Pod, Protocol, Spec,
};

/// Namespaces x, y and z with pods a, b and c, which serve 80 and 81 under names by protocol.
pub fn nine_pods() -> Cluster {
    let mut cluster = Cluster::default();
    for (i, space) in ["x", "y", "z"].into_iter().enumerate() {
        let labels = labels(&[("ns", space)]);
        cluster.namespaces.push(Namespace { name: space.into(), labels, declared: true });
        for (j, name) in ["a", "b", "c"].into_iter().enumerate() {
            cluster.pods.push(pod(space, name, i * 4 + j));
        }
    }
    let address = "192.168.0.1".parse().ok();
    let addresses = address.into_iter().collect();
    cluster.nodes.push(Node { name: "n1".into(), labels: Labels::new(), addresses });
    cluster
}

/// A pod that serves both ports on all protocols; its address ends with its number.
pub fn pod(namespace: &str, name: &str, number: usize) -> Pod {
    let ports = Protocol::ALL.into_iter().flat_map(|protocol| {
        [80, 81].map(|number| ContainerPort {
            name: Some(format!("serve-{number}-{}", protocol.name().to_lowercase())),
            number,
            protocol: Some(protocol),
        })
    });
    let container = Container { ports: ports.collect(), always: false };
    // One pod runs on the node whose address is known.
    let node = if number == 0 { "n1" } else { "n2" };
    Pod {
        namespace: namespace.into(),
        name: name.into(),
        labels: labels(&[("pod", name)]),
        spec: Spec { containers: vec![container], node: Some(node.into()), ..Spec::default() },
        phase: Some(Phase::Running),
        addresses: format!("10.0.0.{number}").parse().ok().into_iter().collect(),
        host_address: None,
        owner: None,
        created: 0,
    }
}

/// Labels from pairs.
pub fn labels(pairs: &[(&str, &str)]) -> Labels {
    pairs.iter().map(|(key, value)| ((*key).into(), (*value).into())).collect()
}
