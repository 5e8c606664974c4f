//! The rules of a guard.

use portcullis_engine::dataplane::Interface;

use super::Tables;
use crate::kernel::guard::{CARRIERS, OPEN_TUNNELS, OWN_TUNNELS};
use crate::kernel::{Guard, KernelError};

/// Where packets come in before they are routed, marked by nobody yet.
const TABLE: &str = "mangle";

/// What brings a guard into a table that has nothing of it; none if it is off.
pub fn text(prefix: &str, guard: &Guard) -> Option<String> {
    script(prefix, guard, "")
}

/// What brings a family's tables to hold a guard; none if they do.
///
/// # Errors
/// If the tool fails.
pub fn change(tables: &Tables, prefix: &str, guard: &Guard) -> Result<Option<String>, KernelError> {
    Ok(script(prefix, guard, &without_counters(&tables.ours_if_there(TABLE, prefix)?)))
}

fn without_counters(saved: &str) -> String {
    let rule = |line: &str| match line.strip_prefix('[').and_then(|rest| rest.split_once("] ")) {
        Some((_, rule)) => format!("{rule}\n"),
        None => format!("{line}\n"),
    };
    saved.lines().map(rule).collect()
}

/// What brings a table to where it should be, as `iptables-restore --noflush` reads it; none if
/// it is there.
fn script(prefix: &str, guard: &Guard, saved: &str) -> Option<String> {
    let chain = format!("{prefix}-SPOOF");
    let jump = format!("-A PREROUTING -j {chain}");
    let rules = rules(&chain, guard);
    let jumps = saved.lines().filter(|line| *line == jump).count();
    if saved.contains(&format!("\n:{chain} ")) || jumps > 0 {
        let is_first = saved.lines().find(|line| line.starts_with("-A PREROUTING "));
        let own = saved.lines().filter(|line| line.starts_with(&format!("-A {chain} ")));
        let same = own.map(with_numbers).eq(rules.iter().cloned())
            && is_first == Some(&*jump)
            && jumps == 1;
        if same && guard.is_on() {
            return None;
        }
    } else if !guard.is_on() {
        return None;
    }
    let mut lines = vec![format!("*{TABLE}"), format!(":{chain} - [0:0]")];
    lines.extend(rules);
    lines.extend((0..jumps).map(|_| format!("-D PREROUTING -j {chain}")));
    lines.push(match guard.is_on() {
        true => format!("-I PREROUTING 1 -j {chain}"),
        false => format!("-X {chain}"),
    });
    lines.push("COMMIT\n".to_owned());
    Some(lines.join("\n"))
}

fn rules(chain: &str, guard: &Guard) -> Vec<String> {
    let exempt = guard.exempt.iter().map(|name| format!("-A {chain} -i {name} -j RETURN"));
    let tunnels = guard.tunnels.iter().flat_map(|name| tunnels(chain, name));
    let spoofing = guard
        .spoofing
        .iter()
        .map(|name| format!("-A {chain} -i {name} -m rpfilter --invert -j DROP"));
    exempt.chain(tunnels).chain(spoofing).collect()
}

/// Protocols as numbers: their names depend on the files of the host.
fn tunnels(chain: &str, name: &Interface) -> Vec<String> {
    let ports = |ports: &[u16]| {
        let ports: Vec<String> = ports.iter().map(ToString::to_string).collect();
        ports.join(",")
    };
    let (open, own) = (ports(&OPEN_TUNNELS), ports(&OWN_TUNNELS));
    let udp = format!("-A {chain} -i {name} -p udp -m multiport --dports {open} -j DROP");
    let to_node = format!(
        "-A {chain} -i {name} -p udp -m addrtype --dst-type LOCAL -m multiport --dports {own} \
         -j DROP"
    );
    let carriers = CARRIERS.map(|number| format!("-A {chain} -i {name} -p {number} -j DROP"));
    [udp, to_node].into_iter().chain(carriers).collect()
}

/// A rule as listed, with numbers where the tool knew names of protocols.
fn with_numbers(rule: &str) -> String {
    const NAMES: [(&str, &str); 5] =
        [("ipencap", "4"), ("ipv4", "4"), ("ipip", "4"), ("ipv6", "41"), ("gre", "47")];
    let known = NAMES.iter().find(|(name, _)| rule.contains(&format!(" -p {name} ")));
    match known {
        Some((name, number)) => rule.replace(&format!(" -p {name} "), &format!(" -p {number} ")),
        None => rule.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HELD: &str = "*mangle\n:PREROUTING ACCEPT [0:0]\n:PCL-SPOOF - [0:0]\n\
        -A PREROUTING -j PCL-SPOOF\n-A PREROUTING -j OTHERS\n\
        -A PCL-SPOOF -i veth+ -m rpfilter --invert -j DROP\nCOMMIT\n";

    fn guard(names: &[&str]) -> Guard {
        let spoofing = names.iter().map(|name| name.parse().unwrap()).collect();
        Guard { spoofing, ..Guard::default() }
    }

    #[test]
    fn a_table_is_changed_only_where_it_differs() {
        let veth = guard(&["veth+"]);
        assert_eq!(script("PCL", &veth, HELD), None);
        assert_eq!(script("PCL", &guard(&[]), "*mangle\n:PREROUTING ACCEPT [0:0]\nCOMMIT\n"), None);
        let new = "*mangle\n:PCL-SPOOF - [0:0]\n\
            -A PCL-SPOOF -i veth+ -m rpfilter --invert -j DROP\n\
            -I PREROUTING 1 -j PCL-SPOOF\nCOMMIT\n";
        assert_eq!(text("PCL", &veth).as_deref(), Some(new));
        let moved = HELD.replace(
            "-A PREROUTING -j PCL-SPOOF\n-A PREROUTING -j OTHERS\n",
            "\
            -A PREROUTING -j OTHERS\n-A PREROUTING -j PCL-SPOOF\n",
        );
        let back = new.replace("-I PREROUTING", "-D PREROUTING -j PCL-SPOOF\n-I PREROUTING");
        assert_eq!(script("PCL", &veth, &moved), Some(back));
        assert!(script("PCL", &guard(&["veth+", "cni0"]), HELD).is_some());
        let gone = "*mangle\n:PCL-SPOOF - [0:0]\n-D PREROUTING -j PCL-SPOOF\n\
            -X PCL-SPOOF\nCOMMIT\n";
        assert_eq!(script("PCL", &guard(&[]), HELD).as_deref(), Some(gone));
    }

    #[test]
    fn what_the_tool_calls_protocols_does_not_matter() {
        let name = || vec!["veth+".parse().unwrap()];
        let guard = Guard { tunnels: name(), exempt: vec!["veth9".parse().unwrap()], ..guard(&[]) };
        let text = text("PCL", &guard).unwrap();
        assert!(text.contains("-A PCL-SPOOF -i veth9 -j RETURN\n-A PCL-SPOOF -i veth+ -p udp"));
        let listed = text
            .replace("-I PREROUTING 1", "-A PREROUTING")
            .replace("-p 4 ", "-p ipencap ")
            .replace("-p 41 ", "-p ipv6 ");
        assert_eq!(script("PCL", &guard, &listed), None);
        assert!(script("PCL", &guard, &listed.replace("8472", "8473")).is_some());
    }
}
