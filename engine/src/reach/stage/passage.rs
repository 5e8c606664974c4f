//! What the tiers of a program do together with the connections of a peer.

use rustc_hash::FxHashMap;

use super::super::span::Span;
use super::Fate;
use crate::net::{ConnId, ConnTable};
use crate::shared::{Id, Table};

/// The number of a [`Way`].
pub type WayId = Id<Way>;

/// What tiers let pass, by what NetworkPolicies between them admit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// What these admit.
    Plain,
    /// This, whatever they admit.
    Fixed(Span),
    /// Some of what these admit, and more besides: by what the tiers before them leave.
    Mixed(WayId),
}

/// Connections on their way through tiers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Way {
    entry: ConnId,
    accept: ConnId,
    deny: ConnId,
}

/// All ways, each once, and where each tier leads them.
#[derive(Debug)]
pub struct Ways {
    all: Table<Way>,
    ids: FxHashMap<Way, WayId>,
    next: FxHashMap<(WayId, Fate), WayId>,
    spans: FxHashMap<(WayId, Span), Span>,
}

/// The way of all connections, before the first tier.
const START: WayId = WayId::new(0);

impl Default for Ways {
    fn default() -> Self {
        let all = [Way::ALL].into_iter().collect();
        let ids = FxHashMap::from_iter([(Way::ALL, START)]);
        Self { all, ids, next: FxHashMap::default(), spans: FxHashMap::default() }
    }
}

impl Ways {
    /// What comes of the tiers before that of NetworkPolicies and, where these do not isolate and so
    /// do not always decide, of those after it.
    pub fn effect(
        &mut self,
        before: impl Iterator<Item = Fate>,
        after: Option<impl Iterator<Item = Fate>>,
        conns: &mut ConnTable,
    ) -> Effect {
        let id = before.fold(START, |way, fate| self.through(way, fate, conns));
        match after {
            Some(after) => {
                let id = after.fold(id, |way, fate| self.through(way, fate, conns));
                Effect::Fixed(self.way(id).span(conns))
            }
            None if id == START => Effect::Plain,
            None => match self.way(id) {
                way if way.entry == ConnId::NONE => Effect::Fixed(way.span(conns)),
                _ => Effect::Mixed(id),
            },
        }
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
        let deny = conns.difference(ConnId::ALL, admitted.certain);
        let fate = Fate { accept: admitted.possible, deny, pass: ConnId::NONE };
        let span = self.way(id).through(fate, conns).span(conns);
        self.spans.insert((id, admitted), span);
        span
    }

    fn way(&self, id: WayId) -> Way {
        self.all.get(id).copied().unwrap_or(Way::CLOSED)
    }

    fn through(&mut self, id: WayId, fate: Fate, conns: &mut ConnTable) -> WayId {
        // Most tiers say nothing of most peers.
        if fate == PASSED {
            return id;
        }
        if let Some(known) = self.next.get(&(id, fate)) {
            return *known;
        }
        let way = self.way(id).through(fate, conns);
        let next = *self.ids.entry(way).or_insert_with(|| self.all.push(way));
        self.next.insert((id, fate), next);
        next
    }
}

/// Of a tier that passes everything on.
const PASSED: Fate = Fate { accept: ConnId::NONE, deny: ConnId::NONE, pass: ConnId::ALL };

impl Way {
    const ALL: Self = Self { entry: ConnId::ALL, accept: ConnId::NONE, deny: ConnId::NONE };
    const CLOSED: Self = Self { entry: ConnId::NONE, accept: ConnId::NONE, deny: ConnId::ALL };

    /// What a tier passes on comes into the next.
    fn through(self, fate: Fate, conns: &mut ConnTable) -> Self {
        let mut here = |outcome| conns.intersection(self.entry, outcome);
        let (accept, deny, entry) = (here(fate.accept), here(fate.deny), here(fate.pass));
        Self { entry, accept: conns.union(self.accept, accept), deny: conns.union(self.deny, deny) }
    }

    /// What no tier has decided is allowed.
    fn span(self, conns: &mut ConnTable) -> Span {
        let possible = conns.union(self.accept, self.entry);
        Span { certain: conns.difference(ConnId::ALL, self.deny), possible }
    }
}
