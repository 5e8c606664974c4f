//! A cluster that is kept up to date is the one that would be read afresh, whatever came before
//! and in whatever order.
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout, reason = "test code")]

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::Arc;

use portcullis_dataplane_tests::site::{calico, mixed};
use portcullis_dataplane_tests::watched::{Objects, watched};
use portcullis_engine::cluster::{
    self, AddressSpace, Addresses, AskedLabels, ClusterModel, EndpointId, Life, Undeclared,
};
use portcullis_engine::dataplane::{
    Input, Lowering, RuleOrigin, Settings, UNKNOWN_WIRING, Verifier, ipset_restore,
    iptables_restore,
};
use portcullis_engine::live::{Event, Index};
use portcullis_engine::manifest::{Body, Direction, Object, Stored, read_stored};
use portcullis_engine::policy::{PolicySet, asks};
use portcullis_engine::{Options, SourceFile};
use portcullis_oracle::random::Random;

/// Ways from cluster to cluster, unless `LIVE_RUNS` says more.
const RUNS: u64 = 120;

/// Objects of a random cluster. Clusters of few seeds have much in common, so that they are changes
/// of each other.
fn objects(seed: u64) -> Objects {
    let cluster = if seed % 3 == 2 { calico(seed) } else { mixed(seed) };
    watched(&cluster, seed)
}

/// Whether policies ask for ServiceAccounts, of which none comes.
fn asks_accounts(policies: &[Arc<Object>]) -> bool {
    let of_calico = policies.iter().filter_map(|object| match &object.body {
        Body::CalicoPolicy(policy) => Some(asks(policy)),
        _ => None,
    });
    { of_calico.flatten() }.any(|(key, _)| cluster::ItemLabels::is_of_account(&key))
}

/// A pod as policies see it: labels, ports, node and addresses, and the policies that isolate it.
type Seen = (String, Option<Arc<str>>, Vec<IpAddr>, [Vec<Arc<str>>; 2]);

fn pods(model: &ClusterModel, set: &PolicySet) -> BTreeMap<(String, Arc<str>), Seen> {
    let active = model.endpoints.values().filter(|endpoint| endpoint.life == Life::Active);
    let seen = active.filter_map(|endpoint| {
        let id = endpoint.group?;
        let group = model.groups.get(id)?;
        let namespace = model.namespace_name(group.namespace).to_owned();
        let addresses = match &endpoint.addresses {
            Addresses::Known(addresses) => addresses.to_vec(),
            _ => Vec::new(),
        };
        let policies = Direction::BOTH.map(|direction| {
            let tiers = &set.program(set.program_id(id, direction)).tiers;
            let policies = tiers.iter().flat_map(|tier| &tier.policies);
            let mut names: Vec<_> = policies
                .map(|policy| set.policy(policy.policy).unwrap().object.meta.name.clone())
                .collect();
            names.sort_unstable();
            names
        });
        let group = format!("{:?} {:?}", group.labels, group.ports);
        let node = endpoint.node.clone();
        Some(((namespace, endpoint.name.clone()), (group, node, addresses, policies)))
    });
    seen.collect()
}

/// Who has which address, by namespace and name.
fn holders(model: &ClusterModel) -> BTreeMap<IpAddr, (String, Arc<str>)> {
    let name = |id: &EndpointId| {
        let pod = model.endpoints.get(*id).unwrap();
        let namespace = model.workload_of(pod).unwrap().namespace;
        (model.namespace_name(namespace).to_owned(), pod.name.clone())
    };
    model.by_address.iter().map(|(address, id)| (*address, name(id))).collect()
}

/// What each node remembers of its last program.
type Makers = BTreeMap<Arc<str>, (Lowering, Verifier)>;

/// Programs of all nodes as text, each proven.
fn programs(
    (model, set): (&ClusterModel, &PolicySet),
    nodes: &BTreeSet<Arc<str>>,
    makers: &mut Makers,
) -> Vec<String> {
    let settings = Settings::default();
    let texts = nodes.iter().map(|node| {
        let input =
            Input { model, policies: set, node, settings: &settings, wiring: &UNKNOWN_WIRING };
        let (lowering, verifier) = makers.entry(node.clone()).or_default();
        let program = lowering.lower(input);
        verifier.verify(&program, input).unwrap_or_else(|wrong| panic!("{node}: {wrong:?}"));
        let comment = |origin: &RuleOrigin| {
            let name = &set.policy(origin.policy)?.object.meta.name;
            Some(format!("{name} {} {}", origin.direction.field(), origin.rule))
        };
        let texts = program.families.values().map(|family| {
            format!("{}\n{}", ipset_restore(family), iptables_restore(family, &comment))
        });
        texts.collect::<Vec<String>>().join("\n")
    });
    texts.collect()
}

