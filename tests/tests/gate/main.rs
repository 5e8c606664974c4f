//! What a gate says of rules, and whether two sets of policies are equal, is what evaluating flows
//! says: between pods that are there, and between pods that are only supposed.
//!
//! Tried on random clusters, with random rules about their labels, and after random edits.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, reason = "test code")]

mod cases;
mod ends;

use portcullis_engine::report::{
    EqualOutcome, FlowQuery, GateOutcome, PortQuery, Protocol, Verdict, Witness,
};
use portcullis_engine::{Change, NamespaceLabel, Options, Session, SourceFile};
use portcullis_tests::random::{Cluster, PORTS, Random, hold, hold_with_calico};
use serde_json::Value;

use ends::{Asked, Who, Words, everybody, is_meant, supposed, words};

// --- asking

fn session(cluster: &Cluster, more: &[NamespaceLabel]) -> Session {
    with(cluster.options.options().unwrap().with_namespace_labels(more.to_vec()), cluster, "")
}

fn with(options: Options, cluster: &Cluster, manifests: &str) -> Session {
    let files = [("case.yaml", cluster.yaml()), ("witness.yaml", manifests.to_owned())];
    let put = |(name, text): (&str, String)| Change::Put(SourceFile::new(name, text.as_bytes()));
    Session::new(options).apply(files.map(put).into())
}

fn says(session: &Session, from: &str, to: &str, (protocol, port): (Protocol, u16)) -> Verdict {
    let (from, to) = (from.to_owned(), to.to_owned());
    let query = FlowQuery { from, to, protocol, port: port.into() };
    // Refused where the two have no family in common: then nothing passes.
    session.evaluate(&query).map_or(Verdict::Deny, |report| report.verdict)
}

/// What is said of a witness by a session of the cluster, with the pods that it needs.
fn asked_again(cluster: &Cluster, witness: &Witness) -> Option<Verdict> {
    let value = |name: &str| {
        let at = witness.arguments.iter().position(|one| one == name)?;
        witness.arguments.get(at + 1).cloned()
    };
    let mut options = cluster.options.options().unwrap();
    if let Some(family) = value("--family") {
        options.family = Some(portcullis_engine::report::parse_family(&family).unwrap());
    }
    let labels = witness.arguments.windows(2).filter(|two| two[0] == "--namespace-labels");
    let labels: Vec<NamespaceLabel> = labels.map(|two| two[1].parse().unwrap()).collect();
    let (from, to) = (value("--from")?, value("--to")?);
    let (port, protocol) = PortQuery::parse(&value("--port")?, None).unwrap();
    let is_written = |text: &str| text.contains("/new-");
    let manifests = witness.manifests.clone().unwrap_or_default();
    let manifests = if is_written(&from) || is_written(&to) { manifests } else { String::new() };
    let session = with(options.with_namespace_labels(labels), cluster, &manifests);
    let query = FlowQuery { from, to, protocol, port };
    session.evaluate(&query).ok().map(|report| report.verdict)
}

fn check_witnesses(
    cluster: &Cluster,
    witnesses: &[Witness],
    said: impl Fn(&Witness) -> Option<Verdict>,
) -> Result<(), String> {
    for witness in witnesses {
        let (found, expected) = (asked_again(cluster, witness), said(witness));
        // Whether a rule means the ends may be what is not known.
        let is_allowed = expected == Some(Verdict::Unknown) && found == Some(Verdict::Allow);
        if expected.is_some() && found != expected && !is_allowed {
            return Err(format!("{found:?} for {expected:?}: {witness:#?}"));
        }
    }
    Ok(())
}

// --- the properties

#[test]
fn a_rule_holds_if_no_flow_breaks_it() {
    hold_with_calico("gate and flows", |cluster, seed| {
        let mut rng = Random::new(seed ^ 0x9a7e);
        let words = words(cluster);
        for _ in 0..6 {
            let asked = Asked::new(&words, &mut rng);
            never(cluster, &words, (&asked, &mut rng))?;
        }
        Ok(())
    });
}

fn never(
    cluster: &Cluster,
    words: &Words,
    (asked, rng): (&Asked, &mut Random),
) -> Result<(), String> {
    let plain = session(cluster, &[]);
    let report = plain.gate(None, &asked.rules("never"));
    let rule = &report.rules[0];
    check_witnesses(cluster, &rule.witnesses, |one| Some(one.verdict))
        .map_err(|why| format!("{}: {why}", rule.rule))?;
    let is_new = asked.future == "namespaces";
    let (pods, assumed) = supposed(&plain, words, (rng, is_new));
    let session = session(cluster, &assumed);
    let mut ends = everybody(&session);
    if asked.future != "nothing" {
        ends.extend(pods);
    }
    let from = ends.iter().filter(|(_, who)| is_meant(&asked.from, who));
    let from: Vec<_> = from.collect();
    let to: Vec<_> = ends.iter().filter(|(_, who)| is_meant(&asked.to, who)).collect();
    let pairs = from.iter().flat_map(|from| to.iter().map(move |to| (from, to)));
    let are_addresses = |(from, to): &(&&(String, Who), &&(String, Who))| {
        matches!((&from.1, &to.1), (Who::Address(_), Who::Address(_)))
    };
    for (from, to) in pairs.filter(|pair| pair.0.0 != pair.1.0 && !are_addresses(pair)) {
        for port in &asked.ports {
            let verdict = says(&session, &from.0, &to.0, *port);
            let is_wrong = match rule.outcome {
                GateOutcome::Holds => verdict != Verdict::Deny,
                GateOutcome::Unknown => verdict == Verdict::Allow,
                GateOutcome::Broken | GateOutcome::Undecided => false,
            };
            if is_wrong {
                return Err(format!(
                    "{} (future: {}): {:?}, but {} -> {} {port:?} is {verdict:?}",
                    rule.rule, asked.future, rule.outcome, from.0, to.0
                ));
            }
        }
    }
    Ok(())
}

