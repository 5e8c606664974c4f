//! The bar at the top: examples, language, theme.

use yew::prelude::*;

use super::icons::{HALF, Icon, LANGUAGE, Logo, MOON, SUN};
use super::share::ShareMenu;
use crate::examples::ExampleMenu;
use crate::state::{Action, Theme, use_store};
use crate::text::fill;

#[component]
pub fn TopBar() -> Html {
    html! {
        <header class="topbar">
            <h1 class="brand"><Logo />{ "Portcullis" }</h1>
            <ExampleMenu />
            <span class="spacer" />
            <ShareMenu />
            <LanguageButton />
            <ThemeButton />
        </header>
    }
}

#[component]
fn LanguageButton() -> Html {
    let store = use_store();
    let other = store.language.other();
    let onclick = {
        let store = store.clone();
        move |_: MouseEvent| store.dispatch(Action::Speak(other))
    };
    let label = store.text().language;
    html! {
        <button class="btn is-icon" lang={other.tag()} aria-label={label} title={label} {onclick}><Icon path={LANGUAGE} /></button>
    }
}

#[component]
fn ThemeButton() -> Html {
    let store = use_store();
    let text = store.text();
    let (now, path, next) = match store.theme {
        Theme::System => (text.theme_system, HALF, Theme::Light),
        Theme::Light => (text.theme_light, SUN, Theme::Dark),
        Theme::Dark => (text.theme_dark, MOON, Theme::System),
    };
    let label = fill(text.theme, &[("now", now)]);
    let onclick = move |_: MouseEvent| store.dispatch(Action::Wear(next));
    html! {
        <button class="btn is-icon" aria-label={label.clone()} title={label} {onclick}><Icon {path} /></button>
    }
}
