//! Whether a program admits exactly what the policies admit.
//!
//! Two readings are compared: one of the chains and sets, as the kernel would walk them, with all
//! packets at once; one of the policies. Neither knows how programs are made.
//!
//! - The program's side: `reader` says which packets a rule matches, by `sets`, `ways` how each pod comes to
//!   the chains of its class, `pods` what these chains decide, `regions` walks chains of any form.
//! - The policies' side: `places` says who is where, `policies` what is decided for a pod, of rules
//!   with conditions `conditions`.
//! - What rules ask besides addresses are sets of `packets`; ports by `named` are at addresses.
//! - Both come as `decisions`: runs of equal outcomes in order, over sets of addresses by where they
//!   come from (`space`). Equal runs over sets with equal members are a proof that outlives changes
//!   of the members (`proof`, `memory`); otherwise the two are compared address by address.
//! - A pod with an Admin tier comes to two chains, one after the other. `claims` proves each by
//!   itself, the first with what it passes on left open, and so once for all pods that share it.
//! - `audited` takes apart what decides and what only says what would be.
//! - `budgets` finds out which policies are closed since all of them ask for too much.
//! - `hosts` compares the chains of host endpoints with their policies, of which `hosts::rules` reads
//!   what they are about.
//! - `frame` checks what holds for all packets: states, hooks, unknown addresses. `check` puts it
//!   together.

mod audited;
mod budgets;
mod check;
mod claims;
mod conditions;
mod decisions;
mod devices;
mod frame;
mod hosts;
mod memory;
mod named;
mod packets;
mod places;
mod pod_spaces;
mod pods;
mod policies;
mod proof;
mod reader;
mod regions;
mod sets;
mod space;
mod ways;

use std::borrow::Cow;
use std::net::IpAddr;

use super::lower::Input;
use super::program::{FamilyProgram, FilterProgram};
use super::settings::Settings;
use crate::cluster::EndpointId;
use crate::manifest::Direction;
use crate::net::{ByFamily, Family, Protocol};
use crate::policy::Considered;
use audited::Audited;
use budgets::Counting;
use check::{Check, Part};
use memory::Memory;
use places::Places;
use reader::Trouble;
use space::{Asked, Space};

/// What was found to be right.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Verified {
    /// Addresses of local pods, in both directions.
    pub subjects: usize,
    /// Chains of classes whose rules were compared with policies.
    pub classes: usize,
    /// Chains of classes that say what would be denied, which were compared as well.
    pub audited: usize,
    /// Subjects whose way through the chains was walked region by region, since it has not the
    /// usual form.
    pub walked: usize,
}

/// Where a program does not do what the policies say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Disagreement {
    /// A flow is judged otherwise.
    Flow(Counterexample),
    /// Of a flow another thing is said to be if audited policies were in force.
    Audited(Counterexample),
    /// Chains or sets are not as they must be, whatever the policies are.
    Structure {
        /// The family.
        family: Family,
        /// What is wrong.
        what: String,
    },
}

/// A flow that is judged otherwise.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Counterexample {
    /// The direction, seen from the pod.
    pub direction: Direction,
    /// The pod; none for an address that is no local pod's.
    pub pod: Option<EndpointId>,
    /// The pod's address.
    pub subject: IpAddr,
    /// The other end's address.
    pub peer: IpAddr,
    /// The protocol; none stands for those without ports.
    pub protocol: Option<Protocol>,
    /// The destination port.
    pub port: u16,
    /// Whether the program admits it; the policies say the opposite.
    pub admitted: bool,
}

/// Compares a program with the policies.
///
/// # Errors
/// The flows and structures that are wrong: at least one of each kind that is.
///
/// # Cost
/// Linear in the endpoints of the cluster, the rules and the members of sets.
pub fn verify(program: &FilterProgram, input: Input<'_>) -> Result<Verified, Vec<Disagreement>> {
    Verifier::default().verify(program, input)
}

/// Compares one program after the other, anew only where the grounds of a proof have changed.
#[derive(Debug, Default)]
pub struct Verifier {
    settings: Option<Settings>,
    places: Places,
    memories: ByFamily<Memory>,
    budgets: Counting,
    audits: ByFamily<Option<Box<Audited>>>,
}

