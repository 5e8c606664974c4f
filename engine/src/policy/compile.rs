//! From policies to programs.

use std::collections::BTreeMap;
use std::sync::Arc;

use rustc_hash::FxHashSet;

use super::select::{Scope, SetKey, select};
use super::{
    BlockId, CompiledPolicy, End, PolicyId, PolicyRef, PolicyRule, PolicySet, Program, ProgramId,
    RulePeer, Scopes, SetId, Tier,
};
use crate::cluster::{ClusterModel, GroupId, namespace_of};
use crate::manifest::{Block, Body, Direction, NetworkPolicy, Object, PeerKind, Rule};
use crate::net::AddrSet;
use crate::selector::Selector;
use crate::shared::{Pages, Shards};

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
        let groups: Pages<ProgramId> = (0..model.groups.len()).map(|_| super::OPEN).collect();
        Self {
            policies: Pages::default(),
            by_name: Shards::default(),
            sets: Pages::default(),
            set_ids: Shards::default(),
            scopes: Scopes::default(),
            blocks: Pages::default(),
            block_ids: Shards::default(),
            programs: std::iter::once(open.clone()).collect(),
            program_ids: std::iter::once((open, super::OPEN)).collect(),
            by_group: [groups.clone(), groups],
            fresh_size: 0,
        }
    }

    /// The set after some changes of policies; the model must be the one compiled against.
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
        for change in changes {
            let (PolicyChange::Put(object) | PolicyChange::Remove(object)) = change;
            let namespace = model.namespace(&namespace_of(object, default_namespace));
            let Some(namespace) = namespace else { continue };
            let id = self.place(namespace, &object.meta.name);
            touched.retire(&self, id);
            let compiled = match change {
                PolicyChange::Put(object) => self.compile_one(model, namespace, object),
                PolicyChange::Remove(_) => None,
            };
            if let Some(slot) = self.policies.get_mut(id as usize) {
                *slot = compiled.map(Arc::new);
            }
            touched.enter(&self, id);
        }
        self.reprogram(&touched);
        self
    }

    /// The number of a policy, kept if it has one.
    fn place(&mut self, namespace: u32, name: &Arc<str>) -> PolicyId {
        let next = PolicyId::try_from(self.policies.len()).unwrap_or(PolicyId::MAX);
        let key = (namespace, name.clone());
        if let Some(&id) = self.by_name.get(&key) {
            return id;
        }
        self.by_name.insert(key, next);
        self.scopes.policies.or_default(&namespace).into_iter().for_each(|all| all.push(next));
        self.policies.push(None);
        next
    }

    fn compile_one(
        &mut self,
        model: &ClusterModel,
        namespace: u32,
        object: &Arc<Object>,
    ) -> Option<CompiledPolicy> {
        let Body::Policy(policy) = &object.body else {
            return None;
        };
        let subject = SetKey { scope: Scope::Own(namespace), pods: policy.subject.clone() };
        let subject = self.intern_set(model, subject);
        let rules = Direction::BOTH.map(|direction| {
            policy
                .isolates(direction)
                .then(|| self.compile_rules(model, namespace, policy.rules(direction)))
        });
        Some(CompiledPolicy { object: object.clone(), namespace, subject, rules })
    }

    fn compile_rules(
        &mut self,
        model: &ClusterModel,
        namespace: u32,
        rules: &[Rule],
    ) -> Vec<PolicyRule> {
        let mut compiled = Vec::with_capacity(rules.len());
        for rule in rules {
            let peers = rule.peers.iter().map(|peer| match &peer.kind {
                PeerKind::Pods { namespaces, pods } => {
                    let key = peer_key(namespace, namespaces.as_ref(), pods.as_ref());
                    RulePeer::Pods(self.intern_set(model, key))
                }
                PeerKind::Block(block) => RulePeer::Block(self.intern_block(block)),
            });
            compiled.push(PolicyRule { peers: peers.collect(), ports: rule.ports.clone() });
        }
        compiled
    }

    fn intern_set(&mut self, model: &ClusterModel, key: SetKey) -> SetId {
        if let Some(&id) = self.set_ids.get(&key) {
            return id;
        }
        let id = SetId::try_from(self.sets.len()).unwrap_or(SetId::MAX);
        self.sets.push(Arc::new(select(model, &key)));
        match &key.scope {
            Scope::Own(namespace) => {
                self.scopes.own.or_default(namespace).into_iter().for_each(|all| all.push(id));
            }
            Scope::Matching(_) => self.scopes.matching.push(id),
        }
        self.set_ids.insert(key, id);
        id
    }

    fn intern_block(&mut self, block: &Block) -> BlockId {
        let addresses: &Arc<AddrSet> = &block.addresses;
        if let Some(&id) = self.block_ids.get(addresses) {
            return id;
        }
        let id = BlockId::try_from(self.blocks.len()).unwrap_or(BlockId::MAX);
        self.blocks.push(addresses.clone());
        self.block_ids.insert(addresses.clone(), id);
        id
    }

    fn reprogram(&mut self, touched: &Touched) {
        for (direction, touched) in Direction::BOTH.into_iter().zip(&touched.groups) {
            for (&group, entering) in touched {
                let program = self.program(self.program_id(group, direction));
                let staying = program.tiers.iter().flat_map(|tier| &tier.policies);
                let mut policies: Vec<PolicyRef> = staying
                    .filter(|policy| !entering.retired.contains(&policy.policy))
                    .copied()
                    .chain(entering.policies.iter().copied())
                    .collect();
                policies.sort_unstable();
                let id = self.intern_program(policies);
                let [ingress, egress] = &mut self.by_group;
                let by_group = match direction {
                    Direction::Ingress => ingress,
                    Direction::Egress => egress,
                };
                if let Some(slot) = by_group.get_mut(group as usize) {
                    *slot = id;
                }
            }
        }
    }

    pub(super) fn intern_program(&mut self, policies: Vec<PolicyRef>) -> ProgramId {
        let tiers =
            if policies.is_empty() { Vec::new() } else { vec![Tier { policies, end: End::Deny }] };
        let program = Program { tiers };
        if let Some(&id) = self.program_ids.get(&program) {
            return id;
        }
        let id = ProgramId::try_from(self.programs.len()).unwrap_or(ProgramId::MAX);
        let program = Arc::new(program);
        self.programs.push(program.clone());
        self.program_ids.insert(program, id);
        id
    }
}

