//! Clusters as manifests.

mod calico;
mod tiered;

use std::net::IpAddr;

use crate::cluster::{
    Cluster, Container, ContainerPort, Direction, Expression, Kind, Labels, Mode, Net, Node,
    Operator, Owner, Peer, Phase, Pod, Policy, Port, PortName, Rule, Selector, Spec, Workload,
};
use crate::random::Random;
use crate::tree::Tree;

/// The namespace of objects that name none, as the command line may say.
pub const DEFAULT_NAMESPACE: &str = "a";

/// Name and text of the files of a cluster, in a style that the seed decides.
pub fn files(cluster: &Cluster, seed: u64) -> Vec<(String, String)> {
    let mut random = Random::new(seed);
    let objects = Objects(&mut random).all(cluster);
    let mut files: Vec<Vec<Tree>> = vec![Vec::new(); random.between(1, 3)];
    for object in objects {
        let at = random.below(files.len());
        if let Some(file) = files.get_mut(at) {
            file.push(object);
        }
    }
    let named = files.iter().enumerate();
    named.map(|(i, objects)| file(i, objects, &mut random)).collect()
}

/// The objects of a cluster one by one, in a style that the seed decides, each with its namespace,
/// as an API server is given them.
pub fn objects(cluster: &Cluster, seed: u64) -> Vec<serde_json::Value> {
    let all = Objects(&mut Random::new(seed)).all(cluster);
    let mut all: Vec<serde_json::Value> = all.iter().map(Tree::value).collect();
    for object in &mut all {
        let kind = object.get("kind").and_then(serde_json::Value::as_str);
        let namespaced = !kind.is_some_and(is_in_no_namespace);
        let meta = object.get_mut("metadata").and_then(serde_json::Value::as_object_mut);
        if let Some(meta) = meta.filter(|_| namespaced) {
            meta.entry("namespace").or_insert_with(|| DEFAULT_NAMESPACE.into());
        }
    }
    all
}

fn is_in_no_namespace(kind: &str) -> bool {
    let cluster = ["ClusterNetworkPolicy", "AdminNetworkPolicy", "BaselineAdminNetworkPolicy"];
    ["Namespace", "Node"].contains(&kind)
        || cluster.contains(&kind)
        || calico::IN_NO_NAMESPACE.contains(&kind)
}

/// One file of YAML, for people.
pub fn readable(cluster: &Cluster) -> String {
    let objects = Objects(&mut Random::new(0)).all(cluster);
    let flow = |tree: &Tree| tree.value().to_string();
    objects.iter().map(flow).collect::<Vec<_>>().join("\n---\n")
}

fn file(number: usize, objects: &[Tree], random: &mut Random) -> (String, String) {
    if random.chance(25) {
        let list = Tree::Map(vec![
            ("apiVersion".into(), "v1".into()),
            ("kind".into(), "List".into()),
            ("items".into(), Tree::List(objects.to_vec())),
        ]);
        return (format!("f{number}.json"), list.json(random.chance(50)));
    }
    let documents: Vec<String> = objects.iter().map(|object| object.yaml(random)).collect();
    let text = documents.join("---\n");
    let text = if random.chance(10) { text.replace('\n', "\r\n") } else { text };
    (format!("f{number}.yaml"), text)
}

/// An object with the annotation of a mode.
fn with_mode(object: Tree, mode: Option<Mode>) -> Tree {
    let Tree::Map(mut entries) = object else { return object };
    for (key, value) in &mut entries {
        if key == "metadata" {
            *value = annotated(value.clone(), mode);
        }
    }
    Tree::Map(entries)
}

/// Metadata with the annotation of a mode.
fn annotated(meta: Tree, mode: Option<Mode>) -> Tree {
    let (Tree::Map(mut entries), Some(mode)) = (meta.clone(), mode) else { return meta };
    let annotation = ("portcullis.dev/mode".into(), mode.name().into());
    entries.push(("annotations".into(), Tree::Map(vec![annotation])));
    Tree::Map(entries)
}

/// Writes objects, with fields in any order and nothing in any of its forms.
pub struct Objects<'r>(pub &'r mut Random);

