//! Where this node's pods are attached: the devices that lead to them, which the kernel's routes
//! tell. What comes in or goes out there with an address that no pod of the node has is denied.
//!
//! Pods come and go all the time, and the device of a new one is there before the API server knows
//! its address. So where networks name such devices by a pattern (`veth…`, `cali…`), all of that
//! pattern are taken, unless one of them leads elsewhere.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::Arc;

use portcullis_engine::cluster::{ClusterModel, GroupId};
use portcullis_engine::dataplane::{HostWiring, Interface, Wiring};
use portcullis_engine::manifest::calico::HostAction;

use crate::kernel::interfaces::{self, Interfaces};
use crate::kernel::{Guard, KernelError, Routes, devices, ipvs};

/// What networks call the devices of pods before what tells them apart.
const PATTERNS: [&str; 6] = ["azv", "cali", "eni", "gke", "lxc", "veth"];

/// Which devices lead to pods.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum PodInterfaces {
    /// Those that the kernel's routes lead to pods by.
    #[default]
    Routes,
    /// None is asked for: addresses alone decide.
    Off,
    /// These.
    Named(Vec<Interface>),
}

/// At which devices of pods senders' addresses are compared with the kernel's routes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum SpoofGuard {
    /// Where each pod has a device of its own, and at those that are named.
    #[default]
    Auto,
    /// At all that are known.
    On,
    /// At none.
    Off,
}

/// Whether policies of HostEndpoints are enforced.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum HostEndpoints {
    /// Those of the node's HostEndpoints.
    #[default]
    Objects,
    /// These, and those of one for all interfaces that the node is taken to have, with its labels.
    Auto,
    /// None.
    Off,
}

/// Pods that forward for others, by namespace and labels.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ForwardingPods {
    namespace: String,
    /// All of which a pod must have; at least one.
    labels: Vec<(String, String)>,
}

/// A pod of the node: its group and addresses.
pub type LocalPod = (GroupId, Arc<[IpAddr]>);

/// Where pods are attached, as it was found last.
#[derive(Debug, Default)]
pub struct Attachment {
    interfaces: PodInterfaces,
    spoof_guard: SpoofGuard,
    forwarding: Vec<ForwardingPods>,
    /// The node whose HostEndpoints are enforced; none if they are not.
    host: Option<String>,
    /// Whether they are not to be enforced now, though they would be.
    is_host_put_off: bool,
    pods: Vec<LocalPod>,
    found: Found,
}

/// What was found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Found {
    wiring: Wiring,
    guard: Guard,
    notes: Vec<String>,
}

impl Attachment {
    /// Nothing found yet.
    pub fn new(
        interfaces: PodInterfaces,
        spoof_guard: SpoofGuard,
        forwarding: Vec<ForwardingPods>,
    ) -> Self {
        Self { interfaces, spoof_guard, forwarding, ..Self::default() }
    }

    /// The same, with the HostEndpoints of a node.
    #[must_use]
    pub fn with_host(self, node: &str, endpoints: HostEndpoints) -> Self {
        let host = (endpoints != HostEndpoints::Off).then(|| node.to_owned());
        Self { host, ..self }
    }

    /// Has HostEndpoints enforced, or not, from the next look on.
    pub fn try_host(&mut self, tries: bool) {
        self.is_host_put_off = !tries;
    }

    /// How pods are attached.
    pub fn wiring(&self) -> &Wiring {
        &self.found.wiring
    }

    /// What they may never send.
    pub fn guard(&self) -> &Guard {
        &self.found.guard
    }

    /// What the devices do not tell, each as a sentence for the operator; often none.
    pub fn notes(&self) -> &[String] {
        &self.found.notes
    }

