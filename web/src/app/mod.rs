//! The page: its state, its worker, and what they do to the document.

mod effects;
mod icons;
mod panes;
mod toast;
mod topbar;

use std::rc::Rc;

use yew::prelude::*;

pub use icons::{Fit, Logo};

use crate::examples;
use crate::state::{Pane, Selection, State, Store, View, Work, load};
use crate::text::Language;
use crate::worker::Asked;
use panes::{Panes, PhoneTabs};
use toast::ToastLine;
use topbar::TopBar;

#[component]
pub fn App() -> Html {
    let store = use_reducer(first_state);
    let worker = effects::use_worker(&store);
    effects::use_storage(&store);
    effects::use_document(&store);
    effects::use_hash(&store);
    effects::use_keys(&store);
    let view = match (store.pane, store.view) {
        (Pane::Edit, _) => "edit",
        (Pane::Explain, _) => "explain",
        (Pane::View, View::Diagram) => "diagram",
        (Pane::View, View::Matrix) => "matrix",
        (Pane::View, View::List) => "list",
    };
    html! {
        <ContextProvider<Store> context={store.clone()}>
            <ContextProvider<Asked> context={Asked(worker)}>
                <div class="app" data-view={view}>
                    <TopBar />
                    <PhoneTabs />
                    <Panes />
                    <ToastLine />
                </div>
            </ContextProvider<Asked>>
        </ContextProvider<Store>>
    }
}

/// The example that the address names, or else what was there at the last visit.
fn first_state() -> State {
    let (stored, language, theme) = load();
    let language = language.unwrap_or_else(browser_language);
    let named = effects::example_of_hash();
    let same = |work: &Work| named.is_none() || work.example == named.map(|example| example.id);
    let work = match (stored.filter(same), named) {
        (Some(work), _) => work,
        (None, Some(example)) => example.work(),
        (None, None) => Work::empty(),
    };
    let mut state = State::new(work, language, theme);
    if state.work.flow.query().is_some() {
        state.selection = Selection::Flow;
    }
    let changed = |file: &&crate::state::File| {
        let original = state.work.example.and_then(|id| examples::text_of(id, &file.name));
        original.is_some_and(|text| text != &*file.text)
    };
    let changed = state.work.files.iter().filter(changed).map(|file| Rc::clone(&file.name));
    state.changed = Rc::new(changed.collect());
    state
}

fn browser_language() -> Language {
    let navigator = web_sys::window().map(|window| window.navigator());
    let tags = navigator.map(|navigator| navigator.languages()).unwrap_or_default();
    let tags = tags.iter().filter_map(|tag| tag.as_string());
    tags.into_iter().find_map(|tag| Language::of_tag(&tag)).unwrap_or(Language::English)
}
