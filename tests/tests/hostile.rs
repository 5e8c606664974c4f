//! Nothing that is read makes the engine panic, hang or lose its place.
//!
//! The texts of the literate cases, cut, doubled, and with bytes changed, as an editor has them
//! between two keystrokes.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "test code"
)]

use std::panic::{AssertUnwindSafe, catch_unwind};

use portcullis_engine::report::{EndpointKind, FlowQuery, Location, Protocol};
use portcullis_engine::{Change, ListFilter, Options, Session, SourceFile};
use portcullis_tests::cases::read_cases;
use portcullis_tests::mutate::mutate;
use portcullis_tests::random::Random;

/// How many texts are tried, unless `TEXTS` asks for more.
const TEXTS: usize = 4_000;

fn corpus() -> Vec<Vec<u8>> {
    let files = read_cases().unwrap();
    let cases = files.into_iter().flat_map(|file| file.cases);
    let inputs = cases.flat_map(|case| case.inputs);
    let mut texts: Vec<Vec<u8>> = inputs.map(|input| input.text.into_bytes()).collect();
    texts.sort();
    texts.dedup();
    texts
}

/// Reads, edits and asks; every place that is named must be in the text.
fn exercise(session: &Session, name: &str, text: &[u8]) -> Session {
    let session = session.apply(vec![session.reread(name, text)]);
    let check = session.check();
    let list = session.list(&ListFilter { siblings: true, ..ListFilter::default() });
    let lines = u32::try_from(text.iter().filter(|byte| matches!(byte, b'\n' | b'\r')).count());
    let lines = lines.unwrap() + 1;
    let inside = |place: &Option<Location>| match place {
        Some(at) if &*at.file == name => {
            let ordered = (at.line, at.column) <= (at.end_line, at.end_column);
            assert!(at.line >= 1 && at.column >= 1 && ordered && at.end_line <= lines, "{at:?}");
        }
        _ => {}
    };
    check.diagnostics.iter().for_each(|finding| inside(&finding.location));
    list.endpoints.iter().for_each(|endpoint| inside(&endpoint.location));
    list.notes.iter().for_each(|note| inside(&note.location));
    for ends in ["shop/web 10.1.0.20", "203.0.113.9 shop/db", "shop/db shop/Deployment/web"] {
        let (from, to) = ends.split_once(' ').unwrap();
        let (from, to) = (from.to_owned(), to.to_owned());
        let _ = session.evaluate(&FlowQuery { from, to, protocol: Protocol::Tcp, port: 80.into() });
    }
    session
}

#[test]
fn mutated_texts_are_read_without_a_panic() {
    let corpus = corpus();
    let texts = std::env::var("TEXTS").ok().and_then(|n| n.parse().ok()).unwrap_or(TEXTS);
    let fixture = Change::Put(SourceFile::new("fixture.yaml", &corpus[0]));
    let mut session = Session::new(Options::default()).apply(vec![fixture]);
    for seed in 0..texts {
        let mut rng = Random::new(seed as u64);
        let (one, other) = (rng.pick(&corpus), rng.pick(&corpus));
        let text = mutate(&mut rng, one.clone(), other);
        let read = catch_unwind(AssertUnwindSafe(|| exercise(&session, "case.yaml", &text)));
        match read {
            Ok(next) => session = next,
            Err(_) => panic!("number {seed}:\n{}", String::from_utf8_lossy(&text)),
        }
    }
    println!("{texts} texts from {} of the cases", corpus.len());
}

#[test]
fn every_beginning_of_a_text_is_read_without_a_panic() {
    let corpus = corpus();
    let mut rng = Random::new(7);
    for _ in 0..6 {
        let text = rng.pick(&corpus);
        let mut session = Session::new(Options::default());
        for end in 0..text.len().min(1_500) {
            session = exercise(&session, "case.yaml", &text[..end]);
        }
    }
}

/// Nested lists of nine aliases each: nine to the eighth values, if they were written out.
fn bomb() -> String {
    let first = "a: &a [x,x,x,x,x,x,x,x,x]\n".to_owned();
    ('b'..='i').zip('a'..).fold(first, |text, (name, before)| {
        format!("{text}{name}: &{name} [{}]\n", vec![format!("*{before}"); 9].join(","))
    })
}

fn joined(count: usize, part: impl Fn(usize) -> String) -> String {
    (0..count).map(part).collect()
}

