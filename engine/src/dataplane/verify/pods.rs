//! What a direction's chains admit for one pod.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::super::program::{Action, Chain, ChainName, FilterRule, Match};
use super::decisions::{Decisions, Outcome, Step as Decision};
use super::packets::Packets;
use super::reader::{Product, Reader, Trouble, Walker};
use super::regions::{DEEPEST, Region, Walk};
use super::space::{Admitted, Asked, Space, everywhere, in_cidr};
use crate::manifest::Direction;

/// A direction's chains.
pub struct Pods<'w, 'p> {
    /// The program.
    pub reader: &'w Reader<'p>,
    /// The direction.
    pub direction: Direction,
    /// The chain that leads from the Admin tier to what comes after it: what it says of a pod is
    /// read by itself.
    pub after_admin: ChainName,
    classes: BTreeMap<ChainName, Option<Arc<Class>>>,
}

/// What a chain says of whatever pod comes to it.
#[derive(Debug)]
pub struct Class {
    /// What it admits.
    pub admitted: Admitted,
    /// The chain, and those that it leads on to.
    pub chains: BTreeSet<ChainName>,
    /// Whether it passes on to what comes after the Admin tier.
    pub passes: bool,
    outcome: Outcome,
}

/// Where a chain leads.
struct Below {
    chains: BTreeSet<ChainName>,
    passes: bool,
}

/// What one rule, or a chain, says where only some packets are looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// On to the next rule.
    On,
    /// The chain is at its end.
    End,
    /// On in another chain.
    To(ChainName),
    /// Rules of this form are not read here.
    Other,
}

impl<'w, 'p> Pods<'w, 'p> {
    /// Nothing looked at yet.
    pub fn new(reader: &'w Reader<'p>, direction: Direction, after_admin: ChainName) -> Self {
        Self { reader, direction, after_admin, classes: BTreeMap::new() }
    }

    /// What a chain admits for whatever pod; none if it asks who it is, or is of another form.
    pub fn class(&mut self, name: &ChainName) -> Result<Option<Arc<Class>>, Trouble> {
        self.class_below(name, 0)
    }

    fn class_below(
        &mut self,
        name: &ChainName,
        depth: usize,
    ) -> Result<Option<Arc<Class>>, Trouble> {
        if let Some(known) = self.classes.get(name) {
            return Ok(known.clone());
        }
        if depth > DEEPEST {
            return Ok(None);
        }
        let chain = self.reader.chain(name)?;
        let class = if self.asks(name)? { None } else { self.read_class(chain, depth)? };
        let class = class.map(Arc::new);
        self.classes.insert(name.clone(), class.clone());
        Ok(class)
    }

    /// Whether a chain asks who the subject is.
    ///
    /// # Errors
    /// If there is no such chain.
    pub fn asks(&self, name: &ChainName) -> Result<bool, Trouble> {
        let chain = self.reader.chain(name)?;
        Ok(chain.rules.iter().any(|rule| self.asks_subject(rule)))
    }

    fn read_class(&mut self, chain: &Chain, depth: usize) -> Result<Option<Class>, Trouble> {
        let mut below = Below { chains: BTreeSet::from([chain.name.clone()]), passes: false };
        // At its end a chain returns.
        let (mut steps, mut end) = (Vec::new(), Outcome::Admit);
        for rule in &chain.rules {
            if matches!(rule.action, Action::Log { .. }) {
                continue;
            }
            if rule.matches.iter().any(|one| matches!(one, Match::Limit(..))) {
                return Ok(None);
            }
            let products = self.reader.products(rule, Walker::NEW)?;
            if products.is_empty() {
                continue;
            }
            let Some(outcome) = self.outcome(&rule.action, &mut below, depth)? else {
                return Ok(None);
            };
            if products.iter().any(Product::is_all) {
                end = outcome;
                break;
            }
            let decided = products.iter().map(|product| {
                let (peers, conns) = self.peers_of(product);
                Decision { peers, conns, outcome: outcome.clone() }
            });
            steps.extend(decided);
        }
        let family = self.reader.program.family;
        let outcome = Outcome::of(Decisions::new(steps, &end, family));
        let admitted = Admitted::of(&outcome, family);
        let Below { chains, passes } = below;
        Ok(Some(Class { admitted, chains, passes, outcome }))
    }

    /// What an action comes to; none if it has another form.
    fn outcome(
        &mut self,
        action: &Action,
        below: &mut Below,
        depth: usize,
    ) -> Result<Option<Outcome>, Trouble> {
        Ok(match action {
            Action::Return => Some(Outcome::Admit),
            Action::Drop | Action::Reject(_) => Some(Outcome::Deny),
            Action::Goto(next) if *next == self.after_admin => {
                below.passes = true;
                Some(Outcome::Pass)
            }
            Action::Goto(next) => self.class_below(next, depth + 1)?.map(|class| {
                below.chains.extend(class.chains.iter().cloned());
                below.passes |= class.passes;
                class.outcome.clone()
            }),
            Action::Jump(_) | Action::Accept | Action::Log { .. } => None,
        })
    }

