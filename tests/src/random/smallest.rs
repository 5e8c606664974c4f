//! From a failing cluster to the smallest that still fails.
#![expect(clippy::indexing_slicing, reason = "indices of the very list that is copied")]

use serde_json::Value;

use super::Cluster;

/// The cluster without whatever its failure does not need, and how that fails.
pub fn smallest(
    mut cluster: Cluster,
    mut why: String,
    property: &dyn Fn(&Cluster) -> Result<(), String>,
) -> (Cluster, String) {
    loop {
        let mut smaller = candidates(&cluster).into_iter();
        let Some((next, reason)) = smaller.find_map(|c| Some((c.clone(), property(&c).err()?)))
        else {
            return (cluster, why);
        };
        (cluster, why) = (next, reason);
    }
}

fn candidates(cluster: &Cluster) -> Vec<Cluster> {
    let mut all = Vec::new();
    for i in 0..cluster.objects.len() {
        let mut one = cluster.clone();
        one.objects.remove(i);
        all.push(one);
    }
    for (i, object) in cluster.objects.iter().enumerate() {
        for smaller in smaller_values(object) {
            let mut one = cluster.clone();
            one.objects[i] = smaller;
            all.push(one);
        }
    }
    all
}

/// The value with one field or item less, anywhere in it.
fn smaller_values(value: &Value) -> Vec<Value> {
    let mut all = Vec::new();
    match value {
        Value::Object(fields) => {
            for (key, inner) in fields {
                let kept = ["apiVersion", "kind", "metadata", "name", "namespace", "podSelector"];
                if !kept.contains(&key.as_str()) {
                    let mut less = fields.clone();
                    less.remove(key);
                    all.push(less.into());
                }
                for smaller in smaller_values(inner) {
                    let mut less = fields.clone();
                    less.insert(key.clone(), smaller);
                    all.push(less.into());
                }
            }
        }
        Value::Array(items) => {
            for (i, inner) in items.iter().enumerate() {
                let mut less = items.clone();
                less.remove(i);
                all.push(less.into());
                for smaller in smaller_values(inner) {
                    let mut less = items.clone();
                    less[i] = smaller;
                    all.push(less.into());
                }
            }
        }
        _ => {}
    }
    all
}
