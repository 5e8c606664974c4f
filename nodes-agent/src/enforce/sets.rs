//! Lines of `ipset restore` that lead from the sets that there are to those of a program.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use portcullis_engine::dataplane::{AddressSet, FilterProgram, member_texts, set_create};
use portcullis_engine::net::Family;

use crate::kernel::Members;

/// The sets that the kernel holds when a program is in force.
pub fn held_by(program: &FilterProgram) -> Members {
    sets(program).map(|(_, set, _)| (set.name.to_string(), texts(set))).collect()
}

/// What has to be there before the rules: new sets and new members. The members of the set of
/// local addresses come after the rules: until then, such addresses are unknown and cut off.
pub fn before(held: &Members, program: &FilterProgram) -> String {
    let mut lines = String::new();
    for (family, set, local) in sets(program) {
        let known = held.get(&*set.name);
        if known.is_none() {
            let _ = writeln!(lines, "{}", set_create(set, family));
        }
        if !local {
            add_missing(&mut lines, set, known);
        }
    }
    lines
}

/// What has to go, or to come, once the rules are there.
pub fn after(held: &Members, program: &FilterProgram) -> String {
    let mut lines = String::new();
    for (_, set, local) in sets(program) {
        let known = held.get(&*set.name);
        if local {
            add_missing(&mut lines, set, known);
        }
        let wanted = texts(set);
        for member in known.into_iter().flatten().filter(|member| !wanted.contains(*member)) {
            let _ = writeln!(lines, "del {} {member}", set.name);
        }
    }
    let wanted: BTreeSet<&str> = sets(program).map(|(_, set, _)| &*set.name).collect();
    for name in held.keys().filter(|name| !wanted.contains(name.as_str())) {
        let _ = writeln!(lines, "destroy {name}");
    }
    lines
}

/// What removes all sets.
pub fn remove(held: &Members) -> String {
    held.keys().fold(String::new(), |mut lines, name| {
        let _ = writeln!(lines, "destroy {name}");
        lines
    })
}

/// Sets that are not as they should be, each as a sentence.
pub fn differences(held: &Members, program: &FilterProgram) -> Vec<String> {
    let mut found = Vec::new();
    for (_, set, _) in sets(program) {
        match held.get(&*set.name) {
            None => found.push(format!("set {} is gone", set.name)),
            Some(members) if *members != texts(set) => {
                found.push(format!("set {} has other members", set.name));
            }
            Some(_) => {}
        }
    }
    let wanted: BTreeSet<&str> = sets(program).map(|(_, set, _)| &*set.name).collect();
    let extra = held.keys().filter(|name| !wanted.contains(name.as_str()));
    found.extend(extra.map(|name| format!("set {name} is not ours to have")));
    found
}

/// Sets with their families, and whether they are the set of local addresses.
fn sets(program: &FilterProgram) -> impl Iterator<Item = (Family, &AddressSet, bool)> {
    program.families.iter().flat_map(|family| {
        let local = &family.local;
        family.sets.values().map(move |set| (family.family, &**set, set.name == *local))
    })
}

fn add_missing(lines: &mut String, set: &AddressSet, known: Option<&BTreeSet<String>>) {
    let missing = texts(set);
    for member in missing.iter().filter(|member| !known.is_some_and(|k| k.contains(*member))) {
        let _ = writeln!(lines, "add {} {member}", set.name);
    }
}

/// Members as `ipset save` writes them: a block of one address without its length.
fn texts(set: &AddressSet) -> BTreeSet<String> {
    let plain = |text: String| {
        let whole = if text.contains(':') { "/128" } else { "/32" };
        text.strip_suffix(whole).map_or(text.clone(), str::to_owned)
    };
    member_texts(&set.members).into_iter().map(plain).collect()
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use super::*;
    use portcullis_engine::dataplane::Members as Wanted;
    use portcullis_engine::net::Cidr;

    #[test]
    fn blocks_of_one_address_are_written_as_ipset_writes_them() {
        let blocks = ["10.0.0.1/32", "10.0.0.0/8", "fd00:1::/32", "fd00::1/128"];
        let members = blocks.iter().map(|block| Cidr::parse(block).unwrap()).collect();
        let set = AddressSet { name: "s".into(), members: Wanted::Blocks(members) };
        let texts: Vec<String> = super::texts(&set).into_iter().collect();
        assert_eq!(texts, ["10.0.0.0/8", "10.0.0.1", "fd00:1::/32", "fd00::1"]);
    }

    #[test]
    fn only_what_differs_is_written() {
        let addresses = ["10.0.0.1", "10.0.0.2"].map(|text| text.parse::<IpAddr>().unwrap());
        let set = AddressSet { name: "s".into(), members: Wanted::Addresses(addresses.into()) };
        let mut lines = String::new();
        add_missing(&mut lines, &set, Some(&BTreeSet::from(["10.0.0.2".to_owned()])));
        assert_eq!(lines, "add s 10.0.0.1\n");
    }
}
