//! Source × destination: every pair of the cluster, of which only those in sight are drawn.

mod cells;
mod window;

use std::rc::Rc;

use portcullis_engine::report::{PortQuery, Protocol};
use wasm_bindgen::JsCast;
use web_sys::{HtmlElement, HtmlInputElement};
use yew::prelude::*;

use crate::list::{UnreadBar, node_passes, selected};
use crate::names;
use crate::state::{Action, FlowForm, State, Store, use_store};
use crate::text::fill;
use crate::worker::message::Scene;
use cells::Cells;
pub use cells::Grid;
use window::{CELL, HEAD, NAMES, Window};

/// Where the keyboard is: places in the shown rows and columns.
pub type At = (usize, usize);

#[component]
pub fn MatrixView() -> Html {
    let store = use_store();
    let port = use_state(String::new);
    let scene = store.scene.clone();
    let key = (scene.as_ref().map(Rc::as_ptr), Rc::clone(&store.filter), store.language);
    let nodes = use_memo(key, |_| scene.as_deref().map(|scene| shown(&store, scene)));
    let (Some(scene), Some(nodes)) = (store.scene.clone(), (*nodes).clone()) else {
        return html! {};
    };
    let asked = PortQuery::parse(&port, None).ok();
    let asked = asked.and_then(|(port, protocol)| Some((port.number()?, protocol)));
    html! {
        <div class="matrix-view">
            <UnreadBar />
            <PortChoice port={port.clone()} wrong={!port.trim().is_empty() && asked.is_none()} />
            <Scrolled grid={Grid { scene, nodes: nodes.into(), port: asked }} />
        </div>
    }
}

#[derive(Properties, PartialEq)]
struct PortProps {
    port: UseStateHandle<String>,
    wrong: bool,
}

#[component]
fn PortChoice(props: &PortProps) -> Html {
    let text = use_store().text();
    let oninput = {
        let port = props.port.clone();
        move |event: InputEvent| {
            port.set(event.target_unchecked_into::<HtmlInputElement>().value());
        }
    };
    html! {
        <div class="matrix-bar">
            <input class="field matrix-port" placeholder={text.matrix_port} aria-label={text.matrix_port_label}
                title={text.matrix_port_label} value={(*props.port).clone()} aria-invalid={props.wrong.to_string()}
                autocomplete="off" spellcheck="false" {oninput} />
            if props.wrong { <span class="matrix-wrong" role="status">{ text.matrix_bad_port }</span> }
        </div>
    }
}

/// Nodes that pass the filter, with those that they talk to by something that a policy decides or
/// that is not open to all.
fn shown(state: &State, scene: &Scene) -> Vec<u32> {
    let nodes = 0..scene.flows.nodes();
    let passes = |at: &u32| {
        let node = scene.nodes.get(*at as usize);
        node.is_some_and(|node| node_passes(node, &state.filter, state.language))
    };
    if state.filter.is_empty() {
        return nodes.collect();
    }
    let hits: Vec<u32> = nodes.clone().filter(passes).collect();
    let mut keep: std::collections::BTreeSet<u32> = hits.iter().copied().collect();
    for hit in hits {
        keep.extend(scene.flows.from(hit).iter().map(|edge| edge.to));
        keep.extend(scene.flows.to(hit).iter().map(|edge| edge.from));
    }
    keep.into_iter().collect()
}

#[derive(Properties, PartialEq)]
struct ScrolledProps {
    grid: Grid,
}

/// The part that scrolls: one stop for the Tab key, within which the arrow keys move.
#[component]
fn Scrolled(props: &ScrolledProps) -> Html {
    let store = use_store();
    let text = store.text();
    let grid = &props.grid;
    let area = use_node_ref();
    let window = use_state(Window::default);
    let active = use_state(|| (0, 0));
    let pointed = use_state(|| None::<At>);
    let measure = {
        let (area, window) = (area.clone(), window.clone());
        move || {
            if let Some(area) = area.cast::<HtmlElement>() {
                window.set(Window::of(&area));
            }
        }
    };
    use_effect_with(grid.nodes.len(), {
        let measure = measure.clone();
        move |_| measure()
    });
    let resized = measure.clone();
    use_effect_with((), move |()| {
        let listener =
            gloo::events::EventListener::new(&gloo::utils::window(), "resize", move |_| resized());
        move || drop(listener)
    });
    let onkeydown = on_key(&store, grid, (&area, &active));
    let size = format!(
        "width: {}px; height: {}px",
        NAMES + grid.nodes.len() as f64 * CELL.0,
        HEAD + grid.nodes.len() as f64 * CELL.1
    );
    let at = grid.clamped(*active);
    let count = grid.nodes.len() + 1;
    html! {
        <>
            <div class="matrix-scroll" ref={area} role="grid" tabindex="0" aria-label={text.matrix_keys}
                aria-rowcount={count.to_string()} aria-colcount={count.to_string()}
                aria-activedescendant={format!("cell-{}-{}", at.0, at.1)}
                onscroll={move |_: Event| measure()} {onkeydown}>
                <div class="matrix-size" role="presentation" style={size}>
                    <Cells grid={grid.clone()} window={*window} active={at} picked={Rc::new(selected(&store))}
                        point={pointed.setter()} />
                </div>
            </div>
            <p class="matrix-strip">{ strip(&store, grid, pointed.unwrap_or(at)) }</p>
        </>
    }
}

