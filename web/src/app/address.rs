//! The address names the example, and steps of the browser's history lead back to what was there.

use gloo::events::EventListener;
use gloo::utils::window;
use wasm_bindgen::{JsCast, JsValue};
use yew::prelude::*;

use super::effects::Page;
use super::share;
use crate::examples::{self, Example};
use crate::state::links::{self, Opened};
use crate::state::{Action, Toast, sets};
use crate::text::{Text, fill};

const EXAMPLE: &str = "#example=";

/// The example that the address names.
pub fn example_of_hash() -> Option<&'static Example> {
    examples::find(&named_by_hash()?)
}

fn named_by_hash() -> Option<String> {
    let hash = window().location().hash().ok()?;
    hash.strip_prefix(EXAMPLE).map(str::to_owned)
}

/// Whether the address names something that there is not.
pub fn names_other() -> bool {
    named_by_hash().is_some_and(|id| examples::find(&id).is_none())
}

/// What is said where the address names an example that there is not.
pub fn unknown_example(text: &Text) -> Option<Toast> {
    let id = named_by_hash().filter(|_| names_other())?;
    Some(Toast::Say(fill(text.unknown_example, &[("name", &id)])))
}

/// Whether the page was here before in this tab: loaded again, not come to.
pub fn is_reload() -> bool {
    let entries = window().performance().map(|clock| clock.get_entries_by_type("navigation"));
    let first = entries.map(|entries| entries.get(0));
    let kind = first.and_then(|entry| js_sys::Reflect::get(&entry, &"type".into()).ok());
    kind.and_then(|kind| kind.as_string()).is_some_and(|kind| kind == "reload")
}

/// The address names the example, and another address is another example. An entry of the history
/// that is of the user's own manifests has the id of their set.
#[hook]
pub fn use_hash(store: &Page) {
    let first = use_mut_ref(|| true);
    let deps = (store.work.example, store.work.id.clone());
    use_effect_with(deps.clone(), move |(example, id)| {
        let hash = example.map_or_else(String::new, |id| format!("{EXAMPLE}{id}"));
        let location = window().location();
        let address = format!("{}{hash}", location.pathname().unwrap_or_default());
        let state = id.as_deref().map_or(JsValue::NULL, JsValue::from_str);
        let first = first.replace(false);
        let Ok(history) = window().history() else {
            return;
        };
        // The way back must not lead to where the page itself was opened, and what began as this
        // is still this.
        let same = location.hash().is_ok_and(|now| now == hash);
        let before = history.state().ok().and_then(|state| state.as_string());
        let named = same && (before.is_none() || before == state.as_string());
        let _ = match first || named {
            true => history.replace_state_with_url(&state, "", Some(&address)),
            false => history.push_state_with_url(&state, "", Some(&address)),
        };
    });
    let dispatch = store.dispatcher();
    let text = store.text();
    use_effect_with((deps, text.title), move |((example, id), _)| {
        let (example, id) = (*example, id.clone());
        let gone = EventListener::new(&window(), "popstate", move |event| {
            let event = event.dyn_ref::<web_sys::PopStateEvent>();
            let wanted = event.and_then(|event| event.state().as_string());
            let dispatch = dispatch.clone();
            if wanted.is_none() && links::is_there() {
                wasm_bindgen_futures::spawn_local(async move {
                    let Some(shared) = links::of_hash().await else { return };
                    let said = share::opened(&shared, text);
                    if let Opened::Work { work, .. } = shared {
                        dispatch.dispatch(Action::Begin(work));
                    }
                    dispatch.dispatch(Action::Say(Some(said)));
                });
                return;
            }
            match (wanted, example_of_hash()) {
                (Some(wanted), _) if id.as_deref() != Some(&*wanted) => {
                    wasm_bindgen_futures::spawn_local(async move {
                        if let Some(work) = sets::open(&wanted).await {
                            dispatch.dispatch(Action::Begin(Box::new(work)));
                        }
                    });
                }
                (None, Some(named)) if example != Some(named.id) || id.is_some() => {
                    dispatch.dispatch(Action::Begin(Box::new(named.work())));
                }
                _ => {
                    if let Some(toast) = unknown_example(text) {
                        dispatch.dispatch(Action::Say(Some(toast)));
                    }
                }
            }
        });
        move || drop(gone)
    });
}
