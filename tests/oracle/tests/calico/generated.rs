//! Whether random clusters would find an engine out that errs: for each thing that it may overlook
//! there are some in which that changes an answer.

use portcullis_oracle::check::{pairs, ports};
use portcullis_oracle::cluster::calico::{
    CalicoAction, CalicoPolicy, CalicoPort, CalicoRule, Entity, Expression, Group, Order, TierEnd,
};
use portcullis_oracle::cluster::{Cluster, Direction, Protocol};
use portcullis_oracle::generate;
use portcullis_oracle::oracle::calico::{Carried, verdict};
use portcullis_oracle::oracle::{Traffic, Verdict};

/// Clusters that are tried until an answer differs.
const MOST: u64 = 2_000;

fn answers(cluster: &Cluster, of: &Cluster) -> Vec<Option<Verdict>> {
    let mut all = Vec::new();
    let ports = ports(of);
    for (i, pair) in pairs(of).iter().enumerate().step_by(2) {
        all.push(verdict(cluster, &pair.worlds, Carried::Portless));
        for port in ports.iter().skip(i % 3).step_by(3) {
            let protocol = *Protocol::ALL.iter().cycle().nth(i / 2).unwrap();
            let traffic = Traffic { protocol, port: *port };
            all.push(verdict(cluster, &pair.worlds, Carried::Ported(traffic)));
        }
    }
    all
}

/// Worlds are those of the cluster as it is: what policies ask of labels is the same in both.
fn is_found(what: &str, change: &dyn Fn(&mut Cluster)) {
    let found = (0..MOST).any(|seed| {
        let cluster = generate::calico(seed);
        let mut other = cluster.clone();
        change(&mut other);
        other != cluster && answers(&cluster, &cluster) != answers(&other, &cluster)
    });
    assert!(found, "{what}: nothing differs in {MOST} clusters");
}

fn policies(change: impl Fn(&mut CalicoPolicy)) -> impl Fn(&mut Cluster) {
    move |cluster| cluster.calico.policies.iter_mut().for_each(&change)
}

fn rules(change: impl Fn(&mut CalicoRule)) -> impl Fn(&mut Cluster) {
    policies(move |policy| {
        for direction in Direction::BOTH {
            policy.rules_mut(direction).iter_mut().flatten().for_each(&change);
        }
    })
}

fn entities(change: impl Fn(&mut Entity)) -> impl Fn(&mut Cluster) {
    rules(move |rule| {
        change(&mut rule.source);
        change(&mut rule.destination);
    })
}

#[test]
fn what_policies_say() {
    is_found("group", &policies(|one| one.group = Group::Public));
    is_found("order", &policies(|one| one.order = None));
    is_found("no order", &policies(|one| one.order = one.order.or(Some(Order(0)))));
    is_found("staged", &policies(|one| one.staged = false));
    is_found("annotation", &policies(|one| one.annotation = None));
    is_found("names", &policies(|one| one.name = one.name.replace('-', "z")));
    is_found("tier", &policies(|one| one.tier = None));
    is_found(
        "a missing tier",
        &policies(|one| {
            one.tier = one.tier.take().filter(|tier| tier != "gone");
        }),
    );
    is_found("selector", &policies(|one| one.selector = None));
    is_found("accounts", &policies(|one| one.accounts = None));
    is_found("namespaces", &policies(|one| one.namespaces = None));
    is_found("stage", &policies(|one| one.stage = None));
    is_found("types", &policies(|one| one.types = Some(Direction::BOTH.into())));
}

#[test]
fn what_rules_say() {
    let act = |from, to| {
        rules(move |rule| {
            if rule.action == from {
                rule.action = to;
            }
        })
    };
    is_found("Log", &act(CalicoAction::Log, CalicoAction::Allow));
    is_found("Pass", &act(CalicoAction::Pass, CalicoAction::Allow));
    is_found("Pass goes on", &act(CalicoAction::Pass, CalicoAction::Log));
    is_found("ipVersion", &rules(|rule| rule.ip_version = None));
    is_found("protocol", &rules(|rule| rule.protocol = None));
    is_found("notProtocol", &rules(|rule| rule.not_protocol = None));
    is_found("source ports", &rules(|rule| rule.source.ports.clear()));
    is_found("source notPorts", &rules(|rule| rule.source.not_ports.clear()));
}

#[test]
fn what_ends_of_rules_say() {
    is_found("nets", &entities(|end| end.nets.clear()));
    is_found("notNets", &entities(|end| end.not_nets.clear()));
    is_found("selector", &entities(|end| end.selector = None));
    is_found("notSelector", &entities(|end| end.not_selector = None));
    is_found("namespaceSelector", &entities(|end| end.namespaces = None));
    is_found("serviceAccounts", &entities(|end| end.accounts = None));
    is_found("ports", &entities(|end| end.ports.clear()));
    is_found("notPorts", &entities(|end| end.not_ports.clear()));
    let named = |port: &CalicoPort| matches!(port, CalicoPort::Named(_));
    is_found(
        "names of ports",
        &entities(move |end| {
            if end.ports.iter().any(|port| !named(port)) {
                end.ports.retain(|port| !named(port));
            }
        }),
    );
    is_found(
        "global()",
        &entities(|end| {
            if end.namespaces == Some(Expression::Global) {
                end.namespaces = Some(Expression::All);
            }
        }),
    );
    is_found(
        "all()",
        &entities(|end| {
            if end.namespaces == Some(Expression::All) {
                end.namespaces = None;
            }
        }),
    );
    is_found(
        "a negative one alone",
        &entities(|end| {
            if end.selector.is_none() && end.namespaces.is_none() && end.accounts.is_none() {
                end.selector = end.not_selector.take().map(Expression::negated);
            }
        }),
    );
    is_found(
        "both together",
        &entities(|end| {
            if end.selector.is_some() {
                end.not_selector = None;
            }
        }),
    );
}

#[test]
fn what_other_objects_say() {
    is_found("tiers' orders", &|cluster| {
        cluster.calico.tiers.iter_mut().for_each(|tier| tier.order = None);
    });
    is_found("tiers without orders", &|cluster| {
        let tiers = cluster.calico.tiers.iter_mut();
        tiers.for_each(|tier| tier.order = tier.order.or(Some(Order::whole(20_000_000))));
    });
    is_found("tiers' ends", &|cluster| {
        cluster.calico.tiers.iter_mut().for_each(|tier| tier.end = Some(TierEnd::Deny));
    });
    is_found("sets", &|cluster| cluster.calico.sets.iter_mut().for_each(|set| set.nets.clear()));
    is_found("sets at pods", &|cluster| {
        let pods: Vec<_> = cluster.pods.iter().flat_map(|pod| pod.addresses.clone()).collect();
        for set in &mut cluster.calico.sets {
            set.nets.retain(|net| !pods.iter().any(|address| net.contains(*address)));
        }
    });
    is_found("annotations of sets", &|cluster| {
        cluster.calico.sets.iter_mut().for_each(|set| set.annotation = None);
    });
    is_found("namespaces of sets", &|cluster| {
        cluster.calico.sets.iter_mut().for_each(|set| set.namespace = None);
    });
    is_found("own labels before inherited ones", &|cluster| {
        cluster.calico.sets.iter_mut().for_each(|set| {
            set.labels.remove("pcns.team");
        });
    });
    is_found("labels of accounts", &|cluster| {
        cluster.calico.accounts.iter_mut().for_each(|account| account.labels.clear());
    });
    is_found("policies of Kubernetes", &|cluster| cluster.policies.clear());
    is_found("policies for all", &|cluster| cluster.cluster_policies.clear());
}
