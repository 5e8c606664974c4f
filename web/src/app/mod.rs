//! The page: its state, its worker, and what they do to the document.

mod address;
mod effects;
mod icons;
mod keeping;
mod panes;
mod share;
mod toast;
mod topbar;

use std::rc::Rc;

use yew::prelude::*;

pub use icons::{Fit, Logo};

use crate::examples;
use crate::state::links::Opened;
use crate::state::{Opening, Pane, Seen, Selection, State, Store, View, Work, links, sets};
use crate::text::Language;
use crate::worker::Asked;
use panes::{Panes, PhoneTabs};
use toast::ToastLine;
use topbar::TopBar;

/// Reads what is kept and draws the page.
pub async fn begin() {
    let shared = links::of_hash().await;
    let is_other = effects::names_other() || shared.is_some();
    let opening = sets::first(effects::example_of_hash(), is_other).await;
    let first = Rc::new(first_state(opening, shared));
    yew::Renderer::<App>::with_props(AppProps { first: First(first) }).render();
}

/// The state that the page begins with.
#[derive(Clone, PartialEq)]
pub struct First(Rc<State>);

#[derive(Properties, PartialEq)]
pub struct AppProps {
    first: First,
}

#[component]
pub fn App(props: &AppProps) -> Html {
    let first = props.first.0.clone();
    let store = use_reducer(move || (*first).clone());
    let worker = effects::use_worker(&store);
    effects::use_storage(&store);
    effects::use_seen(&store);
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

/// What the address has or names, or else what is kept.
fn first_state(mut opening: Opening, shared: Option<Opened>) -> State {
    let language = opening.language.unwrap_or_else(browser_language);
    let named = effects::example_of_hash();
    let said = shared.as_ref().map(|shared| share::opened(shared, language.text()));
    let mut is_kept = opening.work.is_some();
    if let Some(Opened::Work { work, .. }) = shared {
        opening.work = Some(*work);
        is_kept = false;
    }
    let work = opening.work.or_else(|| named.map(examples::Example::work));
    let mut state = State::new(work.unwrap_or_else(Work::empty), language, opening.theme);
    state.sets = opening.sets.into();
    state.solved = Rc::new(opening.solved);
    if state.work.flow.query().is_some() {
        state.selection = Selection::Flow;
    }
    let changed = |file: &&crate::state::File| {
        let original = state.work.example.and_then(|id| examples::text_of(id, &file.name));
        original.is_some_and(|text| text != &*file.text)
    };
    let changed = state.work.files.iter().filter(changed).map(|file| Rc::clone(&file.name));
    state.changed = Rc::new(changed.collect());
    if let Some(seen) = Seen::load().filter(|_| is_kept || effects::is_reload()) {
        seen.show(&mut state);
    }
    state.toast = said.or_else(|| effects::unknown_example(state.text()));
    state
}

fn browser_language() -> Language {
    let navigator = web_sys::window().map(|window| window.navigator());
    let tags = navigator.map(|navigator| navigator.languages()).unwrap_or_default();
    let tags = tags.iter().filter_map(|tag| tag.as_string());
    tags.into_iter().find_map(|tag| Language::of_tag(&tag)).unwrap_or(Language::English)
}
