//! A standard validator takes what users receive and what they may give, and nothing else.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "test code")]

use std::path::{Path, PathBuf};

use jsonschema::Validator;
use portcullis_engine::dataplane::Settings;
use portcullis_engine::report::{
    Describe, Expectations, FlowAnswer, FlowError, FlowQuery, FlowReport, FlowResult, GateRules,
    ProgramQuery, TestOptions, Verdict,
};
use portcullis_engine::{Change, ListFilter, Options, Session, SourceFile};
use serde::Serialize;
use serde_json::{Value, json};

/// The schema of one definition; of all reports without a name.
fn validator(definition: Option<&str>) -> Validator {
    let mut schema = portcullis_schema::schema();
    if let Some(name) = definition {
        let fields = schema.as_object_mut().unwrap();
        fields.remove("anyOf");
        fields.insert("$ref".into(), format!("#/$defs/{name}").into());
    }
    jsonschema::validator_for(&schema).unwrap()
}

#[track_caller]
fn accept(definition: &str, value: &impl Serialize) {
    let value = serde_json::to_value(value).unwrap();
    for validator in [validator(Some(definition)), validator(None)] {
        let errors: Vec<String> = validator.iter_errors(&value).map(|e| e.to_string()).collect();
        assert!(errors.is_empty(), "{definition}: {errors:?}");
    }
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.filter(|path| path.extension().is_some_and(|end| end == "yaml")).collect()
}

fn session(fixture: &str) -> Session {
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../cli/tests/fixtures");
    let files = files(&fixtures.join(fixture)).into_iter().map(|path| {
        let name = path.file_name().unwrap().to_str().unwrap();
        Change::Put(SourceFile::new(name, &std::fs::read(&path).unwrap()))
    });
    Session::new(Options::default()).apply(files.collect())
}

fn ask(session: &Session, flow: &Value) -> FlowReport {
    let query: FlowQuery = serde_json::from_value(flow.clone()).unwrap();
    session.evaluate(&query).unwrap()
}

#[test]
fn the_schema_is_one() {
    let schema = portcullis_schema::schema();
    assert_eq!(schema["$schema"], "https://json-schema.org/draft/2020-12/schema");
    assert_eq!(schema["$id"], portcullis_schema::ID);
    assert!(jsonschema::meta::is_valid(&schema));
}

#[test]
fn reports_are_accepted() {
    for fixture in ["shop", "tiers", "broken", "dual", "node", "templates"] {
        let session = session(fixture);
        accept("CheckReport", &session.check());
        let explain = ListFilter { explain: true, ..ListFilter::default() };
        [explain, ListFilter::default()]
            .iter()
            .for_each(|f| accept("ListReport", &session.list(f)));
    }
    let (old, new) = (session("shop"), session("shop-next"));
    accept("DiffReport", &old.diff(&new, &ListFilter::default()));
    accept("DiffReport", &new.diff(&session("tiers"), &ListFilter::default()));
    let query = ProgramQuery { node: "n1".into(), settings: Settings::default(), comments: true };
    accept("ProgramReport", &session("node").program(&query).unwrap());
}

#[test]
fn tests_and_descriptions_are_accepted() {
    let expect = json!([
        {"from": "*", "to": ["shop/*"], "except": "shop/api", "port": [80, "53/UDP"], "expect": "deny"},
        {"name": "n", "pods": "shop/db", "direction": "ingress", "expect": "isolated"},
        {"pods": ["shop/db"], "expect": "no-internet"},
        {"from": "shop/{a=b}", "to": "shop/db", "protocol": "TCP", "expect": "allow"},
        {"from": "shop/{a=b}", "expect": "allow"},
    ]);
    let file = json!({"manifests": "shop", "expect": expect});
    for given in [&file, &expect] {
        let errors = validator(Some("Expectations")).iter_errors(given).count();
        assert_eq!(errors, 0, "{given}");
    }
    assert!(!validator(Some("Expectations")).is_valid(&json!([{"expect": "alow"}])));
    assert!(
        !validator(Some("Expectations")).is_valid(&json!({"manifest": "shop", "expect": expect}))
    );
    let expectations = Expectations::read("expect.json", &file.to_string()).unwrap();
    let options = TestOptions { coverage: true, mutants: true, suggest: true };
    let report = session("shop").test(&expectations, options);
    assert!(report.expectations[4].error.is_some());
    accept("TestReports", &vec![report]);
    for (what, name) in [
        (Describe::Pods, "shop/db"),
        (Describe::Policy, "shop/default-deny"),
        (Describe::Namespace, "shop"),
    ] {
        accept("DescribeReport", &session("shop").describe(what, name).unwrap());
    }
}

