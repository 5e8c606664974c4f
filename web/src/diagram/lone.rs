//! Policies without workloads: what each says, with cards for the pods that are not there.

use portcullis_engine::report::Direction;
use yew::prelude::*;

use super::LineLink;
use crate::state::use_store;
use crate::text::{Text, fill};
use crate::worker::message::{LonePolicy, LoneRule};

const COMMAND: &str = "kubectl get deploy,sts,ds,rs,po,ns -A -o yaml";

#[component]
pub fn Lone() -> Html {
    let store = use_store();
    let text = store.text();
    let Some(scene) = store.scene.clone() else {
        return html! {};
    };
    html! {
        <div class="view-scroll lone">
            <h2 class="empty-title">{ text.lone_title }</h2>
            <p class="lone-text">{ text.lone_text }</p>
            <p class="lone-command"><code>{ COMMAND }</code><Copy /></p>
            { for scene.lone.iter().map(|policy| draw(text, policy)) }
        </div>
    }
}

#[component]
fn Copy() -> Html {
    let text = use_store().text();
    let copied = use_state(|| false);
    let onclick = {
        let copied = copied.clone();
        move |_: MouseEvent| {
            // A browser that does not allow it leaves the command to be selected by hand.
            let _ = gloo::utils::window().navigator().clipboard().write_text(COMMAND);
            copied.set(true);
        }
    };
    html! { <button class="btn is-small" {onclick}>{ if *copied { text.copied } else { text.copy } }</button> }
}

fn draw(text: &Text, policy: &LonePolicy) -> Html {
    let LonePolicy { name, namespace, subject, rules, closed: [no_ingress, no_egress], location } =
        policy;
    let pods = match subject {
        Some(labels) => fill(text.lone_pods, &[("labels", labels), ("namespace", namespace)]),
        None => fill(text.lone_all, &[("namespace", namespace)]),
    };
    html! {
        <section class="lone-policy">
            <h3 class="card-head"><span class="card-name">{ name.clone() }</span>
                if let Some(location) = location.clone() { <LineLink {location} /> }
            </h3>
            if rules.is_empty() || *no_ingress || *no_egress {
                <div class="lone-rule"><span class="lone-ghost">{ pods.clone() }</span>
                    if *no_ingress { <span class="lone-none">{ text.lone_no_ingress }</span> }
                    if *no_egress { <span class="lone-none">{ text.lone_no_egress }</span> }
                </div>
            }
            { for rules.iter().map(|rule| flow(&pods, rule)) }
        </section>
    }
}

/// From left to right, as a packet goes.
fn flow(pods: &str, LoneRule { direction, peers, ports }: &LoneRule) -> Html {
    let (from, to) = match direction {
        Direction::Ingress => (peers.as_str(), pods),
        Direction::Egress => (pods, peers.as_str()),
    };
    html! {
        <div class="lone-rule">
            <span class="lone-ghost">{ from.to_owned() }</span>
            <span class="lone-arrow"><span class="lone-ports">{ ports.clone() }</span>{ " → " }</span>
            <span class="lone-ghost">{ to.to_owned() }</span>
        </div>
    }
}
