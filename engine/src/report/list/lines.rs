//! Connections between the ends of bundles.

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::sync::Arc;

use rustc_hash::FxHashMap;

use super::ends::{End, Ends};
use super::part::Units;
use super::weave::{Bundle, Flow, Woven};
use crate::manifest::Direction;
use crate::net::{AddrSet, ConnId, ConnSet};
use crate::reach::{Reach, Unit, UnitId};
use crate::report::types::{Connection, GroupReport, PortRange, Protocol};
use crate::shared::Table;

/// What a report has of connections.
pub struct Written {
    pub groups: Vec<GroupReport>,
    pub connections: Vec<Connection>,
    pub port_sets: BTreeMap<Arc<str>, Vec<PortRange>>,
}

/// Writes connections.
pub struct Lines<'l, 'm> {
    reach: &'l Reach<'m>,
    ends: Ends<'l, 'm>,
    woven: &'l Woven,
    /// Addresses that are listed with some workloads, by whether these are sources (egress).
    listed: FxHashMap<(Direction, Units), AddrSet>,
    /// Ends of units that have been named.
    named: FxHashMap<Units, Vec<End>>,
    texts: FxHashMap<ConnId, Arc<str>>,
}

type Line = (End, End, Flow);

impl<'l, 'm> Lines<'l, 'm> {
    pub fn new(reach: &'l Reach<'m>, ids: &'l Table<Arc<str>, Unit>, woven: &'l Woven) -> Self {
        Self {
            reach,
            ends: Ends::new(reach, ids),
            woven,
            listed: FxHashMap::default(),
            named: FxHashMap::default(),
            texts: FxHashMap::default(),
        }
    }

    /// All connections, in order; with each workload for itself if they are to be expanded.
    pub fn write(mut self, expand: bool) -> Written {
        let woven = self.woven;
        let mut lines: Vec<Line> = Vec::new();
        if !expand {
            self.list_addresses();
        }
        for bundle in &woven.bundles {
            let (from, to) = match expand {
                true => (self.expanded(&bundle.from), self.expanded(&bundle.to)),
                false => self.named(bundle),
            };
            let pairs = from.iter().flat_map(|from| to.iter().map(|to| (*from, *to)));
            // A group's members reach each other, a single one not itself.
            let own = |from, to| from == to && matches!(from, End::One(_));
            let different = pairs.filter(|(from, to)| !own(*from, *to));
            lines.extend(different.map(|(from, to)| (from, to, bundle.flow)));
        }
        lines
            .extend(woven.own.iter().map(|(unit, flow)| (End::One(*unit), End::One(*unit), *flow)));
        lines.sort_by(|a, b| self.order(a, b));
        let connections = lines.into_iter().map(|line| self.connection(line)).collect();
        let port_sets = self.port_sets();
        Written { groups: self.ends.into_groups(), connections, port_sets }
    }

    fn order(&self, a: &Line, b: &Line) -> Ordering {
        let key = |(from, to, flow): &Line| {
            (self.ends.order(*from), self.ends.order(*to), flow.family, flow.allowed, flow.unknown)
        };
        key(a).cmp(&key(b))
    }

    fn is_workloads(&self, units: &[UnitId]) -> bool {
        units.first().and_then(|one| self.reach.units().get(*one)).is_some_and(Unit::is_workload)
    }

    fn expanded(&mut self, units: &Units) -> Vec<End> {
        if self.is_workloads(units) { Ends::each(units) } else { self.ends.ranges(units) }
    }

    fn named(&mut self, bundle: &Bundle) -> (Vec<End>, Vec<End>) {
        let Bundle { from, to, .. } = bundle;
        match (self.is_workloads(from), self.is_workloads(to)) {
            (true, true) => (self.workloads(from), self.workloads(to)),
            (true, false) => (self.workloads(from), self.addresses(to, (Direction::Egress, from))),
            (false, _) => (self.addresses(from, (Direction::Ingress, to)), self.workloads(to)),
        }
    }

    fn workloads(&mut self, units: &Units) -> Vec<End> {
        if let Some(known) = self.named.get(units) {
            return known.clone();
        }
        let ends = self.ends.workloads(units);
        self.named.insert(units.clone(), ends.clone());
        ends
    }

    fn addresses(&mut self, units: &Units, (direction, others): (Direction, &Units)) -> Vec<End> {
        let none = AddrSet::default();
        let listed = self.listed.get(&(direction, others.clone())).unwrap_or(&none);
        self.ends.addresses(units, listed)
    }

    fn list_addresses(&mut self) {
        for Bundle { from, to, .. } in &self.woven.bundles {
            let (key, addresses) = match (self.is_workloads(from), self.is_workloads(to)) {
                (true, true) => continue,
                (true, false) => ((Direction::Egress, from.clone()), to),
                (false, _) => ((Direction::Ingress, to.clone()), from),
            };
            let addresses = self.ends.set(addresses);
            let listed = self.listed.entry(key).or_default();
            *listed = listed.union(&addresses);
        }
    }

    fn connection(&mut self, (from, to, flow): Line) -> Connection {
        Connection {
            from: self.ends.id_of(from),
            to: self.ends.id_of(to),
            allowed: self.text(flow.allowed),
            unknown: self.text(flow.unknown),
            family: flow.family,
            why: flow.why,
        }
    }

    fn text(&mut self, id: ConnId) -> Option<Arc<str>> {
        if id == ConnId::NONE {
            return None;
        }
        let text = self.texts.entry(id).or_insert_with(|| {
            let text = self.reach.conn(id).text();
            // Protocols without ports alone.
            if text.is_empty() { "other protocols".into() } else { text.into() }
        });
        Some(text.clone())
    }

    fn port_sets(&self) -> BTreeMap<Arc<str>, Vec<PortRange>> {
        self.texts.iter().map(|(id, text)| (text.clone(), ranges(self.reach.conn(*id)))).collect()
    }
}

fn ranges(conns: &ConnSet) -> Vec<PortRange> {
    let of = |protocol: Protocol| {
        let ranges = conns.ports(protocol).ranges().iter();
        ranges.map(move |&(port, end_port)| PortRange { protocol, port, end_port })
    };
    Protocol::ALL.into_iter().flat_map(of).collect()
}