fn compare((index, makers): (&mut Index, &mut Makers), wanted: &Objects, what: &str) {
    let live = index.session();
    let objects: Vec<Arc<Object>> = wanted.values().cloned().map(Arc::new).collect();
    let is_policy = |object: &&Arc<Object>| object.is_policy();
    let policies: Vec<_> = objects.iter().filter(is_policy).cloned().collect();
    let of_accounts = asks_accounts(&policies);
    let mut model = cluster::build(cluster::Input {
        accounts: &[],
        objects: &objects,
        default_namespace: "default",
        asked: &AskedLabels { of_accounts, ..AskedLabels::default() },
        space: &AddressSpace::default(),
        undeclared: &Undeclared { unlabelled: true, ..Undeclared::default() },
        automatic_hosts: false,
    });
    // Whoever watches a cluster is told of every node that there is, and by the nodes themselves:
    // what pods say of them does not count.
    let declared = model.nodes.iter().filter(|node| node.declared);
    let names = |node: &cluster::Node| node.name.clone();
    let declared: Vec<_> = declared.map(names).collect();
    assert_eq!(live.model().nodes.iter().map(names).collect::<Vec<_>>(), declared, "{what}");
    model.nodes = Arc::clone(&live.model().nodes);
    let set = PolicySet::compile(&model, "default", &policies);
    assert_eq!(pods(live.model(), live.policies()), pods(&model, &set), "{what}");
    assert_eq!(holders(live.model()), holders(&model), "{what}");
    let nodes = model.endpoints.values().filter_map(|endpoint| endpoint.node.clone()).collect();
    let fresh = programs((&model, &set), &nodes, &mut Makers::new());
    let followed = programs((live.model(), live.policies()), &nodes, makers);
    assert_eq!(followed, fresh, "{what}");
}

/// Events that lead from one state to another: some objects twice, some through a state that was
/// not asked for, some kinds as a list.
fn way(from: &Objects, to: &Objects, random: &mut Random) -> Vec<Event> {
    let put = |object: &Object| Event::Put(Box::new(object.clone()));
    let mut events: Vec<Vec<Event>> = Vec::new();
    let listed: BTreeSet<Stored> = Stored::ALL.into_iter().filter(|_| random.chance(25)).collect();
    for (key @ (kind, name), object) in to.iter().filter(|(key, _)| !listed.contains(&key.0)) {
        let detour = random.chance(15).then(|| match from.get(key) {
            Some(before) if random.chance(50) => put(before),
            _ => Event::Gone(*kind, name.clone()),
        });
        let twice = random.chance(10).then(|| put(object));
        events.push(detour.into_iter().chain([put(object)]).chain(twice).collect());
    }
    for (kind, name) in from.keys().filter(|key| !to.contains_key(key) && !listed.contains(&key.0))
    {
        events.push(vec![Event::Gone(*kind, name.clone())]);
    }
    for kind in listed {
        let mut objects: Vec<_> =
            to.iter().filter(|(key, _)| key.0 == kind).map(|(_, object)| put(object)).collect();
        random.shuffle(&mut objects);
        objects.insert(0, Event::Begin(kind));
        objects.push(Event::End(kind));
        events.push(objects);
    }
    random.shuffle(&mut events);
    events.into_iter().flatten().collect()
}

#[test]
fn any_way_to_a_cluster_leads_to_the_same() {
    let runs = std::env::var("LIVE_RUNS").ok().and_then(|text| text.parse().ok()).unwrap_or(RUNS);
    let mut compared = 0;
    for run in 0..runs {
        let mut random = Random::new(run);
        let mut index = Index::new(Options::default());
        let mut makers = Makers::new();
        let mut now = BTreeMap::new();
        for step in 0..5 {
            // Half of the time back to a cluster that shares objects with this one.
            let next = match random.chance(40) {
                true => {
                    let mut part = objects(run * 5 + step);
                    part.extend(now.clone());
                    part.into_iter().filter(|_| random.chance(70)).collect()
                }
                false => objects(random.number() % 1000),
            };
            let mut events = way(&now, &next, &mut random);
            let ask = random.below(events.len().max(1));
            for event in events.drain(..ask) {
                index.take(event);
            }
            // Asked in between, so that what follows is a change; the answer is kept or not.
            let kept = index.session();
            drop(random.chance(50).then_some(kept));
            events.into_iter().for_each(|event| index.take(event));
            compare((&mut index, &mut makers), &next, &format!("run {run}, step {step}"));
            compared += 1;
            now = next;
        }
    }
    println!("{compared} states are as read afresh");
}

