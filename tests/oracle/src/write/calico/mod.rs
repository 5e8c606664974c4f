//! Calico's objects as manifests.

mod expression;

use super::{Objects, direction_name};
use crate::cluster::calico::{
    Account, AccountMatch, Annotation, CalicoPolicy, CalicoPort, CalicoRule, CalicoTier, Entity,
    Expression, Failsafe, Felix, Group, HostEndpoint, HostStage, NetworkSet, Profile, RuleProtocol,
    TierEnd, ToHost,
};
use crate::cluster::{Calico, Labels, Net, Protocol};
use crate::tree::Tree;

/// Kinds of Calico's that are in no namespace.
pub const IN_NO_NAMESPACE: [&str; 7] = [
    "Tier",
    "GlobalNetworkPolicy",
    "StagedGlobalNetworkPolicy",
    "GlobalNetworkSet",
    "HostEndpoint",
    "Profile",
    "FelixConfiguration",
];

impl Objects<'_> {
    /// Everything of Calico's, and ServiceAccounts.
    pub fn calico(&mut self, calico: &Calico) -> Vec<Tree> {
        let mut objects: Vec<Tree> = Vec::new();
        objects.extend(calico.accounts.iter().map(|one| self.account(one)));
        objects.extend(calico.tiers.iter().map(|one| self.tier(one)));
        objects.extend(calico.sets.iter().map(|one| self.network_set(one)));
        objects.extend(calico.policies.iter().map(|one| self.calico_policy(one)));
        objects.extend(calico.hosts.iter().map(|one| self.host_endpoint(one)));
        objects.extend(calico.profiles.iter().map(|one| self.profile(one)));
        objects.extend(calico.felix.iter().map(|one| self.felix(one)));
        objects
    }

    fn host_endpoint(&mut self, host: &HostEndpoint) -> Tree {
        let texts = |texts: Vec<String>| {
            let texts: Vec<Tree> = texts.into_iter().map(Tree::Text).collect();
            (!texts.is_empty()).then_some(Tree::List(texts))
        };
        let addresses = host.addresses.iter().map(ToString::to_string).collect();
        let spec = self.map(vec![
            ("node", Some(host.node.as_str().into())),
            ("interfaceName", host.interface.as_deref().map(Into::into)),
            ("expectedIPs", texts(addresses)),
            ("profiles", texts(host.profiles.clone())),
        ]);
        let meta = self.meta(("", &host.name), &host.labels, None);
        let version = self.version();
        self.object((version, "HostEndpoint"), meta, vec![("spec", Some(spec))])
    }

    fn profile(&mut self, profile: &Profile) -> Tree {
        let labels = self.label_map(&profile.labels);
        let spec = vec![
            ("labelsToApply", (!profile.labels.is_empty()).then_some(labels)),
            ("ingress", self.calico_rules(Some(&profile.ingress))),
            ("egress", self.calico_rules(Some(&profile.egress))),
        ];
        let spec = self.map(spec);
        let meta = self.meta(("", &profile.name), &Labels::new(), None);
        let version = self.version();
        self.object((version, "Profile"), meta, vec![("spec", Some(spec))])
    }

    fn felix(&mut self, felix: &Felix) -> Tree {
        let to_host = felix.to_host.map(|action| match action {
            ToHost::Accept => "Accept".into(),
            ToHost::Drop => "Drop".into(),
        });
        let spec = vec![
            ("failsafeInboundHostPorts", self.failsafes(felix.inbound.as_ref())),
            ("failsafeOutboundHostPorts", self.failsafes(felix.outbound.as_ref())),
            ("defaultEndpointToHostAction", to_host),
        ];
        let spec = self.map(spec);
        let meta = self.meta(("", &felix.name), &Labels::new(), None);
        let version = self.version();
        self.object((version, "FelixConfiguration"), meta, vec![("spec", Some(spec))])
    }

    fn failsafes(&mut self, ports: Option<&Vec<Failsafe>>) -> Option<Tree> {
        let mut each = Vec::new();
        for one in ports? {
            let protocol = one.protocol.name();
            let protocol = match (one.protocol, self.0.chance(50)) {
                (Protocol::Tcp, true) => None,
                (_, true) => Some(protocol.to_lowercase()),
                (_, false) => Some(protocol.to_owned()),
            };
            each.push(self.map(vec![
                ("protocol", protocol.map(Tree::Text)),
                ("port", Some(Tree::Number(one.port.into()))),
                ("net", one.net.as_ref().map(|net| Tree::Text(net.to_string()))),
            ]));
        }
        Some(Tree::List(each))
    }

    fn version(&mut self) -> &'static str {
        let group = if self.0.chance(70) { Group::Public } else { Group::Stored };
        group.version()
    }

    fn account(&mut self, account: &Account) -> Tree {
        let meta = self.meta((&account.namespace, &account.name), &account.labels, None);
        self.object(("v1", "ServiceAccount"), meta, vec![])
    }

    fn tier(&mut self, tier: &CalicoTier) -> Tree {
        let end = tier.end.map(|end| match end {
            TierEnd::Deny => "Deny".into(),
            TierEnd::Pass => "Pass".into(),
        });
        let order = tier.order.map(|order| Tree::Halves(order.0));
        let spec = self.map(vec![("order", order), ("defaultAction", end)]);
        let meta = self.meta(("", &tier.name), &Labels::new(), None);
        let version = tier.group.version();
        self.object((version, "Tier"), meta, vec![("spec", Some(spec))])
    }

    fn network_set(&mut self, set: &NetworkSet) -> Tree {
        let nets = set.nets.iter().map(|net| match net.prefix == net.bits() && self.0.chance(50) {
            true => net.to_string().split('/').next().unwrap_or_default().into(),
            false => Tree::Text(net.to_string()),
        });
        let nets = Tree::List(nets.collect());
        let spec = self.map(vec![("nets", Some(nets))]);
        let namespace = set.namespace.as_deref().unwrap_or_default();
        let meta = self.meta((namespace, &set.name), &set.labels, None);
        let meta = self.annotated(meta, set.annotation.as_ref());
        self.object((set.group.version(), set.kind()), meta, vec![("spec", Some(spec))])
    }

    /// Metadata with the annotation that holds the real ones.
    fn annotated(&mut self, meta: Tree, annotation: Option<&Annotation>) -> Tree {
        let (Tree::Map(mut entries), Some(real)) = (meta.clone(), annotation) else { return meta };
        let labels = self.label_map(&real.labels);
        let inner = self.map(vec![
            ("name", real.name.as_deref().map(Into::into)),
            ("labels", (!real.labels.is_empty()).then_some(labels)),
        ]);
        let text = Tree::Text(inner.value().to_string());
        let annotations = Tree::Map(vec![("projectcalico.org/metadata".into(), text)]);
        entries.push(("annotations".into(), annotations));
        Tree::Map(entries)
    }

    /// A policy of Calico's.
    pub fn calico_policy(&mut self, policy: &CalicoPolicy) -> Tree {
        let types = policy.types.as_ref().map(|types| {
            Tree::List(types.iter().map(|direction| direction_name(*direction).into()).collect())
        });
        let staged = policy.staged && self.0.chance(30);
        let has = |stage: &[HostStage]| policy.stage.is_some_and(|own| stage.contains(&own));
        let flag = |is: bool| is.then_some(Tree::Bool(true));
        let (before, untracked) = (has(&[HostStage::BeforeDnat]), has(&[HostStage::Untracked]));
        let spec = vec![
            ("tier", policy.tier.as_deref().map(Into::into)),
            ("order", policy.order.map(|order| Tree::Halves(order.0))),
            ("selector", self.expression_field(policy.selector.as_ref())),
            ("serviceAccountSelector", self.expression_field(policy.accounts.as_ref())),
            ("namespaceSelector", self.expression_field(policy.namespaces.as_ref())),
            ("applyOnForward", flag(policy.stage.is_some())),
            ("preDNAT", flag(before)),
            ("doNotTrack", flag(untracked)),
            ("stagedAction", staged.then(|| "Set".into())),
            ("types", types),
            ("ingress", self.calico_rules(policy.ingress.as_ref())),
            ("egress", self.calico_rules(policy.egress.as_ref())),
        ];
        let spec = self.map(spec);
        let namespace = policy.namespace.as_deref().unwrap_or_default();
        let meta = self.meta((namespace, &policy.name), &Labels::new(), None);
        let meta = self.annotated(meta, policy.annotation.as_ref());
        let kind = policy.written_kind();
        self.object((policy.group.version(), &kind), meta, vec![("spec", Some(spec))])
    }

    fn calico_rules(&mut self, rules: Option<&Vec<CalicoRule>>) -> Option<Tree> {
        Some(Tree::List(rules?.iter().map(|rule| self.calico_rule(rule)).collect()))
    }

    fn calico_rule(&mut self, rule: &CalicoRule) -> Tree {
        let entries = vec![
            ("action", Some(rule.action.name().into())),
            ("ipVersion", rule.ip_version.map(|version| Tree::Number(version.into()))),
            ("protocol", rule.protocol.map(protocol)),
            ("notProtocol", rule.not_protocol.map(protocol)),
            ("source", self.entity(&rule.source)),
            ("destination", self.entity(&rule.destination)),
        ];
        self.map(entries)
    }

    fn entity(&mut self, entity: &Entity) -> Option<Tree> {
        if *entity == Entity::default() {
            return self.0.chance(20).then(|| Tree::Map(vec![]));
        }
        let accounts = entity.accounts.as_ref().map(|accounts| self.account_match(accounts));
        let entries = vec![
            ("nets", nets(&entity.nets)),
            ("notNets", nets(&entity.not_nets)),
            ("selector", self.expression_field(entity.selector.as_ref())),
            ("notSelector", self.expression_field(entity.not_selector.as_ref())),
            ("namespaceSelector", self.expression_field(entity.namespaces.as_ref())),
            ("serviceAccounts", accounts),
            ("ports", self.calico_ports(&entity.ports)),
            ("notPorts", self.calico_ports(&entity.not_ports)),
        ];
        Some(self.map(entries))
    }

    fn account_match(&mut self, accounts: &AccountMatch) -> Tree {
        let names = accounts.names.iter().map(|name| name.as_str().into()).collect();
        let entries = vec![
            ("names", (!accounts.names.is_empty()).then_some(Tree::List(names))),
            ("selector", self.expression_field(accounts.selector.as_ref())),
        ];
        self.map(entries)
    }

    fn calico_ports(&mut self, ports: &[CalicoPort]) -> Option<Tree> {
        let each = ports.iter().map(|port| match port {
            CalicoPort::Named(name) => name.as_str().into(),
            CalicoPort::Range(first, last) if first == last => match self.0.chance(30) {
                true => Tree::Text(first.to_string()),
                false => Tree::Number((*first).into()),
            },
            CalicoPort::Range(first, last) => Tree::Text(format!("{first}:{last}")),
        });
        let each: Vec<Tree> = each.collect();
        (!each.is_empty()).then_some(Tree::List(each))
    }

    fn expression_field(&mut self, expression: Option<&Expression>) -> Option<Tree> {
        Some(Tree::Text(self.expression_text(expression?)))
    }
}

fn protocol(protocol: RuleProtocol) -> Tree {
    match protocol.name() {
        Some(name) => name.into(),
        None => Tree::Number(protocol.number.into()),
    }
}

fn nets(nets: &[Net]) -> Option<Tree> {
    let texts: Vec<Tree> = nets.iter().map(|net| Tree::Text(net.to_string())).collect();
    (!texts.is_empty()).then_some(Tree::List(texts))
}
