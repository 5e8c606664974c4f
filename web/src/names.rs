//! How nodes and ports are called on the page.

use std::net::IpAddr;

use ipnet::IpNet;
use portcullis_engine::net::ConnSet;
use portcullis_engine::report::{KindCount, Location};

use crate::state::State;
use crate::text::{Language, Text, count, fill};
use crate::worker::message::{Addresses, Broken, Edge, Node, Scene, What, Workload};

/// What answers do not count: a line for what is not evaluated, one for what is not in force.
pub fn left_out(
    text: &Text,
    not_judged: &[KindCount],
    rejected: &[KindCount],
) -> impl Iterator<Item = String> + use<> {
    let line = |(kinds, pattern): (&[KindCount], &str)| {
        let kinds: Vec<String> =
            kinds.iter().map(|one| format!("{} {}", one.count, one.kind)).collect();
        (!kinds.is_empty()).then(|| fill(pattern, &[("kinds", &kinds.join(", "))]))
    };
    [(not_judged, text.not_judged), (rejected, text.rejected)].map(line).into_iter().flatten()
}

/// In lists, titles and sentences: `shop/web`, `outside`, `10.0.0.0/8`.
pub fn full(node: &Node, language: Language) -> String {
    match &node.what {
        What::Workload(workload) => match &workload.group {
            Some(group) => format!("{}/{} ({group})", workload.namespace, workload.name),
            None => node.ask.clone(),
        },
        What::Addresses(Addresses::All | Addresses::AllOf(_)) => language.text().outside.to_owned(),
        What::Addresses(Addresses::AllBut(_) | Addresses::Others) => {
            format!("{} ({})", language.text().outside, sub(node, language))
        }
        What::Addresses(Addresses::Blocks(blocks)) => blocks.join(", "),
    }
}

/// So many workloads are named as left out of a group, or one by one, at most.
const MOST_NAMED: usize = 2;

/// Several nodes by one name: `shop/* (6)`, `all workloads except shop/db (11)`, `shop/web and 4
/// more`. One by its own.
pub fn together(scene: &Scene, nodes: &[u32], language: Language) -> String {
    let text = language.text();
    let of = |at: &u32| scene.nodes.get(*at as usize);
    let name = |at: &u32| of(at).map(|node| full(node, language)).unwrap_or_default();
    if let [one] = nodes {
        return name(one);
    }
    let namespace = |at: &u32| match &of(at)?.what {
        What::Workload(workload) => Some(workload.namespace.as_str()),
        What::Addresses(_) => None,
    };
    let own = nodes.first().and_then(namespace);
    let only = own.filter(|own| nodes.iter().all(|at| namespace(at) == Some(*own)));
    let there: Vec<u32> = (0..)
        .zip(&scene.nodes)
        .filter(|(_, node)| match &node.what {
            What::Workload(workload) => only.is_none_or(|only| workload.namespace == only),
            What::Addresses(_) => false,
        })
        .map(|(at, _)| at)
        .collect();
    let left_out: Vec<u32> =
        there.iter().copied().filter(|at| nodes.binary_search(at).is_err()).collect();
    let n = u32::try_from(nodes.len()).unwrap_or(u32::MAX);
    let whole = match only {
        Some(only) => format!("{only}/*"),
        None => text.all_workloads.to_owned(),
    };
    let names = |nodes: &[u32]| nodes.iter().map(name).collect::<Vec<_>>().join(", ");
    match left_out.len() {
        0 => count(&fill(text.all_of_these, &[("name", &whole)]), n),
        1..=MOST_NAMED if nodes.len() > left_out.len() => {
            let values = [("name", whole.as_str()), ("names", &names(&left_out))];
            count(&fill(text.all_of_these_but, &values), n)
        }
        _ => {
            let (first, rest) = nodes.split_at(nodes.len().min(MOST_NAMED));
            let rest = u32::try_from(rest.len()).unwrap_or(u32::MAX);
            count(&fill(text.these_and_more, &[("names", &names(first))]), rest)
        }
    }
}

/// The first line of a card.
pub fn short(node: &Node, language: Language) -> String {
    match &node.what {
        What::Workload(workload) => workload.name.clone(),
        What::Addresses(Addresses::Blocks(blocks)) => blocks.first().cloned().unwrap_or_default(),
        What::Addresses(_) => language.text().outside.to_owned(),
    }
}

