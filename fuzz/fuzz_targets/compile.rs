//! Compiling and listing: whatever was read, the list and single questions agree.
#![no_main]

use libfuzzer_sys::fuzz_target;
use portcullis_engine::report::{EndpointKind, Protocol, Verdict};
use portcullis_engine::{Change, FlowQuery, ListFilter, Options, Session, SourceFile};

fuzz_target!(|bytes: &[u8]| {
    let file = SourceFile::new("input.yaml", bytes);
    let session = Session::new(Options::default()).apply(vec![Change::Put(file)]);
    session.check();
    let list = session.list(&ListFilter::default());
    let workloads: Vec<_> = list
        .endpoints
        .iter()
        .filter(|endpoint| endpoint.kind == EndpointKind::Workload && endpoint.group.is_none())
        .take(4)
        .collect();
    for from in &workloads {
        for to in workloads.iter().filter(|to| to.id != from.id) {
            let name = |e: &portcullis_engine::report::EndpointReport| {
                let part = |text: &Option<String>| text.clone().unwrap_or_default();
                format!("{}/{}/{}", part(&e.namespace), part(&e.workload_kind), part(&e.name))
            };
            let query = FlowQuery { from: name(from), to: name(to), protocol: Protocol::Tcp, port: 80.into() };
            let Ok(report) = session.evaluate(&query) else { continue };
            let has = |key: &Option<std::sync::Arc<str>>| {
                let ranges = key.as_ref().and_then(|key| list.port_sets.get(key));
                ranges.is_some_and(|ranges| {
                    ranges.iter().any(|r| r.protocol == Protocol::Tcp && (r.port..=r.end_port).contains(&80))
                })
            };
            let lines: Vec<_> =
                list.connections.iter().filter(|c| c.from == from.id && c.to == to.id).collect();
            // Where families differ there is a line for each, and the question has no one answer.
            if lines.iter().any(|line| line.family.is_some()) {
                continue;
            }
            let listed = match lines.first() {
                Some(line) if has(&line.allowed) => Verdict::Allow,
                Some(line) if has(&line.unknown) => Verdict::Unknown,
                _ => Verdict::Deny,
            };
            assert_eq!(report.verdict, listed, "{query:?}");
        }
    }
});
