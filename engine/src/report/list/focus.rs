//! Which connections were asked for.

use std::net::IpAddr;

use super::ListFilter;
use crate::manifest::Direction;
use crate::net::{AddrSet, Cidr};
use crate::reach::{Unit, UnitId};
use crate::report::types::EndpointReport;
use crate::shared::Table;

/// Which units are in focus.
pub struct Focus {
    inside: Option<Table<bool, Unit>>,
    direction: Option<Direction>,
}

impl Focus {
    pub fn new(filter: &ListFilter, endpoints: &[EndpointReport]) -> Self {
        let matches =
            |endpoint: &EndpointReport| filter.focus.iter().any(|focus| in_focus(focus, endpoint));
        let inside = (!filter.focus.is_empty()).then(|| endpoints.iter().map(matches).collect());
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
