//! Against address spoofing: pods that send with addresses of others.
//!
//! What comes in where pods are, from an address that the node would not send to there, is dropped
//! before anything else sees it. The kernel's routes say where that is, so that nothing is to be
//! kept up to date. It depends on no policy and is no part of the program: it only drops what the
//! program would take for somebody else's.

use crate::kernel::{Kernel, KernelError, Tables};

/// Where packets come in before they are routed, marked by nobody yet.
const TABLE: &str = "mangle";

/// The interfaces at which pods' packets come in; none for no guard.
#[derive(Clone, Debug, Default)]
pub struct SpoofGuard {
    interfaces: Vec<String>,
}

impl SpoofGuard {
    /// A guard of interfaces, as `iptables -i` names them.
    pub fn new(interfaces: Vec<String>) -> Self {
        Self { interfaces }
    }

    /// Whether there is one.
    pub fn is_on(&self) -> bool {
        !self.interfaces.is_empty()
    }

    /// Has both families' tables hold it, or nothing of it if it is off; whether that changed them.
    ///
    /// # Errors
    /// If a tool fails.
    pub fn ensure(&self, kernel: &Kernel, prefix: &str) -> Result<bool, KernelError> {
        let mut changed = false;
        for tables in kernel.tables.values() {
            if let Some(text) = self.change(tables, prefix)? {
                kernel.wait_for_lock();
                tables.restore(&text)?;
                changed = true;
            }
        }
        Ok(changed)
    }

    /// Whether the tables hold it.
    ///
    /// # Errors
    /// If a tool fails.
    pub fn holds(&self, kernel: &Kernel, prefix: &str) -> Result<bool, KernelError> {
        let changes = kernel.of_each(|tables| self.change(tables, prefix))?;
        Ok(changes.values().all(Option::is_none))
    }

    /// What brings it into a table that has nothing of it.
    pub fn text(&self, prefix: &str) -> Option<String> {
        self.script(prefix, "")
    }

    fn change(&self, tables: &Tables, prefix: &str) -> Result<Option<String>, KernelError> {
        Ok(self.script(prefix, &tables.save_if_there(TABLE)?))
    }

    /// What brings a table to where it should be, as `iptables-restore --noflush` reads it; none if
    /// it is there.
    fn script(&self, prefix: &str, saved: &str) -> Option<String> {
        let chain = format!("{prefix}-SPOOF");
        let jump = format!("-A PREROUTING -j {chain}");
        let rules = self.rules(&chain);
        let jumps = saved.lines().filter(|line| *line == jump).count();
        if saved.contains(&format!("\n:{chain} ")) || jumps > 0 {
            let is_first = saved.lines().find(|line| line.starts_with("-A PREROUTING "));
            let own = saved.lines().filter(|line| line.starts_with(&format!("-A {chain} ")));
            let same = own.eq(&rules) && is_first == Some(&*jump) && jumps == 1;
            if same && self.is_on() {
                return None;
            }
        } else if !self.is_on() {
            return None;
        }
        let mut lines = vec![format!("*{TABLE}"), format!(":{chain} - [0:0]")];
        lines.extend(rules);
        lines.extend((0..jumps).map(|_| format!("-D PREROUTING -j {chain}")));
        lines.push(match self.is_on() {
            true => format!("-I PREROUTING 1 -j {chain}"),
            false => format!("-X {chain}"),
        });
        lines.push("COMMIT\n".to_owned());
        Some(lines.join("\n"))
    }

    fn rules(&self, chain: &str) -> Vec<String> {
        let rule = |name: &String| format!("-A {chain} -i {name} -m rpfilter --invert -j DROP");
        self.interfaces.iter().map(rule).collect()
    }
}

/// A name of interfaces as the kernel takes it; a last `+` stands for any end.
///
/// # Errors
/// A sentence for the operator.
pub fn interface(text: &str) -> Result<String, String> {
    let name = text.strip_suffix('+').unwrap_or(text);
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._:@-".contains(&byte);
    if (1..=14).contains(&name.len()) && name.bytes().all(plain) && !name.starts_with('-') {
        return Ok(text.to_owned());
    }
    Err(format!(
        "`{text}` is not a valid interface name, such as cni0, or prefix of one, such as veth+"
    ))
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
        assert_eq!(veth.script("PCL", HELD), None);
        assert_eq!(guard(&[]).script("PCL", "*mangle\n:PREROUTING ACCEPT [0:0]\nCOMMIT\n"), None);
        let new = "*mangle\n:PCL-SPOOF - [0:0]\n\
            -A PCL-SPOOF -i veth+ -m rpfilter --invert -j DROP\n\
            -I PREROUTING 1 -j PCL-SPOOF\nCOMMIT\n";
        assert_eq!(veth.text("PCL").as_deref(), Some(new));
        let moved = HELD.replace(
            "-A PREROUTING -j PCL-SPOOF\n-A PREROUTING -j OTHERS\n",
            "\
            -A PREROUTING -j OTHERS\n-A PREROUTING -j PCL-SPOOF\n",
        );
        let back = new.replace("-I PREROUTING", "-D PREROUTING -j PCL-SPOOF\n-I PREROUTING");
        assert_eq!(veth.script("PCL", &moved), Some(back));
        assert!(guard(&["veth+", "cni0"]).script("PCL", HELD).is_some());
        let gone = "*mangle\n:PCL-SPOOF - [0:0]\n-D PREROUTING -j PCL-SPOOF\n\
            -X PCL-SPOOF\nCOMMIT\n";
        assert_eq!(guard(&[]).script("PCL", HELD).as_deref(), Some(gone));
    }

    #[test]
    fn names_of_interfaces_are_plain() {
        for good in ["cni0", "veth+", "br-1a2b", "cali+"] {
            assert_eq!(interface(good).as_deref(), Ok(good));
        }
        for bad in ["", "+", "a b", "veth*", "-j", "averyveryverylongname", "x\n"] {
            assert!(interface(bad).is_err(), "{bad}");
        }
    }
}
