//! Lines above the drawing: what is broken, and what cannot be known.

use portcullis_engine::report::{Location, Note};
use yew::prelude::*;

use super::assume::AssumeBar;
use super::data::{UNKNOWN_DRAWN, unknown_edges};
use crate::examples::inline;
use crate::names;
use crate::state::{Action, use_store};
use crate::text::{Text, count, fill};
use crate::worker::message::Broken;

/// Goes to a place of a file.
#[derive(Properties, PartialEq)]
pub struct LineLinkProps {
    pub location: Location,
}

#[component]
pub fn LineLink(props: &LineLinkProps) -> Html {
    let store = use_store();
    let Location { file, line, .. } = props.location.clone();
    let onclick = move |event: MouseEvent| {
        event.stop_propagation();
        store.dispatch(Action::Visit(file.to_string(), line));
    };
    html! { <button type="button" class="line-link" {onclick}>{ names::place(&props.location) }</button> }
}

#[component]
pub fn BrokenBar() -> Html {
    let store = use_store();
    let text = store.text();
    if store.stopped {
        return html! { <div class="broken-bar" role="status"><span>{ text.stopped }</span></div> };
    }
    let broken = store.broken.iter().filter(|_| !store.is_empty());
    html! {
        <div role="status">{ for broken.take(BROKEN).map(|broken| broken_line(text, broken)) }</div>
    }
}

/// More documents than this that cannot be read are in the findings.
const BROKEN: usize = 3;

fn broken_line(text: &Text, broken: &Broken) -> Html {
    let Broken { file, line, message, .. } = broken;
    let place = names::broken_place(text, broken);
    let location = Location {
        file: file.as_str().into(),
        line: *line,
        column: 1,
        end_line: *line,
        end_column: 1,
    };
    html! {
        <div class="broken-bar">
            <span><b>{ fill(text.broken, &[("place", &place)]) }</b>{ " " }{ inline(message) }</span>
            <LineLink {location} />
        </div>
    }
}

/// What no answer counts; and what hangs on things that the input does not say, counted, and why.
#[component]
pub fn NoteBar() -> Html {
    let store = use_store();
    let text = store.text();
    let Some(scene) = store.scene.as_deref().filter(|_| !store.is_empty()) else {
        return html! {};
    };
    let unknown = unknown_edges(scene);
    let summary = &scene.summary;
    let audited = (summary.audited > 0).then(|| count(text.audited, summary.audited));
    let lines = names::left_out(text, &summary.not_judged, &summary.rejected).chain(audited);
    html! {
        <>
            { for lines.map(|line| html! {
                <div class="note-bar" role="status"><span>{ line }</span></div>
            }) }
            if unknown > 0 || !store.work.assume.is_empty() {
                <AssumeBar />
            }
            if unknown > 0 && !scene.notes.is_empty() {
                <details class="note-bar">
                    <summary>
                        <span>{ count(text.unknown_flows, u32::try_from(unknown).unwrap_or(u32::MAX)) }
                        { if unknown > UNKNOWN_DRAWN { format!("; {}", text.unknown_undrawn) } else { ".".to_owned() } }</span>
                        <span class="note-why">{ text.why }</span>
                    </summary>
                    <ul>{ for scene.notes.iter().map(|note| line(note, text.note_flows)) }</ul>
                </details>
            }
        </>
    }
}

fn line(note: &Note, flows: &str) -> Html {
    let rule = note.policy.as_ref().map(|policy| {
        let path = note.path.as_deref().unwrap_or_default().trim_start_matches("spec.");
        format!("{} {path}: ", policy.name)
    });
    html! {
        <li>
            <span><b>{ count(flows, note.connections) }</b>{ " · " }{ rule }{ inline(&note.message) }</span>
            if let Some(location) = note.location.clone() { <LineLink {location} /> }
        </li>
    }
}
