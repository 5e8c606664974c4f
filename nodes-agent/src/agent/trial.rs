//! Policies of the node's HostEndpoints on trial: what may cut a node off is taken back unless its
//! Node says in time that it stays.

use std::sync::Arc;
use std::time::{Duration, Instant};

use portcullis_engine::Session;
use portcullis_engine::policy::CompiledPolicy;

/// A trial of policies of hosts.
#[derive(Debug)]
pub struct HostTrial {
    /// How long they are tried; none if they stay at once.
    limit: Option<Duration>,
    state: State,
}

/// How far it is.
#[derive(Debug)]
enum State {
    /// They have not been in force yet.
    Untried,
    /// They are in force until then.
    Trying(Instant),
    /// The Node confirms them.
    Confirmed,
    /// They are out of force until they are others, or confirmed.
    TakenBack(Vec<Arc<CompiledPolicy>>),
}

/// What a state says of them.
#[derive(Debug)]
pub struct Desired {
    policies: Vec<Arc<CompiledPolicy>>,
    is_there: bool,
    confirmed: bool,
}

impl Desired {
    /// Of a node.
    pub fn of(session: &Session, node: &str) -> Self {
        let set = session.policies();
        let ids = set.selecting_host(node);
        let model = session.model();
        // INVARIANT: nodes are sorted by name.
        let own = model.nodes.binary_search_by(|known| (*known.name).cmp(node)).ok();
        let own = own.and_then(|at| model.nodes.get(at));
        Self {
            policies: ids.into_iter().filter_map(|id| set.policy(id).cloned()).collect(),
            is_there: set.hosts().of_node(node).next().is_some(),
            confirmed: own.is_some_and(|own| own.confirms_host),
        }
    }

    fn is_about(&self, policies: &[Arc<CompiledPolicy>]) -> bool {
        let pairs = self.policies.iter().zip(policies);
        self.policies.len() == policies.len() && { pairs }.all(|(a, b)| Arc::ptr_eq(a, b))
    }
}

impl HostTrial {
    /// Nothing has been tried.
    pub fn new(limit: Option<Duration>) -> Self {
        Self { limit, state: State::Untried }
    }

    /// Whether they are to be in force now.
    pub fn allows(&mut self, session: &Session, node: &str, now: Instant) -> bool {
        self.limit.is_none() || self.follow(Desired::of(session, node), now)
    }

    fn follow(&mut self, desired: Desired, now: Instant) -> bool {
        let state = std::mem::replace(&mut self.state, State::Untried);
        self.state = match state {
            _ if !desired.is_there => State::Untried,
            _ if desired.confirmed => State::Confirmed,
            State::Trying(until) if now >= until => {
                tracing::warn!(
                    "policies of HostEndpoints are taken back: nobody has confirmed them"
                );
                State::TakenBack(desired.policies)
            }
            State::TakenBack(policies) if desired.is_about(&policies) => State::TakenBack(policies),
            // What was confirmed is not any more: the next change is on trial.
            State::TakenBack(_) | State::Confirmed | State::Untried => State::Untried,
            State::Trying(until) => State::Trying(until),
        };
        !matches!(self.state, State::TakenBack(_))
    }

    /// They have come into force, if `is_there`.
    pub fn applied(&mut self, is_there: bool, now: Instant) {
        if let (State::Untried, true, Some(limit)) = (&self.state, is_there, self.limit) {
            self.state = State::Trying(now + limit);
        }
    }

    /// What operators should know.
    pub fn note(&self, now: Instant) -> Option<String> {
        let confirm = "annotate the Node with portcullis.dev/host-endpoints=confirmed";
        match &self.state {
            State::Trying(until) => {
                let left = until.saturating_duration_since(now).as_secs();
                // Said in steps, so that it is not another note each time.
                let left = left.next_multiple_of(60);
                Some(format!(
                    "policies of HostEndpoints are on trial for {left} s at most: {confirm} to keep \
                     them"
                ))
            }
            State::TakenBack(_) => Some(format!(
                "policies of HostEndpoints are NOT in force: they were not confirmed in time; \
                 {confirm}, or change them to try again"
            )),
            State::Untried | State::Confirmed => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use portcullis_engine::{Change, Options, SourceFile};

    use super::*;

    const ENDPOINT: &str = "apiVersion: projectcalico.org/v3\nkind: HostEndpoint\n\
        metadata: {name: h, labels: {host: x}}\nspec: {node: n1, interfaceName: eth0}\n---\n";

    fn session(confirmed: bool, policy: &str) -> Session {
        let said = if confirmed { "confirmed" } else { "no" };
        let text = format!(
            "apiVersion: v1\nkind: Node\nmetadata: {{name: n1, annotations: \
             {{portcullis.dev/host-endpoints: '{said}'}}}}\n---\n{policy}"
        );
        let file = SourceFile::new("all.yaml", text.as_bytes());
        Session::new(Options::default()).apply(vec![Change::Put(file)])
    }

    fn policy(port: u16) -> String {
        format!(
            "{ENDPOINT}apiVersion: projectcalico.org/v3\nkind: GlobalNetworkPolicy\n\
             metadata: {{name: p}}\nspec: {{selector: has(host), ingress: [{{action: Allow, \
             protocol: TCP, destination: {{ports: [{port}]}}}}]}}\n"
        )
    }

    #[test]
    fn what_nobody_confirms_is_taken_back_until_it_is_something_else() {
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        let mut trial = HostTrial::new(Some(Duration::from_secs(60)));
        let first = session(false, &policy(80));
        assert!(trial.allows(&first, "n1", at(0)));
        trial.applied(true, at(0));
        assert!(trial.note(at(1)).unwrap().contains("on trial for 60 s"));
        assert!(trial.allows(&first, "n1", at(59)));
        assert!(!trial.allows(&first, "n1", at(60)));
        trial.applied(false, at(60));
        assert!(!trial.allows(&first, "n1", at(600)));
        assert!(trial.note(at(600)).unwrap().contains("NOT in force"));
        let second = session(false, &policy(81));
        assert!(trial.allows(&second, "n1", at(601)));
        trial.applied(true, at(601));
        assert!(trial.allows(&session(true, &policy(81)), "n1", at(602)));
        assert_eq!(trial.note(at(602)), None);
        assert!(trial.allows(&session(true, &policy(82)), "n1", at(9999)));
        // No longer confirmed, and not changed: on trial again.
        assert!(trial.allows(&second, "n1", at(10_000)));
        trial.applied(true, at(10_000));
        assert!(!trial.allows(&second, "n1", at(10_060)));
        assert!(trial.allows(&session(true, &policy(81)), "n1", at(10_061)));
    }

    #[test]
    fn without_a_limit_or_host_endpoints_there_is_no_trial() {
        let now = Instant::now();
        let mut trial = HostTrial::new(None);
        assert!(trial.allows(&session(false, &policy(80)), "n1", now));
        trial.applied(true, now);
        assert_eq!(trial.note(now), None);
        let mut trial = HostTrial::new(Some(Duration::ZERO));
        assert!(trial.allows(&session(false, ""), "n1", now));
        trial.applied(false, now);
        assert_eq!(trial.note(now), None);
    }
}
