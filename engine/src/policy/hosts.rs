//! From host endpoints to their programs.
//!
//! # Source
//! Calico §7, §8, §10.

use std::sync::Arc;

use super::host::{CompiledHost, HostSet, HostStage};
use super::programs::Programs;
use super::select::{Scope, SetKey};
use super::{
    CalicoPlace, CompiledPolicy, Condition, Doubt, OPEN, PacketMatch, PolicyId, PolicyRef,
    PolicyRule, PolicySet, Program, Standing, Tier, TierKind,
};
use crate::cluster::{ClusterModel, DEFAULT_ALLOW, HostPlace, TierPlace};
use crate::manifest::calico::{CalicoBody, Failsafe, HostStages, Order, Ruled};
use crate::manifest::{Action, Body, ByDirection, Direction, Mode, Object};
use crate::net::{AddrSet, ConnSet, Conns, PortSet};
use crate::selector::expression::Expression;
use crate::selector::{Match, Selector};

/// A policy that selects a host endpoint.
#[derive(Clone, Copy)]
struct Selecting {
    stages: HostStages,
    /// As policies of pods stand in tiers.
    policy: PolicyId,
    /// The same with the rules that it has for hosts.
    of_hosts: PolicyId,
    mode: Mode,
    /// Whether a staged policy stands for it in what is intended.
    is_replaced: bool,
}

impl HostStage {
    fn has(self, one: &Selecting) -> bool {
        let stages = one.stages;
        let is_for_all = !stages.untracked && !stages.before_dnat;
        match self {
            Self::Untracked => stages.untracked,
            Self::BeforeDnat => stages.before_dnat && !stages.untracked,
            Self::Forward => stages.forward && is_for_all,
            Self::Local => is_for_all,
        }
    }

    /// What its tiers are called; those of the host's own traffic have no more than their name.
    fn name(self, tier: &Arc<str>) -> Arc<str> {
        match self {
            Self::Untracked => format!("{tier} (doNotTrack)").into(),
            Self::BeforeDnat => format!("{tier} (preDNAT)").into(),
            Self::Forward => format!("{tier} (applyOnForward)").into(),
            Self::Local => tier.clone(),
        }
    }
}

impl PolicySet {
    /// Compiles host endpoints again, after policies have changed.
    ///
    /// # Cost
    /// Nothing without host endpoints; otherwise linear in them times the policies in no namespace.
    pub(super) fn rehost(&mut self, model: &ClusterModel) {
        let hosts = &model.calico.hosts;
        if hosts.all.is_empty() {
            self.hosts = Arc::default();
            return;
        }
        let mut all: Vec<Arc<CompiledHost>> = Vec::with_capacity(hosts.all.len());
        let global = self.global_policies(model);
        let selecting: Vec<Vec<Selecting>> =
            hosts.all.iter().map(|host| selecting(host, &global)).collect();
        for (host, own) in hosts.all.iter().zip(&selecting) {
            // An interface without such policies of its own has those of all. [Calico §10.10]
            let of_all = hosts.all.iter().zip(&selecting);
            let mut of_all =
                of_all.filter(|(other, _)| other.node == host.node && other.is_for_all());
            let has_own = own.iter().any(|one| HostStage::BeforeDnat.has(one));
            let before_dnat = match of_all.next() {
                Some((_, others)) if !has_own => others,
                _ => own,
            };
            all.push(Arc::new(self.compile_host(model, host, (own, before_dnat))));
        }
        let mut of_forwarding = all.iter().flat_map(|host| [host.entering, host.leaving]);
        let forwards = of_forwarding.any(|programs| programs.both() != [OPEN; 2]);
        let before_dnat = selecting.iter().flatten().any(|one| HostStage::BeforeDnat.has(one));
        self.hosts = Arc::new(HostSet { all, forwards, before_dnat });
    }

    /// Policies that may select host endpoints, with what they select.
    fn global_policies(&mut self, model: &ClusterModel) -> Vec<(Expression, Selecting)> {
        let all: Vec<(PolicyId, Arc<CompiledPolicy>)> =
            self.policies().map(|(id, policy)| (id, Arc::clone(policy))).collect();
        let mut global = Vec::new();
        for (policy, compiled) in all {
            let Body::CalicoPolicy(ruled) = &compiled.object.body else { continue };
            if compiled.namespace.is_some() {
                continue;
            }
            let of_hosts = match ruled.is_for_hosts() {
                true => self.compile_for_hosts(model, ruled, &compiled),
                false => policy,
            };
            let (stages, mode) = (ruled.stages, compiled.mode);
            let is_replaced = self.is_replaced(&compiled);
            let one = Selecting { stages, policy, of_hosts, mode, is_replaced };
            global.push((super::calico::subject_of_hosts(ruled), one));
        }
        global
    }