    /// Looks where pods are, if they are others than before; whether that changed anything.
    ///
    /// # Errors
    /// If the kernel's lists cannot be read. What was found before still holds then.
    pub fn follow<'p>(
        &mut self,
        model: &ClusterModel,
        pods: impl Iterator<Item = (GroupId, &'p Arc<[IpAddr]>)>,
    ) -> Result<bool, KernelError> {
        let pods: Vec<LocalPod> = pods.map(|(group, own)| (group, own.clone())).collect();
        let is_hosted = self.host_of(model).is_some() == self.found.wiring.host.is_some();
        if pods == self.pods && is_hosted {
            return Ok(false);
        }
        self.pods = pods;
        self.look(model)
    }

    /// Looks again, since devices may be others; whether that changed anything.
    ///
    /// # Errors
    /// If the kernel's lists cannot be read. What was found before still holds then.
    pub fn look(&mut self, model: &ClusterModel) -> Result<bool, KernelError> {
        let (routes, services) = (Routes::read()?, ipvs::services()?);
        let mut found = self.find(model, &routes);
        found.wiring.services = services;
        if self.host_of(model).is_some() {
            found.wiring.host = Some(host_wiring(interfaces::of_host()?));
        }
        found.notes.extend(self.absent(&devices::names()?));
        let changed = found != self.found;
        self.found = found;
        Ok(changed)
    }

    /// The node, if it has HostEndpoints that are to be enforced.
    fn host_of(&self, model: &ClusterModel) -> Option<&str> {
        let node = self.host.as_deref().filter(|_| !self.is_host_put_off)?;
        model.calico.hosts.all.iter().any(|host| *host.node == *node).then_some(node)
    }

    /// Says which devices are named and not there; while there are no pods, there need be none.
    fn absent(&self, devices: &[String]) -> Option<String> {
        let PodInterfaces::Named(named) = &self.interfaces else { return None };
        let is_absent = |name: &&Interface| !devices.iter().any(|device| name.contains(device));
        let absent: Vec<&str> = named.iter().filter(is_absent).map(Interface::as_str).collect();
        (!absent.is_empty() && !self.pods.is_empty()).then(|| {
            format!("no device of this node is called {} (--pod-interfaces)", absent.join(", "))
        })
    }

    fn find(&self, model: &ClusterModel, routes: &Routes) -> Found {
        let links = Links::of(&self.pods, routes);
        let mut found = Found::default();
        found.wiring.pods = match &self.interfaces {
            PodInterfaces::Off => return found,
            PodInterfaces::Named(named) => named.clone(),
            PodInterfaces::Routes => {
                found.notes.extend(links.unknown_note());
                links.interfaces(routes)
            }
        };
        self.exempt_forwarding(model, &links, &mut found);
        let pods = found.wiring.pods.clone();
        found.guard.exempt.clone_from(&found.wiring.forwarders);
        found.guard.tunnels.clone_from(&pods);
        if self.guards_addresses(&links) {
            found.guard.spoofing = pods;
        } else if self.spoof_guard == SpoofGuard::Auto
            && let Some(shared) = links.shared.first()
        {
            found.notes.push(format!(
                "address spoofing is not prevented: pods share {shared} (--spoof-guard on \
                 compares senders with the node's routes there too)"
            ));
        }
        found
    }

    fn guards_addresses(&self, links: &Links<'_>) -> bool {
        match self.spoof_guard {
            SpoofGuard::On => true,
            SpoofGuard::Off => false,
            SpoofGuard::Auto => match self.interfaces {
                PodInterfaces::Named(_) => true,
                _ => !links.own.is_empty() && links.shared.is_empty(),
            },
        }
    }

    fn exempt_forwarding(&self, model: &ClusterModel, links: &Links<'_>, found: &mut Found) {
        for (group, addresses) in &self.pods {
            if !self.forwarding.iter().any(|pods| pods.contains(model, *group)) {
                continue;
            }
            let device = addresses.iter().find_map(|address| links.own.get(address));
            match device.and_then(|device| device.parse().ok()) {
                Some(device) => found.wiring.forwarders.push(device),
                None => found.notes.extend(addresses.first().map(|address| {
                    format!(
                        "the forwarding pod at {address} has no device of its own: only packets \
                         with its own address pass"
                    )
                })),
            }
        }
        found.wiring.forwarders.sort_unstable();
        found.wiring.forwarders.dedup();
    }
}

