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

use portcullis_engine::report::{FlowQuery, Location, Protocol};
use portcullis_engine::{Change, ListFilter, Options, Session, SourceFile};
use portcullis_tests::cases::read_cases;
use portcullis_tests::random::Rng;

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

/// Bytes that mean something to YAML or JSON, or to decoders.
const BYTES: &[&[u8]] = &[
    b":",
    b": ",
    b"-",
    b"- ",
    b"\n",
    b"\r\n",
    b"\t",
    b" ",
    b"{",
    b"}",
    b"[",
    b"]",
    b"\"",
    b"'",
    b"&a ",
    b"*a",
    b"<<: *a",
    b"!!",
    b"!!binary ",
    b"|\n",
    b">-\n",
    b"#",
    b"---\n",
    b"...\n",
    b"%",
    b"@",
    b"`",
    b"? ",
    b"~",
    b"null",
    b"\0",
    b"\xff",
    b"\xc3",
    b"\xef\xbb\xbf",
    b"\xe2\x80\xa8",
    b"99999999999999999999",
    b"-1",
    b"0x",
    b".inf",
    b".nan",
    b"1e400",
    b"/",
    b"::",
    b"%eth0",
];

fn mutate(rng: &mut Rng, mut text: Vec<u8>, other: &[u8]) -> Vec<u8> {
    for _ in 0..1 + rng.below(4) {
        let (a, b) = (rng.below(text.len() + 1), rng.below(text.len() + 1));
        let (start, end) = (a.min(b), a.max(b));
        match rng.below(8) {
            0 => text.truncate(a),
            1 => drop(text.drain(start..end.min(start + 20))),
            2 => {
                let part = text[start..end].to_vec();
                text.splice(a..a, part);
            }
            3 => {
                let (c, d) = (rng.below(other.len() + 1), rng.below(other.len() + 1));
                text.splice(a..a, other[c.min(d)..c.max(d)].iter().copied());
            }
            4 if a < text.len() => text[a] = u8::try_from(rng.below(256)).unwrap(),
            5 => {
                let line = text[..a].iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
                text.splice(line..line, std::iter::repeat_n(b' ', 1 + rng.below(4)));
            }
            _ => {
                let bytes = rng.pick(BYTES);
                text.splice(a..a, bytes.iter().copied());
            }
        }
    }
    text
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
        let _ = session.evaluate(&FlowQuery { from, to, protocol: Protocol::Tcp, port: 80 });
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
        let mut rng = Rng::new(seed as u64);
        let (one, other) = (rng.pick(&corpus), rng.pick(&corpus));
        let text = mutate(&mut rng, one, &other);
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
    let mut rng = Rng::new(7);
    for _ in 0..6 {
        let text = rng.pick(&corpus);
        let mut session = Session::new(Options::default());
        for end in 0..text.len().min(1_500) {
            session = exercise(&session, "case.yaml", &text[..end]);
        }
    }
}

/// Depth and repetition cost no more than they must.
#[test]
fn deep_and_wide_texts_are_refused_or_read() {
    let deep = |open: &str, n: usize| open.repeat(n);
    let bomb = "a: &a [x,x,x,x,x,x,x,x,x]\n".to_owned()
        + &('b'..='i').zip('a'..).fold(String::new(), |text, (name, before)| {
            format!("{text}{name}: &{name} [{}]\n", vec![format!("*{before}"); 9].join(","))
        });
    let texts = [
        deep("[", 100_000),
        deep("{a: ", 100_000),
        deep("- ", 50_000),
        format!("{{\"items\": {}", deep("[", 100_000)),
        bomb,
        "x: ".to_owned() + &"y".repeat(3_000_000),
        "---\n".repeat(20_000),
        "a".repeat(200_000) + ": 1",
        "&a ".repeat(10_000),
        "!!str ".repeat(10_000),
        "? ".repeat(20_000),
    ];
    for text in texts {
        let session = Session::new(Options::default());
        exercise(&session, "case.yaml", text.as_bytes());
    }
}
