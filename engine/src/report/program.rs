//! The answer of `render`: what a node's kernel is told.

use std::collections::BTreeSet;

use serde::Serialize;

use super::query::QueryError;
use super::types::{Family, Location, ObjectRef, Summary};
use super::{path, place};
use crate::cluster::{ClusterModel, Endpoint};
use crate::dataplane::{
    self, Budget, Chain, Comments, FamilyProgram, FilterProgram, Input, NAMED_WIRING, Note,
    RuleOrigin, Settings,
};
use crate::diagnostic::nearest;
use crate::policy::PolicyId;
use crate::session::Session;

#[cfg(feature = "schema")]
use schemars::JsonSchema;

/// Which program is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProgramQuery {
    /// The node.
    pub node: String,
    /// What the operator decides.
    pub settings: Settings,
    /// Whether each rule says in a comment from which line of which policy it comes.
    pub comments: bool,
}

/// The program of a node's packet filter, by which the kernel admits what the policies admit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct ProgramReport {
    /// The node.
    pub node: String,
    /// IPv4, then IPv6.
    pub families: Vec<FamilyReport>,
    /// What could not be enforced as written, and is closed instead.
    pub notes: Vec<String>,
    /// What was read.
    pub summary: Summary,
}

/// One address family's part of a program.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct FamilyReport {
    /// The family.
    pub family: Family,
    /// Sets, by name.
    pub sets: Vec<SetReport>,
    /// Chains, by name.
    pub chains: Vec<ChainReport>,
    /// The sets as `ipset restore` reads them, before the rules.
    pub ipset_restore: String,
    /// The chains as `iptables-restore --noflush` reads them, or `ip6tables-restore`.
    pub iptables_restore: String,
}

/// A set of addresses.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct SetReport {
    /// Its name, made from what it means.
    pub name: String,
    /// Its members, as `ipset` writes them.
    pub members: Vec<String>,
}

/// A chain of rules.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct ChainReport {
    /// Its name.
    pub name: String,
    /// Addresses of the pods whose policies it holds; empty for chains of other kinds.
    pub subjects: Vec<String>,
    /// Its rules, in order.
    pub rules: Vec<FilterRuleReport>,
}

/// A rule of a chain.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct FilterRuleReport {
    /// The rule as `iptables` writes it, without its chain.
    pub text: String,
    /// What it comes from, if it comes from a policy.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source: Option<RuleSource>,
}

/// The part of a policy that a rule comes from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct RuleSource {
    /// The policy.
    pub policy: ObjectRef,
    /// The peer, or the rule if it names none, such as `spec.ingress[0].from[1]`.
    pub path: String,
    /// Where it stands.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub location: Option<Location>,
}

impl Session {
    /// The program of a node's packet filter; it was found to admit exactly what the policies
    /// admit for pods, and for the node where it has host endpoints.
    ///
    /// # Errors
    /// If there is no such node in the input, or the settings cannot be used.
    pub fn program(&self, query: &ProgramQuery) -> Result<ProgramReport, QueryError> {
        let settings = checked(query)?;
        let input = self.program_input(query, &settings)?;
        let program = dataplane::lower(input);
        dataplane::verify(&program, input).map_err(|wrong| {
            QueryError::new(format!(
                "the program does not match the policies; this is a bug in Portcullis, please \
                 report it: {wrong:?}"
            ))
        })?;
        Ok(self.program_report(query, &program))
    }

    /// As [`Session::program`], without the proof: where the code that proves would weigh too much.
    ///
    /// # Errors
    /// As [`Session::program`].
    pub fn unproven_program(&self, query: &ProgramQuery) -> Result<ProgramReport, QueryError> {
        let settings = checked(query)?;
        let input = self.program_input(query, &settings)?;
        Ok(self.program_report(query, &dataplane::lower(input)))
    }

