//! Trying a property on many clusters.

use super::{Cluster, Rng, cluster, smallest};

/// How many clusters a property is tried on, unless `CLUSTERS` asks for more.
const CLUSTERS: u64 = 60;

/// Tries a property on the clusters of the first seeds, or of `SEED` alone.
///
/// # Panics
/// If it does not hold: with the seed, and the smallest cluster of which it still does not.
#[expect(clippy::panic, reason = "a property that does not hold is a test that fails")]
#[expect(clippy::print_stdout, reason = "how much was tried belongs to the result of a test")]
pub fn hold(name: &str, property: impl Fn(&Cluster, u64) -> Result<(), String>) {
    let number = |name: &str| std::env::var(name).ok()?.parse::<u64>().ok();
    let all = 0..number("CLUSTERS").unwrap_or(CLUSTERS);
    let seeds = number("SEED").map_or(all, |seed| seed..seed + 1);
    let tried = seeds.end - seeds.start;
    for seed in seeds {
        let cluster = cluster(&mut Rng::new(seed));
        if let Err(why) = property(&cluster, seed) {
            let (cluster, why) = smallest(cluster, why, &|cluster| property(cluster, seed));
            let options = cluster.options.arguments();
            panic!("{name}, SEED={seed}: {why}\noptions {options:?}\n{}", cluster.yaml());
        }
    }
    println!("{name}: {tried} clusters");
}
