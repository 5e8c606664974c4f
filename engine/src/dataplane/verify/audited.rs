//! Chains that say what would be denied: that they decide nothing, and that they say it rightly.
//!
//! The program is taken apart. What is left without these chains and the jumps to them must do what
//! the policies in force say. The chains, read with a denial wherever they go to the one that
//! counts, must deny what the policies would deny if audited ones were in force. That they decide
//! nothing themselves is seen from their form: they accept, drop and reject nothing, lead to no
//! other chains, and packets come to them by jumps alone, when nothing may deny them any more.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::super::lower::Input;
use super::super::program::{Action, Chain, ChainKind, ChainName, FamilyProgram, FilterRule};
use super::super::settings::Settings;
use super::memory::Memory;
use super::reader::Trouble;
use crate::manifest::{Direction, Mode};

/// What is known of a family's audit.
#[derive(Debug, Default)]
pub struct Audited {
    /// What has been proved of it.
    pub memory: Memory,
    /// Chains as they are read, each with the one that it was made of.
    read: Read,
}

type Read = BTreeMap<ChainName, (Arc<Chain>, Arc<Chain>)>;

/// A family's program, taken apart.
#[derive(Debug)]
pub struct Parts {
    /// What decides.
    pub enforced: FamilyProgram,
    /// What is said, as a program that denies it.
    pub audited: FamilyProgram,
}

/// The parts of a program; none if it says nothing of what would be, and need not.
///
/// # Errors
/// If what should only say something could decide it.
pub fn apart(
    program: &FamilyProgram,
    input: Input<'_>,
    known: &mut Option<Box<Audited>>,
) -> Result<Option<Parts>, Trouble> {
    let settings = input.settings;
    let demanded = settings.mode == Mode::Audit || input.policies.audited().next().is_some();
    let has_root = |direction| program.chains.contains_key(&root(settings, direction));
    if !demanded && !Direction::BOTH.into_iter().any(has_root) {
        *known = None;
        return Ok(None);
    }
    let known = known.get_or_insert_default();
    let before = std::mem::take(&mut known.read);
    let has_services = input.wiring.services.is_some();
    let (below, read) = (BTreeMap::new(), Read::new());
    let mut apart = Apart { program, settings, has_services, below, before, read };
    apart.follow()?;
    apart.check_others()?;
    let parts = Parts { enforced: apart.enforced()?, audited: apart.audited()? };
    known.read = apart.read;
    Ok(Some(parts))
}

fn root(settings: &Settings, direction: Direction) -> ChainName {
    settings.audit(&settings.root(direction))
}

struct Apart<'a> {
    program: &'a FamilyProgram,
    settings: &'a Settings,
    /// Whether pods' policies are asked for what the node sends.
    has_services: bool,
    /// Chains of the audit with the direction whose root leads to them.
    below: BTreeMap<ChainName, Direction>,
    before: Read,
    read: Read,
}

