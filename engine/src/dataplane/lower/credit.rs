//! For which policies the packets count that a class's rules have met.
//!
//! Rules with the same conditions are one rule, and classes whose rules are the same share chains:
//! what such a rule decides counts for each policy that it stems from. What no rule of an accepting
//! tier admits counts for all policies that isolate the pods.

use std::collections::{BTreeMap, BTreeSet};

use super::super::counted::{Decided, Effect, RuleCounts};
use super::super::program::{Chain, ChainName};
use super::Lowering;
use super::tier::{Draft, Outcome, is_decided};
use crate::manifest::{Action, Direction};
use crate::net::Family;
use crate::policy::{PolicyId, Tier};

/// What the rules of a chain decide on whose behalf.
#[derive(Clone, Debug)]
pub struct ChainCredit {
    chain: ChainName,
    direction: Direction,
    rules: Vec<RuleCredit>,
}

/// What a rule decides on whose behalf.
#[derive(Clone, Debug)]
struct RuleCredit {
    /// Its place in the chain.
    rule: usize,
    effect: Effect,
    policies: Vec<PolicyId>,
}

/// That of the rules of a tier, without the name of its chain.
pub struct TierCredit {
    rules: Vec<RuleCredit>,
    /// Who denies what no rule accepts; none where another tier decides.
    isolating: Vec<PolicyId>,
}

impl TierCredit {
    /// Of a tier's drafts.
    pub fn of(tier: &Tier, drafts: &[Draft]) -> Self {
        let only_accepts = tier.kind.only_accepts();
        // Of those of an accepting tier, one that matches everything stands alone.
        let all = drafts.iter().position(|draft| only_accepts && draft.matches.is_empty());
        let standing = match all.and_then(|all| drafts.get(all)) {
            Some(all) => std::slice::from_ref(all),
            None => drafts,
        };
        let rules = standing.iter().enumerate();
        let rules = rules.filter_map(|(rule, draft)| RuleCredit::of(rule, draft)).collect();
        let is_isolating = only_accepts || (tier.end == Action::Deny && !is_decided(drafts));
        let isolating = tier.policies.iter().filter(|_| is_isolating).map(|one| one.policy);
        Self { rules, isolating: isolating.collect() }
    }

    /// With the chain that was made of them.
    pub fn in_chain(mut self, chain: &Chain, direction: Direction) -> ChainCredit {
        if let (false, Some(rule)) = (self.isolating.is_empty(), chain.rules.len().checked_sub(1)) {
            let policies = self.isolating;
            self.rules.push(RuleCredit { rule, effect: Effect::Denied, policies });
        }
        ChainCredit { chain: chain.name.clone(), direction, rules: self.rules }
    }
}

impl RuleCredit {
    fn of(rule: usize, draft: &Draft) -> Option<Self> {
        let effect = match draft.outcome {
            Outcome::Accept => Effect::Allowed,
            Outcome::Deny => Effect::Denied,
            Outcome::Pass | Outcome::Log => return None,
        };
        let policies = [draft.origin.policy].into_iter().chain(draft.also.iter().copied());
        Some(Self { rule, effect, policies: policies.collect() })
    }
}

impl Lowering {
    /// For which policies packets count that rules of the program that was made last have met.
    /// What is in chains of an earlier program counts for nobody.
    ///
    /// # Cost
    /// Linear in the classes, and in the policies of those that have met any.
    pub fn decided(&self, met: &RuleCounts) -> BTreeMap<Decided, u64> {
        let mut decided = BTreeMap::new();
        for family in Family::BOTH {
            for ((direction, effect, _, _), (packets, policies)) in self.by_rule(family, met) {
                for policy in policies {
                    let one = Decided { policy, direction, effect };
                    *decided.entry(one).or_default() += packets;
                }
            }
        }
        decided
    }

    /// The same by rule: classes may share it.
    fn by_rule(&self, family: Family, met: &RuleCounts) -> BTreeMap<Rule, (u64, Policies)> {
        let mut by_rule: BTreeMap<Rule, (u64, Policies)> = BTreeMap::new();
        let classes = self.memories[family].classes.values();
        for credit in classes.flat_map(|class| class.credits.iter()) {
            let Some(counts) = met.get(&(family, credit.chain.clone())) else { continue };
            for rule in &credit.rules {
                let packets = counts.get(rule.rule).copied().filter(|packets| *packets > 0);
                let Some(packets) = packets else { continue };
                let key = (credit.direction, rule.effect, credit.chain.clone(), rule.rule);
                let (_, policies) = by_rule.entry(key).or_insert((packets, Policies::new()));
                policies.extend(&rule.policies);
            }
        }
        by_rule
    }
}

type Rule = (Direction, Effect, ChainName, usize);
type Policies = BTreeSet<PolicyId>;
