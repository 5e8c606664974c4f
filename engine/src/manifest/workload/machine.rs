//! Virtual machines of KubeVirt: each runs in a pod that `virt-launcher` makes of it.

use super::super::meta::LabelList;
use super::super::pod::{NamedPort, PodSpec};
use super::super::read::{Path, Reader};
use super::{Workload, WorkloadKind};
use crate::net::Protocol;
use crate::tree::{Node, Value};

/// Reads a VirtualMachineInstance, whose own labels are those of its pod.
pub fn read_instance(reader: &mut Reader, spec: &Path<'_>, object: &Node<'_>) -> Workload {
    let node = object.get("spec");
    Workload {
        kind: WorkloadKind::VirtualMachineInstance,
        replicas: None,
        indexes: None,
        first_replica: 0,
        labels: labels(object),
        pod: read_spec(reader, spec, node),
        template_of: None,
        marked: Vec::new(),
    }
}

/// The labels of an object; what is wrong with them is reported where `metadata` is read.
fn labels(object: &Node<'_>) -> LabelList {
    let labels = object.get("metadata").and_then(|metadata| metadata.get("labels"));
    Reader::default().labels(&Path::Root, labels)
}

/// Reads the `spec` of an instance: its pod has the ports of its interfaces, and a network of its
/// own.
///
/// # Source
/// KubeVirt, pkg/virt-controller/services: `getPortsFromVMI`, `podLabels`.
pub fn read_spec(reader: &mut Reader, path: &Path<'_>, node: Option<&Node<'_>>) -> PodSpec {
    let interfaces = node.and_then(|spec| spec.get("domain")?.get("devices")?.get("interfaces"));
    let path = path.field("domain");
    let path = path.field("devices");
    let path = path.field("interfaces");
    let mut ports = Vec::new();
    for (i, interface) in reader.items(&path, interfaces).iter().enumerate() {
        let path = path.item(i);
        let path = path.field("ports");
        for (i, port) in reader.items(&path, interface.get("ports")).iter().enumerate() {
            ports.extend(named_port(reader, &path.item(i), port));
        }
    }
    ports.sort_unstable();
    ports.dedup();
    PodSpec { ports, ..PodSpec::default() }
}

fn named_port(reader: &mut Reader, path: &Path<'_>, port: &Node<'_>) -> Option<NamedPort> {
    if !matches!(port.value, Value::Map(_)) {
        return None;
    }
    let name = reader.string(&path.field("name"), port.get("name"));
    let number = reader.integer(&path.field("port"), port.get("port"));
    let word = reader.string(&path.field("protocol"), port.get("protocol"));
    let word = word.filter(|word| !word.is_empty());
    let protocol = word.map_or(Some(Protocol::Tcp), Protocol::from_name)?;
    let port = u16::try_from(number?).ok().filter(|port| *port > 0)?;
    let name = name.filter(|name| !name.is_empty())?;
    Some(NamedPort { name: name.into(), protocol, port })
}
