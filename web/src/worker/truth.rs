//! What the page shows of random clusters is held against the engine's verdicts: open, closed and
//! mixed ones of two to two thousand workloads, with a file among them that cannot be read.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "test code")]

use std::fmt::Write;
use std::rc::Rc;

use portcullis_engine::net::ConnSet;
use portcullis_engine::report::{Protocol, Verdict};
use portcullis_engine::{Change, FlowQuery, Options, Session, SourceFile};

use super::desk::Desk;
use super::message::{Edge, Node, Request, Scene, SourceText, What};
use crate::diagram::graph_data;
use crate::list::Listed;
use crate::matrix::Grid;
use crate::state::{State, Theme, Work};
use crate::text::Language;

const PORTS: [(u16, Protocol); 3] =
    [(80, Protocol::Tcp), (443, Protocol::Tcp), (53, Protocol::Udp)];
const BROKEN: &str =
    "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {name: x\nspec: }\n";

struct Random(u64);

impl Random {
    fn below(&mut self, n: usize) -> usize {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % n
    }

    fn of<'t>(&mut self, texts: &[&'t str]) -> &'t str {
        texts[self.below(texts.len())]
    }
}

/// Pods and Deployments, and policies for so many of a hundred namespaces.
fn cluster(random: &mut Random, workloads: usize, closed: usize) -> [(String, String); 2] {
    let spaces = 1 + random.below(workloads.div_ceil(6).max(2));
    let (mut pods, mut policies) = (String::new(), String::new());
    for i in 0..workloads {
        let (space, app) = (i % spaces, random.of(&["a", "b", "c"]));
        let meta = format!("{{name: w{i}, namespace: n{space}, labels: {{app: {app}}}}}");
        let _ = match random.below(4) {
            0 => writeln!(
                pods,
                "---\napiVersion: apps/v1\nkind: Deployment\nmetadata: {meta}\nspec: {{selector: {{matchLabels: {{w: w{i}}}}}, template: {{metadata: {{labels: {{w: w{i}, app: {app}}}}}, spec: {{containers: []}}}}}}"
            ),
            _ => writeln!(
                pods,
                "---\napiVersion: v1\nkind: Pod\nmetadata: {meta}\nspec: {{containers: []}}"
            ),
        };
    }
    for space in 0..spaces {
        for number in 0..2 {
            if random.below(100) < closed {
                policy(random, &mut policies, (space, number));
            }
        }
    }
    [("pods.yaml".to_owned(), pods), ("policies.yaml".to_owned(), policies)]
}

fn policy(random: &mut Random, out: &mut String, (space, number): (usize, usize)) {
    let subject = random.of(&["{}", "{}", "{matchLabels: {app: a}}"]);
    let types = random.of(&["[Ingress]", "[Egress]", "[Ingress, Egress]"]);
    let _ = writeln!(
        out,
        "---\napiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {{name: p{number}, namespace: n{space}}}\nspec:\n  podSelector: {subject}\n  policyTypes: {types}"
    );
    for (field, end) in [("ingress", "from"), ("egress", "to")] {
        if !types.to_lowercase().contains(field) || random.below(3) == 0 {
            continue;
        }
        let peer = random.of(&[
            "{podSelector: {matchLabels: {app: b}}}",
            "{namespaceSelector: {}}",
            "{podSelector: {}, namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: n0}}}",
            "{ipBlock: {cidr: 10.0.0.0/8, except: [10.1.0.0/16]}}",
        ]);
        let ports = random.of(&[
            "",
            "\n    ports: [{port: 80}]",
            "\n    ports: [{port: 53, protocol: UDP}, {port: 400, endPort: 500}]",
        ]);
        let _ = writeln!(out, "  {field}:\n  - {end}: [{peer}]{ports}");
    }
}

/// What a set of the scene says of a port.
fn has(scene: &Scene, set: Option<u32>, (port, protocol): (u16, Protocol)) -> bool {
    let set = set.map(|set| &scene.port_sets[set as usize]);
    set.is_some_and(|set| {
        let mut ranges = set.ranges.iter().filter(|range| range.protocol == protocol);
        ranges.any(|range| (range.port..=range.end_port).contains(&port))
    })
}

fn shown(scene: &Scene, edge: Option<Edge>, port: (u16, Protocol)) -> Verdict {
    match edge {
        Some(edge) if has(scene, edge.allowed, port) => Verdict::Allow,
        Some(edge) if has(scene, edge.unknown, port) => Verdict::Unknown,
        _ => Verdict::Deny,
    }
}

fn verdict(
    session: &Session,
    from: &Node,
    to: &Node,
    (port, protocol): (u16, Protocol),
) -> Verdict {
    let flow =
        FlowQuery { from: from.ask.clone(), to: to.ask.clone(), protocol, port: port.into() };
    session.evaluate(&flow).unwrap().verdict
}

fn is_workload(node: &Node) -> bool {
    matches!(node.what, What::Workload(_))
}

struct Case {
    scene: Rc<Scene>,
    /// The same without the broken file: what answers are of.
    session: Session,
    workloads: usize,
}

