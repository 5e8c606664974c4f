//! From policies to programs.

use std::sync::Arc;

use super::select::{Scope, SetKey, select};
use super::touched::Touched;
use super::{
    BlockId, BlockPair, CompiledPolicy, Considered, PolicyId, PolicyKey, PolicyRule, PolicySet,
    Program, ProgramId, RulePeer, Scopes, SetId, TierKind,
};
use crate::cluster::{ClusterModel, Group, NamespaceId, Node, PodLabels, namespace_of};
use crate::manifest::{
    Action, Body, ByDirection, ClusterPolicy, ClusterTier, Direction, Mode, NetworkPolicy, Object,
    PeerKind, Rule,
};
use crate::net::AddrSet;
use crate::selector::{Match, Selector};
use crate::shared::{PagedTable, Shards};

/// What has become of a policy.
#[derive(Clone, Debug)]
pub enum PolicyChange {
    /// It is new or has changed.
    Put(Arc<Object>),
    /// It is gone.
    Remove(Arc<Object>),
}

impl PolicySet {
    /// Policies compiled against a model.
    ///
    /// # Cost
    /// Linear in the policies, their rules and the groups that they select.
    pub fn compile(
        model: &ClusterModel,
        default_namespace: &str,
        policies: &[Arc<Object>],
    ) -> Self {
        let changes: Vec<_> = policies.iter().cloned().map(PolicyChange::Put).collect();
        let mut set = Self::empty(model).update(model, default_namespace, &changes);
        set.fresh_size = set.interned();
        set
    }

    fn empty(model: &ClusterModel) -> Self {
        let open = Arc::new(Program::default());
        let closed = Arc::new(Program::closed());
        let groups: PagedTable<ProgramId, Group> =
            (0..model.groups.len()).map(|_| super::OPEN).collect();
        Self {
            policies: PagedTable::default(),
            by_name: Shards::default(),
            sets: PagedTable::default(),
            set_ids: Shards::default(),
            scopes: Scopes::default(),
            blocks: PagedTable::default(),
            block_ids: Shards::default(),
            programs: [open.clone(), closed.clone()].into_iter().collect(),
            program_ids: [(open, super::OPEN), (closed, super::CLOSED)].into_iter().collect(),
            splits: [None, None].into_iter().collect(),
            by_group: ByDirection::from_fn(|_| groups.clone()),
            intended: ByDirection::from_fn(|_| groups.clone()),
            considered: Considered::Enforced,
            nodes: Arc::clone(&model.nodes),
            hosts: Arc::default(),
            fresh_size: 0,
        }
    }

    /// The set after some changes of policies; the model must be the one compiled against, but for
    /// its nodes: policies that ask for them are compiled again where they are others.
    ///
    /// # Cost
    /// Only groups that a changed policy selects, before or after, get new programs.
    #[must_use]
    pub fn update(
        mut self,
        model: &ClusterModel,
        default_namespace: &str,
        changes: &[PolicyChange],
    ) -> Self {
        let mut touched = Touched::default();
        let asking = self.asking_for_other_nodes(model);
        let replaced = self.replaced_by(model, default_namespace, changes);
        for change in asking.iter().chain(&replaced).chain(changes) {
            let (PolicyChange::Put(object) | PolicyChange::Remove(object)) = change;
            let namespace = match object.is_namespaced() {
                true => match model.namespace(&namespace_of(object, default_namespace)) {
                    None => continue,
                    known => known,
                },
                false => None,
            };
            let id = self.place((object.kind(), namespace, object.meta.name.clone()));
            touched.retire(&self, id);
            let compiled = match change {
                PolicyChange::Put(object) => self.compile_one(model, namespace, object),
                PolicyChange::Remove(_) => None,
            };
            if let Some(slot) = self.policies.get_mut(id) {
                *slot = compiled.map(Arc::new);
            }
            touched.enter(&self, id);
        }
        self.reprogram(&touched);
        self.rehost(model);
        self
    }

    /// Policies that ask for nodes, if these are others than those compiled against.
    fn asking_for_other_nodes(&mut self, model: &ClusterModel) -> Vec<PolicyChange> {
        let before = std::mem::replace(&mut self.nodes, Arc::clone(&model.nodes));
        if Arc::ptr_eq(&before, &self.nodes) || before == self.nodes {
            return Vec::new();
        }
        let asking = self.policies().filter(|(_, policy)| {
            let peers = policy.all_rules().flat_map(|rule| &rule.peers);
            { peers }.any(|peer| matches!(peer, RulePeer::Nodes(..)))
        });
        asking.map(|(_, policy)| PolicyChange::Put(Arc::clone(&policy.object))).collect()
    }

