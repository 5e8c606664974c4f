//! Objects of Calico's kinds.

use serde::Deserialize;
use serde_json::Value;

use super::kubernetes::directions;
use super::{Meta, Object, Problem, expression, parse};
use crate::cluster::calico::{
    AccountMatch, Annotation, CalicoAction, CalicoPolicy, CalicoPort, CalicoRule, CalicoTier,
    Entity, Expression, Failsafe, Felix, Group, HostEndpoint, HostStage, NetworkSet, Order,
    Profile, RuleProtocol, TierEnd, ToHost,
};
use crate::cluster::{Cluster, Labels, Net, Protocol};

/// Adds an object.
pub fn add(cluster: &mut Cluster, object: Object) -> Result<(), Problem> {
    let Object { api_version, kind, metadata, spec, .. } = object;
    let group = match api_version.as_str() {
        "projectcalico.org/v3" => Group::Public,
        _ => Group::Stored,
    };
    let annotation = annotation(&metadata)?;
    match kind.as_str() {
        "Tier" => cluster.calico.tiers.push(tier(metadata.name, group, parse(spec)?)),
        "NetworkSet" | "GlobalNetworkSet" => {
            let spec: SetSpec = parse(spec)?;
            let (labels, namespace) = (metadata.labels(), metadata.namespace);
            let nets = nets(&spec.nets)?;
            let name = metadata.name;
            let set = NetworkSet { group, namespace, name, labels, annotation, nets };
            cluster.calico.sets.push(set);
        }
        "HostEndpoint" => {
            let spec: HostSpec = parse(spec)?;
            let labels = metadata.labels();
            cluster.calico.hosts.push(HostEndpoint {
                name: metadata.name,
                labels,
                node: spec.node,
                interface: spec.interface_name,
                addresses: spec.expected_ips,
                profiles: spec.profiles,
            });
        }
        "Profile" => {
            let spec: ProfileSpec = parse(spec)?;
            let rules = |rules: Vec<RuleSpec>| -> Result<Vec<CalicoRule>, Problem> {
                rules.into_iter().map(rule).collect()
            };
            cluster.calico.profiles.push(Profile {
                name: metadata.name,
                labels: spec.labels_to_apply,
                ingress: rules(spec.ingress)?,
                egress: rules(spec.egress)?,
            });
        }
        "FelixConfiguration" => {
            let spec: FelixSpec = parse(spec)?;
            let ports = |ports: Option<Vec<FailsafeSpec>>| {
                let read = |ports: Vec<FailsafeSpec>| ports.into_iter().map(failsafe).collect();
                ports.map(read).transpose()
            };
            cluster.calico.felix.push(Felix {
                name: metadata.name,
                inbound: ports(spec.failsafe_inbound_host_ports)?,
                outbound: ports(spec.failsafe_outbound_host_ports)?,
                to_host: spec.default_endpoint_to_host_action.map(|text| match text.as_str() {
                    "Accept" => ToHost::Accept,
                    _ => ToHost::Drop,
                }),
            });
        }
        // Nobody asks for what it says.
        "StagedKubernetesNetworkPolicy" => {}
        _ if kind.ends_with("NetworkPolicy") => {
            let staged = kind.starts_with("Staged");
            let policy = policy((metadata, annotation), (group, staged), parse(spec)?)?;
            cluster.calico.policies.push(policy);
        }
        other => return Err(format!("`{other}` is not understood")),
    }
    Ok(())
}

