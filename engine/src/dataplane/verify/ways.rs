//! From a direction's first chain to the classes of pods: for all pods at once, and again only
//! below chains that have changed.

use std::sync::Arc;

use rustc_hash::{FxHashMap, FxHashSet};

use super::super::program::{Action, Chain, ChainName};
use super::pods::{Pods, Step};
use super::reader::{Trouble, Walker, asked_sets};
use super::regions::DEEPEST;
use super::space::{Admitted, Space};
use crate::manifest::Direction;

/// What is admitted for a pod: by rules about it alone, and by a chain that says the same for
/// whatever pod comes to it.
#[derive(Debug)]
pub struct Way {
    /// By rules about the pod.
    pub own: Admitted,
    /// The chain.
    pub class: Option<ChainName>,
    /// Whether it passes on to what comes after the Admin tier.
    pub passes: bool,
}

/// The way of a pod; none if the chains are not of the form that is read here.
pub type Found = Option<Arc<Way>>;

/// What was found below chains.
#[derive(Debug, Default)]
pub struct Ways {
    branches: FxHashMap<ChainName, Known<Vec<u128>, Vec<Found>>>,
    captures: FxHashMap<ChainName, Known<Space, Space>>,
}

/// What was found of some pods below a chain.
#[derive(Clone, Debug)]
struct Known<Of, What> {
    of: Of,
    what: What,
    below: Below,
}

/// Chains that an answer hangs on; none if it hangs on more than chains.
type Below = Option<Arc<FxHashSet<ChainName>>>;

impl Ways {
    /// Forgets what hangs on chains that have changed.
    pub fn forget(&mut self, changed: &FxHashSet<ChainName>) {
        let holds = |below: &Below| {
            below.as_ref().is_some_and(|below| changed.iter().all(|name| !below.contains(name)))
        };
        if !changed.is_empty() {
            self.branches.retain(|_, known| holds(&known.below));
            self.captures.retain(|_, known| holds(&known.below));
        }
    }

    /// The ways of pods' addresses, which are ascending, from a chain on.
    ///
    /// # Errors
    /// If a chain cannot be read.
    pub fn find(
        &mut self,
        pods: &mut Pods<'_, '_>,
        root: &ChainName,
        subjects: &[u128],
    ) -> Result<Vec<Found>, Trouble> {
        Ok(self.branch(pods, root, subjects, 0)?.0)
    }

    fn branch(
        &mut self,
        pods: &mut Pods<'_, '_>,
        name: &ChainName,
        subjects: &[u128],
        depth: usize,
    ) -> Result<(Vec<Found>, Below), Trouble> {
        if let Some(known) = self.branches.get(name).filter(|known| known.of == subjects) {
            return Ok((known.what.clone(), known.below.clone()));
        }
        if depth > DEEPEST {
            return Ok((vec![None; subjects.len()], None));
        }
        let chain = pods.reader.chain(name)?;
        let mut steps = Vec::with_capacity(subjects.len());
        for subject in subjects {
            let mut own = Admitted::default();
            let step = pods.read(chain, *subject, &mut own)?;
            steps.push((*subject, own, step));
        }
        let (mut found, mut below) = (Vec::new(), Reached::new(chain));
        for together in steps.chunk_by(|a, b| a.2 == b.2) {
            found.extend(self.onward(pods, together, &mut below, depth)?);
        }
        let below = below.done();
        let (of, what) = (subjects.to_vec(), found.clone());
        let known = Known { of, what, below: below.clone() };
        if below.is_some() {
            self.branches.insert(name.clone(), known);
        }
        Ok((found, below))
    }

