//! `portcullis test` says what `eval` says of each pair, and what it says of changes of policies is
//! so where the changed policies are read from scratch.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "test code"
)]

use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

use portcullis_engine::Session;
use portcullis_engine::report::{
    EndpointKind, ExpectationOutcome, Expectations, FlowQuery, Isolation, MutantKind,
    MutantOutcome, MutantReport, Protocol, TestOptions, TestReport, Verdict,
};
use portcullis_engine::{ListFilter, QueryError};
use portcullis_tests::random::{Cluster, Random, hold};
use serde_json::{Value, json};

fn read(entries: &Value) -> Expectations {
    Expectations::read("expect.json", &json!({ "expect": entries }).to_string()).unwrap()
}

/// Workloads with a pod that may take part in traffic, as lists write them.
fn workloads(session: &Session) -> Vec<String> {
    let list = session.list(&ListFilter::default());
    let pods = list.endpoints.iter().filter(|one| one.kind == EndpointKind::Workload);
    let mut names: Vec<String> =
        pods.map(|one| one.id.split('{').next().unwrap().to_owned()).collect();
    names.dedup();
    names
}

fn query(from: &str, to: &str, protocol: Protocol, port: u16) -> FlowQuery {
    FlowQuery { from: from.into(), to: to.into(), protocol, port: port.into() }
}

/// The verdict of a flow; none if no traffic is possible.
fn verdict(session: &Session, query: &FlowQuery) -> Option<Verdict> {
    match session.evaluate(query) {
        Ok(report) => Some(report.verdict),
        Err(QueryError { is_impossible: true, .. }) => None,
        Err(error) => panic!("{query:?}: {error}"),
    }
}

#[test]
fn an_expectation_is_eval_of_each_pair() {
    hold("expectations", |cluster, seed| {
        let session = cluster.session();
        let mut rng = Random::new(seed);
        let names = workloads(&session);
        let protocol = [Protocol::Tcp, Protocol::Udp][rng.below(2)];
        let port = [53, 80, 443, 8080][rng.below(4)];
        for expect in ["allow", "deny", "unknown"] {
            let entry = json!([{"from": "*", "to": "*/*", "port": format!("{port}/{protocol}"), "expect": expect}]);
            let report = session.test(&read(&entry), TestOptions::default());
            let pairs = names.iter().flat_map(|from| names.iter().map(move |to| (from, to)));
            let verdicts = pairs
                .filter(|(from, to)| from != to)
                .filter_map(|(from, to)| verdict(&session, &query(from, to, protocol, port)));
            let verdicts: Vec<Verdict> = verdicts.collect();
            let meant =
                [("allow", Verdict::Allow), ("deny", Verdict::Deny), ("unknown", Verdict::Unknown)];
            let (_, meant) = meant.into_iter().find(|(word, _)| *word == expect).unwrap();
            let failing = verdicts.iter().filter(|one| **one != meant).count();
            let one = &report.expectations[0];
            let outcome = match (verdicts.is_empty(), failing) {
                (true, _) => ExpectationOutcome::Invalid,
                (false, 0) => ExpectationOutcome::Holds,
                (false, _) => ExpectationOutcome::Fails,
            };
            let said = (one.questions, one.failing, one.outcome);
            if said != (verdicts.len(), failing, outcome) {
                return Err(format!(
                    "{expect} {protocol} {port}: {one:?}, not {} of {}",
                    failing,
                    verdicts.len()
                ));
            }
        }
        Ok(())
    });
}

#[test]
fn isolation_and_the_internet_are_those_of_the_list() {
    hold("expectations-ends", |cluster, seed| {
        let session = cluster.session();
        let list = session.list(&ListFilter::default());
        for name in workloads(&session) {
            for direction in ["ingress", "egress"] {
                let entry = json!([{"pods": &name, "direction": direction, "expect": "isolated"}]);
                let holds = holds(&session, &entry);
                let mut own =
                    list.endpoints.iter().filter(|one| one.id.split('{').next() == Some(&*name));
                let of = |one: &portcullis_engine::report::EndpointReport| {
                    if direction == "ingress" { one.ingress } else { one.egress }
                };
                let is_isolated = own.all(|one| of(one) == Some(Isolation::Yes));
                if holds != is_isolated {
                    return Err(format!("{name} {direction}: {holds}"));
                }
            }
            let entry = json!([{"pods": &name, "expect": "no-internet"}]);
            let report = session.test(&read(&entry), TestOptions::default());
            let mut rng = Random::new(seed);
            let samples = (0..8).map(|_| {
                format!(
                    "{}.{}.{}.{}",
                    11 + rng.below(80),
                    rng.below(256),
                    rng.below(256),
                    rng.below(256)
                )
            });
            for address in samples.chain(["1.1.1.1".into(), "2600::1".into()]) {
                let is_pod = session.model().by_address.get(&address.parse().unwrap()).is_some();
                let open = verdict(&session, &query(&name, &address, Protocol::Tcp, 443));
                let is_open = open.is_some_and(|verdict| verdict != Verdict::Deny) && !is_pod;
                if is_open && report.expectations[0].outcome == ExpectationOutcome::Holds {
                    return Err(format!("{name} reaches {address}"));
                }
            }
            for failure in &report.expectations[0].failures {
                let flow = failure.flow.as_ref().unwrap();
                if flow.verdict == Verdict::Deny {
                    return Err(format!("{name}: {failure:?}"));
                }
            }
        }
        Ok(())
    });
}

