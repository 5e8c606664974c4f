//! Flows that show something, with what opens them: each is asked again as any flow is.

use std::collections::BTreeMap;

use super::search::{End, Found};
use super::types::{Opening, Witness, WitnessEnd};
use crate::cluster::{ClusterModel, Endpoint, NAME_LABEL};
use crate::manifest::{Action, Direction, LabelList, NamedPort, SourceFile};
use crate::net::Family;
use crate::report::hypothetical::{self, NewPod, Place, World, write};
use crate::report::list::workload_id;
use crate::report::query::part_name;
use crate::report::types::{
    EndReport, EndState, FlowQuery, FlowReport, Match, PolicyEvidence, RuleEvidence, Verdict,
};
use crate::session::{Change, Options, Session};

/// A state in which a world has come to be, and what it was before.
#[derive(Clone, Copy)]
pub struct Asking<'s> {
    /// What has come to be.
    pub world: &'s World,
    /// The state with it.
    pub probe: &'s Session,
    /// The state that it is compared with, with it too.
    pub before: Option<&'s Session>,
}

impl Asking<'_> {
    /// What a flow shows. What is not confirmed is not known.
    pub fn witness(&self, found: &Found) -> Witness {
        let names = [self.name(found.from), self.name(found.to)];
        let after = self.evaluate(self.probe, found, &names);
        let before = self.before.and_then(|before| self.evaluate(before, found, &names));
        let said = |report: &Option<FlowReport>| report.as_ref().map(|report| report.verdict);
        let is_plain = self.is_plain(found, said(&after), said(&before));
        let end = |end| self.end(end, (found, is_plain));
        let ends = [end(found.from), end(found.to)];
        // A pod that only the new side has cannot be asked about on the old one.
        let is_confirmed = said(&after) == Some(found.asked_verdict())
            && said(&before).is_none_or(|own| Some(own) == found.before);
        let verdict = if is_confirmed { found.verdict } else { Verdict::Unknown };
        let open = [&after, &before].into_iter().flatten();
        let open = { open }.find(|report| report.verdict == Verdict::Unknown);
        let reason = (verdict == Verdict::Unknown).then(|| match open {
            Some(report) => report.summary.clone(),
            None if is_confirmed => "a label that the input does not show decides whether the rule means these pods: pass real pods and Namespaces".into(),
            None => "the flow could not be confirmed by asking about it alone".into(),
        });
        // What opens it is on the side that lets it pass.
        let opening = if said(&after) == Some(Verdict::Deny) { &before } else { &after };
        let opened_by = opening.as_ref().map_or_else(Vec::new, |report| openings(report, &ends));
        let help =
            (verdict == Verdict::Allow && self.before.is_none()).then(|| help(&opened_by, &ends));
        let (arguments, manifests) = self.confirmation(found, is_plain, &ends);
        let [from, to] = ends;
        Witness {
            from,
            to,
            protocol: found.protocol,
            port: found.port,
            family: found.family,
            verdict,
            before: found.before,
            reason,
            opened_by,
            help: help.flatten(),
            arguments,
            manifests,
        }
    }

    /// Whether a pod that may come to be shows the same if no more is known of it than its labels.
    fn is_plain(&self, found: &Found, after: Option<Verdict>, before: Option<Verdict>) -> bool {
        let name = |end| self.new_pod(end).map_or_else(|| self.name(end), supposed);
        let names = [name(found.from), name(found.to)];
        let says = |session, verdict| {
            let report = self.evaluate(session, found, &names);
            report.map(|report| report.verdict) == verdict
        };
        let [from, to] = &names;
        from != to
            && says(self.probe, after)
            && self.before.is_none_or(|session| says(session, before))
    }

    /// What a session says of a flow between ends of some names.
    fn evaluate(
        &self,
        session: &Session,
        found: &Found,
        [from, to]: &[String; 2],
    ) -> Option<FlowReport> {
        let query = FlowQuery {
            from: from.clone(),
            to: to.clone(),
            protocol: found.protocol,
            port: found.port.into(),
        };
        match found.family {
            Some(family) => self.of_family(session, family, found).evaluate(&query).ok(),
            None => session.evaluate(&query).ok(),
        }
    }

    /// The same input, answered for one family, with the ends of a flow and nothing else that may
    /// come to be.
    fn of_family(&self, session: &Session, family: Family, found: &Found) -> Session {
        let options = Options { family: Some(family), ..session.options().clone() };
        let files = session.files().iter().filter(|file| *file.name != *hypothetical::FILE);
        let files = files.map(|file| Change::Put((**file).clone()));
        let ends = [found.from, found.to].into_iter().filter_map(|end| self.new_pod(end));
        let text = write::manifests(self.world.places.values().filter(|one| one.is_written), ends);
        let ends = Change::Put(SourceFile::new(hypothetical::FILE, text.as_bytes()));
        Session::new(options).apply(files.chain([ends]).collect())
    }

    /// How an end is asked for where all that may come to be is there.
    fn name(&self, end: End) -> String {
        let id = match end {
            End::Pod(id) => id,
            End::Address(address) => return address.to_string(),
        };
        let model = self.probe.model();
        let endpoint = model.endpoints.get(id);
        let workload = endpoint.and_then(|endpoint| model.workload_of(endpoint));
        match (endpoint, workload) {
            // Only replicas of a StatefulSet have names before they are there.
            (Some(endpoint), Some(workload))
                if endpoint.template && &*workload.kind != "StatefulSet" =>
            {
                workload_id(model, endpoint.workload).to_string()
            }
            _ => part_name(model, id),
        }
    }

    fn new_pod(&self, end: End) -> Option<&NewPod> {
        let End::Pod(id) = end else { return None };
        let model = self.probe.model();
        let endpoint = model.endpoints.get(id)?;
        let namespace = model.namespace_name(model.workload_of(endpoint)?.namespace);
        self.world.pod(namespace, &endpoint.name)
    }

    fn end(&self, end: End, (found, is_plain): (&Found, bool)) -> WitnessEnd {
        let mut report = WitnessEnd {
            text: self.name(end),
            hypothetical: false,
            new_namespace: false,
            namespace: None,
            labels: BTreeMap::new(),
            namespace_labels: BTreeMap::new(),
            port_names: Vec::new(),
            address: None,
        };
        let model = self.probe.model();
        let End::Pod(id) = end else { return report };
        if let Some(endpoint) = model.endpoints.get(id) {
            fill(&mut report, model, endpoint);
        }
        if let Some(place) = self.assumed_place(&report) {
            report.new_namespace = !place.is_known;
            let own = place.labels.iter().filter(|(key, _)| **key != *NAME_LABEL);
            report.namespace_labels =
                own.map(|(key, value)| (key.to_string(), value.to_string())).collect();
        }
        let Some(pod) = self.new_pod(end) else { return report };
        report.text = supposed(pod);
        report.hypothetical = true;
        if is_plain {
            return report;
        }
        report.address = pod.address.map(|address| address.to_string());
        let named = pod.ports.iter().filter(|one| {
            end == found.to && one.protocol == found.protocol && one.port == found.port
        });
        report.port_names = named.map(|port| port.name.to_string()).collect();
        report
    }

    /// The namespace of an end, if its labels are assumed.
    fn assumed_place(&self, end: &WitnessEnd) -> Option<&Place> {
        let place = self.world.places.get(end.namespace.as_deref()?)?;
        Some(place).filter(|place| place.is_written)
    }

    /// How `eval` confirms it, and the manifests that it needs for that.
    fn confirmation(
        &self,
        found: &Found,
        is_plain: bool,
        ends: &[WitnessEnd; 2],
    ) -> (Vec<String>, Option<String>) {
        let is_asked =
            |port: &&NamedPort| port.protocol == found.protocol && port.port == found.port;
        let new = [found.from, found.to].into_iter().filter_map(|end| self.new_pod(end));
        let pods: Vec<NewPod> = new
            .map(|pod| NewPod {
                ports: pod.ports.iter().filter(is_asked).cloned().collect(),
                address: pod.address.filter(|_| !is_plain),
                ..pod.clone()
            })
            .collect();
        let mut places: Vec<&Place> =
            ends.iter().filter_map(|end| self.assumed_place(end)).collect();
        places.dedup_by_key(|place| &place.name);
        let names = match is_plain {
            true => ends.each_ref().map(|end| end.text.clone()),
            false => [self.name(found.from), self.name(found.to)],
        };
        let [from, to] = &names;
        let port = format!("{}/{}", found.port, found.protocol);
        let mut arguments: Vec<String> =
            ["--from", from, "--to", to, "--port", &port].map(str::to_owned).into();
        if let Some(family) = found.family {
            let family = if family == Family::IPv4 { "ipv4" } else { "ipv6" };
            arguments.extend(["--family", family].map(str::to_owned));
        }
        for place in places.iter().filter(|_| is_plain) {
            arguments.extend(["--namespace-labels".to_owned(), assumed(place)]);
        }
        let is_needed = !pods.is_empty() || !places.is_empty();
        let manifests = is_needed.then(|| write::manifests(places.into_iter(), pods.iter()));
        (arguments, manifests)
    }
}

