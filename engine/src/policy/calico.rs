//! Calico's policies, compiled.
//!
//! # Source
//! Calico §4, §5, §10.

use std::sync::Arc;

use super::condition::{Condition, Doubt, PacketMatch, Seat};
use super::select::{Scope, SetKey};
use super::{CalicoPlace, CompiledPolicy, PolicyRule, PolicySet, SetId, TierKind};
use crate::cluster::{ACCOUNT_LABEL, ClusterModel, NamespaceId};
use crate::manifest::calico::{
    self, CalicoPort, CalicoProtocol, ConditionKind, End, Items, PortsOf, Profile, Ruled,
    ServiceMatch,
};
use crate::manifest::{
    Action, ByDirection, Direction, Mode, Object, PortEntry, PortMatch, Rule, TargetPort,
};
use crate::net::{AddrSet, Cidr, ConnSet, Conns, Family, PortSet, Protocol, all_ports};
use crate::selector::Selector;
use crate::selector::expression::{Expression, NAMESPACE_LABEL, Test};
use crate::source::Span;

/// Where a policy's rules are compiled.
struct At<'a> {
    model: &'a ClusterModel,
    /// The policy's namespace; none of a global one.
    own: Option<&'a str>,
    direction: Direction,
}

impl PolicySet {
    /// A policy of Calico's.
    pub(super) fn compile_calico(
        &mut self,
        model: &ClusterModel,
        namespace: Option<NamespaceId>,
        (policy, object): (&Ruled, &Arc<Object>),
    ) -> CompiledPolicy {
        let own = namespace.map(|id| model.namespace_name(id));
        let subject = subject(policy, own);
        let subject = self.intern_items(model, subject);
        let rules = ByDirection::from_fn(|direction| {
            let at = At { model, own, direction };
            // What stands where packets are not seen as they reach pods does nothing for them.
            let written = policy.rules[direction].as_ref().filter(|_| !policy.is_for_hosts())?;
            Some(written.iter().map(|rule| self.calico_rule(&at, rule)).collect())
        });
        let tier = model.calico.tier(&policy.tier);
        CompiledPolicy {
            object: object.clone(),
            namespace,
            tier: TierKind::Calico,
            priority: 0,
            place: Some(CalicoPlace { tier, order: policy.order }),
            subject,
            mode: match policy.is_staged {
                true => Mode::Audit,
                false => object.meta.mode.unwrap_or_default(),
            },
            is_of_hosts: false,
            rules,
        }
    }

    /// The rules that a policy in no namespace has for hosts.
    pub(super) fn rules_for_hosts(
        &mut self,
        model: &ClusterModel,
        policy: &Ruled,
    ) -> ByDirection<Option<Vec<PolicyRule>>> {
        ByDirection::from_fn(|direction| {
            let at = At { model, own: None, direction };
            let written = policy.rules[direction].as_ref()?;
            Some(written.iter().map(|rule| self.calico_rule(&at, rule)).collect())
        })
    }

    /// The rules of a profile.
    pub(super) fn rules_of_profile(
        &mut self,
        model: &ClusterModel,
        profile: &Profile,
    ) -> ByDirection<Option<Vec<PolicyRule>>> {
        ByDirection::from_fn(|direction| {
            let at = At { model, own: None, direction };
            let written = &profile.rules[direction];
            Some(written.iter().map(|rule| self.calico_rule(&at, rule)).collect())
        })
    }

    /// A rule that is not understood denies.
    fn calico_rule(&mut self, at: &At<'_>, rule: &Rule) -> PolicyRule {
        let (peers, ports) = (Vec::new(), Vec::new());
        if rule.fails_closed {
            return PolicyRule { action: Action::Deny, peers, ports, conditions: Vec::new() };
        }
        let conditions = rule.conditions.iter().map(|one| self.condition(at, one)).collect();
        PolicyRule { action: rule.action, peers, ports, conditions }
    }

    fn condition(&mut self, at: &At<'_>, written: &calico::Condition) -> Condition {
        match &written.kind {
            ConditionKind::Items(end, items) => self.items(at, *end, items),
            ConditionKind::Nets(end, nets, negated) => {
                let addresses = of_nets(nets, *negated);
                let block = self.intern_block(&Arc::new(addresses));
                Condition::Net { seat: at.seat(*end), block }
            }
            ConditionKind::Version(version) => {
                let family = if *version == 4 { Family::IPv4 } else { Family::IPv6 };
                let block = self.intern_block(&Arc::new(AddrSet::full().of_family(family)));
                Condition::Net { seat: Seat::Peer, block }
            }
            ConditionKind::Protocol(protocol, negated) => of_protocol(*protocol, *negated),
            ConditionKind::Icmp(icmp, negated) => {
                // Which message it is nobody says.
                let some = Conns { certain: ConnSet::none(), possible: ConnSet::portless() };
                let flows = if *negated { some.others() } else { some };
                let packets = PacketMatch::Icmp(*icmp, *negated);
                Condition::Flows { flows, doubt: Doubt::Protocol, family: None, packets }
            }
            ConditionKind::Ports(end, ports) => self.ports(at, *end, ports),
            ConditionKind::Service(end, service) => self.service(at, *end, service),
        }
    }

