//! Fields for what the manifests do not say: addresses of pods and of nodes, labels of namespaces.

use web_sys::HtmlInputElement;
use yew::prelude::*;

use crate::examples::inline;
use crate::state::{Action, use_store};
use crate::text::{Text, fill};
use crate::worker::{Assume, bad_cidr, bad_label};

/// A field, and how it is set.
#[derive(Properties)]
struct Field {
    label: &'static str,
    example: &'static str,
    value: String,
    wrong: Option<String>,
    set: fn(&mut Assume, String),
}

fn fields(text: &Text, assume: &Assume) -> [Field; 3] {
    let cidr = |value: &str| bad_cidr(value).map(|word| fill(text.bad_cidr, &[("cidr", word)]));
    [
        Field {
            label: text.pod_cidrs,
            example: "10.244.0.0/16",
            value: assume.pod_cidrs.clone(),
            wrong: cidr(&assume.pod_cidrs),
            set: |assume, value| assume.pod_cidrs = value,
        },
        Field {
            label: text.node_cidrs,
            example: "192.168.0.0/24",
            value: assume.node_cidrs.clone(),
            wrong: cidr(&assume.node_cidrs),
            set: |assume, value| assume.node_cidrs = value,
        },
        Field {
            label: text.namespace_labels,
            example: "monitoring=team=ops",
            value: assume.labels.clone(),
            wrong: bad_label(&assume.labels),
            set: |assume, value| assume.labels = value,
        },
    ]
}

/// A line that says what is assumed, with the fields while they are wanted.
#[component]
pub fn AssumeBar() -> Html {
    let store = use_store();
    let text = store.text();
    let open = use_state(|| false);
    let assume = &store.work.assume;
    let onclick = {
        let open = open.clone();
        move |_: MouseEvent| open.set(!*open)
    };
    let fields = fields(text, assume);
    let said = fields.iter().filter(|field| !field.value.trim().is_empty());
    let said: Vec<String> = said.map(|field| format!("{}: {}", field.label, field.value)).collect();
    let line = if said.is_empty() { text.nothing_assumed.to_owned() } else { said.join(" · ") };
    html! {
        <div class="note-bar is-assume">
            <span>{ line }</span>
            <button class="note-why link" aria-expanded={open.to_string()} {onclick}>{ if *open { text.done } else { text.set_addresses } }</button>
            if *open {
                <div class="assume-fields">{ for fields.into_iter().map(|field| html! { <AssumeField ..field /> }) }</div>
            }
        </div>
    }
}

impl PartialEq for Field {
    /// What a field sets follows from its label.
    fn eq(&self, other: &Self) -> bool {
        (self.label, &self.value, &self.wrong) == (other.label, &other.value, &other.wrong)
    }
}

#[component]
fn AssumeField(props: &Field) -> Html {
    let store = use_store();
    let set = props.set;
    let oninput = move |event: InputEvent| {
        let mut assume = store.work.assume.clone();
        set(&mut assume, event.target_unchecked_into::<HtmlInputElement>().value());
        store.dispatch(Action::Assume(assume));
    };
    html! {
        <label class="assume-field">
            <span>{ props.label }</span>
            <input class="field" value={props.value.clone()} placeholder={props.example} aria-invalid={props.wrong.is_some().to_string()}
                autocomplete="off" autocapitalize="off" spellcheck="false" {oninput} />
            if let Some(wrong) = &props.wrong { <span class="assume-wrong" role="status">{ inline(wrong) }</span> }
        </label>
    }
}