/// Depth and repetition cost no more than they must: what grew with the square of the text would
/// take minutes here.
#[test]
fn deep_and_wide_texts_are_refused_or_read() {
    let deep = |open: &str, n: usize| open.repeat(n);
    let keys = |name: &str, n| joined(n, |i| format!("{name}{i}: 1,"));
    let texts = [
        "x: ".to_owned() + &"y".repeat(3_000_000),
        "---\n".repeat(100_000),
        "---\na: 1\n".repeat(20_000),
        "---\na: [\n".repeat(20_000),
        "a".repeat(200_000) + ": 1",
        deep("&a ", 10_000),
        deep("!!str ", 10_000),
        deep("? ", 20_000),
        deep("\t", 1_000_000),
        deep("\t\n", 100_000),
        deep("a: b\r", 100_000),
        deep("k: v\r\n", 100_000),
        "\u{FEFF}".repeat(100_000),
        joined(100_000, |i| format!("- &a{i} x\n")),
        "- &a x\n".to_owned() + &"- *a\n".repeat(200_000),
        format!("{bomb}---\n", bomb = bomb()).repeat(500),
        joined(200, |i| format!("&a{i} [")) + &"x,".repeat(200_000) + &"]".repeat(200),
        format!("base: &b {{{}}}\nuse: {{<<: *b,{}}}\n", keys("k", 20_000), keys("j", 20_000)),
        format!("a: {{<<: [{}]}}\n", joined(50_000, |i| format!("{{k{i}: 1}},"))),
        format!("a: {{{}}}\n", joined(50_000, |i| format!("<<: {{k{i}: 1}},"))),
        format!("big: &b {}\nall: [{}]\n", "x".repeat(100_000), "*b,".repeat(30_000)),
        format!("{{{}}}", vec!["\"a\":1"; 300_000].join(",")),
        format!("{{\"apiVersion\": {}}}", "9".repeat(1_000_000)),
        format!(
            "kind: Pod\napiVersion: v1\nmetadata: {{name: p, labels: {{{}}}}}",
            keys("k", 50_000)
        ),
        one_line(20_000),
        format!("{many}---\n{many}", many = pod_of_many_labels(50_000)),
        joined(20_000, |i| format!("{}\n", pod(i % 10_000))),
    ];
    for text in texts {
        let session = Session::new(Options::default());
        exercise(&session, "case.yaml", text.as_bytes());
    }
}

/// Two such pods of one name are compared.
fn pod_of_many_labels(count: usize) -> String {
    let labels = joined(count, |i| format!("k{i}: v,"));
    format!("{{kind: Pod, apiVersion: v1, metadata: {{name: p, labels: {{{labels}}}}}}}\n")
}

