//! Services that hide their clients: kube-proxy with `--masquerade-all`.
//!
//! A packet to a Service then leaves its node with the node's address. Where it arrives on another
//! node, nobody can tell which pod sent it: what policies say of pods and blocks does not match it.
//! Nothing can be done about it here, so it is told.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use portcullis_engine::net::ByFamily;

use super::Status;
use crate::kernel::KernelError;
use crate::kernel::iptables::Tables;

/// How much longer than a look the pause after it is: kube-proxy's rules may be a hundred thousand.
const SHARE: u32 = 50;

/// What the names of chains of Services begin with: those that are read where others have native
/// nft rules in the table, which the tool cannot print.
const SERVICES: &str = "KUBE-S";

/// Looks at once, and then again and again, on a thread of its own. Never at the expense of a
/// change.
///
/// # Errors
/// If no thread can be started.
pub fn watch(tables: ByFamily<Tables>, pause: Duration, status: Arc<Status>) -> anyhow::Result<()> {
    std::thread::Builder::new()
        .name("masquerade".into())
        .spawn(move || follow(&tables, pause, &status))
        .context("could not start a thread")?;
    Ok(())
}

fn follow(tables: &ByFamily<Tables>, pause: Duration, status: &Status) -> ! {
    let mut known = false;
    loop {
        let start = Instant::now();
        match look(tables) {
            Ok(found) => {
                tell(known, found.as_deref());
                known = found.is_some();
                status.metrics.masquerade_all.set(known.into());
            }
            // It says nothing about policies; whoever needs the tables will complain.
            Err(error) => tracing::debug!(%error, "could not read the table nat"),
        }
        std::thread::sleep(pause.max(start.elapsed() * SHARE));
    }
}

fn look(tables: &ByFamily<Tables>) -> Result<Option<String>, KernelError> {
    for tables in tables.values() {
        if let Some(rule) = find(&tables.ours_if_there("nat", SERVICES)?) {
            return Ok(Some(rule.to_owned()));
        }
    }
    Ok(None)
}

fn tell(known: bool, found: Option<&str>) {
    match found {
        Some(rule) if !known => tracing::warn!(
            rule,
            "kube-proxy masquerades all Service traffic, so policies cannot see the client: on other \
             nodes it appears as this node, which policies that name pods or blocks do not admit"
        ),
        None if known => tracing::info!("kube-proxy no longer masquerades all Service traffic"),
        _ => {}
    }
}

/// The first rule, among those that `iptables-save` prints, that has everybody masqueraded who asks
/// a Service at its cluster address.
///
/// # Source
/// kube-proxy's iptables mode has one for each port of a Service, in `KUBE-SVC-…` (`KUBE-SVL-…`
/// where only local pods serve it; `KUBE-SERVICES` before Kubernetes 1.23), its IPVS mode one for
/// all. Without `--masquerade-all` each names whom it is for: not a block of addresses (`! -s`), or
/// not an interface (`! -i`); or there is none. Other addresses of Services are masqueraded in any
/// case.
pub fn find(saved: &str) -> Option<&str> {
    let rules = saved.lines().map(without_counters);
    { rules }.find(|line| is_for_cluster_address(line) && is_for_everybody(line))
}

/// Chains that are read one by one have what each rule has met before it: `[1:60] -A …`.
fn without_counters(line: &str) -> &str {
    let counted = line.strip_prefix('[').and_then(|rest| rest.split_once("] "));
    counted.map_or(line, |(_, rule)| rule)
}

fn is_for_cluster_address(line: &str) -> bool {
    let chains = ["-A KUBE-SVC-", "-A KUBE-SVL-", "-A KUBE-SERVICES "];
    let addresses = [" cluster IP\" ", "CLUSTER-IP dst,dst "];
    chains.iter().any(|chain| line.starts_with(chain))
        && addresses.iter().any(|address| line.contains(address))
}

fn is_for_everybody(line: &str) -> bool {
    let conditions = ["-s", "-i", "--src-type", "--mark"];
    line.ends_with(" -j KUBE-MARK-MASQ")
        && !line.split_ascii_whitespace().any(|word| conditions.contains(&word))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What both modes write for a Service, as `iptables-save` shows it; the conditions in place.
    fn rules(condition: &str) -> [String; 4] {
        [
            "-A KUBE-SVC-A {}-d 10.96.0.9/32 -p tcp -m comment --comment \"a/b:c cluster IP\" -m tcp --dport 80",
            "-A KUBE-SVL-A {}-d fd96::9/128 -p tcp -m comment --comment \"a/b:c cluster IP\" -m tcp --dport 80",
            "-A KUBE-SERVICES {}-d 10.96.0.9/32 -p udp -m comment --comment \"a/b cluster IP\" -m udp --dport 53",
            "-A KUBE-SERVICES {}-m comment --comment \"all of them\" -m set --match-set KUBE-6-CLUSTER-IP dst,dst",
        ]
        .map(|rule| format!("{} -j KUBE-MARK-MASQ", rule.replace("{}", condition)))
    }

    #[test]
    fn rules_for_everybody_are_found() {
        for rule in rules("") {
            let saved = format!("*nat\n:KUBE-SERVICES - [0:0]\n{rule}\nCOMMIT\n");
            assert_eq!(find(&saved), Some(&*rule));
            assert_eq!(find(&format!("[1:60] {rule}\n")), Some(&*rule));
        }
    }

    #[test]
    fn rules_for_some_are_passed_over() {
        for condition in ["! -s 10.0.0.0/16 ", "! -i cbr0 ", "! -i veth+ "] {
            assert_eq!(find(&rules(condition).join("\n")), None, "{condition}");
        }
        let others = "\
            -A KUBE-EXT-A -m comment --comment \"masquerade traffic for a/b:c external destinations\" -j KUBE-MARK-MASQ\n\
            -A KUBE-EXT-A -m addrtype --src-type LOCAL -j KUBE-MARK-MASQ\n\
            -A KUBE-SEP-A -s 10.0.0.2/32 -m comment --comment \"a/b:c\" -j KUBE-MARK-MASQ\n\
            -A KUBE-SERVICES -d 192.0.2.1/32 -p tcp -m comment --comment \"a/b:c external IP\" -m tcp --dport 80 -j KUBE-MARK-MASQ\n\
            -A KUBE-SERVICES -d 10.96.0.9/32 -p tcp -m comment --comment \"a/b:c cluster IP\" -m tcp --dport 80 -j KUBE-SVC-A\n\
            -A KUBE-SERVICES -m set --match-set KUBE-CLUSTER-IP src,dst -j KUBE-MARK-MASQ\n";
        assert_eq!(find(others), None);
        assert_eq!(find(""), None);
    }
}
