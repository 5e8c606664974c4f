//! The network interfaces of this host with their addresses, asked of the kernel by netlink: no list
//! in `/proc` says which interface has which IPv4 address.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::Duration;

use rustix::io::Errno;

use super::KernelError;
use super::netlink::{BUFFER, DUMP, Head, Message, Request, Socket, attributes, messages};

/// Kinds of messages of netlink's part for routes and links.
const NEW_LINK: u16 = 16;
const GET_LINK: u16 = 18;
const NEW_ADDRESS: u16 = 20;
const GET_ADDRESS: u16 = 22;

/// What stands before the attributes of a link, and of an address.
const LINK_HEADER: usize = 16;
const ADDRESS_HEADER: usize = 8;

/// Attributes: the link's name; an address, and on a link to a single peer the own one.
const LINK_NAME: u16 = 3;
const ADDRESS: u16 = 1;
const OWN_ADDRESS: u16 = 2;

/// The kernel answers at once, or not at all.
const PATIENCE: Duration = Duration::from_secs(5);

/// What is asked, for the kernel's errors.
const ASKED: &str = "the list of network interfaces";

/// Interfaces with their addresses, by name; those without addresses too.
pub type Interfaces = BTreeMap<String, Vec<IpAddr>>;

/// Those of the network namespace of whoever asks.
///
/// # Errors
/// If the kernel does not list them.
pub fn of_host() -> Result<Interfaces, KernelError> {
    read().map_err(KernelError::while_doing(ASKED))
}

fn read() -> Result<Interfaces, Errno> {
    let socket = Socket::of_routes()?.patient(PATIENCE)?;
    let mut names: BTreeMap<u32, String> = BTreeMap::new();
    ask(&socket, GET_LINK, |message| names.extend(link(message)))?;
    let mut all: Interfaces = names.values().map(|name| (name.clone(), Vec::new())).collect();
    ask(&socket, GET_ADDRESS, |message| {
        let Some((index, address)) = address(message) else { return };
        if let Some(own) = names.get(&index).and_then(|name| all.get_mut(name)) {
            own.push(address);
        }
    })?;
    all.values_mut().for_each(|own| own.sort_unstable());
    Ok(all)
}

fn ask(socket: &Socket, kind: u16, mut each: impl FnMut(&Message<'_>)) -> Result<(), Errno> {
    let sequence = u32::from(kind);
    let head = Head { kind, flags: DUMP, sequence, family: 0, resource: 0 };
    socket.send(&Request::new(head).bytes())?;
    let mut buffer = vec![0; BUFFER];
    loop {
        for message in messages(socket.receive(&mut buffer)?) {
            if message.sequence != sequence {
                continue;
            }
            if let Some(end) = message.end() {
                return end;
            }
            each(&message);
        }
    }
}

/// The number and the name of a link.
fn link(message: &Message<'_>) -> Option<(u32, String)> {
    if message.kind != NEW_LINK {
        return None;
    }
    let body = message.body();
    let index = u32::from_ne_bytes(*body.get(4..)?.first_chunk()?);
    let (_, name) = attributes(body.get(LINK_HEADER..)?).find(|(kind, _)| *kind == LINK_NAME)?;
    let name = name.strip_suffix(&[0]).unwrap_or(name);
    Some((index, String::from_utf8(name.to_vec()).ok()?))
}

/// An address, and the number of its link.
fn address(message: &Message<'_>) -> Option<(u32, IpAddr)> {
    if message.kind != NEW_ADDRESS {
        return None;
    }
    let body = message.body();
    let index = u32::from_ne_bytes(*body.get(4..)?.first_chunk()?);
    let all = || attributes(body.get(ADDRESS_HEADER..).unwrap_or_default());
    let of = |wanted: u16| all().find(|(kind, _)| *kind == wanted).map(|(_, value)| value);
    // On a link to a single peer, the other attribute is the peer's.
    let value = of(OWN_ADDRESS).or_else(|| of(ADDRESS))?;
    let address = match value.len() {
        4 => IpAddr::from(Ipv4Addr::from(*value.first_chunk::<4>()?)),
        16 => IpAddr::from(Ipv6Addr::from(*value.first_chunk::<16>()?)),
        _ => return None,
    };
    Some((index, address))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_loopback_has_its_address() {
        let all = of_host().unwrap();
        let own = all.get("lo").unwrap();
        // A namespace without it up has no address.
        assert!(own.is_empty() || own.contains(&IpAddr::from([127, 0, 0, 1])), "{all:?}");
    }

    #[test]
    fn messages_of_other_kinds_and_cut_ones_are_left_out() {
        let bytes =
            Request::new(Head { kind: NEW_ADDRESS, flags: 0, sequence: 1, family: 2, resource: 0 });
        let bytes = bytes.bytes();
        let all: Vec<_> = messages(&bytes).collect();
        assert_eq!(all.len(), 1);
        assert_eq!(address(&all[0]), None);
        assert_eq!(link(&all[0]), None);
    }
}
