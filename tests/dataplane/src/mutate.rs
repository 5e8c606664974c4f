//! Programs with one thing wrong.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::sync::Arc;

use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use portcullis_engine::dataplane::{
    Action, AddressSet, Chain, ChainName, FamilyProgram, FilterProgram, FilterRule, Interface, L4,
    Match, Members, RejectWith, SetName,
};
use portcullis_engine::net::{Cidr, Protocol};
use portcullis_engine::shared::Sorted;
use portcullis_oracle::random::Random;

use crate::misled::{WAYS, mislead};
use crate::spoiled::{self, spoiled};

/// Ways to spoil a rule, a set or a hook.
const OWN: [&str; 27] = [
    "rule dropped",
    "rules swapped",
    "condition dropped",
    "direction swapped",
    "block widened",
    "block narrowed",
    "port moved",
    "range widened",
    "protocol changed",
    "set exchanged",
    "set inverted",
    "goto to jump",
    "jump to goto",
    "led elsewhere",
    "return to accept",
    "return to denial",
    "return to goto",
    "goto to return",
    "denial to return",
    "member removed",
    "member added",
    "except lost",
    "hook removed",
    "chain emptied",
    "device exchanged",
    "other way",
    "hops changed",
];

/// Ways to spoil a program.
pub fn mutations() -> Vec<&'static str> {
    OWN.into_iter().chain(WAYS).chain(spoiled::WAYS).collect()
}

/// The program with something of this kind wrong; none if it has nothing of the kind.
pub fn mutate(program: &FilterProgram, kind: &str, random: &mut Random) -> Option<FilterProgram> {
    let mut program = program.clone();
    let family = program.families.values_mut().find(|_| random.chance(60))?;
    let done = match kind {
        "member removed" | "member added" | "except lost" => members(family, kind, random),
        _ if WAYS.contains(&kind) => mislead(family, kind, random),
        "hook removed" => family.hooks.pop().map(drop),
        "chain emptied" => {
            let name = pick_chain(family, random, |_| true)?;
            edit(
                family,
                &name,
                |rules, _| {
                    rules.clear();
                    Some(())
                },
                random,
            )
        }
        _ => {
            let fits =
                |rule: &FilterRule| changed(rule, kind, &mut Random::new(1), &[], &[]).is_some();
            let whole = ["rule dropped", "rules swapped"].contains(&kind);
            let name = pick_chain(family, random, |chain| whole || chain.rules.iter().any(fits))?;
            rule(family, &name, kind, random)
        }
    };
    done.map(|()| program)
}

fn pick_chain(
    family: &FamilyProgram,
    random: &mut Random,
    fits: impl Fn(&Chain) -> bool,
) -> Option<ChainName> {
    let mut names: Vec<&ChainName> =
        family.chains.iter().filter(|(_, chain)| fits(chain)).map(|(name, _)| name).collect();
    // Mostly where policies are: in other chains much is said twice.
    let of_policies = |name: &ChainName| {
        let parts = ["-E-", "-I-", "-D-", "-EG", "-IG", "-HE", "-HI", "-HL", "-HO", "-HP"];
        let audits = ["-AE", "-AI", "-AD"];
        parts.into_iter().chain(audits).any(|part| name.contains(part))
    };
    if random.chance(75) && names.iter().any(|name| of_policies(name)) {
        names.retain(|name| of_policies(name));
    }
    (!names.is_empty()).then(|| (*random.pick(&names)).clone())
}

fn edit(
    family: &mut FamilyProgram,
    name: &ChainName,
    change: impl FnOnce(&mut Vec<FilterRule>, &mut Random) -> Option<()>,
    random: &mut Random,
) -> Option<()> {
    let chain = family.chains.get_mut(name)?;
    let mut spoiled = Chain::clone(chain);
    change(&mut spoiled.rules, random)?;
    *chain = Arc::new(spoiled);
    Some(())
}

