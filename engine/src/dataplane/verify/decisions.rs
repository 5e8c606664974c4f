//! Decisions in order: of rules that name a connection the first one decides.
//!
//! Two lists of decisions are compared run by run: a run is what comes one after the other and has
//! one outcome, so that the order within does not matter. Where two lists say the same in other
//! words, that is found out by asking both at each address.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::packets::Packets;
use super::space::{Asked, Origin, Space, everywhere};
use crate::net::Family;

/// What becomes of connections.
#[derive(Clone, Debug)]
pub enum Outcome {
    /// They pass this end.
    Admit,
    /// They are denied.
    Deny,
    /// What comes after tells, of which nothing is said here.
    Pass,
    /// Other decisions tell.
    Onward(Arc<Decisions>),
}

/// A decision: what becomes of connections with peers.
#[derive(Clone, Debug)]
pub struct Step {
    /// Addresses of peers.
    pub peers: Arc<Asked>,
    /// Connections.
    pub conns: Packets,
    /// What becomes of them.
    pub outcome: Outcome,
}

/// Connections by what becomes of them; others are denied.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Decided {
    /// They pass this end.
    pub admitted: Packets,
    /// What comes after tells.
    pub passed: Packets,
}

impl Decided {
    /// What either says.
    pub fn union(&self, other: &Self) -> Self {
        let admitted = self.admitted.union(&other.admitted);
        Self { admitted, passed: self.passed.union(&other.passed) }
    }

    fn within(&self, conns: &Packets) -> Self {
        let admitted = self.admitted.intersection(conns);
        Self { admitted, passed: self.passed.intersection(conns) }
    }
}

/// Decisions in order.
///
/// # Shape
/// The last one is of everything, and does not lead on.
#[derive(Debug)]
pub struct Decisions {
    steps: Vec<Step>,
}

/// What tells addresses apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum By {
    /// Where they come from.
    Origin,
    /// Which they are now.
    Space,
}

/// Addresses, told apart by where they come from or by which they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Key<'d> {
    /// These.
    Space(&'d Space),
    /// Those that come from there.
    Origin(&'d Origin),
}

/// Addresses that are asked for, and connections with them.
pub type Part<'d> = (&'d Arc<Asked>, Packets);

/// Connections by addresses that are written in rules or policies.
pub type Written<'d> = BTreeMap<Key<'d>, Packets>;

/// Decisions one after the other that have one outcome.
#[derive(Debug)]
pub struct Run<'d> {
    /// The outcome.
    pub outcome: &'d Outcome,
    /// Connections with whatever peer.
    pub everywhere: Packets,
    /// Other connections, by peers.
    pub parts: BTreeMap<Key<'d>, Part<'d>>,
}

impl Outcome {
    /// What decisions come to: if all have one outcome, that one.
    pub fn of(decisions: Decisions) -> Self {
        let all = |is: fn(&Self) -> bool| decisions.steps.iter().all(|step| is(&step.outcome));
        if all(|one| matches!(one, Self::Admit)) {
            return Self::Admit;
        }
        if all(|one| matches!(one, Self::Deny)) {
            return Self::Deny;
        }
        if all(|one| matches!(one, Self::Pass)) {
            return Self::Pass;
        }
        Self::Onward(Arc::new(decisions))
    }

    fn is(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Admit, Self::Admit) | (Self::Deny, Self::Deny) | (Self::Pass, Self::Pass) => {
                true
            }
            (Self::Onward(a), Self::Onward(b)) => Arc::ptr_eq(a, b),
            _ => false,
        }
    }
}

impl Decisions {
    /// These, and at last an outcome for everything else.
    pub fn new(mut steps: Vec<Step>, end: &Outcome, family: Family) -> Self {
        match end {
            Outcome::Onward(next) => steps.extend(next.steps.iter().cloned()),
            Outcome::Admit | Outcome::Deny | Outcome::Pass => {
                let peers = Asked::fixed(everywhere(family));
                steps.push(Step { peers, conns: Packets::all(), outcome: end.clone() });
            }
        }
        Self { steps }
    }

    /// What is admitted, if nothing is denied before something is admitted: then order does not
    /// matter.
    pub fn admitted(&self) -> Option<&[Step]> {
        let denied = |step: &Step| matches!(step.outcome, Outcome::Deny);
        let first = self.steps.iter().position(denied).unwrap_or(self.steps.len());
        let (admitted, rest) = self.steps.split_at_checked(first)?;
        let plain = admitted.iter().all(|step| matches!(step.outcome, Outcome::Admit));
        (plain && rest.iter().all(denied)).then_some(admitted)
    }

    /// What is decided at an address.
    pub fn at(&self, peer: u128) -> Decided {
        let (mut decided, mut left) = (Decided::default(), Packets::all());
        for step in &self.steps {
            if left.is_empty() {
                break;
            }
            if !step.peers.space().contains(peer) {
                continue;
            }
            let here = left.intersection(&step.conns);
            left = left.difference(&step.conns);
            match &step.outcome {
                _ if here.is_empty() => {}
                Outcome::Admit => decided.admitted = decided.admitted.union(&here),
                Outcome::Pass => decided.passed = decided.passed.union(&here),
                Outcome::Deny => {}
                Outcome::Onward(next) => decided = decided.union(&next.at(peer).within(&here)),
            }
        }
        decided
    }

