//! Tabs of files: choose, add, rename, close.

use std::rc::Rc;

use web_sys::{HtmlInputElement, ScrollIntoViewOptions, ScrollLogicalPosition};
use yew::prelude::*;

use crate::state::{Action, File, use_store};
use crate::text::fill;

#[derive(Properties, PartialEq)]
pub struct TabsProps {
    pub add: Callback<Vec<File>>,
}

#[component]
pub fn Tabs(props: &TabsProps) -> Html {
    let store = use_store();
    let text = store.text();
    let renamed = use_state(|| None::<Rc<str>>);
    let onclick = {
        let (store, add) = (store.clone(), props.add.clone());
        move |_: MouseEvent| {
            let name = store.work.free_name("policies.yaml");
            add.emit(vec![File { name: name.into(), text: "".into() }]);
        }
    };
    let rename = {
        let renamed = renamed.clone();
        Callback::from(move |name| renamed.set(name))
    };
    let tab = |file: &File| {
        let name = Rc::clone(&file.name);
        if renamed.as_ref() == Some(&name) {
            html! { <Rename key={&*name} name={name.clone()} done={rename.clone()} /> }
        } else {
            html! { <Tab key={&*name} name={name.clone()} rename={rename.clone()} /> }
        }
    };
    html! {
        <div class="tabs">
            <div class="tab-list" role="tablist" aria-label={text.files} onkeydown={step}>
                { for store.work.files.iter().map(tab) }
            </div>
            <button class="tab-add" aria-label={text.add_file} title={text.add_file} {onclick}>{ "+" }</button>
        </div>
    }
}

#[derive(Properties, PartialEq)]
struct TabProps {
    name: Rc<str>,
    rename: Callback<Option<Rc<str>>>,
}

#[component]
fn Tab(props: &TabProps) -> Html {
    let store = use_store();
    let text = store.text();
    let name = Rc::clone(&props.name);
    let open = store.work.open == name;
    let act = |action: fn(Rc<str>) -> Action| {
        let (store, name) = (store.clone(), Rc::clone(&name));
        move || store.dispatch(action(Rc::clone(&name)))
    };
    let (choose, close) = (act(Action::Open), act(Action::Close));
    let rename = {
        let (rename, name) = (props.rename.clone(), Rc::clone(&name));
        move || rename.emit(Some(Rc::clone(&name)))
    };
    let onkeydown = {
        let (rename, close) = (rename.clone(), close.clone());
        move |event: KeyboardEvent| match &*event.key() {
            "F2" => rename(),
            "Delete" => close(),
            _ => {}
        }
    };
    let onclose = move |event: MouseEvent| {
        event.stop_propagation();
        close();
    };
    let changed = store.changed.contains(&name);
    let button = use_node_ref();
    use_effect_with(open, {
        let button = button.clone();
        move |open| {
            if let Some(button) = button.cast::<web_sys::Element>().filter(|_| *open) {
                let how = ScrollIntoViewOptions::new();
                how.set_block(ScrollLogicalPosition::Nearest);
                how.set_inline(ScrollLogicalPosition::Nearest);
                button.scroll_into_view_with_scroll_into_view_options(&how);
            }
        }
    });
    html! {
        <button ref={button} class="tab" role="tab" aria-selected={open.to_string()} tabindex={if open { "0" } else { "-1" }}
            aria-keyshortcuts="F2 Delete" title={format!("{name}: {}", text.file_keys)}
            onclick={move |_: MouseEvent| choose()} ondblclick={move |_: MouseEvent| rename()} {onkeydown}>
            <span class="tab-name">{ name.to_string() }</span>
            if changed {
                <i class="tab-dot" role="img" aria-label={text.file_changed} />
            }
            if open {
                // For the mouse; the keyboard has the Delete key.
                <i class="tab-close" aria-hidden="true" title={fill(text.close_file, &[("name", &name)])} onclick={onclose}>{ "×" }</i>
            }
        </button>
    }
}

/// Arrow keys move between tabs, as in every list of tabs.
fn step(event: KeyboardEvent) {
    let forward = match &*event.key() {
        "ArrowRight" => true,
        "ArrowLeft" => false,
        _ => return,
    };
    let Some(tab) = event.target_dyn_into::<web_sys::HtmlElement>() else {
        return;
    };
    let next = if forward { tab.next_element_sibling() } else { tab.previous_element_sibling() };
    if let Some(next) =
        next.and_then(|next| wasm_bindgen::JsCast::dyn_into::<web_sys::HtmlElement>(next).ok())
    {
        next.click();
        let _ = next.focus();
    }
}

#[derive(Properties, PartialEq)]
struct RenameProps {
    name: Rc<str>,
    done: Callback<Option<Rc<str>>>,
}

/// In place of a tab: Enter takes the name, Escape or leaving keeps the old one.
#[component]
fn Rename(props: &RenameProps) -> Html {
    let store = use_store();
    let input = use_node_ref();
    {
        let input = input.clone();
        use_effect_with((), move |()| {
            if let Some(input) = input.cast::<HtmlInputElement>() {
                let _ = input.focus();
                input.select();
            }
        });
    }
    let onkeydown = {
        let (store, input) = (store.clone(), input.clone());
        let (name, done) = (Rc::clone(&props.name), props.done.clone());
        move |event: KeyboardEvent| {
            event.stop_propagation();
            let new = input.cast::<HtmlInputElement>().map(|input| input.value());
            if let (Some(new), "Enter") = (new, &*event.key()) {
                store.dispatch(Action::Rename(Rc::clone(&name), new.trim().into()));
            }
            if matches!(&*event.key(), "Enter" | "Escape") {
                done.emit(None);
            }
        }
    };
    let onblur = {
        let done = props.done.clone();
        move |_: FocusEvent| done.emit(None)
    };
    let label = fill(store.text().rename, &[("name", &props.name)]);
    html! {
        <input ref={input} class="field tab-rename" value={props.name.to_string()} aria-label={label}
            spellcheck="false" {onkeydown} {onblur} />
    }
}