impl Verifier {
    /// What [`verify`] says.
    ///
    /// # Errors
    /// As [`verify`].
    ///
    /// # Cost
    /// Of what is the same as in the program before: linear in the pods of the node, and in the
    /// chains and sets of the program. Where only members of sets have changed, what has changed of
    /// them is compared, and no rule is read.
    pub fn verify(
        &mut self,
        program: &FilterProgram,
        input: Input<'_>,
    ) -> Result<Verified, Vec<Disagreement>> {
        if self.settings.as_ref() != Some(input.settings) {
            *self = Self { settings: Some(input.settings.clone()), ..Self::default() };
        }
        let change = self.places.update(input);
        self.budgets.follow(input, &self.places, &change);
        let (mut verified, mut wrong) = (Verified::default(), Vec::new());
        for (family, memory) in &mut self.memories {
            let program = &program.families[family];
            let (places, budgets) = (&self.places, &self.budgets);
            let run = Run { input, places, budgets, change: &change };
            let result = run.family(program, memory, &mut self.audits[family]);
            match result {
                Ok(found) => {
                    verified.add(found.verified);
                    wrong.extend(found.wrong);
                }
                Err(what) => wrong.push(Disagreement::Structure { family, what }),
            }
        }
        if wrong.is_empty() { Ok(verified) } else { Err(wrong) }
    }
}

/// One comparison.
struct Run<'r> {
    input: Input<'r>,
    places: &'r Places,
    budgets: &'r Counting,
    change: &'r places::Change,
}

/// What was found in a family.
#[derive(Default)]
struct Found {
    verified: Verified,
    wrong: Vec<Disagreement>,
}

impl Run<'_> {
    /// Compares what decides with the policies in force, and what says what would be with all.
    fn family(
        &self,
        program: &FamilyProgram,
        memory: &mut Memory,
        known: &mut Option<Box<Audited>>,
    ) -> Result<Found, Trouble> {
        let mode = self.input.settings.mode;
        let Some(parts) = audited::apart(program, self.input, known)? else {
            return self.part((program, Considered::in_force(mode)), memory, Part::Whole);
        };
        let decides = (&parts.enforced, Considered::in_force(mode));
        let mut found = self.part(decides, memory, Part::Whole)?;
        let Some(known) = known else { return Ok(found) };
        let says = (&parts.audited, Considered::audited(mode));
        let audited = self.part(says, &mut known.memory, Part::Ends)?;
        found.verified.audited = audited.verified.classes;
        found.wrong.extend(audited.wrong.into_iter().map(|wrong| match wrong {
            Disagreement::Flow(flow) => Disagreement::Audited(flow),
            other => other,
        }));
        Ok(found)
    }

    fn part(
        &self,
        (program, considered): (&FamilyProgram, Considered),
        memory: &mut Memory,
        part: Part,
    ) -> Result<Found, Trouble> {
        let mut found = Found::default();
        let policies = match considered {
            Considered::Enforced => Cow::Borrowed(self.input.policies),
            other => Cow::Owned(self.input.policies.considering(other)),
        };
        let mut check = Check {
            input: Input { policies: &policies, ..self.input },
            program,
            places: self.places,
            over_budget: match part {
                Part::Whole => &self.budgets.in_force.over,
                Part::Ends => &self.budgets.audited.over,
            },
            verified: &mut found.verified,
            wrong: &mut found.wrong,
            own_node: Asked::fixed(Space::empty()),
        };
        check.run(self.change, memory, part)?;
        Ok(found)
    }
}

