//! Ordered tiers in the kernel: random packets through random programs with policies for all
//! namespaces, where what is not known must be closed. Prints what was compared.
#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "test code")]

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::sync::Arc;

use portcullis_dataplane_tests::mutate::{mutate, mutations};
use portcullis_dataplane_tests::polarity::{Answer, answer, asked};
use portcullis_dataplane_tests::site::{Site, addresses, load, mixed, with_addresses};
use portcullis_dataplane_tests::{Packet, Verdict as Kernel};
use portcullis_engine::dataplane::{Input, Settings, UNKNOWN_WIRING, lower, verify};
use portcullis_engine::manifest::Direction;
use portcullis_engine::selector::Match;
use portcullis_engine::verdict::{
    EndVerdict, NoTrace, UnknownReason, Verdict, judge, judge_by_name, own_node,
};
use portcullis_oracle::check::{every_protocol, of_protocol, ports};
use portcullis_oracle::oracle::{self, End, Traffic, worlds_of};
use portcullis_oracle::random::Random;

/// Random clusters, unless `TIER_CLUSTERS` says more.
const CLUSTERS: u64 = 600;

#[derive(Default, Debug)]
struct Counts {
    allowed: usize,
    denied: usize,
    closed: usize,
    ties: usize,
    own_node: usize,
    asked_oracle: usize,
}

fn clusters() -> u64 {
    let more = std::env::var("TIER_CLUSTERS").ok().and_then(|n| n.parse().ok());
    more.unwrap_or(CLUSTERS)
}

#[test]
fn kernels_pass_what_is_certain_to_pass() {
    let mut counts = Counts::default();
    for seed in 0..clusters() {
        compare(seed, &mut counts);
    }
    println!("{counts:?}");
    assert!(counts.allowed > 10_000 && counts.denied > 10_000, "{counts:?}");
    assert!(counts.closed > 1_000 && counts.ties > 100, "{counts:?}");
}

/// What the kernel's rules are to say of both ends, and what verdicts say.
type Ends = [(Answer, EndVerdict, EndVerdict); 2];

fn ends(site: &Site, (from, to): (IpAddr, IpAddr), traffic: Traffic) -> Ends {
    let (model, policies) = (site.session.model(), site.session.policies());
    let ways = [(Direction::Egress, from, to), (Direction::Ingress, to, from)];
    let flow = (of_protocol(traffic.protocol), traffic.port);
    ways.map(|way| {
        asked(model, way, flow, |question| {
            let verdict = judge(policies, question, &mut NoTrace);
            (answer(policies, question), verdict, judge_by_name(policies, question))
        })
    })
}

fn compare(seed: u64, counts: &mut Counts) {
    let cluster = mixed(seed);
    let site = Site::new(&cluster, seed, (&Settings::default(), &UNKNOWN_WIRING)).unwrap();
    for (node, (program, _)) in &site.nodes {
        let (model, policies) = (site.session.model(), site.session.policies());
        let input = Input {
            model,
            policies,
            node,
            settings: &Settings::default(),
            wiring: &UNKNOWN_WIRING,
        };
        assert!(verify(program, input).is_ok(), "seed {seed}, {node}");
    }
    let addresses = addresses(&cluster);
    let traffic = every_protocol(&ports(&cluster));
    for &from in &addresses {
        for &to in addresses.iter().filter(|to| to.is_ipv4() == from.is_ipv4()) {
            let worlds = worlds_of(&cluster, &End::Address(from), &End::Address(to));
            for one in &traffic {
                let Some(passes) = site.passes(from, to, *one) else { break };
                let ends = ends(&site, (from, to), *one);
                let what = format!("seed {seed}: {from} -> {to} {one:?}: {passes}, {ends:?}");
                if ends.iter().any(|end| end.1.reason == Some(UnknownReason::Node)) {
                    counts.own_node += 1;
                    continue;
                }
                assert_eq!(passes, ends.iter().all(|end| end.0.admits), "{what}");
                judged(passes, &ends, counts, &what);
                if (counts.allowed + counts.denied).is_multiple_of(31) {
                    counts.asked_oracle += 1;
                    let said = oracle::verdict(&cluster, &worlds, one);
                    assert!(said != Some(oracle::Verdict::Deny) || !passes, "{what}");
                }
            }
        }
    }
}

