//! What can be taken away from policies for all namespaces.

use super::{Cut, of_selector, on, take};
use crate::cluster::{
    Cluster, ClusterPolicy, Direction, PodsOf, PolicyVersion, Selector, TierPeer, TierRule,
};

pub fn of_policy(cuts: &mut Vec<Cut>, i: usize, policy: &ClusterPolicy) {
    of_head(cuts, move |c| c.cluster_policies.get_mut(i));
    of_pods(cuts, &policy.subject, move |c| Some(&mut c.cluster_policies.get_mut(i)?.subject));
    for direction in Direction::BOTH {
        for (r, rule) in policy.rules(direction).iter().enumerate() {
            cuts.push(on(
                move |c| c.cluster_policies.get_mut(i)?.rules_mut(direction).as_mut(),
                move |rules| take(rules, r),
            ));
            of_rule(cuts, rule, move |c| {
                c.cluster_policies.get_mut(i)?.rules_mut(direction).as_mut()?.get_mut(r)
            });
        }
    }
}

/// All but its subject and single rules.
fn of_head(
    cuts: &mut Vec<Cut>,
    find: impl Fn(&mut Cluster) -> Option<&mut ClusterPolicy> + Copy + 'static,
) {
    cuts.push(on(find, |policy| {
        std::mem::replace(&mut policy.version, PolicyVersion::V1Beta1) != PolicyVersion::V1Beta1
    }));
    cuts.push(on(find, |policy| std::mem::take(&mut policy.priority) != 0));
    cuts.push(on(find, |policy| policy.ingress.take().is_some()));
    cuts.push(on(find, |policy| policy.egress.take().is_some()));
}

fn of_rule(
    cuts: &mut Vec<Cut>,
    rule: &TierRule,
    find: impl Fn(&mut Cluster) -> Option<&mut TierRule> + Copy + 'static,
) {
    cuts.push(on(find, |rule| rule.name.take().is_some()));
    cuts.push(on(find, |rule| rule.ports.take().is_some()));
    for p in 0..rule.ports.iter().flatten().count() {
        cuts.push(on(find, move |rule| {
            rule.ports.as_mut().is_some_and(|list| list.len() > 1 && take(list, p))
        }));
    }
    for (p, peer) in rule.peers.iter().enumerate() {
        cuts.push(on(find, move |rule| rule.peers.len() > 1 && take(&mut rule.peers, p)));
        of_peer(cuts, peer, move |c| find(c)?.peers.get_mut(p));
    }
}

fn of_peer(
    cuts: &mut Vec<Cut>,
    peer: &TierPeer,
    find: impl Fn(&mut Cluster) -> Option<&mut TierPeer> + Copy + 'static,
) {
    match peer {
        TierPeer::Pods(pods) => of_pods(cuts, pods, move |c| match find(c)? {
            TierPeer::Pods(pods) => Some(pods),
            _ => None,
        }),
        TierPeer::Nodes(selector) => of_selector(cuts, selector, move |c| match find(c)? {
            TierPeer::Nodes(selector) => Some(selector),
            _ => None,
        }),
        TierPeer::Networks(nets) => cuts.extend((0..nets.len()).map(|at| {
            on(find, move |peer| match peer {
                TierPeer::Networks(nets) => nets.len() > 1 && take(nets, at),
                _ => false,
            })
        })),
        TierPeer::DomainNames(names) => cuts.extend((0..names.len()).map(|at| {
            on(find, move |peer| match peer {
                TierPeer::DomainNames(names) => names.len() > 1 && take(names, at),
                _ => false,
            })
        })),
    }
}

fn of_pods(
    cuts: &mut Vec<Cut>,
    pods: &PodsOf,
    find: impl Fn(&mut Cluster) -> Option<&mut PodsOf> + Copy + 'static,
) {
    let (namespaces, selected) = match pods {
        PodsOf::Namespaces(namespaces) => (namespaces, None),
        PodsOf::Pods(namespaces, pods) => (namespaces, Some(pods)),
    };
    of_selector(cuts, namespaces, move |c| Some(namespaces_of(find(c)?)));
    if let Some(selected) = selected {
        cuts.push(on(find, |pods| {
            let namespaces = namespaces_of(pods).clone();
            std::mem::replace(pods, PodsOf::Namespaces(namespaces.clone()))
                != PodsOf::Namespaces(namespaces)
        }));
        of_selector(cuts, selected, move |c| match find(c)? {
            PodsOf::Pods(_, pods) => Some(pods),
            PodsOf::Namespaces(_) => None,
        });
    }
}

fn namespaces_of(pods: &mut PodsOf) -> &mut Selector {
    match pods {
        PodsOf::Namespaces(namespaces) | PodsOf::Pods(namespaces, _) => namespaces,
    }
}
