//! What `list` says, pair by pair and port by port.

use std::net::IpAddr;

use portcullis_engine::ListFilter;
use portcullis_engine::report::{
    Connection, EndpointKind, EndpointReport, Family, Isolation, ListReport, PortRange,
};

use super::ask::{Engine, of_protocol};
use super::{Counts, Mismatch};
use crate::cluster::{Cluster, Direction, Net, Owner};
use crate::oracle::{
    End, Identity, Person, Traffic, Verdict, World, agreed, is_one_pod, is_open_apart, persons,
    selected_by, verdict, worlds,
};

/// A unit of the list, as the oracle knows it.
struct Unit<'l> {
    report: &'l EndpointReport,
    persons: Vec<Person>,
}

/// Compares a list with the oracle.
///
/// # Errors
/// The first disagreement.
pub fn compare(engine: &Engine<'_>, traffic: &[Traffic]) -> Result<Counts, Mismatch> {
    let filter = ListFilter { siblings: true, ..ListFilter::default() };
    let list = engine.session.list(&filter).in_pairs();
    let mut counts = Counts::default();
    let units: Vec<Unit<'_>> = list.endpoints.iter().map(|e| unit(engine.cluster, e)).collect();
    everybody_is_listed(engine.cluster, &list)?;
    // What isolation means where Calico's policies select a pod is not said by the oracle.
    let plain = engine.cluster.calico.is_absent();
    let workloads = units.iter().filter(|unit| unit.report.kind == EndpointKind::Workload);
    for unit in workloads.filter(|_| plain) {
        isolation(engine.cluster, unit)?;
    }
    for from in &units {
        for to in &units {
            let outside = |unit: &Unit<'_>| unit.report.kind == EndpointKind::Addresses;
            if !(outside(from) && outside(to)) {
                counts.listed += compare_units(engine.cluster, &list, (from, to), traffic)?;
            }
        }
    }
    Ok(counts)
}

/// Every pod that can take part in traffic is in exactly one unit.
fn everybody_is_listed(cluster: &Cluster, list: &ListReport) -> Result<(), Mismatch> {
    for pod in &cluster.pods {
        let end = End::Pod(pod.namespace.clone(), pod.name.clone());
        let expected = persons(cluster, &end).len();
        let units = list.endpoints.iter().filter(|endpoint| {
            endpoint.namespace.as_ref() == Some(&pod.namespace) && endpoint.pods.contains(&pod.name)
        });
        let found = units.count();
        if found != expected {
            return Err(Mismatch {
                sort: "list: who is there".into(),
                question: format!("units with pod {end}"),
                engine: found.to_string(),
                oracle: expected.to_string(),
            });
        }
    }
    Ok(())
}

fn unit<'l>(cluster: &Cluster, report: &'l EndpointReport) -> Unit<'l> {
    let persons = match report.kind {
        EndpointKind::Addresses => outside(cluster, &report.addresses),
        EndpointKind::Workload if report.pods.is_empty() => template(cluster, report),
        EndpointKind::Workload => {
            let namespace = report.namespace.clone().unwrap_or_default();
            let pods = report.pods.iter().map(|pod| End::Pod(namespace.clone(), pod.clone()));
            pods.flat_map(|end| persons(cluster, &end)).collect()
        }
    };
    Unit { report, persons }
}

/// The first and the last address of every range that nobody in the cluster has.
fn outside(cluster: &Cluster, ranges: &[String]) -> Vec<Person> {
    let nets = ranges.iter().filter_map(|text| {
        let (address, prefix) = text.split_once('/')?;
        Some(Net::of(address.parse().ok()?, prefix.parse().ok()?))
    });
    let ends = nets.flat_map(|net| [net.first(), net.last()].map(|number| (net.family, number)));
    let ends = ends.filter_map(|(family, number)| Net::address(family, number));
    ends.filter(|address| is_nobodys(cluster, *address))
        .flat_map(|address| persons(cluster, &End::Address(address)))
        .collect()
}

/// A range is listed as addresses outside; pods and nodes in it are lines of their own, or
/// none.
fn is_nobodys(cluster: &Cluster, address: IpAddr) -> bool {
    let pods = cluster.pods.iter().flat_map(|pod| pod.addresses.iter().chain(&pod.host_address));
    let nodes = cluster.nodes.iter().flat_map(|node| &node.addresses);
    !pods.chain(nodes).any(|known| *known == address)
        && !cluster.node_cidrs.iter().any(|net| net.contains(address))
}

/// The template of a workload; of a StatefulSet that is taken apart, the replica that is named.
fn template(cluster: &Cluster, report: &EndpointReport) -> Vec<Person> {
    let namespace = report.namespace.clone().unwrap_or_default();
    let name = report.name.clone().unwrap_or_default();
    let is =
        |owner: &Owner| Some(owner.0.name()) == report.workload_kind.as_deref() && owner.1 == name;
    let owners = cluster.workloads.iter().flat_map(|workload| {
        [Some((workload.kind, workload.name.clone())), workload.owner.clone()]
    });
    let Some((kind, name)) = owners.flatten().find(is) else {
        return Vec::new();
    };
    let mut all = persons(cluster, &End::Workload(namespace, kind, name.clone()));
    if let Some(group) = &report.group {
        let first = group.split(' ').next().unwrap_or_default();
        all.retain(|person| match person.identity {
            Identity::Replica(_, Some(ordinal)) => format!("{name}-{ordinal}") == first,
            _ => true,
        });
    }
    all
}

