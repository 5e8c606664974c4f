//! Chains that say what would be denied, and deny nothing.
//!
//! They are made from those that a program would have if audited policies were in force: each chain
//! below the two roots once more under another name, with a rule that returns in place of one that
//! denies, after the log says so and a chain of its own has counted it. Packets walk them last, when
//! nothing that is in force has denied them.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::super::program::{
    Action, Chain, ChainKind, ChainName, Class, FamilyProgram, FilterProgram, FilterRule,
};
use super::super::settings::Settings;
use super::{Input, Lowering, tier};
use crate::manifest::{Direction, Mode};
use crate::net::ByFamily;
use crate::policy::Considered;

/// What was made before, and from what.
#[derive(Debug, Default)]
pub struct Audit {
    lowering: Lowering,
    made: ByFamily<Made>,
}

/// Chains, each with the one that it was made from.
type Made = BTreeMap<ChainName, (Arc<Chain>, Arc<Chain>)>;

/// Adds to a program what says what would be denied if audited policies were in force; nothing if
/// there are none. Of these it makes no notes: they close nothing.
///
/// # Cost
/// As that of the program that has these policies in force.
pub fn add(audit: &mut Option<Box<Audit>>, program: &mut FilterProgram, input: Input<'_>) {
    let mode = input.settings.mode;
    if mode == Mode::Enforce && input.policies.audited().next().is_none() {
        *audit = None;
        return;
    }
    let policies = &input.policies.considering(Considered::audited(mode));
    let Audit { lowering, made } = &mut **audit.get_or_insert_default();
    let settings = &Settings { mode: Mode::Enforce, ..input.settings.clone() };
    let intended = lowering.lower_in_force(Input { policies, settings, ..input });
    for (family, own) in &mut program.families {
        let mut adding = Adding {
            settings: input.settings,
            has_services: input.wiring.services.is_some(),
            intended: &intended.families[family],
            before: std::mem::take(&mut made[family]),
            made: Made::new(),
        };
        adding.add(own);
        made[family] = adding.made;
    }
}

struct Adding<'a> {
    settings: &'a Settings,
    /// Whether pods' policies are asked for what the node sends.
    has_services: bool,
    intended: &'a FamilyProgram,
    before: Made,
    made: Made,
}

