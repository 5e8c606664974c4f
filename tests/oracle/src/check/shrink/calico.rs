//! What can be taken away of Calico's.

use super::{Cut, cut, of_labels, on, take};
use crate::cluster::calico::{CalicoPolicy, CalicoRule, Entity, Expression, NetworkSet};
use crate::cluster::{Cluster, Direction};

pub fn cuts(cuts: &mut Vec<Cut>, cluster: &Cluster) {
    let calico = &cluster.calico;
    let policies = calico.policies.len();
    cuts.extend((0..policies).map(|i| cut(move |c| take(&mut c.calico.policies, i))));
    cuts.extend((0..calico.sets.len()).map(|i| cut(move |c| take(&mut c.calico.sets, i))));
    // A tier goes with its policies alone, since only what is stored may be in none.
    for (i, tier) in calico.tiers.iter().enumerate() {
        let name = tier.name.clone();
        cuts.push(cut(move |c| {
            let used = c.calico.policies.iter().any(|policy| policy.tier_name() == name);
            !used && take(&mut c.calico.tiers, i)
        }));
        if tier.name != "default" {
            cuts.push(on(move |c| c.calico.tiers.get_mut(i), |tier| tier.order.take().is_some()));
            cuts.push(on(move |c| c.calico.tiers.get_mut(i), |tier| tier.end.take().is_some()));
        }
    }
    for (i, account) in calico.accounts.iter().enumerate() {
        let labels = &account.labels;
        of_labels(cuts, labels, move |c| Some(&mut c.calico.accounts.get_mut(i)?.labels));
        // An account that is not there may have any labels: only those that no pod has go.
        let (namespace, name) = (account.namespace.clone(), account.name.clone());
        cuts.push(cut(move |c| {
            let used = c.pods.iter().any(|pod| {
                pod.namespace == namespace
                    && pod.spec.account.as_deref().unwrap_or("default") == name
            });
            !used && take(&mut c.calico.accounts, i)
        }));
    }
    for (i, set) in calico.sets.iter().enumerate() {
        of_set(cuts, i, set);
    }
    for (i, policy) in calico.policies.iter().enumerate() {
        of_policy(cuts, i, policy);
    }
    for i in 0..cluster.pods.len() {
        cuts.push(on(move |c| c.pods.get_mut(i), |pod| pod.spec.account.take().is_some()));
    }
}

fn of_set(cuts: &mut Vec<Cut>, i: usize, set: &NetworkSet) {
    of_labels(cuts, &set.labels, move |c| Some(&mut c.calico.sets.get_mut(i)?.labels));
    cuts.push(on(move |c| c.calico.sets.get_mut(i), |set| set.annotation.take().is_some()));
    for at in 0..set.nets.len() {
        cuts.push(on(
            move |c| c.calico.sets.get_mut(i),
            move |set| set.nets.len() > 1 && take(&mut set.nets, at),
        ));
    }
}

fn of_policy(cuts: &mut Vec<Cut>, i: usize, policy: &CalicoPolicy) {
    let mut head = |change: fn(&mut CalicoPolicy) -> bool| {
        cuts.push(on(move |c| c.calico.policies.get_mut(i), change));
    };
    head(|policy| policy.ingress.take().is_some());
    head(|policy| policy.egress.take().is_some());
    head(|policy| policy.types.take().is_some());
    head(|policy| policy.order.take().is_some());
    head(|policy| policy.stage.take().is_some());
    head(|policy| policy.selector.take().is_some());
    head(|policy| policy.accounts.take().is_some());
    head(|policy| policy.namespaces.take().is_some());
    head(|policy| policy.annotation.take().is_some());
    for selector in [policy_selector, policy_accounts, policy_namespaces] {
        if let Some(expression) = selector(&mut policy.clone()) {
            of_expression(cuts, expression, move |c| selector(c.calico.policies.get_mut(i)?));
        }
    }
    for direction in Direction::BOTH {
        for (r, rule) in policy.rules(direction).iter().enumerate() {
            let rules = move |c: &mut Cluster| {
                take(c.calico.policies.get_mut(i)?.rules_mut(direction).as_mut()?, r).then_some(())
            };
            cuts.push(cut(move |c| rules(c).is_some()));
            of_rule(cuts, rule, move |c| {
                c.calico.policies.get_mut(i)?.rules_mut(direction).as_mut()?.get_mut(r)
            });
        }
    }
}

