//! What the API server is asked about the objects that policies are about: Pods, kinds that make
//! them, Services, Namespaces and Nodes.

use std::collections::BTreeSet;

use super::repeated;

/// A name and a manifest.
pub type ObjectCase = (String, String);

/// Kinds that have a template, with their API version and what stands beside `template`.
const WORKLOADS: &[(&str, &str, &str)] = &[
    ("Deployment", "apps/v1", "selector: {matchLabels: {a: b}}, "),
    ("DaemonSet", "apps/v1", "selector: {matchLabels: {a: b}}, "),
    ("StatefulSet", "apps/v1", "selector: {matchLabels: {a: b}}, serviceName: s, "),
    ("ReplicaSet", "apps/v1", "selector: {matchLabels: {a: b}}, "),
    ("ReplicationController", "v1", "selector: {a: b}, "),
    ("Job", "batch/v1", ""),
    ("CronJob", "batch/v1", ""),
];

/// `ports` of a container.
const CONTAINER_PORTS: &[&str] = &[
    "null", "[]", "{}", "\"\"", "[{}]", "[null]", "[80]", "[{containerPort: 80}]",
    "[{containerPort: 0}]", "[{containerPort: 1}]", "[{containerPort: 65535}]",
    "[{containerPort: 65536}]", "[{containerPort: -1}]", "[{containerPort: \"80\"}]",
    "[{containerPort: 80.5}]", "[{containerPort: null}]", "[{containerPort: true}]",
    "[{containerPort: 2147483648}]", "[{name: http}]", "[{name: http, containerPort: 80}]",
    "[{name: HTTP, containerPort: 80}]", "[{name: \"80\", containerPort: 80}]",
    "[{name: 80, containerPort: 80}]", "[{name: a--b, containerPort: 80}]",
    "[{name: -a, containerPort: 80}]", "[{name: a-, containerPort: 80}]",
    "[{name: a_b, containerPort: 80}]", "[{name: a.b, containerPort: 80}]",
    "[{name: <15>, containerPort: 80}]", "[{name: <16>, containerPort: 80}]",
    "[{name: 1a, containerPort: 80}]", "[{name: 9-9, containerPort: 80}]",
    "[{name: \"\", containerPort: 80}]", "[{name: null, containerPort: 80}]",
    "[{name: é, containerPort: 80}]", "[{name: \"a b\", containerPort: 80}]",
    "[{name: a, containerPort: 80}, {name: a, containerPort: 81}]",
    "[{name: a, containerPort: 80}, {name: b, containerPort: 80}]",
    "[{name: a, containerPort: 80}, {name: a, containerPort: 80, protocol: UDP}]",
    "[{name: A, containerPort: 80}, {name: A, containerPort: 81}]",
    "[{containerPort: 80}, {containerPort: 80}]", "[{containerPort: 80, protocol: TCP}]",
    "[{containerPort: 80, protocol: UDP}]", "[{containerPort: 80, protocol: SCTP}]",
    "[{containerPort: 80, protocol: tcp}]", "[{containerPort: 80, protocol: Tcp}]",
    "[{containerPort: 80, protocol: HTTP}]", "[{containerPort: 80, protocol: ICMP}]",
    "[{containerPort: 80, protocol: \"\"}]", "[{containerPort: 80, protocol: null}]",
    "[{containerPort: 80, protocol: 6}]", "[{containerPort: 80, protocol: \"TCP \"}]",
    "[{containerPort: 80, hostPort: 80}]", "[{containerPort: 80, hostPort: 0}]",
    "[{containerPort: 80, hostPort: 65536}]", "[{containerPort: 80, hostPort: -1}]",
    "[{containerPort: 80, hostPort: x}]", "[{containerPort: 80, hostIP: 192.0.2.1}]",
    "[{containerPort: 80, hostPort: 80}, {containerPort: 81, hostPort: 80}]",
    "[{containerPort: 80, hostPort: 80}, {containerPort: 81, hostPort: 80, protocol: UDP}]",
    "[{containerPort: 80, hostPort: 80}, {containerPort: 81, hostPort: 80, hostIP: 192.0.2.1}]",
    "[{port: 80}]", "[{containerport: 80}]", "[{containerPort: 80, Name: http}]",
    "[{containerPort: 80, portName: http}]", "[{containerPort: 80, protocols: UDP}]",
    "[{name: http, containerPorts: 80, containerPort: 80}]",
];

