use super::*;
use crate::diagnostic::Code;
use crate::manifest::{Direction, read_document};

/// The object of a manifest, and the codes and messages of its findings, without what says that it
/// is not evaluated.
fn object(text: &str) -> (CalicoObject, Vec<(Code, String)>) {
    let document = read_document(text);
    let object = document.calico.first().expect("an object");
    let findings = document.findings.iter().filter(|finding| finding.code != Code::NotJudged);
    let findings = findings
        .map(|one| (one.code, format!("{}: {}", one.path.as_deref().unwrap_or(""), one.message)));
    (CalicoObject::clone(object), findings.collect())
}

fn policy(kind: &str, spec: &str) -> (CalicoPolicy, Vec<(Code, String)>) {
    let version =
        if kind.starts_with("crd ") { "crd.projectcalico.org/v1" } else { "projectcalico.org/v3" };
    let kind = kind.trim_start_matches("crd ");
    let text = format!(
        "apiVersion: {version}\nkind: {kind}\nmetadata: {{name: p, namespace: shop}}\nspec: {spec}\n"
    );
    let (object, findings) = object(&text);
    let CalicoBody::Policy(policy) = object.body else { panic!("{text}") };
    (*policy, findings)
}

fn codes(kind: &str, spec: &str) -> Vec<Code> {
    policy(kind, spec).1.into_iter().map(|(code, _)| code).collect()
}

fn directions(policy: &CalicoPolicy) -> Vec<Direction> {
    Direction::BOTH.into_iter().filter(|one| policy.rules[*one].is_some()).collect()
}

#[test]
fn a_group_decides_what_missing_types_mean() {
    use Direction::{Egress, Ingress};
    let egress = "{egress: [{action: Allow}]}";
    let ingress = "{ingress: [{action: Allow}]}";
    for (kind, spec, expected) in [
        ("NetworkPolicy", "{}", vec![Ingress]),
        ("NetworkPolicy", egress, vec![Egress]),
        ("NetworkPolicy", ingress, vec![Ingress]),
        (
            "NetworkPolicy",
            "{ingress: [{action: Allow}], egress: [{action: Deny}]}",
            vec![Ingress, Egress],
        ),
        ("crd NetworkPolicy", egress, vec![Ingress, Egress]),
        ("crd NetworkPolicy", "{types: [Egress]}", vec![Egress]),
    ] {
        assert_eq!(directions(&policy(kind, spec).0), expected, "{kind} {spec}");
    }
    assert_eq!(codes("crd NetworkPolicy", egress), [Code::TypesLeftOut]);
    assert_eq!(codes("NetworkPolicy", egress), []);
}

#[test]
fn a_whole_policy_is_read() {
    let (read, findings) = policy(
        "GlobalNetworkPolicy",
        "{tier: sec, order: 100.5, selector: app == 'web', namespaceSelector: team == 'ops', applyOnForward: true, preDNAT: true,
          types: [Ingress], ingress: [{action: Deny, protocol: TCP, ipVersion: 4,
            source: {nets: [10.0.0.0/8, 192.0.2.1/32], notNets: [10.1.0.0/16], notSelector: has(x), serviceAccounts: {names: [a], selector: b == 'c'}},
            destination: {ports: [80, '8080:8090', http, '443'], notPorts: [81]}}, {action: Log, protocol: 112}, {action: Pass, protocol: ICMP, icmp: {type: 8, code: 0}}]}",
    );
    assert_eq!(findings, []);
    assert_eq!((&*read.tier, read.order), ("sec", Some(Order(100.5))));
    assert!(read.stages.before_dnat && read.stages.forward && !read.stages.untracked);
    let rules = read.rules[Direction::Ingress].as_ref().unwrap();
    let actions: Vec<_> = rules.iter().map(|rule| rule.action.unwrap()).collect();
    assert_eq!(actions, [CalicoAction::Deny, CalicoAction::Log, CalicoAction::Pass]);
    let first = rules.first().unwrap();
    assert_eq!((first.source.nets.len(), first.destination.ports.len()), (2, 4));
    assert_eq!(first.destination.ports[1], CalicoPort::Range(8080, 8090));
    assert_eq!(first.destination.ports[3], CalicoPort::Range(443, 443));
    assert_eq!(rules[1].protocol, Some(CalicoProtocol::Number(112)));
}

