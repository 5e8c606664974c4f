//! From any state of a kernel to any program: the steps end where a fresh start ends, and between
//! them no packet is judged otherwise than before or after. Prints what was tried.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "test code"
)]

use std::net::IpAddr;

use portcullis_dataplane_tests::change::change;
use portcullis_dataplane_tests::site::{load, program, sometimes_audited};
use portcullis_dataplane_tests::{Kernel, Packet, Protocol, Verdict};
use portcullis_engine::dataplane::{
    FilterProgram, KernelState, Members, Plan, Settings, Step, plan,
};
use portcullis_engine::net::{ByFamily, Family};
use portcullis_oracle::check::{Engine, edges, ports};
use portcullis_oracle::cluster::Cluster;
use portcullis_oracle::random::Random;

const NODE: &str = "n1";

/// Of every tenth seed no pods share the chain of an Admin tier.
fn settings(seed: u64) -> Settings {
    let walked = if seed.is_multiple_of(10) { 0 } else { usize::MAX };
    let unknown_local = vec!["10.0.0.0/24".parse().unwrap()];
    Settings { unknown_local, walked, ..Settings::default() }
}

fn program_of(cluster: &Cluster, seed: u64) -> FilterProgram {
    let engine = Engine::new(cluster, seed).unwrap_or_else(|mismatch| panic!("{mismatch}"));
    program(&engine.session, NODE, &settings(seed))
}

fn carry_out(kernel: &mut Kernel, step: &Step) {
    let text = step.text();
    let done = match step {
        Step::Sets(_) => kernel.ipset_restore(&text),
        Step::Rules(Family::IPv4, _) => kernel.iptables_restore(4, &text),
        Step::Rules(Family::IPv6, _) => kernel.iptables_restore(6, &text),
    };
    done.unwrap_or_else(|why| panic!("{why}\n{text}"));
}

fn listed(kernel: &Kernel) -> KernelState {
    let tables = ByFamily::from_array([4, 6].map(|family| kernel.iptables_save(family)));
    KernelState::read("PCL", &tables, &kernel.ipset_save())
}

/// A kernel, and what is thought to be in it.
struct Machine {
    kernel: Kernel,
    state: KernelState,
}

impl Machine {
    fn step(&mut self, step: &Step) {
        carry_out(&mut self.kernel, step);
        self.state.apply(step);
        assert_eq!(self.state, listed(&self.kernel), "after\n{}", step.text());
    }

    fn bring(&mut self, program: &FilterProgram, swept: bool) -> Plan {
        let plan = plan(&self.state, program);
        plan.now.iter().for_each(|step| self.step(step));
        if swept {
            plan.sweep.iter().for_each(|step| self.step(step));
        }
        plan
    }
}

#[test]
fn any_state_leads_to_any_program() {
    let mut random = Random::new(7);
    let mut machine = Machine { kernel: Kernel::default(), state: KernelState::default() };
    let mut steps = 0;
    for seed in 0..400 {
        let program = program_of(&sometimes_audited(seed, &mut random), seed);
        // Where the sweep is put off, what was there before is in the way of what comes next.
        let swept = random.chance(50);
        let made = machine.bring(&program, swept);
        steps += made.now.len() + made.sweep.len();
        if swept {
            assert_eq!(machine.kernel, load(&program).unwrap(), "seed {seed}");
            assert!(plan(&machine.state, &program).is_empty());
            assert!(plan(&listed(&machine.kernel), &program).is_empty());
        } else {
            assert!(plan(&machine.state, &program).now.is_empty());
        }
        if random.chance(20) {
            // A restart: what is known is what the kernel lists.
            machine.state = listed(&machine.kernel);
        }
    }
    println!("400 programs one after the other, {steps} steps");
}

fn packets(clusters: [&Cluster; 2]) -> Vec<Packet> {
    let all = clusters.into_iter().flat_map(|cluster| {
        let pods = cluster.pods.iter().flat_map(|pod| pod.addresses.clone());
        pods.chain(edges(cluster)).collect::<Vec<IpAddr>>()
    });
    let mut addresses: Vec<IpAddr> = all.collect();
    addresses.sort_unstable();
    addresses.dedup();
    let mut numbers: Vec<u16> = clusters.into_iter().flat_map(ports).collect();
    numbers.sort_unstable();
    numbers.dedup();
    let mut packets = Vec::new();
    for &from in &addresses {
        for &to in addresses.iter().filter(|to| to.is_ipv4() == from.is_ipv4()) {
            for protocol in [Protocol::Tcp, Protocol::Udp] {
                let one = |&port: &u16| Packet::new(from, to, (protocol, port));
                packets.extend(numbers.iter().map(one));
            }
        }
    }
    packets
}

/// Whether an address is one of the program's own pods.
fn is_local(program: &FilterProgram, address: IpAddr) -> bool {
    let sets = program.families.values().filter_map(|family| family.sets.get(&family.local));
    { sets }.any(|set| matches!(&set.members, Members::Addresses(own) if own.contains(&address)))
}

/// What a kernel says of the egress of each packet, and of the whole of it.
fn judged(kernel: &Kernel, packets: &[Packet]) -> Vec<(bool, bool)> {
    let passes = |hook, packet| kernel.judge(hook, packet) == Verdict::Passes;
    packets.iter().map(|packet| (passes("INPUT", packet), passes("FORWARD", packet))).collect()
}

/// Each end of a packet is judged as before or as after. Of both ends together that cannot be
/// asked: on two nodes they change at two times.
#[test]
fn between_two_programs_nothing_else_is_judged() {
    let mut random = Random::new(3);
    let (mut changes, mut asked, mut membership_only) = (0, 0, 0);
    for seed in 0..700 {
        let before = sometimes_audited(seed, &mut random);
        let mut after = before.clone();
        let what = change(&mut after, &mut random);
        for pod in &mut after.pods {
            pod.spec.node.get_or_insert_with(|| NODE.to_owned());
        }
        let (old, new) = (program_of(&before, seed), program_of(&after, seed + 1));
        let mut machine = Machine { kernel: load(&old).unwrap(), state: KernelState::of(&old) };
        // From an address that a pod has just given up nobody sends: it may be denied for as long
        // as rules still ask about it while sets have the pod's new one.
        let mut packets = packets([&before, &after]);
        packets.retain(|packet| !is_local(&old, packet.source) || is_local(&new, packet.source));
        let was = judged(&machine.kernel, &packets);
        let will = judged(&load(&new).unwrap(), &packets);
        let plan = plan(&machine.state, &new);
        changes += usize::from(!plan.is_empty());
        let rules = |step: &&Step| matches!(step, Step::Rules(..));
        membership_only += usize::from(
            !plan.is_empty() && !plan.now.iter().chain(&plan.sweep).any(|step| rules(&step)),
        );
        for step in plan.now.iter().chain(&plan.sweep) {
            machine.step(step);
            let is = judged(&machine.kernel, &packets);
            for (i, packet) in packets.iter().enumerate() {
                let said = format!("seed {seed}, {what}: {packet:?} after\n{}", step.text());
                let (egress, whole) = (was[i].0 == is[i].0, was[i].1 == is[i].1);
                assert!(egress || will[i].0 == is[i].0, "egress: {said}");
                let open_egress = was[i].0 && is[i].0 && will[i].0;
                assert!(!open_egress || whole || will[i].1 == is[i].1, "ingress: {said}");
                asked += 1;
            }
        }
        assert_eq!(machine.kernel, load(&new).unwrap());
    }
    println!("{changes} changes, {membership_only} of them of members alone, {asked} judgements");
    assert!(changes > 100 && membership_only > 20);
}
