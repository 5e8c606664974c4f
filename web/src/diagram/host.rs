//! Holds the JavaScript diagram and keeps it in step with the state.

use std::rc::Rc;

use serde::{Deserialize, Serialize};
use wasm_bindgen::prelude::*;
use web_sys::Element;
use yew::prelude::*;

use super::data::{graph_data, selected_ids};
use super::labels::Labels;
use crate::app::Fit;
use crate::js::{self, GraphHandle, object, put};
use crate::state::{Action, Bundle, Selection, State, Store, View, use_store};
use crate::worker::message::Node;

/// The diagram with the functions that it calls, which must live as long as it does.
struct Diagram {
    handle: GraphHandle,
    _edge: Closure<dyn Fn(String, String)>,
    _node: Closure<dyn Fn(String)>,
    _bundle: Closure<dyn Fn(JsValue)>,
    _clear: Closure<dyn Fn()>,
}

impl Drop for Diagram {
    fn drop(&mut self) {
        self.handle.destroy();
    }
}

type Held = Option<Rc<Diagram>>;

#[component]
pub fn Host() -> Html {
    let store = use_store();
    let parent = use_node_ref();
    let diagram = use_state(|| None::<Rc<Diagram>>);
    {
        let (parent, diagram, dispatch) = (parent.clone(), diagram.setter(), store.dispatcher());
        let labels = object(&Labels::new(store.text()));
        use_effect_with((), move |()| {
            if let Some(parent) = parent.cast::<Element>() {
                wasm_bindgen_futures::spawn_local(async move {
                    diagram.set(create(parent, dispatch, labels).await.map(Rc::new));
                });
            }
        });
    }
    use_data(&store, &diagram);
    let shown = store.view == View::Diagram && !store.is_empty();
    html! {
        <>
            // Kept in the layout, where it goes on measuring, but out of sight and out of reach.
            <div class={classes!("graph-host", (!shown).then_some("is-behind"))} ref={parent} />
            if shown {
                <Legend />
                <Zoom handle={HandleRef((*diagram).clone())} />
            }
        </>
    }
}

async fn create(
    parent: Element,
    dispatch: UseReducerDispatcher<State>,
    labels: JsValue,
) -> Option<Diagram> {
    let send = move || dispatch.clone();
    let to = send();
    let edge = Closure::<dyn Fn(String, String)>::new(move |from, end| {
        to.dispatch(Action::PickEdge(from, end));
    });
    let to = send();
    let node = Closure::<dyn Fn(String)>::new(move |node| to.dispatch(Action::PickNode(node)));
    let to = send();
    let bundle = Closure::<dyn Fn(JsValue)>::new(move |bundle| {
        to.dispatch(Action::PickBundle(bundle_of(bundle)));
    });
    let to = send();
    let clear = Closure::<dyn Fn()>::new(move || to.dispatch(Action::Unpick));
    let options: JsValue = js_sys::Object::new().into();
    put(&options, "onSelectEdge", edge.as_ref());
    put(&options, "onSelectNode", node.as_ref());
    put(&options, "onSelectBundle", bundle.as_ref());
    put(&options, "onClear", clear.as_ref());
    put(&options, "labels", &labels);
    let handle = js::create_graph(&parent, &options).await.ok()?.unchecked_into();
    Some(Diagram { handle, _edge: edge, _node: node, _bundle: bundle, _clear: clear })
}

/// What the diagram says of a line.
#[derive(Deserialize)]
struct DrawnBundle {
    edges: Vec<String>,
}

/// The flows that a line of the diagram stands for.
fn bundle_of(bundle: JsValue) -> Bundle {
    let bundle: Option<DrawnBundle> = serde_wasm_bindgen::from_value(bundle).ok();
    let ids = bundle.into_iter().flat_map(|bundle| bundle.edges);
    let ends = ids.filter_map(|id| {
        let (from, to) = id.split_once('\n')?;
        Some((from.to_owned(), to.to_owned()))
    });
    let edges: Vec<(String, String)> = ends.collect();
    Bundle { all: edges.len(), edges }
}

#[derive(Serialize)]
struct How {
    relayout: bool,
}

