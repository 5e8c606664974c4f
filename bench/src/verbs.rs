//! What the verbs cost next to a list: the table of `portcullis-bench verbs`.

use anyhow::{Result, anyhow};
use portcullis_bench::{Format, Size, cluster, edited};
use portcullis_engine::report::{Describe, Expectations, GateRules, TestOptions};
use portcullis_engine::{Change, ListFilter, Options, Session};

use crate::{best, ms, read, say};

/// A thousand workloads and policies, and as many policies with ten times the pods.
const SIZES: [Size; 2] = [Size::of(1_000, 1_000), Size::of(10_000, 1_000)];

const RULES: &str = "rules:
- {name: no team meets another, never-meet: [{namespaces: {team: team3}}, {namespaces: {team: team7}}]}
- {name: the internet never reaches app3, never: {from: internet, to: {pods: {app: app3}}, ports: [9100]}}
- {name: nothing new reaches team5, no-new-access: {to: {namespaces: {team: team5}}}}
";

const EXPECTATIONS: &str = "expect:
- {from: 'ns0/{app=app1}', to: 'ns0/{app=app0}', port: 9100, expect: allow}
- {from: 'ns1/*', to: 'ns2/{app=app1}', port: 9100, expect: deny}
- {from: '*/{app=app5}', to: 'ns0/{app=app3}', except: [ns0/*], port: 9100, expect: deny}
- {pods: 'ns0/{app=app0}', direction: ingress, expect: isolated}
- {pods: ns3/*, expect: no-internet}
";

/// The workload that is asked about.
const WHO: &str = "ns0/app0-5f8c456796";

/// Prints the table.
pub fn table() -> Result<()> {
    say("\nWhat the verbs cost, from a session that has been read.\n");
    let names = "| list | who-can | check | diff | equal | gate | describe | test | coverage |";
    say(&format!("| pods / policies {names}"));
    say("|---|---|---|---|---|---|---|---|---|---|");
    SIZES.iter().try_for_each(|size| row(*size))
}

fn row(size: Size) -> Result<()> {
    let texts = cluster(size, Format::Yaml);
    let changes = read(&texts).into_iter().map(Change::Put).collect();
    let session = Session::new(Options::default()).apply(changes);
    let changed = edited(&texts.1);
    let next = session.apply(vec![session.reread("policies.yaml", changed.as_bytes())]);
    let rules = GateRules::parse("rules.yaml", RULES);
    let rules = rules.map_err(|errors| anyhow!("{errors:?}"))?;
    let expectations = Expectations::read("expectations.yaml", EXPECTATIONS)?;
    let filter = ListFilter::default();
    let one = ListFilter { focus: vec![WHO.into()], ..ListFilter::default() };
    session.describe(Describe::Pods, WHO).map_err(|error| anyhow!("{}", error.message))?;
    let coverage = TestOptions { coverage: true, ..TestOptions::default() };
    let times = [
        best(3, || session.list(&filter)).0,
        best(3, || session.list(&one)).0,
        best(3, || session.check()).0,
        best(3, || session.diff(&next, &filter)).0,
        best(3, || session.equal(&next)).0,
        best(3, || next.gate(Some(&session), &rules)).0,
        best(3, || session.describe(Describe::Pods, WHO)).0,
        best(3, || session.test(&expectations, TestOptions::default())).0,
        best(3, || session.test(&expectations, coverage)).0,
    ];
    let times: Vec<String> = times.iter().map(|time| format!("{:.1} ms", ms(*time))).collect();
    say(&format!("| {} / {} | {} |", size.pods, size.policies, times.join(" | ")));
    Ok(())
}