fn policy_selector(policy: &mut CalicoPolicy) -> Option<&mut Expression> {
    policy.selector.as_mut()
}

fn policy_accounts(policy: &mut CalicoPolicy) -> Option<&mut Expression> {
    policy.accounts.as_mut()
}

fn policy_namespaces(policy: &mut CalicoPolicy) -> Option<&mut Expression> {
    policy.namespaces.as_mut()
}

fn of_rule(
    cuts: &mut Vec<Cut>,
    rule: &CalicoRule,
    find: impl Fn(&mut Cluster) -> Option<&mut CalicoRule> + Copy + 'static,
) {
    cuts.push(on(find, |rule| rule.ip_version.take().is_some()));
    cuts.push(on(find, |rule| rule.not_protocol.take().is_some()));
    cuts.push(on(find, |rule| {
        // Numbers of ports need it.
        let bare = |entity: &Entity| entity.ports.is_empty() && entity.not_ports.is_empty();
        bare(&rule.source) && bare(&rule.destination) && rule.protocol.take().is_some()
    }));
    of_entity(cuts, &rule.source, move |c| Some(&mut find(c)?.source));
    of_entity(cuts, &rule.destination, move |c| Some(&mut find(c)?.destination));
}

fn of_entity(
    cuts: &mut Vec<Cut>,
    entity: &Entity,
    find: impl Fn(&mut Cluster) -> Option<&mut Entity> + Copy + 'static,
) {
    cuts.push(on(find, |entity| std::mem::take(entity) != Entity::default()));
    cuts.push(on(find, |entity| entity.selector.take().is_some()));
    cuts.push(on(find, |entity| entity.not_selector.take().is_some()));
    cuts.push(on(find, |entity| entity.namespaces.take().is_some()));
    cuts.push(on(find, |entity| entity.accounts.take().is_some()));
    for at in 0..entity.nets.len() {
        cuts.push(on(find, move |entity| take(&mut entity.nets, at)));
    }
    for at in 0..entity.not_nets.len() {
        cuts.push(on(find, move |entity| take(&mut entity.not_nets, at)));
    }
    for at in 0..entity.ports.len() {
        cuts.push(on(find, move |entity| take(&mut entity.ports, at)));
    }
    for at in 0..entity.not_ports.len() {
        cuts.push(on(find, move |entity| take(&mut entity.not_ports, at)));
    }
    if let Some(one) = &entity.selector {
        of_expression(cuts, one, move |c| find(c)?.selector.as_mut());
    }
    if let Some(one) = &entity.not_selector {
        of_expression(cuts, one, move |c| find(c)?.not_selector.as_mut());
    }
    if let Some(one) = &entity.namespaces {
        of_expression(cuts, one, move |c| find(c)?.namespaces.as_mut());
    }
    if let Some(one) = entity.accounts.as_ref().and_then(|one| one.selector.as_ref()) {
        of_expression(cuts, one, move |c| find(c)?.accounts.as_mut()?.selector.as_mut());
    }
}

/// An expression becomes one of its parts.
fn of_expression(
    cuts: &mut Vec<Cut>,
    expression: &Expression,
    find: impl Fn(&mut Cluster) -> Option<&mut Expression> + Copy + 'static,
) {
    let parts: Vec<Expression> = match expression {
        Expression::All | Expression::Global | Expression::Test(_) => Vec::new(),
        Expression::Not(one) => vec![(**one).clone()],
        Expression::And(list) | Expression::Or(list) => list.clone(),
    };
    for part in parts {
        cuts.push(on(find, move |expression| {
            *expression = part.clone();
            true
        }));
    }
}
