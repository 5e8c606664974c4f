//! Metrics, as Prometheus reads them.

use std::sync::atomic::AtomicU64;
use std::time::Duration;

use portcullis_engine::dataplane::{Denier, Effect, FilterProgram, Note};
use portcullis_engine::manifest::Direction;
use portcullis_engine::net::Family;
use portcullis_engine::report::PolicyState;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family as Labelled;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};

use super::Counts;
use super::labels::{
    AboutLabel, BUDGETS, BudgetLabel, DenialLabel, FamilyLabel, PartLabel, PhaseLabel, PolicyLabel,
    ResourceLabel, StateLabel, StatusWriteLabel, ToolLabel,
};
pub use super::labels::{Phase, StatusWrite};
use crate::kernel::KernelError;

/// Upper ends of the histograms' buckets, in seconds: finest around the goals.
const BUCKETS: [f64; 14] =
    [0.0005, 0.001, 0.002, 0.003, 0.005, 0.0075, 0.01, 0.015, 0.025, 0.05, 0.1, 0.25, 1.0, 5.0];

/// All of them.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    /// Whether the desired state is in force.
    pub ready: Gauge,
    /// Changes written to the kernel.
    pub applies: Counter,
    /// Attempts that failed.
    pub apply_errors: Counter,
    /// Differences between what was there and what should be, repaired.
    pub drift_repairs: Counter,
    /// Audits of the kernel that could not be made.
    pub audit_errors: Counter,
    /// How long ago the kernel was last audited.
    pub audit_age: Gauge<f64, AtomicU64>,
    /// Interruptions of watches of the API server.
    pub watch_errors: Counter,
    /// Lists of all objects of a kind that were asked of the API server.
    pub lists: Counter,
    /// Connections to the agent's own server that had to make room for others.
    pub http_connections_dropped: Counter,
    /// Established connections that a change ended.
    pub connections_cut: Counter,
    /// Whether kube-proxy masquerades all Service traffic.
    pub masquerade_all: Gauge,
    /// Policies that need more than one may.
    policies_over_limit: Gauge,
    /// Policies that are closed since all of them need more than they may together.
    policies_over_budget: Labelled<BudgetLabel, Gauge>,
    /// Packets in the flow log.
    pub packets_logged: Counter,
    /// Packets that were to be logged and were lost.
    pub packets_lost: Counter,
    policies: Labelled<StateLabel, Gauge>,
    status_writes: Labelled<StatusWriteLabel, Counter>,
    degraded: Labelled<PartLabel, Gauge>,
    notes: Labelled<AboutLabel, Gauge>,
    watch_ages: Labelled<ResourceLabel, Gauge<f64, AtomicU64>>,
    tool_errors: Labelled<ToolLabel, Counter>,
    denied: Labelled<DenialLabel, Counter>,
    would_be_denied: Labelled<DenialLabel, Counter>,
    /// Policies that are only audited.
    pub policies_audited: Gauge,
    decided: Labelled<PolicyLabel, Counter>,
    lock_wait: Histogram,
    latency: Histogram,
    phases: Labelled<PhaseLabel, Histogram>,
    rules: Labelled<FamilyLabel, Gauge>,
    sets: Labelled<FamilyLabel, Gauge>,
    members: Labelled<FamilyLabel, Gauge>,
    last_success: Gauge<f64, AtomicU64>,
}

impl Default for Metrics {
    fn default() -> Self {
        let mut metrics = Self {
            registry: Registry::with_prefix("portcullis"),
            ready: Gauge::default(),
            applies: Counter::default(),
            apply_errors: Counter::default(),
            drift_repairs: Counter::default(),
            audit_errors: Counter::default(),
            audit_age: Gauge::default(),
            watch_errors: Counter::default(),
            lists: Counter::default(),
            http_connections_dropped: Counter::default(),
            connections_cut: Counter::default(),
            masquerade_all: Gauge::default(),
            policies_over_limit: Gauge::default(),
            policies_over_budget: Labelled::default(),
            packets_logged: Counter::default(),
            packets_lost: Counter::default(),
            policies: Labelled::default(),
            status_writes: Labelled::default(),
            degraded: Labelled::default(),
            notes: Labelled::default(),
            watch_ages: Labelled::default(),
            tool_errors: Labelled::default(),
            denied: Labelled::default(),
            would_be_denied: Labelled::default(),
            policies_audited: Gauge::default(),
            decided: Labelled::default(),
            lock_wait: Histogram::new(BUCKETS),
            latency: Histogram::new(BUCKETS),
            phases: Labelled::new_with_constructor(|| Histogram::new(BUCKETS)),
            rules: Labelled::default(),
            sets: Labelled::default(),
            members: Labelled::default(),
            last_success: Gauge::default(),
        };
        metrics.register();
        metrics
    }
}