fn rule(
    family: &mut FamilyProgram,
    name: &ChainName,
    kind: &str,
    random: &mut Random,
) -> Option<()> {
    let chains: Vec<ChainName> = family.chains.keys().cloned().collect();
    let sets: Vec<SetName> = family.sets.keys().cloned().collect();
    edit(
        family,
        name,
        |rules, random| match kind {
            "rule dropped" => {
                (!rules.is_empty()).then(|| drop(rules.remove(random.below(rules.len()))))
            }
            "rules swapped" => {
                let at = random.below(rules.len().checked_sub(1).filter(|n| *n > 0)?);
                rules.swap(at, at + 1);
                Some(())
            }
            _ => {
                let start = random.below(rules.len());
                let order = (start..rules.len()).chain(0..start);
                let mut order = order;
                order.find_map(|at| {
                    let spoiled = changed(rules.get(at)?, kind, random, &chains, &sets)?;
                    *rules.get_mut(at)? = spoiled;
                    Some(())
                })
            }
        },
        random,
    )
}

/// The rule with something wrong; none if this cannot be.
fn changed(
    rule: &FilterRule,
    kind: &str,
    random: &mut Random,
    chains: &[ChainName],
    sets: &[SetName],
) -> Option<FilterRule> {
    let mut spoiled = rule.clone();
    let action = match (kind, &rule.action) {
        ("goto to jump", Action::Goto(to)) => Some(Action::Jump(to.clone())),
        ("jump to goto", Action::Jump(to)) => Some(Action::Goto(to.clone())),
        ("led elsewhere", Action::Goto(to)) => other(chains, to, random).map(Action::Goto),
        ("led elsewhere", Action::Jump(to)) => other(chains, to, random).map(Action::Jump),
        ("return to accept", Action::Return) => Some(Action::Accept),
        ("return to denial", Action::Return) => Some(Action::Reject(RejectWith::PortUnreachable)),
        ("return to goto", Action::Return) if chains.is_empty() => Some(Action::Drop),
        ("return to goto", Action::Return) => other(chains, &"".into(), random).map(Action::Goto),
        ("goto to return", Action::Goto(_)) => Some(Action::Return),
        ("denial to return", Action::Reject(_) | Action::Drop) => Some(Action::Return),
        _ => None,
    };
    if let Some(action) = action {
        spoiled.action = action;
        return Some(spoiled);
    }
    if kind == "condition dropped" {
        let at = random.below(rule.matches.len().max(1));
        // Ports without a protocol the tool would refuse.
        let gone = spoiled.matches.get(at)?.clone();
        spoiled.matches.retain(|one| {
            *one != gone
                && !(matches!(gone, Match::Protocol(_))
                    && matches!(
                        one,
                        Match::DestinationPorts(_)
                            | Match::SourcePorts(_)
                            | Match::Icmpv6Type(_)
                            | Match::Icmp(_)
                    ))
        });
        return Some(spoiled);
    }
    let condition = spoiled.matches.iter_mut().find_map(|one| {
        let changed = condition(one, kind, random, sets)?;
        *one = changed;
        Some(())
    });
    condition.map(|()| spoiled)
}

fn other(chains: &[ChainName], known: &ChainName, random: &mut Random) -> Option<ChainName> {
    if chains.is_empty() {
        return Some(known.clone());
    }
    // Where a chain leads to one that leads back, the tool refuses the whole.
    let below = |name: &&ChainName| name.contains("-E-") || name.contains("-I-");
    let chains: Vec<&ChainName> = chains.iter().filter(below).filter(|one| *one != known).collect();
    (!chains.is_empty()).then(|| (*random.pick(&chains)).clone())
}