fn holds(session: &Session, entries: &Value) -> bool {
    let report = session.test(&read(entries), TestOptions::default());
    report.expectations.iter().all(|one| one.outcome == ExpectationOutcome::Holds)
}

fn outcomes(report: &TestReport) -> Vec<ExpectationOutcome> {
    report.expectations.iter().map(|one| one.outcome).collect()
}

/// Expectations as somebody might have written them: some pairs with their verdicts, and one of
/// everyone.
fn some_expectations(session: &Session, rng: &mut Random) -> Vec<Value> {
    let names = workloads(session);
    let mut entries = vec![json!({"from": "*", "to": "*", "port": 80, "expect": "deny"})];
    if names.len() < 2 {
        return entries;
    }
    for _ in 0..4 {
        let (from, to) = (&names[rng.below(names.len())], &names[rng.below(names.len())]);
        let asked = query(from, to, Protocol::Tcp, [80, 443][rng.below(2)]);
        let word = match verdict(session, &asked) {
            Some(Verdict::Allow) => "allow",
            Some(Verdict::Deny) => "deny",
            Some(Verdict::Unknown) | None => continue,
        };
        entries.push(json!({"from": from, "to": to, "port": asked.port, "expect": word}));
    }
    entries.push(json!({"pods": &names[0], "direction": "ingress", "expect": "isolated"}));
    entries
}

/// The cluster with a changed policy, written into its manifest; none where the test does not write
/// that kind of change.
fn changed(cluster: &Cluster, mutant: &MutantReport) -> Option<Cluster> {
    let mut next = cluster.clone();
    let index = next.objects.iter().position(|object| {
        let metadata = &object["metadata"];
        let namespace = mutant.policy.namespace.as_deref();
        object["kind"] == *mutant.policy.kind
            && metadata["name"] == *mutant.policy.name
            && namespace
                .is_none_or(|own| metadata["namespace"].as_str().unwrap_or("default") == own)
    })?;
    if mutant.kind == MutantKind::PolicyRemoved {
        next.objects.remove(index);
        return Some(next);
    }
    let object = &mut next.objects[index];
    let is_network_policy = object["kind"] == "NetworkPolicy";
    if is_network_policy {
        // What is defaulted must not change with the rules.
        let spec = object["spec"].as_object_mut()?;
        let has = |field: &str| {
            spec.get(field).and_then(Value::as_array).is_some_and(|all| !all.is_empty())
        };
        let egress = if has("egress") { vec!["Ingress", "Egress"] } else { vec!["Ingress"] };
        let types = spec
            .get("policyTypes")
            .filter(|types| types.as_array().is_some_and(|all| !all.is_empty()));
        let types = types.cloned().unwrap_or_else(|| json!(egress));
        spec.insert("policyTypes".into(), types);
    }
    let direction = if mutant.path.starts_with("spec.ingress") { "ingress" } else { "egress" };
    let peers = if direction == "ingress" { "from" } else { "to" };
    let numbers: Vec<usize> =
        mutant.path.split(['[', ']']).filter_map(|text| text.parse().ok()).collect();
    let rules = |object: &mut Value| object["spec"][direction].as_array_mut().cloned();
    match mutant.kind {
        MutantKind::DirectionRemoved if is_network_policy => {
            let spec = object["spec"].as_object_mut()?;
            spec.remove(direction);
            let other = if direction == "ingress" { "Egress" } else { "Ingress" };
            spec.insert("policyTypes".into(), json!([other]));
        }
        MutantKind::DirectionRemoved => drop(object["spec"].as_object_mut()?.remove(direction)),
        MutantKind::RuleRemoved => {
            let mut left = rules(object)?;
            left.remove(numbers[0]);
            object["spec"][direction] = json!(left);
        }
        MutantKind::AnyPeer if is_network_policy => {
            object["spec"][direction][numbers[0]].as_object_mut()?.remove(peers);
        }
        MutantKind::AnyPort if is_network_policy => {
            object["spec"][direction][numbers[0]].as_object_mut()?.remove("ports");
        }
        MutantKind::PeerRemoved => {
            object["spec"][direction][numbers[0]][peers].as_array_mut()?.remove(numbers[1]);
        }
        MutantKind::ActionFlipped => {
            let action = mutant.change.split(' ').next()?;
            // Versions write actions differently.
            if object["spec"][direction][numbers[0]]["action"] == "Allow"
                || object["spec"].get("tier").is_none()
            {
                return None;
            }
            object["spec"][direction][numbers[0]]["action"] = json!(action);
        }
        MutantKind::SelectorWidened => {
            let (key, value) = mutant.change.strip_prefix("without ")?.split_once('=')?;
            let field = mutant.path.strip_prefix("spec.podSelector").map(|_| "podSelector");
            field.filter(|_| is_network_policy)?;
            let selector = &object["spec"]["podSelector"];
            if selector["matchExpressions"].as_array().is_some_and(|all| !all.is_empty()) {
                return None;
            }
            let labels = object["spec"]["podSelector"]["matchLabels"].as_object_mut()?;
            labels.get(key).filter(|own| *own == value)?;
            labels.remove(key);
        }
        _ => return None,
    }
    Some(next)
}