/// The second line of a card.
pub fn sub(node: &Node, language: Language) -> String {
    let text = language.text();
    match &node.what {
        What::Workload(workload) => workload_sub(workload, language),
        What::Addresses(Addresses::All) => text.all_addresses.to_owned(),
        What::Addresses(Addresses::AllOf(family)) => {
            fill(text.all_of_family, &[("family", &family.to_string())])
        }
        What::Addresses(Addresses::AllBut(blocks)) => {
            fill(text.all_but, &[("blocks", &blocks.join(", "))])
        }
        What::Addresses(Addresses::Others) => text.all_others.to_owned(),
        What::Addresses(Addresses::Blocks(blocks)) => match blocks.as_slice() {
            [] | [_] => text.addresses.to_owned(),
            [_, second] => fill(text.and, &[("blocks", second)]),
            [_, rest @ ..] => count(text.and_more, u32::try_from(rest.len()).unwrap_or(u32::MAX)),
        },
    }
}

fn workload_sub(workload: &Workload, language: Language) -> String {
    let Workload { kind, group, pods, .. } = workload;
    match (group, pods) {
        (Some(group), _) => format!("{kind} · {group}"),
        (None, Some(_)) if kind == "Pod" => kind.clone(),
        (None, Some(pods)) => format!("{kind} · {}", count(language.text().pods, *pods)),
        (None, None) => kind.clone(),
    }
}

/// A set of ports, short enough for a label.
pub fn ports(text: &str, language: Language) -> String {
    text.replace(ConnSet::EVERYTHING, language.text().any)
}

/// What an edge allows, or what is unknown of it, followed by a question mark.
pub fn edge_ports(scene: &Scene, edge: &Edge, language: Language) -> String {
    let set = set_of(scene, edge, language);
    if edge.allowed.is_none() && edge.unknown.is_some() { format!("{set}?") } else { set }
}

/// The ports that an edge allows, or else those of which it is unknown.
pub fn set_of(scene: &Scene, edge: &Edge, language: Language) -> String {
    let set = edge.allowed.or(edge.unknown);
    let set = set.and_then(|index| scene.port_sets.get(index as usize));
    set.map_or_else(String::new, |set| ports(&set.text, language))
}

/// `policies.yaml`, or which document of it.
pub fn broken_place(text: &Text, Broken { file, document, .. }: &Broken) -> String {
    match document {
        Some(n) => count(&fill(text.broken_at, &[("file", file)]), *n),
        None => file.clone(),
    }
}

/// Files and documents that no answer counts, as one name; none if there are none.
pub fn left_unread(state: &State) -> Option<String> {
    let text = state.text();
    let first = state.broken.first()?;
    let rest = u32::try_from(state.broken.len() - 1).unwrap_or(u32::MAX);
    let place = broken_place(text, first);
    Some(if rest == 0 { place } else { format!("{place} {}", count(text.more_lines, rest)) })
}

/// An end of a flow: the node's name, and the address that was asked about.
pub fn end(state: &State, node: Option<&str>, asked: &str) -> String {
    let scene = state.scene.as_deref();
    let node = node.and_then(|id| scene?.nodes.iter().find(|node| node.id == id));
    match node.map(|node| (node, &node.what)) {
        Some((node, What::Workload(_))) if node.ask != asked => pod_or_workload(node, asked),
        Some((node, What::Workload(_))) => node.ask.clone(),
        Some((node, What::Addresses(_))) => {
            let name = range_of(&node.what, asked).unwrap_or_else(|| short(node, state.language));
            // A node is asked by its name, and is none of those outside.
            match name == asked || asked.parse::<IpAddr>().is_err() {
                true => asked.to_owned(),
                false => format!("{name} {asked}"),
            }
        }
        None => asked.to_owned(),
    }
}

/// The block of a node of several that an address is in.
fn range_of(what: &What, asked: &str) -> Option<String> {
    let What::Addresses(Addresses::Blocks(blocks)) = what else {
        return None;
    };
    let address: IpAddr = asked.parse().ok()?;
    let has = |block: &&String| block.parse::<IpNet>().is_ok_and(|net| net.contains(&address));
    blocks.iter().find(has).cloned()
}

/// Asked by kind is the workload; asked by another name is one of its pods.
fn pod_or_workload(node: &Node, asked: &str) -> String {
    let by_kind = asked.split('/').count() == 3;
    if by_kind { node.ask.clone() } else { asked.to_owned() }
}

/// `policies.yaml:19`.
pub fn place(location: &Location) -> String {
    format!("{}:{}", location.file, location.line)
}
