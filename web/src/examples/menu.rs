//! The menu of examples, with steps to the one before and the one after.

use wasm_bindgen::JsCast;
use web_sys::HtmlDetailsElement;
use yew::prelude::*;

use super::sets::SetItem;
use super::{EXAMPLES, Example};
use crate::state::{Action, Work, sets, use_store};
use crate::text::fill;

#[component]
pub fn ExampleMenu() -> Html {
    let store = use_store();
    let text = store.text();
    let at = EXAMPLES.iter().position(|example| Some(example.id) == store.work.example);
    let now = at.and_then(|at| EXAMPLES.get(at));
    let (label, name) = match (at, now) {
        (Some(at), Some(example)) => {
            let (n, all) = ((at + 1).to_string(), EXAMPLES.len().to_string());
            (fill(text.example_of, &[("n", &n), ("all", &all)]), *store.language.of(&example.title))
        }
        // On a phone there is room for the name only.
        _ if store.is_empty() => (String::new(), text.examples),
        _ => (text.examples.to_owned(), text.own_work),
    };
    let step = |to: Option<&'static Example>, label: &'static str, sign: &'static str| {
        let store = store.clone();
        let onclick = move |_: MouseEvent| {
            if let Some(example) = to {
                store.dispatch(Action::Begin(Box::new(example.work())));
            }
        };
        html! { <button class="lesson-step" aria-label={label} disabled={to.is_none()} {onclick}>{ sign }</button> }
    };
    let before = at.and_then(|at| at.checked_sub(1)).and_then(|at| EXAMPLES.get(at));
    let after = EXAMPLES.get(at.map_or(0, |at| at + 1));
    html! {
        <div class="lesson">
            <details class="menu examples-menu">
                <summary class="lesson-label">if !label.is_empty() { <b>{ label }</b> }<span class="lesson-name">{ name }</span></summary>
                <div class="menu-panel"><MenuItems /></div>
            </details>
            { step(before, text.previous, "‹") }
            { step(after, text.next, "›") }
        </div>
    }
}

#[component]
fn MenuItems() -> Html {
    let store = use_store();
    let text = store.text();
    let item = |example: &'static Example| {
        let dispatch = store.dispatcher();
        let onclick = move |event: MouseEvent| {
            close(&event);
            dispatch.dispatch(Action::Begin(Box::new(example.work())));
        };
        let current = (store.work.example == Some(example.id)).then_some("true");
        html! {
            <button class="menu-item" aria-current={current} {onclick}>
                { store.language.of(&example.title) }
                if store.solved.contains(example.id) { <span class="menu-done">{ text.goal_met }</span> }
                <span class="menu-note">{ store.language.of(&example.summary) }</span>
            </button>
        }
    };
    let empty = {
        let dispatch = store.dispatcher();
        move |event: MouseEvent| {
            close(&event);
            dispatch.dispatch(Action::Begin(Box::new(Work::empty())));
        }
    };
    let forget = {
        let dispatch = store.dispatcher();
        move |event: MouseEvent| {
            close(&event);
            let dispatch = dispatch.clone();
            wasm_bindgen_futures::spawn_local(async move {
                sets::forget().await;
                dispatch.dispatch(Action::Forget);
            });
        }
    };
    let lesson = {
        let dispatch = store.dispatcher();
        move |event: MouseEvent| {
            close(&event);
            dispatch.dispatch(Action::ShowLesson(true));
        }
    };
    let solved = EXAMPLES.iter().filter(|example| store.solved.contains(example.id)).count();
    let (n, all) = (solved.to_string(), EXAMPLES.len().to_string());
    let title = match solved {
        0 => text.examples.to_owned(),
        _ => fill(text.examples_solved, &[("n", &n), ("all", &all)]),
    };
    html! {
        <>
            if store.work.example.is_some() && !store.lesson {
                <button class="menu-item" onclick={lesson}>{ text.show_lesson }</button>
            }
            <div class="menu-title">{ text.own_work }</div>
            { for store.sets.iter().map(|set| html! { <SetItem key={set.id.clone()} set={set.clone()} /> }) }
            <button class="menu-item" onclick={empty}>{ text.start_empty }<span class="menu-note">{ text.start_empty_note }</span></button>
            <div class="menu-title">{ title }</div>
            { for EXAMPLES.iter().map(item) }
            if !store.sets.is_empty() {
                <div class="menu-title">{ text.stored }</div>
                <button class="menu-item is-danger" onclick={forget}>{ text.forget_all }<span class="menu-note">{ text.forget_note }</span></button>
            }
        </>
    }
}

pub fn close(event: &MouseEvent) {
    let item = event.target_dyn_into::<web_sys::Element>();
    let menu = item.and_then(|item| item.closest("details").ok().flatten());
    if let Some(menu) = menu.and_then(|menu| menu.dyn_into::<HtmlDetailsElement>().ok()) {
        menu.set_open(false);
    }
}