    /// A policy with the rules that it has for hosts alone.
    fn compile_for_hosts(
        &mut self,
        model: &ClusterModel,
        ruled: &Ruled,
        policy: &CompiledPolicy,
    ) -> PolicyId {
        let rules = self.rules_for_hosts(model, ruled);
        let kind = ruled.kind.name();
        let key = ("policy of hosts", format!("{kind}/{}", policy.object.meta.name).into());
        let place = policy.place.clone();
        self.put_for_hosts(model, key, (&policy.object, place, policy.mode), rules)
    }

    /// Adds what stands in programs of hosts, and is in no other list of policies.
    fn put_for_hosts(
        &mut self,
        model: &ClusterModel,
        (kind, name): (&'static str, Arc<str>),
        (object, place, mode): (&Arc<Object>, Option<CalicoPlace>, Mode),
        rules: ByDirection<Option<Vec<PolicyRule>>>,
    ) -> PolicyId {
        let nobody = Arc::new(Expression::Not(Box::new(Expression::All)));
        let key = SetKey { scope: Scope::Items(nobody), pods: Selector::default() };
        let subject = self.intern_set(model, key);
        let tier = Arc::new(TierPlace { order: Order(0.0), name: kind.into(), end: Action::Pass });
        let place = place.unwrap_or(CalicoPlace { tier, order: None });
        let compiled = CompiledPolicy {
            object: Arc::clone(object),
            namespace: None,
            tier: TierKind::Calico,
            priority: 0,
            place: Some(place),
            subject,
            mode,
            is_of_hosts: true,
            rules,
        };
        let id = self.place((kind, None, name));
        if let Some(slot) = self.policies.get_mut(id) {
            *slot = Some(Arc::new(compiled));
        }
        id
    }

    fn compile_host(
        &mut self,
        model: &ClusterModel,
        host: &HostPlace,
        (own, before_dnat): (&[Selecting], &[Selecting]),
    ) -> CompiledHost {
        let profiles = self.profiles(model, host);
        let accepting = self.failsafes(model, host, Action::Accept);
        let passing = self.failsafes(model, host, Action::Pass);
        let untracked: &[Selecting] = if host.is_for_all() { &[] } else { own };
        let local = ByDirection::from_fn(|direction| {
            let before_dnat = if direction == Direction::Ingress { before_dnat } else { &[] };
            let stages = [
                (HostStage::Untracked, untracked),
                (HostStage::BeforeDnat, before_dnat),
                (HostStage::Local, own),
            ];
            self.program_at(direction, (Some(accepting), None), &stages, Some(&profiles))
        });
        let at_pods = [(HostStage::BeforeDnat, before_dnat)];
        let before_dnat_alone =
            self.program_at(Direction::Ingress, (None, Some(passing)), &at_pods, None);
        let entering = [
            (HostStage::Untracked, untracked),
            (HostStage::BeforeDnat, before_dnat),
            (HostStage::Forward, own),
        ];
        // Failsafe ports are open before DNAT, and not for what is forwarded. [Calico §7]
        let entering = self.program_at(Direction::Ingress, (None, Some(passing)), &entering, None);
        let leaving =
            self.program_at(Direction::Egress, (None, None), &[(HostStage::Forward, own)], None);
        let mut untracked_alone = |passing| {
            let stages = [(HostStage::Untracked, untracked)];
            let of = |direction| self.program_at(direction, (None, passing), &stages, Some(&[]));
            ByDirection::from_fn(of)
        };
        let (untracked, replies) = (untracked_alone(Some(passing)), untracked_alone(None));
        CompiledHost {
            untracked,
            replies,
            place: host.clone(),
            to_host: model.calico.hosts.to_host(&host.node),
            local,
            before_dnat: before_dnat_alone,
            entering,
            leaving,
        }
    }

    /// A program of some stages: ports that are open come first, or pass each stage that has them.
    fn program_at(
        &mut self,
        direction: Direction,
        (accepting, passing): (Option<PolicyId>, Option<PolicyId>),
        stages: &[(HostStage, &[Selecting])],
        profiles: Option<&[PolicyRef]>,
    ) -> Programs {
        let mut tiers_of = |all: bool| {
            let mut tiers: Vec<Tier> = Vec::new();
            tiers.extend(
                accepting.map(|id| named("failsafe ports", Action::Pass, vec![certain(id)])),
            );
            for (stage, selecting) in stages {
                let passing = passing.filter(|_| *stage != HostStage::Forward);
                tiers.extend(self.tiers_of_stage(direction, (*stage, selecting), (all, passing)));
            }
            tiers.extend(
                profiles.map(|profiles| named("profiles", Action::Deny, profiles.to_vec())),
            );
            self.intern(Program { tiers })
        };
        Programs { enforced: tiers_of(false), intended: tiers_of(true) }
    }

    fn tiers_of_stage(
        &self,
        direction: Direction,
        (stage, selecting): (HostStage, &[Selecting]),
        (all, passing): (bool, Option<PolicyId>),
    ) -> Vec<Tier> {
        let there = selecting.iter().filter(|one| stage.has(one));
        let there = there.filter(|one| match one.mode {
            Mode::Enforce => !(all && one.is_replaced),
            Mode::Audit => all,
        });
        let ids = there.map(|one| match stage {
            HostStage::Untracked | HostStage::BeforeDnat => one.of_hosts,
            HostStage::Forward | HostStage::Local => one.policy,
        });
        let mut placed: Vec<(Standing, PolicyId)> = ids
            .filter_map(|id| {
                let policy = self.policy(id)?;
                policy.rules(direction)?;
                Some((Standing::of(policy), id))
            })
            .collect();
        placed.sort();
        let tiers = placed.chunk_by(|a, b| a.0.tier_name == b.0.tier_name);
        let tiers = tiers.filter_map(|own| {
            let (standing, first) = own.first()?;
            let end = match stage {
                // What no rule matches goes on to the next stage.
                HostStage::Untracked | HostStage::BeforeDnat => Action::Pass,
                HostStage::Forward | HostStage::Local => self.policy(*first)?.end(),
            };
            let policies = passing.into_iter().chain(own.iter().map(|(_, id)| *id));
            let policies = policies.map(certain).collect();
            let name = Some(stage.name(&standing.tier_name));
            let (kind, stage) = (TierKind::Calico, Some(stage));
            Some(Tier { kind, name, stage, end, policies })
        });
        tiers.collect()
    }

    /// Ports that stay open, as a policy of both directions.
    fn failsafes(&mut self, model: &ClusterModel, host: &HostPlace, action: Action) -> PolicyId {
        let rules = ByDirection::from_fn(|direction| {
            let all = model.calico.hosts.failsafes(&host.node, direction);
            Some(all.iter().map(|one| self.failsafe(one, action)).collect())
        });
        let kind = match action {
            Action::Pass => "failsafe ports that pass",
            _ => "failsafe ports",
        };
        let object = (&host.object, None, Mode::Enforce);
        self.put_for_hosts(model, (kind, host.name().clone()), object, rules)
    }

    fn failsafe(&mut self, failsafe: &Failsafe, action: Action) -> PolicyRule {
        let Failsafe { protocol, port, net } = failsafe;
        let numbers = ConnSet::of(*protocol, PortSet::range(*port, *port));
        let flows = Condition::Flows {
            flows: Conns::exactly(numbers),
            doubt: Doubt::Protocol,
            family: None,
            packets: PacketMatch::OfFlows,
        };
        let mut conditions = vec![flows];
        conditions.extend(net.map(|net| {
            let block = self.intern_block(&Arc::new(AddrSet::from_cidr(net)));
            Condition::Net { seat: super::Seat::Peer, block }
        }));
        PolicyRule { action, peers: Vec::new(), ports: Vec::new(), conditions }
    }

    /// A host's profiles: what is not in the input may allow.
    fn profiles(&mut self, model: &ClusterModel, host: &HostPlace) -> Vec<PolicyRef> {
        let mut all = Vec::new();
        for name in &host.profiles {
            let known = model.calico.hosts.profiles.get(name);
            let rule = |conditions| {
                let (peers, ports) = (Vec::new(), Vec::new());
                Some(vec![PolicyRule { action: Action::Accept, peers, ports, conditions }])
            };
            let (object, rules) = match known {
                Some(object) => {
                    let Body::Calico(_, CalicoBody::Profile(profile)) = &object.body else {
                        continue;
                    };
                    (object, self.rules_of_profile(model, profile))
                }
                None if **name == *DEFAULT_ALLOW => {
                    (&host.object, ByDirection::from_fn(|_| rule(Vec::new())))
                }
                None => {
                    let open = || rule(vec![Condition::Open(Doubt::Profile)]);
                    (&host.object, ByDirection::from_fn(|_| open()))
                }
            };
            let object = (object, None, Mode::Enforce);
            let key = ("profile", format!("{name} of {}", host.name()).into());
            all.push(certain(self.put_for_hosts(model, key, object, rules)));
        }
        all
    }
}

fn certain(policy: PolicyId) -> PolicyRef {
    PolicyRef { policy, certain: true }
}

fn named(name: &str, end: Action, policies: Vec<PolicyRef>) -> Tier {
    let (name, stage) = (Some(name.into()), Some(HostStage::Local));
    Tier { kind: TierKind::Calico, name, stage, end, policies }
}

fn selecting(host: &HostPlace, global: &[(Expression, Selecting)]) -> Vec<Selecting> {
    let labels = host.item_labels();
    let own = global.iter().filter(|(subject, _)| subject.matches(&labels) == Match::Yes);
    own.map(|(_, one)| *one).collect()
}
