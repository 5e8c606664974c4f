//! What follows from a state outside of what is drawn: questions to the worker, attributes of the
//! document, keys that work everywhere; with `keeping`, what is stored, and `address`.

use std::rc::Rc;

use gloo::events::EventListener;
use gloo::utils::{document, document_element};
use wasm_bindgen::JsCast;
use web_sys::{ClipboardEvent, HtmlDetailsElement, HtmlElement, KeyboardEvent};
use yew::prelude::*;

use crate::state::{Action, File, State, Theme, save_language, save_theme};
use crate::worker::{Client, Event as Heard, Wanted};

pub use super::address::{example_of_hash, is_reload, names_other, unknown_example, use_hash};
pub use super::keeping::{use_seen, use_storage};

pub type Page = UseReducerHandle<State>;

/// Asks the worker whenever texts or questions change; whom the editor may ask, too.
#[hook]
pub fn use_worker(store: &Page) -> Rc<Client> {
    let dispatch = store.dispatcher();
    let client = use_memo((), move |()| {
        Client::new(Callback::from(move |event| {
            dispatch.dispatch(match event {
                Heard::Replied(reply) => Action::Replied(reply),
                Heard::Found(findings) => Action::Found(findings),
                Heard::Changed(changes) => Action::Changed(changes),
                Heard::Working(working) => Action::Working(working),
                Heard::Stopped => Action::Stopped,
            });
        }))
    });
    let files = store.work.files.iter().map(|file| (file.name.clone(), file.text.clone()));
    let wanted = Wanted {
        work: store.work_number,
        files: files.collect(),
        assume: store.work.assume.clone(),
        pinned: store.pinned.clone(),
        question: store.question(),
    };
    let asked = Rc::clone(&client);
    use_effect_with(store.revision, move |_| client.want(wanted));
    asked
}

/// Language, title and theme of the document.
#[hook]
pub fn use_document(store: &Page) {
    let first = use_mut_ref(|| true);
    use_effect_with((store.language, store.theme), move |(language, theme)| {
        let root = document_element();
        let _ = root.set_attribute("lang", language.tag());
        document().set_title(language.text().title);
        let _ = match theme {
            Theme::System => root.remove_attribute("data-theme"),
            Theme::Light => root.set_attribute("data-theme", "light"),
            Theme::Dark => root.set_attribute("data-theme", "dark"),
        };
        // What was never chosen is not stored, so that it goes on following the system.
        if !first.replace(false) {
            save_language(*language);
            save_theme(*theme);
        }
    });
}

/// Escape closes menus, then clears the selection; a paste beside the editor adds a file.
#[hook]
pub fn use_keys(store: &Page) {
    let dispatch = store.dispatcher();
    use_effect_with((), move |()| {
        let keys = dispatch.clone();
        let pressed = EventListener::new(&document(), "keydown", move |event| {
            if let Some(event) = event.dyn_ref::<KeyboardEvent>()
                && event.key() == "Escape"
                && !close_menus()
                && !is_typing(event)
            {
                keys.dispatch(Action::Unpick);
            }
        });
        let clicked = EventListener::new(&document(), "click", close_other_menus);
        let pasted = EventListener::new(&document(), "paste", move |event| {
            if let Some(text) = pasted_text(event) {
                let file = File { name: "pasted.yaml".into(), text: text.into() };
                dispatch.dispatch(Action::Add(vec![file]));
            }
        });
        move || drop((pressed, clicked, pasted))
    });
}

fn open_menus() -> Vec<HtmlDetailsElement> {
    let Ok(menus) = document().query_selector_all("details.menu[open]") else {
        return Vec::new();
    };
    (0..menus.length()).filter_map(|i| menus.get(i)?.dyn_into().ok()).collect()
}

/// Closes open menus and gives the focus back to what opened them. False if there was none.
fn close_menus() -> bool {
    let menus = open_menus();
    for menu in &menus {
        menu.set_open(false);
        let opener = menu.query_selector("summary").ok().flatten();
        if let Some(opener) = opener.and_then(|opener| opener.dyn_into::<HtmlElement>().ok()) {
            let _ = opener.focus();
        }
    }
    !menus.is_empty()
}

fn close_other_menus(event: &web_sys::Event) {
    let target = event.target().and_then(|target| target.dyn_into::<web_sys::Node>().ok());
    for menu in open_menus() {
        if !menu.contains(target.as_ref()) {
            menu.set_open(false);
        }
    }
}

fn is_typing(event: &web_sys::Event) -> bool {
    let target = event.target().and_then(|target| target.dyn_into::<HtmlElement>().ok());
    target.is_some_and(|target| {
        target.is_content_editable()
            || matches!(&*target.tag_name(), "INPUT" | "SELECT" | "TEXTAREA")
    })
}

fn pasted_text(event: &web_sys::Event) -> Option<String> {
    if is_typing(event) {
        return None;
    }
    let data = event.dyn_ref::<ClipboardEvent>()?.clipboard_data()?;
    let text = data.get_data("text").ok()?;
    (!text.trim().is_empty()).then_some(text)
}
