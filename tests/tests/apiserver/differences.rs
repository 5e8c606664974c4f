//! Where the engine differs on purpose, and why. A difference that is none any more fails the test.

use portcullis_tests::apiserver::Observation;

/// A part of the manifest, and the reason.
const DIFFERENCES: &[(&str, &str)] = &[
    ("{<<: {a: b}, a: c}", MERGE),
    ("<<: {a: b}, <<: {a: c}", MERGE),
    ("<<: [{a: b}, {a: c, d: e}]", MERGE),
    ("\nstatus: ", "API servers of 1.24 to 1.27 had and printed it; it says nothing of flows"),
    ("metadata: {generateName: T}", PREFIX),
    ("metadata: {generateName: \"-\"}", PREFIX),
    ("metadata: {generateName: t_}", PREFIX),
    ("finalizers: [\"a b\"]", UNREAD),
    ("creationTimestamp: x", UNREAD),
    ("generation: x", UNREAD),
    ("ownerReferences: [{}]", UNREAD),
    (
        "kind: Namespace\nmetadata: {name: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
        DERIVED,
    ),
    ("kind: Namespace\nmetadata: {name: -n}", DERIVED),
    ("kind: Namespace\nmetadata: {name: n-}", DERIVED),
    (":80.0}", NUMBER),
    (":8e1}", NUMBER),
    (":90.0}", NUMBER),
    (":9e1}", NUMBER),
    ("{\"port\":1e400}", "no number of JSON's readers in kubectl: the whole document is refused"),
    ("\\ud800", "half a pair of surrogates is no text here; the server puts another letter there"),
];

const MERGE: &str = "a key that overrides a merged one is what merges are for; kubectl, which turns \
    YAML into JSON before it sends it, says nothing of it either. The value is the same.";
const PREFIX: &str = "the server also blames the name that it made of the prefix";
const UNREAD: &str = "beyond its type, metadata that decides nothing is left to the server";
const DERIVED: &str = "the server also blames the label that it made of the name";
const NUMBER: &str = "kubectl sends the JSON numbers 80.0 and 8e1 as 80; read as sent by it";

/// Why an observation may differ.
pub fn reason(observation: &Observation) -> Option<&'static str> {
    let manifest = observation.text.manifest();
    let mut known = DIFFERENCES.iter().filter(|(part, _)| manifest.contains(part));
    known.next().map(|(_, why)| *why)
}

/// Those of which no observation is left.
pub fn stale(observations: &[Observation]) -> Vec<&'static str> {
    let seen = |part: &str| observations.iter().any(|one| one.text.manifest().contains(part));
    DIFFERENCES.iter().map(|(part, _)| *part).filter(|part| !seen(part)).collect()
}