impl Objects<'_> {
    fn all(&mut self, cluster: &Cluster) -> Vec<Tree> {
        let mut objects = Vec::new();
        for one in cluster.namespaces.iter().filter(|one| one.declared) {
            let meta = self.meta(("", &one.name), &one.labels, None);
            let audits = cluster.audits.namespaces.contains(&one.name);
            let meta = annotated(meta, audits.then_some(Mode::Audit));
            objects.push(self.object(("v1", "Namespace"), meta, vec![]));
        }
        for node in &cluster.nodes {
            objects.push(self.node(node));
        }
        objects.extend(cluster.workloads.iter().map(|workload| self.workload(workload)));
        objects.extend(cluster.pods.iter().map(|pod| self.pod(pod)));
        let audits = &cluster.audits;
        let policies = cluster.policies.iter();
        objects.extend(policies.map(|policy| with_mode(self.policy(policy), audits.of(policy))));
        let tiered = cluster.cluster_policies.iter();
        objects.extend(
            tiered.map(|policy| with_mode(self.cluster_policy(policy), audits.of_cluster(policy))),
        );
        objects.extend(self.calico(&cluster.calico));
        objects
    }

    fn map(&mut self, entries: Vec<(&str, Option<Tree>)>) -> Tree {
        Tree::map(entries, self.0)
    }

    fn object(
        &mut self,
        (version, kind): (&str, &str),
        meta: Tree,
        rest: Vec<(&str, Option<Tree>)>,
    ) -> Tree {
        let mut entries = vec![("apiVersion", Some(version.into())), ("kind", Some(kind.into()))];
        entries.push(("metadata", Some(meta)));
        entries.extend(rest);
        self.map(entries)
    }

    fn meta(
        &mut self,
        (namespace, name): (&str, &str),
        labels: &Labels,
        more: Option<(u8, Option<&Owner>)>,
    ) -> Tree {
        let labels = self.labels(labels);
        let unnamed = namespace.is_empty() || namespace == DEFAULT_NAMESPACE && self.0.chance(20);
        let owner = more.and_then(|(_, owner)| owner).map(|(kind, name)| {
            let entries = vec![
                ("apiVersion", Some(version(*kind).into())),
                ("kind", Some(kind.name().into())),
                ("name", Some(name.as_str().into())),
                ("controller", Some(Tree::Bool(true))),
            ];
            Tree::List(vec![self.map(entries)])
        });
        let created =
            more.map(|(seconds, _)| Tree::Text(format!("2024-05-01T10:00:{seconds:02}Z")));
        self.map(vec![
            ("name", Some(name.into())),
            ("namespace", (!unnamed).then(|| namespace.into())),
            ("labels", labels),
            ("ownerReferences", owner),
            ("creationTimestamp", created),
        ])
    }

    /// Nothing, in one of its forms.
    fn nothing(&mut self, empty: Tree) -> Option<Tree> {
        match self.0.below(4) {
            0 => Some(Tree::Null),
            1 => Some(empty),
            _ => None,
        }
    }

    fn labels(&mut self, labels: &Labels) -> Option<Tree> {
        if labels.is_empty() {
            return self.nothing(Tree::Map(vec![]));
        }
        Some(self.label_map(labels))
    }

    fn label_map(&mut self, labels: &Labels) -> Tree {
        let entries = labels.iter().map(|(k, v)| (k.as_str(), Some(v.as_str().into())));
        self.map(entries.collect())
    }

    fn node(&mut self, node: &Node) -> Tree {
        let each = node.addresses.iter().map(|address| {
            let address = Some(Tree::Text(address.to_string()));
            self.map(vec![("type", Some("InternalIP".into())), ("address", address)])
        });
        let addresses = Tree::List(each.collect());
        let status = self.map(vec![("addresses", Some(addresses))]);
        let meta = self.meta(("", &node.name), &node.labels, None);
        self.object(("v1", "Node"), meta, vec![("status", Some(status))])
    }

    fn pod(&mut self, pod: &Pod) -> Tree {
        let more = Some((pod.created, pod.owner.as_ref()));
        let meta = self.meta((&pod.namespace, &pod.name), &pod.labels, more);
        let spec = self.spec(&pod.spec);
        let text = |address: IpAddr| Some(Tree::Text(address.to_string()));
        let each = pod.addresses.iter().map(|a| self.map(vec![("ip", text(*a))]));
        let each: Vec<Tree> = each.collect();
        let status = self.map(vec![
            ("phase", pod.phase.map(|phase| phase_name(phase).into())),
            ("podIP", pod.addresses.first().copied().and_then(text)),
            ("podIPs", (!each.is_empty()).then_some(Tree::List(each))),
            ("hostIP", pod.host_address.and_then(text)),
        ]);
        self.object(("v1", "Pod"), meta, vec![("spec", Some(spec)), ("status", Some(status))])
    }

    fn workload(&mut self, workload: &Workload) -> Tree {
        let inner = vec![("labels", self.labels(&workload.labels))];
        let inner = self.map(inner);
        let spec = self.spec(&workload.spec);
        let template = self.map(vec![("metadata", Some(inner)), ("spec", Some(spec))]);
        let start =
            workload.first.map(|first| self.map(vec![("start", Some(Tree::Number(first)))]));
        let selector = self.workload_selector(workload);
        let mut spec = self.map(vec![
            ("ordinals", start),
            ("replicas", workload.replicas.map(Tree::Number)),
            ("template", Some(template)),
            ("selector", selector),
        ]);
        if workload.kind == Kind::CronJob {
            let job = self.map(vec![("spec", Some(spec))]);
            spec = self.map(vec![("jobTemplate", Some(job))]);
        }
        let own = (workload.namespace.as_str(), workload.name.as_str());
        // Its own labels say nothing of its pods.
        let misleading = Labels::from([("app".into(), "x".into())]);
        let meta = self.meta(own, &misleading, Some((0, workload.owner.as_ref())));
        let kind = (workload_version(workload), workload.kind.name());
        self.object(kind, meta, vec![("spec", Some(spec))])
    }

    /// Kinds of `apps` need one, which selects the pods of the template.
    fn workload_selector(&mut self, workload: &Workload) -> Option<Tree> {
        let is_needed = version(workload.kind) == "apps/v1" && !workload.labels.is_empty();
        let labels = is_needed.then(|| self.label_map(&workload.labels))?;
        Some(self.map(vec![("matchLabels", Some(labels))]))
    }

    fn spec(&mut self, spec: &Spec) -> Tree {
        let entries = vec![
            ("hostNetwork", spec.host_network.then_some(Tree::Bool(true))),
            ("nodeName", spec.node.as_deref().map(Into::into)),
            ("serviceAccountName", spec.account.as_deref().map(Into::into)),
            ("containers", self.containers("c", &spec.containers)),
            ("initContainers", self.containers("i", &spec.init)),
        ];
        self.map(entries)
    }

    /// No two of a pod have one name, whatever they are for.
    fn containers(&mut self, called: &str, containers: &[Container]) -> Option<Tree> {
        let mut all = Vec::new();
        for (i, container) in containers.iter().enumerate() {
            let ports = container.ports.iter().map(|port| self.container_port(port)).collect();
            let entries = vec![
                ("name", Some(Tree::Text(format!("{called}{i}")))),
                ("restartPolicy", container.always.then(|| "Always".into())),
                ("ports", Some(Tree::List(ports))),
            ];
            all.push(self.map(entries));
        }
        (!all.is_empty()).then_some(Tree::List(all))
    }

    fn container_port(&mut self, port: &ContainerPort) -> Tree {
        self.map(vec![
            ("name", port.name.as_deref().map(Into::into)),
            ("containerPort", Some(Tree::Number(port.number.into()))),
            ("protocol", port.protocol.map(|protocol| protocol.name().into())),
        ])
    }

    /// A policy.
    pub fn policy(&mut self, policy: &Policy) -> Tree {
        let types = policy.types.as_ref().map(|types| {
            Tree::List(types.iter().map(|direction| direction_name(*direction).into()).collect())
        });
        let entries = vec![
            ("podSelector", policy.subject.as_ref().map(|s| self.selector(s))),
            ("policyTypes", types),
            ("ingress", self.rules(Direction::Ingress, policy.ingress.as_ref())),
            ("egress", self.rules(Direction::Egress, policy.egress.as_ref())),
        ];
        let spec = self.map(entries);
        let meta = self.meta((&policy.namespace, &policy.name), &Labels::new(), None);
        let kind = ("networking.k8s.io/v1", "NetworkPolicy");
        self.object(kind, meta, vec![("spec", Some(spec))])
    }

    fn rules(&mut self, direction: Direction, rules: Option<&Vec<Rule>>) -> Option<Tree> {
        let rules = rules?.iter().map(|rule| {
            let peers = rule.peers.as_ref().map(|p| p.iter().map(|peer| self.peer(peer)).collect());
            let ports = rule.ports.as_ref().map(|p| p.iter().map(|port| self.port(port)).collect());
            let field = if direction == Direction::Ingress { "from" } else { "to" };
            self.map(vec![(field, peers.map(Tree::List)), ("ports", ports.map(Tree::List))])
        });
        Some(Tree::List(rules.collect()))
    }

    /// A peer of a rule.
    pub fn peer(&mut self, peer: &Peer) -> Tree {
        match peer {
            Peer::Pods(namespaces, pods) => {
                let namespaces = namespaces.as_ref().map(|s| self.selector(s));
                let pods = pods.as_ref().map(|s| self.selector(s));
                self.map(vec![("namespaceSelector", namespaces), ("podSelector", pods)])
            }
            Peer::Block(cidr, except) => {
                let text = |net: &Net| Tree::Text(net.to_string());
                let holes = except.as_ref().map(|e| Tree::List(e.iter().map(text).collect()));
                let block = self.map(vec![("cidr", Some(text(cidr))), ("except", holes)]);
                self.map(vec![("ipBlock", Some(block))])
            }
        }
    }

    /// A port entry of a rule.
    pub fn port(&mut self, port: &Port) -> Tree {
        let name = port.port.as_ref().map(|name| match name {
            PortName::Number(number) => Tree::Number((*number).into()),
            PortName::Name(name) => name.as_str().into(),
        });
        self.map(vec![
            ("protocol", port.protocol.map(|protocol| protocol.name().into())),
            ("port", name),
            ("endPort", port.end.map(|end| Tree::Number(end.into()))),
        ])
    }

    fn selector(&mut self, selector: &Selector) -> Tree {
        let labels = (!selector.labels.is_empty()).then(|| self.label_map(&selector.labels));
        let expressions = selector.expressions.iter().map(|e| self.expression(e)).collect();
        let expressions =
            Some(Tree::List(expressions)).filter(|_| !selector.expressions.is_empty());
        self.map(vec![("matchLabels", labels), ("matchExpressions", expressions)])
    }

    fn expression(&mut self, expression: &Expression) -> Tree {
        let values = expression.values.iter().map(|value| value.as_str().into()).collect();
        let values = Some(Tree::List(values)).filter(|_| !expression.values.is_empty());
        self.map(vec![
            ("key", Some(expression.key.as_str().into())),
            ("operator", Some(operator_name(expression.operator).into())),
            ("values", values),
        ])
    }
}

/// Without labels, one of which the selector is that of the template: an empty one is refused.
fn workload_version(workload: &Workload) -> &'static str {
    match (version(workload.kind), workload.kind) {
        ("apps/v1", Kind::StatefulSet) if workload.labels.is_empty() => "apps/v1beta1",
        ("apps/v1", _) if workload.labels.is_empty() => "extensions/v1beta1",
        (version, _) => version,
    }
}

fn version(kind: Kind) -> &'static str {
    match kind {
        Kind::Job | Kind::CronJob => "batch/v1",
        _ => "apps/v1",
    }
}

fn phase_name(phase: Phase) -> &'static str {
    match phase {
        Phase::Pending => "Pending",
        Phase::Running => "Running",
        Phase::Unknown => "Unknown",
        Phase::Succeeded => "Succeeded",
        Phase::Failed => "Failed",
    }
}

fn direction_name(direction: Direction) -> &'static str {
    match direction {
        Direction::Ingress => "Ingress",
        Direction::Egress => "Egress",
    }
}

fn operator_name(operator: Operator) -> &'static str {
    match operator {
        Operator::In => "In",
        Operator::NotIn => "NotIn",
        Operator::Exists => "Exists",
        Operator::DoesNotExist => "DoesNotExist",
    }
}
