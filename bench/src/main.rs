//! Prints the table of `make bench`: each size in a process of its own, for its peak memory.
//!
//! `portcullis-bench` prints the tables; `portcullis-bench verbs` the last of them; `portcullis-bench measure PODS POLICIES CLUSTER-POLICIES`
//! measures one size and prints a line of JSON; `portcullis-bench once FILE…` reads files, lists them once and prints
//! the peak memory; `portcullis-bench write FOLDER` writes the clusters for other tools;
//! `portcullis-bench repeat STAGE COUNT PODS POLICIES CLUSTER-POLICIES` does one thing often, for a profiler.

mod verbs;

use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use portcullis_bench::{Format, Size, cluster, edited};
use portcullis_engine::cluster::EndpointId;
use portcullis_engine::manifest::Direction;
use portcullis_engine::net::{Family, Protocol};
use portcullis_engine::reach::Reach;
use portcullis_engine::report::text;
use portcullis_engine::verdict::{NoTrace, Party, Question, Record, Trace, judge};
use portcullis_engine::{Change, ListFilter, Options, Session, SourceFile};
use serde_json::{Value, json};

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments.as_slice() {
        [] => {
            table()?;
            verbs::table()
        }
        ["verbs"] => verbs::table(),
        ["measure", pods, policies, cluster] => {
            let size = Size::of(pods.parse()?, policies.parse()?).with(cluster.parse()?);
            say(&measure(size).to_string());
            Ok(())
        }
        ["once", files @ ..] => {
            say(&once(files)?.to_string());
            Ok(())
        }
        ["write", folder] => write(Path::new(folder)),
        ["repeat", stage, count, pods, policies, cluster] => {
            let size = Size::of(pods.parse()?, policies.parse()?).with(cluster.parse()?);
            repeat(stage, count.parse()?, size)
        }
        _ => bail!(
            "usage: portcullis-bench [verbs | measure PODS POLICIES CLUSTER-POLICIES | once FILE... | \
             write FOLDER | repeat compile|reach|list|reasons|diff|edit COUNT PODS POLICIES \
             CLUSTER-POLICIES]"
        ),
    }
}

#[expect(clippy::print_stdout, reason = "printing is what this program is for")]
fn say(line: &str) {
    println!("{line}");
}

fn write(folder: &Path) -> Result<()> {
    for size in Size::TABLE {
        for format in [Format::Yaml, Format::Json] {
            write_files(folder, size, format)?;
        }
    }
    Ok(())
}

/// Writes one cluster to a folder of its own; returns its files.
fn write_files(folder: &Path, size: Size, format: Format) -> Result<Vec<String>> {
    let ending = match format {
        Format::Yaml => "yaml",
        Format::Json => "json",
    };
    let cluster_policies = match size.cluster_policies {
        0 => String::new(),
        some => format!("-{some}"),
    };
    let name = format!("{}-{}{cluster_policies}-{ending}", size.pods, size.policies);
    let place = folder.join(name);
    std::fs::create_dir_all(&place)?;
    let (workloads, policies) = cluster(size, format);
    let mut files = Vec::new();
    for (name, text) in [("workloads", workloads), ("policies", policies)] {
        let file = place.join(format!("{name}.{ending}"));
        std::fs::write(&file, text)?;
        files.push(file.to_string_lossy().into_owned());
    }
    Ok(files)
}

fn repeat(stage: &str, count: usize, size: Size) -> Result<()> {
    let yaml = cluster(size, Format::Yaml);
    let files: Vec<_> = read(&yaml).into_iter().map(Change::Put).collect();
    let session = Session::new(Options::default()).apply(files.clone());
    let text = edited(&yaml.1);
    let filter = ListFilter { certain_only: true, ..ListFilter::default() };
    let once: Box<dyn Fn() -> usize> = match stage {
        "compile" => {
            Box::new(|| Session::new(Options::default()).apply(files.clone()).files().len())
        }
        "reach" => Box::new(|| all_reach(&session)),
        "list" => Box::new(|| session.list(&filter).connections.len()),
        "reasons" => Box::new(|| {
            let explained = ListFilter { explain: true, ..filter.clone() };
            session.list(&explained).connections.len()
        }),
        "diff" => {
            let next = session.apply(vec![session.reread("policies.yaml", text.as_bytes())]);
            let (session, filter) = (&session, &filter);
            Box::new(move || session.diff(&next, filter).changes.len())
        }
        "edit" => Box::new(|| {
            session.apply(vec![session.reread("policies.yaml", text.as_bytes())]).files().len()
        }),
        other => bail!("no stage `{other}`: compile, reach, list, reasons, diff or edit"),
    };
    let start = Instant::now();
    for _ in 0..count {
        std::hint::black_box(once());
    }
    say(&format!("{stage}: {:.2} ms", ms(start.elapsed()) / f64::from(u32::try_from(count)?)));
    Ok(())
}