    /// The number of a policy, kept if it has one.
    pub(super) fn place(&mut self, key: PolicyKey) -> PolicyId {
        if let Some(&id) = self.by_name.get(&key) {
            return id;
        }
        let id = self.policies.push(None);
        match key.1 {
            Some(namespace) => {
                let own = self.scopes.policies.or_default(&namespace);
                own.into_iter().for_each(|all| all.push(id));
            }
            None => self.scopes.cluster.push(id),
        }
        self.by_name.insert(key, id);
        id
    }

    fn compile_one(
        &mut self,
        model: &ClusterModel,
        namespace: Option<NamespaceId>,
        object: &Arc<Object>,
    ) -> Option<CompiledPolicy> {
        match (&object.body, namespace) {
            (Body::Policy(policy), Some(own)) => {
                let subject = SetKey { scope: Scope::Own(own), pods: policy.subject.clone() };
                let subject = self.intern_set(model, subject);
                let rules = ByDirection::from_fn(|direction| {
                    let rules = || self.compile_rules(model, namespace, policy.rules(direction));
                    policy.isolates(direction).then(rules)
                });
                let (tier, priority) = (TierKind::NetworkPolicy, 0);
                let mode = object.meta.mode.unwrap_or_else(|| mode_of(model, own));
                let object = object.clone();
                let place = None;
                Some(CompiledPolicy {
                    object,
                    namespace,
                    tier,
                    priority,
                    place,
                    subject,
                    mode,
                    is_of_hosts: false,
                    rules,
                })
            }
            (Body::CalicoPolicy(policy), namespace) => {
                Some(self.compile_calico(model, namespace, (policy, object)))
            }
            (Body::ClusterPolicy(policy), _) => Some(self.compile_cluster(model, policy, object)),
            _ => None,
        }
    }

    /// A policy without rules of a direction leaves that direction alone. [ClusterNetworkPolicy §2]
    fn compile_cluster(
        &mut self,
        model: &ClusterModel,
        policy: &ClusterPolicy,
        object: &Arc<Object>,
    ) -> CompiledPolicy {
        let subject = SetKey {
            scope: Scope::Matching(policy.subject.namespaces.clone()),
            pods: policy.subject.pods.clone(),
        };
        let subject = self.intern_set(model, subject);
        let rules = ByDirection::from_fn(|direction| {
            let rules = self.compile_rules(model, None, policy.rules(direction));
            (!rules.is_empty()).then_some(rules)
        });
        let tier = match policy.tier {
            ClusterTier::Admin => TierKind::Admin,
            ClusterTier::Baseline => TierKind::Baseline,
        };
        // No namespace has a say: its tenants would switch off what they are subject to.
        let mode = object.meta.mode.unwrap_or_default();
        let (object, priority) = (object.clone(), policy.priority);
        CompiledPolicy {
            object,
            namespace: None,
            tier,
            priority,
            place: None,
            subject,
            mode,
            is_of_hosts: false,
            rules,
        }
    }

    fn compile_rules(
        &mut self,
        model: &ClusterModel,
        namespace: Option<NamespaceId>,
        rules: &[Rule],
    ) -> Vec<PolicyRule> {
        let mut compiled = Vec::with_capacity(rules.len());
        for rule in rules {
            if rule.fails_closed {
                compiled.push(self.closed(rule.action));
                continue;
            }
            let peers = rule.peers.iter().map(|peer| self.peer(model, namespace, &peer.kind));
            let peers = peers.collect();
            let (action, ports) = (rule.action, rule.ports.clone());
            let conditions = Vec::new();
            compiled.push(PolicyRule { action, peers, ports, conditions });
        }
        compiled
    }

    /// What is left of a rule that is not understood: it accepts nothing, and denies everything
    /// where it would deny or pass. [ClusterNetworkPolicy §3]
    fn closed(&mut self, action: Action) -> PolicyRule {
        let nobody = RulePeer::Block(self.intern_block(&Arc::default()));
        let (action, peers) = match action {
            Action::Accept | Action::Log => (action, vec![nobody]),
            Action::Deny | Action::Pass => (Action::Deny, Vec::new()),
        };
        PolicyRule { action, peers, ports: Vec::new(), conditions: Vec::new() }
    }

