//! What a program may take away from pods.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::Arc;

use super::joined::joined;
use super::program::{
    Action, AddressSet, Chain, ChainKind, ChainName, Class, FamilyProgram, FilterProgram,
    FilterRule, Match, Members, SetName,
};
use crate::manifest::{Direction, Mode};

/// Addresses of pods of the node to which a program may allow less than the one before did.
///
/// # Shape
/// Pods that come to other chains than before, whatever these say; and those whose chains ask for
/// a set that has changed to their disadvantage: a set of what is accepted that lost members, of
/// what is denied that gained some, or of what is passed on that did either. Pods that are not
/// here are allowed at least what they were.
///
/// # Cost
/// Linear in the chains, the sets and the pods of the node.
pub fn restricted(old: &FilterProgram, new: &FilterProgram) -> BTreeSet<IpAddr> {
    let mut restricted = BTreeSet::new();
    for (family, new) in &new.families {
        let old = &old.families[family];
        let mut chains = Chains { new, changes: changes(old, new), known: BTreeMap::new() };
        for (name, class) in &new.classes {
            if class.mode == Mode::Enforce && chains.allows_less(name) {
                restricted.extend(&class.subjects);
            }
        }
        let mut left = BTreeSet::new();
        let in_force = |class: &&Class| class.mode == Mode::Enforce;
        for (_, before, now) in joined(&old.classes, &new.classes) {
            let (before, now) = (before.filter(in_force), now.filter(in_force));
            restricted.extend(others(now, before).map(|(_, subject)| subject));
            left.extend(others(before, now));
        }
        // What an Admin tier accepted, the chain after it may deny.
        for class in new.classes.values().filter(in_force) {
            let left = |subject: &&IpAddr| left.contains(&(class.direction, **subject));
            restricted.extend(class.subjects.iter().filter(left));
        }
    }
    restricted
}

/// Pods of one class that are not in another.
fn others<'c>(
    of: Option<&'c Class>,
    not: Option<&'c Class>,
) -> impl Iterator<Item = (Direction, IpAddr)> + 'c {
    let known = not.map_or(&[][..], |class| &class.subjects);
    let pods = |class: &'c Class| class.subjects.iter().map(|subject| (class.direction, *subject));
    let pods = of.into_iter().flat_map(pods);
    pods.filter(move |(_, subject)| known.binary_search(subject).is_err())
}

/// What has become of the members of a set.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Change {
    lost: bool,
    gained: bool,
}

/// Sets that have other members than before.
fn changes<'p>(old: &FamilyProgram, new: &'p FamilyProgram) -> BTreeMap<&'p SetName, Change> {
    let changed = new.sets.iter().filter_map(|(name, now)| {
        let before = old.sets.get(name)?;
        let same = Arc::ptr_eq(before, now) || before.members == now.members;
        (!same).then(|| (name, Change::between(before, now)))
    });
    changed.collect()
}

impl Change {
    fn between(before: &AddressSet, now: &AddressSet) -> Self {
        match now.members {
            // Fewer blocks may be more addresses.
            Members::Blocks(_) => Self { lost: true, gained: true },
            _ => Self {
                lost: !before.members.is_subset(&now.members),
                gained: !now.members.is_subset(&before.members),
            },
        }
    }
}

/// Chains of classes, which are what they were: only sets change under them.
struct Chains<'p> {
    new: &'p FamilyProgram,
    changes: BTreeMap<&'p SetName, Change>,
    known: BTreeMap<ChainName, bool>,
}