    fn program_input<'i>(
        &'i self,
        query: &'i ProgramQuery,
        settings: &'i Settings,
    ) -> Result<Input<'i>, QueryError> {
        let (model, node) = (self.model(), &*query.node);
        known_node(model, node)?;
        Ok(Input { model, policies: self.policies(), node, settings, wiring: &NAMED_WIRING })
    }

    /// Host endpoints whose interface only the node knows, each as a sentence.
    fn unbound<'s>(&'s self, query: &'s ProgramQuery) -> impl Iterator<Item = String> + 's {
        let hosts = self.policies().hosts().of_node(&query.node);
        hosts.filter(|host| host.place.interface.is_none()).map(|host| {
            format!(
                "HostEndpoint {} is for the interface that has one of its expectedIPs, which the \
                 node alone knows: its policies are not in the program",
                host.place.name()
            )
        })
    }

    fn program_report(&self, query: &ProgramQuery, program: &FilterProgram) -> ProgramReport {
        let comment = |origin: &RuleOrigin| {
            let source = source(self, origin).filter(|_| query.comments)?;
            let place =
                source.location.map_or_else(String::new, |at| format!(" {}:{}", at.file, at.line));
            let namespace = source.policy.namespace.map(|own| format!("{own}/"));
            let name = format!("{}{}", namespace.unwrap_or_default(), source.policy.name);
            Some(format!("{name} {}{place}", source.path))
        };
        let notes = program.notes.iter().map(|note| note_sentence(self, note));
        ProgramReport {
            node: query.node.clone(),
            families: program.families.values().map(|one| family(self, one, &comment)).collect(),
            notes: notes.chain(self.unbound(query)).collect(),
            summary: self.summary(),
        }
    }
}

fn checked(query: &ProgramQuery) -> Result<Settings, QueryError> {
    query.settings.clone().checked().map_err(|error| QueryError::new(error.to_string()))
}

/// Whether the input names the node, by itself or by a pod on it.
fn known_node(model: &ClusterModel, node: &str) -> Result<(), QueryError> {
    let named = model.endpoints.values().filter_map(|endpoint| endpoint.node.as_deref());
    let known: BTreeSet<&str> = model.nodes.iter().map(|node| &*node.name).chain(named).collect();
    if known.contains(node) {
        return Ok(());
    }
    let meant = nearest(node, known.iter().copied());
    Err(QueryError::new(match meant {
        Some(meant) => format!("no node `{node}`: did you mean `{meant}`?"),
        None if known.is_empty() => {
            format!("no node `{node}`: the input has no nodes, and no pod with `spec.nodeName`")
        }
        None => format!("no node `{node}` in the input, and no pod on one of that name"),
    }))
}

fn family(session: &Session, program: &FamilyProgram, comments: Comments<'_>) -> FamilyReport {
    let sets = program.sets.values().map(|set| SetReport {
        name: set.name.to_string(),
        members: dataplane::member_texts(&set.members),
    });
    FamilyReport {
        family: program.family,
        sets: sets.collect(),
        chains: program
            .chains
            .values()
            .map(|chain| chain_report(session, program, chain))
            .collect(),
        ipset_restore: dataplane::ipset_restore(program),
        iptables_restore: dataplane::iptables_restore(program, comments),
    }
}

fn chain_report(session: &Session, program: &FamilyProgram, chain: &Chain) -> ChainReport {
    let class = program.classes.get(&chain.name);
    let subjects = class.into_iter().flat_map(|class| &class.subjects);
    let rules = chain.rules.iter().map(|rule| FilterRuleReport {
        text: dataplane::rule_text(rule, program.family),
        source: rule.origin.as_ref().and_then(|origin| source(session, origin)),
    });
    ChainReport {
        name: chain.name.to_string(),
        subjects: subjects.map(ToString::to_string).collect(),
        rules: rules.collect(),
    }
}