/// What the cell that is pointed at stands for, in words.
fn strip(store: &Store, grid: &Grid, at: At) -> String {
    // What a node sends to itself is nothing to be said.
    let cell = grid.cell(at, store.language).filter(|cell| cell.class != "is-self");
    let said = cell.map(|cell| cell.spoken);
    said.unwrap_or_else(|| store.text().matrix_strip.to_owned())
}

fn on_key(
    store: &Store,
    grid: &Grid,
    (area, active): (&NodeRef, &UseStateHandle<At>),
) -> Callback<KeyboardEvent> {
    let (store, grid, area, active) = (store.clone(), grid.clone(), area.clone(), active.clone());
    Callback::from(move |event: KeyboardEvent| {
        let (row, column) = grid.clamped(*active);
        let last = grid.nodes.len().saturating_sub(1);
        let to = match &*event.key() {
            "ArrowDown" => (row + 1, column),
            "ArrowUp" => (row.saturating_sub(1), column),
            "ArrowRight" => (row, column + 1),
            "ArrowLeft" => (row, column.saturating_sub(1)),
            "Home" => (row, 0),
            "End" => (row, last),
            "PageDown" => (row + 10, column),
            "PageUp" => (row.saturating_sub(10), column),
            "Enter" | " " => {
                event.prevent_default();
                return choose(&store, &grid, (row, column));
            }
            _ => return,
        };
        event.prevent_default();
        let to = grid.clamped(to);
        active.set(to);
        if let Some(area) = area.cast::<HtmlElement>() {
            window::reveal(&area, to);
        }
    })
}

/// Why something passes is a question, and so is why nothing does.
pub fn choose(store: &Store, grid: &Grid, at: At) {
    let Some(((from, to), (asks, edge))) = grid.ends(at).zip(grid.asked(at)) else {
        return;
    };
    if from.id == to.id {
        return;
    }
    if edge && grid.port.is_none() {
        store.dispatch(Action::PickEdge(from.id.clone(), to.id.clone()));
        return;
    }
    let form =
        FlowForm { from: from.ask.clone(), to: to.ask.clone(), ..asks_on(store, grid, asks) };
    store.dispatch(Action::Ask(form));
    store.dispatch(Action::Explain);
}

/// The port that the matrix is of, or else the one that was asked about last.
fn asks_on(store: &Store, grid: &Grid, port: Option<(u16, Protocol)>) -> FlowForm {
    let form = store.work.flow.clone();
    match port.or(grid.port) {
        Some((port, protocol)) => FlowForm { port: port.to_string(), protocol, ..form },
        None if form.port.trim().is_empty() => FlowForm { port: "80".into(), ..form },
        None => form,
    }
}

/// The cell under an event, from the place in its name.
fn place_of(event: &web_sys::Event) -> Option<At> {
    let cell = event.target()?.dyn_into::<web_sys::Element>().ok()?.closest("[data-at]").ok()??;
    let (row, column) = cell
        .get_attribute("data-at")?
        .split_once(' ')
        .map(|(row, column)| (row.parse::<usize>().ok(), column.parse::<usize>().ok()))?;
    row.zip(column)
}

/// How a pair is read out.
fn spoken(store_text: &str, from: &str, to: &str, ports: &str) -> String {
    fill(store_text, &[("from", from), ("to", to), ("ports", ports)])
}

fn name(grid: &Grid, at: usize, language: crate::text::Language) -> String {
    let node = grid.node(at);
    node.map_or_else(String::new, |node| names::full(node, language))
}
