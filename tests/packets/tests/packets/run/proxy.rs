//! The rules that kube-proxy writes for Services in its iptables mode, as far as packets see them.

use std::fmt::Write as _;
use std::net::IpAddr;

use portcullis_packets::fabric::Wiring;

use super::scenario::Scenario;

/// A Service with one pod behind it, by TCP and UDP.
#[derive(Clone, Copy)]
pub struct Service {
    /// Tells its chains from others'.
    pub name: &'static str,
    /// Its cluster address, IPv4 and IPv6.
    pub addresses: [&'static str; 2],
    /// Its port.
    pub port: u16,
    /// The port of each node that leads to it; none.
    pub node_port: Option<u16>,
    /// `NAMESPACE/NAME` of its pod.
    pub pod: &'static str,
    /// The pod's port.
    pub target: u16,
    /// Its `externalTrafficPolicy`.
    pub external: External,
}

/// What becomes of packets from outside the cluster.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum External {
    /// They go to any pod, with the address of the node that they came to.
    Cluster,
    /// They go to pods of that node alone, as they are.
    Local,
}

/// Whose packets to cluster addresses get the address of their node.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Masquerade {
    /// Those of whoever is no pod.
    Strangers,
    /// Everybody's: `--masquerade-all`.
    All,
}

/// All addresses of pods.
const PODS: [&str; 2] = ["10.0.0.0/24", "fd00::/64"];

const CHAINS: &str = "*nat\n:KUBE-SERVICES - [0:0]\n:KUBE-NODEPORTS - [0:0]\n:KUBE-MARK-MASQ - [0:0]\n\
    :KUBE-POSTROUTING - [0:0]\n-F KUBE-SERVICES\n-F KUBE-NODEPORTS\n-F KUBE-MARK-MASQ\n\
    -F KUBE-POSTROUTING\n-F PREROUTING\n-F OUTPUT\n-F POSTROUTING\n\
    -A PREROUTING -j KUBE-SERVICES\n-A OUTPUT -j KUBE-SERVICES\n-A POSTROUTING -j KUBE-POSTROUTING\n\
    -A KUBE-MARK-MASQ -j MARK --or-mark 0x4000\n\
    -A KUBE-POSTROUTING -m mark ! --mark 0x4000/0x4000 -j RETURN\n\
    -A KUBE-POSTROUTING -j MARK --xor-mark 0x4000\n-A KUBE-POSTROUTING -j MASQUERADE\n";

/// Writes the rules of Services on all nodes, in place of those that were there.
pub fn serve(scenario: &Scenario, services: &[Service], masquerade: Masquerade) {
    for (node, at) in scenario.fabric.nodes.iter().zip(0..) {
        for (tool, six) in [("iptables", false), ("ip6tables", true)] {
            let mut text = CHAINS.to_owned();
            for service in services {
                let pod = scenario.address(service.pod, six);
                let here = scenario.fabric.nodes[at].pods.iter().any(|p| p.name == service.pod);
                for protocol in ["tcp", "udp"] {
                    write_port(&mut text, service, (protocol, pod, here), masquerade);
                }
            }
            // Only after the Services themselves: a node's port is the last resort.
            text += "-A KUBE-SERVICES -m addrtype --dst-type LOCAL -j KUBE-NODEPORTS\nCOMMIT\n";
            let tool = format!("{tool}-{}-restore", scenario.backend.name());
            node.host.namespace.feed(&[&tool, "--noflush"], &text).unwrap();
        }
    }
    // kube-proxy sees to it as well: without, packets of one bridge would pass by these rules.
    for node in scenario.fabric.nodes.iter().filter(|_| scenario.wiring == Wiring::Bridged) {
        let switches = ["bridge/bridge-nf-call-iptables", "bridge/bridge-nf-call-ip6tables"];
        node.host.namespace.set(&switches.map(|switch| (switch, "1"))).unwrap();
    }
    scenario.forget();
}

fn write_port(
    text: &mut String,
    service: &Service,
    (protocol, pod, here): (&str, IpAddr, bool),
    masquerade: Masquerade,
) {
    let Service { name, port, target, .. } = service;
    let six = usize::from(pod.is_ipv6());
    let [svc, ext, sep] = ["SVC", "EXT", "SEP"].map(|kind| format!("KUBE-{kind}-{name}{protocol}"));
    let comment = format!("-m comment --comment \"shop/{name}:{protocol} cluster IP\"");
    let asked = format!(
        "-d {} -p {protocol} {comment} -m {protocol} --dport {port}",
        service.addresses[six]
    );
    let strangers = match masquerade {
        Masquerade::All => String::new(),
        Masquerade::Strangers => format!("! -s {} ", PODS[six]),
    };
    let to = if pod.is_ipv6() { format!("[{pod}]:{target}") } else { format!("{pod}:{target}") };
    let _ = write!(
        text,
        ":{svc} - [0:0]\n:{ext} - [0:0]\n:{sep} - [0:0]\n-F {svc}\n-F {ext}\n-F {sep}\n\
         -A KUBE-SERVICES {asked} -j {svc}\n\
         -A {svc} {strangers}{asked} -j KUBE-MARK-MASQ\n-A {svc} -j {sep}\n\
         -A {sep} -s {pod} -j KUBE-MARK-MASQ\n\
         -A {sep} -p {protocol} -j DNAT --to-destination {to}\n"
    );
    let Some(node_port) = service.node_port else { return };
    let _ = writeln!(text, "-A KUBE-NODEPORTS -p {protocol} --dport {node_port} -j {ext}");
    let _ = match (service.external, here) {
        (External::Cluster, _) => writeln!(text, "-A {ext} -j KUBE-MARK-MASQ\n-A {ext} -j {svc}"),
        (External::Local, true) => writeln!(text, "-A {ext} -j {sep}"),
        (External::Local, false) => Ok(()),
    };
}
