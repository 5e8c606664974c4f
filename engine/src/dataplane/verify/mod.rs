//! Whether a program admits exactly what the policies admit.
//!
//! Two readings are compared: one of the chains and sets, as the kernel would walk them, with all
//! packets at once; one of the policies. Neither knows how programs are made.
//!
//! - The program's side: `reader` says which packets a rule matches, `ways` how each pod comes to
//!   the chains of its class, `pods` what these chains decide, `regions` walks chains of any form.
//! - The policies' side: `places` says who is where, `policies` what is decided for a pod.
//! - Both come as `decisions`: runs of equal outcomes in order, over sets of addresses by where they
//!   come from (`space`). Equal runs over sets with equal members are a proof that outlives changes
//!   of the members (`proof`, `memory`); otherwise the two are compared address by address.
//! - A pod with an Admin tier comes to two chains, one after the other. `claims` proves each by
//!   itself, the first with what it passes on left open, and so once for all pods that share it.
//! - `frame` checks what holds for all packets: states, hooks, unknown addresses. `check` puts it
//!   together.

mod check;
mod claims;
mod decisions;
mod devices;
mod frame;
mod memory;
mod places;
mod pod_spaces;
mod pods;
mod policies;
mod proof;
mod reader;
mod regions;
mod space;
mod ways;

use std::net::IpAddr;

use super::lower::Input;
use super::program::FilterProgram;
use super::settings::Settings;
use crate::cluster::EndpointId;
use crate::manifest::Direction;
use crate::net::{ByFamily, Family, Protocol};
use check::Check;
use memory::Memory;
use places::Places;
use space::{Asked, Space};

/// What was found to be right.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Verified {
    /// Addresses of local pods, in both directions.
    pub subjects: usize,
    /// Chains of classes whose rules were compared with policies.
    pub classes: usize,
    /// Subjects whose way through the chains was walked region by region, since it has not the
    /// usual form.
    pub walked: usize,
}

/// Where a program does not do what the policies say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Disagreement {
    /// A flow is judged otherwise.
    Flow(Counterexample),
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
        let (mut verified, mut wrong) = (Verified::default(), Vec::new());
        for (family, memory) in &mut self.memories {
            let mut check = Check {
                input,
                program: &program.families[family],
                places: &self.places,
                verified: &mut verified,
                wrong: &mut wrong,
                own_node: Asked::fixed(Space::empty()),
            };
            if let Err(what) = check.run(&change, memory) {
                wrong.push(Disagreement::Structure { family, what });
            }
        }
        if wrong.is_empty() { Ok(verified) } else { Err(wrong) }
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
