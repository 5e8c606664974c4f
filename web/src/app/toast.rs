//! A short message at the bottom.

use gloo::timers::callback::Timeout;
use yew::prelude::*;

use crate::state::{Action, Toast, use_store};

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
    let message = match &store.toast {
        None => html! {},
        Some(Toast::Say(message)) => html! { <div class="toast">{ message }</div> },
        Some(Toast::PutAside) => html! {
            <div class="toast">{ text.put_aside }<button class="link" onclick={back}>{ text.bring_back }</button></div>
        },
    };
    // Always there, so that a screen reader hears what comes into it.
    html! { <div role="status">{ message }</div> }
}