fn condition(one: &Match, kind: &str, random: &mut Random, sets: &[SetName]) -> Option<Match> {
    Some(match (kind, one) {
        ("direction swapped", Match::Source(net)) => Match::Destination(*net),
        ("direction swapped", Match::Destination(net)) => Match::Source(*net),
        ("direction swapped", Match::SourceIn(set)) => Match::DestinationIn(set.clone()),
        ("direction swapped", Match::DestinationIn(set)) => Match::SourceIn(set.clone()),
        ("block widened", Match::Source(net)) => Match::Source(wider(*net)?),
        ("block widened", Match::Destination(net)) => Match::Destination(wider(*net)?),
        ("block narrowed", Match::Source(net)) => Match::Source(narrower(*net)?),
        ("block narrowed", Match::Destination(net)) => Match::Destination(narrower(*net)?),
        ("port moved", Match::DestinationPorts(ranges)) => {
            let mut ranges = ranges.clone();
            let at = random.below(ranges.len());
            let range = ranges.get_mut(at)?;
            *range = (range.0.checked_add(1)?, range.1.checked_add(1)?);
            Match::DestinationPorts(ranges)
        }
        ("range widened", Match::DestinationPorts(ranges)) => {
            let mut ranges = ranges.clone();
            let at = random.below(ranges.len());
            let range = ranges.get_mut(at)?;
            range.1 = range.1.checked_add(1)?;
            Match::DestinationPorts(ranges)
        }
        ("protocol changed", Match::Protocol(L4::Ports(protocol))) => {
            Match::Protocol(L4::Ports(match protocol {
                Protocol::Tcp => Protocol::Udp,
                Protocol::Udp => Protocol::Sctp,
                Protocol::Sctp => Protocol::Tcp,
            }))
        }
        ("set exchanged", Match::SourceIn(known)) => Match::SourceIn(another(sets, known, random)?),
        ("set exchanged", Match::PortIn(known)) => Match::PortIn(another(sets, known, random)?),
        ("set exchanged", Match::DestinationIn(known)) => {
            Match::DestinationIn(another(sets, known, random)?)
        }
        ("device exchanged", Match::Enters(_)) => Match::Enters(device(random)?),
        ("device exchanged", Match::Leaves(_)) => Match::Leaves(device(random)?),
        ("other way", Match::Enters(interface)) => Match::Leaves(interface.clone()),
        ("other way", Match::Leaves(interface)) => Match::Enters(interface.clone()),
        ("hops changed", Match::HopLimit(_)) => Match::HopLimit(64),
        ("set inverted", Match::SourceIn(set)) => Match::SourceNotIn(set.clone()),
        ("set inverted", Match::DestinationIn(set)) => Match::DestinationNotIn(set.clone()),
        _ => return spoiled(one, kind),
    })
}

fn device(random: &mut Random) -> Option<Interface> {
    random.pick(&["p1", "p9", "p+", "br+", "up+"]).parse().ok()
}

fn another(sets: &[SetName], known: &SetName, random: &mut Random) -> Option<SetName> {
    if sets.is_empty() {
        return Some(known.clone());
    }
    // Of one kind: another one is refused, or means another thing.
    let kind = if known.contains("-n-") { "-n-" } else { "-a-" };
    let others = sets.iter().filter(|one| *one != known && one.contains(kind));
    let others: Vec<&SetName> = others.collect();
    (!others.is_empty()).then(|| (*random.pick(&others)).clone())
}