#[test]
fn rules_and_what_is_said_of_them_are_accepted() {
    let rules = json!({ "rules": [
        { "name": "a", "never": { "from": "internet", "to": { "pods": { "app": "db" } } } },
        {
            "name": "b",
            "description": "why",
            "never": {
                "from": ["pods", { "addresses": ["10.0.0.0/8"] }],
                "except-from": { "pods": "app in (web,api)", "namespace": "shop" },
                "to": { "namespaces": { "team": ["a", "b"] } },
                "ports": [5432, "53/UDP", "80-90"],
            },
            "future": "pods",
        },
        { "name": "c", "never-meet": [{ "namespace": "shop" }, { "namespace": "mon" }], "ports": 80 },
        { "name": "d", "no-new-access": { "to": "outside" } },
    ] });
    assert!(validator(Some("GateRules")).is_valid(&rules));
    let rules = GateRules::parse("rules.json", &rules.to_string()).unwrap();
    let (old, new) = (session("shop"), session("shop-next"));
    accept("GateReport", &new.gate(Some(&old), &rules));
    accept("EqualReport", &old.equal(&new));
    for wrong in [
        json!({ "rules": [] }),
        json!({ "rules": [{ "name": "a" }] }),
        json!({ "rules": [{ "name": "a", "never": { "form": "internet", "to": "pods" } }] }),
        json!({ "rules": [{ "name": "a", "never": { "from": "intranet", "to": "pods" } }] }),
        json!({ "rules": [{ "name": "a", "never-meet": ["pods"] }] }),
        json!({ "rules": [{ "name": "a", "never": { "from": {}, "to": "pods" } }] }),
    ] {
        assert!(!validator(Some("GateRules")).is_valid(&wrong), "{wrong}");
        assert!(GateRules::parse("rules.json", &wrong.to_string()).is_err(), "{wrong}");
    }
}

#[test]
fn flows_and_answers_are_accepted() {
    let session = session("shop");
    let flows = json!([
        { "from": "shop/web", "to": "shop/db", "port": 5432, "name": "reads", "expect": "allow" },
        { "from": "mon/prom", "to": "shop/db", "port": "metrics", "expect": "deny" },
        { "from": "shop/{app=web}", "to": "shop/db", "port": "1-65535", "protocol": "TCP" },
    ]);
    assert!(validator(Some("Flows")).is_valid(&flows));
    let mut answers = Vec::new();
    for flow in flows.as_array().unwrap() {
        let question = json!({ "from": flow["from"], "to": flow["to"], "port": flow["port"] });
        assert!(validator(Some("FlowQuery")).is_valid(&question));
        let report = ask(&session, &question);
        accept("FlowReport", &report);
        let result = FlowResult::new(Some("name".into()), Some(Verdict::Allow), report);
        answers.push(FlowAnswer::Given(Box::new(result)));
    }
    answers.push(FlowAnswer::Refused(Box::new(FlowError::argument(4, "not a flow".into()))));
    accept("FlowAnswers", &answers);
}

#[test]
fn what_is_wrong_is_refused() {
    let refuse = |definition: &str, value: Value| {
        assert!(!validator(Some(definition)).is_valid(&value), "{definition}: {value}");
    };
    let flow = json!({ "from": "shop/web", "to": "shop/db", "port": 80 });
    let with = |name: &str, value: Value| {
        let mut flow = flow.clone();
        flow[name] = value;
        json!([flow])
    };
    assert!(validator(Some("Flows")).is_valid(&json!([flow])));
    refuse("Flows", json!([]));
    refuse("Flows", with("port", 0.into()));
    refuse("Flows", with("port", 65_536.into()));
    refuse("Flows", with("expect", "maybe".into()));
    refuse("Flows", with("expects", "deny".into()));
    refuse("FlowAnswers", json!([{ "number": 1 }]));
    refuse("FlowReport", json!({ "verdict": "allow" }));
    refuse("CheckReport", json!([]));
}
