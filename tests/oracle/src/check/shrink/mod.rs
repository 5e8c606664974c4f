//! Makes a failing cluster as small as it can be while it still fails.

mod calico;
mod tiered;

use super::{Effort, Mismatch, compare};
use crate::cluster::{Cluster, Direction, Labels, Peer, Policy, Rule, Selector, Spec};

/// Takes part of a cluster away; false if there was nothing to take.
type Cut = Box<dyn Fn(&mut Cluster) -> bool>;

/// The smallest cluster that fails in the same way, and how.
pub fn shrink(cluster: &Cluster, effort: Effort, first: Mismatch) -> (Cluster, Mismatch) {
    // Everything is asked, so that the disagreement is found whichever pair shows it.
    let listed = first.sort.starts_with("list");
    let flows_per_pair = if listed { 0 } else { effort.flows_per_pair.max(60) };
    let effort = Effort { flows_per_pair, ..effort };
    shrink_by(cluster, first, |candidate| compare(candidate, effort).err())
}

/// As [`shrink`], by any test of a cluster.
pub fn shrink_by(
    cluster: &Cluster,
    first: Mismatch,
    fails: impl Fn(&Cluster) -> Option<Mismatch>,
) -> (Cluster, Mismatch) {
    let (mut small, mut mismatch) = (cluster.clone(), first);
    loop {
        let found = cuts(&small).into_iter().find_map(|cut| {
            let mut candidate = small.clone();
            if !cut(&mut candidate) {
                return None;
            }
            // A host's address without the node's name is nothing that a cluster writes.
            for pod in candidate.pods.iter_mut().filter(|pod| pod.spec.node.is_none()) {
                pod.host_address = None;
                if pod.spec.host_network {
                    pod.addresses.clear();
                }
            }
            if candidate == small {
                return None;
            }
            let failed = fails(&candidate).filter(|other| other.sort == mismatch.sort)?;
            Some((candidate, failed))
        });
        match found {
            Some(smaller) => (small, mismatch) = smaller,
            None => return (small, mismatch),
        }
    }
}

fn take<T>(list: &mut Vec<T>, at: usize) -> bool {
    let there = at < list.len();
    if there {
        list.remove(at);
    }
    there
}

fn cut(change: impl Fn(&mut Cluster) -> bool + 'static) -> Cut {
    Box::new(change)
}

/// Everything that can be taken away, large parts first.
fn cuts(cluster: &Cluster) -> Vec<Cut> {
    let mut cuts = Vec::new();
    cuts.extend((0..cluster.policies.len()).map(|i| cut(move |c| take(&mut c.policies, i))));
    let tiered = cluster.cluster_policies.len();
    cuts.extend((0..tiered).map(|i| cut(move |c| take(&mut c.cluster_policies, i))));
    calico::cuts(&mut cuts, cluster);
    cuts.extend((0..cluster.domains.len()).map(|i| cut(move |c| take(&mut c.domains, i))));
    cuts.extend((0..cluster.pods.len()).map(|i| cut(move |c| take(&mut c.pods, i))));
    cuts.extend((0..cluster.workloads.len()).map(|i| cut(move |c| take(&mut c.workloads, i))));
    cuts.extend((0..cluster.nodes.len()).map(|i| cut(move |c| take(&mut c.nodes, i))));
    cuts.push(cut(|c| c.pod_cidrs.pop().is_some()));
    cuts.push(cut(|c| c.node_cidrs.pop().is_some()));
    for i in 0..cluster.namespaces.len() {
        cuts.push(cut(move |c| take(&mut c.namespaces, i)));
        cuts.push(on(move |c| c.namespaces.get_mut(i), |one| one.labels.pop_first().is_some()));
    }
    for (i, policy) in cluster.policies.iter().enumerate() {
        of_policy(&mut cuts, i, policy);
    }
    for (i, policy) in cluster.cluster_policies.iter().enumerate() {
        tiered::of_policy(&mut cuts, i, policy);
    }
    for (i, pod) in cluster.pods.iter().enumerate() {
        of_labels(&mut cuts, &pod.labels, move |c| Some(&mut c.pods.get_mut(i)?.labels));
        of_spec(&mut cuts, &pod.spec, move |c| Some(&mut c.pods.get_mut(i)?.spec));
        cuts.push(on(move |c| c.pods.get_mut(i), |pod| pod.owner.take().is_some()));
        cuts.push(on(move |c| c.pods.get_mut(i), |pod| pod.phase.take().is_some()));
        cuts.push(on(move |c| c.pods.get_mut(i), |pod| pod.host_address.take().is_some()));
        cuts.extend(
            (0..2)
                .map(|at| on(move |c| c.pods.get_mut(i), move |pod| take(&mut pod.addresses, at))),
        );
    }
    for (i, workload) in cluster.workloads.iter().enumerate() {
        of_labels(&mut cuts, &workload.labels, move |c| Some(&mut c.workloads.get_mut(i)?.labels));
        of_spec(&mut cuts, &workload.spec, move |c| Some(&mut c.workloads.get_mut(i)?.spec));
        cuts.push(on(move |c| c.workloads.get_mut(i), |one| one.replicas.take().is_some()));
        cuts.push(on(move |c| c.workloads.get_mut(i), |one| one.first.take().is_some()));
        cuts.push(on(move |c| c.workloads.get_mut(i), |one| one.owner.take().is_some()));
    }
    for (i, node) in cluster.nodes.iter().enumerate() {
        of_labels(&mut cuts, &node.labels, move |c| Some(&mut c.nodes.get_mut(i)?.labels));
        cuts.extend(
            (0..2).map(|at| {
                on(move |c| c.nodes.get_mut(i), move |node| take(&mut node.addresses, at))
            }),
        );
    }
    cuts
}

