//! Manifests of pods and namespaces that may come to be.

use std::fmt::Write as _;

use super::places::Place;
use super::pods::NewPod;
use crate::cluster::NAME_LABEL;
use crate::manifest::LabelList;

/// Namespaces and pods as documents of YAML.
pub fn manifests<'p>(
    places: impl Iterator<Item = &'p Place>,
    pods: impl Iterator<Item = &'p NewPod>,
) -> String {
    let mut text = String::new();
    for place in places {
        let labels: LabelList =
            place.labels.iter().filter(|(key, _)| **key != *NAME_LABEL).cloned().collect();
        let (name, labels) = (&place.name, mapping(&labels));
        let _ = writeln!(
            text,
            "---\napiVersion: v1\nkind: Namespace\nmetadata: {{name: \"{name}\", labels: {labels}}}"
        );
    }
    pods.for_each(|pod| write_pod(pod, &mut text));
    text
}

fn write_pod(pod: &NewPod, text: &mut String) {
    let NewPod { name, namespace, labels, ports, address } = pod;
    let _ = writeln!(
        text,
        "---\napiVersion: v1\nkind: Pod\nmetadata: {{name: \"{name}\", namespace: \"{namespace}\", labels: {}}}\nspec:\n  containers:",
        mapping(labels)
    );
    // A name stands once in a container, and may stand for another number in the next one.
    let mut lists: Vec<Vec<String>> = vec![Vec::new()];
    let mut names: Vec<Vec<&str>> = vec![Vec::new()];
    for port in ports {
        let entry = format!(
            "{{name: \"{}\", protocol: {}, containerPort: {}}}",
            port.name, port.protocol, port.port
        );
        let free = names.iter().position(|used| !used.contains(&&*port.name));
        match free.and_then(|at| Some((lists.get_mut(at)?, names.get_mut(at)?))) {
            Some((list, used)) => {
                list.push(entry);
                used.push(&port.name);
            }
            None => {
                lists.push(vec![entry]);
                names.push(vec![&port.name]);
            }
        }
    }
    for (number, list) in lists.iter().enumerate() {
        let ports = list.join(", ");
        let _ = writeln!(text, "  - {{name: c{number}, image: \"none\", ports: [{ports}]}}");
    }
    if let Some(address) = address {
        let _ = writeln!(
            text,
            "status: {{phase: Running, podIP: \"{address}\", podIPs: [{{ip: \"{address}\"}}]}}"
        );
    }
}

fn mapping(labels: &LabelList) -> String {
    let labels: Vec<String> =
        labels.iter().map(|(key, value)| format!("\"{key}\": \"{value}\"")).collect();
    format!("{{{}}}", labels.join(", "))
}