impl Metrics {
    fn register(&mut self) {
        let to = &mut self.registry;
        to.register("ready", "Whether the desired state is in force", self.ready.clone());
        to.register("applies", "Changes written to the kernel", self.applies.clone());
        to.register("apply_errors", "Attempts to write that failed", self.apply_errors.clone());
        let help = "Differences from what should be in the kernel, found and repaired";
        to.register("drift_repairs", help, self.drift_repairs.clone());
        let help = "Audits of the kernel's rules that could not be made";
        to.register("audit_errors", help, self.audit_errors.clone());
        let help = "Interruptions of watches of the API server";
        to.register("watch_errors", help, self.watch_errors.clone());
        to.register("lists", "Lists asked of the API server", self.lists.clone());
        let help = "Connections to this server dropped to make room for others";
        to.register("http_connections_dropped", help, self.http_connections_dropped.clone());
        let help = "Policies that select pods of the node, by what has become of them";
        to.register("policies", help, self.policies.clone());
        let help = "Attempts to write the node's status object";
        to.register("status_writes", help, self.status_writes.clone());
        let help = "Whether a part of the agent does not work and is tried again";
        to.register("degraded", help, self.degraded.clone());
        let help = "What operators should know though all is in force: readyz lists it";
        to.register("notes", help, self.notes.clone());
        let help = "Established connections ended by a change";
        to.register("connections_cut", help, self.connections_cut.clone());
        let help = "Failures of the tools that speak to the kernel";
        to.register("tool_errors", help, self.tool_errors.clone());
        let help = "Packets that our rules denied";
        to.register("denied_packets", help, self.denied.clone());
        let help = "Packets that passed and that audited policies would deny";
        to.register("would_be_denied_packets", help, self.would_be_denied.clone());
        let help = "Policies that are audited and not enforced";
        to.register("policies_audited", help, self.policies_audited.clone());
        let help = "Packets, the first ones of connections, that policies allowed or denied; one may \
                    count for several policies";
        to.register("policy_packets", help, self.decided.clone());
        let help = "Whether kube-proxy masquerades all Service traffic";
        to.register("masquerade_all", help, self.masquerade_all.clone());
        let help = "Policies that need more rules or members than one may, and admit nothing";
        to.register("policies_over_limit", help, self.policies_over_limit.clone());
        let help = "Policies that admit nothing, since all of their namespace, of the node, or of the \
                    cluster's need more than they may together";
        to.register("policies_over_budget", help, self.policies_over_budget.clone());
        to.register("flow_log_packets", "Packets in the flow log", self.packets_logged.clone());
        to.register("flow_log_lost", "Losses of packets to log", self.packets_lost.clone());
        to.register("rules", "Rules in our chains", self.rules.clone());
        to.register("sets", "Sets of Portcullis", self.sets.clone());
        to.register("set_members", "Members of all sets of Portcullis", self.members.clone());
        let seconds = || Unit::Seconds;
        let help = "Since the kernel's rules were last read to compare them";
        to.register_with_unit("audit_age", help, seconds(), self.audit_age.clone());
        let help = "Since the API server was last heard of a resource";
        to.register_with_unit("watch_age", help, seconds(), self.watch_ages.clone());
        let help = "From learning of a change to its being in the kernel";
        to.register_with_unit("change_to_kernel", help, seconds(), self.latency.clone());
        let help = "Waits for others to give back the lock of legacy iptables";
        to.register_with_unit("xtables_lock_wait", help, seconds(), self.lock_wait.clone());
        let help = "Parts of the way from a change to the kernel";
        to.register_with_unit("phase", help, seconds(), self.phases.clone());
        let help = "When the kernel last took, or was last found to hold, the desired state";
        to.register_with_unit("last_success_timestamp", help, seconds(), self.last_success.clone());
    }

    /// Notes how long a change was on its way to the kernel.
    pub fn took(&self, latency: Duration) {
        self.latency.observe(latency.as_secs_f64());
    }

    /// Notes how long the lock of legacy iptables was others'.
    pub fn waited(&self, wait: Duration) {
        self.lock_wait.observe(wait.as_secs_f64());
    }

    /// Notes how long a part of it took.
    pub fn spent(&self, phase: Phase, time: Duration) {
        self.phases.get_or_create(&PhaseLabel { phase }).observe(time.as_secs_f64());
    }

    /// Notes whether a part of the agent does not work.
    pub fn degraded(&self, part: &'static str, is_degraded: bool) {
        self.degraded.get_or_create(&PartLabel { part }).set(is_degraded.into());
    }

    /// Notes how much there is that operators should know about something.
    pub fn noted(&self, about: &'static str, count: usize) {
        let count = i64::try_from(count).unwrap_or(i64::MAX);
        self.notes.get_or_create(&AboutLabel { about }).set(count);
    }