    fn items(&mut self, at: &At<'_>, end: End, items: &Items) -> Condition {
        let (expression, negated) = of_items(items, at.own);
        let [certain, possible] = at.model.calico.addresses(at.model, &expression);
        let sets = self.pair((certain, possible));
        let pods = self.intern_items(at.model, expression);
        Condition::Items { seat: at.seat(end), negated, pods, sets }
    }

    fn intern_items(&mut self, model: &ClusterModel, expression: Expression) -> SetId {
        let scope = Scope::Items(Arc::new(expression));
        self.intern_set(model, SetKey { scope, pods: Selector::default() })
    }

    /// Names are those of pods that match the positive selector. [Calico §10.6]
    fn ports(&mut self, at: &At<'_>, end: End, ports: &PortsOf) -> Condition {
        let protocols: Vec<Protocol> = match ports.protocol {
            Some(CalicoProtocol::Ported(own)) => vec![own],
            // Rules for other protocols have no ports by number; names have protocols themselves.
            _ => Protocol::ALL.to_vec(),
        };
        let of_numbers = matches!(ports.protocol, Some(CalicoProtocol::Ported(_)));
        let (mut numbers, mut names) = (ConnSet::none(), Vec::new());
        for port in &ports.ports {
            match port {
                CalicoPort::Range(first, last) if of_numbers => {
                    let range = PortSet::range(*first, *last);
                    protocols.iter().for_each(|protocol| numbers.add(*protocol, &range));
                }
                // Only stored without Calico's API, and refused by the packet filter.
                CalicoPort::Range(..) => return Condition::Open(Doubt::Protocol),
                CalicoPort::Named(name) => {
                    names.extend(protocols.iter().map(|own| named(*own, name)));
                }
            }
        }
        let of = Some(&ports.of).filter(|of| !of.is_empty() && !names.is_empty());
        let of = of.map(|of| of_items(of, at.own));
        let of = of.filter(|(_, negated)| !negated);
        let of = of.map(|(expression, _)| self.intern_items(at.model, expression));
        let negated = ports.negated;
        if end == End::Destination {
            return Condition::Ports { negated, numbers, names, of };
        }
        Condition::SourcePorts { negated, numbers, names, of, seat: at.seat(end) }
    }

    /// What is behind a Service that has a selector; of a destination its ports count, too.
    /// [Calico §5]
    fn service(&mut self, at: &At<'_>, end: End, service: &ServiceMatch) -> Condition {
        let open = Condition::Open(Doubt::Service);
        // Without one, Felix matches nothing, where the API says that it is the policy's.
        // [Calico §10.12]
        let namespace = service.namespace.as_ref().and_then(|name| at.model.namespace(name));
        let Some(namespace) = namespace else { return open };
        let mut services = at.model.services.iter();
        let found = services.find(|(own, name, _)| *own == namespace && *name == service.name);
        let Some((.., found)) = found.filter(|(.., one)| !one.selector.is_empty()) else {
            return open;
        };
        let behind = SetKey { scope: Scope::Own(namespace), pods: found.selector() };
        let pods = self.intern_set(at.model, behind);
        if end == End::Source {
            let sets = self.pair((AddrSet::default(), AddrSet::default()));
            return Condition::Items { seat: at.seat(end), negated: false, pods, sets };
        }
        let (mut numbers, mut names) = (ConnSet::none(), Vec::new());
        for port in &found.ports {
            let protocol = port.protocol;
            match &port.target {
                TargetPort::Number(own) => numbers.add(protocol, &PortSet::range(*own, *own)),
                TargetPort::Named(name) => names.push(named(protocol, name)),
            }
        }
        Condition::Service { pods, numbers, names }
    }
}

fn named(protocol: Protocol, name: &Arc<str>) -> PortEntry {
    PortEntry { protocol, ports: PortMatch::Named(name.clone()), item: 0, span: Span::default() }
}

impl At<'_> {
    fn seat(&self, end: End) -> Seat {
        match (self.direction, end) {
            (Direction::Ingress, End::Source) | (Direction::Egress, End::Destination) => Seat::Peer,
            (Direction::Ingress, End::Destination) | (Direction::Egress, End::Source) => {
                Seat::Subject
            }
        }
    }
}

/// Addresses of blocks, or all others of their families: a rule that names blocks of one family is
/// not about the other.
fn of_nets(nets: &[Cidr], negated: bool) -> AddrSet {
    let own = AddrSet::from_cidrs(nets.iter().copied());
    if !negated {
        return own;
    }
    let families = Family::BOTH.into_iter().filter(|family| !own.of_family(*family).is_empty());
    let all = families.map(|family| AddrSet::full().of_family(family));
    all.fold(AddrSet::default(), |sum, one| sum.union(&one)).difference(&own)
}

