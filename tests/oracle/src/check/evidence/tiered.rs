//! Evidence of policies for all namespaces, of which rules decide, and of tiers.

use portcullis_engine::manifest::Action as EngineAction;
use portcullis_engine::report::{
    Match, PolicyEvidence, RuleEvidence, TierEvidence, TierKind, TierOutcome,
};

use super::{Asked, Written};
use crate::check::Mismatch;
use crate::cluster::{Action, ClusterPolicy, ClusterTier, Direction, Protocol, TierPort, TierRule};
use crate::oracle::{
    Tier, Verdict, World, cluster_peer_matches, cluster_port_matches, is_subject, may_decide,
    reaches, tier_actions, tier_rule_matches,
};
use crate::random::Random;
use crate::write::Objects;

pub fn name(policy: &ClusterPolicy) -> String {
    format!("{} {}", policy.kind(), policy.name)
}

impl Asked<'_> {
    /// Whether a policy is of the end's tiers: it has rules of the direction, and may select.
    pub(super) fn tiers_select(&self, policy: &ClusterPolicy) -> bool {
        let selects = self.all(|world| is_subject(&policy.subject, world.ends(self.direction).0));
        !policy.rules(self.direction).is_empty() && selects != Some(Verdict::Deny)
    }

    pub(super) fn cluster_policy(
        &self,
        written: &str,
        evidence: &PolicyEvidence,
    ) -> Result<u64, Mismatch> {
        let known = self.engine.cluster.cluster_policies.iter();
        let Some(policy) = { known }.find(|policy| name(policy) == written) else {
            return Err(self.wrong("no such policy", written.into(), String::new()));
        };
        let tier = match policy.tier {
            ClusterTier::Admin => TierKind::Admin,
            ClusterTier::Baseline => TierKind::Baseline,
        };
        let said = format!("{:?} {:?}", evidence.tier, evidence.priority);
        self.same("tier and priority", &said, &format!("{tier:?} {:?}", Some(policy.priority)))?;
        let rules = policy.rules(self.direction);
        let (said, is) = (evidence.rules.len(), rules.len());
        self.same("number of rules", &said.to_string(), &is.to_string())?;
        let mut count = 0;
        for (i, (rule, evidence)) in rules.iter().zip(&evidence.rules).enumerate() {
            count += self.tier_rule(policy, (i, rule), evidence)?;
        }
        Ok(count)
    }

    fn tier_rule(
        &self,
        policy: &ClusterPolicy,
        (index, rule): (usize, &TierRule),
        evidence: &RuleEvidence,
    ) -> Result<u64, Mismatch> {
        let (list, field) = match self.direction {
            Direction::Ingress => ("ingress", "from"),
            Direction::Egress => ("egress", "to"),
        };
        let path = format!("spec.{list}[{index}]");
        self.same("path", &evidence.path, &path)?;
        let said = format!("{:?} {:?}", action_of(evidence.action), evidence.name);
        self.same("action and name", &said, &format!("{:?} {:?}", rule.action, rule.name))?;
        let cluster = self.engine.cluster;
        let mut written: Vec<Written> = Vec::new();
        for (i, peer) in rule.peers.iter().enumerate() {
            let truth = self.all(|world| cluster_peer_matches(peer, world.ends(self.direction).1));
            let tree = Objects(&mut Random::new(0)).tier_peer(peer);
            written.push((format!("{path}.{field}[{i}]"), truth, Some(tree)));
        }
        let ports = if policy.kind() == "ClusterNetworkPolicy" { "protocols" } else { "ports" };
        for (i, port) in rule.ports.iter().flatten().enumerate() {
            let path = format!("{path}.{ports}[{i}]");
            written.extend(self.tier_port(policy, port, &path));
        }
        let matches =
            |world: &World| tier_rule_matches((rule, self.direction), world, self.traffic);
        let decides = |world: &World| {
            let rule = (rule, policy.tier, self.direction);
            let subject = world.ends(self.direction).0;
            is_subject(&policy.subject, subject) && may_decide(cluster, rule, world, self.traffic)
        };
        self.rule_says(evidence, matches, (Verdict::Unknown, decides))?;
        self.entries(evidence, &written)
    }

    /// A name is an entry for each protocol.
    fn tier_port(&self, policy: &ClusterPolicy, port: &TierPort, path: &str) -> Vec<Written> {
        let matches = |protocol: Option<Protocol>| {
            self.all(|world| {
                protocol.is_none_or(|protocol| protocol == self.traffic.protocol)
                    && cluster_port_matches(port, &world.destination, self.traffic)
            })
        };
        let left_out = |protocol: &Protocol| {
            *protocol == Protocol::Tcp && policy.kind() != "ClusterNetworkPolicy"
        };
        let tree = Some(Objects(&mut Random::new(0)).tier_port_of(policy, port));
        let entry = |protocol, tree| (path.to_owned(), matches(protocol), tree);
        match port {
            TierPort::Named(_) => {
                let by_name = [Protocol::Sctp, Protocol::Tcp, Protocol::Udp];
                by_name.map(|protocol| entry(Some(protocol), tree.clone())).into()
            }
            TierPort::Number(protocol, _) | TierPort::Range(protocol, ..) => {
                vec![entry(None, tree.filter(|_| !left_out(protocol)))]
            }
        }
    }

    /// A rule that is said to match does so in every world, one that is said not to in none; and
    /// one is said to decide from some truth on: in some worlds, or in all.
    pub(super) fn rule_says(
        &self,
        evidence: &RuleEvidence,
        matches: impl Fn(&World) -> bool,
        (from, decides): (Verdict, impl Fn(&World) -> bool),
    ) -> Result<(), Mismatch> {
        let truth = self.all(matches);
        let agrees = match evidence.matches {
            Match::Yes => truth != Some(Verdict::Deny) && truth != Some(Verdict::Unknown),
            Match::No => truth != Some(Verdict::Allow) && truth != Some(Verdict::Unknown),
            Match::Unknown => true,
        };
        if !agrees {
            let said = format!("{} matches: {:?}", evidence.path, evidence.matches);
            return Err(self.wrong("rule matches", said, format!("{truth:?}")));
        }
        let truth = self.all(decides);
        let exact = self.pair.worlds.len() == 1;
        let agrees = match evidence.decides {
            true => !exact || truth != Some(Verdict::Deny),
            false => truth.is_none_or(|truth| truth < from),
        };
        if agrees {
            return Ok(());
        }
        let said = format!("{} decides: {}", evidence.path, evidence.decides);
        Err(self.wrong("rule decides", said, format!("{truth:?}")))
    }

    /// What a tier is said to do it does in every world in which it is reached.
    pub(super) fn tier(&self, evidence: &TierEvidence) -> Result<(), Mismatch> {
        let tier = match evidence.tier {
            TierKind::Admin => Tier::Cluster(ClusterTier::Admin),
            TierKind::NetworkPolicy => Tier::NetworkPolicy,
            TierKind::Baseline => Tier::Cluster(ClusterTier::Baseline),
            // What Calico's tiers do together is compared end by end.
            TierKind::Calico => return Ok(()),
        };
        let said = match evidence.outcome {
            TierOutcome::Accept => Some(Action::Accept),
            TierOutcome::Deny => Some(Action::Deny),
            TierOutcome::Pass => Some(Action::Pass),
            TierOutcome::NotReached => None,
            TierOutcome::Unknown => return Ok(()),
        };
        let (cluster, tier) = (self.engine.cluster, (tier, self.direction));
        let reached =
            self.pair.worlds.iter().filter(|world| reaches(cluster, tier, world, self.traffic));
        for world in reached {
            let actions = tier_actions(cluster, tier, world, self.traffic);
            if said.is_none_or(|said| actions != [said]) {
                let engine = format!("{:?}: {:?}", evidence.tier, evidence.outcome);
                return Err(self.wrong("tier", engine, format!("{actions:?}")));
            }
        }
        Ok(())
    }
}

/// An action of a rule of Kubernetes' kinds, which never only log.
fn action_of(action: EngineAction) -> Action {
    match action {
        EngineAction::Accept => Action::Accept,
        EngineAction::Deny => Action::Deny,
        EngineAction::Pass | EngineAction::Log => Action::Pass,
    }
}