/// The pods that a peer with selectors names. [NetworkPolicy §7]
fn peer_key(own: u32, namespaces: Option<&Selector>, pods: Option<&Selector>) -> SetKey {
    let scope = match namespaces {
        Some(selector) => Scope::Matching(selector.clone()),
        None => Scope::Own(own),
    };
    SetKey { scope, pods: pods.cloned().unwrap_or_default() }
}

/// Groups whose programs change, per direction.
#[derive(Default)]
struct Touched {
    groups: [BTreeMap<GroupId, Entering>; 2],
}

#[derive(Default)]
struct Entering {
    retired: FxHashSet<PolicyId>,
    policies: Vec<PolicyRef>,
}

impl Touched {
    /// Notes that a policy no longer selects what it selected.
    fn retire(&mut self, set: &PolicySet, id: PolicyId) {
        self.each(set, id, |entering, _| {
            entering.retired.insert(id);
            entering.policies.retain(|policy| policy.policy != id);
        });
    }

    /// Notes what a policy selects now.
    fn enter(&mut self, set: &PolicySet, id: PolicyId) {
        self.each(set, id, |entering, certain| {
            entering.policies.push(PolicyRef { policy: id, certain });
        });
    }

    fn each(&mut self, set: &PolicySet, id: PolicyId, change: impl Fn(&mut Entering, bool)) {
        let Some(policy) = set.policy(id) else { return };
        let Some(subject) = set.set(policy.subject) else {
            return;
        };
        for (direction, groups) in Direction::BOTH.into_iter().zip(&mut self.groups) {
            if policy.rules(direction).is_some() {
                for (group, certain) in subject.groups() {
                    change(groups.entry(group).or_default(), certain);
                }
            }
        }
    }
}

/// A policy's selectors of pods.
pub fn pod_selectors(policy: &NetworkPolicy) -> impl Iterator<Item = &Selector> {
    let rules = policy.ingress.iter().chain(&policy.egress);
    let peers = rules.flat_map(|rule| &rule.peers).filter_map(|peer| match &peer.kind {
        PeerKind::Pods { pods, .. } => pods.as_ref(),
        PeerKind::Block(_) => None,
    });
    std::iter::once(&policy.subject).chain(peers)
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
        let endpoints = session.model().endpoints.iter();
        let isolated = endpoints.filter(|endpoint| {
            let program = set.program_id(endpoint.group.unwrap(), Direction::Ingress);
            set.program(program).isolates()
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

    #[test]
    fn every_set_of_pods_has_its_number() {
        let session = pods();
        let set = session.policies();
        let named: Vec<&PeerSet> =
            set.policies().map(|(_, p)| set.set(p.subject).unwrap()).collect();
        assert_eq!(set.sets().iter().map(|set| &**set).collect::<Vec<_>>(), named);
        assert_eq!(named.len(), 1);
    }
}
