//! Compares the engine with the oracle on random clusters.
//!
//! `portcullis-oracle [COUNT [FIRST [FLOWS]]]`: that many seeds from the first one on, with that
//! many flows of each pair asked one by one; prints what was compared, and every disagreement,
//! shrunk. `portcullis-oracle show SEED` prints a cluster, and `portcullis-oracle properties COUNT
//! [FIRST]` tries what must hold whatever the answers are. With `--calico` clusters have Calico's
//! policies, tiers and sets too, with `--hosts` host endpoints as well.

use std::collections::BTreeMap;
use std::io::{Write, stdout};
use std::process::ExitCode;

use portcullis_oracle::check::{Counts, Effort, PROPERTIES, compare, holds, shrink, shrink_by};
use portcullis_oracle::cluster::Cluster;
use portcullis_oracle::{generate, write};

/// Disagreements of one sort that are shrunk and shown; others are only counted.
const SHOWN: u32 = 2;

/// The cluster of a seed.
type Generate = fn(u64) -> Cluster;

fn main() -> Result<ExitCode, Box<dyn std::error::Error>> {
    let mut arguments: Vec<String> = std::env::args().skip(1).collect();
    let calico = arguments.iter().any(|argument| argument == "--calico");
    arguments.retain(|argument| argument != "--calico");
    let hosts = arguments.iter().any(|argument| argument == "--hosts");
    arguments.retain(|argument| argument != "--hosts");
    let generate: Generate = match (calico, hosts) {
        (_, true) => generate::hosts,
        (true, false) => generate::calico,
        (false, false) => generate::mixed,
    };
    if let [show, seed] = arguments.as_slice()
        && show == "show"
    {
        let cluster = generate(seed.parse()?);
        for (name, text) in write::files(&cluster, seed.parse()?) {
            writeln!(stdout(), "# {name}\n{text}")?;
        }
        return Ok(ExitCode::SUCCESS);
    }
    let properties = arguments.first().is_some_and(|first| first == "properties");
    let mut numbers =
        arguments.iter().skip(usize::from(properties)).map(|argument| argument.parse::<u64>());
    let mut next = |default: u64| numbers.next().unwrap_or(Ok(default));
    let (count, first, flows) = (next(1_000)?, next(0)?, next(6)?);
    if properties {
        return try_properties(generate, first..first + count);
    }
    run(generate, first..first + count, usize::try_from(flows)?)
}

fn try_properties(
    generate: Generate,
    seeds: std::ops::Range<u64>,
) -> Result<ExitCode, Box<dyn std::error::Error>> {
    let mut out = stdout();
    let mut failed = 0;
    for property in PROPERTIES {
        let (mut tried, mut shown) = (0, 0);
        for seed in seeds.clone() {
            let cluster = generate(seed);
            let mismatch = match holds(&property, &cluster, seed) {
                Ok(is) => {
                    tried += u32::from(is);
                    continue;
                }
                Err(mismatch) => mismatch,
            };
            failed += 1;
            shown += 1;
            if shown <= SHOWN {
                let fails = |one: &Cluster| holds(&property, one, seed).err();
                let (small, mismatch) = shrink_by(&cluster, mismatch, fails);
                writeln!(out, "seed {seed}: {mismatch}")?;
                print_cluster(&mut out, &small)?;
            }
        }
        writeln!(out, "{tried} clusters, {shown} failed: {}", property.name)?;
    }
    Ok(if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn print_cluster(out: &mut impl Write, cluster: &Cluster) -> std::io::Result<()> {
    let (pods, nodes) = (&cluster.pod_cidrs, &cluster.node_cidrs);
    writeln!(out, "  --pod-cidr {pods:?} --node-cidr {nodes:?} --domain {:?}", cluster.domains)?;
    writeln!(out, "{}\n", write::readable(cluster))
}

fn run(
    generate: Generate,
    seeds: std::ops::Range<u64>,
    flows_per_pair: usize,
) -> Result<ExitCode, Box<dyn std::error::Error>> {
    let mut out = stdout();
    let mut total = Counts::default();
    let mut sorts: BTreeMap<String, u32> = BTreeMap::new();
    let all = seeds.end - seeds.start;
    for seed in seeds {
        let cluster = generate(seed);
        let effort = Effort { seed, flows_per_pair };
        match compare(&cluster, effort) {
            Ok(counts) => total.add(&counts),
            Err(mismatch) => {
                let known = sorts.entry(mismatch.sort.clone()).or_default();
                *known += 1;
                if *known <= SHOWN {
                    let (small, mismatch) = shrink(&cluster, effort, mismatch);
                    writeln!(out, "seed {seed}: {mismatch}")?;
                    print_cluster(&mut out, &small)?;
                }
            }
        }
    }
    let failed: u32 = sorts.values().sum();
    writeln!(out, "{all} clusters, {failed} with a disagreement")?;
    writeln!(out, "in the others: {total}")?;
    for (sort, count) in &sorts {
        writeln!(out, "{count:6}  {sort}")?;
    }
    Ok(if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
