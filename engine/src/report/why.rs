//! Why connections are listed, each reason once.

use rustc_hash::FxHashMap;

use super::types::{DecidingRule, Explanation, Why};
use super::{path, place, sentence};
use crate::manifest::calico::Condition;
use crate::manifest::{ByDirection, Direction, PortEntry};
use crate::policy::Standing;
use crate::reach::{Admission, Admissions};
use crate::session::Session;

/// Reasons seen so far, by number.
#[derive(Default)]
pub struct Explained(FxHashMap<(Direction, Admissions), u32>);

impl Explained {
    /// The numbers of a connection's reasons.
    pub fn add(&mut self, ends: ByDirection<Admissions>) -> Why {
        // The source's gets its number first.
        let [ingress, egress] = ends.into_array();
        let egress = self.number(Direction::Egress, egress);
        Why { egress, ingress: self.number(Direction::Ingress, ingress) }
    }

    fn number(&mut self, direction: Direction, reason: Admissions) -> u32 {
        let next = number_of(self.0.len());
        *self.0.entry((direction, reason)).or_insert(next)
    }

    /// All reasons by number, and the rules that they name.
    pub fn reports(self, session: &Session) -> (Vec<Explanation>, Vec<DecidingRule>) {
        let mut all: Vec<_> = self.0.into_iter().collect();
        all.sort_unstable_by_key(|(_, number)| *number);
        let mut known = FxHashMap::default();
        let mut texts = Vec::new();
        let explanations = all.into_iter().map(|((direction, reason), _)| {
            let rules = in_order(session, &reason.rules).into_iter().filter_map(|rule| {
                *known.entry((direction, rule)).or_insert_with(|| {
                    let number = number_of(texts.len());
                    texts.push(deciding(session, direction, &rule)?);
                    Some(number)
                })
            });
            Explanation { state: reason.state, rules: rules.collect() }
        });
        (explanations.collect(), texts)
    }
}

fn number_of(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}

/// In the order of evaluation.
fn in_order(session: &Session, rules: &[Admission]) -> Vec<Admission> {
    let mut rules = rules.to_vec();
    rules.sort_by_cached_key(|one| {
        session.policies().policy(one.policy).map(|own| Standing::of(own))
    });
    rules
}

/// A rule that decides.
pub fn deciding(
    session: &Session,
    direction: Direction,
    admission: &Admission,
) -> Option<DecidingRule> {
    let policy = session.policies().policy(admission.policy)?;
    let rule = policy.written(direction).get(admission.rule as usize)?;
    let peer = admission.peer.and_then(|index| rule.peers.get(index as usize));
    let span = peer.map_or(rule.span, |peer| peer.span);
    let of_calico = policy.place.is_some();
    let asked = |is_of_ports: bool| {
        let own = rule.conditions.iter().filter(|one| one.is_of_ports() == is_of_ports);
        own.map(Condition::described).collect::<Vec<_>>().join("; ")
    };
    let any = |text: String, any: &str| if text.is_empty() { any.to_owned() } else { text };
    let index = admission.rule as usize;
    Some(DecidingRule {
        policy: place::object_ref(session, &policy.object),
        tier: policy.tier,
        tier_name: policy.place.as_ref().map(|place| place.tier.name.to_string()),
        action: rule.action,
        path: match admission.peer {
            Some(peer) => path::peer(direction, index, peer as usize),
            None => path::rule(direction, index),
        },
        peer: match of_calico {
            true => any(asked(false), "any peer"),
            false => peer.map_or_else(|| "any peer".into(), |peer| sentence::peer_text(&peer.kind)),
        },
        ports: match of_calico {
            true => any(asked(true), "any port"),
            false => ports_text(&rule.ports),
        },
        matches: admission.matches,
        location: place::of_object(session, &policy.object, span),
    })
}

fn ports_text(ports: &[PortEntry]) -> String {
    if ports.is_empty() {
        return "any port".into();
    }
    ports.iter().map(PortEntry::text).collect::<Vec<_>>().join(", ")
}
