//! Frames with VLAN tags on bridges of pods. iptables does not see most of them, and a pod takes
//! the tag off what it receives: they would go around all policies. So they are dropped where they
//! enter a bridge, by a table of the bridge family that has nothing else.
//!
//! A bridge that filters VLANs itself keeps its tags, and so does one that leads to no pods. What
//! is not known of a bridge is taken for neither.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use portcullis_engine::dataplane::Interface;

use super::{KernelError, exec};

const LINKS: &str = "/sys/class/net";

/// The command line that takes the table.
const COMMAND: &str = "nft -f -";

/// 802.1Q, 802.1ad, and what the latter was before it was one.
const TAGS: &str = "0x8100, 0x88a8, 0x9100";

/// The table that drops tagged frames.
#[derive(Debug)]
pub struct TaggedFrames {
    /// Its name.
    table: String,
    /// What was written last, and how the tool lists that: other versions list it otherwise.
    written: Option<(String, String)>,
}

impl TaggedFrames {
    /// A table of which it is not known whether it is there.
    pub fn new(table: &str) -> Self {
        Self { table: table.to_owned(), written: None }
    }

    /// Has the table be there if one of these interfaces of pods is a bridge, and not otherwise;
    /// whether somebody had changed what was written.
    ///
    /// # Errors
    /// A sentence for the operator: on bridges, tagged frames get past policies.
    pub fn ensure_dropped(&mut self, pods: &[Interface]) -> Result<bool, String> {
        let ensured = match self.text_for(pods) {
            Some(text) => self.write(text),
            None => self.remove().map(|_| false),
        };
        ensured.map_err(|error| format!("frames with VLAN tags are not filtered: {error}"))
    }

    /// What the tool would be given for these interfaces of pods, with its command line.
    pub fn script(&self, pods: &[Interface]) -> Option<(&'static str, String)> {
        Some((COMMAND, self.text_for(pods)?))
    }

    /// Removes the table; whether it was there.
    ///
    /// # Errors
    /// If the tool fails.
    pub fn remove(&mut self) -> Result<bool, KernelError> {
        self.written = None;
        // Where the tool is not, nobody has made the table.
        let Ok(nft) = exec::find("nft") else { return Ok(false) };
        let found = self.list(&nft).is_some();
        if found {
            exec::run(&nft, &["delete", "table", "bridge", &self.table], "")?;
        }
        Ok(found)
    }

    fn write(&mut self, text: String) -> Result<bool, KernelError> {
        let nft = exec::find("nft")?;
        let (held, listed) = (self.list(&nft), self.listed(&text));
        if held.is_some() && held == listed {
            return Ok(false);
        }
        exec::run(&nft, &["-f", "-"], &text)?;
        self.written = self.list(&nft).map(|listed| (text, listed));
        Ok(listed.is_some())
    }

    fn list(&self, nft: &Path) -> Option<String> {
        exec::run(nft, &["list", "table", "bridge", &self.table], "").ok()
    }

    fn listed(&self, text: &str) -> Option<String> {
        let (written, listed) = self.written.as_ref()?;
        (written == text).then(|| listed.clone())
    }

    /// What the table holds for these interfaces of pods; none if no bridge is among them.
    fn text_for(&self, pods: &[Interface]) -> Option<String> {
        let exempt = exempt_ports(Path::new(LINKS), pods)?;
        Some(text(&self.table, &exempt))
    }
}

/// The table, in place of what was there before, in one transaction.
fn text(table: &str, exempt: &BTreeSet<String>) -> String {
    let names: Vec<String> = exempt.iter().map(|name| format!("\"{name}\"")).collect();
    let exempt = match names.is_empty() {
        true => String::new(),
        false => format!("    iifname {{ {} }} accept\n", names.join(", ")),
    };
    // Before anything of the bridge itself.
    format!(
        "table bridge {table} {{ }}\ndelete table bridge {table}\ntable bridge {table} {{\n  \
         chain tagged {{\n    type filter hook prerouting priority -300; policy accept;\n\
         {exempt}    ether type {{ {TAGS} }} drop\n  }}\n}}\n"
    )
}