/// Some of these, for every kind with a template.
const FEW_PORTS: &[&str] = &[
    "[{name: http, containerPort: 80}]", "[{name: HTTP, containerPort: 80}]",
    "[{containerPort: 0}]", "[{containerPort: 80, protocol: udp}]", "[{containerport: 80}]",
    "[{name: a, containerPort: 80}, {name: a, containerPort: 81}]",
];

/// `spec` of a pod, beside a container.
const POD_SPECS: &[&str] = &[
    "hostNetwork: true", "hostNetwork: false", "hostNetwork: null", "hostNetwork: \"true\"",
    "hostNetwork: 1", "hostNetwrok: true", "hostnetwork: true", "HostNetwork: true",
    "hostNetworks: true", "hostPID: true", "hostIPC: true", "hostname: h", "nodeName: n1",
    "nodeName: \"\"", "nodeName: N1", "nodeName: 1", "nodename: n1", "nodeNam: n1", "label: {a: b}",
    "labels: {a: b}", "restartPolicy: Always", "restartPolicy: always", "restartPolicy: Sometimes",
    "initContainers: [{name: i, image: x, ports: [{name: http, containerPort: 81}]}]",
    "initContainers: [{name: i, image: x, ports: [{name: HTTP, containerPort: 81}]}]",
    "initContainers: [{name: i, image: x, ports: [{containerPort: 0}]}]",
    "initContainers: [{name: i, image: x, restartPolicy: Always, ports: [{containerPort: 81}]}]",
    "initContainers: [{name: i, image: x, restartPolicy: always, ports: [{containerPort: 81}]}]",
    "initContainers: [{name: i, image: x, restartPolicy: Always, ports: [{name: 81, containerPort: 81}]}]",
    "initcontainers: []", "initContainer: []", "container: []", "ephemeralContainers: []",
    "dnsPolicy: ClusterFirstWithHostNet", "subdomain: s", "unknown: 1", "ports: [{containerPort: 80}]",
    "terminationGracePeriodSeconds: 5", "securityContext: {runAsUser: 1}",
];

/// Containers that are not `{name: c, image: x}`.
const CONTAINERS: &[&str] = &[
    "[]", "null", "{}", "[null]", "[{}]", "[{name: c}]", "[{image: x}]", "[{name: C, image: x}]",
    "[{name: c.d, image: x}]", "[{name: c_d, image: x}]", "[{name: <63>, image: x}]",
    "[{name: <64>, image: x}]", "[{name: c, image: x}, {name: c, image: x}]",
    "[{name: c, image: x}, {name: d, image: x}]", "[{name: 1, image: x}]",
    "[{name: c, image: x, port: [{containerPort: 80}]}]", "[{name: c, image: x, Ports: []}]",
    "[{name: c, image: x, posts: []}]", "[{name: c, image: x, ports: [{name: a, containerPort: 1}]}, \
     {name: d, image: x, ports: [{name: a, containerPort: 2}]}]",
    "[{name: c, image: x, restartPolicy: Always}]",
];

/// Names; `<64>` stands for 64 letters.
const NAMES: &[&str] = &[
    "t", "t.t", "T", "\"1\"", "1t", "t-", "-t", "t_t", "<58>", "<63>", "<64>", "<253>", "<254>",
    "\"\"", "1",
];

/// `metadata.labels`.
const LABELS: &[&str] = &[
    "{a: b}", "{}", "null", "[]", "x", "{a: 1}", "{a: true}", "{a: ~}", "{a: \"-\"}",
    "{a: \"x y\"}", "{\"a b\": c}", "{\"\": a}", "{a: <63>}", "{a: <64>}", "{<64>: a}", "{A/a: b}",
    "{a/b/c: d}", "{a.b/c: d}", "{a: {}}", "{-a: b}",
];

