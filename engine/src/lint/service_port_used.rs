//! L27: the port of a Service where policies see that of its pods.
//!
//! **What.** A rule admits port 80, which is the port of a Service for these pods, and the Service
//! sends it to port 8080 of the pods, which the rule does not admit.
//!
//! **Why.** The destination is translated before policies are evaluated: they see the pod's port,
//! and the rule matches nothing that comes through the Service.
//!
//! **Fix.** Write the pods' port, or its name.
//!
//! Said only where each pod that the rule leads to is behind such a Service, and none declares the
//! port as one of its own.

use std::sync::Arc;

use rustc_hash::{FxHashMap, FxHashSet};

use super::named;
use super::port_pods::{self, PortRule};
use super::text::Field;
use super::{Context, Finding};
use crate::cluster::{ClusterModel, Endpoint, Group, NamespaceId, PodLabels};
use crate::diagnostic::{Code, Diagnostic};
use crate::manifest::{Body, PortEntry, PortMatch, Service, ServicePort, TargetPort};
use crate::net::{PortSet, Protocol};
use crate::policy::{PeerSet, SetId};
use crate::selector::{Match, Selector};

/// One finding for each such element of `ports`.
///
/// # Cost
/// Linear in the rules and the Services; in the groups that a rule leads to where a Service has
/// its port.
pub fn findings(context: &Context<'_>) -> Vec<Finding> {
    let model = context.session.model();
    let mut search = Search { model, services: Services::new(model), dead: FxHashMap::default() };
    let mut findings = Vec::new();
    for rule in port_pods::all(context.session.policies()) {
        for (item, entries) in rule.items() {
            let Some(finding) = search.finding(rule, entries) else { continue };
            let path = rule.path(item);
            let port = format!("{path}.port");
            let field = Field::First(&[&port, &path]);
            findings.push(context.about(&rule.policy.object, field, finding));
        }
    }
    findings
}

/// A Service that sends connections elsewhere than to the port of its own number.
#[derive(Clone, Debug)]
struct Translation {
    service: Arc<str>,
    /// Ports of the pods.
    targets: PortSet,
    /// As the Service says.
    target: TargetPort,
}

/// A Service with pods.
struct Fronting<'m> {
    name: Arc<str>,
    selector: Selector,
    service: &'m Service,
}

/// Services with pods, by namespace.
struct Services<'m> {
    by_namespace: FxHashMap<NamespaceId, Vec<Fronting<'m>>>,
    /// Ports that some Service has.
    ports: FxHashSet<(Protocol, u16)>,
}

impl<'m> Services<'m> {
    fn new(model: &'m ClusterModel) -> Self {
        let mut all = Self { by_namespace: FxHashMap::default(), ports: FxHashSet::default() };
        for (namespace, name, service) in &model.services {
            if service.selector.is_empty() || service.headless || service.external_name {
                continue;
            }
            all.ports.extend(service.ports.iter().map(|port| (port.protocol, port.port)));
            let own = all.by_namespace.entry(*namespace).or_default();
            own.push(Fronting { name: name.clone(), selector: service.selector(), service });
        }
        all
    }

    /// The Service that sends a port of its own to another one of a group's pods, if one does and
    /// none sends anything to this one.
    fn translation(&self, group: &Group, protocol: Protocol, number: u16) -> Option<Translation> {
        let labels = PodLabels { labels: &group.labels, hidden: group.hidden };
        let own = self.by_namespace.get(&group.namespace)?;
        let mut found = None;
        for Fronting { name, selector, service } in own {
            let is_behind = selector.matches(&labels);
            if is_behind == Match::No {
                continue;
            }
            for port in service.ports.iter().filter(|port| port.protocol == protocol) {
                let targets = targets(group, port);
                if targets.is_empty() || targets.contains(number) {
                    return None;
                }
                if port.port == number && is_behind == Match::Yes {
                    let target = port.target.clone();
                    found = Some(Translation { service: name.clone(), targets, target });
                }
            }
        }
        found
    }
}

