//! Looking at one thing after the other. What the kernel can do is found out by having it do so, in
//! a chain that nothing enters and that is removed at once.

use std::fs;

use portcullis_engine::net::Family;

use super::Item;
use crate::kernel::conntrack::Conntrack;
use crate::kernel::iptables::{Backend, Iptables, Tables};
use crate::kernel::{KernelError, Routes, exec, ipvs};

/// Where the bridges' switches are.
const SWITCHES: &str = "/proc/sys/net/bridge";

/// Where a process is told of its capabilities, and which bits are needed.
const STATUS: &str = "/proc/self/status";
const NET_ADMIN: u64 = 1 << 12;
const NET_RAW: u64 = 1 << 13;

/// What rules may ask for: its name, the table, the family if only one has it, and the rule.
const ABILITIES: [(&str, &str, Option<Family>, &str); 10] = [
    ("connection states", "filter", None, "-m conntrack --ctstate RELATED,ESTABLISHED -j RETURN"),
    ("connection marks", "filter", None, "-m connmark --mark 0x1/0x1 -j RETURN"),
    ("lists of ports", "filter", None, "-p tcp -m multiport --dports 1,2 -j RETURN"),
    ("rates", "filter", None, "-m limit --limit 5/sec --limit-burst 9 -j RETURN"),
    ("kinds of addresses", "filter", None, "-m addrtype --src-type LOCAL -j RETURN"),
    ("rejecting TCP", "filter", None, "-p tcp -j REJECT --reject-with tcp-reset"),
    ("logging packets", "filter", None, "-j NFLOG --nflog-group 1"),
    ("ports of SCTP", "filter", None, "-p sctp -m sctp --dport 1 -j RETURN"),
    ("hop limits", "filter", Some(Family::IPv6), "-m hl --hl-eq 255 -j RETURN"),
    ("reverse paths", "mangle", None, "-m rpfilter --invert -j RETURN"),
];

/// What is looked at.
#[derive(Clone, Debug)]
pub struct Subject {
    /// The implementation of iptables that is to be used; none: the one that the node uses.
    pub backend: Option<Backend>,
    /// What the names of the agent's chains begin with.
    pub prefix: String,
}

/// Looks at everything.
pub fn examine(subject: &Subject) -> Vec<Item> {
    let mut items = vec![rights()];
    match Iptables::find(subject.backend) {
        Ok(iptables) => {
            items.push(Item::ok("iptables", format!("iptables-{}", iptables.backend.name())));
            items.push(other_backend(&iptables, &subject.prefix));
            items.push(sets(&iptables));
            for tables in iptables.tables.values() {
                items.extend(abilities(tables, &subject.prefix));
                items.extend(forward(tables, &subject.prefix));
            }
        }
        Err(error) => items.push(Item::fail(
            "iptables",
            error.to_string(),
            "install iptables 1.8 or later and ipset",
        )),
    }
    items.push(bridges());
    items.extend(tools());
    items.extend(services());
    items.push(routes());
    items
}

fn rights() -> Item {
    const WHAT: &str = "capabilities";
    let status = fs::read_to_string(STATUS).unwrap_or_default();
    let held = status.lines().find_map(|line| line.strip_prefix("CapEff:"));
    let held = held.and_then(|bits| u64::from_str_radix(bits.trim(), 16).ok()).unwrap_or(0);
    let missing: Vec<&str> = [("CAP_NET_ADMIN", NET_ADMIN), ("CAP_NET_RAW", NET_RAW)]
        .into_iter()
        .filter(|(_, bit)| held & bit == 0)
        .map(|(name, _)| name)
        .collect();
    match missing.is_empty() {
        true => Item::ok(WHAT, "CAP_NET_ADMIN, CAP_NET_RAW"),
        false => Item::fail(
            WHAT,
            format!("without {}", missing.join(" and ")),
            "run as root, or give the process these capabilities",
        ),
    }
}

