//! Texts of `iptables-restore --noflush` that lead from the chains that there are to a program.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use portcullis_engine::dataplane::{Chain, FamilyProgram, Hook, rule_text};
use portcullis_engine::net::Family;

use crate::kernel::Saved;

/// From one program to another; none if they hold the same.
pub fn change(old: &FamilyProgram, new: &FamilyProgram) -> Option<String> {
    let same = |chain: &Chain| old.chains.get(&chain.name).is_some_and(|known| same(known, chain));
    let fill = new.chains.values().map(|chain| &**chain).filter(|chain| !same(chain));
    let gone = old.chains.keys().filter(|name| !new.chains.contains_key(*name));
    let gone = gone.map(ToString::to_string);
    let gone: Vec<String> = gone.collect();
    let mut text = fill_chains(&fill.collect::<Vec<_>>(), &gone, new.family);
    for hook in old.hooks.iter().filter(|hook| !new.hooks.contains(hook)) {
        let _ = writeln!(text, "-D {} -j {}", hook.from, hook.to);
    }
    for hook in new.hooks.iter().filter(|hook| !old.hooks.contains(hook)) {
        let _ = writeln!(text, "-I {} 1 -j {}", hook.from, hook.to);
    }
    remove_chains(&mut text, &gone);
    (!text.is_empty()).then(|| transaction(&text))
}

/// From whatever is there.
pub fn replace(saved: &Saved, program: &FamilyProgram, prefix: &str) -> String {
    let fill: Vec<&Chain> = program.chains.values().map(|chain| &**chain).collect();
    let wanted = |name: &String| program.chains.contains_key(&**name);
    let ours = saved.keys().filter(|name| name.starts_with(prefix) && !wanted(name));
    let gone: Vec<String> = ours.cloned().collect();
    let mut text = fill_chains(&fill, &gone, program.family);
    text.push_str(&hooks(saved, &program.hooks, prefix));
    remove_chains(&mut text, &gone);
    transaction(&text)
}

/// What removes all chains of ours and the jumps there; none if there are none.
pub fn remove(saved: &Saved, prefix: &str) -> Option<String> {
    let ours = saved.keys().filter(|name| name.starts_with(prefix));
    let ours: Vec<String> = ours.cloned().collect();
    let mut text = fill_chains(&[], &ours, Family::IPv4);
    text.push_str(&hooks(saved, &[], prefix));
    remove_chains(&mut text, &ours);
    (!text.is_empty()).then(|| transaction(&text))
}

/// Chains that are not as they should be, each as a sentence.
pub fn differences(saved: &Saved, program: &FamilyProgram, prefix: &str) -> Vec<String> {
    let mut found = Vec::new();
    for chain in program.chains.values() {
        match saved.get(&*chain.name) {
            None => found.push(format!("chain {} is gone", chain.name)),
            Some(rules) => found.extend(difference(rules, chain, program.family)),
        }
    }
    for hook in &program.hooks {
        let jump = format!("-j {}", hook.to);
        let first = saved.get(hook.from).and_then(|rules| rules.first());
        if first != Some(&jump) {
            found.push(format!("{} does not begin with the jump to {}", hook.from, hook.to));
        }
    }
    let wanted: BTreeSet<&str> = program.chains.keys().map(|name| &**name).collect();
    let ours = saved.keys().filter(|name| name.starts_with(prefix));
    let extra = ours.filter(|name| !wanted.contains(name.as_str()));
    found.extend(extra.map(|name| format!("chain {name} is not ours to have")));
    found
}

fn transaction(lines: &str) -> String {
    format!("*filter\n{lines}COMMIT\n")
}

fn same(one: &Chain, other: &Chain) -> bool {
    let rules = one.rules.iter().zip(&other.rules);
    one.rules.len() == other.rules.len() && rules.into_iter().all(|(a, b)| a.does_same(b))
}

/// Naming a chain with `:` makes it or empties it. Chains that go are emptied first, so that none
/// of them holds another.
fn fill_chains(fill: &[&Chain], gone: &[String], family: Family) -> String {
    let mut text = String::new();
    let names = fill.iter().map(|chain| &*chain.name).chain(gone.iter().map(String::as_str));
    for name in names {
        let _ = writeln!(text, ":{name} - [0:0]");
    }
    for chain in fill {
        for rule in &chain.rules {
            let _ = writeln!(text, "-A {} {}", chain.name, rule_text(rule, family));
        }
    }
    text
}

fn remove_chains(text: &mut String, gone: &[String]) {
    for name in gone {
        let _ = writeln!(text, "-X {name}");
    }
}

/// Our jumps stand first in the kernel's own chains and nowhere else; those of others stay.
fn hooks(saved: &Saved, hooks: &[Hook], prefix: &str) -> String {
    let mut text = String::new();
    for (from, rules) in saved.iter().filter(|(from, _)| !from.starts_with(prefix)) {
        let first = rules.first().map(String::as_str);
        let in_place = |rule: &str| {
            first == Some(rule)
                && hooks.iter().any(|hook| hook.from == from && rule == format!("-j {}", hook.to))
        };
        let ours = rules.iter().enumerate().filter(|(_, rule)| jumps_to(rule, prefix));
        let misplaced = ours.filter(|(at, rule)| !(*at == 0 && in_place(rule)));
        for (_, rule) in misplaced {
            let _ = writeln!(text, "-D {from} {rule}");
        }
    }
    for hook in hooks {
        let jump = format!("-j {}", hook.to);
        if saved.get(hook.from).and_then(|rules| rules.first()) != Some(&jump) {
            let _ = writeln!(text, "-I {} 1 {jump}", hook.from);
        }
    }
    text
}

fn jumps_to(rule: &str, prefix: &str) -> bool {
    let words: Vec<&str> = rule.split(' ').collect();
    words.windows(2).any(|pair| match pair {
        ["-j" | "-g", chain] => chain.starts_with(prefix),
        _ => false,
    })
}

/// The first rule that is not what the chain says, as a sentence.
fn difference(rules: &[String], chain: &Chain, family: Family) -> Option<String> {
    let wanted = chain.rules.iter().map(|rule| as_saved(&rule_text(rule, family)));
    let wanted: Vec<String> = wanted.collect();
    let rules: Vec<String> = rules.iter().map(|rule| rule.replace('"', "")).collect();
    let at = (0..rules.len().max(wanted.len()))
        .find(|at| rules.get(*at).map(String::as_str) != wanted.get(*at).map(String::as_str))?;
    let text =
        |rules: &[String]| rules.get(at).map_or("nothing".into(), |rule| format!("`{rule}`"));
    Some(format!("chain {} has {} instead of {}", chain.name, text(&rules), text(&wanted)))
}

/// A rule as `iptables-save` writes it: addresses first. Quotes, which not every version writes,
/// are left out.
fn as_saved(rule: &str) -> String {
    let words: Vec<&str> = rule.split(' ').collect();
    let addresses = |pair: &[&str]| matches!(pair, ["-s" | "-d", _]);
    let mut first: Vec<&str> =
        words.windows(2).filter(|pair| addresses(pair)).flatten().copied().collect();
    let mut skip = false;
    for word in words {
        let address = matches!(word, "-s" | "-d");
        if !(skip || address) {
            first.push(word);
        }
        skip = address;
    }
    first.join(" ").replace('"', "")
}
