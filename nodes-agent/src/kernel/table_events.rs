//! Changes of the rules that packets enter first, as nftables tells them at once: a flush, or a
//! rule in front of ours, need not wait for the next look. Legacy iptables tells nothing.

use rustix::io::Errno;

use super::netlink::{BUFFER, Message, Socket, messages};

/// The kernel's numbers (linux/netfilter/nf_tables.h, nfnetlink.h).
const GROUP: u32 = 7;
const SUBSYSTEM: u16 = 10 << 8;
const TABLE_GONE: u16 = SUBSYSTEM | 2;
const CHAIN_GONE: u16 = SUBSYSTEM | 5;
const RULE: u16 = SUBSYSTEM | 6;
const RULE_GONE: u16 = SUBSYSTEM | 8;
/// Of all of them: the attribute that names the table.
const TABLE: u16 = 1;
const CHAIN_OF_RULE: u16 = 2;
const CHAIN: u16 = 3;

/// Chains that packets enter first.
const CHAINS: [&str; 3] = ["FORWARD", "INPUT", "OUTPUT"];

/// A subscription to such changes.
#[derive(Debug)]
pub struct TableEvents(Socket);

impl TableEvents {
    /// A subscription to the changes of this host, or of the network namespace that the thread is
    /// in.
    ///
    /// # Errors
    /// If the kernel has no nftables.
    pub fn subscribe() -> Result<Self, Errno> {
        Socket::subscribe(GROUP).map(Self)
    }

    /// Waits until somebody changes which rules packets enter first.
    ///
    /// # Errors
    /// If the socket is of no more use.
    pub fn wait(&self) -> Result<(), Errno> {
        let mut buffer = vec![0; BUFFER];
        loop {
            match self.0.receive(&mut buffer) {
                Ok(bytes) if messages(bytes).any(|message| disturbs(&message)) => return Ok(()),
                Ok(_) => {}
                // So much has changed that it is not known what.
                Err(Errno::NOBUFS) => return Ok(()),
                Err(error) => return Err(error),
            }
        }
    }
}

fn disturbs(message: &Message<'_>) -> bool {
    let is = |kind, names: &[&str]| {
        let mut attributes = message.attributes();
        let value = attributes.find(|(found, _)| *found == kind).map(|(_, value)| value);
        let name = value.map(|value| value.strip_suffix(&[0]).unwrap_or(value));
        name.is_some_and(|name| names.iter().any(|one| one.as_bytes() == name))
    };
    is(TABLE, &["filter"])
        && match message.kind {
            TABLE_GONE => true,
            CHAIN_GONE => is(CHAIN, &CHAINS),
            RULE | RULE_GONE => is(CHAIN_OF_RULE, &CHAINS),
            _ => false,
        }
}

#[cfg(test)]
mod tests {
    use super::super::netlink::{Head, Request};
    use super::*;

    #[test]
    fn only_what_packets_enter_first_disturbs() {
        let disturbs = |kind, table: &[u8], chain: &[u8]| {
            let head = Head { kind, flags: 0, sequence: 0, family: 2, resource: 0 };
            let place = if kind == CHAIN_GONE { CHAIN } else { CHAIN_OF_RULE };
            let bytes = Request::new(head).with(TABLE, table).with(place, chain).bytes();
            messages(&bytes).any(|message| disturbs(&message))
        };
        assert!(disturbs(RULE_GONE, b"filter\0", b"FORWARD\0"));
        assert!(disturbs(RULE, b"filter\0", b"INPUT\0"));
        assert!(disturbs(CHAIN_GONE, b"filter\0", b"FORWARD\0"));
        assert!(disturbs(TABLE_GONE, b"filter\0", b"\0"));
        assert!(!disturbs(RULE, b"filter\0", b"PCL-FORWARD\0"));
        assert!(!disturbs(RULE, b"nat\0", b"OUTPUT\0"));
        assert!(!disturbs(CHAIN_GONE, b"filter\0", b"KUBE-FORWARD\0"));
    }
}