/// Rules of one implementation are judged besides those of the other.
fn other_backend(iptables: &Iptables, prefix: &str) -> Item {
    const WHAT: &str = "other implementation";
    let other = match iptables.backend {
        Backend::Nft => Backend::Legacy,
        Backend::Legacy => Backend::Nft,
    };
    let name = format!("iptables-{}", other.name());
    let Ok(tables) = Tables::find(Family::IPv4, other) else {
        return Item::ok(WHAT, format!("{name} is not installed"));
    };
    let saved = tables.save_if_there("filter").unwrap_or_default();
    let rules = saved.lines().filter(|line| line.starts_with("-A ")).count();
    if saved.contains(&format!(":{prefix}-")) {
        return Item::fail(
            WHAT,
            format!("{name} holds chains of Portcullis"),
            "run `portcullis-agent cleanup`, then start the agent again",
        );
    }
    match rules {
        0 => Item::ok(WHAT, format!("{name} has no rules")),
        _ => Item::note(
            WHAT,
            format!("{name} has rules as well: {rules}"),
            "both are in force; see that kube-proxy and the agent use the same one (--backend)",
        ),
    }
}

fn sets(iptables: &Iptables) -> Item {
    let text = "create PCLCHECK hash:net family inet\ncreate PCLCHECKP hash:ip,port family inet\n\
                create PCLCHECKN bitmap:port range 0-65535\n\
                destroy PCLCHECK\ndestroy PCLCHECKP\ndestroy PCLCHECKN\n";
    match iptables.sets.restore(text) {
        Ok(()) => Item::ok("ipset", "addresses, networks, ports"),
        Err(error) => Item::fail("ipset", error.to_string(), "load the kernel module ip_set"),
    }
}

/// What rules of a family may ask for: one item if all of it is there.
fn abilities(tables: &Tables, prefix: &str) -> Vec<Item> {
    let family = name(tables.family);
    let missing = |(what, table, only, rule): (&str, &str, Option<Family>, &str)| {
        if only.is_some_and(|only| only != tables.family) {
            return None;
        }
        let error = try_rule(tables, (table, prefix), rule).err()?;
        let advice = "load or build the kernel module for it; iptables(8) names the match";
        Some(Item::fail(&format!("{family} {what}"), error.to_string(), advice))
    };
    let missing: Vec<Item> = ABILITIES.into_iter().filter_map(missing).collect();
    match missing.is_empty() {
        true => vec![Item::ok(&format!("{family} rules"), "all matches and targets")],
        false => missing,
    }
}

/// Writes a rule into a chain that nothing enters, and removes both.
fn try_rule(tables: &Tables, (table, prefix): (&str, &str), rule: &str) -> Result<(), KernelError> {
    let chain = format!("{prefix}CHECK");
    let write = format!("*{table}\n:{chain} - [0:0]\n-A {chain} {rule}\nCOMMIT\n");
    let written = tables.restore(&write);
    let remove = format!("*{table}\n:{chain} - [0:0]\n-X {chain}\nCOMMIT\n");
    written.and(tables.restore(&remove))
}

/// What stands before the agent's rules in `FORWARD`, and what becomes of what no rule accepts.
fn forward(tables: &Tables, prefix: &str) -> Vec<Item> {
    let what = format!("{} FORWARD", name(tables.family));
    let saved = match tables.save("filter") {
        Ok(saved) => saved,
        Err(error) => {
            let advice =
                "another program's rule may be beyond the tool: look at `nft list ruleset`";
            return vec![Item::fail(&what, error.to_string(), advice)];
        }
    };
    let own = format!("-A FORWARD -j {prefix}-");
    let mut rules = saved.lines().filter(|line| line.starts_with("-A FORWARD "));
    let mut items = Vec::new();
    match rules.clone().position(|rule| rule.starts_with(&own)) {
        Some(0) => items.push(Item::ok(&what, "begins with the agent's rules")),
        Some(_) => items.push(Item::fail(
            &what,
            format!("`{}` comes before the agent's rules", rules.next().unwrap_or_default()),
            "a running agent puts its rules first again; find the program that writes this one",
        )),
        None => items.push(Item::ok(&what, "the agent has written no rules here")),
    }
    if saved.contains("\n:FORWARD DROP ") {
        items.push(Item::note(
            &what,
            "drops what no rule accepts",
            "--admitted accept, unless another program accepts the pods' packets",
        ));
    }
    items.extend(other_agents(&saved, &what));
    items
}

