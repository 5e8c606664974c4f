//! Which connections were asked for.

use std::net::IpAddr;

use super::ListFilter;
use crate::cluster::{ClusterModel, EndpointId};
use crate::manifest::Direction;
use crate::net::{AddrSet, Cidr, PortSet, Protocol};
use crate::reach::{Reach, Unit, UnitId, UnitKind};
use crate::report::port::PortQuery;
use crate::report::query::{Side, address_side};
use crate::report::service::{self, ports};
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
    pub fn new(reach: &Reach<'_>, filter: &ListFilter, endpoints: &[EndpointReport]) -> Self {
        let model = reach.model();
        let asked: Vec<Asked<'_>> =
            filter.focus.iter().map(|focus| Asked::new(model, focus)).collect();
        let units = || reach.units().values().zip(endpoints);
        let is_inside = |(unit, report): (&Unit, &EndpointReport)| {
            let in_namespace = filter.namespace.is_none() || filter.namespace == report.namespace;
            in_namespace
                && (asked.is_empty() || asked.iter().any(|one| one.has(unit, report)))
                && is_selected(filter, model, unit)
        };
        let inside = filter.has_focus().then(|| units().map(is_inside).collect());
        let ports = filter.port.as_ref().map(|(protocol, port)| {
            units().map(|(unit, _)| numbers(model, unit, (*protocol, port))).collect()
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

/// Whether the selector certainly selects one of a unit's pods.
fn is_selected(filter: &ListFilter, model: &ClusterModel, unit: &Unit) -> bool {
    let Some(selector) = &filter.selector else { return true };
    let UnitKind::Workload { endpoints, .. } = &unit.kind else { return false };
    let endpoints = endpoints.iter().filter_map(|id| model.endpoints.get(*id));
    let mut labels = endpoints.filter_map(|endpoint| model.labels_of(endpoint));
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

/// Who is meant by a focus.
enum Asked<'f> {
    /// Whoever is called so.
    Named(&'f str),
    /// Pods, and addresses that are no pod's: by an address of theirs, or of the Service that they
    /// are behind.
    Ends(Vec<EndpointId>, Vec<IpAddr>),
}

impl<'f> Asked<'f> {
    fn new(model: &ClusterModel, focus: &'f str) -> Self {
        let Ok(address) = focus.parse::<IpAddr>() else { return Self::Named(focus) };
        let address = address.to_canonical();
        let behind = service::behind(model, address);
        let (mut pods, mut addresses) = (Vec::new(), Vec::new());
        for side in behind.unwrap_or_else(|| vec![address_side(model, address)]) {
            match side {
                Side::Endpoints { endpoints, .. } => pods.extend(endpoints),
                Side::Addresses(own) => addresses.extend(own),
                // No address is that of a pod that is not there.
                Side::Supposed { .. } => {}
            }
        }
        Self::Ends(pods, addresses)
    }

    fn has(&self, unit: &Unit, report: &EndpointReport) -> bool {
        let (pods, addresses) = match self {
            Self::Named(focus) => return in_focus(focus, report),
            Self::Ends(pods, addresses) => (pods, addresses),
        };
        let is_pod = match &unit.kind {
            UnitKind::Workload { endpoints, .. } => endpoints.iter().any(|id| pods.contains(id)),
            UnitKind::Outside(..) => false,
        };
        is_pod || addresses.iter().any(|address| has(report, *address))
    }
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
