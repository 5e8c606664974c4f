//! The list of flows: the same answer as the diagram's, for those who cannot or will not look at it.

use std::rc::Rc;

use yew::prelude::*;

use crate::names;
use crate::state::{Action, Selection, State, use_store};
use crate::text::{Language, count, fill};
use crate::worker::message::{Edge, FlowAnswer, Scene};

/// Rows that are shown at once; the rest on demand.
const ROWS: usize = 300;

/// Whether an edge has the filter in the name of one of its ends.
pub fn passes(scene: &Scene, edge: &Edge, filter: &str, language: Language) -> bool {
    let has = |index: u32| {
        let node = scene.nodes.get(index as usize);
        node.is_some_and(|node| node_passes(node, filter, language))
    };
    filter.is_empty() || has(edge.from) || has(edge.to)
}

pub fn node_passes(node: &crate::worker::message::Node, filter: &str, language: Language) -> bool {
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
    let deps = (store.scene.as_ref().map(Rc::as_ptr), Rc::clone(&store.filter), store.language);
    let edges = use_memo(deps, |_| matching(&store));
    let selected = selected(&store);
    let Some(scene) = store.scene.clone() else {
        return html! {};
    };
    let rows = edges.iter().take(*shown).map(|edge| {
        let ends = ends(&scene, edge);
        let picked = ends.as_ref().is_some_and(|ends| selected.contains(ends));
        html! { <Row key={format!("{}-{}", edge.from, edge.to)} scene={SceneRef(Rc::clone(&scene))} edge={EdgeRef(*edge)}
            language={store.language} {picked} /> }
    });
    let more = edges.len().saturating_sub(*shown);
    let onclick = {
        let shown = shown.clone();
        move |_: MouseEvent| shown.set(*shown + ROWS)
    };
    html! {
        <div class="view-scroll" tabindex="0" role="region" aria-label={text.list}>
            if edges.is_empty() {
                <p class="blank">{ if store.filter.is_empty() { text.no_flows.to_owned() } else { fill(text.no_match, &[("filter", &store.filter)]) } }</p>
            } else {
                <table class="flow-table">
                    <thead><tr><th scope="col">{ text.from }</th><th scope="col">{ text.to }</th><th scope="col">{ text.ports }</th></tr></thead>
                    <tbody>{ for rows }</tbody>
                </table>
            }
            if more > 0 {
                <button class="btn is-more" {onclick}>{ count(text.show_more, u32::try_from(more.min(ROWS)).unwrap_or(0)) }</button>
            }
        </div>
    }
}

fn matching(state: &State) -> Vec<Edge> {
    let Some(scene) = state.scene.as_deref() else {
        return Vec::new();
    };
    let passes = |edge: &&Edge| passes(scene, edge, &state.filter, state.language);
    scene.edges.iter().filter(passes).copied().collect()
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
