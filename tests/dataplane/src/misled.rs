//! Programs whose chains lead on to wrong ones, where tiers have an order.

use std::collections::BTreeSet;
use std::sync::Arc;

use portcullis_engine::dataplane::{Action, Chain, ChainName, FamilyProgram, FilterRule};
use portcullis_oracle::random::Random;

/// Ways to mislead packets on their way from the Admin tier to what comes after it.
pub const WAYS: [&str; 9] = [
    "passed to nothing",
    "passed to one class",
    "passed the other way",
    "accepted but passed",
    "denied but passed",
    "admin tier skipped",
    "later leaf lost",
    "later leaf widened",
    "later classes exchanged",
];

/// A rule at its place, and what it becomes; none: it goes.
type Edit = (ChainName, usize, Option<FilterRule>);

/// Misleads packets in this way; none if the program has nothing of the kind.
pub fn mislead(family: &mut FamilyProgram, way: &str, random: &mut Random) -> Option<()> {
    let chains = Chains::of(family);
    if way == "later classes exchanged" {
        let (one, other) = exchange(&chains, random)?;
        apply(family, one)?;
        return apply(family, other);
    }
    let mut edits: Vec<Edit> = Vec::new();
    for (chain, at, rule) in chains.rules() {
        let spoiled = chains.spoiled(chain, rule, way, random);
        edits.extend(spoiled.map(|spoiled| (chain.name.clone(), at, spoiled)));
    }
    (!edits.is_empty()).then_some(())?;
    apply(family, random.pick(&edits).clone())
}

fn apply(family: &mut FamilyProgram, (name, at, rule): Edit) -> Option<()> {
    let chain = family.chains.get_mut(&name)?;
    let mut spoiled = Chain::clone(chain);
    match rule {
        Some(rule) => *spoiled.rules.get_mut(at)? = rule,
        None => drop(spoiled.rules.remove(at)),
    }
    *chain = Arc::new(spoiled);
    Some(())
}

/// Two rules of a tree after Admin tiers that lead to two classes, each with the other's class.
fn exchange(chains: &Chains<'_>, random: &mut Random) -> Option<(Edit, Edit)> {
    let leaves = chains.rules().filter_map(|(chain, at, rule)| {
        let later = chains.later.contains(&chain.name);
        later.then_some(())?;
        Some((chain, at, rule, class(rule)?))
    });
    let leaves: Vec<_> = leaves.collect();
    let pairs = leaves.iter().flat_map(|one| leaves.iter().map(move |other| (one, other)));
    let alike = |a: &ChainName, b: &ChainName| direction(a) == direction(b) && a != b;
    let pairs: Vec<_> = pairs.filter(|(one, other)| alike(one.3, other.3)).collect();
    (!pairs.is_empty()).then_some(())?;
    let (one, other) = random.pick(&pairs);
    let edit = |leaf: &(&Chain, usize, &FilterRule, &ChainName), to: &ChainName| -> Edit {
        (leaf.0.name.clone(), leaf.1, Some(led(leaf.2, Action::Goto(to.clone()))))
    };
    Some((edit(one, other.3), edit(other, one.3)))
}

fn led(rule: &FilterRule, action: Action) -> FilterRule {
    FilterRule { action, ..rule.clone() }
}

fn is_first(chain: &Chain, rule: &FilterRule) -> bool {
    chain.rules.first().is_some_and(|first| std::ptr::eq(first, rule))
}

/// The class that a rule leads to.
fn class(rule: &FilterRule) -> Option<&ChainName> {
    let Action::Goto(to) = &rule.action else { return None };
    (to.contains("-E-") || to.contains("-I-")).then_some(to)
}

fn direction(name: &str) -> Option<char> {
    name.split('-').nth(1)?.chars().next()
}

/// Chains by what they are on the way.
struct Chains<'f> {
    family: &'f FamilyProgram,
    /// Roots of trees after Admin tiers.
    roots: Vec<ChainName>,
    /// Chains of these trees.
    later: BTreeSet<ChainName>,
    /// Chains of Admin tiers.
    admin: BTreeSet<ChainName>,
}

impl<'f> Chains<'f> {
    fn of(family: &'f FamilyProgram) -> Self {
        let names = || family.chains.keys().cloned();
        let roots: Vec<ChainName> = names().filter(|name| name.ends_with("G2")).collect();
        let (mut later, mut left) = (BTreeSet::new(), roots.clone());
        while let Some(name) = left.pop() {
            left.extend(targets(family, &name).filter(|next| next.contains("-D-")));
            later.insert(name);
        }
        let admin = names().filter(|name| {
            let passes = targets(family, name).any(|next| roots.contains(&next));
            passes && (name.contains("-E-") || name.contains("-I-"))
        });
        let admin = admin.collect();
        Self { family, roots, later, admin }
    }

    fn rules(&self) -> impl Iterator<Item = (&'f Chain, usize, &'f FilterRule)> {
        let chains = self.family.chains.values();
        chains.flat_map(|chain| {
            chain.rules.iter().enumerate().map(move |(at, rule)| (&**chain, at, rule))
        })
    }

    /// What a rule becomes; none if it is no rule of this kind.
    fn spoiled(
        &self,
        chain: &Chain,
        rule: &FilterRule,
        way: &str,
        random: &mut Random,
    ) -> Option<Option<FilterRule>> {
        let onward = matches!(&rule.action, Action::Goto(to) if self.roots.contains(to));
        let (admin, later) = (self.admin.contains(&chain.name), self.later.contains(&chain.name));
        let own = || self.roots.iter().find(|root| direction(root) == direction(&chain.name));
        let action = match (way, class(rule)) {
            ("passed to nothing", _) if onward => Action::Return,
            ("passed to one class", _) if onward => {
                let like = |name: &&ChainName| {
                    let of_class = name.contains("-E-") || name.contains("-I-");
                    of_class && direction(name) == direction(&chain.name) && **name != chain.name
                };
                let classes: Vec<_> = self.family.chains.keys().filter(like).collect();
                (!classes.is_empty()).then(|| Action::Goto((*random.pick(&classes)).clone()))?
            }
            ("passed the other way", _) if onward => {
                let other = |root: &&ChainName| direction(root) != direction(&chain.name);
                Action::Goto(self.roots.iter().find(other)?.clone())
            }
            ("accepted but passed", _) if admin && rule.action == Action::Return => {
                Action::Goto(own()?.clone())
            }
            ("denied but passed", Some(_)) if admin => Action::Goto(own()?.clone()),
            ("admin tier skipped", Some(to)) if self.admin.contains(to) => {
                let own = |root: &&ChainName| direction(root) == direction(to);
                Action::Goto(self.roots.iter().find(own)?.clone())
            }
            ("later leaf lost", Some(_)) if later => return Some(None),
            // Before others, which it then keeps from their classes.
            ("later leaf widened", Some(_)) if later && is_first(chain, rule) => {
                return Some(Some(FilterRule { matches: Vec::new(), ..rule.clone() }));
            }
            _ => return None,
        };
        Some(Some(led(rule, action)))
    }
}

fn targets(family: &FamilyProgram, name: &ChainName) -> impl Iterator<Item = ChainName> {
    let rules = family.chains.get(name).into_iter().flat_map(|chain| &chain.rules);
    rules.filter_map(|rule| match &rule.action {
        Action::Goto(to) | Action::Jump(to) => Some(to.clone()),
        _ => None,
    })
}