fn edited(cluster: &Cluster, seed: u64) -> Cluster {
    let mut rng = Random::new(seed ^ 0xe9a1);
    let other = Cluster::of(rng.number());
    let mut next = cluster.clone();
    for _ in 0..rng.below(3) {
        next = next.edited(&mut rng, &other);
    }
    Cluster { options: cluster.options.clone(), ..next }
}

#[test]
fn equal_policies_say_the_same_of_every_flow() {
    hold("equal and flows", |cluster, seed| {
        let mut rng = Random::new(seed ^ 0xe0a1);
        let next = edited(cluster, seed);
        let (one, other) = (session(cluster, &[]), session(&next, &[]));
        let report = one.equal(&other);
        check_witnesses(cluster, &report.witnesses, |one| one.before)
            .map_err(|why| format!("before: {why}"))?;
        check_witnesses(&next, &report.witnesses, |one| Some(one.verdict))
            .map_err(|why| format!("after: {why}"))?;
        if report.outcome != EqualOutcome::Equal {
            return Ok(());
        }
        let words = words(cluster);
        let (pods, assumed) = supposed(&one, &words, (&mut rng, true));
        let (one, other) = (session(cluster, &assumed), session(&next, &assumed));
        let mut ends = pods;
        ends.extend(everybody(&one).into_iter().filter(|(_, who)| matches!(who, Who::Address(_))));
        for ((from, a), (to, b)) in ends.iter().flat_map(|a| ends.iter().map(move |b| (a, b))) {
            if from == to || matches!((a, b), (Who::Address(_), Who::Address(_))) {
                continue;
            }
            for port in PORTS {
                let said = [&one, &other].map(|session| says(session, from, to, port));
                if said[0] != said[1] {
                    return Err(format!("equal, but {from} -> {to} {port:?} is {said:?}"));
                }
            }
        }
        Ok(())
    });
}

#[test]
fn a_set_is_equal_to_itself_renamed_and_shuffled() {
    hold("equal with itself", |cluster, seed| {
        let mut rng = Random::new(seed);
        let mut renamed = cluster.clone();
        rng.shuffle(&mut renamed.objects);
        for (number, object) in renamed.objects.iter_mut().enumerate() {
            // The order of names is that of cluster policies of one priority.
            if object["kind"] == "NetworkPolicy" {
                object["metadata"]["name"] = format!("other-{number}").into();
            }
        }
        let report = session(cluster, &[]).equal(&session(&renamed, &[]));
        match report.outcome {
            EqualOutcome::Equal => Ok(()),
            _ => Err(format!("{report:#?}")),
        }
    });
}

#[test]
fn what_is_new_was_not_allowed_before() {
    hold("no new access", |cluster, seed| {
        let mut rng = Random::new(seed ^ 0x0b57);
        let next = edited(cluster, seed);
        let (old, new) = (session(cluster, &[]), session(&next, &[]));
        let words = words(cluster);
        let asked = Asked::new(&words, &mut rng);
        let report = new.gate(Some(&old), &asked.rules("no-new-access"));
        let rule = &report.rules[0];
        check_witnesses(&next, &rule.witnesses, |one| Some(one.verdict))
            .map_err(|why| format!("after: {why}"))?;
        if rule.outcome != GateOutcome::Holds {
            return Ok(());
        }
        let (pods, assumed) = supposed(&old, &words, (&mut rng, true));
        let (old, new) = (session(cluster, &assumed), session(&next, &assumed));
        let of = |end: &Value| -> Vec<&(String, Who)> {
            pods.iter().filter(|(_, who)| is_meant(end, who)).collect()
        };
        for (from, _) in of(&asked.from) {
            for (to, _) in of(&asked.to).into_iter().filter(|(to, _)| to != from) {
                for port in &asked.ports {
                    let said = [&old, &new].map(|session| says(session, from, to, *port));
                    if matches!(said, [Verdict::Deny, Verdict::Allow | Verdict::Unknown]) {
                        return Err(format!("{}: {from} -> {to} {port:?}: {said:?}", rule.rule));
                    }
                }
            }
        }
        Ok(())
    });
}
