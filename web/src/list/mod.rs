//! The list of flows: the same answer as the diagram's, for those who cannot or will not look at it.
//!
//! Who is treated alike has one line, as in the command's list; each pair has one on demand.

mod lines;

use std::rc::Rc;

use yew::prelude::*;

use crate::names;
use crate::state::{Action, Bundle, Selection, State, use_store};
use crate::text::{Language, count, fill, grouped};
use crate::worker::message::{FlowAnswer, Scene, What};
use lines::Line;

/// Rows that are shown at once; the rest on demand.
const ROWS: usize = 300;
/// So many flows of a line are selected one by one; the inspector says how many there are.
const SELECTED: usize = 1_000;
/// So many names are in the tip of a line that stands for more.
const NAMED: usize = 40;

pub fn node_passes(node: &crate::worker::message::Node, filter: &str, language: Language) -> bool {
    if filter.is_empty() {
        return true;
    }
    let filter = filter.to_lowercase();
    [names::full(node, language), node.id.clone()]
        .iter()
        .any(|name| name.to_lowercase().contains(&filter))
}

#[component]
pub fn ListView() -> Html {
    let store = use_store();
    let text = store.text();
    let shown = use_state(|| ROWS);
    let in_pairs = use_state(|| false);
    let scene = store.scene.clone().map(SceneRef);
    let deps = (scene, Rc::clone(&store.filter), store.language, *shown, *in_pairs);
    let listed = use_memo(deps, |(_, _, _, rows, in_pairs)| Listed::new(&store, *rows, *in_pairs));
    let selected = selected(&store);
    let Some(scene) = store.scene.clone() else {
        return html! {};
    };
    let index = |id: &String| {
        let at = scene.nodes.iter().position(|node| node.id == *id)?;
        u32::try_from(at).ok()
    };
    let selected: Vec<(u32, u32)> =
        selected.iter().filter_map(|(from, to)| Some((index(from)?, index(to)?))).collect();
    let rows = listed.lines.iter().map(|line| {
        let picked = selected.iter().any(|(from, to)| line.has(*from, *to));
        html! { <Row key={format!("{}-{}", line.edge.from, line.edge.to)} scene={SceneRef(Rc::clone(&scene))}
            line={line.clone()} language={store.language} {picked} /> }
    });
    let more = listed.rows.saturating_sub(listed.lines.len() as u64);
    let step = u32::try_from(more.min(ROWS as u64)).unwrap_or(0);
    let onclick = {
        let shown = shown.clone();
        move |_: MouseEvent| shown.set(*shown + ROWS)
    };
    let toggle = {
        let (shown, in_pairs) = (shown.clone(), in_pairs.clone());
        move |_: MouseEvent| {
            shown.set(ROWS);
            in_pairs.set(!*in_pairs);
        }
    };
    let summary =
        fill(&count(text.list_lines, number(listed.rows)), &[("all", &grouped(listed.all))]);
    html! {
        <div class="view-scroll" tabindex="0" role="region" aria-label={text.list}>
            <UnreadBar />
            if listed.lines.is_empty() {
                <p class="blank">{ if store.filter.is_empty() { text.no_flows.to_owned() } else { fill(text.no_match, &[("filter", &store.filter)]) } }</p>
            } else {
                if listed.has_groups || *in_pairs {
                    <div class="list-head">
                        <span>{ summary }</span>
                        <button class="btn is-pairs" aria-pressed={in_pairs.to_string()} onclick={toggle}>{ text.each_pair }</button>
                    </div>
                }
                <table class="flow-table">
                    <thead><tr><th scope="col">{ text.from }</th><th scope="col">{ text.to }</th><th scope="col">{ text.ports }</th></tr></thead>
                    <tbody>{ for rows }</tbody>
                </table>
            }
            if more > 0 {
                <button class="btn is-more" {onclick}>{ fill(&count(text.show_more, step), &[("all", &grouped(more))]) }</button>
            }
        </div>
    }
}

fn number(n: u64) -> u32 {
    u32::try_from(n).unwrap_or(u32::MAX)
}

/// The first rows of a list, and how many it has.
#[derive(PartialEq)]
pub struct Listed {
    pub lines: Vec<Line>,
    /// All rows.
    pub rows: u64,
    /// All flows.
    pub all: u64,
    /// Whether a row stands for more than one flow.
    pub has_groups: bool,
}

