//! Which policies are closed since all of them ask for too much, counted again for the
//! places that the verifier knows. What a policy asks for is counted by the same code.

use super::super::budget::{Ground, Ledger, Local, OverBudget};
use super::super::lower::Input;
use super::places::{Change, Places};
use crate::manifest::Mode;
use crate::policy::{Considered, PolicySet};

/// Who is closed.
#[derive(Debug, Default)]
pub struct Counting {
    /// Of the policies in force.
    pub in_force: Counted,
    /// Of all, as if audited ones were in force.
    pub audited: Counted,
}

/// Who is closed of some policies.
#[derive(Debug, Default)]
pub struct Counted {
    ledger: Ledger,
    /// The policies.
    pub over: OverBudget,
}

impl Counting {
    /// Counts again.
    pub fn follow(&mut self, input: Input<'_>, places: &Places, change: &Change) {
        let mode = input.settings.mode;
        let in_force = Considered::in_force(mode);
        match in_force {
            Considered::Enforced => self.in_force.follow((input, input.policies), places, change),
            other => {
                let policies = input.policies.considering(other);
                self.in_force.follow((input, &policies), places, change);
            }
        }
        if mode == Mode::Enforce && input.policies.audited().next().is_none() {
            self.audited = Counted::default();
            return;
        }
        let policies = input.policies.considering(Considered::audited(mode));
        self.audited.follow((input, &policies), places, change);
    }
}

impl Counted {
    fn follow(
        &mut self,
        (input, policies): (Input<'_>, &PolicySet),
        places: &Places,
        change: &Change,
    ) {
        let Input { model, settings, .. } = input;
        let local: Vec<Local> = places.local().collect();
        let (limits, budgets) = (settings.limits, settings.budgets);
        let (local, size_of) = (local.as_slice(), &|group| places.size(group));
        let ground = Ground { policies, model, limits, budgets, local, size_of };
        self.over = self.ledger.over_budget(ground, &change.steps());
    }
}
