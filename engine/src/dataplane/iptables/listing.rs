//! From what the kernel lists to its state.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;

use ipnet::IpNet;

use super::super::program::{AddressSet, FilterRule, Hook, Members, SetName};
use super::super::state::{ChainState, KernelState, ListedRule, TableState};
use super::render::rule_text;
use super::rule;
use crate::net::{ByFamily, Cidr, Family, Protocol};
use crate::shared::Sorted;

/// The kernel's chains that ours are entered from.
const HOOKED: [&str; 3] = ["FORWARD", "INPUT", "OUTPUT"];

impl KernelState {
    /// The state that the tools list: of chains and sets whose names begin with `prefix` and a
    /// dash, or with `prefix`, the family's number and a dash.
    ///
    /// `tables` is what `iptables-save -t filter` and `ip6tables-save -t filter` print, with counters
    /// (`-c`) or without, `sets` what `ipset save` prints. What cannot be read is left out, so that a plan writes it again.
    pub fn read(prefix: &str, tables: &ByFamily<String>, sets: &str) -> Self {
        let tables = ByFamily::from_fn(|family| read_table(prefix, &tables[family], family));
        Self { tables, sets: read_sets(prefix, sets) }
    }
}

impl ChainState {
    /// The rules as they are listed, for whoever shows them.
    pub fn texts(&self, family: Family) -> Vec<String> {
        let text = |rule: &FilterRule| rule_text(rule, family);
        match self {
            Self::Written(chain) => chain.rules.iter().map(text).collect(),
            Self::Listed(rules) => rules
                .iter()
                .map(|rule| match rule {
                    ListedRule::Known(rule) => text(rule),
                    ListedRule::Other(text) => text.to_string(),
                })
                .collect(),
        }
    }
}

fn read_table(prefix: &str, text: &str, family: Family) -> TableState {
    let own = |name: &str| name.strip_prefix(prefix).is_some_and(|rest| rest.starts_with('-'));
    let mut chains: BTreeMap<Arc<str>, Vec<ListedRule>> = BTreeMap::new();
    let mut hooks: BTreeMap<Hook, Vec<usize>> = BTreeMap::new();
    let mut counts = [0; HOOKED.len()];
    for line in text.lines().map(without_counters) {
        if let Some(name) = line.strip_prefix(':').and_then(|rest| rest.split(' ').next()) {
            if own(name) {
                chains.entry(name.into()).or_default();
            }
            continue;
        }
        let Some((chain, rule)) = line.strip_prefix("-A ").and_then(|rest| rest.split_once(' '))
        else {
            continue;
        };
        if own(chain) {
            chains.entry(chain.into()).or_default().push(rule::read(rule, family));
        }
        for (from, count) in HOOKED.into_iter().zip(&mut counts).filter(|(from, _)| *from == chain)
        {
            *count += 1;
            if let Some(to) = rule.strip_prefix("-j ").filter(|to| own(to)) {
                hooks.entry(Hook { from, to: to.into() }).or_default().push(*count);
            }
        }
    }
    let chains = chains.into_iter().map(|(name, rules)| (name, ChainState::Listed(rules)));
    TableState { chains: chains.collect(), hooks }
}

/// A rule that is listed as `[1:60] -A …`, without what the kernel has counted.
fn without_counters(line: &str) -> &str {
    let counted = line.strip_prefix('[').and_then(|rest| rest.split_once("] "));
    counted.map_or(line, |(_, rule)| rule)
}

fn read_sets(prefix: &str, text: &str) -> BTreeMap<SetName, Arc<AddressSet>> {
    let own = |name: &str| {
        let rest = name.strip_prefix(prefix).and_then(|rest| rest.strip_prefix(['4', '6']));
        rest.is_some_and(|rest| rest.starts_with('-'))
    };
    let mut sets: BTreeMap<SetName, Members> = BTreeMap::new();
    for line in text.lines() {
        let mut words = line.split(' ');
        let (word, name, what) = (words.next(), words.next(), words.next());
        let (Some(word), Some(name), Some(what)) = (word, name.filter(|name| own(name)), what)
        else {
            continue;
        };
        match word {
            "create" => {
                sets.extend(empty(what).map(|members| (name.into(), members)));
            }
            "add" => {
                if let Some(members) = sets.get_mut(name) {
                    add(members, what);
                }
            }
            _ => {}
        }
    }
    let set = |(name, members): (SetName, Members)| {
        (name.clone(), Arc::new(AddressSet { name, members }))
    };
    sets.into_iter().map(set).collect()
}

fn empty(kind: &str) -> Option<Members> {
    match kind {
        "hash:ip" => Some(Members::Addresses(Sorted::default())),
        "hash:net" => Some(Members::Blocks(Sorted::default())),
        "bitmap:port" => Some(Members::Numbers(Sorted::default())),
        "hash:ip,port" => Some(Members::Ports(Sorted::default())),
        _ => None,
    }
}

fn add(members: &mut Members, text: &str) -> Option<()> {
    match members {
        Members::Addresses(addresses) => addresses.insert(text.parse().ok()?),
        Members::Blocks(blocks) => blocks.insert(block(text)?),
        Members::Numbers(ports) => ports.insert(text.parse().ok()?),
        Members::Ports(ports) => {
            let (address, rest) = text.split_once(',')?;
            let (protocol, port) = rest.split_once(':')?;
            let protocol = Protocol::from_name(&protocol.to_ascii_uppercase())?;
            ports.insert((address.parse().ok()?, protocol, port.parse().ok()?))
        }
    };
    Some(())
}

/// A block of one address is listed without its length.
fn block(text: &str) -> Option<Cidr> {
    let net = match text.contains('/') {
        true => text.parse().ok()?,
        false => IpNet::from(text.parse::<IpAddr>().ok()?),
    };
    Some(match net {
        IpNet::V4(net) => Cidr::V4(net),
        IpNet::V6(net) => Cidr::V6(net),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::net::Family;

    #[test]
    fn counters_say_nothing_about_the_state() {
        let plain = ":P-A - [0:0]\n-A FORWARD -j P-A\n-A P-A -j RETURN\n";
        let counted = ":P-A - [0:0]\n[7:9] -A FORWARD -j P-A\n[0:0] -A P-A -j RETURN\n";
        let read = |v4: &str| {
            let tables = ByFamily::from_array([v4.to_owned(), String::new()]);
            KernelState::read("P", &tables, "")
        };
        let state = read(plain);
        assert_eq!(read(counted), state);
        assert_eq!(state.tables[Family::IPv4].chains["P-A"].len(), 1);
        assert_eq!(state.tables[Family::IPv4].hooks.len(), 1);
    }
}
