//! Three panes with two splitters; under 700 px one pane at a time.

use wasm_bindgen::JsCast;
use web_sys::{Element, HtmlElement, PointerEvent};
use yew::prelude::*;

use crate::diagram::DiagramPane;
use crate::editor::EditorPane;
use crate::inspector::InspectorPane;
use crate::state::{Action, Pane, View, use_store};

#[component]
pub fn Panes() -> Html {
    let store = use_store();
    let text = store.text();
    html! {
        <main class="panes">
            <EditorPane />
            <Splitter label={text.width_editor} variable="--w-editor" bounds={(220, 900)} first=430 side={Side::Left} />
            <DiagramPane />
            <Splitter label={text.width_inspector} variable="--w-inspector" bounds={(240, 700)} first=372 side={Side::Right} />
            <InspectorPane />
        </main>
    }
}

#[component]
pub fn PhoneTabs() -> Html {
    let store = use_store();
    let text = store.text();
    let tab = |name: &'static str, now: bool, action: fn() -> Action| {
        let store = store.clone();
        let onclick = move |_: MouseEvent| store.dispatch(action());
        html! { <button aria-pressed={now.to_string()} {onclick}>{ name }</button> }
    };
    let at = (store.pane, store.view);
    html! {
        <nav class="phone-tabs" aria-label={text.panes}>
            <div class="segmented">
                { tab(text.pane_edit, at.0 == Pane::Edit, || Action::ShowPane(Pane::Edit)) }
                { tab(text.diagram, at == (Pane::View, View::Diagram), || Action::Show(View::Diagram)) }
                { tab(text.matrix, at == (Pane::View, View::Matrix), || Action::Show(View::Matrix)) }
                { tab(text.list, at == (Pane::View, View::List), || Action::Show(View::List)) }
                { tab(text.pane_explain, at.0 == Pane::Explain, || Action::ShowPane(Pane::Explain)) }
            </div>
        </nav>
    }
}

/// On which side of the splitter the pane is that it sizes.
#[derive(Clone, Copy, PartialEq)]
enum Side {
    Left,
    Right,
}

#[derive(Properties, PartialEq)]
struct SplitterProps {
    label: AttrValue,
    /// The variable of the style sheet that has the width.
    variable: AttrValue,
    bounds: (i32, i32),
    first: i32,
    side: Side,
}

#[component]
fn Splitter(props: &SplitterProps) -> Html {
    let width = use_state(|| crate::state::width(&props.variable));
    let dragged = use_state(|| false);
    let (low, high) = props.bounds;
    {
        let variable = props.variable.clone();
        use_effect_with(*width, move |width| {
            if let Some(width) = width {
                crate::state::save_width(&variable, *width);
                set_width(&variable, *width);
            }
        });
    }
    let resize = {
        let width = width.clone();
        move |to: i32| width.set(Some(to.clamp(low, high)))
    };
    let onpointerdown = {
        let dragged = dragged.clone();
        move |event: PointerEvent| {
            if let Some(target) = event.target_dyn_into::<Element>() {
                // Fails only if the pointer is gone already.
                let _ = target.set_pointer_capture(event.pointer_id());
                dragged.set(true);
            }
        }
    };
    let onpointermove = {
        let (dragged, resize, side) = (dragged.clone(), resize.clone(), props.side);
        move |event: PointerEvent| {
            if *dragged {
                resize(match side {
                    Side::Left => event.client_x(),
                    Side::Right => page_width() - event.client_x(),
                });
            }
        }
    };
    let onpointerup = {
        let dragged = dragged.clone();
        move |_: PointerEvent| dragged.set(false)
    };
    let now = width.unwrap_or(props.first);
    let grow = if props.side == Side::Left { 16 } else { -16 };
    let onkeydown = move |event: KeyboardEvent| match &*event.key() {
        "ArrowLeft" => resize(now - grow),
        "ArrowRight" => resize(now + grow),
        _ => {}
    };
    html! {
        <div class={classes!("splitter", dragged.then_some("is-dragged"))} role="separator" tabindex="0"
            aria-orientation="vertical" aria-label={props.label.clone()} aria-valuenow={now.to_string()}
            aria-valuemin={low.to_string()} aria-valuemax={high.to_string()}
            {onpointerdown} {onpointermove} {onpointerup} {onkeydown} />
    }
}

fn page_width() -> i32 {
    gloo::utils::document_element().client_width()
}

fn set_width(variable: &str, width: i32) {
    let app = gloo::utils::document().query_selector(".app").ok().flatten();
    if let Some(app) = app.and_then(|app| app.dyn_into::<HtmlElement>().ok()) {
        let _ = app.style().set_property(variable, &format!("{width}px"));
    }
}
