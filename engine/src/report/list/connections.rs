//! Lines of a list as connections.

use std::collections::BTreeMap;
use std::sync::Arc;

use rustc_hash::FxHashMap;

use super::ends::Ends;
use super::lines::{Line, Lines};
use super::members::Member;
use super::weave::{Flow, Woven};
use crate::net::{ConnId, ConnSet};
use crate::reach::{Reach, Unit};
use crate::report::types::{Connection, GroupReport, PortRange, Protocol};
use crate::shared::Table;

/// What a report has of connections.
pub struct Written {
    pub groups: Vec<GroupReport>,
    pub connections: Vec<Connection>,
    pub port_sets: BTreeMap<Arc<str>, Vec<PortRange>>,
}

/// All connections, in order; with each workload for itself if they are to be expanded.
pub fn write(
    reach: &Reach<'_>,
    members: &Table<Member, Unit>,
    woven: &Woven,
    expand: bool,
) -> Written {
    let mut lines = Lines::new(members);
    let key = |flow: &Flow| (flow.family, flow.allowed, flow.unknown);
    let found = lines.of(&woven.bundles, &woven.own, (expand, key));
    let mut texts = Texts::default();
    let connections = found
        .into_iter()
        .map(|line| connection(&lines.ends, line, |id| texts.of(id, reach.conn(id))))
        .collect();
    let port_sets = texts.port_sets(|id| reach.conn(id));
    Written { groups: lines.ends.into_groups(), connections, port_sets }
}

fn connection(
    ends: &Ends<'_, Unit>,
    (from, to, flow): Line<Unit, Flow>,
    mut text: impl FnMut(ConnId) -> Option<Arc<str>>,
) -> Connection {
    Connection {
        from: ends.id_of(from),
        to: ends.id_of(to),
        allowed: text(flow.allowed),
        unknown: text(flow.unknown),
        family: flow.family,
        why: flow.why,
    }
}

/// Texts of sets of connections.
#[derive(Default)]
pub struct Texts(FxHashMap<ConnId, Arc<str>>);

impl Texts {
    /// The text of a set; none if it is empty.
    pub fn of(&mut self, id: ConnId, conns: &ConnSet) -> Option<Arc<str>> {
        if id == ConnId::NONE {
            return None;
        }
        let text = self.0.entry(id).or_insert_with(|| {
            let text = conns.text();
            // Protocols without ports alone.
            if text.is_empty() { "other protocols".into() } else { text.into() }
        });
        Some(text.clone())
    }

    /// What all texts so far mean.
    pub fn port_sets<'c>(
        &self,
        conn: impl Fn(ConnId) -> &'c ConnSet,
    ) -> BTreeMap<Arc<str>, Vec<PortRange>> {
        self.0.iter().map(|(id, text)| (text.clone(), ranges(conn(*id)))).collect()
    }
}

fn ranges(conns: &ConnSet) -> Vec<PortRange> {
    let of = |protocol: Protocol| {
        let ranges = conns.ports(protocol).ranges().iter();
        ranges.map(move |&(port, end_port)| PortRange { protocol, port, end_port })
    };
    Protocol::ALL.into_iter().flat_map(of).collect()
}