impl Verified {
    fn add(&mut self, other: Self) {
        self.subjects += other.subjects;
        self.classes += other.classes;
        self.walked += other.walked;
        self.audited += other.audited;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dataplane::{FilterProgram, Settings, UNKNOWN_WIRING, lower};
    use crate::{Change, Options, Session, SourceFile};

    const CLUSTER: &str = "
{apiVersion: v1, kind: Namespace, metadata: {name: shop, labels: {team: shop}}}
---
{apiVersion: v1, kind: Pod, metadata: {name: a, namespace: shop, labels: {app: a}},
 spec: {nodeName: n1}, status: {phase: Running, podIP: 10.0.0.1}}
---
{apiVersion: v1, kind: Pod, metadata: {name: b, namespace: shop, labels: {app: b}},
 spec: {nodeName: n1}, status: {phase: Running, podIP: 10.0.0.2}}
---
{apiVersion: v1, kind: Pod, metadata: {name: c, namespace: shop, labels: {app: c}},
 spec: {nodeName: n2}, status: {phase: Running, podIP: 10.0.1.3}}
---
apiVersion: policy.networking.k8s.io/v1beta1
kind: ClusterNetworkPolicy
metadata: {name: admin}
spec:
  tier: Admin
  priority: 1
  subject: {namespaces: {}}
  ingress:
  - {action: Accept, from: [{pods: {namespaceSelector: {}, podSelector: {matchLabels: {app: a}}}}]}
  - {action: Pass, from: [{pods: {namespaceSelector: {}, podSelector: {matchLabels: {app: b}}}}]}
  - {action: Deny, from: [{namespaces: {}}]}
  egress:
  - {action: Deny, to: [{networks: [192.0.2.0/24]}]}
---
apiVersion: policy.networking.k8s.io/v1beta1
kind: ClusterNetworkPolicy
metadata: {name: baseline}
spec:
  tier: Baseline
  priority: 1
  subject: {namespaces: {}}
  ingress: [{action: Deny, from: [{namespaces: {}}]}]
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: p, namespace: shop}
spec:
  podSelector: {matchLabels: {app: a}}
  ingress: [{from: [{podSelector: {matchLabels: {app: c}}}]}]
";

    fn session(text: &str) -> Session {
        let file = SourceFile::new("all.yaml", text.as_bytes());
        let session = Session::new(Options::default()).apply(vec![Change::Put(file)]);
        assert_eq!(session.check().summary.errors, 0, "{:?}", session.check().diagnostics);
        session
    }

    fn input<'i>(session: &'i Session, settings: &'i Settings) -> Input<'i> {
        Input {
            model: session.model(),
            policies: session.policies(),
            node: "n1",
            settings,
            wiring: &UNKNOWN_WIRING,
        }
    }

    /// Who is in a set does not matter to a proof as long as the set is that of the policy.
    #[test]
    fn proofs_of_ordered_tiers_do_not_depend_on_members() {
        let (session, settings) = (session(CLUSTER), Settings::default());
        let program = lower(input(&session, &settings));
        let mut verifier = Verifier::default();
        verifier.verify(&program, input(&session, &settings)).unwrap();
        for memory in verifier.memories.values() {
            let grounds: Vec<_> = memory.proofs.values().map(|proof| &proof.grounds).collect();
            assert!(grounds.iter().all(|grounds| !grounds.depend_on_members()), "{grounds:#?}");
        }
        // Of ingress both pods' Admin tier, one's NetworkPolicy and the other's Baseline tier; and
        // both pods' egress.
        assert_eq!(verifier.memories[Family::IPv4].proofs.len(), 4);
    }

    /// The program of one cluster says nothing of another, in which only an action or the order of
    /// two rules is another.
    #[test]
    fn actions_and_their_order_are_compared() {
        let settings = Settings::default();
        let right = session(CLUSTER);
        let program: FilterProgram = lower(input(&right, &settings));
        let (accept, pass) = ("{action: Accept, from", "{action: Pass, from");
        let swapped = CLUSTER.replace(accept, "X").replace(pass, accept).replace("X", pass);
        let denying = CLUSTER.replace(accept, "{action: Deny, from");
        let last = CLUSTER.replace("tier: Admin", "tier: Baseline");
        for other in [swapped, denying, last] {
            let wrong = session(&other);
            assert!(verify(&program, input(&wrong, &settings)).is_err(), "{other}");
            assert!(verify(&lower(input(&wrong, &settings)), input(&wrong, &settings)).is_ok());
        }
    }
}