/// `template` of a workload whose selector is `a: b`.
const TEMPLATES: &[&str] = &[
    "null", "{}", "[]", "\"\"", "{metadata: {labels: {a: b}}}",
    "{spec: {containers: [{name: c, image: x}]}}",
    "{metadata: {labels: {a: c}}, spec: {containers: [{name: c, image: x}]}}",
    "{metadata: {labels: {a: b, c: d}}, spec: {containers: [{name: c, image: x}]}}",
    "{metadata: {label: {a: b}}, spec: {containers: [{name: c, image: x}]}}",
    "{metadata: {Labels: {a: b}}, spec: {containers: [{name: c, image: x}]}}",
    "{metadata: {labels: {a: b}, label: {c: d}}, spec: {containers: [{name: c, image: x}]}}",
    "{metadata: {labels: {a: b, c: \"-\"}}, spec: {containers: [{name: c, image: x}]}}",
    "{metadata: {labels: {a: b, c: 1}}, spec: {containers: [{name: c, image: x}]}}",
    "{metadata: {labels: {a: b, \"c d\": e}}, spec: {containers: [{name: c, image: x}]}}",
    "{metadata: {labels: {a: b}, name: T_T}, spec: {containers: [{name: c, image: x}]}}",
    "{metadata: {labels: {a: b}, annotations: {a: 1}}, spec: {containers: [{name: c, image: x}]}}",
    "{metadata: {labels: {a: b}, annotations: {\"a b\": c}}, spec: {containers: [{name: c, image: x}]}}",
    "{metadata: {labels: {a: b}}, labels: {c: d}, spec: {containers: [{name: c, image: x}]}}",
    "{metadata: {labels: {a: b}}, Spec: {}, spec: {containers: [{name: c, image: x}]}}",
];

/// `selector` of a workload whose template's labels are `{a: b}`.
const SELECTORS: &[&str] = &[
    "null", "{}", "[]", "x", "{matchLabels: {a: b}}", "{matchLabels: {a: c}}", "{matchLabels: {}}",
    "{matchLabels: {a: b, c: d}}", "{matchLabel: {a: b}}", "{matchlabels: {a: b}}", "{a: b}",
    "{matchLabels: {a: 1}}", "{matchLabels: {a: \"-\"}}", "{matchLabels: {\"a b\": c}}",
    "{matchExpressions: [{key: a, operator: In, values: [b]}]}",
    "{matchExpressions: [{key: a, operator: NotIn, values: [b]}]}",
    "{matchExpressions: [{key: a, operator: Exists}]}",
    "{matchExpressions: [{key: a, operator: exists}]}",
    "{matchExpressions: [{key: a, operator: Exists, values: [b]}]}",
    "{matchExpressions: [{key: a, operator: In}]}",
    "{matchExpressions: [{key: c, operator: DoesNotExist}]}",
    "{matchLabels: {a: b}, matchExpressions: [{key: a, operator: In, values: [b, c]}]}",
];

/// What stands in a workload's `spec`.
const WORKLOAD_FIELDS: &[&str] = &[
    "replicas: 0", "replicas: 1", "replicas: -1", "replicas: \"2\"", "replicas: null",
    "replicas: 1.5", "replica: 2", "Replicas: 2", "minReadySeconds: 5", "unknown: 1",
    "labels: {a: b}", "revisionHistoryLimit: 1", "tempalte: {}", "selectors: {matchLabels: {a: b}}",
];

/// What stands in a StatefulSet's, a Job's or a CronJob's `spec`.
const OWN_FIELDS: &[(&str, &str)] = &[
    ("StatefulSet", "ordinals: {start: 1}"), ("StatefulSet", "ordinals: {start: -1}"),
    ("StatefulSet", "ordinals: {start: x}"), ("StatefulSet", "ordinal: {start: 1}"),
    ("StatefulSet", "ordinals: {begin: 1}"), ("StatefulSet", "podManagementPolicy: Parallel"),
    ("Job", "parallelism: 2"), ("Job", "parallelism: -1"), ("Job", "parallelism: x"),
    ("Job", "completions: 3"), ("Job", "completions: -1"), ("Job", "completionMode: Indexed"),
    ("Job", "completionMode: Indexed, completions: 3"), ("Job", "completionMode: indexed"),
    ("Job", "completionMode: NonIndexed"), ("Job", "backoffLimit: 1"), ("Job", "parallelisms: 2"),
    ("CronJob", "parallelism: 2"), ("CronJob", "parallelism: -1"),
    ("CronJob", "completionMode: Indexed, completions: 3"), ("CronJob", "completionMode: indexed"),
];

