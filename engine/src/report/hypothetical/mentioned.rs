//! What policies and questions can distinguish pods by.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::manifest::{Action, PortMatch};
use crate::net::{AddrSet, ConnSet, Protocol};
use crate::policy::{PolicySet, Scope, SetId};
use crate::selector::Selector;
use crate::session::Session;

/// Pods of some namespaces, by labels of both.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Selection {
    /// The namespaces.
    pub namespaces: Selector,
    /// The pods.
    pub pods: Selector,
}

/// Everything that tells pods apart.
#[derive(Clone, Debug, Default)]
pub struct Mentioned {
    /// Selectors of pods of one namespace, by its name: a policy in it makes an entry.
    pub own: BTreeMap<Arc<str>, BTreeSet<Selector>>,
    /// Pods of namespaces that are selected by their labels.
    pub matching: BTreeSet<Selection>,
    /// Names of ports, with the protocols of the entries that have them.
    pub port_names: BTreeSet<(Arc<str>, Protocol)>,
    /// Whether some rule that names a port by its name does something else than accept.
    pub names_deny: bool,
    /// Ports with which something begins, by protocol: all up to the next one are alike.
    pub port_starts: BTreeSet<(Protocol, u16)>,
    /// Blocks of addresses.
    pub blocks: BTreeSet<Block>,
}

/// The ranges of a block.
type Block = (Vec<(u32, u32)>, Vec<(u128, u128)>);

impl Mentioned {
    /// What the policies in force of some sessions mention.
    ///
    /// # Cost
    /// Linear in their rules.
    pub fn by(sessions: &[&Session]) -> Self {
        let mut all = Self::default();
        for session in sessions {
            all.add_policies(session);
        }
        all
    }

    fn add_policies(&mut self, session: &Session) {
        let set = session.policies();
        for (_, policy) in set.in_force() {
            self.add_set(session, policy.subject);
            for rule in policy.all_rules() {
                for peer in &rule.peers {
                    peer.pods().into_iter().for_each(|id| self.add_set(session, id));
                    peer.blocks().for_each(|id| self.add_block(set, id));
                }
                for port in &rule.ports {
                    self.add_port((port.protocol, &port.ports), rule.action);
                }
            }
        }
    }

    fn add_set(&mut self, session: &Session, id: SetId) {
        let Some(pods) = session.policies().set(id) else { return };
        match pods.scope() {
            Scope::Own(namespace) => {
                let name = session.model().namespace_name(*namespace).into();
                self.own.entry(name).or_default().insert(pods.pods().clone());
            }
            Scope::Matching(namespaces) => {
                let (namespaces, pods) = (namespaces.clone(), pods.pods().clone());
                self.matching.insert(Selection { namespaces, pods });
            }
            // Nothing is looked at where there are such policies.
            Scope::Items(_) => {}
        }
    }

    fn add_block(&mut self, set: &PolicySet, id: crate::policy::BlockId) {
        if let Some(AddrSet { v4, v6 }) = set.block(id) {
            self.blocks.insert((v4.ranges().to_vec(), v6.ranges().to_vec()));
        }
    }

    fn add_port(&mut self, (protocol, ports): (Protocol, &PortMatch), action: Action) {
        match ports {
            PortMatch::Any => {}
            PortMatch::Range(first, last) => self.add_range(protocol, *first, *last),
            PortMatch::Named(name) => {
                self.names_deny |= action != Action::Accept;
                self.port_names.insert((name.clone(), protocol));
            }
        }
    }

    fn add_range(&mut self, protocol: Protocol, first: u16, last: u16) {
        self.port_starts.insert((protocol, first));
        self.port_starts.extend(last.checked_add(1).map(|next| (protocol, next)));
    }

    /// Adds what a question distinguishes.
    pub fn add_question(&mut self, selections: impl IntoIterator<Item = Selection>) {
        self.matching.extend(selections);
    }

    /// Adds the ports that a question is about.
    pub fn add_ports(&mut self, conns: &ConnSet) {
        for protocol in Protocol::ALL {
            for (first, last) in conns.ports(protocol).ranges() {
                self.add_range(protocol, *first, *last);
            }
        }
    }

    /// One port of all that are alike, by protocol.
    pub fn ports(&self) -> BTreeSet<(Protocol, u16)> {
        let firsts = Protocol::ALL.into_iter().map(|protocol| (protocol, 1));
        self.port_starts.iter().copied().chain(firsts).filter(|(_, port)| *port > 0).collect()
    }

    /// What namespaces are distinguished by.
    pub fn namespace_selectors(&self) -> BTreeSet<&Selector> {
        self.matching.iter().map(|one| &one.namespaces).filter(|one| !one.is_empty()).collect()
    }
}