/// The node's interfaces. What a cluster's settings do not say, a node without Calico allows: pods
/// may reach their node.
fn host_wiring(interfaces: Interfaces) -> HostWiring {
    let named = interfaces.into_iter();
    // What iptables would not take as a name no HostEndpoint has either.
    let interfaces = named.filter_map(|(name, own)| Some((name.parse().ok()?, own))).collect();
    HostWiring { interfaces, to_host: HostAction::Accept }
}

/// Devices that lead to pods.
#[derive(Debug, Default)]
struct Links<'r> {
    /// Devices of one pod each, by the pod's addresses.
    own: BTreeMap<IpAddr, &'r str>,
    /// Devices of several pods, or of more than pods.
    shared: Vec<&'r str>,
    /// Pods' addresses to which no device of pods leads.
    unknown: Vec<IpAddr>,
}

impl<'r> Links<'r> {
    fn of(pods: &[LocalPod], routes: &'r Routes) -> Self {
        let uplinks: BTreeSet<&str> = routes
            .iter()
            .filter(|route| route.to.prefix_len() == 0)
            .map(|route| &*route.device)
            .collect();
        let mut links = Self::default();
        let mut by_device: BTreeMap<&str, BTreeSet<usize>> = BTreeMap::new();
        let mut led = Vec::new();
        for (at, (_, addresses)) in pods.iter().enumerate() {
            for &address in addresses.iter() {
                let route = routes.to(address).filter(|route| !route.by_gateway);
                match route.filter(|route| !uplinks.contains(&*route.device)) {
                    Some(route) => {
                        by_device.entry(&route.device).or_default().insert(at);
                        led.push((address, &*route.device));
                    }
                    None => links.unknown.push(address),
                }
            }
        }
        let blocks: BTreeSet<&str> = leading_to_blocks(routes).collect();
        let is_own = |device: &str| {
            !blocks.contains(device) && by_device.get(device).is_some_and(|pods| pods.len() == 1)
        };
        links.shared = by_device.keys().copied().filter(|device| !is_own(device)).collect();
        links.own = led.into_iter().filter(|(_, device)| is_own(device)).collect();
        links
    }

    /// All of them, by pattern where the devices of that pattern lead to single pods alone.
    fn interfaces(&self, routes: &Routes) -> Vec<Interface> {
        let elsewhere: BTreeSet<&str> = leading_to_blocks(routes).collect();
        let pattern = |device: &str| {
            let pattern = PATTERNS.into_iter().find(|pattern| device.starts_with(pattern));
            let pattern = pattern.or_else(|| before_number(device))?;
            let fits = !elsewhere.iter().any(|device| device.starts_with(pattern));
            fits.then(|| format!("{pattern}+"))
        };
        let own: BTreeSet<&str> = self.own.values().copied().collect();
        let own = own.into_iter().map(|device| pattern(device).unwrap_or_else(|| device.into()));
        let shared = self.shared.iter().map(|device| (*device).to_owned());
        let names: BTreeSet<String> = own.chain(shared).collect();
        // What iptables would not take as a name cannot be one of a device either.
        names.into_iter().filter_map(|name| name.parse().ok()).collect()
    }

    fn unknown_note(&self) -> Option<String> {
        let first = self.unknown.first()?;
        let more = match self.unknown.len() - 1 {
            0 => String::new(),
            more => format!(" and {more} more"),
        };
        Some(format!(
            "no device of pods leads to {first}{more}: only its address decides (--pod-interfaces \
             names the device)"
        ))
    }
}

/// Devices by which more is reached than single hosts, or by a gateway.
fn leading_to_blocks(routes: &Routes) -> impl Iterator<Item = &str> {
    let blocks = routes.iter().filter(|route| {
        let to = route.to;
        let link_local = match to.network() {
            IpAddr::V4(v4) => v4.is_link_local() || v4.is_multicast(),
            IpAddr::V6(v6) => v6.is_unicast_link_local() || v6.is_multicast(),
        };
        !link_local && (route.by_gateway || to.prefix_len() < to.max_prefix_len())
    });
    blocks.map(|route| &*route.device)
}

