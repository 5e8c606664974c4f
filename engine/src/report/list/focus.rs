//! Which connections were asked for.

use std::net::IpAddr;

use super::ListFilter;
use crate::cluster::ClusterModel;
use crate::manifest::Direction;
use crate::net::{AddrSet, Cidr, PortSet, Protocol};
use crate::reach::{Unit, UnitId, UnitKind};
use crate::report::port::PortQuery;
use crate::report::service::{labels, ports};
use crate::report::types::EndpointReport;
use crate::selector::Match;
use crate::shared::Table;

/// Which units are in focus, and on which ports.
pub struct Focus {
    inside: Option<Table<bool, Unit>>,
    direction: Option<Direction>,
    /// The ports that are asked for of each unit as a destination.
    ports: Option<Table<PortSet, Unit>>,
}

impl Focus {
    pub fn new<'u>(
        filter: &ListFilter,
        model: &ClusterModel,
        units: impl Iterator<Item = (&'u Unit, &'u EndpointReport)> + Clone,
    ) -> Self {
        let inside = filter.has_focus().then(|| {
            let inside = units.clone().map(|(unit, endpoint)| {
                is_chosen(filter, endpoint) && is_selected(filter, model, unit)
            });
            inside.collect()
        });
        let ports = filter.port.as_ref().map(|(protocol, port)| {
            units.map(|(unit, _)| numbers(model, unit, (*protocol, port))).collect()
        });
        Self { inside, direction: filter.direction, ports }
    }

    /// The ports that are asked for of a destination; none: any.
    pub fn ports(&self, unit: UnitId) -> Option<&PortSet> {
        self.ports.as_ref()?.get(unit)
    }

    /// Whether a unit is in focus; without one, all are.
    pub fn is_inside(&self, unit: UnitId) -> bool {
        self.inside.as_ref().is_none_or(|inside| inside.get(unit) == Some(&true))
    }

    /// Whether connections are listed of units, in a role, that are not in focus.
    pub fn takes_outside(&self, role: Direction) -> bool {
        self.inside.is_some() && self.direction != Some(role)
    }

    /// Whether connections are listed from units that are in focus, or are not, to others.
    pub fn has(&self, (from, to): (bool, bool)) -> bool {
        match self.direction {
            None => from || to,
            Some(Direction::Egress) => from,
            Some(Direction::Ingress) => to,
        }
    }
}

impl ListFilter {
    /// Whether only connections of some are asked for.
    pub fn has_focus(&self) -> bool {
        !self.focus.is_empty() || self.namespace.is_some() || self.selector.is_some()
    }
}

/// Whether an endpoint is one of those in focus, and in the namespace.
fn is_chosen(filter: &ListFilter, endpoint: &EndpointReport) -> bool {
    let in_namespace = filter.namespace.is_none() || filter.namespace == endpoint.namespace;
    let mut focus = filter.focus.iter();
    in_namespace && (filter.focus.is_empty() || focus.any(|focus| in_focus(focus, endpoint)))
}

/// Whether the selector certainly selects one of a unit's pods.
fn is_selected(filter: &ListFilter, model: &ClusterModel, unit: &Unit) -> bool {
    let Some(selector) = &filter.selector else { return true };
    let UnitKind::Workload { endpoints, .. } = &unit.kind else { return false };
    let endpoints = endpoints.iter().filter_map(|id| model.endpoints.get(*id));
    let mut labels = endpoints.filter_map(|endpoint| labels(model, endpoint));
    labels.any(|labels| selector.matches(&labels) == Match::Yes)
}

/// The numbers of a port of a unit's pods: of a name, those that any of them has.
fn numbers(model: &ClusterModel, unit: &Unit, (protocol, port): (Protocol, &PortQuery)) -> PortSet {
    let name = match port {
        PortQuery::Number(number) => return PortSet::range(*number, *number),
        PortQuery::Range(first, last) => return PortSet::range(*first, *last),
        PortQuery::Name(name) => name,
    };
    let UnitKind::Workload { endpoints, .. } = &unit.kind else { return PortSet::default() };
    let endpoints = endpoints.iter().filter_map(|id| model.endpoints.get(*id));
    let own = endpoints.flat_map(|endpoint| ports(model, endpoint));
    let same = own.filter(|own| own.name == *name && own.protocol == protocol);
    PortSet::from_ranges(same.map(|own| (own.port, own.port)))
}

/// Whether a focus (see [`ListFilter::focus`]) names an endpoint: anything that a list writes does,
/// and so does what questions about a flow name it by.
pub fn in_focus(focus: &str, endpoint: &EndpointReport) -> bool {
    if *endpoint.id == *focus || focus.parse().is_ok_and(|address| has(endpoint, address)) {
        return true;
    }
    let (Some(namespace), Some(name), Some(kind)) =
        (&endpoint.namespace, &endpoint.name, &endpoint.workload_kind)
    else {
        return false;
    };
    let is_named = |one: &str| {
        one == name
            || one.strip_prefix(&**name).is_some_and(|rest| rest == format!("[{kind}]"))
            || endpoint.group.as_deref() == Some(one)
            || endpoint.pods.iter().any(|pod| pod == one)
    };
    let parts: Vec<&str> = focus.split('/').collect();
    match parts.as_slice() {
        [one] => one == name || one == namespace,
        [ns, "" | "*"] => ns == namespace,
        [ns, one] => ns == namespace && is_named(one),
        [ns, of, one] => ns == namespace && is_named(one) && of.eq_ignore_ascii_case(kind),
        _ => false,
    }
}

/// Whether an endpoint has an address: pods have single ones, ranges are CIDRs.
fn has(endpoint: &EndpointReport, address: IpAddr) -> bool {
    endpoint.addresses.iter().any(|text| {
        let own = text.parse().ok().map(|own: IpAddr| own == address);
        let within =
            || Cidr::parse(text).is_ok_and(|cidr| AddrSet::from_cidr(cidr).contains(address));
        own.unwrap_or_else(within)
    })
}
