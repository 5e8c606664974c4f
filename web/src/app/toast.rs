//! A short message at the bottom.

use gloo::timers::callback::Timeout;
use yew::prelude::*;

use std::rc::Rc;

use crate::state::{Action, Store, Toast, Work, sets, use_store};
use crate::text::fill;

/// Long enough to read and to reach for the button.
const SHOWN_MS: u32 = 9_000;

#[component]
pub fn ToastLine() -> Html {
    let store = use_store();
    let text = store.text();
    let dispatch = store.dispatcher();
    use_effect_with(store.toast.clone(), move |toast| {
        let gone = move || dispatch.dispatch(Action::Say(None));
        let timer = toast.is_some().then(|| Timeout::new(SHOWN_MS, gone));
        move || drop(timer)
    });
    let back = {
        let store = store.clone();
        move |_: MouseEvent| store.dispatch(Action::BringBack)
    };
    let offer = |message: String, action: Callback<MouseEvent>| {
        html! {
            <div class="toast">{ message }<button class="link" onclick={action}>{ text.bring_back }</button></div>
        }
    };
    let message = match &store.toast {
        None => html! {},
        Some(Toast::Say(message)) => html! { <div class="toast">{ message }</div> },
        Some(Toast::PutAside) => offer(text.put_aside.to_owned(), back.into()),
        Some(Toast::Closed(name)) => offer(fill(text.closed, &[("name", name)]), back.into()),
        Some(Toast::Deleted(work)) => offer(text.deleted.to_owned(), restore(&store, work)),
    };
    // Always there, so that a screen reader hears what comes into it.
    html! { <div role="status">{ message }</div> }
}

/// Keeps a deleted set again.
fn restore(store: &Store, work: &Rc<Work>) -> Callback<MouseEvent> {
    let (store, work) = (store.clone(), Rc::clone(work));
    Callback::from(move |_: MouseEvent| {
        let (store, work) = (store.clone(), Rc::clone(&work));
        wasm_bindgen_futures::spawn_local(async move {
            sets::keep_removed(&work).await;
            store.dispatch(Action::Say(None));
            store.dispatch(Action::Kept(sets::names().await.into()));
        });
    })
}
