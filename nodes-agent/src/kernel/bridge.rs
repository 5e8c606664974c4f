//! Bridges: frames between pods on one bridge come to iptables only if the kernel is told so.

use std::fs;
use std::io;
use std::path::Path;

/// Switches of br_netfilter; they exist once it is loaded.
const SWITCHES: [&str; 3] =
    ["bridge-nf-call-iptables", "bridge-nf-call-ip6tables", "bridge-nf-filter-vlan-tagged"];

/// Where they are, in the network namespace of whoever looks.
const FOLDER: &str = "/proc/sys/net/bridge";

/// Sees to it that traffic within a bridge is filtered; whether that had to be turned on; nothing where there
/// is nothing to filter.
///
/// # Errors
/// A sentence for the operator: traffic between pods of this node is open until it is repaired.
pub fn ensure_filtered() -> Result<Option<bool>, String> {
    if !has_bridge(Path::new("/sys/class/net")) && !Path::new(FOLDER).exists() {
        return Ok(None);
    }
    let mut switches = SWITCHES.iter().map(|switch| Path::new(FOLDER).join(switch));
    let switched =
        switches.try_fold(false, |any, switch| Ok::<_, String>(turn_on(&switch)? || any));
    switched.map(Some)
}

/// Whether there is a bridge. Pods may be on one that is not there yet: this is asked again and
/// again.
fn has_bridge(links: &Path) -> bool {
    let links = fs::read_dir(links).into_iter().flatten().flatten();
    links.into_iter().any(|link| link.path().join("bridge").is_dir())
}

/// Turns a switch on; whether it was off.
fn turn_on(switch: &Path) -> Result<bool, String> {
    let shown = switch.display();
    match fs::read_to_string(switch) {
        Ok(value) if value.trim() == "1" => Ok(false),
        Ok(_) => fs::write(switch, "1").map(|()| true).map_err(|error| {
            format!(
                "traffic within bridges is not filtered: {shown} is 0 and could not be set: {error}"
            )
        }),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            Err("traffic within bridges is not filtered: load the kernel module br_netfilter"
                .into())
        }
        Err(error) => Err(format!("could not read {shown}: {error}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn switches_are_turned_on_and_missing_ones_are_explained() {
        let folder = std::env::temp_dir().join(format!("portcullis-bridge-{}", std::process::id()));
        fs::create_dir_all(folder.join("br0/bridge")).unwrap();
        assert!(has_bridge(&folder));
        let switch = folder.join("switch");
        assert!(turn_on(&switch).unwrap_err().contains("br_netfilter"));
        fs::write(&switch, "0\n").unwrap();
        assert_eq!([turn_on(&switch), turn_on(&switch)], [Ok(true), Ok(false)]);
        assert_eq!(fs::read_to_string(&switch).unwrap(), "1");
        fs::remove_dir_all(&folder).unwrap();
        assert!(!has_bridge(&folder));
    }
}