/// A change of one part, if it is there.
fn on<T: 'static>(
    find: impl Fn(&mut Cluster) -> Option<&mut T> + 'static,
    change: impl Fn(&mut T) -> bool + 'static,
) -> Cut {
    cut(move |cluster| find(cluster).is_some_and(&change))
}

fn of_labels(
    cuts: &mut Vec<Cut>,
    labels: &Labels,
    find: impl Fn(&mut Cluster) -> Option<&mut Labels> + Copy + 'static,
) {
    for key in labels.keys() {
        let key = key.clone();
        cuts.push(on(find, move |labels| labels.remove(&key).is_some()));
    }
}

fn of_spec(
    cuts: &mut Vec<Cut>,
    spec: &Spec,
    find: impl Fn(&mut Cluster) -> Option<&mut Spec> + Copy + 'static,
) {
    cuts.push(on(find, |spec| std::mem::take(&mut spec.host_network)));
    cuts.push(on(find, |spec| spec.node.take().is_some()));
    cuts.extend((0..spec.containers.len()).map(|i| on(find, move |s| take(&mut s.containers, i))));
    cuts.extend((0..spec.init.len()).map(|i| on(find, move |s| take(&mut s.init, i))));
    for (i, container) in spec.containers.iter().enumerate() {
        let port = |at| {
            on(find, move |s: &mut Spec| {
                s.containers.get_mut(i).is_some_and(|c| take(&mut c.ports, at))
            })
        };
        cuts.extend((0..container.ports.len()).map(port));
    }
}

fn of_policy(cuts: &mut Vec<Cut>, i: usize, policy: &Policy) {
    cuts.push(on(move |c| c.policies.get_mut(i), |p| p.ingress.take().is_some()));
    cuts.push(on(move |c| c.policies.get_mut(i), |p| p.egress.take().is_some()));
    cuts.push(on(move |c| c.policies.get_mut(i), |p| p.types.take().is_some()));
    cuts.push(on(move |c| c.policies.get_mut(i), |p| p.subject.take().is_some()));
    if let Some(subject) = &policy.subject {
        of_selector(cuts, subject, move |c| c.policies.get_mut(i)?.subject.as_mut());
    }
    for direction in Direction::BOTH {
        for (r, rule) in policy.rules(direction).iter().enumerate() {
            cuts.push(on(
                move |c| c.policies.get_mut(i)?.rules_mut(direction).as_mut(),
                move |rules| take(rules, r),
            ));
            of_rule(cuts, rule, move |c| {
                c.policies.get_mut(i)?.rules_mut(direction).as_mut()?.get_mut(r)
            });
        }
    }
}

fn of_rule(
    cuts: &mut Vec<Cut>,
    rule: &Rule,
    find: impl Fn(&mut Cluster) -> Option<&mut Rule> + Copy + 'static,
) {
    cuts.push(on(find, |rule| rule.peers.take().is_some()));
    cuts.push(on(find, |rule| rule.ports.take().is_some()));
    for (p, peer) in rule.peers.iter().flatten().enumerate() {
        cuts.push(on(find, move |rule| {
            rule.peers.as_mut().is_some_and(|list| list.len() > 1 && take(list, p))
        }));
        of_peer(cuts, peer, move |c| find(c)?.peers.as_mut()?.get_mut(p));
    }
    for p in 0..rule.ports.iter().flatten().count() {
        cuts.push(on(find, move |rule| {
            rule.ports.as_mut().is_some_and(|list| list.len() > 1 && take(list, p))
        }));
        cuts.push(on(
            move |c| find(c)?.ports.as_mut()?.get_mut(p),
            |port| port.end.take().is_some(),
        ));
        cuts.push(on(
            move |c| find(c)?.ports.as_mut()?.get_mut(p),
            |port| port.protocol.take().is_some(),
        ));
    }
}

fn of_peer(
    cuts: &mut Vec<Cut>,
    peer: &Peer,
    find: impl Fn(&mut Cluster) -> Option<&mut Peer> + Copy + 'static,
) {
    match peer {
        Peer::Block(_, except) => {
            let holes = 0..except.iter().flatten().count();
            cuts.extend(holes.map(|at| {
                on(find, move |peer| match peer {
                    Peer::Block(_, Some(except)) => take(except, at),
                    _ => false,
                })
            }));
        }
        Peer::Pods(namespaces, pods) => {
            if let (Some(_), Some(_)) = (namespaces, pods) {
                cuts.push(on(find, |peer| match peer {
                    Peer::Pods(namespaces, _) => namespaces.take().is_some(),
                    Peer::Block(..) => false,
                }));
                cuts.push(on(find, |peer| match peer {
                    Peer::Pods(_, pods) => pods.take().is_some(),
                    Peer::Block(..) => false,
                }));
            }
            if let Some(selector) = namespaces {
                of_selector(cuts, selector, move |c| match find(c)? {
                    Peer::Pods(namespaces, _) => namespaces.as_mut(),
                    Peer::Block(..) => None,
                });
            }
            if let Some(selector) = pods {
                of_selector(cuts, selector, move |c| match find(c)? {
                    Peer::Pods(_, pods) => pods.as_mut(),
                    Peer::Block(..) => None,
                });
            }
        }
    }
}

fn of_selector(
    cuts: &mut Vec<Cut>,
    selector: &Selector,
    find: impl Fn(&mut Cluster) -> Option<&mut Selector> + Copy + 'static,
) {
    of_labels(cuts, &selector.labels, move |c| Some(&mut find(c)?.labels));
    for i in 0..selector.expressions.len() {
        cuts.push(on(find, move |selector| take(&mut selector.expressions, i)));
    }
}
