//! The rules that guard pods' addresses.

use super::Tables;
use crate::kernel::{KernelError, SpoofGuard};

/// Where packets come in before they are routed, marked by nobody yet.
const TABLE: &str = "mangle";

/// What brings a guard into a table that has nothing of it; none if it is off.
pub fn text(prefix: &str, guard: &SpoofGuard) -> Option<String> {
    script(prefix, guard, "")
}

/// What brings a family's tables to hold a guard; none if they do.
///
/// # Errors
/// If the tool fails.
pub fn change(
    tables: &Tables,
    prefix: &str,
    guard: &SpoofGuard,
) -> Result<Option<String>, KernelError> {
    Ok(script(prefix, guard, &tables.save_if_there(TABLE)?))
}

/// What brings a table to where it should be, as `iptables-restore --noflush` reads it; none if
/// it is there.
fn script(prefix: &str, guard: &SpoofGuard, saved: &str) -> Option<String> {
    let chain = format!("{prefix}-SPOOF");
    let jump = format!("-A PREROUTING -j {chain}");
    let rules = rules(&chain, guard);
    let jumps = saved.lines().filter(|line| *line == jump).count();
    if saved.contains(&format!("\n:{chain} ")) || jumps > 0 {
        let is_first = saved.lines().find(|line| line.starts_with("-A PREROUTING "));
        let own = saved.lines().filter(|line| line.starts_with(&format!("-A {chain} ")));
        let same = own.eq(&rules) && is_first == Some(&*jump) && jumps == 1;
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

fn rules(chain: &str, guard: &SpoofGuard) -> Vec<String> {
    let rule = |name: &String| format!("-A {chain} -i {name} -m rpfilter --invert -j DROP");
    guard.interfaces().iter().map(rule).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const HELD: &str = "*mangle\n:PREROUTING ACCEPT [0:0]\n:PCL-SPOOF - [0:0]\n\
        -A PREROUTING -j PCL-SPOOF\n-A PREROUTING -j OTHERS\n\
        -A PCL-SPOOF -i veth+ -m rpfilter --invert -j DROP\nCOMMIT\n";

    fn guard(names: &[&str]) -> SpoofGuard {
        SpoofGuard::new(names.iter().map(|name| (*name).to_owned()).collect())
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
}
