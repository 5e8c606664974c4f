//! What must hold of the engine's answers, whatever they are.

mod completion;
mod tiered;

use portcullis_engine::report::{ListReport, Verdict};
use portcullis_engine::{FlowQuery, ListFilter};

use super::ask::{Engine, Ports, of_protocol};
use super::{Mismatch, flows};
use crate::cluster::{Cluster, Direction, Net, Peer, Policy, Port, PortName, Rule};
use crate::generate;
use crate::oracle::{End, Traffic, types};
use crate::random::Random;

/// A way to change a cluster, and how its answers may change.
#[derive(Clone, Copy, Debug)]
pub struct Property {
    /// What holds.
    pub name: &'static str,
    /// The other cluster; none if there is nothing to change.
    change: fn(&Cluster, &mut Random) -> Option<Cluster>,
    /// How answers may differ afterwards.
    may: Differ,
}

/// How answers after a change compare with those before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Differ {
    /// Not at all.
    Same,
    /// Nothing is taken away.
    Grow,
    /// Nothing is opened.
    Shrink,
    /// What was known stays as it was.
    Settle,
}

/// All of them.
pub const PROPERTIES: [Property; 11] = [
    property("order does not matter", another_order, Differ::Same),
    property("a rule more takes nothing away", one_rule_more, Differ::Grow),
    property("a policy more takes nothing away", one_policy_more, Differ::Grow),
    property("blocks may be split", split_blocks, Differ::Same),
    property("ranges of ports may be split", split_ports, Differ::Same),
    property("an edit is as good as a fresh start", edited, Differ::Grow),
    property("a rule more that denies opens nothing", tiered::one_denial_more, Differ::Shrink),
    property("a rule more that accepts takes nothing away", tiered::one_more, Differ::Grow),
    property("priorities may be shifted", tiered::shifted_priorities, Differ::Same),
    property("old versions say what the new one says", tiered::converted, Differ::Same),
    property("what is known of all clusters is so of each", completion::completed, Differ::Settle),
];

const fn property(
    name: &'static str,
    change: fn(&Cluster, &mut Random) -> Option<Cluster>,
    may: Differ,
) -> Property {
    Property { name, change, may }
}

/// Whether a property holds of a cluster; false if it says nothing about it.
///
/// # Errors
/// The first answer that breaks it.
pub fn holds(property: &Property, cluster: &Cluster, seed: u64) -> Result<bool, Mismatch> {
    let mut random = Random::new(seed);
    let Some(other) = (property.change)(cluster, &mut random) else {
        return Ok(false);
    };
    let before = Engine::new(cluster, seed)?;
    let after = Engine::new(&other, seed + 1)?;
    if property.may != Differ::Settle {
        same_as_fresh(property, (&before, &after))?;
    }
    let traffic = flows::traffic(&other);
    for (from, to) in flows::ends(cluster) {
        let flow = random.pick(&traffic);
        let answers = [&before, &after].map(|engine| answer(engine, (&from, &to), flow));
        let broken = breaks(property, &answers, &traffic);
        if broken {
            return Err(broken_by(property, (&from, &to), flow, &answers));
        }
    }
    if property.may == Differ::Same {
        same_list(property, (&before, &after))?;
    }
    Ok(true)
}

/// Verdict and all certain ports; none if the question is refused.
type Answer = Option<(Verdict, String)>;

fn answer(engine: &Engine<'_>, (from, to): (&End, &End), traffic: &Traffic) -> Answer {
    let query = FlowQuery {
        from: from.to_string(),
        to: to.to_string(),
        protocol: of_protocol(traffic.protocol),
        port: traffic.port.into(),
    };
    let report = engine.session.evaluate(&query).ok()?;
    Some((report.verdict, report.allowed.unwrap_or_default()))
}

fn breaks(property: &Property, answers: &[Answer; 2], traffic: &[Traffic]) -> bool {
    let [Some((before, allowed_before)), Some((after, allowed_after))] = answers else {
        // Once its address is known, somebody may turn out to have none of a family.
        return property.may != Differ::Settle && answers[0].is_some() != answers[1].is_some();
    };
    let (had, has) = (Ports::parse(allowed_before), Ports::parse(allowed_after));
    let lost = || traffic.iter().any(|one| had.contains(one) && !has.contains(one));
    let won = || traffic.iter().any(|one| !had.contains(one) && has.contains(one));
    match property.may {
        Differ::Same => (before, allowed_before) != (after, allowed_after),
        Differ::Grow => after < before || lost(),
        Differ::Shrink => after > before || won(),
        Differ::Settle => (*before != Verdict::Unknown && after != before) || lost(),
    }
}

fn broken_by(
    property: &Property,
    (from, to): (&End, &End),
    Traffic { protocol, port }: &Traffic,
    [before, after]: &[Answer; 2],
) -> Mismatch {
    Mismatch {
        sort: format!("property: {}", property.name),
        question: format!("{from} -> {to} {} {port}", protocol.name()),
        engine: format!("after the change: {after:?}"),
        oracle: format!("before the change: {before:?}"),
    }
}

fn list(engine: &Engine<'_>) -> ListReport {
    engine.session.list(&ListFilter { siblings: true, ..ListFilter::default() }).in_pairs()
}

fn same_list(property: &Property, engines: (&Engine<'_>, &Engine<'_>)) -> Result<(), Mismatch> {
    let (before, after) = (list(engines.0), list(engines.1));
    // Blocks that are split make more lines of addresses; between workloads nothing may change.
    let lines = |list: &ListReport| {
        let workloads = list.connections.iter();
        let workloads = workloads.filter(|line| line.from.contains('[') && line.to.contains('['));
        format!("{:?}", workloads.collect::<Vec<_>>())
    };
    let (before, after) = (lines(&before), lines(&after));
    if before == after {
        return Ok(());
    }
    Err(Mismatch {
        sort: format!("property: {} (list)", property.name),
        question: "list".into(),
        engine: after,
        oracle: before,
    })
}