#[test]
fn a_list_is_whole_only_at_its_end() {
    let mut index = Index::new(Options::default());
    for kind in Stored::ALL {
        assert!(!index.is_complete());
        index.take(Event::Begin(kind));
        assert!(!index.is_complete());
        index.take(Event::End(kind));
    }
    assert!(index.is_complete());
}

/// What is said of a node is what was said last, its pods' blocks included.
#[test]
fn nodes_change() {
    let node = |spec: &str, address: &str| {
        let text = format!(
            "{{apiVersion: v1, kind: Node, metadata: {{name: node-1}}, spec: {spec}, \
             status: {{addresses: [{{address: {address}}}]}}}}"
        );
        let file = SourceFile::new("node.yaml", text.as_bytes());
        Object::clone(file.parts.first().unwrap().document.objects.first().unwrap())
    };
    let mut index = Index::new(Options::default());
    let mut after = |object: Object| {
        index.apply(object);
        let session = index.session();
        let [node] = session.model().nodes.as_slice() else { panic!() };
        format!("{:?} {:?}", node.addresses, node.pod_cidrs)
    };
    assert_eq!(after(node("{}", "192.0.2.1")), "[192.0.2.1] []");
    let block = "{podCIDRs: [10.0.1.0/24]}";
    assert_eq!(after(node(block, "192.0.2.1")), "[192.0.2.1] [10.0.1.0/24]");
    assert_eq!(after(node(block, "192.0.2.2")), "[192.0.2.2] [10.0.1.0/24]");
}

/// Of two pods that claim an address, a node believes its own, whatever others claim; of others,
/// the one whose node's blocks have it; and the newest where nothing else says.
#[test]
fn a_pod_elsewhere_takes_no_address_away() {
    let put = |text: &str| {
        let file = SourceFile::new("a.yaml", text.as_bytes());
        let object = file.parts.first().unwrap().document.objects.first().unwrap();
        Event::Put(Box::new(Object::clone(object)))
    };
    let pod = |name: &str, node: &str, day: u8| {
        put(&format!(
            "{{apiVersion: v1, kind: Pod, metadata: {{name: {name}, namespace: a, \
             creationTimestamp: '2026-01-0{day}T00:00:00Z'}}, spec: {{nodeName: {node}}}, \
             status: {{phase: Running, podIP: 10.0.1.2}}}}"
        ))
    };
    let node = |block: &str| {
        put(&format!(
            "{{apiVersion: v1, kind: Node, metadata: {{name: n1}}, spec: {{podCIDRs: [{block}]}}}}"
        ))
    };
    let (ours, others, newer) = (pod("o", "n1", 1), pod("p", "n2", 2), pod("q", "n1", 3));
    let gone = |name: &str| Event::Gone(Stored::Pod, ("a".into(), name.into()));
    let steps = [
        (ours, ["o", "o", "o"]),
        (others.clone(), ["o", "p", "p"]),
        (node("10.0.1.0/24"), ["o", "p", "o"]),
        (newer.clone(), ["q", "p", "q"]),
        (node("10.0.2.0/24"), ["q", "p", "q"]),
        (gone("q"), ["o", "p", "p"]),
        (node("10.0.1.0/24"), ["o", "p", "o"]),
        // Of two on one node, the newest.
        (pod("p", "n1", 2), ["p", "p", "p"]),
        (others, ["o", "p", "o"]),
        (Event::Gone(Stored::Node, ("".into(), "n1".into())), ["o", "p", "p"]),
        (gone("o"), ["p"; 3]),
        (newer, ["q", "p", "q"]),
    ];
    let sees = |node: &str| Index::of_node(Options::default(), node);
    let mut indices = [sees("n1"), sees("n2"), Index::new(Options::default())];
    for (at, (event, expected)) in steps.into_iter().enumerate() {
        let holders = indices.each_mut().map(|index| {
            index.take(event.clone());
            let session = index.session();
            let holders = holders(session.model());
            let active = |pod: &&cluster::Endpoint| pod.life == Life::Active;
            assert_eq!(session.model().endpoints.values().filter(active).count(), 1);
            holders.values().next().unwrap().1.to_string()
        });
        assert_eq!(holders, expected, "step {at}");
    }
}

