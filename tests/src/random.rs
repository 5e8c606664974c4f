//! Random clusters, as the objects that describe them, and properties that hold of every one. The
//! clusters are those that the oracle is asked about; a failure names its seed and shows the
//! smallest cluster that still fails.

use std::num::NonZero;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Mutex, PoisonError};

use portcullis_engine::report::Protocol;
use portcullis_engine::{Change, Session, SourceFile};
use portcullis_oracle::check::{Mismatch, shrink_by};
use portcullis_oracle::cluster::Cluster as Model;
pub use portcullis_oracle::random::Random;
use portcullis_oracle::tree::Tree;
use portcullis_oracle::{generate, write};
use serde_json::{Value, json};

use crate::cases::CaseOptions;

/// How many clusters a property is tried on, unless `CLUSTERS` asks for more.
const CLUSTERS: u64 = 40;

/// A port of every kind that random clusters tell apart, and one of every protocol.
pub const PORTS: [(Protocol, u16); 7] = [
    (Protocol::Tcp, 1),
    (Protocol::Tcp, 80),
    (Protocol::Tcp, 81),
    (Protocol::Tcp, 8080),
    (Protocol::Tcp, 65535),
    (Protocol::Udp, 80),
    (Protocol::Sctp, 80),
];

/// A cluster, as the objects that describe it.
#[derive(Clone, Debug, Default)]
pub struct Cluster {
    /// The objects, each identity once.
    pub objects: Vec<Value>,
    /// What they do not say.
    pub options: CaseOptions,
}

impl Cluster {
    /// The cluster of a seed. Two of three have policies for all namespaces as well.
    pub fn of(seed: u64) -> Self {
        Self::written(&generate::mixed(seed), seed)
    }

    /// A cluster in the style of a seed.
    fn written(model: &Model, seed: u64) -> Self {
        let domain = |(name, address): &(String, std::net::IpAddr)| format!("{name}={address}");
        let options = CaseOptions {
            pod_cidrs: model.pod_cidrs.iter().map(ToString::to_string).collect(),
            node_cidrs: model.node_cidrs.iter().map(ToString::to_string).collect(),
            domain_names: model.domains.iter().map(domain).collect(),
            ..CaseOptions::default()
        };
        Self { objects: write::objects(model, seed), options }
    }

    /// The cluster after one change of a kind that people make, with objects of another one.
    #[must_use]
    pub fn edited(&self, rng: &mut Random, other: &Self) -> Self {
        let mut next = self.clone();
        let (ours, theirs) = (self.policies(), other.policies());
        let any = |count: usize, rng: &mut Random| (count > 0).then(|| rng.below(count));
        match rng.below(6) {
            0 => {
                let at = any(ours.len(), rng).and_then(|i| ours.get(i));
                at.into_iter().for_each(|at| drop(next.objects.remove(*at)));
            }
            1 => {
                let from = any(theirs.len(), rng).and_then(|i| other.objects.get(*theirs.get(i)?));
                let to = any(ours.len(), rng).and_then(|i| next.objects.get_mut(*ours.get(i)?));
                if let Some((to, from)) = to.zip(from) {
                    set(to, &["spec"], from.get("spec").cloned().unwrap_or_default());
                }
            }
            2 => {
                let from = any(theirs.len(), rng).and_then(|i| other.objects.get(*theirs.get(i)?));
                if let Some(mut policy) = from.cloned() {
                    let name = format!("new{}", rng.below(1000));
                    set(&mut policy, &["metadata", "name"], name.into());
                    next.objects.push(policy);
                }
            }
            3 => {
                let at = any(next.objects.len(), rng);
                at.into_iter().for_each(|at| drop(next.objects.remove(at)));
            }
            4 => {
                let object = any(other.objects.len(), rng).and_then(|i| other.objects.get(i));
                if let Some(object) = object {
                    next.objects.retain(|known| key(known) != key(object));
                    next.objects.push(object.clone());
                }
            }
            _ => rng.shuffle(&mut next.objects),
        }
        next
    }

    /// Where NetworkPolicies stand among the objects.
    fn policies(&self) -> Vec<usize> {
        let is_policy =
            |object: &Value| object.get("kind").is_some_and(|kind| kind == "NetworkPolicy");
        let kinds = self.objects.iter().enumerate();
        kinds.filter(|(_, object)| is_policy(object)).map(|(i, _)| i).collect()
    }

    /// The objects as YAML documents.
    pub fn yaml(&self) -> String {
        let documents = self.objects.iter().map(|object| yaml(object) + "---\n");
        documents.collect()
    }