    /// The ways of pods of which a chain says the same.
    fn onward(
        &mut self,
        pods: &mut Pods<'_, '_>,
        together: &[(u128, Admitted, Step)],
        below: &mut Reached,
        depth: usize,
    ) -> Result<Vec<Found>, Trouble> {
        let all = |class: Option<&ChainName>, passes: bool| -> Vec<Found> {
            let way = |own: &Admitted| Way { own: own.clone(), class: class.cloned(), passes };
            together.iter().map(|(_, own, _)| Some(Arc::new(way(own)))).collect()
        };
        match together.first().map(|(_, _, step)| step) {
            Some(Step::To(next)) => {
                if let Some(class) = pods.class(next)? {
                    below.chains.extend(class.chains.iter().cloned());
                    return Ok(all(Some(next), class.passes));
                }
                // Of a chain that does not ask who comes, it may be one behind it that is of another
                // form: what is found here depends on more chains than are looked into.
                below.only &= pods.asks(next)?;
                let subjects: Vec<u128> = together.iter().map(|(subject, ..)| *subject).collect();
                let (found, further) = self.branch(pods, next, &subjects, depth + 1)?;
                below.all(further);
                let joined = found.into_iter().zip(together);
                Ok(joined.map(|(found, (_, own, _))| Some(after(own, found?))).collect())
            }
            Some(Step::End) => Ok(all(None, false)),
            Some(Step::On | Step::Other) | None => Ok(vec![None; together.len()]),
        }
    }

    /// Addresses that may be denied something, and perhaps others.
    ///
    /// # Errors
    /// If a chain cannot be read.
    pub fn captured(
        &mut self,
        pods: &Pods<'_, '_>,
        root: &ChainName,
        subjects: Space,
    ) -> Result<Space, Trouble> {
        Ok(self.captured_below(pods, root, subjects, 0)?.0)
    }

    fn captured_below(
        &mut self,
        pods: &Pods<'_, '_>,
        name: &ChainName,
        subjects: Space,
        depth: usize,
    ) -> Result<(Space, Below), Trouble> {
        if let Some(known) = self.captures.get(name).filter(|known| known.of == subjects) {
            return Ok((known.what.clone(), known.below.clone()));
        }
        if depth > DEEPEST {
            return Err(format!("chain {name} leads to itself"));
        }
        let chain = pods.reader.chain(name)?;
        let (mut captured, mut left) = (Space::empty(), subjects.clone());
        let mut reached = Reached::new(chain);
        for rule in &chain.rules {
            let conditional = pods.conditional(rule);
            for product in pods.reader.products(rule, Walker::NEW)? {
                let own = match pods.direction {
                    Direction::Egress => &product.source,
                    Direction::Ingress => &product.destination,
                };
                let within = |own: &Space| left.intersection(own);
                let here = own.as_ref().map_or_else(|| left.clone(), |own| within(own.space()));
                if here.is_empty() {
                    continue;
                }
                let below = match &rule.action {
                    Action::Log { .. } | Action::Return => Space::empty(),
                    Action::Goto(next) | Action::Jump(next) => {
                        let found = self.captured_below(pods, next, here.clone(), depth + 1)?;
                        reached.all(found.1);
                        found.0
                    }
                    Action::Accept | Action::Drop | Action::Reject(_) => here.clone(),
                };
                captured = captured.union(&below);
                if !conditional && !matches!(rule.action, Action::Log { .. } | Action::Jump(_)) {
                    left = left.difference(&here);
                }
            }
        }
        let below = reached.done();
        let known = Known { of: subjects, what: captured.clone(), below: below.clone() };
        if below.is_some() {
            self.captures.insert(name.clone(), known);
        }
        Ok((captured, below))
    }
}

/// The way on, after what a chain has admitted already.
fn after(own: &Admitted, found: Arc<Way>) -> Arc<Way> {
    if own.is_empty() {
        return found;
    }
    let mut own = own.clone();
    own.add_all(&found.own);
    Arc::new(Way { own, class: found.class.clone(), passes: found.passes })
}

/// Chains that have been looked into.
struct Reached {
    chains: FxHashSet<ChainName>,
    /// Whether the answer hangs on nothing but chains.
    only: bool,
}

impl Reached {
    fn new(chain: &Chain) -> Self {
        let only = asked_sets(chain).next().is_none();
        Self { chains: std::iter::once(chain.name.clone()).collect(), only }
    }

    fn all(&mut self, below: Below) {
        match below {
            Some(below) => self.chains.extend(below.iter().cloned()),
            None => self.only = false,
        }
    }

    fn done(self) -> Below {
        self.only.then(|| Arc::new(self.chains))
    }
}