/// The pods that a policy selects.
fn subject(policy: &Ruled, own: Option<&str>) -> Expression {
    let mut parts = vec![policy.subject.selector.clone()];
    parts.extend(own.map(in_namespace));
    parts.extend(policy.subject.namespaces.as_ref().map(of_namespaces));
    parts.extend(policy.subject.accounts.as_ref().map(|accounts| match accounts {
        Expression::All if own.is_none() => Expression::Has(ACCOUNT_LABEL.into()),
        other => other.with_prefix("pcsa."),
    }));
    Expression::all_of(parts)
}

/// The host endpoints that a policy in no namespace selects. Next to a `namespaceSelector`, `all()`
/// means pods, next to a `serviceAccountSelector` what has one, as a part of `selector`, too.
///
/// # Source
/// Calico §10.4.
pub(super) fn subject_of_hosts(policy: &Ruled) -> Expression {
    let calico::Subject { selector, accounts, namespaces } = &policy.subject;
    let has_account = Expression::Has(ACCOUNT_LABEL.into());
    let selector = match (namespaces, accounts) {
        _ if !policy.has_selector => selector.clone(),
        (Some(_), _) => selector.with_all_as(&Expression::Has(NAMESPACE_LABEL.into())),
        (None, Some(_)) => selector.with_all_as(&has_account),
        (None, None) => selector.clone(),
    };
    let mut parts = vec![selector];
    parts.extend(namespaces.as_ref().map(of_namespaces));
    let accounts = accounts.as_ref();
    parts.extend(accounts.map(|one| one.with_prefix("pcsa.").with_all_as(&has_account)));
    Expression::all_of(parts)
}

/// What an end must match, or, if the flag is set, must not.
fn of_items(items: &Items, own: Option<&str>) -> (Expression, bool) {
    let mut parts = Vec::new();
    match (&items.namespaces, own) {
        (Some(namespaces), _) => parts.push(of_namespaces(namespaces)),
        (None, Some(own)) => parts.push(in_namespace(own)),
        (None, None) => {}
    }
    parts.extend(items.selector.clone());
    if !items.account_names.is_empty() {
        let mut names = items.account_names.clone();
        names.sort_unstable();
        names.dedup();
        parts.push(Expression::Label(ACCOUNT_LABEL.into(), Test::In(names)));
    }
    parts.extend(items.accounts.as_ref().map(|accounts| accounts.with_prefix("pcsa.")));
    match &items.not_selector {
        Some(not) if parts.is_empty() => (not.clone(), true),
        not => {
            parts.extend(not.clone().map(|not| Expression::Not(Box::new(not))));
            (Expression::all_of(parts), false)
        }
    }
}

fn in_namespace(name: &str) -> Expression {
    Expression::Label(NAMESPACE_LABEL.into(), Test::Is(name.into()))
}

/// Only the literal `all()` and `global()` ask whether there is a namespace, the first wherever it
/// stands. [Calico §10.3]
fn of_namespaces(selector: &Expression) -> Expression {
    let has = Expression::Has(NAMESPACE_LABEL.into());
    match selector {
        Expression::All => has,
        Expression::Global => Expression::Not(Box::new(has)),
        other => other.with_prefix("pcns.").with_all_as(&has),
    }
}

fn of_protocol(protocol: CalicoProtocol, negated: bool) -> Condition {
    let own = match protocol {
        CalicoProtocol::Ported(own) => Conns::exactly(ConnSet::of(own, all_ports())),
        // One of those without ports.
        _ => Conns { certain: ConnSet::none(), possible: ConnSet::portless() },
    };
    let flows = if negated { own.others() } else { own };
    let family = match protocol {
        CalicoProtocol::Icmp => Some((Family::IPv4, negated)),
        CalicoProtocol::IcmpV6 => Some((Family::IPv6, negated)),
        _ => None,
    };
    let packets = PacketMatch::Protocol(protocol, negated);
    Condition::Flows { flows, doubt: Doubt::Protocol, family, packets }
}

/// Labels that a policy asks for, as [`crate::cluster::ItemLabels`] has them, each with the test if
/// it is not only whether it is there; the same may come twice.
pub fn asks(policy: &Ruled) -> Vec<(Arc<str>, Option<Test>)> {
    let mut all = vec![subject(policy, None)];
    for rule in policy.rules.values().flatten().flatten() {
        for condition in &rule.conditions {
            match &condition.kind {
                ConditionKind::Items(_, items) => all.push(of_items(items, None).0),
                ConditionKind::Ports(_, ports) => all.push(of_items(&ports.of, None).0),
                _ => {}
            }
        }
    }
    let asks = all.iter().flat_map(Expression::asks);
    asks.map(|(key, test)| (key.clone(), test.cloned())).collect()
}
