//! A pod's fields that decide something.

use std::collections::BTreeMap;

use portcullis_engine::tree::Value;
use prost::Message;

use super::Malformed;

/// `Pod`.
#[derive(Clone, PartialEq, Message)]
pub struct Pod {
    #[prost(message, optional, tag = "1")]
    metadata: Option<ObjectMeta>,
    #[prost(message, optional, tag = "2")]
    spec: Option<PodSpec>,
    #[prost(message, optional, tag = "3")]
    status: Option<PodStatus>,
}

/// `ObjectMeta`.
#[derive(Clone, PartialEq, Message)]
pub struct ObjectMeta {
    /// `name`.
    #[prost(string, tag = "1")]
    pub name: String,
    /// `namespace`.
    #[prost(string, tag = "3")]
    pub namespace: String,
    /// `resourceVersion`.
    #[prost(string, tag = "6")]
    pub resource_version: String,
    #[prost(message, optional, tag = "8")]
    creation_timestamp: Option<Time>,
    #[prost(btree_map = "string, string", tag = "11")]
    labels: BTreeMap<String, String>,
    /// `annotations`: the end of a list is marked by one.
    #[prost(btree_map = "string, string", tag = "12")]
    pub annotations: BTreeMap<String, String>,
    #[prost(message, repeated, tag = "13")]
    owner_references: Vec<OwnerReference>,
}

/// `Time`, since 1970.
#[derive(Clone, PartialEq, Message)]
struct Time {
    #[prost(int64, tag = "1")]
    seconds: i64,
}

/// `OwnerReference`.
#[derive(Clone, PartialEq, Message)]
struct OwnerReference {
    #[prost(string, tag = "1")]
    kind: String,
    #[prost(string, tag = "3")]
    name: String,
    #[prost(bool, tag = "6")]
    controller: bool,
}

/// `PodSpec`.
#[derive(Clone, PartialEq, Message)]
struct PodSpec {
    #[prost(message, repeated, tag = "2")]
    containers: Vec<Container>,
    #[prost(string, tag = "8")]
    service_account_name: String,
    #[prost(string, tag = "10")]
    node_name: String,
    #[prost(bool, tag = "11")]
    host_network: bool,
    #[prost(message, repeated, tag = "20")]
    init_containers: Vec<Container>,
}

/// `Container`.
#[derive(Clone, PartialEq, Message)]
struct Container {
    #[prost(message, repeated, tag = "6")]
    ports: Vec<ContainerPort>,
    #[prost(string, tag = "24")]
    restart_policy: String,
}

/// `ContainerPort`.
#[derive(Clone, PartialEq, Message)]
struct ContainerPort {
    #[prost(string, tag = "1")]
    name: String,
    #[prost(int32, tag = "3")]
    container_port: i32,
    #[prost(string, tag = "4")]
    protocol: String,
}

/// `PodStatus`.
#[derive(Clone, PartialEq, Message)]
struct PodStatus {
    #[prost(string, tag = "1")]
    phase: String,
    #[prost(string, tag = "5")]
    host_ip: String,
    #[prost(string, tag = "6")]
    pod_ip: String,
    #[prost(message, repeated, tag = "12")]
    pod_ips: Vec<PodIp>,
}

/// `PodIP`.
#[derive(Clone, PartialEq, Message)]
struct PodIp {
    #[prost(string, tag = "1")]
    ip: String,
}

impl Pod {
    /// `metadata`.
    ///
    /// # Errors
    /// If it is missing: every object has it.
    pub fn metadata(&self) -> Result<&ObjectMeta, Malformed> {
        self.metadata.as_ref().ok_or(Malformed::Metadata)
    }

    /// The tree that the same pod in JSON would be read as.
    ///
    /// # Errors
    /// If a time is none.
    pub fn tree(&self) -> Result<Value<'_>, Malformed> {
        Ok(present([
            ("metadata", self.metadata.as_ref().map(ObjectMeta::tree).transpose()?),
            ("spec", self.spec.as_ref().map(PodSpec::tree)),
            ("status", self.status.as_ref().map(PodStatus::tree)),
        ]))
    }
}

impl ObjectMeta {
    fn tree(&self) -> Result<Value<'_>, Malformed> {
        let created = self.creation_timestamp.as_ref().map(Time::tree).transpose()?;
        Ok(present([
            ("name", text(&self.name)),
            ("namespace", text(&self.namespace)),
            ("creationTimestamp", created),
            ("labels", texts(&self.labels)),
            ("annotations", texts(&self.annotations)),
            ("ownerReferences", list(&self.owner_references, OwnerReference::tree)),
        ]))
    }
}

impl Time {
    fn tree(&self) -> Result<Value<'_>, Malformed> {
        let time = jiff::Timestamp::from_second(self.seconds).map_err(|_| Malformed::Time)?;
        Ok(Value::Str(time.to_string().into()))
    }
}

impl OwnerReference {
    fn tree(&self) -> Value<'_> {
        present([
            ("kind", text(&self.kind)),
            ("name", text(&self.name)),
            ("controller", flag(self.controller)),
        ])
    }
}

impl PodSpec {
    fn tree(&self) -> Value<'_> {
        present([
            ("containers", list(&self.containers, Container::tree)),
            ("serviceAccountName", text(&self.service_account_name)),
            ("nodeName", text(&self.node_name)),
            ("hostNetwork", flag(self.host_network)),
            ("initContainers", list(&self.init_containers, Container::tree)),
        ])
    }
}

impl Container {
    fn tree(&self) -> Value<'_> {
        present([
            ("ports", list(&self.ports, ContainerPort::tree)),
            ("restartPolicy", text(&self.restart_policy)),
        ])
    }
}

impl ContainerPort {
    fn tree(&self) -> Value<'_> {
        present([
            ("name", text(&self.name)),
            ("containerPort", Some(Value::Number(self.container_port.into()))),
            ("protocol", text(&self.protocol)),
        ])
    }
}

impl PodStatus {
    fn tree(&self) -> Value<'_> {
        present([
            ("phase", text(&self.phase)),
            ("hostIP", text(&self.host_ip)),
            ("podIP", text(&self.pod_ip)),
            ("podIPs", list(&self.pod_ips, PodIp::tree)),
        ])
    }
}

impl PodIp {
    fn tree(&self) -> Value<'_> {
        present([("ip", text(&self.ip))])
    }
}

/// Those that there are.
fn present<'v, const N: usize>(fields: [(&'v str, Option<Value<'v>>); N]) -> Value<'v> {
    Value::mapping(fields.into_iter().filter_map(|(name, value)| Some((name, value?))))
}

/// A text; none if it is empty, which is how none is written.
fn text(text: &str) -> Option<Value<'_>> {
    (!text.is_empty()).then(|| Value::Str(text.into()))
}

/// What JSON leaves out unless it is so.
fn flag(is_so: bool) -> Option<Value<'static>> {
    is_so.then_some(Value::Bool(true))
}

fn texts(texts: &BTreeMap<String, String>) -> Option<Value<'_>> {
    let entries = texts.iter().map(|(key, value)| (key.as_str(), Value::Str(value.into())));
    (!texts.is_empty()).then(|| Value::mapping(entries))
}

fn list<'v, T>(items: &'v [T], tree: fn(&'v T) -> Value<'v>) -> Option<Value<'v>> {
    (!items.is_empty()).then(|| Value::Seq(items.iter().map(|item| tree(item).into()).collect()))
}
