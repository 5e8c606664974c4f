//! Objects of Kubernetes' own kinds.

use std::net::IpAddr;

use serde::Deserialize;
use serde_json::Value;

use super::{Meta, Object, Problem, parse};
use crate::cluster::calico::Account;
use crate::cluster::{
    Action, Cluster, ClusterPolicy, ClusterTier, Container, ContainerPort, Direction, Labels,
    Namespace, Node, Peer, Phase, Pod, PodsOf, Policy, PolicyVersion, Port, PortName, Protocol,
    Rule, Selector, Spec, TierPeer, TierPort, TierRule,
};

/// Adds an object.
pub fn add(cluster: &mut Cluster, object: Object) -> Result<(), Problem> {
    let Object { kind, metadata, spec, status, .. } = object;
    match kind.as_str() {
        "Namespace" => {
            let (labels, name) = (metadata.labels(), metadata.name);
            cluster.namespaces.push(Namespace { name, labels, declared: true });
        }
        "ServiceAccount" => {
            let (labels, namespace) = (metadata.labels(), metadata.namespace());
            cluster.calico.accounts.push(Account { namespace, name: metadata.name, labels });
        }
        "Node" => {
            let (labels, name) = (metadata.labels(), metadata.name);
            let NodeStatus { addresses } = parse(status)?;
            let addresses = addresses.into_iter().map(|one| one.address).collect();
            cluster.nodes.push(Node { name, labels, addresses });
        }
        "Pod" => cluster.pods.push(pod(&metadata, parse(spec)?, parse(status)?)),
        "NetworkPolicy" => cluster.policies.push(policy(metadata, parse(spec)?)),
        "ClusterNetworkPolicy" => {
            let policy = cluster_policy(metadata.name, parse(spec)?)?;
            cluster.cluster_policies.push(policy);
        }
        other => return Err(format!("`{other}` is not understood")),
    }
    Ok(())
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NodeStatus {
    addresses: Vec<NodeAddress>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NodeAddress {
    #[serde(rename = "type")]
    _kind: String,
    address: IpAddr,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct PodSpec {
    #[serde(default)]
    host_network: bool,
    #[serde(default)]
    node_name: Option<String>,
    #[serde(default)]
    service_account_name: Option<String>,
    containers: Vec<ContainerSpec>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct ContainerSpec {
    #[serde(rename = "name")]
    _name: String,
    #[serde(rename = "image")]
    _image: String,
    #[serde(default)]
    ports: Vec<PortSpec>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct PortSpec {
    name: Option<String>,
    container_port: u16,
    protocol: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct PodStatus {
    #[serde(rename = "phase")]
    _phase: String,
    #[serde(rename = "podIP")]
    _pod_ip: IpAddr,
    #[serde(rename = "podIPs")]
    pod_ips: Vec<PodAddress>,
    #[serde(rename = "hostIP")]
    host_ip: Option<IpAddr>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PodAddress {
    ip: IpAddr,
}

fn pod(meta: &Meta, spec: PodSpec, status: PodStatus) -> Pod {
    let port = |port: &PortSpec| ContainerPort {
        name: port.name.clone(),
        number: port.container_port,
        protocol: port.protocol.as_deref().and_then(protocol),
    };
    let container = |one: &ContainerSpec| Container {
        ports: one.ports.iter().map(port).collect(),
        always: false,
    };
    Pod {
        namespace: meta.namespace(),
        name: meta.name.clone(),
        labels: meta.labels(),
        spec: Spec {
            host_network: spec.host_network,
            node: spec.node_name,
            account: spec.service_account_name,
            containers: spec.containers.iter().map(container).collect(),
            init: Vec::new(),
        },
        phase: Some(Phase::Running),
        addresses: status.pod_ips.into_iter().map(|one| one.ip).collect(),
        host_address: status.host_ip,
        owner: None,
        created: 0,
    }
}

/// A protocol with ports, by its name.
pub fn protocol(name: &str) -> Option<Protocol> {
    Protocol::ALL.into_iter().find(|one| one.name() == name)
}

/// Directions by their names.
pub fn directions(types: Option<Vec<String>>) -> Option<Vec<Direction>> {
    let direction = |name: String| match name.as_str() {
        "Ingress" => Direction::Ingress,
        _ => Direction::Egress,
    };
    types.map(|types| types.into_iter().map(direction).collect())
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct SelectorSpec {
    #[serde(default)]
    match_labels: Labels,
}

impl From<SelectorSpec> for Selector {
    fn from(spec: SelectorSpec) -> Self {
        Self { labels: spec.match_labels, expressions: Vec::new() }
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct PolicySpec {
    pod_selector: SelectorSpec,
    policy_types: Option<Vec<String>>,
    ingress: Option<Vec<RuleSpec>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct RuleSpec {
    from: Option<Vec<PeerSpec>>,
    ports: Option<Vec<RulePort>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct PeerSpec {
    namespace_selector: Option<SelectorSpec>,
    pod_selector: Option<SelectorSpec>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RulePort {
    port: u16,
}

fn policy(meta: Meta, spec: PolicySpec) -> Policy {
    let peer = |peer: PeerSpec| {
        Peer::Pods(peer.namespace_selector.map(Into::into), peer.pod_selector.map(Into::into))
    };
    let port = |port: RulePort| Port { port: Some(PortName::Number(port.port)), ..Port::default() };
    let rule = |rule: RuleSpec| Rule {
        peers: rule.from.map(|all| all.into_iter().map(peer).collect()),
        ports: rule.ports.map(|all| all.into_iter().map(port).collect()),
    };
    Policy {
        namespace: meta.namespace(),
        name: meta.name,
        subject: Some(spec.pod_selector.into()),
        types: directions(spec.policy_types),
        ingress: spec.ingress.map(|rules| rules.into_iter().map(rule).collect()),
        egress: None,
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ClusterSpec {
    tier: String,
    priority: u16,
    subject: PodsSpec,
    ingress: Option<Vec<TierRuleSpec>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PodsSpec {
    namespaces: SelectorSpec,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TierRuleSpec {
    action: String,
    from: Vec<PodsSpec>,
    protocols: Option<Vec<Value>>,
}

fn cluster_policy(name: String, spec: ClusterSpec) -> Result<ClusterPolicy, Problem> {
    let pods = |pods: PodsSpec| PodsOf::Namespaces(pods.namespaces.into());
    let port = |value: &Value| {
        let number = value.pointer("/tcp/destinationPort/number").and_then(Value::as_u64);
        let number = number.and_then(|number| u16::try_from(number).ok());
        let number = number.ok_or_else(|| format!("{value} is not understood"))?;
        Ok(TierPort::Number(Protocol::Tcp, number))
    };
    let rule = |rule: TierRuleSpec| -> Result<TierRule, Problem> {
        let action = match rule.action.as_str() {
            "Accept" => Action::Accept,
            "Deny" => Action::Deny,
            _ => Action::Pass,
        };
        let peers = rule.from.into_iter().map(|one| TierPeer::Pods(pods(one))).collect();
        let ports = rule.protocols.map(|all| all.iter().map(port).collect::<Result<_, Problem>>());
        Ok(TierRule { name: None, action, peers, ports: ports.transpose()? })
    };
    let rules = spec.ingress.map(|rules| rules.into_iter().map(rule).collect::<Result<_, _>>());
    Ok(ClusterPolicy {
        name,
        version: PolicyVersion::V1Beta1,
        tier: if spec.tier == "Admin" { ClusterTier::Admin } else { ClusterTier::Baseline },
        priority: spec.priority,
        subject: pods(spec.subject),
        ingress: rules.transpose()?,
        egress: None,
    })
}