fn pod(i: usize) -> String {
    format!(r#"{{"apiVersion":"v1","kind":"Pod","metadata":{{"name":"p{i}"}}}}"#)
}

/// A list as it is printed for machines, with a fault in each item.
fn one_line(items: usize) -> String {
    let item = r#"{"apiVersion":"v1","kind":"Pod","metadata":{"name":"P"}}"#;
    let items = vec![item; items].join(",");
    format!(r#"{{"apiVersion":"v1","kind":"List","items":[{items}]}}"#)
}

/// Aliases that each stand deep in the next anchor: thousands of levels, in a few lines.
fn tower() -> String {
    let nested = |inner: &str| "[".repeat(254) + inner + &"]".repeat(254);
    let floor = |i: usize| format!("a{}: &a{} {}\n", i + 1, i + 1, nested(&format!("*a{i}")));
    format!("a0: &a0 {}\n", nested("")) + &joined(55, floor)
}

#[test]
fn each_refusal_has_its_place() {
    let texts: [(Vec<u8>, &str, u32, u32); 22] = [
        (tower().into(), "R04", 2, 263),
        (
            format!("a: &a [[]]\nb: {}*a{}\n", "[".repeat(253), "]".repeat(253)).into(),
            "R04",
            2,
            257,
        ),
        (
            format!("a: &a {{k: []}}\nb: {}<<: *a{}\n", "{a: ".repeat(253) + "{", "}".repeat(254))
                .into(),
            "R04",
            2,
            1021,
        ),
        ("[".repeat(100_000).into(), "R04", 1, 256),
        (
            "[".repeat(100_000).into_bytes().into_iter().chain(vec![b']'; 100_000]).collect(),
            "R04",
            1,
            256,
        ),
        ("{a: ".repeat(100_000).into(), "R04", 1, 1_021),
        ("- ".repeat(50_000).into(), "R04", 1, 511),
        ("? ".repeat(50_000).into(), "R04", 1, 511),
        (joined(1_000, |depth| format!("{}a:\n", " ".repeat(depth))).into(), "R04", 256, 256),
        (format!("{{\"items\": {}", "[".repeat(100_000)).into(), "R04", 1, 265),
        (bomb().into(), "R04", 4, 17),
        ("a: &a [*a]\n".into(), "R01", 1, 8),
        ("a: &a\n  <<: *a\n  b: 1\n".into(), "R01", 2, 7),
        ("a: &a {<<: *b}\nb: &b {<<: *a}\n".into(), "R01", 1, 12),
        ("a:\n\tb: 1\n".into(), "R01", 2, 1),
        ("a: 1\n\u{FEFF}---\nb: 2\n".into(), "R01", 2, 1),
        (b"a: \xff\n".into(), "R05", 1, 4),
        (b"a: 1\nb: \xc3\x28\n".into(), "R05", 2, 4),
        (b"a: 1\r\nb: \0\r\n".into(), "R05", 2, 4),
        (b"\xEF\xBB\xBFa: \0".into(), "R05", 1, 4),
        (b"\xFF\xFEa\0b".into(), "R05", 1, 2),
        ("a: \"x\ny\n".into(), "R01", 1, 4),
    ];
    for (number, (text, code, line, column)) in texts.into_iter().enumerate() {
        let file = SourceFile::new("case.yaml", &text);
        let session = Session::new(Options::default()).apply(vec![Change::Put(file)]);
        let found = session.check().diagnostics;
        let place = |at: &Location| (at.line, at.column);
        let found: Vec<_> =
            found.iter().map(|one| (&*one.code, one.location.as_ref().map(place))).collect();
        assert_eq!(found, [(code, Some((line, column)))], "text {number}");
    }
}

/// Of faults without end the first are reported, and that there are more.
#[test]
fn repeated_keys_are_listed_up_to_a_number() {
    let text = "kind: ConfigMap\napiVersion: v1\n".to_owned() + &"k: v\n".repeat(5_000);
    let file = SourceFile::new("case.yaml", text.as_bytes());
    let session = Session::new(Options::default()).apply(vec![Change::Put(file)]);
    let found = session.check().diagnostics;
    assert_eq!(found.len(), 1_001);
    assert_eq!(found[1_000].message, "more duplicate keys follow, which are not listed");
}

/// An alias of an ordinary size is no bomb, until copies are 95 of 100 values among 400,000: there
/// kubectl draws the line as well.
#[test]
fn aliases_of_real_documents_are_read() {
    let pod = |i: usize| {
        format!("  - {{apiVersion: v1, kind: Pod, metadata: {{name: p{i}}}, spec: *s}}\n")
    };
    let port = |i: usize| format!("{{name: port-{i}, containerPort: {i}}},");
    let ports = joined(60, |i| port(i + 1));
    let spec = format!("&s {{containers: [{{name: c, image: i, ports: [{ports}]}}]}}");
    let first = format!("  - {{apiVersion: v1, kind: Pod, metadata: {{name: p}}, spec: {spec}}}\n");
    for pods in [1, 50, 1_500] {
        let text = format!("kind: List\napiVersion: v1\nitems:\n{first}{}", joined(pods, pod));
        let file = SourceFile::new("case.yaml", text.as_bytes());
        let session = Session::new(Options::default()).apply(vec![Change::Put(file)]);
        assert_eq!(session.check().diagnostics, []);
        let list = session.list(&ListFilter::default());
        let pods_listed = list.endpoints.iter().filter(|one| one.kind == EndpointKind::Workload);
        assert_eq!(pods_listed.count(), pods + 1);
    }
}

/// What an alias stands for may be as deep as what is written there may.
#[test]
fn an_alias_may_be_as_deep_as_what_it_stands_for() {
    let deep = |inner: &str| format!("b: {}{inner}{}\n", "[".repeat(252), "]".repeat(252));
    for inner in ["[[]]", "*a"] {
        let text = format!("a: &a [[]]\n{}", deep(inner));
        let file = SourceFile::new("case.yaml", text.as_bytes());
        let found = Session::new(Options::default()).apply(vec![Change::Put(file)]).check();
        let codes: Vec<_> = found.diagnostics.iter().map(|one| &*one.code).collect();
        assert_eq!(codes, ["R02"], "{inner}");
    }
}
