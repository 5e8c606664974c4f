//! The kernel's routes, as `/proc` lists them: no tool is asked, and no right is needed.

use std::fs;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::IpNet;

use super::KernelError;

/// Where they are listed, for the network namespace of whoever looks.
const V4: &str = "/proc/thread-self/net/route";
const V6: &str = "/proc/thread-self/net/ipv6_route";

/// Flags of a route.
const UP: u32 = 0x1;
const GATEWAY: u32 = 0x2;
const REJECT: u32 = 0x200;
/// Of IPv6: to an address of this host itself.
const LOCAL: u32 = 0x8000_0000;

/// A route.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Route {
    /// Where it leads.
    pub to: IpNet,
    /// The device that it leaves by.
    pub device: String,
    /// Whether packets go to a gateway, and not to the destination itself.
    pub by_gateway: bool,
}

/// The routes of a host, of both families.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Routes(Vec<Route>);

impl Routes {
    /// Those of this host, or of the network namespace that the thread is in.
    ///
    /// # Errors
    /// If a list cannot be read. A kernel without IPv6 has no such list, and no routes of it.
    pub fn read() -> Result<Self, KernelError> {
        let v4 = fs::read_to_string(V4).map_err(KernelError::while_doing(V4))?;
        let v6 = match fs::read_to_string(V6) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => String::new(),
            read => read.map_err(KernelError::while_doing(V6))?,
        };
        Ok(Self::parse(&v4, &v6))
    }

    /// Those of two lists as `/proc/net/route` and `/proc/net/ipv6_route` have them; lines of
    /// another form are left out.
    pub fn parse(v4: &str, v6: &str) -> Self {
        let v4 = v4.lines().filter_map(read_v4);
        Self(v4.chain(v6.lines().filter_map(read_v6)).collect())
    }

    /// The route to an address: the one to the smallest block that has it.
    pub fn to(&self, address: IpAddr) -> Option<&Route> {
        let leading = self.0.iter().filter(|route| route.to.contains(&address));
        leading.max_by_key(|route| route.to.prefix_len())
    }

    /// All routes.
    pub fn iter(&self) -> impl Iterator<Item = &Route> {
        self.0.iter()
    }
}

/// `Iface Destination Gateway Flags RefCnt Use Metric Mask …`, addresses as the machine has them
/// in memory.
fn read_v4(line: &str) -> Option<Route> {
    let mut words = line.split_ascii_whitespace();
    let mut next = || words.next();
    let (device, to, _gateway, flags) = (next()?, next()?, next()?, next()?);
    let mask = { words }.nth(3)?;
    let address = |hex| Some(Ipv4Addr::from(u32::from_str_radix(hex, 16).ok()?.to_ne_bytes()));
    let flags = u32::from_str_radix(flags, 16).ok()?;
    let to = IpNet::with_netmask(address(to)?.into(), address(mask)?.into()).ok()?;
    route(to, device, flags)
}

/// `destination length source length next-hop metric references use flags device`.
fn read_v6(line: &str) -> Option<Route> {
    let words: Vec<&str> = line.split_ascii_whitespace().collect();
    let [to, length, _, _, _, _, _, _, flags, device] = *words.as_slice() else { return None };
    let length = u8::from_str_radix(length, 16).ok()?;
    let to = Ipv6Addr::from(u128::from_str_radix(to, 16).ok()?);
    let flags = u32::from_str_radix(flags, 16).ok()?;
    if flags & LOCAL != 0 {
        return None;
    }
    route(IpNet::new(to.into(), length).ok()?, device, flags)
}

fn route(to: IpNet, device: &str, flags: u32) -> Option<Route> {
    let leads = flags & UP != 0 && flags & REJECT == 0;
    let by_gateway = flags & GATEWAY != 0;
    leads.then(|| Route { to: to.trunc(), device: device.to_owned(), by_gateway })
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIST_V4: &str = "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\n\
        eth0\t00000000\t0100000A\t0003\t0\t0\t0\t00000000\t0\t0\t0\n\
        cni0\t0001F40A\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0\n\
        veth1\t0501F40A\t00000000\t0005\t0\t0\t0\tFFFFFFFF\t0\t0\t0\n";
    const LIST_V6: &str = "\
        fd000000000000000000000000000005 80 00000000000000000000000000000000 00 \
        00000000000000000000000000000000 00000400 00000001 00000000 00000001    veth1\n\
        00000000000000000000000000000000 00 00000000000000000000000000000000 00 \
        00000000000000000000000000000000 ffffffff 00000001 00000000 00200200       lo\n\
        fe800000000000000000000000000002 80 00000000000000000000000000000000 00 \
        00000000000000000000000000000000 00000000 00000002 00000000 80200001      up0\n";

    #[test]
    fn the_smallest_block_leads() {
        let routes = Routes::parse(LIST_V4, LIST_V6);
        let device = |address: &str| Some(&*routes.to(address.parse().unwrap())?.device);
        assert_eq!(device("10.244.1.5"), Some("veth1"));
        assert_eq!(device("10.244.1.6"), Some("cni0"));
        assert_eq!(device("192.0.2.1"), Some("eth0"));
        assert_eq!(device("fd00::5"), Some("veth1"));
        assert_eq!(device("fd00::6"), None, "what is rejected leads nowhere");
        assert!(routes.to("192.0.2.1".parse().unwrap()).unwrap().by_gateway);
        assert_eq!(Routes::parse("x\n\ny z", "1 2 3"), Routes::default());
    }
}