    fn asks_subject(&self, rule: &FilterRule) -> bool {
        rule.matches.iter().any(|one| match one {
            Match::Source(_)
            | Match::SourceIn(_)
            | Match::SourceNotIn(_)
            | Match::SourcePortIn(_)
            | Match::SourcePortNotIn(_) => self.direction == Direction::Egress,
            Match::Destination(_)
            | Match::DestinationIn(_)
            | Match::DestinationNotIn(_)
            | Match::DestinationPortIn(_)
            | Match::DestinationPortNotIn(_) => self.direction == Direction::Ingress,
            _ => false,
        })
    }

    /// What a chain says of a pod; what it admits is added.
    pub fn read(
        &self,
        chain: &Chain,
        subject: u128,
        admitted: &mut Admitted,
    ) -> Result<Step, Trouble> {
        for rule in &chain.rules {
            match self.rule(rule, subject, admitted)? {
                Step::On => {}
                step => return Ok(step),
            }
        }
        self.admit(&[Product::default()], admitted);
        Ok(Step::End)
    }

    fn rule(
        &self,
        rule: &FilterRule,
        subject: u128,
        admitted: &mut Admitted,
    ) -> Result<Step, Trouble> {
        if matches!(rule.action, Action::Log { .. }) {
            return Ok(Step::On);
        }
        if rule.matches.iter().any(|one| matches!(one, Match::Limit(..))) {
            return Ok(Step::Other);
        }
        // Most rules on the way are about other pods.
        if rule.matches.iter().any(|one| self.excludes(one, subject)) {
            return Ok(Step::On);
        }
        let mut products = self.reader.products(rule, Walker::NEW)?;
        products.retain_mut(|product| self.about(product, subject));
        let every = products.iter().any(Product::is_all);
        Ok(match &rule.action {
            _ if products.is_empty() => Step::On,
            Action::Return => {
                self.admit(&products, admitted);
                if every { Step::End } else { Step::On }
            }
            Action::Drop | Action::Reject(_) if every => Step::End,
            Action::Goto(next) if every => Step::To(next.clone()),
            _ => Step::Other,
        })
    }

    /// Whether a condition is that the pod has an address that it has not.
    fn excludes(&self, one: &Match, subject: u128) -> bool {
        let net = match (one, self.direction) {
            (Match::Source(net), Direction::Egress) => net,
            (Match::Destination(net), Direction::Ingress) => net,
            _ => return false,
        };
        !in_cidr(*net, self.reader.program.family, subject)
    }

    /// Whether the product is about the subject, which it then is not asked for any more.
    fn about(&self, product: &mut Product, subject: u128) -> bool {
        let own = match self.direction {
            Direction::Egress => &mut product.source,
            Direction::Ingress => &mut product.destination,
        };
        own.take().is_none_or(|asked| asked.space().contains(subject))
    }

    fn admit(&self, products: &[Product], admitted: &mut Admitted) {
        for product in products {
            let (peers, conns) = self.peers_of(product);
            admitted.add(peers, conns);
        }
    }

    /// Peers of which a product is, and connections.
    fn peers_of(&self, product: &Product) -> (Arc<Asked>, Packets) {
        let peers = match self.direction {
            Direction::Egress => &product.destination,
            Direction::Ingress => &product.source,
        };
        let anywhere = || Asked::fixed(everywhere(self.reader.program.family));
        let peers = peers.clone().unwrap_or_else(anywhere);
        (peers, product.conns.clone().unwrap_or_else(Packets::all))
    }

    /// What is admitted for a pod's address, whatever the form of the chains.
    ///
    /// # Errors
    /// If a chain decides that no rule of the other direction shall see a packet.
    pub fn walk(&self, root: &str, subject: u128) -> Result<Admitted, Trouble> {
        let one = Space::range(subject, subject);
        let any = everywhere(self.reader.program.family);
        let (source, destination) = match self.direction {
            Direction::Egress => (one, any),
            Direction::Ingress => (any, one),
        };
        let region = Region::between(source, destination);
        let walk = Walk { reader: self.reader, walker: Walker::NEW, opaque: &[] };
        let outcome = walk.chain(root, region)?;
        if !outcome.accepted.is_empty() {
            return Err(format!(
                "{root} accepts, so that nobody asks for the other end's policies"
            ));
        }
        let mut admitted = Admitted::default();
        for region in outcome.returned {
            let peers = match self.direction {
                Direction::Egress => region.destination,
                Direction::Ingress => region.source,
            };
            admitted.add(Asked::fixed(peers), region.conns);
        }
        Ok(admitted)
    }

    /// Whether a rule asks more than who the subject is.
    pub fn conditional(&self, rule: &FilterRule) -> bool {
        let about_subject = |one: &Match| match self.direction {
            Direction::Egress => matches!(one, Match::Source(_) | Match::SourceIn(_)),
            Direction::Ingress => matches!(one, Match::Destination(_) | Match::DestinationIn(_)),
        };
        !rule.matches.iter().all(about_subject)
    }
}