    /// Notes how many policies are in each state.
    pub fn policies(&self, counts: Counts) {
        let states = [
            (PolicyState::InForce, counts.in_force),
            (PolicyState::Closed, counts.closed),
            (PolicyState::Audited, counts.audited),
            (PolicyState::Pending, counts.pending),
        ];
        for (state, count) in states {
            let label = StateLabel { state: format!("{state:?}") };
            let count = i64::try_from(count).unwrap_or(i64::MAX);
            self.policies.get_or_create(&label).set(count);
        }
    }

    /// Notes what has come of an attempt to write the node's status object.
    pub fn status_written(&self, result: StatusWrite) {
        self.status_writes.get_or_create(&StatusWriteLabel { result }).inc();
    }

    /// How many attempts to write the node's status object have had a result.
    pub fn status_writes(&self, result: StatusWrite) -> u64 {
        self.status_writes.get_or_create(&StatusWriteLabel { result }).get()
    }

    /// Notes how long ago the API server was last heard of a resource.
    pub fn heard(&self, resource: &'static str, ago: Duration) {
        self.watch_ages.get_or_create(&ResourceLabel { resource }).set(ago.as_secs_f64());
    }

    /// Notes that a tool failed.
    pub fn failed(&self, error: &KernelError) {
        if let Some(tool) = error.tool() {
            self.tool_errors.get_or_create(&ToolLabel { tool: tool.to_owned() }).inc();
        }
    }

    /// Notes that packets were denied.
    pub fn denied(&self, denier: Denier, family: Family, packets: u64) {
        let label = DenialLabel { direction: denier.name(), family: name(family) };
        self.denied.get_or_create(&label).inc_by(packets);
    }

    /// Notes that packets passed that audited policies would deny.
    pub fn would_be_denied(&self, denier: Denier, family: Family, packets: u64) {
        let label = DenialLabel { direction: denier.name(), family: name(family) };
        self.would_be_denied.get_or_create(&label).inc_by(packets);
    }

    /// Notes that a policy has decided about packets.
    pub fn decided(&self, policy: &str, what: (Direction, Effect), packets: u64) {
        self.decided.get_or_create(&PolicyLabel::new(policy, what)).inc_by(packets);
    }

    /// Leaves out a policy that is gone.
    pub fn forget_policy(&self, policy: &str) {
        for direction in Direction::BOTH {
            for effect in [Effect::Allowed, Effect::Denied] {
                self.decided.remove(&PolicyLabel::new(policy, (direction, effect)));
            }
        }
    }

    /// Notes that the kernel holds a program.
    pub fn in_force(&self, program: &FilterProgram) {
        let number = |count: usize| i64::try_from(count).unwrap_or(i64::MAX);
        let over = program.notes.iter().filter(|note| matches!(note, Note::OverLimits(_)));
        self.policies_over_limit.set(number(over.count()));
        for (name, budget) in BUDGETS {
            let is_over = |note: &&Note| matches!(note, Note::OverBudget(_, own) if *own == budget);
            let over = number(program.notes.iter().filter(is_over).count());
            self.policies_over_budget.get_or_create(&BudgetLabel { budget: name }).set(over);
        }
        for family in program.families.values() {
            // So that they are there before a packet is.
            for denier in Denier::ALL {
                self.denied(denier, family.family, 0);
                self.would_be_denied(denier, family.family, 0);
            }
            let label = FamilyLabel { family: name(family.family) };
            self.rules.get_or_create(&label).set(number(family.rule_count()));
            self.sets.get_or_create(&label).set(number(family.sets.len()));
            self.members.get_or_create(&label).set(number(family.member_count()));
        }
        self.confirmed();
    }

    /// Notes that the kernel was seen to hold the desired state.
    pub fn confirmed(&self) {
        let since = std::time::UNIX_EPOCH.elapsed().unwrap_or_default();
        self.last_success.set(since.as_secs_f64());
    }

    /// The text that Prometheus collects.
    pub fn text(&self) -> String {
        let mut text = String::new();
        // Writing to a string cannot fail.
        let _ = encode(&mut text, &self.registry);
        text
    }
}

fn name(family: Family) -> &'static str {
    match family {
        Family::IPv4 => "IPv4",
        Family::IPv6 => "IPv6",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metrics_are_written() {
        let metrics = Metrics::default();
        metrics.drift_repairs.inc();
        metrics.spent(Phase::Lower, Duration::from_millis(4));
        let text = metrics.text();
        assert!(text.contains("portcullis_drift_repairs_total 1"), "{text}");
        assert!(text.contains("portcullis_phase_seconds_bucket{le=\"0.005\",phase=\"Lower\"} 1"));
        let missing = KernelError::Missing { tool: "ipset".into() };
        metrics.failed(&missing);
        metrics.denied(Denier::Unknown, Family::IPv6, 3);
        let text = metrics.text();
        assert!(text.contains("portcullis_tool_errors_total{tool=\"ipset\"} 1"), "{text}");
        let denied = "portcullis_denied_packets_total{direction=\"unknown\",family=\"IPv6\"} 3";
        assert!(text.contains(denied), "{text}");
        assert!(text.ends_with("# EOF\n"));
    }
}