/// The letters before a number that ends the name, such as `tap` of `tap12`.
fn before_number(device: &str) -> Option<&str> {
    let word = device.trim_end_matches(|letter: char| letter.is_ascii_digit());
    let plain = !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_alphabetic());
    (plain && word.len() < device.len()).then_some(word)
}

impl ForwardingPods {
    fn contains(&self, model: &ClusterModel, group: GroupId) -> bool {
        let Some(group) = model.groups.get(group) else { return false };
        let has = |(key, value): &(String, String)| {
            group.labels.iter().any(|(known, is)| **known == **key && **is == **value)
        };
        model.namespace_name(group.namespace) == self.namespace && self.labels.iter().all(has)
    }
}

impl std::str::FromStr for PodInterfaces {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "auto" => Ok(Self::Routes),
            "off" => Ok(Self::Off),
            _ => {
                let name = |name: &str| {
                    name.parse().map_err(|error| format!("`{name}` is {error}, `auto` or `off`"))
                };
                text.split(',').map(name).collect::<Result<_, _>>().map(Self::Named)
            }
        }
    }
}

impl std::str::FromStr for ForwardingPods {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("`{text}` is not NAMESPACE/KEY=VALUE, with more after commas");
        let (namespace, labels) = text.split_once('/').ok_or_else(wrong)?;
        let label = |label: &str| {
            let (key, value) = label.split_once('=')?;
            (!key.is_empty()).then(|| (key.to_owned(), value.to_owned()))
        };
        let labels: Option<Vec<_>> = labels.split(',').map(label).collect();
        let labels = labels.filter(|_| !namespace.is_empty()).ok_or_else(wrong)?;
        Ok(Self { namespace: namespace.to_owned(), labels })
    }
}

#[cfg(test)]
mod tests {
    use portcullis_engine::{Change, Options, Session, SourceFile};

    use super::*;

    const DEFAULT: &str = "Iface\nup0 00000000 0100000A 0003 0 0 0 00000000 0 0 0\n";

    /// A route to 10.0.0.LAST, or to 10.0.0.0/24.
    fn line(device: &str, last: u8, single: bool) -> String {
        let (to, mask) = if single { (last, "FFFFFFFF") } else { (0, "00FFFFFF") };
        format!("{device} {to:02X}00000A 00000000 0001 0 0 0 {mask} 0 0 0\n")
    }

    fn routes(lines: &[(&str, u8, bool)]) -> Routes {
        let lines = lines.iter().map(|(device, last, single)| line(device, *last, *single));
        Routes::parse(&format!("{DEFAULT}{}", lines.collect::<String>()), "")
    }

    fn session() -> Session {
        let pod = |n: u8| {
            format!(
                "{{apiVersion: v1, kind: Pod, metadata: {{name: p{n}, namespace: vpn, \
                 labels: {{app: 'a{n}'}}}}, spec: {{nodeName: n1, containers: []}}, \
                 status: {{phase: Running, podIP: 10.0.0.{n}}}}}\n---\n"
            )
        };
        let text: String = (1..=3).map(pod).collect();
        let file = SourceFile::new("all.yaml", text.as_bytes());
        Session::new(Options::default()).apply(vec![Change::Put(file)])
    }

    fn found(routes: &Routes, forwarding: &[&str], named: PodInterfaces) -> Found {
        let forwarding = forwarding.iter().map(|text| text.parse().unwrap()).collect();
        let session = session();
        let mut attachment = Attachment::new(named, SpoofGuard::Auto, forwarding);
        let pods = session.model().endpoints.iter();
        attachment.pods = pods
            .map(|(_, pod)| {
                let portcullis_engine::cluster::Addresses::Known(own) = &pod.addresses else {
                    panic!("no address")
                };
                (pod.group.unwrap(), own.clone())
            })
            .collect();
        attachment.find(session.model(), routes)
    }