/// Ports of bridges that may have tagged frames; none if pods are on no bridge that may not.
fn exempt_ports(links: &Path, pods: &[Interface]) -> Option<BTreeSet<String>> {
    let mut exempt = BTreeSet::new();
    let mut is_needed = pods.iter().any(|name| is_unknown(links, name.as_str()));
    for bridge in bridges(links) {
        let name = bridge.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let leads_to_pods = pods.iter().any(|pattern| matches(pattern.as_str(), &name));
        if leads_to_pods && !filters_vlans(&bridge) {
            is_needed = true;
        } else {
            exempt.extend(entries(&bridge.join("brif")).filter_map(file_name));
        }
    }
    is_needed.then_some(exempt)
}

/// Whether there is nothing to be learnt of a device: `/sys` may be of another network namespace.
fn is_unknown(links: &Path, name: &str) -> bool {
    !name.ends_with('+') && !links.join(name).exists()
}

fn matches(pattern: &str, name: &str) -> bool {
    match pattern.strip_suffix('+') {
        Some(start) => name.starts_with(start),
        None => name == pattern,
    }
}

fn bridges(links: &Path) -> impl Iterator<Item = PathBuf> {
    entries(links).filter(|link| link.join("bridge").is_dir())
}

fn filters_vlans(bridge: &Path) -> bool {
    let value = fs::read_to_string(bridge.join("bridge/vlan_filtering"));
    value.is_ok_and(|value| value.trim() == "1")
}

fn entries(folder: &Path) -> impl Iterator<Item = PathBuf> {
    fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path())
}

/// A port's name, if it can stand in a text for the tool.
fn file_name(port: PathBuf) -> Option<String> {
    let name = port.file_name()?.to_str()?;
    name.parse::<Interface>().ok().map(|_| name.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn exempt(links: &Path, pods: &[&str]) -> Option<Vec<String>> {
        let pods: Vec<Interface> = pods.iter().map(|name| name.parse().unwrap()).collect();
        exempt_ports(links, &pods).map(|ports| ports.into_iter().collect())
    }

    #[test]
    fn only_bridges_of_pods_drop_tags() {
        let links = std::env::temp_dir().join(format!("portcullis-tagged-{}", std::process::id()));
        for (bridge, filters, port) in
            [("cni0", "0", "veth1"), ("virbr0", "0", "tap1"), ("br1", "1", "veth9")]
        {
            fs::create_dir_all(links.join(bridge).join("bridge")).unwrap();
            fs::create_dir_all(links.join(bridge).join("brif").join(port)).unwrap();
            fs::write(links.join(bridge).join("bridge/vlan_filtering"), filters).unwrap();
        }
        fs::create_dir_all(links.join("veth1")).unwrap();
        let others = Some(vec!["tap1".to_owned(), "veth9".to_owned()]);
        assert_eq!(exempt(&links, &["cni0"]), others);
        assert_eq!(exempt(&links, &["cni+"]), others);
        assert_eq!(exempt(&links, &["veth1"]), None, "no bridge");
        assert_eq!(exempt(&links, &["veth+"]), None);
        assert_eq!(exempt(&links, &["br1"]), None, "it filters by itself");
        assert!(exempt(&links, &["br7"]).is_some_and(|ports| ports.len() == 3), "unknown");
        assert_eq!(exempt(&links, &[]), None);
        fs::remove_dir_all(&links).unwrap();
    }

    #[test]
    fn exempt_ports_come_first() {
        let text = |ports: &[&str]| text("PCL", &ports.iter().map(|p| (*p).to_owned()).collect());
        assert!(!text(&[]).contains("iifname"));
        let with = text(&["tap1", "veth9"]);
        assert!(with.contains("accept;\n    iifname { \"tap1\", \"veth9\" } accept\n    ether"));
    }
}