fn fill(report: &mut WitnessEnd, model: &ClusterModel, endpoint: &Endpoint) {
    let workload = model.workload_of(endpoint);
    report.namespace = workload.map(|one| model.namespace_name(one.namespace).to_owned());
    let labels = model.labels_of(endpoint).map(|labels| labels.labels.clone());
    let labels: LabelList = labels.unwrap_or_default();
    report.labels =
        labels.iter().map(|(key, value)| (key.to_string(), value.to_string())).collect();
}

/// A pod that is not there, as `eval` takes it.
fn supposed(pod: &NewPod) -> String {
    let labels = pod.labels.iter().map(|(key, value)| format!("{key}={value}"));
    format!("{}/{{{}}}", pod.namespace, labels.collect::<Vec<_>>().join(","))
}

/// Labels of a namespace, as the command takes them.
fn assumed(place: &Place) -> String {
    let own = place.labels.iter().filter(|(key, _)| **key != *NAME_LABEL);
    let own: Vec<String> = own.map(|(key, value)| format!("{key}={value}")).collect();
    format!("{}={}", place.name, own.join(","))
}

// --- what opens it

fn openings(report: &FlowReport, ends: &[WitnessEnd; 2]) -> Vec<Opening> {
    let evidence = match report.parts.iter().find(|part| part.verdict == report.verdict) {
        Some(part) => &part.evidence,
        None => &report.evidence,
    };
    let [from, to] = ends;
    let both =
        [(Direction::Egress, &evidence.egress, from), (Direction::Ingress, &evidence.ingress, to)];
    both.into_iter().flat_map(|(direction, end, own)| of_end(direction, end, own)).collect()
}