/// How many pairs of units there are with an answer.
fn all_reach(session: &Session) -> usize {
    let mut reach = Reach::new(session.model(), session.policies());
    reach.units().ids().map(|unit| reach.targets(unit).len()).sum()
}

/// Everything from bytes to the text of the list, once, with nothing else in the process.
fn once(files: &[&str]) -> Result<Value> {
    let read = |path: &&str| -> Result<Change> {
        Ok(Change::Put(SourceFile::new(path, &std::fs::read(path)?)))
    };
    let start = Instant::now();
    let changes = files.iter().map(read).collect::<Result<_>>()?;
    let session = Session::new(Options::default()).apply(changes);
    let report = session.list(&ListFilter { certain_only: true, ..ListFilter::default() });
    let text = text::list(&report, text::ListFormat::Text);
    Ok(json!({
        "wholeMs": ms(start.elapsed()), "peakMb": peak_memory(),
        "outputMb": megabytes(text.len()), "lines": text.lines().count(),
    }))
}

/// Sizes that show how cost grows: ten times the pods, then ten times the policies.
const SCALING: [Size; 4] = [
    Size::of(10_000, 1_000),
    Size::of(100_000, 1_000),
    Size::of(10_000, 10_000),
    Size::of(100_000, 10_000),
];

/// What cluster policies cost: none, a deny list of the whole cluster, and two hundred.
const CLUSTER: [Size; 6] = [
    Size::of(1_000, 1_000),
    Size::of(1_000, 1_000).with(1),
    Size::of(1_000, 1_000).with(200),
    Size::of(10_000, 1_000),
    Size::of(10_000, 1_000).with(1),
    Size::of(10_000, 1_000).with(200),
];

fn table() -> Result<()> {
    rows(&Size::TABLE)?;
    say(
        "\nHow cost grows: ten times the pods under the same policies, and ten times the policies.\n",
    );
    rows(&SCALING)?;
    say("\nWhat ClusterNetworkPolicies cost beside NetworkPolicies.\n");
    rows(&CLUSTER)
}

fn rows(sizes: &[Size]) -> Result<()> {
    say(
        "| pods / policies / cluster policies | read YAML | read JSON | compile | reach | list | with reasons | diff | edit one policy | one verdict | with evidence | lines | output | peak memory |",
    );
    say("|---|---|---|---|---|---|---|---|---|---|---|---|---|---|");
    let folder = std::env::temp_dir().join(format!("portcullis-bench-{}", std::process::id()));
    for size in sizes {
        let numbers = [size.pods, size.policies, size.cluster_policies].map(|n| n.to_string());
        let [pods, policies, cluster] = &numbers;
        let measured = child(&["measure", pods, policies, cluster])?;
        let files = write_files(&folder, *size, Format::Yaml)?;
        let files: Vec<&str> = files.iter().map(String::as_str).collect();
        let whole = child(&[&["once"], files.as_slice()].concat())?;
        say(&row(*size, &measured, &whole));
    }
    std::fs::remove_dir_all(folder)?;
    Ok(())
}

/// What this program prints when it is run with arguments, in a process of its own.
fn child(arguments: &[&str]) -> Result<Value> {
    let output = Command::new(std::env::current_exe()?).args(arguments).output()?;
    let line = String::from_utf8(output.stdout)?;
    serde_json::from_str(&line)
        .with_context(|| String::from_utf8_lossy(&output.stderr).into_owned())
}

fn row(size: Size, measured: &Value, whole: &Value) -> String {
    let number = |name: &str| {
        let value = measured.get(name).or_else(|| whole.get(name));
        value.and_then(Value::as_f64).unwrap_or(f64::NAN)
    };
    format!(
        "| {} / {} / {} | {:.0} ms ({:.0} MB/s) | {:.0} ms ({:.0} MB/s) | {:.1} ms | {:.1} ms | {:.1} ms | {:.1} ms | {:.1} ms | {:.2} ms | {:.0} ns | {:.0} ns | {:.0} | {:.1} MB | {:.0} MB |",
        size.pods,
        size.policies,
        size.cluster_policies,
        number("yamlMs"),
        number("yamlMbs"),
        number("jsonMs"),
        number("jsonMbs"),
        number("compileMs"),
        number("reachMs"),
        number("listMs"),
        number("reasonsMs"),
        number("diffMs"),
        number("editMs"),
        number("verdictNs"),
        number("evidenceNs"),
        number("lines"),
        number("outputMb"),
        number("peakMb"),
    )
}

