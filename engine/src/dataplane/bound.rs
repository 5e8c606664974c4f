//! Which host endpoint of a node is for which of its interfaces.

use std::collections::BTreeMap;

use super::lower::Input;
use super::wiring::Interface;
use crate::manifest::Mode;
use crate::manifest::calico::HostAction;
use crate::policy::CompiledHost;

/// A node's host endpoints, at its interfaces.
#[derive(Clone, Debug)]
pub struct Bound<'h> {
    /// Interfaces with a host endpoint of their own, sorted by name; none of them leads to pods.
    pub own: Vec<(Interface, &'h CompiledHost)>,
    /// That for all others.
    pub for_all: Option<&'h CompiledHost>,
    /// What becomes of what pods send to this node.
    pub to_host: HostAction,
}

/// The host endpoints of a node; none if it has none, or nothing is enforced.
///
/// # Source
/// Calico §7: of several for one interface the first by name counts. One that names an interface is
/// for no other, whatever addresses it lists.
pub fn bound<'i>(input: Input<'i>) -> Option<Bound<'i>> {
    let Input { policies, node, wiring, settings, .. } = input;
    let host = wiring.host.as_ref().filter(|_| settings.mode == Mode::Enforce)?;
    let mut for_all = None;
    let mut own: BTreeMap<Interface, &CompiledHost> = BTreeMap::new();
    // By name, so that the first one stays.
    for endpoint in policies.hosts().of_node(node) {
        if endpoint.place.is_for_all() {
            for_all.get_or_insert(endpoint);
            continue;
        }
        let interfaces: Vec<Interface> = match endpoint.place.interface.as_deref() {
            // A `+` would stand for several.
            Some(name) if name.ends_with('+') => continue,
            Some(name) => name.parse().into_iter().collect(),
            None => {
                let has = |address| endpoint.place.addresses.contains(address);
                let known = host.interfaces.iter();
                let holding = known.filter(|(_, addresses)| addresses.iter().any(has));
                holding.map(|(name, _)| name.clone()).collect()
            }
        };
        for interface in interfaces {
            own.entry(interface).or_insert(endpoint);
        }
    }
    let of_pods = |interface: &Interface| {
        let mut all = wiring.pods.iter().chain(&wiring.forwarders);
        all.any(|pods| pods.contains(interface.as_str()))
    };
    let own: Vec<_> = own.into_iter().filter(|(interface, _)| !of_pods(interface)).collect();
    let any = own.first().map(|(_, endpoint)| *endpoint).or(for_all)?;
    Some(Bound { own, for_all, to_host: any.to_host.unwrap_or(host.to_host) })
}