fn of_end(direction: Direction, end: &EndReport, own: &WitnessEnd) -> Vec<Opening> {
    let plain = |text: String| Opening {
        direction,
        policy: None,
        action: None,
        path: None,
        text,
        location: None,
    };
    match end.state {
        // An address has no policies.
        EndState::Unenforced if own.namespace.is_none() => return Vec::new(),
        EndState::Unenforced => {
            return vec![plain("policies do not apply to pods on the host's network".into())];
        }
        EndState::NotIsolated => {
            let text = format!("no policy selects {} for {}", own.text, direction.field());
            return vec![plain(text)];
        }
        EndState::Isolated
        | EndState::Selected
        | EndState::SelfTraffic
        | EndState::OwnNode
        | EndState::HostEndpoint
        | EndState::HostAction => {}
    }
    let mut found: Vec<Opening> = Vec::new();
    for policy in end.policies.iter().filter(|policy| policy.decides) {
        let rules =
            policy.rules.iter().filter(|rule| rule.decides && rule.action == Action::Accept);
        found.extend(rules.flat_map(|rule| of_rule(direction, policy, rule)));
    }
    // Tiers that say nothing let pass what none of them denies.
    if found.is_empty() { vec![plain(end.summary.clone())] } else { found }
}

fn of_rule(direction: Direction, policy: &PolicyEvidence, rule: &RuleEvidence) -> Vec<Opening> {
    let opening = |path: &str, text: &str, location| Opening {
        direction,
        policy: Some(policy.policy.clone()),
        action: Some(rule.action),
        path: Some(path.to_owned()),
        text: text.to_owned(),
        location,
    };
    if rule.peers.is_empty() {
        return vec![opening(&rule.path, "any peer", rule.location.clone())];
    }
    if rule.needs_all {
        let texts: Vec<&str> = rule.peers.iter().map(|entry| &*entry.text).collect();
        return vec![opening(&rule.path, &texts.join("; "), rule.location.clone())];
    }
    let peers =
        rule.peers.iter().filter(|peer| peer.matches == rule.matches && peer.matches != Match::No);
    peers.map(|peer| opening(&peer.path, &peer.text, peer.location.clone())).collect()
}

