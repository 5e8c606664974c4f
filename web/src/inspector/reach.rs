//! Whom a workload reaches, and who reaches it.

use yew::prelude::*;

use super::LineLink;
use crate::names;
use crate::state::{Action, Store, use_store};
use crate::text::count;
use crate::worker::message::{Edge, ReachLine};

#[component]
pub fn ReachView() -> Html {
    let store = use_store();
    let text = store.text();
    let node = store
        .reach
        .as_ref()
        .and_then(|reach| store.scene.as_deref()?.nodes.iter().find(|node| node.id == reach.node));
    let (Some(reach), Some(node)) = (store.reach.clone(), node) else {
        return html! { <div class="blank"><div>{ text.blank_reach }</div></div> };
    };
    html! {
        <>
            <div class="section answer">
                <h2 class="flow-title">{ names::full(node, store.language) }</h2>
                <p class="answer-note">{ names::sub(node, store.language) }</p>
                if let Some(location) = node.location.clone() {
                    <p class="answer-note">{ text.declared }{ " " }<LineLink {location} /></p>
                }
            </div>
            { part(&store, (text.reaches, reach.more.0), &reach.reaches, Way::Out) }
            { part(&store, (text.reached_by, reach.more.1), &reach.reached_by, Way::In) }
        </>
    }
}

#[derive(Clone, Copy)]
enum Way {
    Out,
    In,
}

fn part(store: &Store, (title, more): (&str, u32), lines: &[ReachLine], way: Way) -> Html {
    let text = store.text();
    let n = u32::try_from(lines.len()).unwrap_or(u32::MAX).saturating_add(more);
    html! {
        <div class="section">
            <div class="section-head"><h2>{ title.to_owned() }</h2><span>{ n }</span></div>
            if lines.is_empty() {
                <p class="step-note">{ text.nobody }</p>
            }
            <ul class="reach">
                { for lines.iter().filter_map(|line| item(store, line, way)) }
                if more > 0 { <li class="muted">{ count(text.more_lines, more) }</li> }
            </ul>
        </div>
    }
}

fn item(store: &Store, line: &ReachLine, way: Way) -> Option<Html> {
    let scene = store.scene.as_deref()?;
    let peer = scene.nodes.get(line.node as usize)?;
    let edge = Edge { from: 0, to: 0, allowed: line.allowed, unknown: line.unknown };
    let unknown = line.allowed.is_none().then_some("is-unknown");
    let onclick = {
        let (store, own, other) =
            (store.clone(), store.reach.as_ref()?.node.clone(), peer.id.clone());
        move |_: MouseEvent| {
            let (from, to) = match way {
                Way::Out => (own.clone(), other.clone()),
                Way::In => (other.clone(), own.clone()),
            };
            store.dispatch(Action::PickEdge(from, to));
        }
    };
    Some(html! {
        <li><button class="reach-item" {onclick}>
            <span class="reach-peer">{ names::full(peer, store.language) }</span>
            <span class={classes!("reach-ports", unknown)}>{ names::edge_ports(scene, &edge, store.language) }</span>
        </button></li>
    })
}