/// `spec` of a Service.
const SERVICES: &[&str] = &[
    "null", "{}", "[]", "{ports: []}", "{ports: [{port: 80}]}", "{selector: {a: b}}",
    "{selector: {a: b}, ports: [{port: 80}]}", "{selector: {}, ports: [{port: 80}]}",
    "{selector: null, ports: [{port: 80}]}", "{selector: {a: 1}, ports: [{port: 80}]}",
    "{selector: {a: \"-\"}, ports: [{port: 80}]}", "{selector: {\"a b\": c}, ports: [{port: 80}]}",
    "{selector: {a: <64>}, ports: [{port: 80}]}", "{selector: {matchLabels: {a: b}}, ports: [{port: 80}]}",
    "{selectors: {a: b}, ports: [{port: 80}]}", "{Selector: {a: b}, ports: [{port: 80}]}",
    "{selector: {a: b}, port: 80, ports: [{port: 80}]}", "{selector: [], ports: [{port: 80}]}",
    "{type: ClusterIP, ports: [{port: 80}]}", "{type: NodePort, ports: [{port: 80}]}",
    "{type: LoadBalancer, ports: [{port: 80}]}", "{type: ExternalName, ports: [{port: 80}]}",
    "{type: ExternalName, externalName: example.com}",
    "{type: ExternalName, externalName: example.com.}", "{type: ExternalName, externalName: \"\"}",
    "{type: ExternalName, externalName: \"a b\"}", "{type: ExternalName, externalName: 192.0.2.1}",
    "{type: ExternalName, externalName: example.com, ports: [{port: 80}]}",
    "{type: ExternalName, externalName: example.com, clusterIP: None}",
    "{type: ExternalName, externalName: example.com, clusterIP: 10.0.0.7}",
    "{type: ExternalName, externalName: example.com, selector: {a: b}}",
    "{type: clusterIP, ports: [{port: 80}]}", "{type: Loadbalancer, ports: [{port: 80}]}",
    "{type: \"\", ports: [{port: 80}]}", "{type: null, ports: [{port: 80}]}", "{type: 1, ports: [{port: 80}]}",
    "{type: Headless, ports: [{port: 80}]}", "{clusterIP: None}", "{clusterIP: None, ports: [{port: 80}]}",
    "{clusterIP: none, ports: [{port: 80}]}", "{clusterIP: \"\", ports: [{port: 80}]}",
    "{clusterIP: null, ports: [{port: 80}]}", "{clusterIP: 10.0.0.300, ports: [{port: 80}]}",
    "{clusterIP: x, ports: [{port: 80}]}", "{clusterIP: 10, ports: [{port: 80}]}",
    "{clusterIP: None, type: NodePort, ports: [{port: 80}]}",
    "{clusterIP: None, type: LoadBalancer, ports: [{port: 80}]}",
    "{clusterIP: None, clusterIPs: [None], ports: [{port: 80}]}",
    "{clusterIPs: [None], ports: [{port: 80}]}",
    "{clusterIP: None, clusterIPs: [10.0.0.9], ports: [{port: 80}]}",
    "{clusterIP: None, clusterIPs: [None, None], ports: [{port: 80}]}",
    "{clusterIPs: [x], ports: [{port: 80}]}", "{clusterIPs: 10.0.0.7, ports: [{port: 80}]}",
    "{clusterip: None, ports: [{port: 80}]}", "{clusterIp: None, ports: [{port: 80}]}",
    "{externalIPs: [192.0.2.1], ports: [{port: 80}]}", "{externalIPs: [x], ports: [{port: 80}]}",
    "{externalIPs: [127.0.0.1], ports: [{port: 80}]}", "{externalIPs: [0.0.0.0], ports: [{port: 80}]}",
    "{externalIPs: [169.254.1.1], ports: [{port: 80}]}", "{externalIPs: [224.0.0.1], ports: [{port: 80}]}",
    "{externalIPs: [192.0.2.1/32], ports: [{port: 80}]}", "{externalIPs: x, ports: [{port: 80}]}",
    "{externalIP: [192.0.2.1], ports: [{port: 80}]}",
    "{sessionAffinity: ClientIP, ports: [{port: 80}]}", "{sessionAffinity: None, ports: [{port: 80}]}",
    "{publishNotReadyAddresses: true, ports: [{port: 80}]}",
    "{publishNotReadyAddresses: \"true\", ports: [{port: 80}]}",
    "{publishNotReadyAddress: true, ports: [{port: 80}]}", "{unknown: 1, ports: [{port: 80}]}",
    "{internalTrafficPolicy: Local, ports: [{port: 80}]}", "{loadBalancerIP: 192.0.2.1, ports: [{port: 80}]}",
    "{loadBalancerIP: 192.0.2.1, type: LoadBalancer, ports: [{port: 80}]}",
    "{loadBalancerIP: x, type: LoadBalancer, ports: [{port: 80}]}",
];

