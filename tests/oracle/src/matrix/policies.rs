//! Directions, subjects, rules as wholes, and several policies.

use super::Kind;
use super::build::{
    block, by_expression, by_label, deny_all, direction, number, open_to_all, ports, rules, second,
    subject,
};
use crate::cluster::{Direction, Operator, Peer, Policy, Protocol, Rule, Selector};

/// In which directions policies isolate.
pub const DIRECTIONS: Kind = &[
    (&["direction: ingress"], |p| direction(p, &[Direction::Ingress])),
    (&["direction: egress"], |p| direction(p, &[Direction::Egress])),
    (&["direction: both"], |p| direction(p, &Direction::BOTH)),
];

/// Whom they isolate.
pub const TARGETS: Kind = &[
    (&["target: pods by label"], |p| subject(p, &by_label("pod", "a"))),
    (&["target: every pod"], |p| subject(p, &Selector::default())),
    (&["target: no selector"], |p| p.iter_mut().for_each(|p| p.subject = None)),
    (&["target: pods by expression"], |p| {
        subject(p, &by_expression("pod", Operator::In, &["a", "b"]));
    }),
    (&["target: pods by exclusion"], |p| {
        subject(p, &by_expression("pod", Operator::NotIn, &["a"]));
    }),
    (&["target: nobody"], |p| subject(p, &by_expression("pod", Operator::DoesNotExist, &[]))),
    (&["target: another namespace"], |p| p.iter_mut().for_each(|p| p.namespace = "y".into())),
];

/// How many rules there are, and of what form.
pub const RULES: Kind = &[
    (&["rule: one"], |_| {}),
    (&["rule: deny all"], |p| {
        for policy in p {
            policy.ingress = Some(vec![]);
            policy.egress = None;
        }
    }),
    (&["rule: allow all"], |p| rules(p, |rule| *rule = Rule::default())),
    (&["rule: two"], |p| {
        for policy in p {
            for direction in Direction::BOTH {
                if let Some(rules) = policy.rules_mut(direction) {
                    let peers = Some(vec![Peer::Pods(Some(by_label("ns", "z")), None)]);
                    let ports = Some(vec![number(Some(Protocol::Udp), 81)]);
                    rules.push(Rule { peers, ports });
                }
            }
        }
    }),
    (&["miscellaneous: types left out"], |p| p.iter_mut().for_each(|policy| policy.types = None)),
    (&["miscellaneous: a type twice"], |p| {
        for policy in p {
            let types = policy.types.get_or_insert_default();
            types.extend(types.clone().first());
            types.truncate(2);
        }
    }),
    (&["miscellaneous: a rule twice"], |p| {
        for policy in p {
            for direction in Direction::BOTH {
                policy
                    .rules_mut(direction)
                    .iter_mut()
                    .for_each(|rules| rules.extend(rules.clone()));
            }
        }
    }),
    (&["miscellaneous: rules of a direction that is not named"], |p| {
        for policy in p {
            let rules = policy.ingress.clone().or(policy.egress.clone());
            (policy.ingress, policy.egress) = (rules.clone(), rules);
        }
    }),
];

/// What other policies there are.
pub const STACKS: Kind = &[
    (&["policy-stack: one policy"], |_| {}),
    (&["policy-stack: deny all beside"], |p| {
        second(p, |policy| {
            policy.subject = None;
            policy.ingress = None;
            policy.egress = None;
        });
    }),
    (&["policy-stack: allow all beside"], |p| {
        second(p, |policy| {
            for direction in Direction::BOTH {
                *policy.rules_mut(direction) = Some(vec![Rule::default()]);
            }
        });
    }),
    (&["policy-stack: another port beside"], |p| {
        second(p, |policy| ports(std::slice::from_mut(policy), &[number(None, 81)]));
    }),
    (&["policy-stack: the other end closed"], |p| {
        second(p, |policy| {
            policy.subject = Some(by_label("pod", "b"));
            policy.types = Some(Direction::BOTH.into());
            policy.ingress = None;
            policy.egress = None;
        });
    }),
    (&["policy-stack: three policies"], |p| {
        second(p, |policy| policy.subject = None);
        second(p, |policy| policy.namespace = "y".into());
    }),
    (&["conflict: all pods allowed, addresses not"], |p| {
        beside(p, &[block("0.0.0.0", 31, &[]), vec![every_pod()]]);
    }),
    (&["conflict: all addresses allowed, pods not"], |p| {
        let nobody = Peer::Pods(Some(by_label("ns", "nobody")), None);
        beside(p, &[vec![nobody], block("0.0.0.0", 0, &[])]);
    }),
    (&["conflict: addresses not allowed"], |p| beside(p, &[block("0.0.0.0", 31, &[])])),
    (&["conflict: a block allowed, a smaller one excepted beside"], |p| {
        beside(p, &[block("10.0.0.0", 24, &[("10.0.0.4", 30)]), block("10.0.0.0", 29, &[])]);
    }),
    (&["conflict: egress open, ingress closed"], |p| both_ends(p, Direction::Egress)),
    (&["conflict: ingress open, egress closed"], |p| both_ends(p, Direction::Ingress)),
];

fn every_pod() -> Peer {
    Peer::Pods(Some(Selector::default()), None)
}

/// Further policies like the first one, with these peers and any port.
fn beside(policies: &mut Vec<Policy>, all: &[Vec<Peer>]) {
    for peers in all {
        second(policies, |policy| {
            rules(std::slice::from_mut(policy), |rule| {
                *rule = Rule { peers: Some(peers.clone()), ports: None };
            });
        });
    }
}

/// All pods of x are open in a direction, and those of y closed in the other one.
fn both_ends(policies: &mut Vec<Policy>, open: Direction) {
    second(policies, |policy| {
        *policy = Policy { name: policy.name.clone(), ..open_to_all() };
        policy.types = Some(vec![open]);
    });
    let closed = Direction::BOTH.into_iter().filter(|direction| *direction != open);
    second(policies, |policy| {
        let (namespace, name) = ("y".into(), policy.name.clone());
        *policy = Policy { namespace, name, ..deny_all() };
        policy.types = Some(closed.clone().collect());
    });
}