fn measure(size: Size) -> Value {
    let json = cluster(size, Format::Json);
    let (json_time, json_files) = best(3, || read(&json));
    let json_bytes = json.0.len() + json.1.len();
    drop((json, json_files));
    let yaml = cluster(size, Format::Yaml);
    let (yaml_time, files) = best(3, || read(&yaml));
    let yaml_bytes = yaml.0.len() + yaml.1.len();
    let (compile, session) = best(3, || {
        Session::new(Options::default()).apply(files.iter().cloned().map(Change::Put).collect())
    });
    let (reach, _) = best(3, || all_reach(&session));
    let filter = ListFilter { certain_only: true, ..ListFilter::default() };
    let (list, _) = best(3, || session.list(&filter));
    let explained = ListFilter { explain: true, ..filter.clone() };
    let (reasons, _) = best(3, || session.list(&explained));
    let text = edited(&yaml.1);
    let (edit, _) =
        best(5, || session.apply(vec![session.reread("policies.yaml", text.as_bytes())]));
    let next = session.apply(vec![session.reread("policies.yaml", text.as_bytes())]);
    let (diff, _) = best(3, || session.diff(&next, &filter));
    json!({
        "yamlMs": ms(yaml_time), "yamlMbs": rate(yaml_bytes, yaml_time),
        "jsonMs": ms(json_time), "jsonMbs": rate(json_bytes, json_time),
        "compileMs": ms(compile), "reachMs": ms(reach), "listMs": ms(list), "reasonsMs": ms(reasons), "diffMs": ms(diff), "editMs": ms(edit),
        "verdictNs": verdicts::<NoTrace>(&session, || NoTrace), "evidenceNs": verdicts::<Record>(&session, Record::default),
    })
}

fn read((workloads, policies): &(String, String)) -> Vec<SourceFile> {
    vec![
        SourceFile::new("workloads.yaml", workloads.as_bytes()),
        SourceFile::new("policies.yaml", policies.as_bytes()),
    ]
}

/// The shortest of some runs, and what the last one returned.
fn best<T>(runs: usize, run: impl Fn() -> T) -> (Duration, T) {
    let timed = || {
        let start = Instant::now();
        let value = run();
        (start.elapsed(), value)
    };
    let (mut least, mut value) = timed();
    for _ in 1..runs {
        drop(value);
        let (time, next) = timed();
        (least, value) = (least.min(time), next);
    }
    (least, value)
}

/// Nanoseconds of one verdict over a million pairs that a fixed generator chooses.
fn verdicts<T: Trace>(session: &Session, trace: impl Fn() -> T) -> f64 {
    const COUNT: u32 = 1_000_000;
    let (model, set) = (session.model(), session.policies());
    let endpoints = u64::try_from(model.endpoints.len()).unwrap_or(1).max(1);
    let mut state = 0x9E37_79B9_7F4A_7C15_u64;
    let mut next = move || {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        u32::try_from((state >> 33) % endpoints).unwrap_or(0)
    };
    let parties: Vec<Party<'_>> = (0..4096)
        .filter_map(|_| Party::endpoint(model, EndpointId::new(next()), Family::IPv4))
        .collect();
    let pairs = parties.iter().cycle().zip(parties.iter().cycle().skip(1)).take(COUNT as usize);
    let start = Instant::now();
    let mut allowed = 0u32;
    for (source, destination) in pairs {
        let ask = |direction, subject, peer| Question {
            direction,
            subject,
            peer,
            protocol: Some(Protocol::Tcp),
            port: 9100,
        };
        let egress = judge(set, ask(Direction::Egress, source, destination), &mut trace());
        let ingress = judge(set, ask(Direction::Ingress, destination, source), &mut trace());
        allowed += u32::from(
            egress.verdict.min(ingress.verdict) == portcullis_engine::verdict::Verdict::Allow,
        );
    }
    std::hint::black_box(allowed);
    start.elapsed().as_secs_f64() * 1e9 / f64::from(COUNT)
}

fn ms(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

fn rate(bytes: usize, time: Duration) -> f64 {
    megabytes(bytes) / time.as_secs_f64()
}

#[expect(clippy::cast_precision_loss, reason = "sizes of texts are far below 2^53")]
fn megabytes(bytes: usize) -> f64 {
    bytes as f64 / 1e6
}

/// The most memory that this process has had, in MB, where the system tells.
fn peak_memory() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kilobytes = line.and_then(|line| line.trim().split(' ').next()?.parse::<f64>().ok());
    kilobytes.map_or(f64::NAN, |kb| kb / 1024.0)
}
