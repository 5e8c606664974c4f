//! IPVS, which forwards to Services inside the kernel.

use std::fs;
use std::net::IpAddr;

use portcullis_engine::dataplane::PortMember;
use portcullis_engine::net::Protocol;
use portcullis_engine::shared::Sorted;

use super::{KernelError, devices};

/// Where the Services of a network namespace are listed.
const LIST: &str = "/proc/thread-self/net/ip_vs";

/// The device that holds the addresses of Services where kube-proxy uses IPVS.
const DEVICE: &str = "kube-ipvs0";

/// Addresses and ports of the Services that this host's kernel forwards; none if it has no IPVS,
/// or no use for it.
///
/// # Errors
/// If a list that is there cannot be read.
pub fn services() -> Result<Option<Sorted<PortMember>>, KernelError> {
    let of_proxy = devices::names()?.iter().any(|name| name == DEVICE);
    match fs::read_to_string(LIST) {
        Ok(list) => {
            let services = parse(&list);
            Ok((of_proxy || !services.is_empty()).then_some(services))
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            Ok(of_proxy.then(Sorted::default))
        }
        Err(error) => Err(KernelError::while_doing(LIST)(error)),
    }
}

/// Lines such as `TCP  0A600001:01BB rr` and `UDP  [fd00:…:0001]:0035 rr`; endpoints are indented,
/// and Services by mark have no address.
fn parse(list: &str) -> Sorted<PortMember> {
    list.lines().filter_map(service).collect()
}

fn service(line: &str) -> Option<PortMember> {
    let (protocol, rest) = line.split_once(' ')?;
    let protocol = Protocol::from_name(protocol)?;
    let (address, port) = rest.split_ascii_whitespace().next()?.rsplit_once(':')?;
    let address = match address.strip_prefix('[') {
        Some(v6) => IpAddr::V6(v6.strip_suffix(']')?.parse().ok()?),
        None => IpAddr::from(u32::from_str_radix(address, 16).ok()?.to_be_bytes()),
    };
    Some((address, protocol, u16::from_str_radix(port, 16).ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn services_are_read_and_endpoints_are_not() {
        let list = "IP Virtual Server version 1.2.1 (size=4096)\n\
            Prot LocalAddress:Port Scheduler Flags\n\
            \x20 -> RemoteAddress:Port Forward Weight ActiveConn InActConn\n\
            TCP  0A600001:01BB rr \n\
            \x20 -> 0A00000A:192B      Masq    1      0          0\n\
            UDP  [fd00:0096:0000:0000:0000:0000:0000:000a]:0035 rr \n\
            FWM  00000001 rr\n";
        let service = |address: &str, protocol, port| (address.parse().unwrap(), protocol, port);
        let expected =
            [service("10.96.0.1", Protocol::Tcp, 443), service("fd00:96::a", Protocol::Udp, 53)];
        assert_eq!(parse(list), expected.into_iter().collect());
    }
}
