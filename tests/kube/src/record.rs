//! Asks the API server about every case.

use std::path::Path;

use kube::Client;
use portcullis_kube::{Answer, Body, CLUSTER_POLICIES, Channel, Cluster, send};
use portcullis_tests::apiserver::{
    ClusterAnswer, ClusterObservation, ObjectAnswer, ObjectObservation, Observation, Said, Text,
    outcome,
};
use serde::Serialize;

use crate::Outcome;
use crate::cases::Case;
use crate::cases::cluster::ClusterCase;
use crate::cases::objects::ObjectCase;

/// What the server says of each case, which is sent as written and not kept by it.
pub async fn record(client: &Client, cases: &[Case]) -> Outcome<Vec<Observation>> {
    let mut observations = Vec::with_capacity(cases.len());
    for case in cases {
        let manifest = case.text.manifest();
        let body = match case.text {
            Text::Spec(_) | Text::Yaml(_) => Body::Yaml(&manifest),
            Text::Json(_) => Body::Json(&manifest),
        };
        let validation = if case.strict { "Strict" } else { "Warn" };
        let path = format!("{}?dryRun=All&fieldValidation={validation}", case.collection());
        let answer = send(client, &path, body).await?;
        observations.push(observation(case, &answer).map_err(|why| format!("{manifest}: {why}"))?);
    }
    Ok(observations)
}

fn observation(case: &Case, answer: &Answer) -> Result<Observation, String> {
    let null = serde_json::Value::Null;
    let at = |pointer: &str| answer.body.pointer(pointer).unwrap_or(&null);
    let said = Said {
        status: answer.status.into(),
        message: at("/message").as_str().unwrap_or_default(),
        causes: at("/details/causes"),
        labels: at("/metadata/labels"),
        spec: at("/spec"),
        warnings: &answer.warnings,
    };
    let outcome = outcome(said)?;
    let (name, text) = (case.name.clone(), case.text.clone());
    Ok(Observation { case: name, text, strict: case.strict, outcome })
}

/// What the server says of each ClusterNetworkPolicy, by the definitions of both channels.
pub async fn record_cluster(
    cluster: &Cluster,
    cases: &[ClusterCase],
) -> Outcome<Vec<ClusterObservation>> {
    let mut answers = Vec::new();
    for channel in Channel::BOTH {
        cluster.install_cluster_policy_crds(channel).await?;
        answers.push(answers_to(&cluster.admin()?, cases).await?);
    }
    let (Some(experimental), Some(standard)) = (answers.pop(), answers.pop()) else {
        return Ok(Vec::new());
    };
    let all = cases.iter().zip(experimental).zip(standard);
    let observe = |(((case, text), experimental), standard): ((&ClusterCase, _), _)| {
        let standard = Some(standard).filter(|standard| *standard != experimental);
        ClusterObservation { case: case.clone(), text: text.clone(), experimental, standard }
    };
    Ok(all.map(observe).collect())
}

async fn answers_to(client: &Client, cases: &[ClusterCase]) -> Outcome<Vec<ClusterAnswer>> {
    let mut answers = Vec::with_capacity(cases.len());
    for (_, text) in cases {
        let version = if text.contains("k8s.io/v1alpha2") { "v1alpha2" } else { "v1beta1" };
        let path = CLUSTER_POLICIES.replace("v1beta1", version);
        let path = format!("{path}?dryRun=All&fieldValidation=Warn");
        let answer = send(client, &path, Body::Yaml(text)).await?;
        answers.push(ClusterAnswer::new(answer.status, &answer.body, &answer.warnings));
    }
    Ok(answers)
}

/// What the server says of each Pod, workload, Service, Namespace and Node.
pub async fn record_objects(
    client: &Client,
    cases: &[ObjectCase],
) -> Outcome<Vec<ObjectObservation>> {
    let mut observations = Vec::with_capacity(cases.len());
    for (case, text) in cases {
        let path = format!("{}?dryRun=All&fieldValidation=Warn", collection(text));
        let answer = send(client, &path, Body::Yaml(text)).await?;
        let answer = ObjectAnswer::new(answer.status, &answer.body, &answer.warnings)
            .map_err(|why| format!("{text}: {why}"))?;
        observations.push(ObjectObservation { case: case.clone(), text: text.clone(), answer });
    }
    Ok(observations)
}

/// What the server says of each manifest of Calico's kinds, by the definitions in a folder.
pub async fn record_calico(
    cluster: &Cluster,
    definitions: &Path,
    before: Vec<ObjectObservation>,
) -> Outcome<Vec<ObjectObservation>> {
    cluster.install_definitions(definitions).await?;
    let cases: Vec<ObjectCase> = before.into_iter().map(|one| (one.case, one.text)).collect();
    record_objects(&cluster.admin()?, &cases).await
}

/// Where a manifest is posted, by the kind that it begins with.
fn collection(text: &str) -> String {
    let field = |name: &str| {
        let line = text.lines().find_map(|line| line.strip_prefix(name));
        line.unwrap_or_default().trim().to_owned()
    };
    let (version, kind) = (field("apiVersion:"), field("kind:"));
    let plural = match kind.to_lowercase().strip_suffix('y') {
        Some(stem) => format!("{stem}ies"),
        None => format!("{}s", kind.to_lowercase()),
    };
    let of_calico = version.ends_with("projectcalico.org/v1");
    let is_global = kind.contains("Global") || ["Tier", "HostEndpoint"].contains(&kind.as_str());
    match (kind.as_str(), version.as_str()) {
        _ if of_calico && is_global => format!("/apis/{version}/{plural}"),
        ("Namespace" | "Node", _) => format!("/api/v1/{plural}"),
        (_, "v1") => format!("/api/v1/namespaces/default/{plural}"),
        _ => format!("/apis/{version}/namespaces/default/{plural}"),
    }
}

/// One observation a line, so that a change is a change of lines.
pub fn text<T: Serialize>(observations: &[T]) -> serde_json::Result<String> {
    let lines = observations.iter().map(serde_json::to_string).collect::<Result<Vec<_>, _>>()?;
    Ok(format!("[\n{}\n]\n", lines.join(",\n")))
}
