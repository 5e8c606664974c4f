//! The left pane: tabs of files, the editor, the lesson.

mod drop;
mod host;
mod marks;
mod tabs;

use yew::prelude::*;

use crate::examples::Lesson;
use crate::state::{Action, use_store};
use host::Host;
pub use marks::marks;
use tabs::Tabs;

#[component]
pub fn EditorPane() -> Html {
    let store = use_store();
    let text = store.text();
    let over = use_state(|| false);
    let ondragover = {
        let over = over.clone();
        move |event: DragEvent| {
            if drop::has_files(&event) {
                event.prevent_default();
                over.set(true);
            }
        }
    };
    let ondragleave = {
        let over = over.clone();
        move |event: DragEvent| {
            if event.related_target().is_none() {
                over.set(false);
            }
        }
    };
    let ondrop = {
        let (over, dispatch) = (over.clone(), store.dispatcher());
        move |event: DragEvent| {
            over.set(false);
            if drop::has_files(&event) {
                event.prevent_default();
                event.stop_propagation();
                drop::read(&event, dispatch.clone(), text);
            }
        }
    };
    let dispatch = store.dispatcher();
    let add = Callback::from(move |files| dispatch.dispatch(Action::Add(files)));
    html! {
        <section class="pane pane-editor" aria-label={text.manifests} {ondragover} {ondragleave} {ondrop}>
            <Tabs {add} />
            <Host />
            <Lesson />
            if *over {
                <div class="drop-veil">{ text.drop_here }</div>
            }
        </section>
    }
}
