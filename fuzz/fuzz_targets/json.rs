//! The JSON interface: reports of anything can be written and read back.
#![no_main]

use libfuzzer_sys::fuzz_target;
use portcullis_engine::report::{CheckReport, ListReport};
use portcullis_engine::{Change, FlowQuery, ListFilter, Options, Session, SourceFile};

fuzz_target!(|input: (&[u8], &str)| {
    let (bytes, query) = input;
    let file = SourceFile::new("input.json", bytes);
    let session = Session::new(Options::default()).apply(vec![Change::Put(file)]);
    let check = session.check();
    let text = serde_json::to_string(&check).expect("a report can be written");
    let read: CheckReport = serde_json::from_str(&text).expect("what was written can be read");
    assert_eq!(read, check);
    let list = session.list(&ListFilter::default());
    let text = serde_json::to_string(&list).expect("a report can be written");
    let read: ListReport = serde_json::from_str(&text).expect("what was written can be read");
    assert_eq!(read, list);
    if let Ok(query) = serde_json::from_str::<FlowQuery>(query) {
        let _ = session.evaluate(&query);
    }
});
