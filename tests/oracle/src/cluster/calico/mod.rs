//! Calico's objects, as plain data.

mod expression;
mod host;
mod rule;

pub use expression::{Atom, Expression, Test};
pub use host::{Failsafe, Felix, HostEndpoint, INBOUND, OUTBOUND, Profile, ToHost};
pub use rule::{
    AccountMatch, CalicoAction, CalicoPort, CalicoRule, Entity, RuleProtocol, number_of,
};

use super::{Cluster, Direction, Labels, Net};

/// Everything of Calico's that a cluster has.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Calico {
    /// Tiers that the input has.
    pub tiers: Vec<CalicoTier>,
    /// Policies, staged ones among them.
    pub policies: Vec<CalicoPolicy>,
    /// Sets of addresses.
    pub sets: Vec<NetworkSet>,
    /// ServiceAccounts.
    pub accounts: Vec<Account>,
    /// Host endpoints.
    pub hosts: Vec<HostEndpoint>,
    /// Profiles.
    pub profiles: Vec<Profile>,
    /// Settings of Calico's agent.
    pub felix: Vec<Felix>,
}

/// One of the two groups that have Calico's kinds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Group {
    /// `projectcalico.org/v3`.
    Public,
    /// `crd.projectcalico.org/v1`.
    Stored,
}

/// A number by which tiers and policies are sorted, in halves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Order(pub i32);

/// A tier.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CalicoTier {
    /// The group that it is written in.
    pub group: Group,
    /// Name.
    pub name: String,
    /// `order`.
    pub order: Option<Order>,
    /// `defaultAction`.
    pub end: Option<TierEnd>,
}

/// What a tier does with what no rule of it matches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names of Calico")]
pub enum TierEnd {
    Deny,
    Pass,
}

/// A NetworkPolicy or GlobalNetworkPolicy of Calico's, staged or not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CalicoPolicy {
    /// The group that it is written in.
    pub group: Group,
    /// Its namespace; none of a global one.
    pub namespace: Option<String>,
    /// `metadata.name`.
    pub name: String,
    /// What the annotation `projectcalico.org/metadata` says, of stored ones only.
    pub annotation: Option<Annotation>,
    /// Whether it is a staged one.
    pub staged: bool,
    /// `tier`.
    pub tier: Option<String>,
    /// `order`.
    pub order: Option<Order>,
    /// `selector`.
    pub selector: Option<Expression>,
    /// `serviceAccountSelector`.
    pub accounts: Option<Expression>,
    /// `namespaceSelector`, of global ones only.
    pub namespaces: Option<Expression>,
    /// The stage of hosts' interfaces that it is for, of global ones only.
    pub stage: Option<HostStage>,
    /// `types`: absent, or at least one.
    pub types: Option<Vec<Direction>>,
    /// `ingress`.
    pub ingress: Option<Vec<CalicoRule>>,
    /// `egress`.
    pub egress: Option<Vec<CalicoRule>>,
}

/// A stage of hosts' interfaces.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HostStage {
    /// `applyOnForward` alone.
    Forward,
    /// `preDNAT`.
    BeforeDnat,
    /// `doNotTrack`.
    Untracked,
}

/// What the annotation of stored objects holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Annotation {
    /// The real name.
    pub name: Option<String>,
    /// The real labels; written with sets only.
    pub labels: Labels,
}

/// A NetworkSet or GlobalNetworkSet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NetworkSet {
    /// The group that it is written in.
    pub group: Group,
    /// Its namespace; none of a global one.
    pub namespace: Option<String>,
    /// `metadata.name`.
    pub name: String,
    /// `metadata.labels`.
    pub labels: Labels,
    /// What the annotation `projectcalico.org/metadata` says, of stored ones only.
    pub annotation: Option<Annotation>,
    /// `nets`.
    pub nets: Vec<Net>,
}

/// A ServiceAccount.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    /// Namespace.
    pub namespace: String,
    /// Name.
    pub name: String,
    /// Labels.
    pub labels: Labels,
}

impl Calico {
    /// Whether the cluster has none of Calico's kinds, so that Kubernetes' rules alone hold.
    pub fn is_absent(&self) -> bool {
        self.tiers.is_empty()
            && self.policies.is_empty()
            && self.sets.is_empty()
            && self.hosts.is_empty()
    }

