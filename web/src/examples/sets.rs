//! The user's own manifests in the menu: open, rename, delete.

use wasm_bindgen::JsCast;
use web_sys::HtmlInputElement;
use yew::prelude::*;

use std::rc::Rc;

use super::menu::close;
use crate::state::{Action, SetName, Store, Toast, sets, use_store};
use crate::text::{Language, count, fill};

#[derive(Properties, PartialEq)]
pub struct SetProps {
    pub set: SetName,
}

#[component]
pub fn SetItem(props: &SetProps) -> Html {
    let store = use_store();
    let text = store.text();
    let set = &props.set;
    let renamed = use_state(|| false);
    if *renamed {
        let done = {
            let renamed = renamed.clone();
            Callback::from(move |()| renamed.set(false))
        };
        return html! { <Rename set={set.clone()} {done} /> };
    }
    let open = opener(&store, set);
    let rename = move |event: MouseEvent| {
        event.stop_propagation();
        renamed.set(true);
    };
    let remove = remover(&store, set);
    let current = (store.work.id.as_deref() == Some(&*set.id)).then_some("true");
    let note =
        format!("{} · {}", count(text.some_files, set.files), time(set.time, store.language));
    html! {
        <div class="menu-set">
            <button class="menu-item" aria-current={current} onclick={open}>{ set.name.clone() }<span class="menu-note">{ note }</span></button>
            <button class="menu-act" aria-label={fill(text.rename_set, &[("name", &set.name)])} title={text.rename_short} onclick={rename}>{ "✎" }</button>
            <button class="menu-act" aria-label={fill(text.delete_set, &[("name", &set.name)])} title={text.delete_short} onclick={remove}>{ "×" }</button>
        </div>
    }
}

fn opener(store: &Store, set: &SetName) -> Callback<MouseEvent> {
    let (store, id) = (store.clone(), set.id.clone());
    Callback::from(move |event: MouseEvent| {
        close(&event);
        if store.work.id.as_deref() == Some(&*id) {
            return;
        }
        let (dispatch, id) = (store.dispatcher(), id.clone());
        wasm_bindgen_futures::spawn_local(async move {
            if let Some(work) = sets::open(&id).await {
                dispatch.dispatch(Action::Begin(Box::new(work)));
            }
        });
    })
}

/// Deletes a set, which is offered again; the one that is open here goes on without being kept.
fn remover(store: &Store, set: &SetName) -> Callback<MouseEvent> {
    let (store, id) = (store.clone(), set.id.clone());
    Callback::from(move |event: MouseEvent| {
        event.stop_propagation();
        let (store, id) = (store.clone(), id.clone());
        wasm_bindgen_futures::spawn_local(async move {
            let work = sets::remove(&id).await;
            if store.work.id.as_deref() == Some(&*id) {
                store.dispatch(Action::Forget);
            }
            store.dispatch(Action::Kept(sets::names().await.into()));
            store.dispatch(Action::Say(work.map(|work| Toast::Deleted(Rc::new(work)))));
        });
    })
}

#[derive(Properties, PartialEq)]
struct RenameProps {
    set: SetName,
    done: Callback<()>,
}

/// In place of the name: Enter and leaving take the new one, Escape keeps the old one.
#[component]
fn Rename(props: &RenameProps) -> Html {
    let store = use_store();
    let input = use_node_ref();
    use_effect_with((), {
        let input = input.clone();
        move |()| {
            if let Some(input) = input.cast::<HtmlInputElement>() {
                let _ = input.focus();
                input.select();
            }
        }
    });
    let take = {
        let (store, set, done) = (store.clone(), props.set.clone(), props.done.clone());
        move |name: String| {
            rename(&store, &set, name.trim());
            done.emit(());
        }
    };
    let onblur = {
        let take = take.clone();
        move |event: FocusEvent| {
            if let Some(input) = event.target_dyn_into::<HtmlInputElement>() {
                take(input.value());
            }
        }
    };
    let onkeydown = {
        let done = props.done.clone();
        move |event: KeyboardEvent| {
            event.stop_propagation();
            let input =
                event.target().and_then(|target| target.dyn_into::<HtmlInputElement>().ok());
            match (&*event.key(), input) {
                ("Enter", Some(input)) => take(input.value()),
                ("Escape", _) => done.emit(()),
                _ => {}
            }
        }
    };
    let label = fill(store.text().rename, &[("name", &props.set.name)]);
    html! {
        <div class="menu-set">
            <input ref={input} class="field" value={props.set.name.clone()} aria-label={label} spellcheck="false" {onkeydown} {onblur} />
        </div>
    }
}

fn rename(store: &Store, set: &SetName, name: &str) {
    if name.is_empty() || name == set.name {
        return;
    }
    if store.work.id.as_deref() == Some(&*set.id) {
        store.dispatch(Action::Name(name.into()));
        return;
    }
    let (dispatch, id, name) = (store.dispatcher(), set.id.clone(), name.to_owned());
    wasm_bindgen_futures::spawn_local(async move {
        sets::rename(&id, &name).await;
        dispatch.dispatch(Action::Kept(sets::names().await.into()));
    });
}

/// Day and time, as the language writes them.
fn time(time: f64, language: Language) -> String {
    let options = js_sys::Object::new();
    for (key, value) in [("dateStyle", "medium"), ("timeStyle", "short")] {
        // Fails only on what is no object.
        let _ = js_sys::Reflect::set(&options, &key.into(), &value.into());
    }
    let date = js_sys::Date::new(&time.into());
    date.to_locale_string(language.tag(), &options).into()
}