/// `ports` of a Service.
const SERVICE_PORTS: &[&str] = &[
    "null", "{}", "[{}]", "[null]", "[80]", "[{port: 80}]", "[{port: 0}]", "[{port: 1}]",
    "[{port: 65535}]", "[{port: 65536}]", "[{port: -1}]", "[{port: \"80\"}]", "[{port: http}]",
    "[{port: null}]", "[{port: 80.5}]", "[{name: http}]", "[{name: http, port: 80}]",
    "[{name: HTTP, port: 80}]", "[{name: \"80\", port: 80}]", "[{name: 80, port: 80}]",
    "[{name: a.b, port: 80}]", "[{name: a_b, port: 80}]", "[{name: a--b, port: 80}]",
    "[{name: -a, port: 80}]", "[{name: <16>, port: 80}]", "[{name: <63>, port: 80}]",
    "[{name: <64>, port: 80}]", "[{name: \"\", port: 80}]", "[{port: 80}, {port: 81}]",
    "[{name: a, port: 80}, {port: 81}]", "[{name: a, port: 80}, {name: b, port: 81}]",
    "[{name: a, port: 80}, {name: a, port: 81}]", "[{name: a, port: 80}, {name: b, port: 80}]",
    "[{name: a, port: 80}, {name: b, port: 80, protocol: UDP}]",
    "[{name: A, port: 80}, {name: A, port: 81}]", "[{name: \"\", port: 80}, {name: b, port: 81}]",
    "[{port: 80, protocol: UDP}]", "[{port: 80, protocol: SCTP}]", "[{port: 80, protocol: tcp}]",
    "[{port: 80, protocol: HTTP}]", "[{port: 80, protocol: \"\"}]", "[{port: 80, protocol: null}]",
    "[{port: 80, targetPort: 8080}]", "[{port: 80, targetPort: \"8080\"}]",
    "[{port: 80, targetPort: http}]", "[{port: 80, targetPort: HTTP}]", "[{port: 80, targetPort: 0}]",
    "[{port: 80, targetPort: 65536}]", "[{port: 80, targetPort: -1}]", "[{port: 80, targetPort: \"\"}]",
    "[{port: 80, targetPort: null}]", "[{port: 80, targetPort: <16>}]", "[{port: 80, targetPort: a--b}]",
    "[{port: 80, targetPort: true}]", "[{port: 80, targetPort: 80.5}]", "[{port: 80, targetPort: []}]",
    "[{port: 80, targetport: 8080}]", "[{port: 80, targetPorts: 8080}]", "[{port: 80, target: 8080}]",
    "[{port: 80, containerPort: 8080}]", "[{port: 80, nodePort: 30080}]", "[{port: 80, nodePort: 0}]",
    "[{port: 80, nodePort: x}]", "[{port: 80, appProtocol: http}]", "[{Port: 80}]",
];

