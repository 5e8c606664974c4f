//! The middle pane: the diagram, or the same answer as a matrix or a list; above it what cannot be
//! shown, below it the flow bar.

mod assume;
mod bars;
mod changes;
mod data;
mod host;
mod labels;
mod lone;

use web_sys::HtmlInputElement;
use yew::prelude::*;

use crate::app::Logo;
use crate::examples::{INVITATIONS, find};
use crate::flow_bar::FlowBar;
use crate::list::ListView;
use crate::matrix::MatrixView;
use crate::state::{Action, Pane, View, use_store};
use crate::text::{count, fill};
pub use bars::LineLink;
use bars::{BrokenBar, NoteBar};
use changes::{ChangesView, PinButtons};
#[cfg(test)]
pub use data::graph_data;
use host::Host;
use lone::Lone;

#[component]
pub fn DiagramPane() -> Html {
    let store = use_store();
    let view = store.view;
    html! {
        <section class="pane pane-diagram" aria-label={store.text().diagram}>
            <Toolbar />
            <BrokenBar />
            <NoteBar />
            <div class="stage">
                <div class={classes!("progress", store.working.then_some("is-running"))} aria-hidden="true" />
                <Host />
                if store.is_empty() {
                    <Invitation />
                } else if store.scene.as_deref().is_some_and(|scene| !scene.lone.is_empty()) {
                    <Lone />
                } else if store.comparing {
                    <ChangesView />
                } else if view == View::List {
                    <ListView />
                } else if view == View::Matrix {
                    <MatrixView />
                }
            </div>
            <FlowBar />
        </section>
    }
}

#[component]
fn Toolbar() -> Html {
    let store = use_store();
    let text = store.text();
    let button = |view: View, name: &'static str| {
        let now = store.view == view && !store.comparing;
        let store = store.clone();
        let onclick = move |_: MouseEvent| store.dispatch(Action::Show(view));
        html! { <button aria-pressed={now.to_string()} {onclick}>{ name }</button> }
    };
    let oninput = {
        let store = store.clone();
        move |event: InputEvent| {
            let filter = event.target_unchecked_into::<HtmlInputElement>().value();
            store.dispatch(Action::Filter(filter.trim().into()));
        }
    };
    html! {
        <div class="toolbar">
            <div class="segmented" role="group" aria-label={text.view}>
                { button(View::Diagram, text.diagram) }
                { button(View::Matrix, text.matrix) }
                { button(View::List, text.list) }
            </div>
            <input class="field filter" type="search" placeholder={text.filter} aria-label={text.filter_label}
                title={text.filter_label} value={store.filter.to_string()} {oninput} />
            <PinButtons />
            <span class="spacer" />
            <span class="toolbar-stats">{ stats(&store) }</span>
            <DrawerToggle />
        </div>
    }
}

/// Where there is no room for three panes: shows the inspector, and hides it again.
#[component]
fn DrawerToggle() -> Html {
    let store = use_store();
    let text = store.text();
    let shown = store.pane == Pane::Explain;
    let onclick = {
        let store = store.clone();
        move |_: MouseEvent| {
            store.dispatch(Action::ShowPane(if shown { Pane::View } else { Pane::Explain }));
        }
    };
    html! { <button class="btn is-small drawer-toggle" aria-pressed={shown.to_string()} {onclick}>{ text.inspector }</button> }
}

fn stats(state: &crate::state::State) -> String {
    let Some(scene) = state.scene.as_deref().filter(|_| !state.is_empty()) else {
        return String::new();
    };
    let text = state.text();
    let ms =
        if state.took < 10.0 { format!("{:.1}", state.took) } else { format!("{:.0}", state.took) };
    let workloads = count(text.workloads, scene.summary.workloads);
    let policies = count(text.policies, scene.summary.policies);
    fill(text.stats, &[("workloads", &workloads), ("policies", &policies), ("ms", &ms)])
}

/// The page before there is anything on it.
#[component]
fn Invitation() -> Html {
    let store = use_store();
    let text = store.text();
    let example = |id: &'static str| {
        let example = find(id)?;
        let store = store.clone();
        let language = store.language;
        let onclick = move |_: MouseEvent| store.dispatch(Action::Begin(Box::new(example.work())));
        Some(html! {
            <button class="empty-example" {onclick}>
                <b>{ language.of(&example.title) }</b><span>{ language.of(&example.summary) }</span>
            </button>
        })
    };
    let (before, after) = text.empty_text.split_once("{command}").unwrap_or((text.empty_text, ""));
    html! {
        <div class="empty">
            <div class="empty-box">
                <Logo />
                <h2 class="empty-title">{ text.empty_title }</h2>
                <p>{ before }<code>{ "kubectl get … -o yaml" }</code>{ after }</p>
                <div class="empty-examples">{ for INVITATIONS.into_iter().filter_map(example) }</div>
                <p class="empty-more"><button class="link" onclick={open_menu}>{ text.all_examples }</button></p>
            </div>
        </div>
    }
}

fn open_menu(event: MouseEvent) {
    // Or the click would close it again, as one beside the menu.
    event.stop_propagation();
    let menu = gloo::utils::document().query_selector(".examples-menu").ok().flatten();
    if let Some(menu) = menu {
        let _ = menu.set_attribute("open", "");
        let first = menu.query_selector(".menu-item").ok().flatten();
        if let Some(first) =
            first.and_then(|item| wasm_bindgen::JsCast::dyn_into::<web_sys::HtmlElement>(item).ok())
        {
            let _ = first.focus();
        }
    }
}
