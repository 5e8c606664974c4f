//! What the node says of itself.

use std::fs;
use std::path::Path;

use anyhow::Context as _;

use super::Part;
use crate::kernel::exec;

/// Tools, and how they are asked for their versions.
const TOOLS: [(&str, &str); 5] = [
    ("iptables-nft", "--version"),
    ("iptables-legacy", "--version"),
    ("ipset", "--version"),
    ("nft", "--version"),
    ("conntrack", "--version"),
];

/// Settings of the kernel that decide whether packets come to the rules.
const SETTINGS: [&str; 11] = [
    "net/bridge/bridge-nf-call-iptables",
    "net/bridge/bridge-nf-call-ip6tables",
    "net/bridge/bridge-nf-filter-vlan-tagged",
    "net/ipv4/ip_forward",
    "net/ipv6/conf/all/forwarding",
    "net/ipv4/conf/all/rp_filter",
    "net/ipv4/conf/default/rp_filter",
    "net/netfilter/nf_conntrack_count",
    "net/netfilter/nf_conntrack_max",
    "net/netfilter/nf_conntrack_tcp_be_liberal",
    "net/ipv4/vs/conntrack",
];

/// What names of modules have in them that filter packets.
const MODULES: [&str; 7] = ["nf_", "nft_", "xt_", "ip_set", "ip_tables", "ip6_tables", "ip_vs"];

/// The unit that the guide has for a host.
const UNIT: &str = "portcullis-agent";

const LINKS: &str = "/sys/class/net";

/// Routes, devices, settings and modules.
pub fn parts() -> impl Iterator<Item = Part> {
    let part = |name: &str, text| (format!("kernel/{name}.txt"), text);
    let all = [
        part("routes-ipv4", read("/proc/net/route")),
        part("routes-ipv6", read("/proc/net/ipv6_route")),
        part("devices", devices()),
        part("settings", Ok(settings())),
        part("modules", read("/proc/modules").map(|modules| filters(&modules))),
    ];
    all.into_iter()
}

/// The agent, the kernel, the system and the tools.
pub fn versions() -> String {
    let file = |path: &str| fs::read_to_string(path).unwrap_or_default().trim().to_owned();
    let system = file("/etc/os-release");
    let system = system.lines().find_map(|line| line.strip_prefix("PRETTY_NAME="));
    let mut text = format!(
        "portcullis-agent {} ({})\nkernel: {}\nsystem: {}\n",
        env!("CARGO_PKG_VERSION"),
        std::env::consts::ARCH,
        file("/proc/version"),
        system.unwrap_or("unknown"),
    );
    for (tool, word) in TOOLS {
        let said = exec::find(tool).and_then(|path| exec::run(&path, &[word], ""));
        let said = said.unwrap_or_else(|error| error.to_string());
        text += &format!("{tool}: {}\n", said.lines().next().unwrap_or_default());
    }
    text
}

/// The end of the log, where there is one.
pub fn log() -> anyhow::Result<String> {
    let journal = exec::find("journalctl")
        .context("no journal here: a pod's log is had by `kubectl logs`")?;
    let words = ["--unit", UNIT, "--lines", "2000", "--no-pager", "--output", "short-iso"];
    Ok(exec::run(&journal, &words, "")?)
}

fn read(path: &str) -> anyhow::Result<String> {
    fs::read_to_string(path).with_context(|| path.to_owned())
}

fn settings() -> String {
    let value = |setting: &&str| {
        let value = fs::read_to_string(Path::new("/proc/sys").join(setting));
        let value = value.map_or_else(|error| format!("({error})"), |v| v.trim().to_owned());
        format!("{} = {value}\n", setting.replace('/', "."))
    };
    SETTINGS.iter().map(value).collect()
}

/// Counters, and of which bridge each device is.
fn devices() -> anyhow::Result<String> {
    let mut text = read("/proc/net/dev")?;
    text += "\n";
    let links = fs::read_dir(LINKS).with_context(|| LINKS.to_owned())?;
    let mut names: Vec<_> = links.flatten().map(|link| link.path()).collect();
    names.sort();
    for link in names {
        let name = link.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let master = fs::read_link(link.join("master")).ok();
        let master = master.as_deref().and_then(Path::file_name).map(|m| m.to_string_lossy());
        let kind = if link.join("bridge").is_dir() { "bridge" } else { "device" };
        let state = fs::read_to_string(link.join("operstate")).unwrap_or_default();
        let master = master.map(|master| format!(" of {master}")).unwrap_or_default();
        text += &format!("{name}: {kind}{master}, {}\n", state.trim());
    }
    Ok(text)
}

fn filters(modules: &str) -> String {
    let is_one = |line: &&str| {
        line.starts_with("br_netfilter") || MODULES.iter().any(|part| line.starts_with(part))
    };
    modules.lines().filter(is_one).flat_map(|line| [line, "\n"]).collect()
}