fn members(family: &mut FamilyProgram, kind: &str, random: &mut Random) -> Option<()> {
    let fits =
        |set: &AddressSet| matches!(set.members, Members::Blocks(_)) == (kind == "except lost");
    let fitting = family.sets.iter().filter(|(_, set)| fits(set) || kind == "member removed");
    let names: Vec<SetName> = fitting.map(|(name, _)| name.clone()).collect();
    if names.is_empty() {
        return None;
    }
    let set = family.sets.get_mut(random.pick(&names))?;
    let mut members = set.members.clone();
    match (kind, &mut members) {
        ("member removed", Members::Addresses(all)) => drop_one(all, random)?,
        ("member removed", Members::Blocks(all)) => drop_one(all, random)?,
        ("member removed", Members::Ports(all)) => drop_one(all, random)?,
        ("member removed", Members::Numbers(all)) => drop_one(all, random)?,
        ("member added", Members::Addresses(all)) => {
            let near = all.first().copied()?;
            all.insert(neighbour(near)).then_some(())?;
        }
        ("member added", Members::Ports(all)) => {
            let (address, protocol, port) = all.first().copied()?;
            all.insert((address, protocol, port ^ 1)).then_some(())?;
        }
        ("member added", Members::Numbers(all)) => {
            let port = *all.iter().nth(random.below(all.len()))?;
            all.insert(port.checked_add(1)?).then_some(())?;
        }
        ("except lost", Members::Blocks(all)) => {
            let one = *all.iter().nth(random.below(all.len()))?;
            all.remove(&one);
            all.insert(wider(one)?);
        }
        _ => return None,
    }
    *set = Arc::new(AddressSet { name: set.name.clone(), members });
    Some(())
}

fn drop_one<T: Ord + Copy>(all: &mut Sorted<T>, random: &mut Random) -> Option<()> {
    let one = *all.iter().nth(random.below(all.len().max(1)))?;
    all.remove(&one).then_some(())
}

/// The address that differs in the last bit but one.
fn neighbour(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(v4) => IpAddr::from((u32::from(v4) ^ 2).to_be_bytes()),
        IpAddr::V6(v6) => IpAddr::from((u128::from(v6) ^ 2).to_be_bytes()),
    }
}

fn wider(cidr: Cidr) -> Option<Cidr> {
    resized(cidr, |length| length.checked_sub(1).filter(|length| *length > 0))
}

fn narrower(cidr: Cidr) -> Option<Cidr> {
    resized(cidr, |length| length.checked_add(1))
}

fn resized(cidr: Cidr, length: impl Fn(u8) -> Option<u8>) -> Option<Cidr> {
    Some(match cidr {
        Cidr::V4(net) => {
            Cidr::V4(Ipv4Net::new(net.addr(), length(net.prefix_len())?).ok()?.trunc())
        }
        Cidr::V6(net) => {
            Cidr::V6(Ipv6Net::new(net.addr(), length(net.prefix_len())?).ok()?.trunc())
        }
    })
}

/// Addresses at and beside the ends of all blocks and members of a program.
pub fn edges(program: &FilterProgram) -> BTreeSet<IpAddr> {
    let mut edges = BTreeSet::new();
    for family in program.families.values() {
        let rules = family.chains.values().flat_map(|chain| &chain.rules);
        for one in rules.flat_map(|rule| &rule.matches) {
            if let Match::Source(net) | Match::Destination(net) = one {
                around(*net, &mut edges);
            }
        }
        for set in family.sets.values() {
            match &set.members {
                Members::Addresses(all) => edges.extend(all),
                Members::Blocks(all) => all.iter().for_each(|net| around(*net, &mut edges)),
                Members::Ports(all) => edges.extend(all.iter().map(|member| member.0)),
                Members::Numbers(_) => {}
            }
        }
    }
    edges
}

fn around(net: Cidr, edges: &mut BTreeSet<IpAddr>) {
    let net = match net {
        Cidr::V4(net) => IpNet::V4(net),
        Cidr::V6(net) => IpNet::V6(net),
    };
    let step = |address: IpAddr, by: i128| match address {
        IpAddr::V4(v4) => {
            let number = u32::try_from(i128::from(u32::from(v4)) + by).ok()?;
            Some(IpAddr::from(number.to_be_bytes()))
        }
        IpAddr::V6(v6) => Some(IpAddr::from(u128::from(v6).checked_add_signed(by)?.to_be_bytes())),
    };
    let ends =
        [(net.network(), -1), (net.network(), 0), (net.broadcast(), 0), (net.broadcast(), 1)];
    edges.extend(ends.into_iter().filter_map(|(address, by)| step(address, by)));
}
