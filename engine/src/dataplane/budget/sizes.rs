//! How large sets of pods are.

use std::sync::Arc;

use rustc_hash::{FxHashMap, FxHashSet};

use super::{AllSizes, Ground, Steps};
use crate::cluster::GroupId;
use crate::policy::{PeerSet, SetId};

/// Sizes of sets of pods, kept from one state to the next.
#[derive(Debug, Default)]
pub struct Sizes {
    known: FxHashMap<SetId, (Arc<PeerSet>, usize)>,
}

impl Sizes {
    /// Counts what has come and gone.
    pub fn follow(&mut self, steps: &Steps) {
        if steps.afresh {
            self.known.clear();
        }
        for (pods, size) in self.known.values_mut() {
            let of = |steps: &[(GroupId, usize)]| -> usize {
                let here = steps.iter().filter(|(group, _)| has(pods, *group));
                here.map(|(_, count)| count).sum()
            };
            *size = (*size + of(&steps.entered)).saturating_sub(of(&steps.left));
        }
    }

    /// The sizes of some sets, about: a pod that comes or goes seldom makes another one, so that it
    /// seldom has a policy close, or open, that has to do with it.
    pub fn all(&mut self, sets: &FxHashSet<SetId>, ground: Ground<'_>) -> AllSizes {
        self.known.retain(|id, _| sets.contains(id));
        let size = |id: &SetId| Some((*id, rounded(self.size(*id, ground)?)));
        sets.iter().filter_map(size).collect()
    }

    fn size(&mut self, id: SetId, ground: Ground<'_>) -> Option<usize> {
        let now = ground.policies.sets().get(id)?;
        if let Some((known, size)) = self.known.get(&id)
            && Arc::ptr_eq(known, now)
        {
            return Some(*size);
        }
        let groups = now.certain.iter().chain(now.unknown.iter());
        let size = groups.map(ground.size_of).sum();
        self.known.insert(id, (now.clone(), size));
        Some(size)
    }
}

fn has(pods: &PeerSet, group: GroupId) -> bool {
    pods.certain.contains(group) || pods.unknown.contains(group)
}

/// The next number that is so many eighths of a power of two.
fn rounded(size: usize) -> usize {
    let step = (size.next_power_of_two() / 16).max(1);
    size.div_ceil(step) * step
}

#[cfg(test)]
mod tests {
    use super::rounded;

    #[test]
    fn sizes_are_rounded_up_by_an_eighth_at_most() {
        for size in 0..3_000 {
            let up = rounded(size);
            assert!(size <= up && up <= size + size / 8, "{size} {up}");
            assert_eq!(rounded(up), up);
        }
        assert_eq!([0, 1, 17, 150_000].map(rounded), [0, 1, 18, 163_840]);
    }
}
