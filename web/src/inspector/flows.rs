//! Several flows at once: those of a line of the diagram, those that a rule admits.

use std::rc::Rc;

use portcullis_engine::report::Action as RuleAction;
use yew::prelude::*;

use super::LineLink;
use crate::names;
use crate::state::{Action, Bundle, Store, use_store};
use crate::text::count;

/// Flows that are listed; the list view has all.
const LISTED: usize = 100;

#[derive(Properties, PartialEq)]
pub struct BundleProps {
    pub bundle: Rc<Bundle>,
}

#[component]
pub fn BundleFlows(props: &BundleProps) -> Html {
    let store = use_store();
    html! {
        <div class="section">
            <div class="section-head"><h2>{ count(store.text().bundle_holds, number(props.bundle.all)) }</h2></div>
            { flow_lines(&store, &props.bundle.edges, props.bundle.all) }
        </div>
    }
}

/// The rule at the cursor, with what it admits.
#[component]
pub fn RuleSection() -> Html {
    let store = use_store();
    let Some(rule) = store.rule.clone() else {
        return html! {};
    };
    let decides = match rule.action {
        RuleAction::Accept => count(store.text().rule_admits, number(rule.edges.len())),
        RuleAction::Pass | RuleAction::Log => {
            count(store.text().rule_passes, number(rule.edges.len()))
        }
        RuleAction::Deny => store.text().rule_denies.to_owned(),
    };
    html! {
        <div class="section">
            <div class="card is-selected">
                <div class="card-head">
                    <span class="card-name">{ rule.policy.clone() }</span>
                    <LineLink location={rule.location.clone()} />
                </div>
                <span class="card-rule">{ rule.path.clone() }</span>
                <span class="card-note">{ decides }</span>
            </div>
            { flow_lines(&store, &rule.edges, rule.edges.len()) }
        </div>
    }
}

/// The first of some flows, and how many more there are.
fn flow_lines(store: &Store, edges: &[(String, String)], all: usize) -> Html {
    let Some(scene) = store.scene.as_deref() else {
        return html! {};
    };
    let index = |id: &str| scene.nodes.iter().position(|node| node.id == id);
    let line = |(from, to): &(String, String)| {
        let (a, b) = (index(from)?, index(to)?);
        let name = |at: usize| scene.nodes.get(at).map(|node| names::full(node, store.language));
        let edge = scene.flows.edge(u32::try_from(a).ok()?, u32::try_from(b).ok()?)?;
        let onclick = {
            let (store, from, to) = (store.clone(), from.clone(), to.clone());
            move |_: MouseEvent| store.dispatch(Action::PickEdge(from.clone(), to.clone()))
        };
        Some(html! {
            <li><button class="reach-item" {onclick}>
                <span class="reach-peer">{ format!("{} → {}", name(a)?, name(b)?) }</span>
                <span class="reach-ports">{ names::edge_ports(scene, &edge, store.language) }</span>
            </button></li>
        })
    };
    let more = all.saturating_sub(LISTED);
    html! {
        <ul class="reach">
            { for edges.iter().take(LISTED).filter_map(line) }
            if more > 0 { <li class="muted">{ count(store.text().more_lines, number(more)) }</li> }
        </ul>
    }
}

fn number(n: usize) -> u32 {
    u32::try_from(n).unwrap_or(u32::MAX)
}