#[test]
fn what_calico_refuses_is_said() {
    for (kind, spec, code) in [
        ("NetworkPolicy", "{selector: app = 'x'}", Code::Expression),
        ("NetworkPolicy", "{selector: global()}", Code::Expression),
        ("NetworkPolicy", "{namespaceSelector: all()}", Code::UnknownField),
        ("NetworkPolicy", "{tyeps: [Ingress]}", Code::UnknownField),
        ("NetworkPolicy", "{types: [ingress]}", Code::EnumCase),
        ("NetworkPolicy", "{types: [Ingress, Ingress]}", Code::DuplicateItem),
        ("NetworkPolicy", "{types: []}", Code::ListLength),
        ("NetworkPolicy", "{order: first}", Code::WrongType),
        ("NetworkPolicy", "{ingress: [{}]}", Code::MissingField),
        ("NetworkPolicy", "{ingress: [{action: allow}]}", Code::EnumCase),
        ("NetworkPolicy", "{ingress: [{action: Accept}]}", Code::UnknownWord),
        ("NetworkPolicy", "{ingress: [{action: Allow, protocol: tpc}]}", Code::ProtocolUnsupported),
        ("NetworkPolicy", "{ingress: [{action: Allow, protocol: 0}]}", Code::ProtocolUnsupported),
        (
            "NetworkPolicy",
            "{ingress: [{action: Allow, destination: {ports: [80]}}]}",
            Code::MissingField,
        ),
        (
            "NetworkPolicy",
            "{ingress: [{action: Allow, protocol: ICMP, destination: {ports: [http]}}]}",
            Code::MissingField,
        ),
        (
            "NetworkPolicy",
            "{ingress: [{action: Allow, protocol: TCP, destination: {ports: [0]}}]}",
            Code::PortRange,
        ),
        (
            "NetworkPolicy",
            "{ingress: [{action: Allow, protocol: TCP, destination: {ports: ['90:80']}}]}",
            Code::PortRangeOrder,
        ),
        (
            "NetworkPolicy",
            "{ingress: [{action: Allow, protocol: TCP, destination: {ports: ['80, 90']}}]}",
            Code::PortName,
        ),
        ("NetworkPolicy", "{ingress: [{action: Allow, icmp: {type: 8}}]}", Code::FieldConflict),
        (
            "NetworkPolicy",
            "{ingress: [{action: Allow, protocol: ICMP, icmp: {code: 0}}]}",
            Code::FieldConflict,
        ),
        (
            "NetworkPolicy",
            "{ingress: [{action: Allow, protocol: ICMPv6, ipVersion: 4}]}",
            Code::FieldConflict,
        ),
        (
            "NetworkPolicy",
            "{ingress: [{action: Allow, source: {nets: [10.0.0.0/8, 'fd00::/8']}}]}",
            Code::FieldConflict,
        ),
        (
            "NetworkPolicy",
            "{ingress: [{action: Allow, ipVersion: 6, source: {nets: [10.0.0.0/8]}}]}",
            Code::FieldConflict,
        ),
        (
            "NetworkPolicy",
            "{ingress: [{action: Allow, source: {nets: [10.0.0.0/33]}}]}",
            Code::CidrInvalid,
        ),
        (
            "NetworkPolicy",
            "{ingress: [{action: Allow, source: {nets: [example.com]}}]}",
            Code::CidrInvalid,
        ),
        (
            "NetworkPolicy",
            "{ingress: [{action: Allow, destination: {services: {name: a}}}]}",
            Code::FieldConflict,
        ),
        (
            "NetworkPolicy",
            "{egress: [{action: Allow, destination: {services: {name: a}, selector: has(x)}}]}",
            Code::FieldConflict,
        ),
        (
            "NetworkPolicy",
            "{egress: [{action: Allow, destination: {services: {}}}]}",
            Code::MissingField,
        ),
        (
            "GlobalNetworkPolicy",
            "{egress: [{action: Allow, destination: {services: {name: a}}}]}",
            Code::MissingField,
        ),
        (
            "NetworkPolicy",
            "{egress: [{action: Allow, destination: {namespaceSelector: global() || has(x)}}]}",
            Code::Expression,
        ),
        (
            "NetworkPolicy",
            "{ingress: [{action: Deny, http: {methods: [GET]}}]}",
            Code::FieldConflict,
        ),
        (
            "NetworkPolicy",
            "{ingress: [{action: Allow, http: {methods: [GET]}}]}",
            Code::ApplicationLayer,
        ),
        ("GlobalNetworkPolicy", "{preDNAT: true}", Code::FieldConflict),
        (
            "GlobalNetworkPolicy",
            "{preDNAT: true, doNotTrack: true, applyOnForward: true}",
            Code::FieldConflict,
        ),
        (
            "GlobalNetworkPolicy",
            "{preDNAT: true, applyOnForward: true, egress: [{action: Allow}]}",
            Code::FieldConflict,
        ),
        (
            "GlobalNetworkPolicy",
            "{preDNAT: true, applyOnForward: true, types: [Egress]}",
            Code::FieldConflict,
        ),
        ("StagedNetworkPolicy", "{stagedAction: set}", Code::EnumCase),
        (
            "NetworkPolicy",
            "{ingress: [{action: Allow, source: {nets: [10.1.1.1/8]}}]}",
            Code::CidrHostBits,
        ),
        (
            "NetworkPolicy",
            "{ingress: [{action: Allow, source: {nets: [10.1.1.1]}}]}",
            Code::CidrHostBits,
        ),
        ("StagedNetworkPolicy", "{stagedAction: Delete, selector: all()}", Code::FieldConflict),
        (
            "NetworkPolicy",
            "{ingress: [{action: Allow, protocol: tcp, destination: {ports: [80]}}]}",
            Code::ProtocolUnsupported,
        ),
        ("NetworkPolicy", "[]", Code::WrongType),
    ] {
        assert_eq!(codes(kind, spec), [code], "{kind} {spec}");
    }
}