    fn peer(
        &mut self,
        model: &ClusterModel,
        own: Option<NamespaceId>,
        peer: &PeerKind,
    ) -> RulePeer {
        match peer {
            PeerKind::Pods { namespaces, pods } => {
                let key = peer_key(own, namespaces.as_ref(), pods.as_ref());
                RulePeer::Pods(self.intern_set(model, key))
            }
            PeerKind::Block(block) => RulePeer::Block(self.intern_block(&block.addresses)),
            PeerKind::Networks(networks) => RulePeer::Block(self.intern_block(&networks.addresses)),
            PeerKind::Nodes(selector) => {
                // Every host is a node; what labels one has that is not in the input is open.
                let other = if selector.is_empty() { Match::Yes } else { Match::Unknown };
                RulePeer::Nodes(self.pair(node_addresses(model, selector)), other)
            }
            PeerKind::DomainNames(names) => {
                RulePeer::Names(self.pair(model.space.addresses_of(names)))
            }
        }
    }

    pub(super) fn pair(&mut self, (certain, possible): (AddrSet, AddrSet)) -> BlockPair {
        let certain = self.intern_block(&Arc::new(certain));
        BlockPair { certain, possible: self.intern_block(&Arc::new(possible)) }
    }

    pub(super) fn intern_set(&mut self, model: &ClusterModel, key: SetKey) -> SetId {
        if let Some(&id) = self.set_ids.get(&key) {
            return id;
        }
        let id = self.sets.push(Arc::new(select(model, &key)));
        match &key.scope {
            Scope::Own(namespace) => {
                self.scopes.own.or_default(namespace).into_iter().for_each(|all| all.push(id));
            }
            Scope::Matching(_) | Scope::Items(_) => self.scopes.matching.push(id),
        }
        self.set_ids.insert(key, id);
        id
    }

    pub(super) fn intern_block(&mut self, addresses: &Arc<AddrSet>) -> BlockId {
        if let Some(&id) = self.block_ids.get(addresses) {
            return id;
        }
        let id = self.blocks.push(addresses.clone());
        self.block_ids.insert(addresses.clone(), id);
        id
    }
}

fn mode_of(model: &ClusterModel, namespace: NamespaceId) -> Mode {
    model.namespaces.get(namespace).map_or(Mode::Enforce, |namespace| namespace.mode)
}

/// The pods that a peer with selectors names. [NetworkPolicy §7]
fn peer_key(
    own: Option<NamespaceId>,
    namespaces: Option<&Selector>,
    pods: Option<&Selector>,
) -> SetKey {
    let scope = match (namespaces, own) {
        (Some(selector), _) => Scope::Matching(selector.clone()),
        (None, Some(own)) => Scope::Own(own),
        (None, None) => Scope::Matching(Selector::default()),
    };
    SetKey { scope, pods: pods.cloned().unwrap_or_default() }
}

/// Addresses of nodes that a selector matches: those that it does for certain, and those that it
/// may. Without a Node in the input, any address of a node may be meant; no address is that of two
/// nodes.
///
/// # Source
/// ClusterNetworkPolicy §3: by address, not by pod.
fn node_addresses(model: &ClusterModel, selector: &Selector) -> (AddrSet, AddrSet) {
    let known =
        AddrSet::from_addresses(model.nodes.iter().flat_map(|node| &node.addresses).copied());
    let elsewhere = || model.space.nodes.clone().unwrap_or_else(AddrSet::full).difference(&known);
    let (mut certain, mut possible) = (AddrSet::default(), AddrSet::default());
    for node in model.nodes.iter() {
        let own = AddrSet::from_addresses(node.addresses.iter().copied());
        match matches_node(selector, node) {
            Match::No => continue,
            Match::Unknown => {}
            Match::Yes => certain = certain.union(&own),
        }
        let own = if node.addresses.is_empty() { elsewhere() } else { own };
        possible = possible.union(&own);
    }
    if !model.nodes.iter().any(|node| node.declared) {
        possible = possible.union(&elsewhere());
    }
    (certain, possible)
}

/// Labels of nodes that only pods name are not known.
fn matches_node(selector: &Selector, node: &Node) -> Match {
    match node.declared {
        true => selector.matches(&PodLabels { labels: &node.labels, hidden: &[] }),
        false if selector.is_empty() => Match::Yes,
        false => Match::Unknown,
    }
}

/// A policy's selectors of namespaces; none of what is no policy.
pub fn namespace_selectors(object: &Object) -> impl Iterator<Item = &Selector> {
    let subject = match &object.body {
        Body::ClusterPolicy(policy) => Some(&policy.subject.namespaces),
        _ => None,
    };
    subject.into_iter().chain(pod_peers(object).filter_map(|(namespaces, _)| namespaces))
}

/// A policy's selectors of pods; none of what is no policy.
pub fn pod_selectors(object: &Object) -> impl Iterator<Item = &Selector> {
    let subject = match &object.body {
        Body::Policy(NetworkPolicy { subject, .. }) => Some(subject),
        Body::ClusterPolicy(policy) => Some(&policy.subject.pods),
        _ => None,
    };
    subject.into_iter().chain(pod_peers(object).filter_map(|(_, pods)| pods))
}

