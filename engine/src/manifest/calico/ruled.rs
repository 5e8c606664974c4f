//! Policies in the form that all policies have: rules with what they ask of a flow.

use std::fmt::Write as _;
use std::sync::Arc;

use super::super::policy::{Action, ByDirection, Rule};
use super::{
    AccountMatch, CalicoAction, CalicoKind, CalicoPolicy, CalicoPort, CalicoProtocol, CalicoRule,
    EntityRule, HostStages, IcmpMatch, Order, ServiceMatch, StagedAction,
};
use crate::net::Cidr;
use crate::selector::expression::Expression;
use crate::source::Span;

/// A policy that is evaluated.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ruled {
    /// Its kind.
    pub kind: CalicoKind,
    /// The name by which it is sorted among policies of its order.
    pub name: Arc<str>,
    /// The name of its tier.
    pub tier: Arc<str>,
    /// Its place in the tier; none comes after all others.
    pub order: Option<Order>,
    /// Which pods it selects, its namespace left aside.
    pub subject: Subject,
    /// Its rules of each direction that it is for, in order.
    pub rules: ByDirection<Option<Vec<Rule>>>,
    /// Whether it is only looked at: as one that replaces the policy of its name.
    pub is_staged: bool,
    /// At which of a host's stages it stands.
    pub stages: HostStages,
    /// Whether `selector` is written, and not blank.
    pub has_selector: bool,
}

/// Which pods a policy selects.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Subject {
    /// `selector`.
    pub selector: Expression,
    /// `serviceAccountSelector`.
    pub accounts: Option<Expression>,
    /// `namespaceSelector`.
    pub namespaces: Option<Expression>,
}

/// What a rule asks of a flow, besides its direction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Condition {
    /// The field of the rule that asks it, for example `source.nets`.
    pub field: &'static str,
    /// What is asked.
    pub kind: ConditionKind,
    /// Where it stands.
    pub span: Span,
}

/// An end of a flow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum End {
    /// Who sends.
    Source,
    /// Who receives.
    Destination,
}

/// What is asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ConditionKind {
    /// What stands at an end's address matches selectors.
    Items(End, Items),
    /// An end's address is in one of these blocks; or, if the flag is set, in none.
    Nets(End, Vec<Cidr>, bool),
    /// The flow is of this version of IP, 4 or 6.
    Version(u8),
    /// It is of this protocol; or, if the flag is set, of another.
    Protocol(CalicoProtocol, bool),
    /// It is such a message; or, if the flag is set, another.
    Icmp(IcmpMatch, bool),
    /// An end's port is one of these.
    Ports(End, PortsOf),
    /// An end is behind a Service.
    Service(End, ServiceMatch),
}

/// Selectors of what stands at an address: pods, and sets of addresses.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Items {
    /// `selector`.
    pub selector: Option<Expression>,
    /// `notSelector`.
    pub not_selector: Option<Expression>,
    /// `namespaceSelector`.
    pub namespaces: Option<Expression>,
    /// Names of `serviceAccounts`; empty: any.
    pub account_names: Vec<Arc<str>>,
    /// Selector of `serviceAccounts`.
    pub accounts: Option<Expression>,
}

/// Ports of an end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PortsOf {
    /// Ports, in order.
    pub ports: Vec<CalicoPort>,
    /// Whether it must be none of them.
    pub negated: bool,
    /// Of which protocol; none: of any.
    pub protocol: Option<CalicoProtocol>,
    /// Who has the names among them.
    pub of: Items,
}

impl Items {
    fn of(entity: &EntityRule) -> Self {
        let AccountMatch { names, selector } = entity.accounts.clone().unwrap_or_default();
        Self {
            selector: entity.selector.clone(),
            not_selector: entity.not_selector.clone(),
            namespaces: entity.namespaces.clone(),
            account_names: names,
            accounts: selector,
        }
    }

    /// Whether nothing is asked.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// All expressions, whatever they are asked of.
    pub fn expressions(&self) -> impl Iterator<Item = &Expression> {
        let all = [&self.selector, &self.not_selector, &self.namespaces, &self.accounts];
        all.into_iter().flatten()
    }