fn source(session: &Session, origin: &RuleOrigin) -> Option<RuleSource> {
    let policy = session.policies().policy(origin.policy)?;
    let rule = policy.written(origin.direction).get(origin.rule)?;
    let peer = origin.peer.and_then(|peer| Some((peer, rule.peers.get(peer)?)));
    let direction = origin.direction;
    let path = match peer {
        Some((index, _)) => path::peer(direction, origin.rule, index),
        None => path::rule(direction, origin.rule),
    };
    let span = peer.map_or(rule.span, |(_, peer)| peer.span);
    Some(RuleSource {
        policy: place::object_ref(session, &policy.object),
        path,
        location: place::of_object(session, &policy.object, span),
    })
}

/// What a program does not enforce as it is written, as a sentence.
pub fn note_sentence(session: &Session, note: &Note) -> String {
    let policy = |id: PolicyId| {
        let policy = session.policies().policy(id);
        policy.map_or_else(String::new, |policy| {
            let object = place::object_ref(session, &policy.object);
            match object.namespace {
                Some(namespace) => format!("policy {namespace}/{}", object.name),
                None => format!("{} {}", object.kind, object.name),
            }
        })
    };
    match note {
        Note::SubjectUnknown(id) => {
            let known = session.policies().policy(*id);
            let isolates = known.is_none_or(|policy| policy.tier.only_accepts());
            let what = match isolates {
                true => "they are isolated, and it admits nothing",
                false => "it accepts nothing, and denies what it would deny or pass",
            };
            format!("it is unknown whether {} selects some pods: {what}", policy(*id))
        }
        Note::PeersUnknown(id) => format!(
            "it is unknown whether {} names some pods: it accepts nothing of them, and \
             denies what it would deny or pass",
            policy(*id)
        ),
        Note::NodesUnknown(id) => format!(
            "{} names nodes whose addresses are unknown: it accepts nothing of addresses \
             that may be theirs, and denies what it would deny or pass",
            policy(*id)
        ),
        Note::NamesUnknown(id) => format!(
            "{} names domains whose addresses are unknown: it accepts nothing of them, and \
             denies all addresses where it would deny or pass",
            policy(*id)
        ),
        Note::NotExpressed(id) => format!(
            "{} has rules that ask for what is not in the input, or for what the packet filter \
             cannot look up: they accept and pass nothing, and deny whatever else they match where \
             they would deny or pass",
            policy(*id)
        ),
        Note::TooManyTiers(id) => format!(
            "more tiers apply to some pods than their packets can be led through: what the tiers \
             before that of {} pass on is denied",
            policy(*id)
        ),
        Note::OverLimits(id) => format!(
            "{} needs more rules or members of sets than one policy may have: it accepts nothing, \
             and denies everything where it would deny or pass",
            policy(*id)
        ),
        Note::OverBudget(id, budget) => over_budget_sentence(&policy(*id), *budget),
        Note::Tie(first, second) => format!(
            "{} and {} have the same priority and different actions: they are evaluated \
             in the order of their names",
            policy(*first),
            policy(*second)
        ),
        Note::NoAddress(index) => {
            let endpoint = session.model().endpoints.get(*index);
            let name = endpoint.map_or_else(String::new, |one| name(session.model(), one));
            format!("{name} has no address in the input: nothing is enforced for it")
        }
    }
}

fn over_budget_sentence(policy: &str, budget: Budget) -> String {
    let all = match budget {
        Budget::Namespace => "policies of its namespace",
        Budget::Node => "policies of all namespaces, of which its own has most,",
        Budget::Cluster => "cluster policies",
    };
    format!(
        "{all} need more rules or members of sets on this node than they may have together, and \
         {policy} is one of the largest: it accepts nothing, and denies everything where it would \
         deny or pass"
    )
}

fn name(model: &ClusterModel, endpoint: &Endpoint) -> String {
    let workload = model.workload_of(endpoint);
    let namespace = workload.map_or("", |workload| model.namespace_name(workload.namespace));
    format!("{namespace}/{}", endpoint.name)
}