fn targets(group: &Group, port: &ServicePort) -> PortSet {
    match &port.target {
        TargetPort::Number(number) => PortSet::from_ranges([(*number, *number)]),
        TargetPort::Named(name) => group.named_ports(name, port.protocol),
    }
}

struct Search<'s> {
    model: &'s ClusterModel,
    services: Services<'s>,
    /// What a port of all pods of a set is that matches none of theirs.
    dead: FxHashMap<(SetId, Protocol, u16), Option<Translation>>,
}

impl Search<'_> {
    fn finding(&mut self, rule: PortRule<'_>, entries: &[PortEntry]) -> Option<Diagnostic> {
        let [PortEntry { protocol, ports: PortMatch::Range(first, last), .. }] = entries else {
            return None;
        };
        let (protocol, number) = (*protocol, *first);
        if first != last || !self.services.ports.contains(&(protocol, number)) {
            return None;
        }
        let ids = rule.destinations()?;
        let found: Option<Vec<Translation>> =
            ids.iter().map(|id| self.dead(rule, *id, (protocol, number))).collect();
        let found = found?;
        let admits = |one: &Translation| admits_targets(&rule.rule.ports, protocol, one);
        if found.iter().any(admits) {
            return None;
        }
        let sets = rule.sets(&ids);
        let is_declared = self.is_declared(&sets, number);
        found.first().filter(|_| !is_declared).map(|one| message(number, one))
    }

    fn dead(
        &mut self,
        rule: PortRule<'_>,
        id: SetId,
        (protocol, number): (Protocol, u16),
    ) -> Option<Translation> {
        let (model, services) = (self.model, &self.services);
        let explain = || {
            let sets = rule.sets(&[id]);
            let mut found = None;
            for group in port_pods::groups(model, &sets) {
                if group.ports.iter().any(|port| port.port == number) {
                    return None;
                }
                found = Some(services.translation(group, protocol, number)?);
            }
            found
        };
        self.dead.entry((id, protocol, number)).or_insert_with(explain).clone()
    }

    /// Whether a container of the pods declares a port of a number, named or not: groups have only
    /// those with names.
    fn is_declared(&self, sets: &[&PeerSet], number: u16) -> bool {
        let model = self.model;
        let namespaces: FxHashSet<NamespaceId> =
            port_pods::groups(model, sets).map(|group| group.namespace).collect();
        let mut endpoints = namespaces.into_iter().flat_map(|one| model.endpoints_in(one));
        endpoints.any(|(_, one)| {
            declares(one, number) && sets.iter().any(|set| named::has(model, set, one))
        })
    }
}

fn declares(endpoint: &Endpoint, number: u16) -> bool {
    let spec = match endpoint.object.as_ref().map(|object| &object.body) {
        Some(Body::Pod { spec, .. }) => spec,
        Some(Body::Workload(workload)) => &workload.pod,
        _ => return false,
    };
    spec.port_numbers.contains(&number)
}

/// Whether the rule has the pods' port as well.
fn admits_targets(ports: &[PortEntry], protocol: Protocol, one: &Translation) -> bool {
    let mut same = ports.iter().filter(|entry| entry.protocol == protocol);
    same.any(|entry| match &entry.ports {
        PortMatch::Any | PortMatch::Named(_) => true,
        PortMatch::Range(first, last) => {
            !PortSet::from_ranges([(*first, *last)]).intersection(&one.targets).is_empty()
        }
    })
}

fn message(number: u16, Translation { service, targets, target }: &Translation) -> Diagnostic {
    let port = targets.ranges().first().map_or(number, |(first, _)| *first);
    let message = format!(
        "{number} is the port of Service `{service}`, which sends it to port {port} of its pods: \
         policies see the pods' port"
    );
    let write = match target {
        TargetPort::Named(name) => format!("`port: {name}` or `port: {port}`"),
        TargetPort::Number(_) => format!("`port: {port}`"),
    };
    Diagnostic::new(Code::ServicePortUsed, message).with_help(format!("write {write}"))
}
