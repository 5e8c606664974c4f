//! The answer first, then both ends in the order in which a packet meets them, each with the
//! policies that decide there.

use portcullis_engine::report::{
    EndReport, EntryEvidence, FlowReport, Match, PolicyEvidence, RuleEvidence, Verdict,
};
use yew::prelude::*;

use super::LineLink;
use super::flows::{BundleFlows, RuleSection};
use crate::editor::deciding;
use crate::examples::inline;
use crate::flow_bar::verdict_pill;
use crate::names;
use crate::state::{Selection, Store, use_store};
use crate::text::{count, fill};
use crate::worker::message::{FlowAnswer, Judged};

/// Reasons of a policy that does not admit the flow; the rest only when wanted.
const REASONS: usize = 2;

#[component]
pub fn Explain() -> Html {
    let store = use_store();
    let text = store.text();
    match (&store.selection, store.answer.as_deref()) {
        (Selection::Bundle(edges), _) => html! { <BundleFlows edges={edges.clone()} /> },
        (_, Some(FlowAnswer::Judged(judged))) => html! {
            <>
                if store.selection == Selection::Rule { <RuleSection /> }
                { answer(&store, judged) }
            </>
        },
        (_, Some(FlowAnswer::Refused(why))) => html! {
            <div class="section answer">
                <h2 class="flow-title">{ text.refused }</h2>
                <p class="answer-note">{ inline(why) }</p>
            </div>
        },
        (Selection::Rule, None) => html! { <RuleSection /> },
        (_, None) => html! { <div class="blank"><div>{ text.blank_explain }</div></div> },
    }
}

fn answer(store: &Store, judged: &Judged) -> Html {
    let Judged { report, from, to } = judged;
    let text = store.text();
    let (from, to) = (
        names::end(store, from.as_deref(), &report.from),
        names::end(store, to.as_deref(), &report.to),
    );
    let whole = match &report.allowed {
        Some(ports) => fill(text.whole_answer, &[("ports", &names::ports(ports, store.language))]),
        None => text.nothing_passes.to_owned(),
    };
    let evidence = &report.evidence;
    html! {
        <div class="section answer">
            <div class="answer-head">
                <h2 class="flow-title">{ format!("{from} → {to}") }</h2>
                { verdict_pill(report.verdict, text) }
            </div>
            <p class="answer-note">{ format!("{} {} · {whole}", report.protocol, report.port) }</p>
            <ol class="steps">
                { step(store, report, (&evidence.egress, fill(text.leaves, &[("name", &from)]))) }
                { step(store, report, (&evidence.ingress, fill(text.enters, &[("name", &to)]))) }
            </ol>
        </div>
    }
}

fn step(store: &Store, report: &FlowReport, (end, title): (&EndReport, String)) -> Html {
    let class = match end.verdict {
        Verdict::Allow => "is-allow",
        Verdict::Deny => "is-deny",
        Verdict::Unknown => "is-unknown",
    };
    // Amber are the cards that decide the whole: both ends of what passes, the end that stops it.
    let decides = store.selection == Selection::Flow && end.verdict == report.verdict;
    let (telling, others): (Vec<_>, Vec<_>) =
        end.policies.iter().partition(|policy| is_telling(policy, end.verdict));
    html! {
        <li class={classes!("step", class)}>
            <h3 class="step-title">{ title }</h3>
            <p class="step-note">{ inline(&sentence(&end.summary)) }</p>
            if !end.policies.is_empty() {
                <div class="cards">
                    { for telling.iter().map(|policy| card(store, policy, decides)) }
                    { fold(store, &others) }
                </div>
            }
        </li>
    }
}

/// Whether the policy is why the end says what it says.
fn is_telling(policy: &PolicyEvidence, verdict: Verdict) -> bool {
    match verdict {
        Verdict::Allow => policy.matches == Match::Yes,
        Verdict::Unknown => policy.matches != Match::No,
        Verdict::Deny => true,
    }
}