impl Adding<'_> {
    fn add(&mut self, program: &mut FamilyProgram) {
        let directions: Vec<Direction> =
            Direction::BOTH.into_iter().filter(|direction| self.leads(*direction)).collect();
        for &direction in &directions {
            self.below(self.settings.root(direction), direction);
            self.put(self.counting(direction));
        }
        let (forward, output) = (self.settings.forward(), self.settings.output());
        for (entry, of) in [
            (forward, &[Direction::Egress, Direction::Ingress][..]),
            (self.settings.input(), &[Direction::Egress]),
            (
                output,
                if self.has_services { &[Direction::Egress, Direction::Ingress][..] } else { &[] },
            ),
        ] {
            let of = of.iter().copied().filter(|direction| directions.contains(direction));
            if let Some(chain) = program.chains.get(&entry).cloned() {
                self.entry(&chain, of);
            }
        }
        let made = self.made.iter().map(|(name, (_, chain))| (name.clone(), chain.clone()));
        program.chains.extend(made);
        self.sets(program);
        self.classes(program);
    }

    /// Whether policies select pods in a direction: then its root leads somewhere.
    fn leads(&self, direction: Direction) -> bool {
        let root = self.intended.chains.get(&self.settings.root(direction));
        root.is_some_and(|root| root.rules.len() > 1)
    }

    /// Chains that packets may come to.
    fn below(&mut self, root: ChainName, direction: Direction) {
        let mut names = vec![root];
        while let Some(name) = names.pop() {
            let audit = self.settings.audit(&name);
            let Some(chain) = self.intended.chains.get(&name) else { continue };
            if self.made.contains_key(&audit) {
                continue;
            }
            names.extend(chain.rules.iter().filter_map(|rule| match &rule.action {
                Action::Jump(next) | Action::Goto(next) => Some(next.clone()),
                _ => None,
            }));
            let rules = |chain: &Chain| {
                let rules = chain.rules.iter().filter(|rule| !self.is_wanted_log(rule));
                rules.map(|rule| self.rule(rule, direction)).collect()
            };
            let new = |chain: &Chain| Chain {
                name: audit.clone(),
                kind: chain.kind,
                rules: rules(chain),
            };
            let made = self.known(&audit, chain).unwrap_or_else(|| Arc::new(new(chain)));
            self.made.insert(audit, (chain.clone(), made));
        }
    }

    fn rule(&self, rule: &FilterRule, direction: Direction) -> FilterRule {
        let action = match &rule.action {
            Action::Jump(next) => Action::Jump(self.settings.audit(next)),
            Action::Goto(next) => Action::Goto(self.settings.audit(next)),
            Action::Return | Action::Accept => Action::Return,
            Action::Drop | Action::Reject(_) => Action::Goto(self.settings.would_deny(direction)),
            Action::Log { group, prefix } => {
                Action::Log { group: *group, prefix: tier::audited(self.settings, prefix) }
            }
        };
        FilterRule { action, ..rule.clone() }
    }

    /// Whether a rule wants packets written down: that has been done by what is in force.
    fn is_wanted_log(&self, rule: &FilterRule) -> bool {
        let Action::Log { prefix, .. } = &rule.action else { return false };
        tier::is_wanted_log(self.settings, prefix)
    }

    /// What was made of the very same chain.
    fn known(&self, name: &ChainName, of: &Arc<Chain>) -> Option<Arc<Chain>> {
        let (before, made) = self.before.get(name)?;
        Arc::ptr_eq(before, of).then(|| made.clone())
    }

    /// Counts by the counter of its only rule.
    fn counting(&self, direction: Direction) -> Chain {
        let (name, kind) = (self.settings.would_deny(direction), ChainKind::Fixed);
        Chain { name, kind, rules: vec![FilterRule::new([], Action::Return)] }
    }

    fn put(&mut self, chain: Chain) {
        let known = self.before.get(&chain.name).map(|(_, made)| made);
        let chain = match known.filter(|known| ***known == chain) {
            Some(known) => known.clone(),
            None => Arc::new(chain),
        };
        self.made.insert(chain.name.clone(), (chain.clone(), chain));
    }

    /// The chain where packets come in, which asks for audits when all that is in force is asked.
    fn entry(&mut self, chain: &Arc<Chain>, directions: impl Iterator<Item = Direction>) {
        let jump = |direction| {
            let root = self.settings.audit(&self.settings.root(direction));
            FilterRule::new([], Action::Jump(root))
        };
        let jumps: Vec<FilterRule> = directions.map(jump).collect();
        if jumps.is_empty() {
            return;
        }
        let decided =
            chain.rules.iter().rposition(|rule| self.decides(rule)).map_or(0, |at| at + 1);
        let mut rules = chain.rules.clone();
        rules.splice(decided..decided, jumps);
        let new = Chain { rules, ..(**chain).clone() };
        let known = self.known(&chain.name, chain).filter(|known| **known == new);
        let made = known.unwrap_or_else(|| Arc::new(new));
        self.made.insert(chain.name.clone(), (chain.clone(), made));
    }

    /// Whether a rule of such a chain leads to where new connections are denied.
    fn decides(&self, rule: &FilterRule) -> bool {
        let (Action::Jump(to) | Action::Goto(to)) = &rule.action else { return false };
        let roots = Direction::BOTH.map(|direction| self.settings.root(direction));
        roots.contains(to) || *to == self.settings.chain("UNKNOWN")
    }

    /// Sets that these chains ask for: of one name there is one.
    fn sets(&self, program: &mut FamilyProgram) {
        for (name, set) in &self.intended.sets {
            program.sets.entry(name.clone()).or_insert_with(|| set.clone());
        }
    }

    fn classes(&self, program: &mut FamilyProgram) {
        for (name, class) in &self.intended.classes {
            let name = self.settings.audit(name);
            if self.made.contains_key(&name) {
                program.classes.insert(name, Class { mode: Mode::Audit, ..class.clone() });
            }
        }
    }
}