impl Chains<'_> {
    /// Whether a chain, or one that it leads on to, may allow less.
    fn allows_less(&mut self, name: &ChainName) -> bool {
        if let Some(known) = self.known.get(name) {
            return *known;
        }
        // A chain that led to itself would be looked into once.
        self.known.insert(name.clone(), false);
        let Some(chain) = self.new.chains.get(name).cloned() else { return true };
        let less = chain.rules.iter().any(|rule| self.rule_allows_less(rule));
        self.known.insert(name.clone(), less);
        less
    }

    fn rule_allows_less(&mut self, rule: &FilterRule) -> bool {
        let changed = rule.matches.iter().filter_map(|one| self.change(one));
        let change = changed.fold(Change::default(), |all, one| Change {
            lost: all.lost || one.lost,
            gained: all.gained || one.gained,
        });
        match &rule.action {
            Action::Return | Action::Accept => change.lost,
            Action::Drop | Action::Reject(_) => change.gained,
            Action::Log { .. } => false,
            Action::Goto(next) | Action::Jump(next) => match self.denies(next) {
                true => change.gained,
                // What comes after an Admin tier is a class of its own.
                false => {
                    change != Change::default() || (self.is_content(next) && self.allows_less(next))
                }
            },
        }
    }

    /// Whether a chain stays what it is, and is no root of a tree.
    fn is_content(&self, name: &ChainName) -> bool {
        let chain = self.new.chains.get(name);
        chain.is_none_or(|chain| chain.kind == ChainKind::Content)
    }

    /// Whether a chain does nothing but deny.
    fn denies(&self, name: &ChainName) -> bool {
        let deny = |chain: &Arc<Chain>| {
            let mut rules =
                chain.rules.iter().filter(|rule| !matches!(rule.action, Action::Log { .. }));
            let first = rules.next();
            first.is_some_and(|rule| {
                rule.matches.is_empty() && matches!(rule.action, Action::Drop | Action::Reject(_))
            })
        };
        self.new.chains.get(name).is_some_and(deny)
    }

    /// What has become of what a condition holds for.
    fn change(&self, one: &Match) -> Option<Change> {
        match one {
            Match::SourceIn(set)
            | Match::DestinationIn(set)
            | Match::DestinationPortIn(set)
            | Match::SourcePortIn(set)
            | Match::PortIn(set) => self.changes.get(set).copied(),
            Match::SourceNotIn(set)
            | Match::DestinationNotIn(set)
            | Match::SourcePortNotIn(set)
            | Match::DestinationPortNotIn(set) => {
                let Change { lost, gained } = self.changes.get(set).copied()?;
                Some(Change { lost: gained, gained: lost })
            }
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dataplane::{Input, Settings, UNKNOWN_WIRING, lower};
    use crate::{Change as Edit, Options, Session, SourceFile};

    /// The program of the node of pod `a`, whose peer has a label.
    fn program(label: &str) -> FilterProgram {
        program_of(&text(label))
    }

    fn text(label: &str) -> String {
        format!(
            "
{{apiVersion: v1, kind: Pod, metadata: {{name: a, namespace: x, labels: {{app: a}}}},
 spec: {{nodeName: n1}}, status: {{phase: Running, podIP: 10.0.0.1}}}}
---
{{apiVersion: v1, kind: Pod, metadata: {{name: p, namespace: x, labels: {{app: {label}}}}},
 spec: {{nodeName: n2}}, status: {{phase: Running, podIP: 10.0.1.1}}}}
---
apiVersion: policy.networking.k8s.io/v1beta1
kind: ClusterNetworkPolicy
metadata: {{name: admin}}
spec:
  tier: Admin
  priority: 1
  subject: {{pods: {{namespaceSelector: {{}}, podSelector: {{matchLabels: {{app: a}}}}}}}}
  ingress:
  - {{action: Deny, from: [{{pods: {{namespaceSelector: {{}}, podSelector: {{matchLabels: {{app: bad}}}}}}}}]}}
  - {{action: Accept, from: [{{pods: {{namespaceSelector: {{}}, podSelector: {{matchLabels: {{app: good}}}}}}}}]}}
  - {{action: Pass, from: [{{pods: {{namespaceSelector: {{}}, podSelector: {{matchLabels: {{app: left}}}}}}}}]}}
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {{name: p, namespace: x}}
spec:
  podSelector: {{}}
  ingress: [{{from: [{{podSelector: {{matchLabels: {{app: fine}}}}}}]}}]
"
        )
    }

    fn program_of(text: &str) -> FilterProgram {
        let file = SourceFile::new("all.yaml", text.as_bytes());
        let session = Session::new(Options::default()).apply(vec![Edit::Put(file)]);
        assert_eq!(session.check().summary.errors, 0, "{:?}", session.check().diagnostics);
        let (model, policies) = (session.model(), session.policies());
        lower(Input {
            model,
            policies,
            node: "n1",
            settings: &Settings::default(),
            wiring: &UNKNOWN_WIRING,
        })
    }

    #[test]
    fn what_a_set_is_asked_for_decides_which_of_its_changes_take_something() {
        let takes = |before, after| !restricted(&program(before), &program(after)).is_empty();
        assert!(takes("other", "bad"), "a denied peer more");
        assert!(!takes("bad", "other"), "a denied peer less");
        assert!(takes("good", "other"), "an accepted peer less");
        assert!(!takes("other", "good"), "an accepted peer more");
        assert!(takes("other", "left") && takes("left", "other"), "the next tier may do anything");
        assert!(takes("fine", "other"), "an accepted peer less in the next tier");
        assert!(!takes("other", "fine") && !takes("other", "more"));
    }
    /// A chain stays the pod's when the Admin tier before it goes, and what that tier accepted is
    /// no longer accepted.
    #[test]
    fn what_an_admin_tier_accepted_is_taken_away_with_it() {
        let with = text("good");
        let (with, without) = (program_of(&with), program_of(&with.replace("Admin", "Baseline")));
        let of_both = |(name, class): (&ChainName, &Class)| {
            let before = with.families.values().find_map(|family| family.classes.get(name));
            before.is_some_and(|before| before.subjects == class.subjects)
        };
        assert!(without.families.values().flat_map(|family| &family.classes).any(of_both));
        assert!(!restricted(&with, &without).is_empty());
        assert!(restricted(&with, &with).is_empty());
    }

    #[test]
    fn what_is_only_audited_takes_nothing_away() {
        let audited = "{name: p, namespace: x, annotations: {portcullis.dev/mode: audit}}";
        let audit =
            text("fine").replace("{name: p, namespace: x}\nspec", &format!("{audited}\nspec"));
        let other = audit.replace("app: fine}}}]}]", "app: fine}}}], ports: [{port: 80}]}]");
        let (audit, other) = (program_of(&audit), program_of(&other));
        let audits = |program: &FilterProgram| -> BTreeSet<ChainName> {
            let classes = program.families.values().flat_map(|family| &family.classes);
            let audits = classes.filter(|(_, class)| class.mode == Mode::Audit);
            audits.map(|(name, _)| name.clone()).collect()
        };
        assert_ne!(audits(&audit), audits(&other));
        assert!(restricted(&audit, &other).is_empty());
    }
}
