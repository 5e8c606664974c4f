//! What a packet filter can ask of a packet: which conditions of rules can be written, and which
//! tiers packets can be led through.
//!
//! What cannot is closed. That is found out from the policies alone, so that programs and proofs
//! mean the same.

use super::lines::lines_of;
use crate::manifest::calico::CalicoProtocol;
use crate::manifest::{Action, Direction, PortEntry, PortMatch};
use crate::policy::{Condition, HostStage, PacketMatch, PolicyRule, PolicySet, Seat, Tier};

/// What a packet filter sees of the end whose policies it asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Seen {
    /// It is a pod that is known when rules are written.
    Pod,
    /// It is whoever the packet says: it passes a host.
    Packet,
    /// It is where the packet was sent to before its destination was translated.
    Original,
}

impl Seen {
    /// How rules of a tier see it.
    pub fn by(self, tier: &Tier) -> Self {
        match (self, tier.stage) {
            (Self::Original, Some(HostStage::BeforeDnat)) => Self::Original,
            (Self::Original, _) => Self::Packet,
            (other, _) => other,
        }
    }
}

/// Whether what a tier accepts is accepted: what would have to pass untracked is not.
pub fn is_accepting(tier: &Tier) -> bool {
    tier.stage != Some(HostStage::Untracked)
}

/// Whether a condition of a rule of a direction can be asked for.
pub fn is_expressible(
    policies: &PolicySet,
    (rule, direction, seen): (&PolicyRule, Direction, Seen),
    condition: &Condition,
) -> bool {
    let named = |names: &[PortEntry], is_own: bool, negated: bool| {
        let names_hosts = |entry: &PortEntry| matches!(&entry.ports, PortMatch::Named(name) if policies.hosts().names_port(name));
        // Which of a host's ports is called so is not asked.
        (is_own && has_own_ports((rule, seen), negated)) || !names.iter().any(names_hosts)
    };
    if seen == Seen::Original {
        // Sets are only looked up for what a packet says.
        match condition {
            Condition::Items { seat: Seat::Subject, .. } => return false,
            Condition::Ports { names, .. } if !names.is_empty() => return false,
            _ => {}
        }
    }
    match condition {
        Condition::Open(_) => false,
        Condition::Flows { packets: PacketMatch::Icmp(icmp, negated), .. } => {
            icmp.kind.is_some() && (!negated || !excludes_a_protocol(rule))
        }
        Condition::Ports { negated, names, .. } => {
            named(names, direction == Direction::Ingress, *negated)
        }
        Condition::SourcePorts { negated, names, seat, .. } => {
            named(names, *seat == Seat::Subject, *negated)
        }
        Condition::Service { names, .. } => named(names, false, false),
        Condition::Flows { .. } | Condition::Items { .. } | Condition::Net { .. } => true,
    }
}

/// Whether the names of ports that rules ask of the end whose policies they are become numbers.
/// Elsewhere they are looked up: of a host, and where a rule without a protocol would have to exclude
/// ports of several.
pub fn has_own_ports((rule, seen): (&PolicyRule, Seen), negated: bool) -> bool {
    seen == Seen::Pod && (!negated || is_of_one_protocol(rule))
}

fn is_of_one_protocol(rule: &PolicyRule) -> bool {
    let is_ported = |one: &Condition| {
        let Condition::Flows { packets, .. } = one else { return false };
        matches!(packets, PacketMatch::Protocol(CalicoProtocol::Ported(_), false))
    };
    rule.conditions.iter().any(is_ported)
}

/// Whether a rule excludes a protocol, and asks for none: another one cannot be excluded as well.
fn excludes_a_protocol(rule: &PolicyRule) -> bool {
    let asks = |wanted: bool| {
        rule.conditions.iter().any(|one| {
            let Condition::Flows { packets: PacketMatch::Protocol(_, negated), .. } = one else {
                return false;
            };
            *negated == wanted
        })
    };
    asks(true) && !asks(false)
}

/// So many tiers one packet is led through in a direction: nftables lets 16 chains lead from one to
/// the next, and on the way to the first tier and after the last one are ten.
pub const MOST_TIERS: usize = 6;

/// The same of tiers of a host, where fewer chains lead there.
pub const MOST_HOST_TIERS: usize = 11;

/// So many rules the kernel may look at, about, to see how far the tiers of one pod lead on: it
/// looks at a tier once for each rule that leads there.
const MOST_WALKED: usize = 100_000;

/// Tiers that packets come to.
#[derive(Clone, Copy, Debug)]
pub struct Reached<'t> {
    /// Those that are asked, in order.
    pub tiers: &'t [Tier],
    /// The first that is not asked, though something is passed on to it: that is denied.
    pub cut: Option<&'t Tier>,
}

/// The tiers of a program that packets come to in a direction: after one that decides everything,
/// none.
///
/// # Source
/// ClusterNetworkPolicy §5, Calico §6.
pub fn reached<'t>(policies: &PolicySet, tiers: &'t [Tier], direction: Direction) -> Reached<'t> {
    let (mut ways, mut walked) = (1usize, 0usize);
    let mut asked = 0;
    for tier in tiers {
        let Walked { rules, onward } = Walked::of(policies, tier, direction);
        walked = walked.saturating_add(ways.saturating_mul(rules));
        let most = if tier.stage.is_some() { MOST_HOST_TIERS } else { MOST_TIERS };
        let is_too_far = asked == most || (asked > 0 && walked > MOST_WALKED);
        if is_too_far {
            return Reached { tiers: tiers.get(..asked).unwrap_or_default(), cut: Some(tier) };
        }
        asked += 1;
        ways = ways.saturating_mul(onward);
        if onward == 0 {
            break;
        }
    }
    Reached { tiers: tiers.get(..asked).unwrap_or_default(), cut: None }
}

/// What the kernel looks at in a tier.
struct Walked {
    /// Its rules, about.
    rules: usize,
    /// Those of them that lead to the next tier, with its end.
    onward: usize,
}

impl Walked {
    fn of(policies: &PolicySet, tier: &Tier, direction: Direction) -> Self {
        let mut walked = Self { rules: 1, onward: usize::from(tier.end == Action::Pass) };
        let known = tier.policies.iter().filter_map(|one| policies.policy(one.policy));
        let rules = known.filter_map(|policy| policy.rules(direction)).flatten();
        // Tiers of Kubernetes' kinds have budgets, and their rules pass on once.
        for rule in rules.filter(|_| tier.name.is_some()) {
            let lines = lines_of(rule, policies, direction);
            walked.rules = walked.rules.saturating_add(lines);
            if rule.action == Action::Pass {
                walked.onward = walked.onward.saturating_add(lines);
            }
        }
        walked
    }
}