/// What is said of a change is so where the changed manifest is read from scratch.
#[test]
fn a_change_is_noticed_if_an_outcome_changes() {
    let (noticed, all) = (AtomicU32::new(0), AtomicU32::new(0));
    hold("mutants", |cluster, seed| {
        let session = cluster.session();
        let entries = json!(some_expectations(&session, &mut Random::new(seed)));
        let options = TestOptions { mutants: true, ..TestOptions::default() };
        let report = session.test(&read(&entries), options);
        for mutant in &report.mutants.as_ref().unwrap().mutants {
            let Some(next) = changed(cluster, mutant) else { continue };
            let after = next.session().test(&read(&entries), TestOptions::default());
            let is_noticed = outcomes(&after) != outcomes(&report);
            noticed.fetch_add(u32::from(is_noticed), Relaxed);
            all.fetch_add(1, Relaxed);
            if is_noticed != (mutant.outcome == MutantOutcome::Noticed) {
                return Err(format!(
                    "{mutant:?}: {:?}, then {:?}",
                    outcomes(&report),
                    outcomes(&after)
                ));
            }
            let Some(example) = &mutant.example else { continue };
            let protocol = example.protocol.unwrap_or(Protocol::Tcp);
            let asked = FlowQuery {
                from: example.from.clone(),
                to: example.to.clone(),
                protocol,
                port: example.port.clone(),
            };
            let verdicts = (verdict(&session, &asked), verdict(&next.session(), &asked));
            if verdicts != (example.expect, mutant.becomes) || verdicts.0 == verdicts.1 {
                return Err(format!("{mutant:?}: {verdicts:?}"));
            }
        }
        Ok(())
    });
    let (noticed, all) = (noticed.into_inner(), all.into_inner());
    assert!(noticed > 20 && all > noticed + 20, "{noticed} of {all} changes are noticed");
}

/// With the suggestions in the file, exactly those changes are noticed that they are for.
#[test]
fn suggestions_notice_what_they_are_for() {
    hold("suggestions", |cluster, seed| {
        let session = cluster.session();
        let mut entries = some_expectations(&session, &mut Random::new(seed));
        let options = TestOptions { mutants: true, suggest: true, ..TestOptions::default() };
        let report = session.test(&read(&json!(entries)), options).mutants.unwrap();
        entries
            .extend(report.suggestions.iter().map(|one| serde_json::to_value(&one.entry).unwrap()));
        let after = session.test(&read(&json!(entries)), options);
        let first = entries.len() - report.suggestions.len();
        let bad =
            after.expectations[first..].iter().find(|one| one.outcome != ExpectationOutcome::Holds);
        if let Some(bad) = bad {
            return Err(format!("a suggestion does not hold: {bad:?}"));
        }
        let after = after.mutants.unwrap();
        for suggestion in &report.suggestions {
            for index in &suggestion.notices {
                let (before, mutant) = (&report.mutants[*index], &after.mutants[*index]);
                if before.outcome == MutantOutcome::Noticed
                    || mutant.outcome != MutantOutcome::Noticed
                {
                    return Err(format!("{suggestion:?} does not notice {mutant:?}"));
                }
            }
        }
        let left = after
            .mutants
            .iter()
            .find(|one| one.outcome == MutantOutcome::Unnoticed && one.example.is_some());
        match left {
            Some(left) => Err(format!("nothing is suggested for {left:?}")),
            None => Ok(()),
        }
    });
}

/// Rules are covered that the evidence of some answer says decide.
#[test]
fn coverage_is_that_of_the_evidence() {
    hold("coverage", |cluster, seed| {
        let session = cluster.session();
        let entries = some_expectations(&session, &mut Random::new(seed));
        let options = TestOptions { coverage: true, ..TestOptions::default() };
        let report = session.test(&read(&json!(entries)), options).coverage.unwrap();
        let flows =
            entries.iter().filter(|entry| entry["from"] != "*" && entry["from"].is_string());
        for entry in flows {
            let port = entry["port"].as_u64().unwrap() as u16;
            let asked = query(
                entry["from"].as_str().unwrap(),
                entry["to"].as_str().unwrap(),
                Protocol::Tcp,
                port,
            );
            let evidence = session.evaluate(&asked).unwrap().evidence;
            for policy in evidence.egress.policies.iter().chain(&evidence.ingress.policies) {
                for rule in policy.rules.iter().filter(|rule| rule.decides && policy.decides) {
                    let own =
                        report.policies.iter().find(|one| one.policy == policy.policy).unwrap();
                    let part = own.parts.iter().find(|part| part.path == rule.path).unwrap();
                    if part.expectations.is_empty() {
                        return Err(format!("{part:?} of {:?}", policy.policy));
                    }
                }
            }
        }
        Ok(())
    });
}
