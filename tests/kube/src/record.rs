//! Asks the API server about every case.

use kube::Client;
use portcullis_kube::{Answer, Body, send};
use portcullis_tests::apiserver::{Observation, Said, Text, outcome};

use crate::Outcome;
use crate::cases::Case;

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

/// One observation a line, so that a change is a change of lines.
pub fn text(observations: &[Observation]) -> serde_json::Result<String> {
    let lines = observations.iter().map(serde_json::to_string).collect::<Result<Vec<_>, _>>()?;
    Ok(format!("[\n{}\n]\n", lines.join(",\n")))
}
