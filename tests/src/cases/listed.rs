//! What a list says of a single flow.

use std::sync::Arc;

use portcullis_engine::report::{
    Connection, EndpointKind, EndpointReport, FlowReport, ListReport, Verdict,
};

/// What the list says of a flow that was asked about; none where its lines speak of more than the
/// two ends: of pods that differ, of a Service's pods, of ranges of addresses, of one family.
pub fn listed(list: &ListReport, flow: &FlowReport) -> Option<Verdict> {
    let (from, to) = (&flow.source, &flow.destination);
    let alone = |id: &str| list.endpoints.iter().any(|one| *one.id == *id && is_alone(one));
    if flow.pod_port.is_some() || from == to || !alone(from) || !alone(to) {
        return None;
    }
    let mut lines = list.connections.iter().filter(|line| line.from == *from && line.to == *to);
    let line = lines.next();
    match line {
        Some(line) if line.family.is_some() => None,
        Some(line) => Some(verdict(list, line, flow)),
        None => Some(Verdict::Deny),
    }
}

fn is_alone(endpoint: &EndpointReport) -> bool {
    let one = endpoint.kind == EndpointKind::Workload && endpoint.group.is_none();
    one && endpoint.pods.len() == 1
}

fn verdict(list: &ListReport, line: &Connection, flow: &FlowReport) -> Verdict {
    let has = |set: &Option<Arc<str>>| {
        let ranges = set.as_ref().and_then(|set| list.port_sets.get(set));
        ranges.into_iter().flatten().any(|range| {
            range.protocol == flow.protocol && (range.port..=range.end_port).contains(&flow.port)
        })
    };
    match (has(&line.allowed), has(&line.unknown)) {
        (true, _) => Verdict::Allow,
        (false, true) => Verdict::Unknown,
        (false, false) => Verdict::Deny,
    }
}