/// `spec` of a Node.
const NODES: &[&str] = &[
    "null", "{}", "[]", "{podCIDR: 10.0.0.0/24}", "{podCIDR: x}", "{podCIDR: 10.0.0.0}",
    "{podCIDR: 10.0.0.5/24}", "{podCIDR: 1}", "{podCIDRs: [10.0.0.0/24]}", "{podCIDRs: []}",
    "{podCIDRs: [x]}", "{podCIDRs: [10.0.0.0]}", "{podCIDRs: [10.0.0.5/24]}", "{podCIDRs: 10.0.0.0/24}",
    "{podCIDRs: [10.0.0.0/24, \"fd00::/64\"]}", "{podCIDRs: [10.0.0.0/24, 10.0.1.0/24]}",
    "{podCIDRs: [10.0.0.0/24, \"fd00::/64\", 10.0.1.0/24]}",
    "{podCIDR: 10.0.0.0/24, podCIDRs: [10.0.0.0/24]}", "{podCIDR: 10.0.0.0/24, podCIDRs: [10.0.1.0/24]}",
    "{podCIDR: 10.0.0.0/24, podCIDRs: [10.0.0.0/24, \"fd00::/64\"]}", "{podCIDRs: [10.0.0.0/33]}",
    "{podCIDRs: [\"\"]}", "{podCIDRs: [1]}", "{podCidr: 10.0.0.0/24}", "{podcidrs: [10.0.0.0/24]}",
    "{podCIDRS: [10.0.0.0/24]}", "{unschedulable: true}", "{unknown: 1}",
];

/// Whole manifests.
const WHOLE: &[&str] = &[
    "apiVersion: v1\nkind: Pod\nmetadata: {name: t}\nSpec: {}\nspec: {containers: [{name: c, image: x}]}\n",
    "apiVersion: v1\nkind: Pod\nmetadata: {name: t}\nlabels: {a: b}\nspec: {containers: [{name: c, image: x}]}\n",
    "apiVersion: v1\nkind: Pod\nmetadata: {name: t, label: {a: b}}\nspec: {containers: [{name: c, image: x}]}\n",
    "apiVersion: v1\nkind: Pod\nmetadata: {name: t}\nspec: {hostNetwork: true, containers: [{name: c, image: x, ports: [{containerPort: 80, hostPort: 81}]}]}\n",
    "apiVersion: v1\nkind: Pod\nmetadata: {name: t}\nspec: {hostNetwork: true, containers: [{name: c, image: x, ports: [{containerPort: 80}]}]}\n",
    "apiVersion: v1\nkind: Pod\nmetadata: {name: t}\nspec: {containers: [{name: c, image: x}]}\nstatus: {phase: Running, podIP: 10.0.0.1}\n",
    "apiVersion: v1\nkind: Pod\nmetadata: {name: t}\n",
    "apiVersion: v1\nkind: Service\nmetadata: {name: t}\n",
    "apiVersion: v1\nkind: Service\nmetadata: {name: t}\nspec: {ports: [{port: 80}]}\nunknown: 1\n",
    "apiVersion: v1\nkind: Namespace\nmetadata: {name: t}\nspec: {finalizers: [kubernetes]}\n",
    "apiVersion: v1\nkind: Namespace\nmetadata: {name: t}\nlabels: {a: b}\n",
    "apiVersion: v1\nkind: Namespace\nmetadata: {name: t, label: {a: b}}\n",
    "apiVersion: v1\nkind: Node\nmetadata: {name: t}\nlabels: {a: b}\n",
    "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: t}\n",
    "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: t}\nspec: {}\n",
];

/// Every question once.
pub fn all() -> Vec<ObjectCase> {
    let mut cases = Vec::new();
    let mut ask = |name: &str, text: String| cases.push((name.to_owned(), repeated(text)));
    for ports in CONTAINER_PORTS {
        let containers = format!("[{{name: c, image: x, ports: {ports}}}]");
        ask("ports", pod(&format!("containers: {containers}")));
        ask("ports", workload("Deployment", &template("Deployment", &containers)));
    }
    for (kind, ..) in WORKLOADS {
        FEW_PORTS.iter().for_each(|ports| {
            let containers = format!("[{{name: c, image: x, ports: {ports}}}]");
            ask("ports", workload(kind, &template(kind, &containers)));
        });
    }
    CONTAINERS.iter().for_each(|containers| {
        ask("containers", pod(&format!("containers: {containers}")));
        ask("containers", workload("Deployment", &template("Deployment", containers)));
    });
    for spec in POD_SPECS {
        ask("pod spec", pod(&format!("containers: [{{name: c, image: x}}], {spec}")));
        let containers = format!("[{{name: c, image: x}}], {spec}");
        ask("pod spec", workload("Deployment", &template("Deployment", &containers)));
    }
    names_and_labels(&mut ask);
    workloads(&mut ask);
    SERVICES.iter().for_each(|spec| ask("service", object("v1", "Service", "name: t", spec)));
    for ports in SERVICE_PORTS {
        ask("service ports", object("v1", "Service", "name: t", &format!("{{ports: {ports}}}")));
    }
    NODES.iter().for_each(|spec| ask("node", object("v1", "Node", "name: t", spec)));
    WHOLE.iter().for_each(|text| ask("whole", (*text).to_owned()));
    let mut seen = BTreeSet::new();
    cases.retain(|(_, text)| seen.insert(text.clone()));
    cases
}

