//! Source × destination.

use std::collections::HashMap;
use std::rc::Rc;

use yew::prelude::*;

use crate::list::{node_passes, selected};
use crate::names;
use crate::state::{Action, State, use_store};
use crate::text::{count, fill};
use crate::worker::message::{Edge, Node, Scene};

/// More rows than this would neither be read nor drawn quickly.
const ROWS: usize = 60;

#[component]
pub fn MatrixView() -> Html {
    let store = use_store();
    let text = store.text();
    let Some(scene) = store.scene.clone() else {
        return html! {};
    };
    let nodes = shown(&store, &scene);
    if nodes.len() > ROWS {
        let n = u32::try_from(nodes.len()).unwrap_or(u32::MAX);
        return html! { <div class="view-scroll"><p class="blank">{ count(text.matrix_too_large, n) }</p></div> };
    }
    let edges: Rc<HashMap<(u32, u32), Edge>> =
        Rc::new(scene.edges.iter().map(|edge| ((edge.from, edge.to), *edge)).collect());
    let picked = Rc::new(selected(&store));
    let head = nodes.iter().map(|(_, node)| {
        html! { <th class="matrix-to" scope="col"><span title={names::full(node, store.language)}>{ names::full(node, store.language) }</span></th> }
    });
    let rows = nodes.iter().map(|&(index, from)| {
        let cells = nodes.iter().map(|&(other, to)| {
            let edge = edges.get(&(index, other)).copied();
            cell(&store, &scene, (from, to), (edge, picked.contains(&(from.id.clone(), to.id.clone()))))
        });
        let name = names::full(from, store.language);
        html! { <tr><th class="matrix-from" scope="row" title={name.clone()}>{ name }</th>{ for cells }</tr> }
    });
    html! {
        <div class="view-scroll" tabindex="0" role="region" aria-label={text.matrix}>
            <table class="matrix">
                <thead><tr><td />{ for head }</tr></thead>
                <tbody>{ for rows }</tbody>
            </table>
        </div>
    }
}

/// Nodes that pass the filter, with those that they talk to.
fn shown<'s>(state: &State, scene: &'s Scene) -> Vec<(u32, &'s Node)> {
    let nodes = || (0u32..).zip(&scene.nodes);
    if state.filter.is_empty() {
        return nodes().collect();
    }
    let own = |node: &Node| node_passes(node, &state.filter, state.language);
    let mut keep: Vec<bool> = scene.nodes.iter().map(own).collect();
    let passing = keep.clone();
    for edge in &scene.edges {
        let (from, to) = (edge.from as usize, edge.to as usize);
        if passing.get(from) == Some(&true) || passing.get(to) == Some(&true) {
            [from, to]
                .into_iter()
                .for_each(|i| keep.get_mut(i).into_iter().for_each(|k| *k = true));
        }
    }
    nodes().filter(|(i, _)| keep.get(*i as usize) == Some(&true)).collect()
}

fn cell(
    state: &crate::state::Store,
    scene: &Scene,
    (from, to): (&Node, &Node),
    (edge, picked): (Option<Edge>, bool),
) -> Html {
    let language = state.language;
    let ports = edge.map(|edge| names::edge_ports(scene, &edge, language));
    if from.id == to.id && ports.is_none() {
        return html! { <td><span class="matrix-cell is-self" /></td> };
    }
    let class = match edge {
        Some(edge) if edge.allowed.is_some() => "is-allowed",
        Some(_) => "is-unknown",
        None => "is-none",
    };
    let spoken = ports.as_deref().unwrap_or(language.text().matrix_none);
    let label = fill(
        language.text().flow_of,
        &[
            ("from", &names::full(from, language)),
            ("to", &names::full(to, language)),
            ("ports", spoken),
        ],
    );
    let onclick = {
        let (store, form) = (state.clone(), state.work.flow.clone());
        let (from, to) = ((from.id.clone(), from.ask.clone()), (to.id.clone(), to.ask.clone()));
        move |_: MouseEvent| {
            if edge.is_none() {
                // Why nothing passes is a question too.
                let form = crate::state::FlowForm {
                    from: from.1.clone(),
                    to: to.1.clone(),
                    ..form.clone()
                };
                store.dispatch(Action::Ask(form));
                store.dispatch(Action::Explain);
            } else {
                store.dispatch(Action::PickEdge(from.0.clone(), to.0.clone()));
            }
        }
    };
    let shown = ports.as_deref().map_or("·".to_owned(), short);
    html! {
        <td><button class={classes!("matrix-cell", class)} aria-pressed={picked.to_string()} aria-label={label.clone()}
            title={label} {onclick}>{ shown }</button></td>
    }
}

/// Without the protocol that most flows have, as there is little room.
fn short(ports: &str) -> String {
    ports.strip_prefix("TCP ").filter(|rest| !rest.contains(' ')).unwrap_or(ports).to_owned()
}
