//! The list of flows: the same answer as the diagram's, for those who cannot or will not look at it.

use std::rc::Rc;

use yew::prelude::*;

use crate::names;
use crate::state::{Action, Selection, State, use_store};
use crate::text::{Language, count, fill, grouped};
use crate::worker::message::{Edge, FlowAnswer, Scene};

/// Rows that are shown at once; the rest on demand.
const ROWS: usize = 300;

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
    let scene = store.scene.as_ref().map(Rc::as_ptr);
    let deps = (scene, Rc::clone(&store.filter), store.language, *shown);
    let listed = use_memo(deps, |(_, _, _, rows)| Listed::new(&store, *rows));
    let selected = selected(&store);
    let Some(scene) = store.scene.clone() else {
        return html! {};
    };
    let rows = listed.edges.iter().map(|edge| {
        let ends = ends(&scene, edge);
        let picked = ends.as_ref().is_some_and(|ends| selected.contains(ends));
        html! { <Row key={format!("{}-{}", edge.from, edge.to)} scene={SceneRef(Rc::clone(&scene))} edge={EdgeRef(*edge)}
            language={store.language} {picked} /> }
    });
    let more = listed.all.saturating_sub(listed.edges.len() as u64);
    let step = u32::try_from(more.min(ROWS as u64)).unwrap_or(0);
    let onclick = {
        let shown = shown.clone();
        move |_: MouseEvent| shown.set(*shown + ROWS)
    };
    html! {
        <div class="view-scroll" tabindex="0" role="region" aria-label={text.list}>
            <UnreadBar />
            if listed.edges.is_empty() {
                <p class="blank">{ if store.filter.is_empty() { text.no_flows.to_owned() } else { fill(text.no_match, &[("filter", &store.filter)]) } }</p>
            } else {
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

/// The first rows of a list, and how many it has.
#[derive(PartialEq)]
pub struct Listed {
    edges: Vec<Edge>,
    pub all: u64,
}

impl Listed {
    pub fn new(state: &State, rows: usize) -> Self {
        let Some(scene) = state.scene.as_deref() else {
            return Self { edges: Vec::new(), all: 0 };
        };
        let passing: Vec<bool> = scene
            .nodes
            .iter()
            .map(|node| node_passes(node, &state.filter, state.language))
            .collect();
        let passes = |at: u32| passing.get(at as usize) == Some(&true);
        let fails = |at: u32| !passes(at);
        let edges = scene.flows.edges().filter(|edge| passes(edge.from) || passes(edge.to));
        // Pairs are counted without being made: there may be millions.
        let all = scene.flows.count(|_| true) - scene.flows.count_among(fails, fails, |_| true);
        Self { edges: edges.take(rows).collect(), all }
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

fn ends(scene: &Scene, edge: &Edge) -> Option<(String, String)> {
    let id = |index: u32| scene.nodes.get(index as usize).map(|node| node.id.clone());
    Some((id(edge.from)?, id(edge.to)?))
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
        Selection::Bundle(edges) => edges.to_vec(),
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

#[derive(Clone, PartialEq)]
struct EdgeRef(Edge);

#[derive(Properties, PartialEq)]
struct RowProps {
    scene: SceneRef,
    edge: EdgeRef,
    language: Language,
    picked: bool,
}

#[component]
fn Row(props: &RowProps) -> Html {
    let store = use_store();
    let (scene, edge) = (&props.scene.0, &props.edge.0);
    let node = |index: u32| scene.nodes.get(index as usize);
    let (Some(from), Some(to)) = (node(edge.from), node(edge.to)) else {
        return html! {};
    };
    let onclick = {
        let (from, to) = (from.id.clone(), to.id.clone());
        move |_: MouseEvent| store.dispatch(Action::PickEdge(from.clone(), to.clone()))
    };
    let ports = names::edge_ports(scene, edge, props.language);
    let (from, to) = (names::full(from, props.language), names::full(to, props.language));
    let label =
        fill(props.language.text().flow_of, &[("from", &from), ("to", &to), ("ports", &ports)]);
    let unknown = edge.allowed.is_none().then_some("is-unknown");
    html! {
        <tr class={classes!(props.picked.then_some("is-selected"))} {onclick}>
            <td>{ from }</td>
            <td><button aria-label={label} aria-pressed={props.picked.to_string()}>{ to }</button></td>
            <td class={classes!("ports", unknown)}>{ ports }</td>
        </tr>
    }
}