/// Whether a unit is said to be isolated as it is: by some policy, whatever its labels are.
fn isolation(cluster: &Cluster, unit: &Unit<'_>) -> Result<(), Mismatch> {
    let worlds = unit.persons.iter().flat_map(|person| worlds(cluster, person, person));
    let worlds: Vec<World> = worlds.collect();
    for (direction, said) in
        [(Direction::Ingress, unit.report.ingress), (Direction::Egress, unit.report.egress)]
    {
        let selects = |world: &World| {
            let mut policies = cluster.policies.iter();
            policies.any(|policy| selected_by(policy, direction, &world.source))
        };
        let expected = match agreed(worlds.iter().map(selects)) {
            _ if unit.report.host_network => Isolation::Unenforced,
            Some(Verdict::Allow) => Isolation::Yes,
            Some(Verdict::Deny) => Isolation::No,
            Some(Verdict::Unknown) => Isolation::Unknown,
            None => continue,
        };
        if said != Some(expected) {
            return Err(Mismatch {
                sort: "list: isolation".into(),
                question: format!("{} in direction {direction:?}", unit.report.id),
                engine: format!("{said:?}"),
                oracle: format!("{expected:?}"),
            });
        }
    }
    Ok(())
}

fn compare_units(
    cluster: &Cluster,
    list: &ListReport,
    (from, to): (&Unit<'_>, &Unit<'_>),
    traffic: &[Traffic],
) -> Result<u64, Mismatch> {
    let lines: Vec<&Connection> = list
        .connections
        .iter()
        .filter(|line| line.from == from.report.id && line.to == to.report.id)
        .collect();
    let own = from.report.id == to.report.id;
    let worlds = between(cluster, (from, to), own);
    if own && worlds.is_empty() {
        return nothing_to_itself(&lines);
    }
    let certain = from.persons.iter().chain(&to.persons).all(|person| has_family(cluster, person));
    let mut count = 0;
    let families: &[&[u8]] = if certain { &[&[4], &[6]] } else { &[&[4, 6]] };
    for family in families {
        let of_family = worlds.iter().filter(|world| family.contains(&world.family()));
        let of_family: Vec<World> = of_family.cloned().collect();
        if of_family.is_empty() {
            continue;
        }
        for one in traffic {
            count += 1;
            let expected = verdict(cluster, &of_family, one);
            let said = listed(list, &lines, family, one);
            let apart = || said == Verdict::Unknown && is_open_apart(cluster, &of_family, one);
            if Some(said) != expected && !apart() {
                let question = (from, to, one, *family);
                return Err(mismatch(question, (said, expected.unwrap_or(Verdict::Deny)), &lines));
            }
        }
    }
    Ok(count)
}

fn between(cluster: &Cluster, (from, to): (&Unit<'_>, &Unit<'_>), own: bool) -> Vec<World> {
    let mut all = Vec::new();
    for source in &from.persons {
        for destination in &to.persons {
            let one = source.identity == destination.identity;
            // A template's pods are several, unless it is of one replica; a pod is not its own
            // sibling.
            if own && one && is_one_pod(cluster, source.identity) {
                continue;
            }
            all.extend(worlds(cluster, source, destination));
        }
    }
    all
}

/// A pod alone has no siblings.
fn nothing_to_itself(lines: &[&Connection]) -> Result<u64, Mismatch> {
    match lines.first() {
        None => Ok(0),
        Some(line) => Err(Mismatch {
            sort: "list: a line from a pod to itself".into(),
            question: format!("{} => {}", line.from, line.to),
            engine: format!("{line:?}"),
            oracle: "it has no siblings".into(),
        }),
    }
}

/// Whether it is certain in which families somebody can talk.
fn has_family(cluster: &Cluster, person: &Person) -> bool {
    let space = match person.host {
        crate::oracle::Host::No => &cluster.pod_cidrs,
        _ => &cluster.node_cidrs,
    };
    person.addresses.is_some() || !space.is_empty()
}

/// What the lines of a pair say of one port; without a line nothing is allowed.
fn listed(list: &ListReport, lines: &[&Connection], family: &[u8], one: &Traffic) -> Verdict {
    let for_family = lines.iter().filter(|line| match line.family {
        None => true,
        Some(Family::IPv4) => family.contains(&4),
        Some(Family::IPv6) => family.contains(&6),
    });
    let has = |key: Option<&std::sync::Arc<str>>| {
        let ranges = key.and_then(|key| list.port_sets.get(key));
        ranges.is_some_and(|ranges| ranges.iter().any(|range| in_range(range, one)))
    };
    let each =
        for_family.map(|line| match (has(line.allowed.as_ref()), has(line.unknown.as_ref())) {
            (true, _) => Verdict::Allow,
            (false, true) => Verdict::Unknown,
            (false, false) => Verdict::Deny,
        });
    each.max().unwrap_or(Verdict::Deny)
}

fn in_range(range: &PortRange, one: &Traffic) -> bool {
    range.protocol == of_protocol(one.protocol) && (range.port..=range.end_port).contains(&one.port)
}

fn mismatch(
    (from, to, one, family): (&Unit<'_>, &Unit<'_>, &Traffic, &[u8]),
    (said, expected): (Verdict, Verdict),
    lines: &[&Connection],
) -> Mismatch {
    let (from, to, protocol) = (&from.report.id, &to.report.id, one.protocol.name());
    Mismatch {
        sort: format!("list: {said} for {expected}"),
        question: format!("{from} => {to} {protocol} {} in families {family:?}", one.port),
        engine: format!("{said}: {lines:?}"),
        oracle: expected.to_string(),
    }
}