/// Pods of ever new labels come and go: what nobody uses any more does not stay.
#[test]
fn churn_leaves_nothing_behind() {
    let pod = |number: u32| {
        let text = format!(
            "apiVersion: v1\nkind: Pod\nmetadata: {{name: p{number}, namespace: a, labels: {{n: v{number}}}}}\n\
             spec: {{nodeName: n1}}\nstatus: {{phase: Running, podIP: 10.0.{}.{}}}\n",
            number / 200 % 200,
            number % 200 + 1
        );
        let file = SourceFile::new("pod.yaml", text.as_bytes());
        Object::clone(file.parts.first().unwrap().document.objects.first().unwrap())
    };
    let mut index = Index::new(Options::default());
    let mut most = 0;
    for number in 0..20_000 {
        index.apply(pod(number));
        if let Some(old) = number.checked_sub(20) {
            index.delete(Stored::Pod, &("a".into(), format!("p{old}").into()));
        }
        if number % 50 == 0 {
            most = most.max(index.session().model().groups.len());
        }
    }
    let session = index.session();
    assert!(most < 3_000, "{most} groups for 20 pods");
    assert!(session.model().endpoints.len() < 30);
    assert_eq!(session.model().by_address.len(), 20);
}

/// What is resident of this process, in megabytes.
fn resident() -> usize {
    let text = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    let pages = text.split_whitespace().nth(1).and_then(|pages| pages.parse::<usize>().ok());
    pages.unwrap_or_default() * 4096 / 1_000_000
}

fn pod_of_many(number: usize, label: usize) -> Object {
    let (namespace, address) = (number % 500, (number >> 16, number >> 8 & 255, number & 255));
    let text = format!(
        r#"{{"metadata":{{"name":"application-{}-5d9c7b8f6-{number:05x}","namespace":"namespace-{namespace}",
        "creationTimestamp":"2026-01-{:02}T{:02}:{:02}:00Z","labels":{{"app":"application-{label}",
        "pod-template-hash":"5d9c7b8f6","tier":"t{}","app.kubernetes.io/part-of":"suite-{namespace}"}}}},
        "spec":{{"nodeName":"node-{}","containers":[{{"ports":[{{"name":"http","containerPort":8080}}]}}]}},
        "status":{{"phase":"Running","podIP":"10.{}.{}.{}"}}}}"#,
        label,
        number % 28 + 1,
        number % 24,
        number % 60,
        label % 3,
        number % 5000,
        address.0,
        address.1,
        address.2,
    );
    read_stored(&text, Stored::Pod).0.unwrap()
}

fn policy_of_many(number: usize) -> Object {
    let text = format!(
        r#"{{"metadata":{{"name":"policy-{number}","namespace":"namespace-{}"}},"spec":{{
        "podSelector":{{"matchLabels":{{"app":"application-{}"}}}},"policyTypes":["Ingress"],
        "ingress":[{{"from":[{{"podSelector":{{"matchLabels":{{"tier":"t{}"}}}}}}]}}]}}}}"#,
        number % 500,
        number / 500 % 20,
        number % 3,
    );
    read_stored(&text, Stored::Policy).0.unwrap()
}

/// The largest clusters that Kubernetes supports. Prints what it takes; asked for by name, since
/// it wants a process of its own.
#[test]
#[ignore = "measures this process: run it alone, with --release"]
fn what_the_largest_clusters_take() {
    const PODS: usize = 150_000;
    let clock = std::time::Instant::now;
    let before = resident();
    let mut index = Index::new(Options::default());
    index.reset(Stored::Namespace, []);
    index.reset(Stored::Node, []);
    let start = clock();
    index.reset(Stored::Pod, (0..PODS).map(|number| pod_of_many(number, number / 500 % 20)));
    println!("{PODS} pods: {} MB, read in {:?}", resident() - before, start.elapsed());
    index.reset(Stored::Policy, (0..10_000).map(policy_of_many));
    let start = clock();
    let groups = index.session().model().groups.len();
    println!(
        "10,000 policies, {groups} groups: {} MB, compiled in {:?}",
        resident() - before,
        start.elapsed()
    );
    let changes = [("as before", 0), ("of a known group", 1), ("of a new one", 1000)];
    for (what, label) in changes {
        let start = clock();
        index.apply(pod_of_many(0, label));
        index.session();
        println!("a pod {what}: {:?}", start.elapsed());
    }
    let start = clock();
    index.apply(policy_of_many(10_001));
    index.session();
    println!("a policy: {:?}; at last {} MB", start.elapsed(), resident() - before);
}
