//! What the tiers of a program do together with the connections of a peer.

use rustc_hash::FxHashMap;

use super::super::span::Span;
use super::Fate;
use crate::net::{ConnId, ConnTable};
use crate::shared::{Id, Table};

/// The number of a [`Passage`].
pub type PassageId = Id<Passage>;

/// What becomes of connections in tiers of ordered rules, one after the other.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Passage {
    /// In the tiers before that of NetworkPolicies.
    pub before: Vec<Fate>,
    /// In those after it; none if NetworkPolicies isolate, since these always decide; else all.
    pub after: Option<Vec<Fate>>,
}

/// What tiers let pass, by what NetworkPolicies between them admit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// What these admit.
    Plain,
    /// This, whatever they admit.
    Fixed(Span),
    /// Some of what these admit, and more besides.
    Mixed(PassageId),
}

/// All passages.
#[derive(Debug, Default)]
pub struct Passages {
    effects: FxHashMap<Passage, Effect>,
    /// Tiers before that of NetworkPolicies, of passages with a mixed effect.
    mixed: Table<Vec<Fate>, Passage>,
    spans: FxHashMap<(PassageId, Span), Span>,
}

impl Passages {
    /// What a passage comes to.
    pub fn effect(&mut self, passage: Passage, conns: &mut ConnTable) -> Effect {
        if let Some(known) = self.effects.get(&passage) {
            return *known;
        }
        let mut way = Way::ALL;
        passage.before.iter().for_each(|fate| way.through(*fate, conns));
        let effect = match &passage.after {
            Some(after) => {
                after.iter().for_each(|fate| way.through(*fate, conns));
                Effect::Fixed(way.span(conns))
            }
            None if way == Way::ALL => Effect::Plain,
            None if way.entry == ConnId::NONE => Effect::Fixed(way.span(conns)),
            None => Effect::Mixed(self.mixed.push(passage.before.clone())),
        };
        self.effects.insert(passage, effect);
        effect
    }

    /// What passes, given what NetworkPolicies admit.
    pub fn span(&mut self, effect: Effect, admitted: Span, conns: &mut ConnTable) -> Span {
        let id = match effect {
            Effect::Plain => return admitted,
            Effect::Fixed(span) => return span,
            Effect::Mixed(id) => id,
        };
        if let Some(known) = self.spans.get(&(id, admitted)) {
            return *known;
        }
        let Some(before) = self.mixed.get(id) else { return Span::NONE };
        let mut way = Way::ALL;
        before.iter().for_each(|fate| way.through(*fate, conns));
        let deny = conns.difference(ConnId::ALL, admitted.certain);
        way.through(Fate { accept: admitted.possible, deny, pass: ConnId::NONE }, conns);
        let span = way.span(conns);
        self.spans.insert((id, admitted), span);
        span
    }
}

/// Connections on their way through tiers.
#[derive(PartialEq, Eq)]
struct Way {
    entry: ConnId,
    accept: ConnId,
    deny: ConnId,
}

impl Way {
    const ALL: Self = Self { entry: ConnId::ALL, accept: ConnId::NONE, deny: ConnId::NONE };

    /// What a tier passes on comes into the next.
    fn through(&mut self, fate: Fate, conns: &mut ConnTable) {
        let mut here = |outcome| conns.intersection(self.entry, outcome);
        let (accept, deny, pass) = (here(fate.accept), here(fate.deny), here(fate.pass));
        self.accept = conns.union(self.accept, accept);
        self.deny = conns.union(self.deny, deny);
        self.entry = pass;
    }

    /// What no tier has decided is allowed.
    fn span(&self, conns: &mut ConnTable) -> Span {
        let possible = conns.union(self.accept, self.entry);
        Span { certain: conns.difference(ConnId::ALL, self.deny), possible }
    }
}