#[hook]
fn use_data(store: &Store, diagram: &Held) {
    let there = diagram.is_some();
    let work = use_mut_ref(|| 0);
    let scene = store.scene.as_ref().map(Rc::as_ptr);
    // A denied flow is drawn only while it is the one that is asked about.
    let asked =
        matches!(store.selection, Selection::Flow).then_some(store.answer.as_ref().map(Rc::as_ptr));
    let deps = (there, scene, asked, (Rc::clone(&store.filter), store.language), store.work_number);
    use_effect_with(deps, {
        let (diagram, store) = (diagram.clone(), store.clone());
        move |(_, _, _, _, number)| {
            let (Some(diagram), Some(data)) = (diagram, graph_data(&store)) else {
                return;
            };
            let relayout = work.replace(*number) != *number;
            diagram.handle.set_data(&object(&data), &object(&How { relayout }));
        }
    });
    use_effect_with((there, selected_ids(store), scene), {
        let diagram = diagram.clone();
        move |(_, ids, _)| diagram.iter().for_each(|diagram| diagram.handle.select(&object(ids)))
    });
    use_effect_with((there, store.language), {
        let diagram = diagram.clone();
        move |(_, language)| {
            let labels = object(&Labels::new(language.text()));
            diagram.iter().for_each(|diagram| diagram.handle.set_labels(&labels));
        }
    });
}

#[component]
fn Legend() -> Html {
    let store = use_store();
    let text = store.text();
    let denied = matches!(
        store.answer.as_deref(),
        Some(crate::worker::message::FlowAnswer::Judged(judged))
            if judged.report.verdict == portcullis_engine::report::Verdict::Deny
    );
    let unknown = store.scene.as_deref().is_some_and(|scene| {
        (1..=super::data::UNKNOWN_DRAWN).contains(&super::data::unknown_edges(scene))
    });
    let selected = store.scene.as_deref().is_some_and(|scene| {
        let mut policed = scene.nodes.iter().flat_map(|node| [node.ingress, node.egress]);
        policed.any(|policed| policed == Some(crate::worker::message::Policed::Selected))
    });
    let open = store.scene.as_deref().is_some_and(|scene| scene.nodes.iter().any(Node::is_open));
    html! {
        <div class="legend">
            <span class="legend-item"><i class="legend-mark" />{ text.legend_allowed }</span>
            if denied {
                <span class="legend-item"><i class="legend-mark is-closed" />{ text.legend_denied }</span>
            }
            if unknown {
                <span class="legend-item"><i class="legend-mark is-unknown" />{ text.legend_unknown }</span>
            }
            if selected {
                <span class="legend-item"><i class="legend-mark is-ingress is-hollow" /><i class="legend-mark is-egress is-hollow" />{ text.legend_cluster }</span>
            }
            if open {
                <span class="legend-item" title={text.legend_open_note}><i class="legend-mark is-open" />{ text.legend_open }</span>
            }
            <span class="legend-item"><i class="legend-mark is-ingress" />{ text.legend_ingress }<i class="legend-mark is-egress" />{ text.legend_egress }</span>
        </div>
    }
}

#[derive(Clone)]
struct HandleRef(Held);

impl PartialEq for HandleRef {
    fn eq(&self, other: &Self) -> bool {
        match (&self.0, &other.0) {
            (Some(a), Some(b)) => Rc::ptr_eq(a, b),
            (a, b) => a.is_none() && b.is_none(),
        }
    }
}

#[derive(Properties, PartialEq)]
struct ZoomProps {
    handle: HandleRef,
}

#[component]
fn Zoom(props: &ZoomProps) -> Html {
    let text = use_store().text();
    let act = |act: fn(&GraphHandle)| {
        let diagram = props.handle.0.clone();
        move |_: MouseEvent| diagram.iter().for_each(|diagram| act(&diagram.handle))
    };
    html! {
        <div class="zoom">
            <button aria-label={text.zoom_in} title={text.zoom_in} onclick={act(GraphHandle::zoom_in)}>{ "+" }</button>
            <button aria-label={text.zoom_out} title={text.zoom_out} onclick={act(GraphHandle::zoom_out)}>{ "−" }</button>
            <button aria-label={text.zoom_fit} title={text.zoom_fit} onclick={act(GraphHandle::fit)}><Fit /></button>
        </div>
    }
}
