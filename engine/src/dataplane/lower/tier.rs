//! The chain of a tier, from its rules.

use std::sync::Arc;

use super::super::program::{
    Action, Chain, ChainKind, ChainName, FilterRule, Match, RejectWith, RuleOrigin,
};
use super::super::settings::{Denial, Settings};
use super::FamilyLowering;
use crate::manifest::{self, Direction};
use crate::policy::{PolicyId, TierKind};

/// What becomes of what a rule matches.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// It passes this end.
    Accept,
    /// It is denied.
    Deny,
    /// The next tier decides.
    Pass,
    /// It is written down, and walks on.
    Log,
}

/// A rule whose action is still without the names of chains.
pub struct Draft {
    /// Conditions.
    pub matches: Vec<Match>,
    /// What becomes of what they hold for.
    pub outcome: Outcome,
    /// Where it comes from.
    pub origin: RuleOrigin,
    /// Further policies that ask for the same.
    pub also: Vec<PolicyId>,
}

impl Draft {
    /// Notes that a policy asks for it, too. Policies come one after the other.
    pub fn stems_from(&mut self, policy: PolicyId) {
        if self.origin.policy != policy && self.also.last() != Some(&policy) {
            self.also.push(policy);
        }
    }
}

/// Makes a tier's chain from its rules.
pub struct TierChain<'t, 'i> {
    /// For this family.
    pub lowering: &'t FamilyLowering<'i>,
    /// The direction.
    pub direction: Direction,
    /// The tier.
    pub kind: TierKind,
    /// What becomes of what no rule matches.
    pub end: manifest::Action,
    /// The chain that leads to the next tier; none after the last.
    pub next: Option<ChainName>,
}

impl TierChain<'_, '_> {
    /// The chain, and the one that denies, if one is needed.
    pub fn chains(&self, drafts: Vec<Draft>) -> (Arc<Chain>, Option<Arc<Chain>>) {
        if self.kind.only_accepts() {
            return (self.of_accepted(drafts), None);
        }
        // The chain that denies says in logs what this one is called, so that it cannot be part of
        // the name.
        let letter = self.letter();
        let named_later: ChainName = format!("{}-{letter}-deny", self.settings().prefix).into();
        let mut rules = self.rules(drafts, &named_later);
        let digest = self.digest("tier", &rules);
        let denial = self.denial(&digest);
        let mut denies = false;
        for rule in &mut rules {
            if matches!(&rule.action, Action::Goto(to) if *to == named_later) {
                rule.action = Action::Goto(denial.name.clone());
                denies = true;
            }
        }
        (self.chain(&digest, rules), denies.then_some(denial))
    }

    /// The chain of a tier whose rules accept, and that ends in denial.
    pub fn of_accepted(&self, drafts: Vec<Draft>) -> Arc<Chain> {
        let rules = drafts.into_iter().map(|draft| FilterRule {
            matches: draft.matches,
            action: Action::Return,
            origin: Some(draft.origin),
        });
        let mut rules: Vec<FilterRule> = rules.collect();
        if let Some(all) = rules.iter().position(|rule| rule.matches.is_empty()) {
            rules = vec![rules.swap_remove(all)];
        }
        let digest = self.lowering.digest(&rules);
        rules.extend(denied(self.settings(), &format!("{}:{digest}", self.direction.field())));
        self.chain(&digest, rules)
    }

    fn rules(&self, drafts: Vec<Draft>, denial: &ChainName) -> Vec<FilterRule> {
        let onward = || self.next.clone().map_or(Action::Return, Action::Goto);
        let deny = || Action::Goto(denial.clone());
        let end = (!is_decided(&drafts)).then(|| match self.end {
            manifest::Action::Deny => FilterRule::new([], deny()),
            _ => FilterRule::new([], onward()),
        });
        let rule = |draft: Draft| {
            let action = match draft.outcome {
                Outcome::Accept => Action::Return,
                Outcome::Deny => deny(),
                Outcome::Pass => onward(),
                Outcome::Log => return self.logging(draft),
            };
            let origin = Some(draft.origin);
            Some(FilterRule { matches: draft.matches, action, origin })
        };
        drafts.into_iter().filter_map(rule).chain(end).collect()
    }

    /// A rule that only writes down; none if nothing is logged.
    fn logging(&self, draft: Draft) -> Option<FilterRule> {
        let log = logged(self.settings(), LOGGED, self.direction.field())?;
        let matches = draft.matches.into_iter().chain(log.matches).collect();
        Some(FilterRule { matches, action: log.action, origin: Some(draft.origin) })
    }

    fn denial(&self, of: &str) -> Arc<Chain> {
        let rules = denied(self.settings(), &format!("{}:{of}", self.direction.field()));
        self.chain(&self.digest("denial", &rules), rules)
    }

    /// What is not the chain of an accepting tier never has the name of one.
    fn digest(&self, what: &str, rules: &[FilterRule]) -> String {
        self.lowering.digest_of(Some(what), rules)
    }

    fn chain(&self, digest: &str, rules: Vec<FilterRule>) -> Arc<Chain> {
        let name = format!("{}-{}-{digest}", self.settings().prefix, self.letter()).into();
        self.lowering.before.chain(Chain { name, kind: ChainKind::Content, rules })
    }

    fn letter(&self) -> char {
        match self.direction {
            Direction::Egress => 'E',
            Direction::Ingress => 'I',
        }
    }

    fn settings(&self) -> &Settings {
        self.lowering.input.settings
    }
}

/// Whether a rule decides everything.
pub fn is_decided(drafts: &[Draft]) -> bool {
    let last = drafts.last();
    last.is_some_and(|draft| draft.matches.is_empty() && draft.outcome != Outcome::Log)
}

/// What a log says of packets that rules want written down.
const LOGGED: &str = "log";
/// What a log says of packets that are denied.
const DENIED: &str = "deny";
/// What it says of those that audited policies would deny.
pub const AUDITED: &str = "audit";

/// Logs, if that is wanted, and denies.
pub fn denied(settings: &Settings, what: &str) -> Vec<FilterRule> {
    let log = logged(settings, DENIED, what);
    let end = match settings.denial {
        Denial::Reject => Action::Reject(RejectWith::PortUnreachable),
        Denial::Drop => Action::Drop,
    };
    log.into_iter().chain([FilterRule::new([], end)]).collect()
}

/// Logs, if that is wanted, at a rate that has a limit.
pub fn logged(settings: &Settings, word: &str, what: &str) -> Option<FilterRule> {
    let log = settings.flow_log?;
    let prefix = format!("{}{what}", said(settings, word)).into();
    let limit = Match::Limit(log.per_second, log.burst);
    Some(FilterRule::new([limit], Action::Log { group: log.group, prefix }))
}

/// What a log says in an audit where it says otherwise that packets are denied.
pub fn audited(settings: &Settings, prefix: &Arc<str>) -> Arc<str> {
    match prefix.strip_prefix(&said(settings, DENIED)) {
        Some(what) => format!("{}{what}", said(settings, AUDITED)).into(),
        None => prefix.clone(),
    }
}

/// Whether a log is a rule's that wants packets written down, whatever becomes of them.
pub fn is_wanted_log(settings: &Settings, prefix: &str) -> bool {
    prefix.starts_with(&said(settings, LOGGED))
}

/// What the log's texts of one word begin with.
fn said(settings: &Settings, word: &str) -> String {
    format!("{}:{word}:", settings.prefix)
}