fn names_and_labels(ask: &mut impl FnMut(&str, String)) {
    let named: [fn(&str) -> String; 4] = [
        |meta| format!("apiVersion: v1\nkind: Pod\nmetadata: {{{meta}}}\nspec: {{containers: [{{name: c, image: x}}]}}\n"),
        |meta| object("v1", "Service", meta, "{ports: [{port: 80}]}"),
        |meta| format!("apiVersion: v1\nkind: Namespace\nmetadata: {{{meta}}}\n"),
        |meta| object("v1", "Node", meta, "{}"),
    ];
    for name in NAMES {
        let meta = format!("name: {name}");
        named.iter().for_each(|object| ask("name", object(&meta)));
        for (kind, ..) in WORKLOADS {
            let whole = workload(kind, &template(kind, "[{name: c, image: x}]"));
            ask("name", whole.replace("metadata: {name: t}", &format!("metadata: {{{meta}}}")));
        }
    }
    for labels in LABELS {
        let meta = format!("name: t, labels: {labels}");
        named.iter().for_each(|object| ask("labels", object(&meta)));
        let whole = workload("Deployment", &template("Deployment", "[{name: c, image: x}]"));
        ask("labels", whole.replace("metadata: {name: t}", &format!("metadata: {{{meta}}}")));
    }
}

fn workloads(ask: &mut impl FnMut(&str, String)) {
    let plain = |kind: &str| template(kind, "[{name: c, image: x}]");
    for (kind, version, beside) in WORKLOADS.iter().take(5) {
        for selector in SELECTORS {
            let spec = format!("{{selector: {selector}, template: {}}}", plain(kind));
            ask("selector", object(version, kind, "name: t", &spec));
        }
        for template in TEMPLATES {
            let spec = format!("{{{beside}template: {template}}}");
            ask("template", object(version, kind, "name: t", &spec));
        }
        for field in WORKLOAD_FIELDS {
            let spec = format!("{{{beside}{field}, template: {}}}", plain(kind));
            ask("workload field", object(version, kind, "name: t", &spec));
        }
    }
    for (kind, field) in OWN_FIELDS {
        ask("own field", workload(kind, &format!("{}, {field}", plain(kind))));
    }
}

fn object(version: &str, kind: &str, meta: &str, spec: &str) -> String {
    format!("apiVersion: {version}\nkind: {kind}\nmetadata: {{{meta}}}\nspec: {spec}\n")
}

fn pod(spec: &str) -> String {
    object("v1", "Pod", "name: t", &format!("{{{spec}}}"))
}

fn template(kind: &str, containers: &str) -> String {
    let restart = if kind.ends_with("Job") { "restartPolicy: Never, " } else { "" };
    format!("{{metadata: {{labels: {{a: b}}}}, spec: {{{restart}containers: {containers}}}}}")
}

fn workload(kind: &str, template: &str) -> String {
    let (version, beside) = WORKLOADS
        .iter()
        .find(|(name, ..)| *name == kind)
        .map_or(("", ""), |(_, version, beside)| (version, beside));
    let spec = format!("{{{beside}template: {template}}}");
    match kind {
        "CronJob" => {
            let spec = format!("{{schedule: \"@daily\", jobTemplate: {{spec: {spec}}}}}");
            object(version, kind, "name: t", &spec)
        }
        _ => object(version, kind, "name: t", &spec),
    }
}
