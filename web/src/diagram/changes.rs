//! The pinned state: the button that takes it, and what has opened and closed since.

use portcullis_engine::report::text::DiffMark;
use yew::prelude::*;

use super::LineLink;
use crate::state::{Action, use_store};
use crate::text::{Language, Text, count, fill, grouped};
use crate::worker::message::{ChangeRow, Changes};

/// Takes the state as it is, or says what differs from the one that was taken.
#[component]
pub fn PinButtons() -> Html {
    let store = use_store();
    let text = store.text();
    let act = |action: fn() -> Action| {
        let store = store.clone();
        move |_: MouseEvent| store.dispatch(action())
    };
    if store.pinned.is_none() {
        return html! {
            <button class="btn is-small pin-take" title={text.pin_title} disabled={store.is_empty()}
                onclick={act(|| Action::Pin(true))}>{ text.pin }</button>
        };
    }
    let toggle = match store.comparing {
        true => act(|| Action::Compare(false)),
        false => act(|| Action::Compare(true)),
    };
    let state = store.changes.as_deref().map(|changes| match changes.opened {
        0 => "is-calm",
        _ => "is-alarm",
    });
    html! {
        <span class="pin-group" role="group" aria-label={text.since_pin}>
            <button class={classes!("btn", "is-small", "pin-show", state)} title={text.pin_show}
                aria-pressed={store.comparing.to_string()} onclick={toggle}>
                <span aria-live="polite">{ summary(text, store.changes.as_deref()) }</span>
            </button>
            <button class="btn is-small pin-drop" title={text.unpin} aria-label={text.unpin}
                onclick={act(|| Action::Pin(false))}>{ "×" }</button>
        </span>
    }
}

/// `2 opened · 1 closed`.
fn summary(text: &Text, changes: Option<&Changes>) -> String {
    let Some(changes) = changes else { return text.pin.to_owned() };
    let parts = [
        (changes.opened, text.pin_opened),
        (changes.closed, text.pin_closed),
        (changes.uncertain, text.pin_uncertain),
    ];
    let parts = parts.into_iter().filter(|(n, _)| *n > 0).map(|(n, word)| count(word, n));
    let parts: Vec<String> = parts.collect();
    if parts.is_empty() { text.pin_none.to_owned() } else { parts.join(" · ") }
}

/// What has opened and closed, line by line.
#[component]
pub fn ChangesView() -> Html {
    let store = use_store();
    let text = store.text();
    let Some(changes) = store.changes.clone() else {
        return html! { <div class="view-scroll"><p class="blank">{ text.pin }</p></div> };
    };
    let one_sided = (changes.added + changes.removed > 0).then(|| {
        let [added, removed] = [changes.added, changes.removed].map(grouped);
        fill(text.one_sided, &[("added", &added), ("removed", &removed)])
    });
    html! {
        <div class="view-scroll" tabindex="0" role="region" aria-label={text.since_pin}>
            <div class="list-head">
                <span>{ format!("{}: {}", text.since_pin, summary(text, Some(&changes))) }</span>
                <span>{ for one_sided }</span>
            </div>
            if !changes.rows.is_empty() {
                <table class="flow-table change-table">
                    <thead><tr>
                        <th scope="col">{ text.change }</th><th scope="col">{ text.from }</th>
                        <th scope="col">{ text.to }</th><th scope="col">{ text.ports }</th>
                    </tr></thead>
                    <tbody>{ for changes.rows.iter().map(|one| row(one, store.language)) }</tbody>
                </table>
            }
            if changes.more > 0 { <p class="muted">{ count(text.more_lines, changes.more) }</p> }
        </div>
    }
}

fn row(row: &ChangeRow, language: Language) -> Html {
    let text = language.text();
    let (word, class) = match row.mark {
        DiffMark::Opened => (text.change_opened, "is-opened"),
        DiffMark::Closed => (text.change_closed, "is-closed"),
        DiffMark::Uncertain => (text.change_uncertain, "is-unknown"),
    };
    let family = row.family.map_or_else(String::new, |family| format!(" ({family})"));
    let cause = |(cause, location): &(String, Option<_>)| {
        let link = location.clone().map(|location| html! { <>{ " " }<LineLink {location} /></> });
        html! { <li>{ cause.clone() }{ for link }</li> }
    };
    html! {
        <tr class={class}>
            <td><span class={classes!("change-word", class)}>{ word }</span></td>
            <td>{ row.from.clone() }</td>
            <td>
                { row.to.clone() }
                if !row.causes.is_empty() { <ul class="change-causes">{ for row.causes.iter().map(cause) }</ul> }
            </td>
            <td class="ports">{ format!("{}{family}", crate::names::ports(&row.ports, language)) }</td>
        </tr>
    }
}