fn case(random: &mut Random, workloads: usize, closed: usize) -> Case {
    let files = cluster(random, workloads, closed);
    let put = files.iter().cloned().chain([("broken.yaml".to_owned(), BROKEN.to_owned())]);
    let put = put.map(|(name, text)| SourceText { name, text }).collect();
    let reply = Desk::default().answer(Request { put, ..Request::default() });
    let broken = reply.broken.unwrap();
    assert_eq!(broken.iter().map(|one| &*one.file).collect::<Vec<_>>(), ["broken.yaml"]);
    let changes =
        files.iter().map(|(name, text)| Change::Put(SourceFile::new(name, text.as_bytes())));
    let session = Session::new(Options::default()).apply(changes.collect());
    Case { scene: Rc::new(reply.scene.unwrap()), session, workloads }
}

/// All pairs of a small cluster, some of a large one.
fn pairs(random: &mut Random, nodes: u32) -> Vec<(u32, u32)> {
    if nodes <= 14 {
        return (0..nodes).flat_map(|from| (0..nodes).map(move |to| (from, to))).collect();
    }
    let n = nodes as usize;
    (0..160)
        .map(|_| (u32::try_from(random.below(n)).unwrap(), u32::try_from(random.below(n)).unwrap()))
        .collect()
}

/// Scene, matrix and diagram say of each pair what the engine says.
fn check_pairs(random: &mut Random, case: &Case) {
    let Case { scene, session, .. } = case;
    let mut state = State::new(Work::empty(), Language::English, Theme::System);
    state.scene = Some(Rc::clone(scene));
    let drawn = graph_data(&state).unwrap();
    for (a, b) in pairs(random, scene.flows.nodes()) {
        let (from, to) = (&scene.nodes[a as usize], &scene.nodes[b as usize]);
        if a == b || !(is_workload(from) || is_workload(to)) {
            continue;
        }
        let edge = scene.flows.edge(a, b);
        for port in PORTS {
            let expected = verdict(session, from, to, port);
            let said = (&from.id, &to.id, port);
            assert_eq!(shown(scene, edge, port), expected, "{said:?}");
            let grid = Grid { scene: Rc::clone(scene), nodes: Rc::new([a, b]), port: Some(port) };
            let class = match expected {
                Verdict::Allow => "is-allowed",
                Verdict::Unknown => "is-unknown",
                Verdict::Deny => "is-none",
            };
            let cell = grid.cell((0, 1), Language::English).unwrap();
            assert_eq!(cell.class, class, "{said:?}");
            assert_eq!(
                cell.spoken.ends_with("nothing"),
                expected == Verdict::Deny,
                "{}",
                cell.spoken
            );
        }
        let state = edge.map(|edge| if edge.allowed.is_some() { "allowed" } else { "unknown" });
        // Many flows that are not known are counted in words, and not drawn in full.
        let found = drawn.state_of(&from.id, &to.id);
        let counted = found == Some(None) && state == Some("unknown");
        if let Some(found) = found.filter(|_| !counted) {
            assert_eq!(found, state, "{} to {}", from.id, to.id);
        }
    }
}

/// The list has every pair once, in lines or one by one.
fn check_list(state: &State, edges: usize) {
    let pairs = Listed::new(state, 10, true);
    assert_eq!((pairs.all, pairs.rows), (edges as u64, edges as u64));
    let listed = Listed::new(state, usize::MAX, false);
    let flows = &state.scene.as_deref().unwrap().flows;
    let mut found = 0;
    for line in &listed.lines {
        for (from, to) in line.pairs() {
            let edge = flows.edge(from, to).unwrap();
            let said = (line.edge.allowed, line.edge.unknown);
            assert_eq!((edge.allowed, edge.unknown), said);
            found += 1;
        }
    }
    assert_eq!((found, listed.rows), (edges, listed.lines.len() as u64));
}

/// What is said of all of it: that everything is open, what is open, how many flows there are.
fn check_whole(case: &Case) {
    let Case { scene, workloads, .. } = case;
    let flows = &scene.flows;
    assert_eq!(scene.nodes.iter().filter(|node| is_workload(node)).count(), *workloads);
    let edges = flows.edges().count();
    assert_eq!(flows.count(|_| true), edges as u64);
    let mut state = State::new(Work::empty(), Language::English, Theme::System);
    state.scene = Some(Rc::clone(scene));
    check_list(&state, edges);
    let open: Vec<bool> = scene.nodes.iter().map(Node::is_open).collect();
    let reaches_all = |edge: &Edge| {
        let allowed = edge.allowed.map(|set| &*scene.port_sets[set as usize].text);
        allowed == Some(ConnSet::EVERYTHING) && edge.unknown.is_none()
    };
    for edge in flows.edges().filter(|edge| open[edge.from as usize] && open[edge.to as usize]) {
        assert!(reaches_all(&edge), "two open workloads");
    }
    let n = u64::from(flows.nodes());
    let ranges = n - *workloads as u64;
    let all = n * (n - 1) - ranges * ranges.saturating_sub(1);
    assert_eq!(scene.all_open, *workloads > 1 && flows.count(reaches_all) == all);
}

#[test]
fn what_is_shown_is_what_the_engine_says() {
    let mut random = Random(7);
    for closed in [0, 100, 50, 15] {
        for workloads in [2, 3, 5, 8, 13, 34, 61, 150] {
            for _ in 0..3 {
                let case = case(&mut random, workloads, closed);
                check_whole(&case);
                check_pairs(&mut random, &case);
            }
        }
    }
}

#[test]
fn so_it_is_with_two_thousand_workloads() {
    let mut random = Random(11);
    for closed in [0, 30] {
        let case = case(&mut random, 2_000, closed);
        assert_eq!(case.scene.all_open, closed == 0);
        check_pairs(&mut random, &case);
    }
}
