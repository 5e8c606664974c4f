//! What the kernel holds of ours, in both implementations of iptables, and nothing of others.

use portcullis_engine::net::Family;

use super::Part;
use crate::kernel::iptables::{Backend, Ipset, Tables};
use crate::kernel::{KernelError, exec};

const TABLES: [&str; 2] = ["filter", "mangle"];

/// Listings, and how much they have.
pub fn parts(prefix: String) -> impl Iterator<Item = Part> {
    let mut all: Vec<Part> = Vec::new();
    for backend in [Backend::Nft, Backend::Legacy] {
        for family in Family::BOTH {
            all.extend(TABLES.map(|table| rules((backend, family, table), &prefix)));
        }
    }
    all.push(("kernel/ipset.txt".to_owned(), sets(&prefix).map_err(Into::into)));
    let sizes = all.iter().map(size).collect();
    all.push(("kernel/sizes.txt".to_owned(), Ok(sizes)));
    all.push(("kernel/nft.txt".to_owned(), nft(&prefix).map_err(Into::into)));
    all.into_iter()
}

fn rules((backend, family, table): (Backend, Family, &str), prefix: &str) -> Part {
    let (tool, family_name) = match family {
        Family::IPv4 => ("iptables", "IPv4"),
        Family::IPv6 => ("ip6tables", "IPv6"),
    };
    let name = format!("kernel/{tool}-{}-{table}.txt", backend.name());
    // Also where others' rules cannot be printed.
    let saved =
        Tables::find(family, backend).and_then(|tables| tables.counted_if_there(table, prefix));
    let text = saved.map(|saved| {
        let (own, others) = own(&saved, prefix);
        format!("# {family_name} {table}; rules of other programs, left out: {others}\n{own}")
    });
    (name, text.map_err(Into::into))
}

/// Lines that name what begins with our prefix, and how many rules there are besides.
fn own(saved: &str, prefix: &str) -> (String, usize) {
    let chain = format!("{prefix}-");
    let is_ours = |line: &&str| {
        line.split_whitespace().any(|word| word.trim_start_matches(':').starts_with(&chain))
    };
    let is_rule = |line: &&str| line.starts_with("-A ") || line.contains("] -A ");
    let others = saved.lines().filter(|line| is_rule(line) && !is_ours(line)).count();
    let own: String = saved.lines().filter(is_ours).flat_map(|line| [line, "\n"]).collect();
    (own, others)
}

fn sets(prefix: &str) -> Result<String, KernelError> {
    let names = ["4-", "6-"].map(|end| format!("{prefix}{end}"));
    let saved = Ipset::find()?.save(&names)?;
    let is_ours = |line: &&str| {
        let name = line.split(' ').nth(1).unwrap_or_default();
        names.iter().any(|start| name.starts_with(start))
    };
    Ok(saved.lines().filter(is_ours).flat_map(|line| [line, "\n"]).collect())
}

/// How much a listing has.
fn size((name, text): &Part) -> String {
    let Ok(text) = text else { return String::new() };
    let count = |word: &str| {
        text.lines().filter(|line| line.split_whitespace().any(|part| part == word)).count()
    };
    match name.ends_with("ipset.txt") {
        true => format!("{name}: sets {}, members {}\n", count("create"), count("add")),
        false => format!("{name}: rules {}, bytes {}\n", count("-A"), text.len()),
    }
}

fn nft(prefix: &str) -> Result<String, KernelError> {
    let nft = exec::find("nft")?;
    let tables = exec::run(&nft, &["list", "tables"], "")?;
    let own = format!("table bridge {prefix}");
    let is_there = tables.lines().any(|line| line.trim() == own);
    let own = match is_there {
        true => exec::run(&nft, &["list", "table", "bridge", prefix], "")?,
        false => format!("# no {own}\n"),
    };
    Ok(format!("{tables}\n{own}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn others_rules_are_counted_and_left_out() {
        let saved = "# comment\n*filter\n:FORWARD ACCEPT [1:2]\n:PCL-FORWARD - [0:0]\n:KUBE-X - [0:0]\n\
                     [1:2] -A FORWARD -j PCL-FORWARD\n[1:2] -A FORWARD -s 192.0.2.7 -j KUBE-X\n\
                     -A PCL-FORWARD -m set --match-set PCL4-x src -g PCL-DONE\n-A KUBE-X -j DROP\nCOMMIT\n";
        let (own, others) = own(saved, "PCL");
        assert_eq!(
            own,
            ":PCL-FORWARD - [0:0]\n[1:2] -A FORWARD -j PCL-FORWARD\n\
             -A PCL-FORWARD -m set --match-set PCL4-x src -g PCL-DONE\n"
        );
        assert_eq!(others, 2);
        let part = ("kernel/iptables-nft-filter.txt".to_owned(), Ok(own));
        assert!(size(&part).contains("rules 2, "), "{}", size(&part));
    }
}