    fn text(&self) -> String {
        let mut parts = Vec::new();
        parts.extend(self.selector.as_ref().map(Expression::to_string));
        parts.extend(self.not_selector.as_ref().map(|one| format!("not ({one})")));
        parts.extend(self.namespaces.as_ref().map(|one| match one {
            Expression::Global => "in no namespace".to_owned(),
            Expression::All => "in any namespace".to_owned(),
            other => format!("in namespaces with {other}"),
        }));
        if !self.account_names.is_empty() {
            parts.push(format!("of service account {}", self.account_names.join(" or ")));
        }
        parts.extend(self.accounts.as_ref().map(|one| format!("of service accounts with {one}")));
        parts.join(", ")
    }
}

impl Ruled {
    /// Whether it stands where packets are not seen as they reach pods: before DNAT, or before
    /// connections are tracked. Of pods it then decides nothing.
    pub fn is_for_hosts(&self) -> bool {
        self.stages.before_dnat || self.stages.untracked
    }

    /// The policy that is evaluated; none of a staged one that says nothing of flows. One that
    /// stands for the end of a policy is for no direction.
    ///
    /// # Source
    /// Calico §1.
    pub fn of(kind: CalicoKind, policy: &CalicoPolicy, name: &Arc<str>) -> Option<Self> {
        let is_deletion = match policy.staged {
            None | Some(StagedAction::Set) => false,
            Some(StagedAction::Delete) => true,
            Some(StagedAction::Learn | StagedAction::Ignore) => return None,
        };
        let rules = |rules: &Vec<CalicoRule>| rules.iter().map(rule).collect();
        let rules = |direction| {
            let written = policy.rules[direction].as_ref().filter(|_| !is_deletion);
            written.map(rules)
        };
        Some(Self {
            kind,
            name: name.clone(),
            tier: policy.tier.clone(),
            order: policy.order,
            subject: Subject {
                selector: policy.selector.clone(),
                accounts: policy.accounts.clone(),
                namespaces: policy.namespaces.clone(),
            },
            rules: ByDirection::from_fn(rules),
            is_staged: policy.staged.is_some(),
            stages: policy.stages,
            has_selector: policy.has_selector,
        })
    }
}

/// A rule in the form that all have.
pub(super) fn rule(written: &CalicoRule) -> Rule {
    let action = match written.action {
        Some(CalicoAction::Allow) => Action::Accept,
        Some(CalicoAction::Pass) => Action::Pass,
        Some(CalicoAction::Log) => Action::Log,
        Some(CalicoAction::Deny) | None => Action::Deny,
    };
    let span = written.span;
    let condition = |field, kind| Condition { field, kind, span };
    let mut conditions = Vec::new();
    conditions
        .extend(written.ip_version.map(|own| condition("ipVersion", ConditionKind::Version(own))));
    for (field, protocol, negated) in
        [("protocol", written.protocol, false), ("notProtocol", written.not_protocol, true)]
    {
        conditions
            .extend(protocol.map(|own| condition(field, ConditionKind::Protocol(own, negated))));
    }
    for (field, icmp, negated) in
        [("icmp", written.icmp, false), ("notICMP", written.not_icmp, true)]
    {
        conditions.extend(icmp.map(|own| condition(field, ConditionKind::Icmp(own, negated))));
    }
    for (end, entity) in [(End::Source, &written.source), (End::Destination, &written.destination)]
    {
        let of_end = of_entity(end, entity, written.protocol).into_iter();
        conditions.extend(of_end.map(|(field, kind)| condition(field, kind)));
    }
    let (peers, ports) = (Vec::new(), Vec::new());
    let fails_closed = written.action.is_none();
    Rule { name: None, action, fails_closed, peers, ports, conditions, span }
}