    /// What the engine makes of them, read as one file of YAML.
    pub fn session(&self) -> Session {
        self.session_of("case.yaml", &self.yaml())
    }

    /// What the engine makes of a file, under the cluster's options.
    pub fn session_of(&self, name: &str, text: &str) -> Session {
        let file = Change::Put(SourceFile::new(name, text.as_bytes()));
        Session::new(self.options.options().unwrap_or_default()).apply(vec![file])
    }

    /// The objects as one JSON list.
    pub fn json(&self) -> String {
        json!({"apiVersion": "v1", "kind": "List", "items": self.objects}).to_string()
    }
}

/// Kind, namespace and name of an object.
fn key(object: &Value) -> [Option<&Value>; 3] {
    let metadata = |name: &str| object.get("metadata")?.get(name);
    [object.get("kind"), metadata("namespace"), metadata("name")]
}

/// Writes a value at a path of fields that is there, but for the last one.
fn set(object: &mut Value, path: &[&str], value: Value) {
    let [first, more @ ..] = path else { return };
    let Some(fields) = object.as_object_mut() else { return };
    match more {
        [] => drop(fields.insert((*first).into(), value)),
        more => {
            fields.get_mut(*first).into_iter().for_each(|field| set(field, more, value.clone()));
        }
    }
}

/// One object as YAML, in which texts that YAML would take for something else are quoted.
pub fn yaml(object: &Value) -> String {
    Tree::from(object).yaml(&mut Random::new(0))
}

/// Tries a property on the clusters of the first seeds, or of `SEED` alone. Two of three have
/// policies for all namespaces as well.
///
/// # Panics
/// If it does not hold: with the seed, and the smallest cluster of which it still does not.
pub fn hold(name: &str, property: impl Fn(&Cluster, u64) -> Result<(), String> + Sync) {
    hold_of(name, generate::mixed, property);
}

/// As [`hold`], on clusters with NetworkPolicies alone.
///
/// # Panics
/// As [`hold`].
pub fn hold_with_network_policies(
    name: &str,
    property: impl Fn(&Cluster, u64) -> Result<(), String> + Sync,
) {
    hold_of(name, generate::cluster, property);
}

/// As [`hold`], and on as many clusters with Calico's policies besides the others.
///
/// # Panics
/// As [`hold`].
pub fn hold_with_calico(name: &str, property: impl Fn(&Cluster, u64) -> Result<(), String> + Sync) {
    hold(name, &property);
    hold_of(&format!("{name}, with Calico's policies"), generate::calico, property);
}

#[expect(clippy::panic, reason = "a property that does not hold is a test that fails")]
#[expect(clippy::print_stdout, reason = "how much was tried belongs to the result of a test")]
fn hold_of(
    name: &str,
    model: impl Fn(u64) -> Model + Sync,
    property: impl Fn(&Cluster, u64) -> Result<(), String> + Sync,
) {
    let number = |name: &str| std::env::var(name).ok()?.parse::<u64>().ok();
    let all = 0..number("CLUSTERS").unwrap_or(CLUSTERS);
    let seeds = number("SEED").map_or(all, |seed| seed..seed + 1);
    let tried = seeds.end - seeds.start;
    let fails = |model: &Model, seed| {
        let why = property(&Cluster::written(model, seed), seed).err()?;
        Some(Mismatch { engine: why, ..Mismatch::default() })
    };
    // A property may be slow and knows of no other seed: all processors have a share.
    let next = AtomicU64::new(seeds.start);
    let first = Mutex::new(None::<(u64, Mismatch)>);
    let look = || {
        while let Some(seed) = Some(next.fetch_add(1, Relaxed)).filter(|seed| *seed < seeds.end) {
            if let Some(found) = fails(&model(seed), seed) {
                let mut first = first.lock().unwrap_or_else(PoisonError::into_inner);
                if first.as_ref().is_none_or(|(known, _)| seed < *known) {
                    *first = Some((seed, found));
                }
                next.store(seeds.end, Relaxed);
            }
        }
    };
    let threads = std::thread::available_parallelism().map_or(1, NonZero::get);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(look);
        }
    });
    if let Some((seed, first)) = first.into_inner().unwrap_or_else(PoisonError::into_inner) {
        let of_seed = |model: &Model| fails(model, seed);
        let (small, Mismatch { engine: why, .. }) = shrink_by(&model(seed), first, of_seed);
        let cluster = Cluster::written(&small, seed);
        let options = cluster.options.arguments();
        panic!("{name}, SEED={seed}: {why}\noptions {options:?}\n{}", cluster.yaml());
    }
    println!("{name}: {tried} clusters");
}
