//! The same for Calico's kinds, by their CustomResourceDefinitions.
//!
//! The manifests of the fixture were made at random once, of valid and of wrong values of every
//! field. `portcullis-kube record-calico` asks again about them where the definitions are at hand.

use std::collections::BTreeSet;

use portcullis_engine::diagnostic::Code;
use portcullis_engine::manifest::read_document;
use portcullis_tests::apiserver::{ObjectAnswer, ObjectObservation};
use portcullis_tests::cases::root;

fn fixture() -> Vec<ObjectObservation> {
    let path = root().join("tests/fixtures/calico.json");
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

/// It is refused where the server refuses it, and what the server drops is reported.
fn agrees(one: &ObjectObservation) -> Result<(), String> {
    let document = read_document(&one.text);
    let [object] = document.calico.as_slice() else { return Err("no object".into()) };
    let ObjectAnswer::Stored(dropped) = &one.answer else {
        return if object.is_rejected { Ok(()) } else { Err(format!("taken: {:?}", one.answer)) };
    };
    if object.is_rejected {
        return Err(format!("refused: {:?}", document.findings));
    }
    let found = document.findings.iter().filter(|finding| finding.code == Code::UnknownField);
    let found: BTreeSet<&str> = found.filter_map(|finding| finding.path.as_deref()).collect();
    let dropped: BTreeSet<&str> = dropped.iter().map(String::as_str).collect();
    if found == dropped { Ok(()) } else { Err(format!("drops {dropped:?}, and not {found:?}")) }
}

#[test]
fn the_engine_agrees_with_the_server_about_calicos_kinds() {
    let observations = fixture();
    let failures = observations.iter().filter_map(|one| {
        let why = agrees(one).err()?;
        Some(format!("{}\n{why}", one.text))
    });
    let failures: Vec<String> = failures.collect();
    println!("{} manifests", observations.len());
    assert!(failures.is_empty(), "{} differ\n{}", failures.len(), failures.join("\n\n"));
}

/// Every kind of answer is there often, so that the test above says something.
#[test]
fn the_fixture_of_calicos_kinds_has_every_answer() {
    let observations = fixture();
    let count =
        |of: fn(&ObjectAnswer) -> bool| observations.iter().filter(|one| of(&one.answer)).count();
    assert!(count(|answer| matches!(answer, ObjectAnswer::Stored(_))) > 200);
    assert!(count(|answer| matches!(answer, ObjectAnswer::Invalid(_))) > 400);
    assert!(
        count(|answer| matches!(answer, ObjectAnswer::Stored(fields) if !fields.is_empty())) > 20
    );
}