/// Selectors of namespaces and of pods of each peer that has some.
fn pod_peers(object: &Object) -> impl Iterator<Item = (Option<&Selector>, Option<&Selector>)> {
    let rules = Direction::BOTH.into_iter().flat_map(|direction| object.rules(direction));
    rules.flat_map(|rule| &rule.peers).filter_map(|peer| match &peer.kind {
        PeerKind::Pods { namespaces, pods, .. } => Some((namespaces.as_ref(), pods.as_ref())),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::manifest::SourceFile;
    use crate::policy::PeerSet;
    use crate::{Change, Options, Session};

    const PODS: &str = "apiVersion: v1\nkind: Pod\nmetadata: {name: a, namespace: x, labels: {app: a}}\n---\n\
                        apiVersion: v1\nkind: Pod\nmetadata: {name: b, namespace: x, labels: {app: b}}\n";

    fn policy(app: &str) -> Arc<Object> {
        let text = format!(
            "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {{name: p, namespace: x}}\n\
             spec: {{podSelector: {{matchLabels: {{app: {app}}}}}}}\n"
        );
        SourceFile::new("p.yaml", text.as_bytes()).parts[0].document.objects[0].clone()
    }

    /// A cluster with pods `a` and `b`.
    fn pods() -> Session {
        let policy = "---\napiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\n\
                      metadata: {name: p, namespace: x}\nspec: {podSelector: {matchLabels: {app: a}}}\n";
        let file = SourceFile::new("all.yaml", format!("{PODS}{policy}").as_bytes());
        Session::new(Options::default()).apply(vec![Change::Put(file)])
    }

    /// Which of the pods are isolated for ingress.
    fn isolated(session: &Session, set: &PolicySet) -> Vec<String> {
        let endpoints = session.model().endpoints.values();
        let isolated = endpoints.filter(|endpoint| {
            let program = set.program_id(endpoint.group.unwrap(), Direction::Ingress);
            set.program(program).isolates() == Match::Yes
        });
        isolated.map(|endpoint| endpoint.name.to_string()).collect()
    }

    #[test]
    fn a_policy_that_selects_others_now_lets_go_of_the_first() {
        let session = pods();
        assert_eq!(isolated(&session, session.policies()), ["a"]);
        let change = PolicyChange::Put(policy("b"));
        let set = session.policies().clone().update(session.model(), "x", &[change]);
        assert_eq!(isolated(&session, &set), ["b"]);
    }

    #[test]
    fn of_several_changes_of_one_policy_the_last_counts() {
        let session = pods();
        let changes = ["b", "a", "b", "c"].map(|app| PolicyChange::Put(policy(app)));
        let set = session.policies().clone().update(session.model(), "x", &changes);
        assert_eq!(isolated(&session, &set), [""; 0]);
        let changes = [PolicyChange::Put(policy("b")), PolicyChange::Remove(policy("b"))];
        let set = set.update(session.model(), "x", &changes);
        assert_eq!(isolated(&session, &set), [""; 0]);
    }

    /// A staged policy stands for another in what is intended; that one stays in force whatever
    /// else changes.
    #[test]
    fn what_a_staged_policy_stands_for_stays_in_force() {
        let calico = |kind: &str, name: &str| {
            let text = format!(
                "apiVersion: projectcalico.org/v3\nkind: {kind}\nmetadata: {{name: {name}}}\n\
                 spec: {{selector: \"app == 'b'\", types: [Ingress]}}\n"
            );
            let file = SourceFile::new("p.yaml", text.as_bytes());
            PolicyChange::Put(file.parts[0].document.objects[0].clone())
        };
        let session = pods();
        let staged = [calico("GlobalNetworkPolicy", "q"), calico("StagedGlobalNetworkPolicy", "q")];
        let set = session.policies().clone().update(session.model(), "x", &staged);
        assert_eq!(isolated(&session, &set), ["a", "b"]);
        let other = [PolicyChange::Remove(policy("a")), PolicyChange::Put(policy("b"))];
        let gone = [PolicyChange::Remove(policy("b"))];
        let set = set.update(session.model(), "x", &other).update(session.model(), "x", &gone);
        assert_eq!(isolated(&session, &set), ["b"]);
    }

    #[test]
    fn every_set_of_pods_has_its_number() {
        let session = pods();
        let set = session.policies();
        let named: Vec<&PeerSet> =
            set.policies().map(|(_, p)| set.set(p.subject).unwrap()).collect();
        assert_eq!(set.sets().values().map(|set| &**set).collect::<Vec<_>>(), named);
        assert_eq!(named.len(), 1);
    }
}