/// The one session that is edited into the other gives its list, word for word.
fn same_as_fresh(
    property: &Property,
    (before, after): (&Engine<'_>, &Engine<'_>),
) -> Result<(), Mismatch> {
    let edited = before.edited(&after.files);
    let filter = ListFilter { siblings: true, ..ListFilter::default() };
    let json = |list: ListReport| serde_json::to_string(&list).unwrap_or_default();
    let (edited, fresh) = (json(edited.list(&filter)), json(after.session.list(&filter)));
    let same_options = (&before.cluster.pod_cidrs, &before.cluster.node_cidrs)
        == (&after.cluster.pod_cidrs, &after.cluster.node_cidrs);
    if edited == fresh || !same_options {
        return Ok(());
    }
    Err(Mismatch {
        sort: format!("property: {} (edited)", property.name),
        question: "list of an edited session".into(),
        engine: edited,
        oracle: fresh,
    })
}

fn another_order(cluster: &Cluster, random: &mut Random) -> Option<Cluster> {
    let mut other = cluster.clone();
    random.shuffle(&mut other.policies);
    random.shuffle(&mut other.cluster_policies);
    random.shuffle(&mut other.pods);
    random.shuffle(&mut other.workloads);
    random.shuffle(&mut other.namespaces);
    random.shuffle(&mut other.nodes);
    random.shuffle(&mut other.calico.tiers);
    random.shuffle(&mut other.calico.policies);
    random.shuffle(&mut other.calico.sets);
    random.shuffle(&mut other.calico.accounts);
    each_rule(&mut other, |rule| {
        rule.peers.iter_mut().for_each(|peers| random.shuffle(peers));
        rule.ports.iter_mut().for_each(|ports| random.shuffle(ports));
    });
    for policy in &mut other.policies {
        for direction in Direction::BOTH {
            policy.rules_mut(direction).iter_mut().for_each(|rules| random.shuffle(rules));
        }
    }
    Some(other)
}

fn each_rule(cluster: &mut Cluster, mut change: impl FnMut(&mut Rule)) {
    for policy in &mut cluster.policies {
        for direction in Direction::BOTH {
            policy.rules_mut(direction).iter_mut().flatten().for_each(&mut change);
        }
    }
}

/// A rule more, and the types as they were.
fn one_rule_more(cluster: &Cluster, random: &mut Random) -> Option<Cluster> {
    let mut other = cluster.clone();
    let rule = generate::another_rule(cluster, random.number());
    let direction = *random.pick(&Direction::BOTH);
    let at = random.below(other.policies.len());
    let policy = other.policies.get_mut(at)?;
    policy.types = Some(types(policy));
    policy.rules_mut(direction).get_or_insert_default().push(rule);
    Some(other)
}

/// A further policy for pods that one isolates already.
fn one_policy_more(cluster: &Cluster, random: &mut Random) -> Option<Cluster> {
    let mut other = cluster.clone();
    let known = other.policies.get(random.below(other.policies.len()))?.clone();
    other.policies.push(Policy {
        namespace: known.namespace.clone(),
        types: Some(types(&known)),
        subject: known.subject,
        ..generate::another_policy(cluster, random.number())
    });
    Some(other)
}

fn split_blocks(cluster: &Cluster, _: &mut Random) -> Option<Cluster> {
    let mut other = cluster.clone();
    each_rule(&mut other, |rule| {
        if let Some(peers) = &mut rule.peers {
            *peers = peers.iter().flat_map(halves_of_peer).collect();
        }
    });
    (other != *cluster).then_some(other)
}

/// Both halves of a block with the exceptions that are theirs.
fn halves_of_peer(peer: &Peer) -> Vec<Peer> {
    let Peer::Block(net, except) = peer else {
        return vec![peer.clone()];
    };
    let holes: Vec<Net> = except.iter().flatten().copied().collect();
    // A half that is taken out whole is no block any more.
    let left = net.halves().into_iter().flatten().filter(|half| !holes.contains(half));
    let halves: Vec<Peer> = left
        .map(|half| {
            let own = holes.iter().filter(|hole| hole.within(&half)).copied();
            Peer::Block(half, Some(own.collect()))
        })
        .collect();
    if halves.is_empty() { vec![peer.clone()] } else { halves }
}

fn split_ports(cluster: &Cluster, random: &mut Random) -> Option<Cluster> {
    let mut other = cluster.clone();
    each_rule(&mut other, |rule| {
        if let Some(ports) = &mut rule.ports {
            *ports = ports.iter().flat_map(|port| halves_of_port(port, random)).collect();
        }
    });
    (other != *cluster).then_some(other)
}

fn halves_of_port(port: &Port, random: &mut Random) -> Vec<Port> {
    let (first, last) = match (&port.port, port.end) {
        (None, _) => (1, u16::MAX),
        (Some(PortName::Number(first)), Some(last)) => (*first, last),
        _ => return vec![port.clone()],
    };
    if first == last {
        return vec![port.clone()];
    }
    let middle = random.between(first.into(), usize::from(last) - 1);
    let middle = u16::try_from(middle).unwrap_or(first);
    let part =
        |first, last| Port { port: Some(PortName::Number(first)), end: Some(last), ..port.clone() };
    vec![part(first, middle), part(middle + 1, last)]
}

/// Nothing that takes away: another policy's last word is added, so that reading goes on.
fn edited(cluster: &Cluster, random: &mut Random) -> Option<Cluster> {
    let first = one_rule_more(cluster, random)?;
    one_policy_more(&first, random)
}