/// Kinds of Calico's groups that are not read here.
#[test]
fn misspelt_kinds_and_other_versions_are_told_from_kinds_that_are_not_read() {
    let code = |kind: &str, version: &str| {
        let text = format!("apiVersion: {version}\nkind: {kind}\nmetadata: {{name: p}}\n");
        read_document(&text).findings.first().map(|finding| finding.code)
    };
    for kind in ["Networkpolicy", "GlobalNetworkPolicies", "GlobalNetworkSets", "HostEndpoints"] {
        assert_eq!(code(kind, "projectcalico.org/v3"), Some(Code::UnknownKind), "{kind}");
    }
    for kind in ["NetworkPolicy", "Tier"] {
        let other = Some(Code::UnsupportedVersion);
        assert_eq!(code(kind, "projectcalico.org/v1"), other, "{kind}");
        assert_eq!(code(kind, "crd.projectcalico.org/v3"), other, "{kind}");
    }
    for kind in [
        "BGPConfiguration",
        "BGPFilter",
        "BGPPeer",
        "BlockAffinity",
        "CalicoNodeStatus",
        "ClusterInformation",
        "EgressGatewayPolicy",
        "ExternalNetwork",
        "GlobalAlert",
        "GlobalReport",
        "GlobalThreatFeed",
        "IPAMBlock",
        "IPAMConfig",
        "IPAMHandle",
        "IPPool",
        "IPReservation",
        "KubeControllersConfiguration",
        "Node",
        "PacketCapture",
        "RemoteClusterConfiguration",
        "WorkloadEndpoint",
    ] {
        assert_eq!(code(kind, "projectcalico.org/v3"), None, "{kind}");
    }
}

/// A fault is said once.
#[test]
fn lists_are_read_once() {
    for spec in ["{types: [1]}", "{types: Ingress}", "{performanceHints: [x]}", "{types: [null]}"] {
        assert_eq!(codes("NetworkPolicy", spec).len(), 1, "{spec}");
    }
}

#[test]
fn other_kinds() {
    let text = |kind: &str, name: &str, spec: &str| {
        format!(
            "apiVersion: projectcalico.org/v3\nkind: {kind}\nmetadata: {{name: {name}}}\nspec: {spec}\n"
        )
    };
    let found = |kind: &str, name: &str, spec: &str| {
        let (object, findings) = object(&text(kind, name, spec));
        (object.body, findings.into_iter().map(|(code, _)| code).collect::<Vec<_>>())
    };
    let (body, codes) = found("Tier", "sec", "{order: 10, defaultAction: Pass}");
    assert_eq!(body, CalicoBody::Tier(CalicoTier { order: Some(Order(10.0)), end: TierEnd::Pass }));
    assert_eq!(codes, []);
    assert_eq!(found("Tier", "a.b", "{}").1, [Code::BadName]);
    assert_eq!(found("Tier", "default", "{order: 5}").1, [Code::FieldConflict]);
    assert_eq!(found("Tier", "kube-admin", "{order: 1000}").1, [Code::FieldConflict]);
    assert_eq!(found("Tier", "kube-admin", "{order: 1000, defaultAction: Pass}").1, []);
    let (body, codes) =
        found("GlobalNetworkSet", "bad", "{nets: [10.0.0.0/8, nonsense, 192.0.2.1]}");
    assert!(matches!(body, CalicoBody::NetworkSet(nets) if nets.len() == 2));
    assert_eq!(codes, [Code::CidrInvalid]);
    assert_eq!(
        found("HostEndpoint", "h", "{node: n1, interfaceName: eth0, expectedIPs: [192.0.2.7]}").1,
        []
    );
    assert_eq!(found("HostEndpoint", "h", "{node: n1}").1, [Code::MissingField]);
    assert_eq!(found("HostEndpoint", "h", "{interfaceName: '*'}").1, [Code::MissingField]);
    assert_eq!(
        found("HostEndpoint", "h", "{node: n1, expectedIPs: [10.0.0.0/8]}").1,
        [Code::Address]
    );
    assert_eq!(found("HostEndpoint", "h", "{node: n1, interfaceName: 'a b'}").1, [Code::BadName]);
}

#[test]
fn what_is_stored_stands_where_only_the_api_refuses() {
    let spec = "{types: [Ingress], ingress: [{action: Allow, destination: {ports: [80]}}]}";
    let read = |version: &str| {
        read_document(&format!(
            "apiVersion: {version}\nkind: NetworkPolicy\nmetadata: {{name: p}}\nspec: {spec}\n"
        ))
    };
    let help = |version: &str| {
        let found = read(version).findings.into_iter().find(|one| one.code == Code::MissingField);
        found.and_then(|finding| finding.help).unwrap_or_default()
    };
    assert!(help("crd.projectcalico.org/v1").contains("stored"));
    assert!(!help("projectcalico.org/v3").contains("stored"));
}