#[derive(Deserialize)]
struct Real {
    name: Option<String>,
    #[serde(default)]
    labels: Labels,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct HostSpec {
    node: String,
    interface_name: Option<String>,
    #[serde(default, rename = "expectedIPs")]
    expected_ips: Vec<std::net::IpAddr>,
    #[serde(default)]
    profiles: Vec<String>,
}

#[derive(Deserialize)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
#[derive(Default)]
struct ProfileSpec {
    labels_to_apply: Labels,
    ingress: Vec<RuleSpec>,
    egress: Vec<RuleSpec>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct FelixSpec {
    failsafe_inbound_host_ports: Option<Vec<FailsafeSpec>>,
    failsafe_outbound_host_ports: Option<Vec<FailsafeSpec>>,
    default_endpoint_to_host_action: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FailsafeSpec {
    protocol: Option<String>,
    port: u16,
    net: Option<String>,
}

fn failsafe(spec: FailsafeSpec) -> Result<Failsafe, Problem> {
    let name = spec.protocol.unwrap_or_else(|| "TCP".into()).to_uppercase();
    let mut all = Protocol::ALL.into_iter();
    let protocol = all.find(|one| one.name() == name).ok_or("not a protocol")?;
    let net = spec.net.map(|text| net(&text)).transpose()?;
    Ok(Failsafe { protocol, port: spec.port, net })
}

fn annotation(meta: &Meta) -> Result<Option<Annotation>, Problem> {
    let text = meta.annotations.get("projectcalico.org/metadata");
    let real = text.map(|text| serde_json::from_str::<Real>(text)).transpose();
    let real = real.map_err(|error| error.to_string())?;
    Ok(real.map(|Real { name, labels }| Annotation { name, labels }))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct TierSpec {
    order: Option<f64>,
    default_action: Option<String>,
}

fn tier(name: String, group: Group, spec: TierSpec) -> CalicoTier {
    let end = spec.default_action.map(|action| match action.as_str() {
        "Pass" => TierEnd::Pass,
        _ => TierEnd::Deny,
    });
    CalicoTier { group, name, order: spec.order.map(order), end }
}

/// Cases have wholes and halves.
#[expect(clippy::cast_possible_truncation, reason = "orders of cases are small")]
fn order(number: f64) -> Order {
    Order((number * 2.0) as i32)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SetSpec {
    nets: Vec<String>,
}

fn nets(texts: &[String]) -> Result<Vec<Net>, Problem> {
    texts.iter().map(|text| net(text)).collect()
}

fn net(text: &str) -> Result<Net, Problem> {
    let problem = || format!("`{text}` is not a block");
    let (address, prefix) = text.split_once('/').unwrap_or((text, ""));
    let address = address.parse().map_err(|_| problem())?;
    match prefix {
        "" => Ok(Net::one(address)),
        _ => Ok(Net::of(address, prefix.parse().map_err(|_| problem())?)),
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct PolicySpec {
    tier: Option<String>,
    order: Option<f64>,
    selector: Option<String>,
    service_account_selector: Option<String>,
    namespace_selector: Option<String>,
    #[serde(default)]
    apply_on_forward: bool,
    #[serde(default, rename = "preDNAT")]
    pre_dnat: bool,
    #[serde(default)]
    do_not_track: bool,
    types: Option<Vec<String>>,
    ingress: Option<Vec<RuleSpec>>,
    egress: Option<Vec<RuleSpec>>,
    /// Of staged policies, which are for nobody (§1).
    #[serde(rename = "stagedAction")]
    _staged_action: Option<String>,
}

fn policy(
    (meta, annotation): (Meta, Option<Annotation>),
    (group, staged): (Group, bool),
    spec: PolicySpec,
) -> Result<CalicoPolicy, Problem> {
    let stage = match (spec.apply_on_forward, spec.pre_dnat, spec.do_not_track) {
        (_, true, _) => Some(HostStage::BeforeDnat),
        (_, _, true) => Some(HostStage::Untracked),
        (forward, ..) => forward.then_some(HostStage::Forward),
    };
    let rules = |rules: Option<Vec<RuleSpec>>| {
        rules.map(|rules| rules.into_iter().map(rule).collect::<Result<_, _>>()).transpose()
    };
    Ok(CalicoPolicy {
        group,
        namespace: meta.namespace,
        name: meta.name,
        annotation,
        staged,
        tier: spec.tier,
        order: spec.order.map(order),
        selector: optional(spec.selector)?,
        accounts: optional(spec.service_account_selector)?,
        namespaces: optional(spec.namespace_selector)?,
        stage,
        types: directions(spec.types),
        ingress: rules(spec.ingress)?,
        egress: rules(spec.egress)?,
    })
}

fn optional(text: Option<String>) -> Result<Option<Expression>, Problem> {
    text.map(|text| expression(&text)).transpose()
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct RuleSpec {
    action: String,
    ip_version: Option<u8>,
    protocol: Option<Value>,
    not_protocol: Option<Value>,
    source: Option<EntitySpec>,
    destination: Option<EntitySpec>,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
struct EntitySpec {
    nets: Vec<String>,
    not_nets: Vec<String>,
    selector: Option<String>,
    not_selector: Option<String>,
    namespace_selector: Option<String>,
    service_accounts: Option<AccountSpec>,
    ports: Vec<Value>,
    not_ports: Vec<Value>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct AccountSpec {
    #[serde(default)]
    names: Vec<String>,
    selector: Option<String>,
}

fn rule(spec: RuleSpec) -> Result<CalicoRule, Problem> {
    let action = match spec.action.as_str() {
        "Allow" => CalicoAction::Allow,
        "Deny" => CalicoAction::Deny,
        "Pass" => CalicoAction::Pass,
        _ => CalicoAction::Log,
    };
    Ok(CalicoRule {
        action,
        ip_version: spec.ip_version,
        protocol: spec.protocol.map(|value| protocol(&value)).transpose()?,
        not_protocol: spec.not_protocol.map(|value| protocol(&value)).transpose()?,
        source: entity(spec.source.unwrap_or_default())?,
        destination: entity(spec.destination.unwrap_or_default())?,
    })
}

fn protocol(value: &Value) -> Result<RuleProtocol, Problem> {
    let all = (1..=255).map(RuleProtocol::of);
    let mut named = all.filter(|one| one.name().is_some());
    let number = value.as_u64().and_then(|number| u8::try_from(number).ok());
    let found = match number {
        Some(number) => Some(RuleProtocol { number, by_name: false }),
        None => named.find(|one| one.name() == value.as_str()),
    };
    found.ok_or_else(|| format!("{value} is not a protocol"))
}

fn entity(spec: EntitySpec) -> Result<Entity, Problem> {
    let accounts = spec.service_accounts.map(|accounts| {
        let selector = optional(accounts.selector)?;
        Ok::<_, Problem>(AccountMatch { names: accounts.names, selector })
    });
    Ok(Entity {
        nets: nets(&spec.nets)?,
        not_nets: nets(&spec.not_nets)?,
        selector: optional(spec.selector)?,
        not_selector: optional(spec.not_selector)?,
        namespaces: optional(spec.namespace_selector)?,
        accounts: accounts.transpose()?,
        ports: spec.ports.iter().map(port).collect(),
        not_ports: spec.not_ports.iter().map(port).collect(),
    })
}

/// A number, a text of one, a range with `:`, or a name.
fn port(value: &Value) -> CalicoPort {
    let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let (first, last) = text.split_once(':').unwrap_or((&text, &text));
    match (first.parse(), last.parse()) {
        (Ok(first), Ok(last)) => CalicoPort::Range(first, last),
        _ => CalicoPort::Named(text),
    }
}