impl Apart<'_> {
    /// Finds the chains of the audit, all of which must do nothing but say something.
    fn follow(&mut self) -> Result<(), Trouble> {
        for direction in Direction::BOTH {
            let root = root(self.settings, direction);
            let mut names: BTreeSet<ChainName> =
                self.program.chains.contains_key(&root).then_some(root).into_iter().collect();
            while let Some(name) = names.pop_first() {
                let chain = self.chain(&name)?;
                for rule in &chain.rules {
                    names.extend(self.leads_to(&name, rule, direction)?);
                }
                let other = self.below.insert(name.clone(), direction);
                if other.is_some_and(|other| other != direction) {
                    return Err(format!("{name} is of both directions' audits"));
                }
                names.retain(|name| self.below.get(name) != Some(&direction));
            }
        }
        Ok(())
    }

    fn chain(&self, name: &ChainName) -> Result<Arc<Chain>, Trouble> {
        let chain = self.program.chains.get(name).cloned();
        chain.ok_or_else(|| format!("there is no chain {name}"))
    }

    /// The chain of the audit that a rule leads to, if it leads to one.
    fn leads_to(
        &self,
        name: &ChainName,
        rule: &FilterRule,
        direction: Direction,
    ) -> Result<Option<ChainName>, Trouble> {
        let counts = self.settings.would_deny(direction);
        match &rule.action {
            Action::Return | Action::Log { .. } => Ok(None),
            Action::Goto(to) if *to == counts => self.check_counting(&counts).map(|()| None),
            Action::Goto(to) | Action::Jump(to) if self.settings.audited(to).is_some() => {
                Ok(Some(to.clone()))
            }
            _ => Err(format!("{name}: an audit decides something")),
        }
    }

    /// The chain that counts does nothing else.
    fn check_counting(&self, name: &ChainName) -> Result<(), Trouble> {
        match &*self.chain(name)?.rules {
            [FilterRule { matches, action: Action::Return, .. }] if matches.is_empty() => Ok(()),
            _ => Err(format!("{name} does more than to count")),
        }
    }

    fn is_of_audit(&self, name: &ChainName) -> bool {
        self.below.contains_key(name) || self.counts(name)
    }

    fn counts(&self, name: &ChainName) -> bool {
        Direction::BOTH.into_iter().any(|direction| *name == self.settings.would_deny(direction))
    }

    /// Packets come to audits where they must, and nowhere else.
    fn check_others(&self) -> Result<(), Trouble> {
        let entries = self.entries();
        for (name, chain) in &self.program.chains {
            if self.is_of_audit(name) {
                continue;
            }
            match entries.iter().find(|(entry, _)| entry == name) {
                Some((_, directions)) => self.check_entry(chain, directions)?,
                None if chain.rules.iter().any(|rule| self.asks(rule)) => {
                    return Err(format!("{name} leads to an audit"));
                }
                None => {}
            }
        }
        Ok(())
    }

    /// Where packets come in, and the audits that they must come to.
    fn entries(&self) -> Vec<(ChainName, Vec<Direction>)> {
        let settings = self.settings;
        let audits = |directions: &[Direction]| {
            let present = |d: &Direction| self.below.contains_key(&root(settings, *d));
            directions.iter().copied().filter(present).collect()
        };
        let both = [Direction::Egress, Direction::Ingress];
        let mut entries = vec![
            (settings.forward(), audits(&both)),
            (settings.input(), audits(&[Direction::Egress])),
        ];
        entries.extend(self.has_services.then(|| (settings.output(), audits(&both))));
        entries
    }

    fn asks(&self, rule: &FilterRule) -> bool {
        let (Action::Jump(to) | Action::Goto(to)) = &rule.action else { return false };
        self.is_of_audit(to)
    }

    /// Whether packets come to all audits once nothing more may deny them, but not before: all that
    /// have been let pass by what is in force do.
    fn check_entry(&self, chain: &Chain, directions: &[Direction]) -> Result<(), Trouble> {
        let wrong = || Err(format!("{}: audits are not asked where they must be", chain.name));
        let roots = Direction::BOTH.map(|direction| self.settings.root(direction));
        let ends =
            |rule: &FilterRule| matches!(&rule.action, Action::Jump(to) if roots.contains(to));
        let Some(last) = chain.rules.iter().rposition(ends) else { return wrong() };
        let (before, after) = chain.rules.split_at(last + 1);
        let unknown = self.settings.chain("UNKNOWN");
        let asks_unknown = |rule: &&FilterRule| matches!(&rule.action, Action::Jump(to) | Action::Goto(to) if *to == unknown);
        let after = after.iter().skip_while(asks_unknown);
        let (asked, rest): (Vec<_>, Vec<_>) = after.enumerate().partition(|(at, rule)| {
            directions.get(*at).is_some_and(|direction| {
                let root = root(self.settings, *direction);
                rule.matches.is_empty() && rule.action == Action::Jump(root)
            })
        });
        let passes = |rule: &FilterRule| {
            matches!(rule.action, Action::Log { .. } | Action::Accept | Action::Return)
        };
        let right = asked.len() == directions.len()
            && !before.iter().any(|rule| self.asks(rule))
            && rest.iter().all(|(_, rule)| passes(rule));
        if right { Ok(()) } else { wrong() }
    }

    /// The program without its audit.
    fn enforced(&mut self) -> Result<FamilyProgram, Trouble> {
        let mut chains = self.program.chains.clone();
        chains.retain(|name, _| !self.is_of_audit(name));
        for (name, _) in self.entries() {
            let Some(chain) = chains.get(&name).cloned() else { continue };
            if chain.rules.iter().any(|rule| self.asks(rule)) {
                let rules = chain.rules.iter().filter(|rule| !self.asks(rule)).cloned();
                let new = Chain { rules: rules.collect(), ..(*chain).clone() };
                chains.insert(name, self.kept(&chain, new));
            }
        }
        Ok(FamilyProgram { chains, ..self.program.clone() })
    }

    /// The audit as a program that denies what it only counts.
    fn audited(&mut self) -> Result<FamilyProgram, Trouble> {
        let mut chains = BTreeMap::new();
        let below: Vec<ChainName> = self.below.keys().cloned().collect();
        for name in below {
            let chain = self.chain(&name)?;
            let Some(own) = self.settings.audited(&name) else {
                return Err(format!("{name} is not the name of an audit's chain"));
            };
            let rules = chain.rules.iter().map(|rule| self.denying(rule)).collect();
            let new = Chain { name: own.clone(), kind: chain.kind, rules };
            chains.insert(own, self.kept(&chain, new));
        }
        for direction in Direction::BOTH {
            let name = self.settings.root(direction);
            // Without a root nothing is said to be denied.
            chains.entry(name.clone()).or_insert_with(|| {
                let rules = vec![FilterRule::new([], Action::Return)];
                Arc::new(Chain { name, kind: ChainKind::Fixed, rules })
            });
        }
        Ok(FamilyProgram { chains, ..self.program.clone() })
    }

    fn denying(&self, rule: &FilterRule) -> FilterRule {
        let own = |name: &ChainName| self.settings.audited(name).unwrap_or_else(|| name.clone());
        let action = match &rule.action {
            Action::Goto(to) if self.counts(to) => Action::Drop,
            Action::Goto(to) => Action::Goto(own(to)),
            Action::Jump(to) => Action::Jump(own(to)),
            other => other.clone(),
        };
        FilterRule { action, ..rule.clone() }
    }

    /// What a chain is read as: the very same as before, if the chain is.
    fn kept(&mut self, of: &Arc<Chain>, new: Chain) -> Arc<Chain> {
        let known = self.before.get(&of.name).filter(|(before, _)| Arc::ptr_eq(before, of));
        let read = match known.filter(|(_, read)| **read == new) {
            Some((_, read)) => read.clone(),
            None => Arc::new(new),
        };
        self.read.insert(of.name.clone(), (of.clone(), read.clone()));
        read
    }
}