    fn names(interfaces: &[Interface]) -> Vec<&str> {
        interfaces.iter().map(Interface::as_str).collect()
    }

    #[test]
    fn devices_of_single_pods_are_taken_by_pattern() {
        let all = [("veth1a", 1, true), ("vethb2", 2, true), ("tap7", 3, true)];
        let found = found(&routes(&all), &["vpn/app=a2"], PodInterfaces::Routes);
        assert_eq!(names(&found.wiring.pods), ["tap+", "veth+"]);
        assert_eq!(names(&found.wiring.forwarders), ["vethb2"]);
        assert_eq!(found.guard.spoofing, found.wiring.pods);
        assert_eq!(found.guard.exempt, found.wiring.forwarders);
        assert!(found.notes.is_empty(), "{:?}", found.notes);
    }

    #[test]
    fn a_pattern_that_leads_elsewhere_too_is_not_taken() {
        let all = [("tap1", 1, true), ("tap2", 2, true), ("tap3", 3, true), ("tap9", 0, false)];
        let found = found(&routes(&all), &[], PodInterfaces::Routes);
        assert_eq!(names(&found.wiring.pods), ["tap1", "tap2", "tap3"]);
    }

    #[test]
    fn a_bridge_is_named_and_shared() {
        let found = found(&routes(&[("cni0", 0, false)]), &["vpn/app=a2"], PodInterfaces::Routes);
        assert_eq!(names(&found.wiring.pods), ["cni0"]);
        assert!(found.guard.spoofing.is_empty() && found.wiring.forwarders.is_empty());
        let [forwarding, spoofing] = &*found.notes else { panic!("{:?}", found.notes) };
        assert!(forwarding.contains("10.0.0.2 has no device of its own"), "{forwarding}");
        assert!(spoofing.contains("pods share cni0"), "{spoofing}");
    }

    #[test]
    fn the_way_to_everybody_is_no_device_of_pods() {
        let found = found(&routes(&[("up0", 0, false)]), &[], PodInterfaces::Routes);
        assert!(found.wiring.pods.is_empty());
        assert!(found.notes[0].contains("10.0.0.1 and 2 more"), "{:?}", found.notes);
        let named = "up0,veth+".parse().unwrap();
        let found = self::found(&routes(&[("up0", 0, false)]), &[], named);
        assert_eq!(names(&found.wiring.pods), ["up0", "veth+"]);
        assert_eq!(found.guard.spoofing, found.wiring.pods);
    }

    #[test]
    fn named_devices_that_are_not_there_are_noted() {
        let named = "cni0,veth+,gone0".parse().unwrap();
        let mut attachment = Attachment::new(named, SpoofGuard::Auto, Vec::new());
        let devices = ["lo", "cni0"].map(str::to_owned);
        assert_eq!(attachment.absent(&devices), None, "no pod is here yet");
        let session = session();
        let groups = session.model().endpoints.values().filter_map(|pod| pod.group);
        attachment.pods = groups.map(|group| (group, Vec::new().into())).collect();
        let note = attachment.absent(&devices).unwrap();
        assert_eq!(note, "no device of this node is called veth+, gone0 (--pod-interfaces)");
        assert_eq!(attachment.absent(&["cni0", "veth1", "gone0"].map(str::to_owned)), None);
    }

    #[test]
    fn texts_are_read() {
        assert_eq!("auto".parse(), Ok(PodInterfaces::Routes));
        assert_eq!("off".parse(), Ok(PodInterfaces::Off));
        assert!("veth*".parse::<PodInterfaces>().unwrap_err().contains("`veth*` is not a valid"));
        for bad in ["vpn", "/a=b", "vpn/", "vpn/a", "vpn/=b", "vpn/a=b,"] {
            assert!(bad.parse::<ForwardingPods>().is_err(), "{bad}");
        }
        assert!("vpn/app=gateway,tier=".parse::<ForwardingPods>().is_ok());
    }
}