/// Chains of other programs that enforce NetworkPolicies.
fn other_agents(saved: &str, what: &str) -> Option<Item> {
    let agents = [(":KUBE-ROUTER-", "kube-router"), (":cali-", "Calico"), (":CILIUM_", "Cilium")];
    let found = agents.into_iter().find(|(chain, _)| saved.contains(&format!("\n{chain}")));
    found.map(|(_, agent)| {
        let found = format!("has chains of {agent}, which enforces policies too");
        Item::note(what, found, "let one program enforce policies; a packet must pass both")
    })
}

fn bridges() -> Item {
    const WHAT: &str = "bridges";
    let read = |name: &str| fs::read_to_string(format!("{SWITCHES}/{name}"));
    let off: Vec<&str> = ["bridge-nf-call-iptables", "bridge-nf-call-ip6tables"]
        .into_iter()
        .filter(|name| !read(name).is_ok_and(|value| value.trim() == "1"))
        .collect();
    if off.is_empty() {
        return Item::ok(WHAT, "frames between pods on one bridge are filtered");
    }
    let found = format!("not filtered: {}", off.join(", "));
    match fs::exists(SWITCHES) {
        Ok(true) => Item::note(WHAT, found, "a running agent sets it to 1, if it may write there"),
        _ => Item::note(
            WHAT,
            "br_netfilter is not loaded",
            "`modprobe br_netfilter` on the host, if pods are on a bridge",
        ),
    }
}

/// What the agent enforces policies without, and is not ready.
fn tools() -> [Item; 2] {
    let nft = match exec::find("nft") {
        Ok(path) => Item::ok("nft", path.display().to_string()),
        Err(_) => Item::fail(
            "nft",
            "not installed: frames with VLAN tags on bridges of pods get past policies",
            "install the package nftables",
        ),
    };
    [nft, connections()]
}

/// Whether the kernel lists the connections that a change may have to end.
fn connections() -> Item {
    const WHAT: &str = "connections";
    let mut count = 0_u64;
    let listed = Conntrack::open().and_then(|mut conntrack| {
        let mut families = Family::BOTH.into_iter();
        families.try_for_each(|family| conntrack.for_each(family, None, |_| count += 1))
    });
    match listed {
        Ok(()) => Item::ok(WHAT, format!("listed: {count}")),
        Err(error) => Item::fail(
            WHAT,
            format!("{error}: connections that a change no longer allows live on"),
            "load or build the kernel module nf_conntrack_netlink",
        ),
    }
}

fn services() -> Option<Item> {
    match ipvs::services() {
        Ok(None) => None,
        Ok(Some(services)) => {
            Some(Item::ok("IPVS", format!("in use, and policed; Services: {}", services.len())))
        }
        Err(error) => Some(Item::fail("IPVS", error.to_string(), "let the agent read this file")),
    }
}

fn routes() -> Item {
    match Routes::read() {
        Ok(routes) => Item::ok("routes", format!("read: {}", routes.iter().count())),
        Err(error) => Item::fail(
            "routes",
            error.to_string(),
            "let the agent read this file, or name pods' devices by --pod-interfaces",
        ),
    }
}

fn name(family: Family) -> &'static str {
    match family {
        Family::IPv4 => "IPv4",
        Family::IPv6 => "IPv6",
    }
}
