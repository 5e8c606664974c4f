//! YAML as kubectl reads it: what it said of small texts and of mutations of them, and what the
//! engine says to people whose YAML is not what they meant.
#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "test code")]

use portcullis_engine::report::DiagnosticReport;
use portcullis_engine::{Change, Options, Session, SourceFile};
use portcullis_tests::kubectl::{MUTATIONS, engine_answers, fingerprint, inputs, path, variants};

#[test]
fn texts_are_read_as_kubectl_has_read_them() {
    let recorded = std::fs::read_to_string(path()).unwrap();
    let (mut compared, mut wrong) = (0, Vec::new());
    for (number, line) in recorded.lines().enumerate() {
        let texts = variants(number, MUTATIONS);
        assert_eq!(line.split(' ').count(), texts.len(), "line {number}: record them again");
        for (text, expected) in texts.iter().zip(line.split(' ')) {
            let answers = engine_answers(text);
            compared += usize::from(expected != "-");
            if expected != "-" && fingerprint(text, &answers) != expected {
                wrong.push((String::from_utf8_lossy(text).into_owned(), answers));
            }
        }
    }
    assert_eq!(recorded.lines().count(), inputs().len(), "record them again");
    assert!(wrong.is_empty(), "{} texts, the first {:?}", wrong.len(), wrong.first());
    println!("{compared} texts");
}

fn findings(text: &str) -> Vec<DiagnosticReport> {
    let file = SourceFile::new("case.yaml", text.as_bytes());
    Session::new(Options::default()).apply(vec![Change::Put(file)]).check().diagnostics
}

fn said(text: &str) -> Vec<(String, String, String)> {
    let findings = findings(text).into_iter();
    findings.map(|one| (one.code, one.message, one.help.unwrap_or_default())).collect()
}

fn one(code: &str, message: &str, help: &str) -> Vec<(String, String, String)> {
    vec![(code.into(), message.into(), help.into())]
}

#[test]
fn a_word_that_is_a_boolean_to_old_yaml_is_named() {
    let pod = |name: &str| {
        format!("apiVersion: v1\nkind: Pod\nmetadata: {{name: {name}, namespace: ns}}\n")
            + "spec: {containers: [{name: c, image: x}]}\n"
    };
    let message = "`metadata.name` takes a string, not a boolean";
    for word in ["n", "Yes", "on"] {
        let help = format!("`{word}` is a boolean in YAML 1.1: write \"{word}\"");
        assert_eq!(said(&pod(word)), one("R03", message, &help));
    }
    assert_eq!(said(&pod("\"n\"")), []);
    assert_eq!(said(&pod("true")), one("R03", message, ""));
}

#[test]
fn a_number_that_is_too_large_is_no_fraction() {
    let policy = |port: &str| {
        "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\n".to_owned()
            + "metadata: {name: p, namespace: ns}\n"
            + &format!("spec: {{podSelector: {{}}, ingress: [{{ports: [{{port: {port}}}]}}]}}\n")
    };
    let path = "`spec.ingress[0].ports[0].port`";
    for port in ["4294967376", "99999999999999999999"] {
        let found = findings(&policy(port));
        let said: Vec<_> = found.iter().map(|one| (&*one.code, one.message.clone())).collect();
        assert_eq!(said, [("R03", format!("{path} is too large: ports are 1 to 65535"))]);
    }
    let fraction = findings(&policy("80.5")).remove(0).message;
    assert_eq!(fraction, format!("{path} takes a port number or a port name, not a fraction"));
}

#[test]
fn a_template_is_one_finding() {
    const HELP: &str =
        "this looks like a template: render it first, for example with `helm template`";
    let good = "apiVersion: v1\nkind: Namespace\nmetadata: {name: a}\n";
    for text in [
        "{{- if .Values.on }}\n---\nkind: {{ .Values.kind }}\n---\na: [\n---\n{{- end }}\n",
        "{{ include \"a\" . }}\n",
        "{ \"a\": {{ .Values.a }} }\n",
        "a: b: c\n---\nd: {{ .e }}\n",
    ] {
        let found = findings(&format!("{text}---\n{good}"));
        let codes: Vec<_> = found.iter().map(|one| &*one.code).collect();
        assert_eq!(codes, ["R01"], "{text}");
        assert_eq!(found.first().unwrap().help.as_deref(), Some(HELP), "{text}");
        assert!(!found.first().unwrap().message.contains("JSON"), "{text}");
    }
}

#[test]
fn text_after_a_document_is_not_read_and_said() {
    let namespace =
        |name: &str| format!("apiVersion: v1\nkind: Namespace\nmetadata: {{name: {name}}}\n");
    let text = format!("{}...\n{}", namespace("a"), namespace("b"));
    let found = findings(&text);
    assert_eq!(found.len(), 1);
    let (code, at) = found.first().map(|one| (&*one.code, one.location.clone().unwrap())).unwrap();
    assert_eq!((code, at.line, at.column), ("R10", 5, 1));
    assert_eq!(findings(&format!("{}...\n---\n{}", namespace("a"), namespace("b"))), []);
}