/// Policies that decide nothing: one or two are shown, more only when wanted.
fn fold(store: &Store, others: &[&PolicyEvidence]) -> Html {
    let cards = others.iter().map(|policy| card(store, policy, false));
    if others.len() <= 2 {
        return html! { <>{ for cards }</> };
    }
    let n = u32::try_from(others.len()).unwrap_or(u32::MAX);
    html! {
        <details class="others">
            <summary class="link">{ store.text().other_policies }{ " · " }{ count(store.text().policies, n) }</summary>
            <div class="cards">{ for cards }</div>
        </details>
    }
}

fn card(store: &Store, policy: &PolicyEvidence, decides: bool) -> Html {
    let admits = policy.matches != Match::No;
    let first = deciding(policy, policy.matches).into_iter().next().filter(|_| admits);
    let location = first.or_else(|| policy.location.clone());
    let quiet = (!admits && !decides).then_some("is-quiet");
    html! {
        <div class={classes!("card", decides.then_some("is-selected"), quiet)}>
            <div class="card-head">
                <span class="card-name">{ policy.policy.name.clone() }</span>
                if let Some(location) = location { <LineLink {location} /> }
            </div>
            if admits {
                { for policy.rules.iter().filter(|rule| rule.matches == policy.matches).map(rule_lines) }
            } else {
                <span class="card-note">{ inline(&policy.summary) }</span>
                { reasons(store, policy) }
            }
        </div>
    }
}

/// The entries of a rule that match, one to a line; those that may, with why it is not known.
fn rule_lines(rule: &RuleEvidence) -> Html {
    let line = |entry: &EntryEvidence| {
        html! {
            <>
                <span class="card-rule">{ format!("{} · {}", short_path(&entry.path), entry.text) }</span>
                if let Some(why) = entry.why.clone().filter(|_| entry.matches == Match::Unknown) {
                    <span class="card-note card-why">{ inline(&why) }</span>
                }
            </>
        }
    };
    let matching = |entries: &[EntryEvidence]| -> Vec<Html> {
        entries.iter().filter(|entry| entry.matches >= rule.matches).map(line).collect()
    };
    let lines: Vec<Html> = matching(&rule.peers).into_iter().chain(matching(&rule.ports)).collect();
    if lines.is_empty() {
        return html! { <span class="card-rule">{ short_path(&rule.path).to_owned() }</span> };
    }
    html! { <>{ for lines }</> }
}

/// Why the rules of a policy do not admit the flow: rules that fit but for their ports first.
fn reasons(store: &Store, policy: &PolicyEvidence) -> Html {
    let (near, far): (Vec<_>, Vec<_>) = policy.rules.iter().partition(|rule| fits_peer(rule));
    let failing = |entries: &'_ [EntryEvidence]| {
        entries.iter().filter(|entry| entry.matches == Match::No).map(reason).collect::<Vec<_>>()
    };
    let near = near.iter().flat_map(|rule| failing(&rule.ports));
    let all: Vec<Html> = near.chain(far.iter().flat_map(|rule| failing(&rule.peers))).collect();
    let more = u32::try_from(all.len().saturating_sub(REASONS)).unwrap_or(u32::MAX);
    html! {
        <>
            { for all.iter().take(REASONS).cloned() }
            if more > 0 {
                <details class="others">
                    <summary class="link">{ count(store.text().more_lines, more) }</summary>
                    { for all.iter().skip(REASONS).cloned() }
                </details>
            }
        </>
    }
}

fn fits_peer(rule: &RuleEvidence) -> bool {
    rule.peers.is_empty() || rule.peers.iter().any(|peer| peer.matches != Match::No)
}

fn reason(entry: &EntryEvidence) -> Html {
    html! {
        <>
            <span class="card-rule">{ format!("{} · {}", short_path(&entry.path), entry.text) }</span>
            if let Some(why) = entry.why.clone() { <span class="card-note">{ inline(&why) }</span> }
        </>
    }
}

fn short_path(path: &str) -> &str {
    path.trim_start_matches("spec.")
}

/// With a capital and a full stop, as it stands alone here.
fn sentence(text: &str) -> String {
    let mut letters = text.chars();
    let first = letters.next().map(|first| first.to_uppercase().to_string()).unwrap_or_default();
    format!("{first}{}.", letters.as_str())
}
