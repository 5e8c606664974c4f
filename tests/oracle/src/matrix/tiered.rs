//! Policies for all namespaces: each feature with each feature of another kind, and every tier,
//! action, order and isolation with every other.

use super::Case;
use super::build::{by_label, deny_all, open_to_all};
use super::pods::{labels, nine_pods};
use crate::cluster::{
    Action, Cluster, ClusterPolicy, ClusterTier, Direction, Net, PodsOf, PolicyVersion, Protocol,
    Selector, TierPeer, TierPort, TierRule,
};

/// One feature: its tag, and what it does to a cluster whose first policy is the one in question.
type Feature = (&'static str, fn(&mut Cluster));

/// In the order in which they are applied; the first feature of each is the plain one.
const KINDS: [&[Feature]; 8] =
    [TIERS, ACTIONS, DIRECTIONS, PEERS, PORTS, SUBJECTS, PRIORITIES, ISOLATION];

/// Of these every combination is a case, not every pair alone.
const WHOLE: [usize; 5] = [0, 1, 2, 6, 7];

const TIERS: &[Feature] = &[
    ("tier: Admin", |_| {}),
    ("tier: Baseline", |c| first(c, |policy| policy.tier = ClusterTier::Baseline)),
    ("tier: Admin, v1alpha2", |c| first(c, |policy| policy.version = PolicyVersion::V1Alpha2)),
    ("tier: Admin, v1alpha1", |c| first(c, |policy| policy.version = PolicyVersion::V1Alpha1)),
    ("tier: Baseline, v1alpha1", |c| {
        first(c, |policy| {
            (policy.name, policy.priority) = ("default".into(), 0);
            (policy.version, policy.tier) = (PolicyVersion::V1Alpha1, ClusterTier::Baseline);
        });
    }),
];

const ACTIONS: &[Feature] = &[
    ("tier-action: Deny", |_| {}),
    ("tier-action: Accept", |c| each_rule(c, |rule| rule.action = Action::Accept)),
    ("tier-action: Pass", |c| each_rule(c, |rule| rule.action = Action::Pass)),
];

const DIRECTIONS: &[Feature] = &[
    ("tier-direction: ingress", |_| {}),
    ("tier-direction: egress", |c| first(c, |policy| policy.egress = policy.ingress.take())),
    ("tier-direction: both", |c| first(c, |policy| policy.egress.clone_from(&policy.ingress))),
];

const PEERS: &[Feature] = &[
    ("tier-peer: all namespaces", |_| {}),
    ("tier-peer: namespaces", |c| {
        peers(c, &[TierPeer::Pods(PodsOf::Namespaces(by_label("ns", "y")))]);
    }),
    ("tier-peer: pods", |c| {
        peers(c, &[TierPeer::Pods(PodsOf::Pods(by_label("ns", "y"), by_label("pod", "b")))]);
    }),
    ("tier-peer: several", |c| {
        let pods = PodsOf::Pods(Selector::default(), by_label("pod", "c"));
        let namespaces = PodsOf::Namespaces(by_label("ns", "y"));
        peers(c, &[TierPeer::Pods(pods), TierPeer::Pods(namespaces)]);
    }),
    ("tier-peer: all nodes", |c| out(c, &[TierPeer::Nodes(Selector::default())])),
    ("tier-peer: nodes", |c| out(c, &[TierPeer::Nodes(by_label("role", "edge"))])),
    ("tier-peer: networks", |c| {
        out(c, &[TierPeer::Networks(nets(&[("10.0.0.4", 30), ("203.0.113.0", 24)]))]);
    }),
    ("tier-peer: all networks", |c| {
        out(c, &[TierPeer::Networks(nets(&[("0.0.0.0", 0), ("::", 0)]))]);
    }),
    ("tier-peer: domain names that are known", |c| {
        c.domains.extend("203.0.113.9".parse().ok().map(|at| ("api.example.com".into(), at)));
        out(c, &[TierPeer::DomainNames(vec!["api.example.com".into()])]);
    }),
    ("tier-peer: domain names that are not known", |c| {
        out(c, &[TierPeer::DomainNames(vec!["*.example.com".into()])]);
    }),
];

const PORTS: &[Feature] = &[
    ("tier-port: a number", |_| {}),
    ("tier-port: any", |c| each_rule(c, |rule| rule.ports = None)),
    ("tier-port: UDP", |c| ports(c, &[TierPort::Number(Protocol::Udp, 81)])),
    ("tier-port: SCTP", |c| ports(c, &[TierPort::Number(Protocol::Sctp, 80)])),
    ("tier-port: a range", |c| ports(c, &[TierPort::Range(Protocol::Tcp, 79, 81)])),
    ("tier-port: all of a protocol", |c| ports(c, &[TierPort::Range(Protocol::Tcp, 1, u16::MAX)])),
    ("tier-port: a name", |c| ports(c, &[TierPort::Named("serve-80-udp".into())])),
    ("tier-port: several", |c| {
        ports(c, &[TierPort::Number(Protocol::Tcp, 81), TierPort::Range(Protocol::Udp, 80, 81)]);
    }),
];

const SUBJECTS: &[Feature] = &[
    ("tier-subject: pods", |_| {}),
    ("tier-subject: all namespaces", |c| {
        first(c, |policy| policy.subject = PodsOf::Namespaces(Selector::default()));
    }),
    ("tier-subject: namespaces", |c| {
        first(c, |policy| policy.subject = PodsOf::Namespaces(by_label("ns", "x")));
    }),
];

const PRIORITIES: &[Feature] = &[
    ("priority: alone", |_| {}),
    ("priority: the opposite before", |c| second(c, |other| other.priority = 3)),
    ("priority: the opposite after", |c| second(c, |other| other.priority = 30)),
    ("priority: the opposite at the same place", |c| second(c, |_| {})),
    ("priority: the same at the same place", |c| {
        second(c, flip);
    }),
    ("priority: a Pass before", |c| {
        second(c, |other| {
            other.priority = 3;
            actions(other, |action| *action = Action::Pass);
        });
    }),
    ("priority: the opposite in the other tier", |c| {
        second(c, |other| {
            other.tier = match other.tier {
                ClusterTier::Admin => ClusterTier::Baseline,
                ClusterTier::Baseline => ClusterTier::Admin,
            };
        });
    }),
];

const ISOLATION: &[Feature] = &[
    ("isolation: none", |_| {}),
    ("isolation: closed", |c| c.policies.push(deny_all())),
    ("isolation: closed for ingress", |c| {
        let types = Some(vec![Direction::Ingress]);
        c.policies.push(crate::cluster::Policy { types, ..deny_all() });
    }),
    ("isolation: open", |c| c.policies.push(open_to_all())),
    ("isolation: closed at the other end", |c| {
        let namespace = "y".into();
        c.policies.push(crate::cluster::Policy { namespace, ..deny_all() });
    }),
];

/// Each feature with each feature of another kind, the other kinds being plain; and every
/// combination of those that say in which order policies decide.
pub fn cases() -> Vec<Case> {
    let mut chosen: Vec<[usize; KINDS.len()]> = Vec::new();
    for (i, a) in KINDS.iter().enumerate() {
        for (j, b) in KINDS.iter().enumerate().skip(i + 1) {
            let both = (0..a.len()).flat_map(|x| (0..b.len()).map(move |y| (x, y)));
            chosen.extend(both.map(|(x, y)| choice(&[(i, x), (j, y)])));
        }
    }
    let mut whole: Vec<Vec<(usize, usize)>> = vec![Vec::new()];
    for kind in WHOLE {
        let size = KINDS.get(kind).map_or(0, |features| features.len());
        let with = |known: &Vec<(usize, usize)>, at| {
            known.iter().copied().chain([(kind, at)]).collect::<Vec<_>>()
        };
        whole = whole.iter().flat_map(|known| (0..size).map(move |at| with(known, at))).collect();
    }
    chosen.extend(whole.iter().map(|one| choice(one)));
    chosen.sort_unstable();
    chosen.dedup();
    chosen.iter().map(case).collect()
}

fn choice(features: &[(usize, usize)]) -> [usize; KINDS.len()] {
    std::array::from_fn(|kind| features.iter().find(|(of, _)| *of == kind).map_or(0, |(_, at)| *at))
}

fn case(choice: &[usize; KINDS.len()]) -> Case {
    let mut cluster = nine_pods();
    for node in &mut cluster.nodes {
        node.labels = labels(&[("role", "edge")]);
    }
    cluster.cluster_policies.push(plain());
    let mut tags = Vec::new();
    for (kind, at) in KINDS.iter().zip(choice) {
        if let Some((tag, apply)) = kind.get(*at) {
            tags.push(*tag);
            apply(&mut cluster);
        }
    }
    Case { tags, before: None, cluster }
}

/// Pods a of x are denied TCP 80 from every pod.
fn plain() -> ClusterPolicy {
    let rule = TierRule {
        name: Some("plain".into()),
        action: Action::Deny,
        peers: vec![TierPeer::Pods(PodsOf::Namespaces(Selector::default()))],
        ports: Some(vec![TierPort::Number(Protocol::Tcp, 80)]),
    };
    ClusterPolicy {
        name: "plain".into(),
        version: PolicyVersion::V1Beta1,
        tier: ClusterTier::Admin,
        priority: 10,
        subject: PodsOf::Pods(by_label("ns", "x"), by_label("pod", "a")),
        ingress: Some(vec![rule]),
        egress: None,
    }
}

fn first(cluster: &mut Cluster, change: impl Fn(&mut ClusterPolicy)) {
    cluster.cluster_policies.first_mut().into_iter().for_each(change);
}

fn each_rule(cluster: &mut Cluster, change: impl Fn(&mut TierRule)) {
    first(cluster, |policy| {
        for direction in Direction::BOTH {
            policy.rules_mut(direction).iter_mut().flatten().for_each(&change);
        }
    });
}

fn peers(cluster: &mut Cluster, peers: &[TierPeer]) {
    each_rule(cluster, |rule| rule.peers = peers.to_vec());
}

/// Peers that only egress rules may have.
fn out(cluster: &mut Cluster, all: &[TierPeer]) {
    first(cluster, |policy| {
        let ingress = policy.ingress.take();
        policy.egress = policy.egress.take().or(ingress);
    });
    peers(cluster, all);
}

fn ports(cluster: &mut Cluster, ports: &[TierPort]) {
    each_rule(cluster, |rule| {
        // No name of a port goes with addresses.
        let addresses = rule.peers.iter().any(|peer| !matches!(peer, TierPeer::Pods(_)));
        let named = ports.iter().any(|port| matches!(port, TierPort::Named(_)));
        if !(addresses && named) {
            rule.ports = Some(ports.to_vec());
        }
    });
}

fn nets(all: &[(&str, u32)]) -> Vec<Net> {
    all.iter().filter_map(|(text, prefix)| Some(Net::of(text.parse().ok()?, *prefix))).collect()
}

/// A second policy like the first, which accepts what that denies and denies all else.
fn second(cluster: &mut Cluster, change: impl Fn(&mut ClusterPolicy)) {
    if let Some(mut other) = cluster.cluster_policies.first().cloned() {
        other.name = "second".into();
        other.version = PolicyVersion::V1Beta1;
        flip(&mut other);
        change(&mut other);
        cluster.cluster_policies.push(other);
    }
}

fn flip(policy: &mut ClusterPolicy) {
    actions(policy, |action| {
        *action = if *action == Action::Deny { Action::Accept } else { Action::Deny };
    });
}

fn actions(policy: &mut ClusterPolicy, change: impl Fn(&mut Action)) {
    for direction in Direction::BOTH {
        let rules = policy.rules_mut(direction).iter_mut().flatten();
        rules.for_each(|rule| change(&mut rule.action));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_feature_meets_each_feature_of_another_kind() {
        let cases = cases();
        for (i, kind) in KINDS.iter().enumerate() {
            for other in KINDS.iter().skip(i + 1) {
                for (a, b) in kind.iter().flat_map(|a| other.iter().map(move |b| (a.0, b.0))) {
                    let meet = |case: &Case| case.tags.contains(&a) && case.tags.contains(&b);
                    assert!(cases.iter().any(meet), "{a} and {b}");
                }
            }
        }
    }
}
