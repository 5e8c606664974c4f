//! Whether pods under one Admin tier share its chain.
//!
//! Shared, it leads to a second tree of addresses by each rule that passes on. Before it takes a
//! change, nftables walks every way through the chains to see that none is too long, and most
//! kernels do so as often as ways lead to a chain: for each pod, each rule that passes on, and each
//! pod once more. Where that takes too long, each class of pods has a copy of the tier that leads to
//! what comes after it: more rules, and few ways.

use rustc_hash::FxHashMap;

use super::FamilyLowering;
use super::pods::LocalPod;
use crate::manifest::{Action, Direction};
use crate::policy::{PolicySet, ProgramId, TierKind};

/// What is known of programs: rules that pass on, and rules of what comes after.
struct Counting<'p> {
    policies: &'p PolicySet,
    direction: Direction,
    known: FxHashMap<ProgramId, usize>,
}

impl FamilyLowering<'_> {
    /// Whether chains of Admin tiers are shared in a direction: where the kernel then looks at no
    /// more rules than the settings have it look at.
    ///
    /// # Cost
    /// Linear in the pods of the node, and in the rules of their policies.
    pub(super) fn shares_admin(&self, pods: &[LocalPod], direction: Direction) -> bool {
        // A kernel without that limit need not be reckoned for.
        if self.input.settings.walked == usize::MAX {
            return true;
        }
        let policies = self.input.policies;
        let mut counting = Counting { policies, direction, known: FxHashMap::default() };
        let (mut ways, mut behind) = (0usize, 0usize);
        for pod in pods {
            let own = pod.of(self.family).len();
            let id = policies.program_id(pod.group, direction);
            let Some(split) = policies.split(id) else { continue };
            ways = ways.saturating_add(own.saturating_mul(counting.of(split.admin)));
            if !policies.program(split.after).is_open() {
                let after = counting.of(split.after);
                behind = behind.saturating_add(own.saturating_mul(after));
            }
        }
        ways.saturating_mul(behind) <= self.input.settings.walked
    }
}

impl Counting<'_> {
    /// Of an Admin tier, how many of its rules pass on, with its end; of what comes after, how many
    /// rules lead to it and are in its chain. Rules that others make needless are counted, too.
    fn of(&mut self, id: ProgramId) -> usize {
        if let Some(known) = self.known.get(&id) {
            return *known;
        }
        let tiers = &self.policies.program(id).tiers;
        let is_admin = tiers.first().is_some_and(|tier| tier.kind == TierKind::Admin);
        let rules = self.policies.rules_of(id, self.direction);
        let rules = rules.filter(|rule| !is_admin || rule.action == Action::Pass);
        let written =
            rules.map(|rule| rule.peers.len().max(1).saturating_mul(rule.ports.len().max(1)));
        let sum = written.fold(1, usize::saturating_add);
        self.known.insert(id, sum);
        sum
    }
}