    /// The addresses that decisions ask for, also those that these lead on to.
    pub fn each_space<'d>(&'d self, seen: &mut Vec<&'d Self>, each: &mut impl FnMut(&Space)) {
        if seen.iter().any(|one| std::ptr::eq(*one, self)) {
            return;
        }
        seen.push(self);
        for step in &self.steps {
            each(step.peers.space());
            if let Outcome::Onward(next) = &step.outcome {
                next.each_space(seen, each);
            }
        }
    }

    /// The runs. Of each only what no earlier decision has decided already, as far as that can be
    /// told without looking at single addresses. None if some addresses depend on members of sets
    /// in another way than by being these.
    ///
    /// # Cost
    /// Linear in the decisions, but for look-ups.
    pub fn runs(&self, by: By, family: Family) -> Option<Vec<Run<'_>>> {
        let all = everywhere(family);
        let (mut runs, mut decided): (Vec<Run<'_>>, Packets) = (Vec::new(), Packets::none());
        let mut decided_at: BTreeMap<Key<'_>, Packets> = BTreeMap::new();
        for step in &self.steps {
            let key = Key::of(&step.peers, by)?;
            if key == Key::Space(&Space::empty()) {
                continue;
            }
            let before = match key == Key::Space(&all) {
                true => None,
                false => Some(decided_at.entry(key).or_default()),
            };
            let mut conns = step.conns.difference(&decided);
            if let Some(before) = &before {
                conns = conns.difference(before);
            }
            if conns.is_empty() {
                continue;
            }
            if runs.last().is_none_or(|run| !run.outcome.is(&step.outcome)) {
                runs.push(Run::new(&step.outcome));
            }
            if let Some(run) = runs.last_mut() {
                let known = match before {
                    None => &mut run.everywhere,
                    Some(_) => {
                        &mut run.parts.entry(key).or_insert((&step.peers, Packets::none())).1
                    }
                };
                *known = known.union(&conns);
            }
            let known = before.unwrap_or(&mut decided);
            *known = known.union(&conns);
        }
        runs.iter_mut().for_each(Run::settle);
        Some(runs)
    }

    /// Whether two lists say the same in the same words, of whoever has which address now.
    pub fn is_same(&self, other: &Self, family: Family) -> bool {
        self.agrees(other, family, &mut Vec::new())
    }

    fn agrees<'d>(
        &'d self,
        other: &'d Self,
        family: Family,
        seen: &mut Vec<(&'d Self, &'d Self)>,
    ) -> bool {
        if seen.iter().any(|(a, b)| std::ptr::eq(*a, self) && std::ptr::eq(*b, other)) {
            return true;
        }
        seen.push((self, other));
        let (Some(one), Some(two)) = (self.runs(By::Space, family), other.runs(By::Space, family))
        else {
            return false;
        };
        let conns = |run: &Run<'d>| -> BTreeMap<Key<'d>, Packets> {
            run.parts.iter().map(|(key, (_, conns))| (*key, conns.clone())).collect()
        };
        one.len() == two.len()
            && one.iter().zip(&two).all(|(one, two)| {
                one.everywhere == two.everywhere
                    && conns(one) == conns(two)
                    && match (one.outcome, two.outcome) {
                        (Outcome::Onward(a), Outcome::Onward(b)) => a.agrees(b, family, seen),
                        (a, b) => a.is(b),
                    }
            })
    }
}

impl<'d> Key<'d> {
    fn of(asked: &'d Asked, by: By) -> Option<Self> {
        match (by, &asked.origin) {
            (By::Space, _) | (By::Origin, Origin::Fixed) => Some(Self::Space(asked.space())),
            (By::Origin, Origin::Derived) => None,
            (By::Origin, origin) => Some(Self::Origin(origin)),
        }
    }
}

impl<'d> Run<'d> {
    fn new(outcome: &'d Outcome) -> Self {
        Self { outcome, everywhere: Packets::none(), parts: BTreeMap::new() }
    }

    /// Parts whose addresses are written, and the others.
    pub fn split(self) -> (Written<'d>, Vec<Part<'d>>) {
        let (mut written, mut others) = (BTreeMap::new(), Vec::new());
        for (key, (asked, conns)) in self.parts {
            match key {
                Key::Space(_) => drop(written.insert(key, conns)),
                Key::Origin(_) => others.push((asked, conns)),
            }
        }
        (written, others)
    }

    /// What is of whatever peer is only said once.
    fn settle(&mut self) {
        let everywhere = &self.everywhere;
        self.parts.retain(|_, (_, conns)| {
            *conns = conns.difference(everywhere);
            !conns.is_empty()
        });
    }
}