    /// Every block that a rule or a set mentions.
    pub fn nets(&self) -> impl Iterator<Item = &Net> {
        let rules = self.policies.iter().flat_map(CalicoPolicy::entities);
        let rules = rules.flat_map(|entity| entity.nets.iter().chain(&entity.not_nets));
        let profiles = self.profile_rules().flat_map(|rule| [&rule.source, &rule.destination]);
        let profiles = profiles.flat_map(|entity| entity.nets.iter().chain(&entity.not_nets));
        let failsafes = self.failsafes().filter_map(|one| one.net.as_ref());
        let sets = self.sets.iter().flat_map(|set| &set.nets);
        sets.chain(rules).chain(profiles).chain(failsafes)
    }

    /// Ports that settings keep open.
    pub fn failsafes(&self) -> impl Iterator<Item = &Failsafe> {
        self.felix.iter().flat_map(|felix| felix.inbound.iter().chain(&felix.outbound)).flatten()
    }

    /// Rules of profiles.
    fn profile_rules(&self) -> impl Iterator<Item = &CalicoRule> {
        self.profiles.iter().flat_map(|profile| profile.ingress.iter().chain(&profile.egress))
    }

    /// Every port entry of rules about destinations.
    pub fn destination_ports(&self) -> impl Iterator<Item = &CalicoPort> {
        let rules = self.policies.iter().flat_map(CalicoPolicy::all_rules);
        let rules = rules.chain(self.profile_rules());
        rules.flat_map(|rule| rule.destination.ports.iter().chain(&rule.destination.not_ports))
    }

    /// Every port entry of rules about sources.
    pub fn source_ports(&self) -> impl Iterator<Item = &CalicoPort> {
        let rules = self.policies.iter().flat_map(CalicoPolicy::all_rules);
        let rules = rules.chain(self.profile_rules());
        rules.flat_map(|rule| rule.source.ports.iter().chain(&rule.source.not_ports))
    }
}

impl Order {
    /// The order of so many wholes.
    pub const fn whole(number: i32) -> Self {
        Self(number * 2)
    }
}

impl Group {
    /// With its version, as manifests name it.
    pub fn version(self) -> &'static str {
        match self {
            Self::Public => "projectcalico.org/v3",
            Self::Stored => "crd.projectcalico.org/v1",
        }
    }
}

impl CalicoPolicy {
    /// Its kind when it is in force: staged ones are named as what they would be.
    pub fn kind(&self) -> &'static str {
        match self.namespace {
            Some(_) => "NetworkPolicy",
            None => "GlobalNetworkPolicy",
        }
    }

    /// The kind that it is written as.
    pub fn written_kind(&self) -> String {
        let staged = if self.staged { "Staged" } else { "" };
        format!("{staged}{}", self.kind())
    }

    /// The tier that it is in.
    pub fn tier_name(&self) -> &str {
        self.tier.as_deref().unwrap_or("default")
    }

    /// §10.8: its real name.
    pub fn real_name(&self) -> &str {
        let Some(annotation) = &self.annotation else { return &self.name };
        match &annotation.name {
            Some(name) => name,
            None if self.tier_name() == "default" => {
                self.name.strip_prefix("default.").unwrap_or(&self.name)
            }
            None => &self.name,
        }
    }

    /// Rules of a direction as written.
    pub fn rules(&self, direction: Direction) -> &[CalicoRule] {
        let rules = match direction {
            Direction::Ingress => &self.ingress,
            Direction::Egress => &self.egress,
        };
        rules.as_deref().unwrap_or_default()
    }

    /// Rules of a direction, to be changed.
    pub fn rules_mut(&mut self, direction: Direction) -> &mut Option<Vec<CalicoRule>> {
        match direction {
            Direction::Ingress => &mut self.ingress,
            Direction::Egress => &mut self.egress,
        }
    }

    /// All rules of both directions.
    pub fn all_rules(&self) -> impl Iterator<Item = &CalicoRule> {
        Direction::BOTH.into_iter().flat_map(|direction| self.rules(direction))
    }

    /// Both ends of all rules.
    pub fn entities(&self) -> impl Iterator<Item = &Entity> {
        self.all_rules().flat_map(|rule| [&rule.source, &rule.destination])
    }
}

impl NetworkSet {
    /// Its kind.
    pub fn kind(&self) -> &'static str {
        match self.namespace {
            Some(_) => "NetworkSet",
            None => "GlobalNetworkSet",
        }
    }

    /// §10.8: its real labels.
    pub fn real_labels(&self) -> &Labels {
        self.annotation.as_ref().map_or(&self.labels, |annotation| &annotation.labels)
    }
}

impl Cluster {
    /// The labels of a ServiceAccount; none if the input does not have it.
    pub fn account_labels(&self, namespace: &str, name: &str) -> Option<&Labels> {
        let mut accounts = self.calico.accounts.iter();
        let found = accounts.find(|one| one.namespace == namespace && one.name == name);
        found.map(|account| &account.labels)
    }
}
