//! The question at the foot of the diagram: who, to whom, on which port, and the verdict.

use portcullis_engine::report::{Protocol, Verdict};
use web_sys::{HtmlInputElement, HtmlSelectElement};
use yew::prelude::*;

use crate::evidence;
use crate::examples::inline;
use crate::names;
use crate::state::{Action, FlowForm, Pane, State, use_store};
use crate::text::{Text, fill};
use crate::worker::message::FlowAnswer;

/// Names of more letters than this in all leave no room for words beside them.
const LONG: usize = 26;

#[component]
pub fn FlowBar() -> Html {
    let store = use_store();
    let text = store.text();
    let flow = &store.work.flow;
    let long = flow.from.len() + flow.to.len() > LONG;
    let onsubmit = {
        let store = store.clone();
        move |event: SubmitEvent| {
            event.prevent_default();
            store.dispatch(Action::Explain);
            store.dispatch(Action::ShowPane(Pane::Explain));
        }
    };
    let field = |label: &'static str, value: &str, set: fn(&mut FlowForm, String)| {
        let oninput = {
            let store = store.clone();
            move |event: InputEvent| {
                let mut flow = store.work.flow.clone();
                set(&mut flow, event.target_unchecked_into::<HtmlInputElement>().value());
                store.dispatch(Action::Ask(flow));
            }
        };
        html! {
            <label class="chip"><span>{ label }</span>
                <input value={value.to_owned()} aria-label={label} list="endpoints" autocomplete="off"
                    autocapitalize="off" spellcheck="false" size={size(value)} placeholder={label} {oninput} />
            </label>
        }
    };
    html! {
        <>
            <form class={classes!("flowbar", long.then_some("is-long"))} aria-label={text.ask} {onsubmit}>
                { field(text.ask_from, &flow.from, |flow, value| flow.from = value) }
                <span class="flow-arrow" aria-hidden="true">{ "→" }</span>
                { field(text.ask_to, &flow.to, |flow, value| flow.to = value) }
                <PortField />
                <Endpoints />
                <output class="verdict">{ pill(&store) }<Without /></output>
                <span class="spacer" />
                <button class="flow-hint" type="submit">{ text.explain_hint }</button>
            </form>
            <Refusal />
            <Why />
        </>
    }
}

/// As wide as what is in it, where the browser does not see to that itself.
fn size(value: &str) -> String {
    value.chars().count().clamp(6, 22).to_string()
}

#[component]
fn PortField() -> Html {
    let store = use_store();
    let text = store.text();
    let flow = store.work.flow.clone();
    let oninput = {
        let store = store.clone();
        move |event: InputEvent| {
            let port = event.target_unchecked_into::<HtmlInputElement>().value();
            store.dispatch(Action::Ask(FlowForm { port, ..store.work.flow.clone() }));
        }
    };
    let onchange = {
        let store = store.clone();
        move |event: Event| {
            let name = event.target_unchecked_into::<HtmlSelectElement>().value();
            let protocol = Protocol::from_name(&name).unwrap_or(Protocol::Tcp);
            store.dispatch(Action::Ask(FlowForm { protocol, ..store.work.flow.clone() }));
        }
    };
    let option = |protocol: Protocol| {
        html! { <option value={protocol.name()} selected={flow.protocol == protocol}>{ protocol.name() }</option> }
    };
    html! {
        <span class="chip"><span>{ text.ask_port }</span>
            <input class="port" value={flow.port.clone()} aria-label={text.ask_port} aria-invalid={flow.has_bad_port().to_string()}
                autocomplete="off" autocapitalize="off" spellcheck="false" size="5" placeholder={text.ask_port} {oninput} />
            <select aria-label={text.ask_protocol} {onchange}>
                { for [Protocol::Tcp, Protocol::Udp, Protocol::Sctp].map(option) }
            </select>
        </span>
    }
}

/// More suggestions than this make a browser slow.
const SUGGESTED: usize = 1_000;

#[component]
fn Endpoints() -> Html {
    let store = use_store();
    let scene = store.scene.clone();
    let key = scene.as_ref().map(std::rc::Rc::as_ptr);
    let options = use_memo(key, move |_| {
        let nodes = scene.iter().flat_map(|scene| scene.nodes.iter().take(SUGGESTED));
        nodes.map(|node| html! { <option value={node.ask.clone()} /> }).collect::<Html>()
    });
    html! { <datalist id="endpoints">{ (*options).clone() }</datalist> }
}

/// The verdict; empty while there is no whole question.
pub fn pill(state: &State) -> Html {
    let text = state.text();
    match state.answer.as_deref() {
        Some(FlowAnswer::Judged(judged)) => verdict_pill(judged.report.verdict, text),
        Some(FlowAnswer::Refused(_)) | None => html! {},
    }
}

/// Beside an answer: what it leaves out because it cannot be read.
#[component]
pub fn Without() -> Html {
    let store = use_store();
    let Some(unread) = names::left_unread(&store).filter(|_| store.answer.is_some()) else {
        return html! {};
    };
    let text = store.text();
    let title = fill(text.broken, &[("place", &unread)]);
    html! { <span class="pill-without" {title}>{ fill(text.without, &[("place", &unread)]) }</span> }
}

pub fn verdict_pill(verdict: Verdict, text: &Text) -> Html {
    let (class, word) = match verdict {
        Verdict::Allow => ("is-allowed", text.allowed),
        Verdict::Deny => ("is-denied", text.denied),
        Verdict::Unknown => ("is-unknown", text.unknown),
    };
    html! { <span class={classes!("pill", class)}>{ word }</span> }
}

/// Under the flow bar: why there is no answer, and what to write instead.
#[component]
fn Refusal() -> Html {
    let store = use_store();
    let text = store.text();
    let flow = &store.work.flow;
    let said = match store.answer.as_deref() {
        _ if store.is_empty() => Html::default(),
        _ if flow.has_bad_port() => inline(&fill(text.bad_port, &[("port", flow.port.trim())])),
        Some(FlowAnswer::Refused(why)) => inline(why),
        _ => Html::default(),
    };
    let is_said = said != Html::default();
    html! { <p class={classes!("flow-refused", is_said.then_some("is-shown"))} role="status">{ said }</p> }
}

/// Under the flow bar of a phone: what decides, in two lines.
#[component]
fn Why() -> Html {
    let store = use_store();
    let Some(FlowAnswer::Judged(judged)) = store.answer.as_deref() else {
        return html! {};
    };
    let evidence = &judged.report.evidence;
    let stopped = evidence.egress.verdict != Verdict::Allow;
    let isolated = !evidence.ingress.policies.is_empty();
    let end = if stopped || !isolated { &evidence.egress } else { &evidence.ingress };
    let end = if end.policies.is_empty() { &evidence.ingress } else { end };
    let policy = evidence::deciding(end).next().or(end.policies.first());
    // The line is of the policy that is named beside it.
    let line = policy.and_then(|policy| {
        evidence::lines(policy).into_iter().next().or_else(|| policy.location.clone())
    });
    let mark = line.as_ref().map(names::place);
    let onclick = {
        let store = store.clone();
        move |_: MouseEvent| store.dispatch(Action::ShowPane(Pane::Explain))
    };
    html! {
        <button class="flow-why" {onclick}>
            if let Some(policy) = policy {
                <b>{ policy.policy.name.clone() }</b>{ " " }
                if let Some(mark) = mark { <span class="mono">{ mark }</span> }
            }
            <span>{ end.summary.clone() }</span>
        </button>
    }
}