impl Listed {
    pub fn new(state: &State, rows: usize, in_pairs: bool) -> Self {
        let Some(scene) = state.scene.as_deref() else {
            return Self { lines: Vec::new(), rows: 0, all: 0, has_groups: false };
        };
        let passing: Vec<bool> = scene
            .nodes
            .iter()
            .map(|node| node_passes(node, &state.filter, state.language))
            .collect();
        let passes = |at: u32| passing.get(at as usize) == Some(&true);
        let fails = |at: u32| !passes(at);
        // Pairs are counted without being made: there may be millions.
        let all = scene.flows.count(|_| true) - scene.flows.count_among(fails, fails, |_| true);
        if in_pairs {
            let lines = lines::pairs(&scene.flows, passes, rows);
            return Self { lines, rows: all, all, has_groups: false };
        }
        let is_workload = |at: u32| {
            let node = scene.nodes.get(at as usize);
            node.is_some_and(|node| matches!(node.what, What::Workload(_)))
        };
        let mut lines = lines::lines(&scene.flows, is_workload, passes);
        let has_groups = lines.iter().any(|line| line.pair().is_none());
        let count = lines.len() as u64;
        lines.truncate(rows);
        Self { lines, rows: count, all, has_groups }
    }
}

/// In views that stand for the diagram: what they leave out because it cannot be read.
#[component]
pub fn UnreadBar() -> Html {
    let store = use_store();
    let Some(unread) = names::left_unread(&store) else {
        return html! {};
    };
    let line = fill(store.text().broken, &[("place", &unread)]);
    html! { <p class="unread">{ line }</p> }
}

/// Flows that are amber, by ids of their ends.
pub fn selected(state: &State) -> Vec<(String, String)> {
    match &state.selection {
        Selection::Flow => match state.answer.as_deref() {
            Some(FlowAnswer::Judged(judged)) => {
                judged.from.clone().zip(judged.to.clone()).into_iter().collect()
            }
            _ => Vec::new(),
        },
        Selection::Bundle(bundle) => bundle.edges.clone(),
        Selection::Rule => state.rule.iter().flat_map(|rule| rule.edges.clone()).collect(),
        Selection::Node(_) | Selection::None => Vec::new(),
    }
}

/// Compared by address: a scene is never changed, only replaced.
#[derive(Clone)]
struct SceneRef(Rc<Scene>);

impl PartialEq for SceneRef {
    fn eq(&self, other: &Self) -> bool {
        Rc::ptr_eq(&self.0, &other.0)
    }
}

#[derive(Properties, PartialEq)]
struct RowProps {
    scene: SceneRef,
    line: Line,
    language: Language,
    picked: bool,
}

#[component]
fn Row(props: &RowProps) -> Html {
    let store = use_store();
    let RowProps { scene: SceneRef(scene), line, language, picked } = props;
    let onclick = {
        let (scene, line) = (Rc::clone(scene), line.clone());
        move |_: MouseEvent| {
            if let Some(action) = pick(&scene, &line) {
                store.dispatch(action);
            }
        }
    };
    let ports = names::edge_ports(scene, &line.edge, *language);
    let [from, to] = [&line.from, &line.to].map(|nodes| names::together(scene, nodes, *language));
    let [all_from, all_to] = [&line.from, &line.to].map(|nodes| tip(scene, nodes, *language));
    let label = fill(language.text().flow_of, &[("from", &from), ("to", &to), ("ports", &ports)]);
    let unknown = line.edge.allowed.is_none().then_some("is-unknown");
    html! {
        <tr class={classes!(picked.then_some("is-selected"))} {onclick}>
            <td title={all_from}>{ from }</td>
            <td title={all_to}><button aria-label={label} aria-pressed={picked.to_string()}>{ to }</button></td>
            <td class={classes!("ports", unknown)}>{ ports }</td>
        </tr>
    }
}

/// What a click on a line does: its flow is asked, or its flows are shown together.
fn pick(scene: &Scene, line: &Line) -> Option<Action> {
    let id = |at: u32| scene.nodes.get(at as usize).map(|node| node.id.clone());
    if let Some((from, to)) = line.pair() {
        return Some(Action::PickEdge(id(from)?, id(to)?));
    }
    let pairs = line.pairs().take(SELECTED);
    let edges = pairs.filter_map(|(from, to)| Some((id(from)?, id(to)?))).collect();
    Some(Action::PickBundle(Bundle { edges, all: line.pairs().count() }))
}

/// The names that an end of a line stands for, if these are several.
fn tip(scene: &Scene, nodes: &[u32], language: Language) -> Option<String> {
    let names = nodes.iter().take(NAMED).filter_map(|at| scene.nodes.get(*at as usize));
    let mut names: Vec<String> = names.map(|node| names::full(node, language)).collect();
    if nodes.len() > names.len() {
        names.push("…".to_owned());
    }
    (nodes.len() > 1).then(|| names.join("\n"))
}
