//! What the agent asks of an API server that is away, refuses, or has too much to do.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "test code"
)]

mod server;

use std::time::Duration;

use server::{Asked, Reply, Server, Watched, added, end_of_list, list};

fn watch(version: &str) -> Asked {
    Asked::Watch(version.to_owned())
}

fn listed(query: &str) -> Asked {
    Asked::List(query.to_owned())
}

/// A list of one, in version 5, after which the connection breaks.
fn five() -> Reply {
    Reply::Lines(vec![added("first", 4), end_of_list(5)])
}

/// A watch that goes on, from a change on.
fn end() -> Reply {
    Reply::Open(vec![added("last", 20)])
}

/// A list as the beginning of a watch that goes on.
fn list_end() -> Reply {
    Reply::Open(vec![added("other", 12), end_of_list(13), added("last", 20)])
}

/// Plays a script to an agent until it has heard of the last change.
fn play(script: Vec<Reply>) -> (Server, Watched) {
    let server = Server::start(script);
    let mut watched = Watched::start(&server);
    watched.wait_for("last");
    (server, watched)
}

#[test]
fn a_server_that_names_a_time_is_left_alone_until_then() {
    let busy = Reply::Refuse(429, "Retry-After: 2\r\n");
    let (server, watched) = play(vec![busy.clone(), five(), busy, end()]);
    assert_eq!(server.asked(), [Asked::Stream, Asked::Stream, watch("5"), watch("5")]);
    for refused in [0, 2] {
        let pause = server.pause_after(refused);
        assert!(pause >= Duration::from_secs(2), "{pause:?}");
    }
    assert_eq!(watched.lists, 1);
    assert!(watched.status.text().contains("portcullis_lists_total"));
}

#[test]
fn trouble_is_no_reason_to_list_again() {
    for trouble in [
        Reply::Refuse(500, ""),
        Reply::Refuse(503, ""),
        Reply::Refuse(429, ""),
        Reply::Refuse(403, ""),
        Reply::Break,
        Reply::Lines(vec![]),
        Reply::Lines(vec![r#"{"type":"ERROR","object":{"code":500,"message":"no"}}"#.into()]),
    ] {
        let script = [vec![five()], vec![trouble; 10], vec![end()]].concat();
        let (server, watched) = play(script);
        let expected = [vec![Asked::Stream], vec![watch("5"); 11]].concat();
        assert_eq!(server.asked(), expected);
        assert_eq!(watched.lists, 1);
    }
}

#[test]
fn changes_before_trouble_count() {
    let broken = Reply::Lines(vec![
        added("second", 6),
        r#"{"type":"ERROR","object":{"code":500,"message":"no"}}"#.into(),
    ]);
    let (server, watched) = play(vec![five(), broken, end()]);
    assert_eq!(server.asked(), [Asked::Stream, watch("5"), watch("6")]);
    assert_eq!(watched.names, ["first", "second", "last"]);
}

#[test]
fn what_has_expired_is_listed_once() {
    let in_answer = Reply::Refuse(410, "");
    let in_watch =
        Reply::Lines(vec![r#"{"type":"ERROR","object":{"code":410,"message":"old"}}"#.into()]);
    for expired in [in_answer, in_watch] {
        let (server, watched) = play(vec![five(), expired, list_end()]);
        assert_eq!(server.asked(), [Asked::Stream, watch("5"), Asked::Stream]);
        assert_eq!(watched.lists, 2);
        assert_eq!(watched.names, ["first", "other", "last"]);
    }
}

#[test]
fn lists_are_streamed_again_after_a_refusal() {
    for code in [400, 422] {
        let names: Vec<String> = (0..600).map(|number| format!("n{number}")).collect();
        let script = vec![
            Reply::Refuse(code, ""),
            Reply::List(list(&names, 5)),
            Reply::Refuse(410, ""),
            list_end(),
        ];
        let (server, watched) = play(script);
        let from_memory = listed("resourceVersion=0");
        let expected = [Asked::Stream, from_memory, watch("5"), Asked::Stream];
        assert_eq!(server.asked(), expected);
        assert_eq!(watched.names[..600], names);
        assert_eq!(watched.lists, 2);
    }
}

#[test]
fn a_list_is_never_older_than_what_was_known() {
    let late = Reply::Say(504, "Timeout: Too large resource version: 5, current: 4");
    let refused = Reply::Refuse(422, "");
    let page = list(&["another".into()], 3).replacen('}', r#","continue":"a+b"}"#, 1);
    let script = vec![
        five(),
        Reply::Refuse(410, ""),
        refused,
        // It is away for a moment, which changes nothing.
        Reply::Refuse(503, ""),
        late,
        Reply::List(page),
        Reply::List(list(&["other".into()], 3)),
        end(),
    ];
    let (server, watched) = play(script);
    let newer = listed("resourceVersion=5&resourceVersionMatch=NotOlderThan");
    let pages = [listed("limit=500"), listed("limit=500&continue=a%2Bb")];
    let expected = [
        [Asked::Stream, watch("5"), Asked::Stream].to_vec(),
        [newer.clone(), newer].to_vec(),
        [&pages[..], &[watch("3")]].concat(),
    ];
    assert_eq!(server.asked(), expected.concat());
    assert_eq!(watched.names, ["first", "another", "other", "last"]);
}

#[test]
fn what_makes_no_sense_is_listed_again_in_the_end() {
    let senseless = Reply::Lines(vec!["{".into()]);
    let script = [vec![five()], vec![senseless; 5], vec![list_end()]].concat();
    let (server, watched) = play(script);
    let expected = [vec![Asked::Stream], vec![watch("5"); 5], vec![Asked::Stream]].concat();
    assert_eq!(server.asked(), expected);
    assert_eq!(watched.lists, 2);
}

#[test]
fn the_age_of_every_watch_is_told() {
    let (server, watched) = play(vec![list_end()]);
    server.wait_for(1);
    let resources = ["pods", "namespaces", "nodes", "networkpolicies", "clusternetworkpolicies"];
    let is_told = |resource: &&str| {
        let age = format!("portcullis_watch_age_seconds{{resource=\"{resource}\"}} ");
        watched.status.text().contains(&age)
    };
    let start = std::time::Instant::now();
    while !resources.iter().all(is_told) {
        assert!(start.elapsed() < Duration::from_secs(60), "{}", watched.status.text());
        std::thread::sleep(Duration::from_millis(5));
    }
}
