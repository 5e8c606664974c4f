//! What Calico's policies say of the node itself, and is not enforced.

use portcullis_engine::Session;

/// Host endpoints of a node, as a sentence; none if it has none.
pub fn notes(session: &Session, node: &str) -> Vec<String> {
    let hosts = session.policies().hosts().of_node(node);
    let names: Vec<&str> = hosts.map(|host| &**host.place.name()).collect();
    if names.is_empty() {
        return Vec::new();
    }
    let all = names.join(", ");
    vec![format!(
        "HostEndpoint not enforced: {all}; what the node itself sends, receives and forwards is \
         policed by pods' policies alone"
    )]
}

#[cfg(test)]
mod tests {
    use portcullis_engine::{Change, Options, SourceFile};

    use super::*;

    #[test]
    fn host_endpoints_of_the_node_are_named() {
        let endpoint = |name: &str, node: &str| {
            format!(
                "apiVersion: projectcalico.org/v3\nkind: HostEndpoint\nmetadata: {{name: {name}}}\n\
                 spec: {{node: {node}, interfaceName: eth0}}\n---\n"
            )
        };
        let text = [endpoint("a", "n1"), endpoint("b", "n2")].concat();
        let file = SourceFile::new("all.yaml", text.as_bytes());
        let session = Session::new(Options::default()).apply(vec![Change::Put(file)]);
        let said = notes(&session, "n1");
        assert!(matches!(&*said, [one] if one.starts_with("HostEndpoint not enforced: a;")));
        assert!(notes(&session, "n3").is_empty());
    }
}
