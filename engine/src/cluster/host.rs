//! Host endpoints, and what Calico's settings say of them.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;

use super::group::PodLabels;
use super::{ItemLabels, Node};
use crate::manifest::calico::{CalicoBody, Failsafe, FelixSettings, HostAction, HostEndpoint};
use crate::manifest::{Body, CalicoKind, Direction, LabelList, Meta, Object};
use crate::net::{Family, Protocol};
use crate::source::Span;

/// Host endpoints, profiles and settings of an input.
#[derive(Clone, Debug, Default)]
pub struct Hosts {
    /// Host endpoints, sorted by name: of several for one interface the first one counts.
    pub all: Vec<HostPlace>,
    /// Profiles by name.
    pub profiles: BTreeMap<Arc<str>, Arc<Object>>,
    /// Settings by name: `default` for all nodes, `node.NAME` for one.
    settings: BTreeMap<Arc<str>, FelixSettings>,
}

/// A host endpoint.
#[derive(Clone, Debug)]
pub struct HostPlace {
    /// The object.
    pub object: Arc<Object>,
    /// The node's name.
    pub node: Arc<str>,
    /// The interface's name, `*` for all that have no other; none: that which has an address.
    pub interface: Option<Arc<str>>,
    /// Its addresses.
    pub addresses: Vec<IpAddr>,
    /// Its labels and those that it has from profiles, sorted by key.
    pub labels: LabelList,
    /// Names of its profiles, in order.
    pub profiles: Vec<Arc<str>>,
    /// Names of its ports.
    pub port_names: Vec<Arc<str>>,
}

/// Ports that are open unless settings say otherwise, into a host and out of it.
///
/// # Source
/// Calico §7.
const BOTH_WAYS: [(Protocol, u16); 7] = [
    (Protocol::Tcp, 179),
    (Protocol::Tcp, 2379),
    (Protocol::Tcp, 2380),
    (Protocol::Tcp, 5473),
    (Protocol::Tcp, 6443),
    (Protocol::Tcp, 6666),
    (Protocol::Tcp, 6667),
];
/// Those that are so into a host alone.
const INBOUND: [(Protocol, u16); 2] = [(Protocol::Tcp, 22), (Protocol::Udp, 68)];
/// Those that are so out of a host alone.
const OUTBOUND: [(Protocol, u16); 2] = [(Protocol::Udp, 53), (Protocol::Udp, 67)];
/// The settings that all nodes have.
const OF_ALL: &str = "default";
/// What the name of a node's settings begins with.
const OF_NODE: &str = "node.";

impl Hosts {
    /// Those of some objects, and one for each of some nodes.
    pub(super) fn new(objects: &[Arc<Object>], nodes: &[Node]) -> Self {
        let mut hosts = Self::default();
        for object in objects {
            let name = object.meta.name.clone();
            match &object.body {
                Body::Calico(_, CalicoBody::Profile(_)) => {
                    hosts.profiles.insert(name, Arc::clone(object));
                }
                Body::Calico(_, CalicoBody::Felix(settings)) => {
                    hosts.settings.insert(name, settings.clone());
                }
                _ => {}
            }
        }
        let automatic: Vec<Arc<Object>> = nodes.iter().filter_map(automatic).collect();
        let all = objects.iter().chain(&automatic);
        hosts.all = all.filter_map(|object| hosts.place(object)).collect();
        hosts.all.sort_by(|a, b| a.object.meta.name.cmp(&b.object.meta.name));
        hosts
    }

    fn place(&self, object: &Arc<Object>) -> Option<HostPlace> {
        let Body::Calico(_, CalicoBody::HostEndpoint(host)) = &object.body else { return None };
        let mut labels = object.meta.labels.clone();
        for profile in host.profiles.iter().filter_map(|name| self.profiles.get(name)) {
            let Body::Calico(_, CalicoBody::Profile(profile)) = &profile.body else { continue };
            for (key, value) in profile.labels.iter() {
                if let Err(at) = labels.binary_search_by(|(own, _)| own.cmp(key)) {
                    labels.insert(at, (key.clone(), value.clone()));
                }
            }
        }
        Some(HostPlace {
            object: Arc::clone(object),
            node: host.node.clone(),
            interface: host.interface.clone(),
            addresses: host.addresses.iter().map(IpAddr::to_canonical).collect(),
            labels,
            profiles: host.profiles.clone(),
            port_names: host.port_names.clone(),
        })
    }

    /// Ports that stay open on a node, whatever policies of hosts say.
    pub fn failsafes(&self, node: &str, direction: Direction) -> Vec<Failsafe> {
        let own = |settings: &FelixSettings| match direction {
            Direction::Ingress => settings.inbound.clone(),
            Direction::Egress => settings.outbound.clone(),
        };
        let built_in = match direction {
            Direction::Ingress => INBOUND,
            Direction::Egress => OUTBOUND,
        };
        let failsafe = |(protocol, port)| Failsafe { protocol, port, net: None };
        let built_in = || built_in.into_iter().chain(BOTH_WAYS).map(failsafe).collect();
        self.setting(node, own).unwrap_or_else(built_in)
    }

    /// What becomes of what a pod sends to its own node; none if no settings say it.
    pub fn to_host(&self, node: &str) -> Option<HostAction> {
        self.setting(node, |settings| settings.to_host)
    }

    fn setting<T>(&self, node: &str, of: impl Fn(&FelixSettings) -> Option<T>) -> Option<T> {
        let own = self.settings.get(&*format!("{OF_NODE}{node}"));
        [own, self.settings.get(OF_ALL)].into_iter().flatten().find_map(of)
    }
}

/// The profile of automatic host endpoints: it allows everything that no policy is about.
pub const DEFAULT_ALLOW: &str = "projectcalico-default-allow";

/// The host endpoint that Calico's controllers would make for a node, if it is declared.
///
/// # Source
/// Calico §7.
fn automatic(node: &Node) -> Option<Arc<Object>> {
    if !node.declared {
        return None;
    }
    let mut labels = node.labels.clone();
    let made = ("projectcalico.org/created-by".into(), "calico-kube-controllers".into());
    if let Err(at) = labels.binary_search_by(|(key, _): &(Arc<str>, _)| key.cmp(&made.0)) {
        labels.insert(at, made);
    }
    let host = HostEndpoint {
        node: node.name.clone(),
        interface: Some("*".into()),
        addresses: node.addresses.clone(),
        profiles: vec![DEFAULT_ALLOW.into()],
        port_names: Vec::new(),
    };
    let meta = Meta { name: format!("{}-auto-hep", node.name).into(), labels, ..Meta::default() };
    let body = Body::Calico(CalicoKind::HostEndpoint, CalicoBody::HostEndpoint(host));
    Some(Arc::new(Object { meta, body, span: Span::default(), closed: None }))
}

impl HostPlace {
    /// Its name.
    pub fn name(&self) -> &Arc<str> {
        &self.object.meta.name
    }

    /// Whether it is for all interfaces that have no other.
    pub fn is_for_all(&self) -> bool {
        self.interface.as_deref() == Some("*")
    }

    /// Whether it says which addresses of a family its interface has.
    pub fn has_family(&self, family: Family) -> bool {
        self.addresses.iter().any(|address| Family::of(*address) == family)
    }

    /// Its labels, as Calico's selectors see them.
    pub fn item_labels(&self) -> ItemLabels<'_> {
        let own = PodLabels { labels: &self.labels, hidden: &[] };
        ItemLabels { own, namespace: None, account: None, is_pod: false }
    }
}