/// The names of fields, of the source and of the destination.
const FIELDS: [[&str; 6]; 2] = [
    [
        "source",
        "source.nets",
        "source.notNets",
        "source.ports",
        "source.notPorts",
        "source.services",
    ],
    [
        "destination",
        "destination.nets",
        "destination.notNets",
        "destination.ports",
        "destination.notPorts",
        "destination.services",
    ],
];

fn of_entity(
    end: End,
    entity: &EntityRule,
    protocol: Option<CalicoProtocol>,
) -> Vec<(&'static str, ConditionKind)> {
    let [of_source, of_destination] = FIELDS;
    let [own, nets, not_nets, ports, not_ports, services] = match end {
        End::Source => of_source,
        End::Destination => of_destination,
    };
    let mut all = Vec::new();
    let items = Items::of(entity);
    if !items.is_empty() {
        all.push((own, ConditionKind::Items(end, items.clone())));
    }
    for (field, nets, negated) in [(nets, &entity.nets, false), (not_nets, &entity.not_nets, true)]
    {
        if !nets.is_empty() {
            all.push((field, ConditionKind::Nets(end, nets.clone(), negated)));
        }
    }
    if let Some(service) = &entity.service {
        all.push((services, ConditionKind::Service(end, service.clone())));
    }
    for (field, list, negated) in
        [(ports, &entity.ports, false), (not_ports, &entity.not_ports, true)]
    {
        if !list.is_empty() {
            let ports = PortsOf { ports: list.clone(), negated, protocol, of: items.clone() };
            all.push((field, ConditionKind::Ports(end, ports)));
        }
    }
    all
}

impl Condition {
    /// What is asked, briefly: `app == "web"`, `not 10.0.0.0/8`, `TCP`, `80, http`.
    pub fn text(&self) -> String {
        let not = |negated: bool| if negated { "not " } else { "" };
        match &self.kind {
            ConditionKind::Items(_, items) => items.text(),
            ConditionKind::Nets(_, nets, negated) => {
                let nets: Vec<String> = nets.iter().map(ToString::to_string).collect();
                format!("{}{}", not(*negated), nets.join(", "))
            }
            ConditionKind::Version(version) => format!("IPv{version}"),
            ConditionKind::Protocol(protocol, negated) => format!("{}{protocol}", not(*negated)),
            ConditionKind::Icmp(icmp, negated) => format!("{}{}", not(*negated), icmp_text(*icmp)),
            ConditionKind::Ports(_, ports) => {
                let list: Vec<String> = ports.ports.iter().map(port_text).collect();
                format!("{}{}", not(ports.negated), list.join(", "))
            }
            ConditionKind::Service(_, service) => match &service.namespace {
                Some(namespace) => format!("Service {namespace}/{}", service.name),
                None => format!("Service {}", service.name),
            },
        }
    }

    /// The same, with the end that it is asked of: `source app == "web"`, `destination 80, http`.
    pub fn described(&self) -> String {
        let text = self.text();
        match self.field.split('.').next() {
            Some(end @ ("source" | "destination")) => format!("{end} {text}"),
            _ => text,
        }
    }

    /// Whether it asks for a protocol or a port, rather than for who an end is.
    pub fn is_of_ports(&self) -> bool {
        match self.kind {
            ConditionKind::Items(..)
            | ConditionKind::Nets(..)
            | ConditionKind::Version(_)
            | ConditionKind::Service(..) => false,
            ConditionKind::Protocol(..) | ConditionKind::Icmp(..) | ConditionKind::Ports(..) => {
                true
            }
        }
    }
}

fn icmp_text(icmp: IcmpMatch) -> String {
    let mut text = "type ".to_owned();
    let _ = match (icmp.kind, icmp.code) {
        (None, _) => write!(text, "any"),
        (Some(kind), None) => write!(text, "{kind}"),
        (Some(kind), Some(code)) => write!(text, "{kind}, code {code}"),
    };
    text
}

fn port_text(port: &CalicoPort) -> String {
    match port {
        CalicoPort::Range(first, last) if first == last => first.to_string(),
        CalicoPort::Range(first, last) => format!("{first}-{last}"),
        CalicoPort::Named(name) => name.to_string(),
    }
}
