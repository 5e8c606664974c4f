//! Which connections were asked for.

use std::net::IpAddr;

use super::ListFilter;
use crate::cluster::{ClusterModel, EndpointId};
use crate::manifest::Direction;
use crate::net::{AddrSet, Cidr};
use crate::reach::{Reach, Unit, UnitId, UnitKind};
use crate::report::query::{Side, address_side};
use crate::report::service;
use crate::report::types::EndpointReport;
use crate::shared::Table;

/// Which units are in focus.
pub struct Focus {
    inside: Option<Table<bool, Unit>>,
    direction: Option<Direction>,
}

impl Focus {
    pub fn new(reach: &Reach<'_>, filter: &ListFilter, endpoints: &[EndpointReport]) -> Self {
        let asked: Vec<Asked<'_>> =
            filter.focus.iter().map(|focus| Asked::new(reach.model(), focus)).collect();
        let units = reach.units().values().zip(endpoints);
        let matches = |(unit, report)| asked.iter().any(|one| one.has(unit, report));
        let inside = (!filter.focus.is_empty()).then(|| units.map(matches).collect());
        Self { inside, direction: filter.direction }
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
