//! What operators should know of the node's HostEndpoints.

use portcullis_engine::Session;
use portcullis_engine::dataplane::{HostWiring, Wiring};
use portcullis_engine::manifest::Mode;
use portcullis_engine::policy::CompiledHost;

/// What is not enforced as it is written, each as a sentence; often none.
pub fn notes(session: &Session, node: &str, (wiring, mode): (&Wiring, Mode)) -> Vec<String> {
    let endpoints = || session.policies().hosts().of_node(node);
    let (Some(host), Mode::Enforce) = (&wiring.host, mode) else {
        return not_enforced(endpoints(), mode).into_iter().collect();
    };
    endpoints().filter_map(|endpoint| unbound(endpoint, (host, wiring))).collect()
}

fn not_enforced<'h>(
    endpoints: impl Iterator<Item = &'h CompiledHost>,
    mode: Mode,
) -> Option<String> {
    let names: Vec<&str> = endpoints.map(|host| &**host.place.name()).collect();
    let why = match mode {
        Mode::Enforce => "--host-endpoints off",
        Mode::Audit => "--mode audit",
    };
    let all = names.join(", ");
    (!names.is_empty()).then(|| {
        format!(
            "HostEndpoint not enforced ({why}): {all}; what the node itself sends, receives and \
             forwards is policed by pods' policies alone"
        )
    })
}

/// Why policies of a host endpoint are asked at no interface.
fn unbound(endpoint: &CompiledHost, (host, wiring): (&HostWiring, &Wiring)) -> Option<String> {
    let name = endpoint.place.name();
    match endpoint.place.interface.as_deref() {
        Some("*") => None,
        Some(interface) => {
            let of_pods = wiring.pods.iter().chain(&wiring.forwarders);
            if { of_pods }.any(|pods| pods.contains(interface)) {
                return Some(format!(
                    "HostEndpoint {name} is not enforced: {interface} leads to pods, which have \
                     policies of their own"
                ));
            }
            let is_there = host.interfaces.iter().any(|(known, _)| known.as_str() == interface);
            (!is_there)
                .then(|| format!("HostEndpoint {name}: this node has no interface {interface}"))
        }
        None => {
            let has = |address| endpoint.place.addresses.contains(address);
            let is_there = host.interfaces.iter().any(|(_, own)| own.iter().any(has));
            (!is_there).then(|| {
                format!(
                    "HostEndpoint {name} is not enforced: no interface of this node has one of its \
                     expectedIPs"
                )
            })
        }
    }
}

#[cfg(test)]
mod tests {
    use portcullis_engine::dataplane::UNKNOWN_WIRING;
    use portcullis_engine::manifest::calico::HostAction;
    use portcullis_engine::{Change, Options, SourceFile};

    use super::*;

    fn session(endpoints: &[(&str, &str, &str)]) -> Session {
        let endpoint = |(name, node, spec): &(&str, &str, &str)| {
            format!(
                "apiVersion: projectcalico.org/v3\nkind: HostEndpoint\nmetadata: {{name: {name}}}\n\
                 spec: {{node: {node}, {spec}}}\n---\n"
            )
        };
        let text: String = endpoints.iter().map(endpoint).collect();
        let file = SourceFile::new("all.yaml", text.as_bytes());
        Session::new(Options::default()).apply(vec![Change::Put(file)])
    }

    #[test]
    fn host_endpoints_that_are_not_enforced_are_named() {
        let session =
            session(&[("a", "n1", "interfaceName: eth0"), ("b", "n2", "interfaceName: eth0")]);
        let said = |node, mode| notes(&session, node, (&UNKNOWN_WIRING, mode));
        let off = said("n1", Mode::Enforce);
        assert!(
            matches!(&*off, [one] if one.starts_with("HostEndpoint not enforced (--host-endpoints off): a;")),
            "{off:?}"
        );
        let audit = said("n1", Mode::Audit);
        assert!(matches!(&*audit, [one] if one.contains("(--mode audit): a;")), "{audit:?}");
        assert!(said("n3", Mode::Enforce).is_empty());
    }

    #[test]
    fn those_without_an_interface_are_named() {
        let session = session(&[
            ("a", "n1", "interfaceName: eth0"),
            ("b", "n1", "interfaceName: gone0"),
            ("c", "n1", "interfaceName: veth9"),
            ("d", "n1", "interfaceName: '*'"),
            ("e", "n1", "expectedIPs: [192.0.2.7]"),
            ("f", "n1", "expectedIPs: [192.0.2.8]"),
        ]);
        let interfaces = vec![("eth0".parse().unwrap(), vec!["192.0.2.7".parse().unwrap()])];
        let host = Some(HostWiring { interfaces, to_host: HostAction::Accept });
        let wiring = Wiring { pods: vec!["veth+".parse().unwrap()], host, ..Wiring::default() };
        assert_eq!(
            notes(&session, "n1", (&wiring, Mode::Enforce)),
            [
                "HostEndpoint b: this node has no interface gone0",
                "HostEndpoint c is not enforced: veth9 leads to pods, which have policies of their own",
                "HostEndpoint f is not enforced: no interface of this node has one of its expectedIPs",
            ]
        );
    }
}