/// What passes is allowed in every case that fits the input, and what is allowed passes unless
/// something was in doubt on the way.
fn judged(passes: bool, ends: &Ends, counts: &mut Counts, what: &str) {
    let by_name = ends.iter().map(|end| end.2.verdict).min().unwrap();
    if ends.iter().any(|end| end.1.reason == Some(UnknownReason::Tie)) {
        counts.ties += 1;
        for end in ends.iter().filter(|end| end.1.reason == Some(UnknownReason::Tie)) {
            assert!(end.2.verdict != Verdict::Unknown, "a tie is decided by names: {what}");
        }
    }
    assert!(!passes || by_name == Verdict::Allow, "{what}");
    let certain = ends.iter().all(|end| end.0.certain);
    assert!(passes || by_name != Verdict::Allow || !certain, "{what}");
    match (passes, by_name) {
        (true, _) => counts.allowed += 1,
        (false, Verdict::Deny) => counts.denied += 1,
        (false, _) => counts.closed += 1,
    }
}

/// Pods of which it is not known whether policies select or name them: nothing that is in doubt
/// opens anything for them.
#[test]
fn doubts_close() {
    let (settings, mut counts) = (Settings::default(), Counts::default());
    let (mut random, mut caught) = (Random::new(13), 0);
    for seed in 0..clusters() {
        let cluster = mixed(seed);
        let site = Site::new(&cluster, seed, (&settings, &UNKNOWN_WIRING)).unwrap();
        let policies = site.session.policies();
        if policies.sets().values().all(|set| set.unknown.is_empty()) {
            continue;
        }
        let (model, given) = with_addresses(site.session.model());
        let nodes: BTreeSet<Arc<str>> =
            model.endpoints.values().filter_map(|one| one.node.clone()).collect();
        let others: Vec<IpAddr> = addresses(&cluster).into_iter().filter(IpAddr::is_ipv4).collect();
        for node in &nodes {
            let input = Input {
                model: &model,
                policies,
                node,
                settings: &settings,
                wiring: &UNKNOWN_WIRING,
            };
            let program = lower(input);
            verify(&program, input).unwrap_or_else(|wrong| panic!("seed {seed}: {wrong:#?}"));
            let kernel = load(&program).unwrap();
            let spoiled = mutations().into_iter().filter_map(|kind| {
                let spoiled = mutate(&program, kind, &mut random)?;
                Some((kind, load(&spoiled).ok()?, spoiled))
            });
            let mut spoiled: Vec<_> = spoiled.collect();
            let on_node = |address: &IpAddr| {
                let at = model.by_address.get(address);
                let pod = at.and_then(|at| model.endpoints.get(*at));
                pod.is_some_and(|pod| pod.node.as_ref() == Some(node))
            };
            let pairs = given.iter().flat_map(|one| others.iter().map(move |two| (*one, *two)));
            let pairs = pairs.flat_map(|(one, two)| [(one, two), (two, one)]);
            for (from, to) in pairs.filter(|(from, to)| on_node(from) || on_node(to)) {
                for one in every_protocol(&ports(&cluster)) {
                    let flow = (of_protocol(one.protocol), one.port);
                    let ways = [(Direction::Egress, from, to), (Direction::Ingress, to, from)];
                    // What a node sends to its own pods is not forwarded.
                    let from_node =
                        asked(&model, (Direction::Ingress, to, from), flow, |question| {
                            own_node(question.direction, question.subject, question.peer)
                        });
                    if from_node != Match::No {
                        break;
                    }
                    let own = ways.into_iter().filter(|way| on_node(&way.1));
                    let answers: Vec<Answer> = own
                        .map(|way| asked(&model, way, flow, |question| answer(policies, question)))
                        .collect();
                    let protocol = portcullis_dataplane_tests::site::protocol(one.protocol);
                    let packet = Packet::new(from, to, (protocol, one.port));
                    let passes = kernel.judge("FORWARD", &packet) == Kernel::Passes;
                    let admits = answers.iter().all(|one| one.admits);
                    assert_eq!(passes, admits, "seed {seed}, {node}: {packet:?} {answers:?}");
                    spoiled.retain(|(kind, kernel, program)| {
                        if (kernel.judge("FORWARD", &packet) == Kernel::Passes) == passes {
                            return true;
                        }
                        let found = verify(program, input);
                        assert!(found.is_err(), "seed {seed}, {node}: {kind} is missed");
                        caught += 1;
                        false
                    });
                    let certain = answers.iter().all(|one| one.certain);
                    counts.allowed += usize::from(passes);
                    counts.denied += usize::from(!passes && certain);
                    counts.closed += usize::from(!passes && !certain);
                }
            }
        }
    }
    println!("{counts:?}, {caught} spoiled programs caught");
    assert!(counts.allowed > 1_000 && counts.closed > 1_000 && caught > 100, "{counts:?}");
}
