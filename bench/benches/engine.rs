//! Criterion's history of the parts, at 1,000 pods and 1,000 policies.
#![allow(missing_docs, clippy::expect_used, reason = "criterion's macros and a benchmark")]

use criterion::{Criterion, criterion_group, criterion_main};
use portcullis_bench::{Format, Size, cluster, edited};
use portcullis_engine::{Change, ListFilter, Options, Session, SourceFile};

const SIZE: Size = Size::of(1_000, 1_000);

fn files(format: Format) -> Vec<SourceFile> {
    let (workloads, policies) = cluster(SIZE, format);
    vec![
        SourceFile::new("workloads.yaml", workloads.as_bytes()),
        SourceFile::new("policies.yaml", policies.as_bytes()),
    ]
}

fn session() -> Session {
    let changes = files(Format::Yaml).into_iter().map(Change::Put).collect();
    Session::new(Options::default()).apply(changes)
}

fn engine(c: &mut Criterion) {
    for (name, format) in [("read yaml", Format::Yaml), ("read json", Format::Json)] {
        let (text, _) = cluster(SIZE, format);
        c.bench_function(name, |b| b.iter(|| SourceFile::new("workloads", text.as_bytes())));
    }
    let read = files(Format::Yaml);
    c.bench_function("compile", |b| {
        b.iter(|| {
            Session::new(Options::default()).apply(read.iter().cloned().map(Change::Put).collect())
        });
    });
    let session = session();
    let filter = ListFilter { certain_only: true, ..ListFilter::default() };
    c.bench_function("list", |b| b.iter(|| session.list(&filter)));
    let (_, policies) = cluster(SIZE, Format::Yaml);
    let edited = edited(&policies);
    c.bench_function("edit one policy", |b| {
        b.iter(|| session.apply(vec![session.reread("policies.yaml", edited.as_bytes())]));
    });
}

criterion_group!(benches, engine);
criterion_main!(benches);
