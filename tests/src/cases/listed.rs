//! What a list says of a single flow.

use std::net::IpAddr;
use std::sync::Arc;

use ipnet::IpNet;
use portcullis_engine::report::{
    Connection, EndState, EndpointKind, EndpointReport, Family, FlowReport, ListReport,
    UnknownReason, Verdict,
};

/// What the list says of a flow that was asked about; none where its lines speak of more.
pub fn listed(list: &ListReport, flow: &FlowReport) -> Option<Verdict> {
    line(list, flow).map(|line| line.map_or(Verdict::Deny, |line| verdict(list, line, flow)))
}

/// All that the list says is allowed for certain between the ends of a flow, as it writes it; none
/// where its lines speak of more.
pub fn listed_whole<'l>(list: &'l ListReport, flow: &FlowReport) -> Option<&'l str> {
    let allowed = |line: &'l Connection| line.allowed.as_deref();
    line(list, flow).map(|line| line.and_then(allowed).unwrap_or("none"))
}

/// The list's line of a flow's ends, if it has one. Nothing is said where lines speak of more than
/// the two ends and the port: of ranges of ports, of pods that differ, of a Service's pods, of several families, of addresses that
/// are a node's, which reaches its own pods.
fn line<'l>(list: &'l ListReport, flow: &FlowReport) -> Option<Option<&'l Connection>> {
    flow.port.number()?;
    let alone = |name: &str| list.endpoints.iter().find(|endpoint| is_alone(endpoint, name));
    let (from, to) = (alone(&flow.source)?, alone(&flow.destination)?);
    let node = flow.evidence.ingress.state == EndState::OwnNode
        || flow.reason == Some(UnknownReason::Node);
    // Nor of nodes whose host endpoints decide: a list has no nodes as ends.
    let states = [flow.evidence.egress.state, flow.evidence.ingress.state];
    let by_host =
        states.iter().any(|state| matches!(state, EndState::HostEndpoint | EndState::HostAction));
    let is_address = [&flow.source, &flow.destination].iter().any(|name| family(name).is_some());
    if by_host && is_address {
        return None;
    }
    if flow.pod_port.is_some() || from.id == to.id || node && family(&flow.source).is_some() {
        return None;
    }
    let family = [&flow.source, &flow.destination].into_iter().find_map(|name| family(name));
    let mut lines = list.connections.iter().filter(|line| {
        let other = line.family.is_some() && family.is_some() && line.family != family;
        line.from == from.id && line.to == to.id && !other
    });
    match lines.next() {
        Some(line) if line.family.is_some() && family.is_none() => None,
        line => Some(line),
    }
}

/// The family of an end that is an address.
fn family(name: &str) -> Option<Family> {
    let address: IpAddr = name.parse().ok()?;
    Some(if address.is_ipv4() { Family::IPv4 } else { Family::IPv6 })
}

/// Whether an endpoint is what the name says and no more: one pod, `NAMESPACE/POD`; a template, as
/// the list names it; a range that an address is in.
fn is_alone(endpoint: &EndpointReport, name: &str) -> bool {
    if endpoint.kind == EndpointKind::Addresses {
        let address: Option<IpAddr> = name.parse().ok();
        let mut nets = endpoint.addresses.iter().filter_map(|net| net.parse::<IpNet>().ok());
        return address.is_some_and(|address| nets.any(|net| net.contains(&address)));
    }
    let namespace = endpoint.namespace.as_deref().unwrap_or_default();
    let named = *endpoint.id == *name;
    match endpoint.pods.as_slice() {
        [] => endpoint.group.is_none() && named,
        [pod] => named || name.split_once('/') == Some((namespace, pod)),
        _ => false,
    }
}

fn verdict(list: &ListReport, line: &Connection, flow: &FlowReport) -> Verdict {
    let has = |set: &Option<Arc<str>>| {
        let ranges = set.as_ref().and_then(|set| list.port_sets.get(set));
        ranges.into_iter().flatten().any(|range| {
            range.protocol == flow.protocol
                && flow
                    .port
                    .number()
                    .is_some_and(|port| (range.port..=range.end_port).contains(&port))
        })
    };
    match (has(&line.allowed), has(&line.unknown)) {
        (true, _) => Verdict::Allow,
        (false, true) => Verdict::Unknown,
        (false, false) => Verdict::Deny,
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Answers, judge, parse};

    const TEXT: &str = "## C
```yaml
kind: Pod
apiVersion: v1
metadata: {name: web, namespace: shop}
---
kind: Pod
apiVersion: v1
metadata: {name: db, namespace: shop, labels: {app: db}}
---
kind: NetworkPolicy
apiVersion: networking.k8s.io/v1
metadata: {name: p, namespace: shop}
spec: {podSelector: {matchLabels: {app: db}}, ingress: [{ports: [{port: 5432}]}]}
```
```expect
shop/web -> shop/db TCP 5432: allow
shop/web -> shop/db TCP 80: deny
shop/web -> shop/db: TCP 5432
```
";

    /// What is said of a single flow must stand in the list as well.
    #[test]
    fn a_list_that_says_otherwise_is_found() {
        let case = &parse("t.md", TEXT).cases[0];
        let answers = Answers::of_engine(case).unwrap();
        let line = |from: &str, to: &str| {
            let mut lines = answers.list.connections.iter();
            lines.position(|line| line.from.starts_with(from) && line.to.starts_with(to)).unwrap()
        };
        let (to_db, to_web) = (line("shop/web", "shop/db"), line("shop/db", "shop/web"));
        let mut without = answers.clone();
        without.list.connections.remove(to_db);
        let mut with_all = answers.clone();
        with_all.list.connections[to_db].allowed = answers.list.connections[to_web].allowed.clone();
        let failed = |answers| -> Vec<usize> {
            judge(case, answers).into_iter().map(|failure| failure.line).collect()
        };
        assert!(failed(&answers).is_empty());
        assert_eq!(failed(&without), [17, 19]);
        assert_eq!(failed(&with_all), [18, 19]);
    }
}