/// What to do about a namespace that does not exist yet.
const NEW_NAMESPACE_HELP: &str = "NetworkPolicies hold in their own namespaces: for those that do not exist yet, write a ClusterNetworkPolicy that denies this; or write `future: pods` in the rule, and make policies together with namespaces";

/// What to write against it.
fn help(openings: &[Opening], ends: &[WitnessEnd; 2]) -> Option<String> {
    let [from, to] = ends;
    if let Some(narrowed) = narrow(openings, Direction::Ingress) {
        return Some(narrowed);
    }
    // The end that is protected is the destination, unless that is outside.
    let (own, direction) = match to.namespace {
        Some(_) => (to, Direction::Ingress),
        None => (from, Direction::Egress),
    };
    openings.iter().find(|one| one.direction == direction)?;
    if let Some(narrowed) = narrow(openings, direction) {
        return Some(narrowed);
    }
    let namespace = own.namespace.as_deref()?;
    let (side, field) = (
        if direction == Direction::Ingress { "Ingress" } else { "Egress" },
        direction.peers_field(),
    );
    if own.new_namespace {
        return Some(NEW_NAMESPACE_HELP.into());
    }
    Some(format!(
        "write a NetworkPolicy in namespace `{namespace}` that selects these pods, with `policyTypes: [{side}]` and a rule for those who may (`{field}`)"
    ))
}

/// What to change of the policies that open it at an end: each of their rules opens it alone.
fn narrow(openings: &[Opening], direction: Direction) -> Option<String> {
    let rule = |opening: &Opening| {
        let policy = opening.policy.as_ref()?;
        let namespace = policy.namespace.as_deref();
        let namespace = namespace.map_or_else(String::new, |own| format!("{own}/"));
        let path = opening.path.as_deref()?;
        Some(format!("{path} of {} {namespace}{}", policy.kind, policy.name))
    };
    let own = openings.iter().filter(|one| one.direction == direction);
    let rules: Vec<String> = own.filter_map(rule).collect();
    (!rules.is_empty()).then(|| format!("narrow or remove {}", rules.join(", and ")))
}

/// What makes two witnesses show the same, as a text: verdicts, and what opens the flow.
pub fn shown(witness: &Witness) -> String {
    let of = |one: &Opening| {
        let policy = one.policy.as_ref();
        format!("{:?} {policy:?} {:?}", one.direction, one.path)
    };
    let openings: Vec<String> = witness.opened_by.iter().map(of).collect();
    format!("{:?} {:?} {}", witness.verdict, witness.before, openings.join(", "))
}
