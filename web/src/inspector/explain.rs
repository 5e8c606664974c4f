//! The answer first, then both ends in the order in which a packet meets them, each with the
//! policies that decide there.

use portcullis_engine::report::{
    Action as RuleAction, EndReport, EntryEvidence, Evidence, FlowPart, FlowReport, Match,
    PolicyEvidence, RuleEvidence, TierEvidence, TierKind, TierOutcome, Verdict,
};
use yew::prelude::*;

use super::LineLink;
use super::flows::{BundleFlows, RuleSection};
use crate::evidence;
use crate::examples::inline;
use crate::flow_bar::verdict_pill;
use crate::names;
use crate::state::{Selection, Store, use_store};
use crate::text::{count, fill};
use crate::worker::message::{FlowAnswer, Judged};

/// Reasons of a policy that does not admit the flow; the rest only when wanted.
const REASONS: usize = 2;

/// Answers that are open at first, where there are several.
const OPEN_PARTS: usize = 3;

#[component]
pub fn Explain() -> Html {
    let store = use_store();
    let text = store.text();
    match (&store.selection, store.answer.as_deref()) {
        (Selection::Bundle(bundle), _) => html! { <BundleFlows bundle={bundle.clone()} /> },
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
    let ends = (from.as_str(), to.as_str());
    html! {
        <div class="section answer">
            <div class="answer-head">
                <h2 class="flow-title">{ format!("{from} → {to}") }</h2>
                { verdict_pill(report.verdict, text) }
            </div>
            if let Some(unread) = names::left_unread(store) {
                <p class="answer-note is-partial">{ fill(text.broken, &[("place", &unread)]) }</p>
            }
            <p class="answer-note">{ format!("{} {} · {whole}", report.protocol, report.port) }</p>
            if report.siblings {
                <p class="answer-note">{ text.between_pods }</p>
            }
            <p class="answer-note">{ inline(&sentence(&report.summary)) }</p>
            { for names::left_out(text, &report.not_judged, &report.rejected).map(|line| html! { <p class="answer-note">{ line }</p> }) }
            if let Some(audit) = &report.audit {
                <p class="answer-note">{ inline(&sentence(&audit.summary)) }</p>
            }
            { evidence_of(store, (report, ends), (&report.parts, &report.evidence, report.verdict)) }
            if let Some(audit) = &report.audit {
                <details class="others">
                    <summary class="link">{ text.if_enforced }</summary>
                    { evidence_of(store, (report, ends), (&audit.parts, &audit.evidence, audit.verdict)) }
                </details>
            }
        </div>
    }
}

/// Each answer with both its ends, or both ends of the only one.
fn evidence_of(
    store: &Store,
    (report, names): (&FlowReport, (&str, &str)),
    (parts, evidence, verdict): (&[FlowPart], &Evidence, Verdict),
) -> Html {
    if parts.is_empty() {
        return steps(store, (evidence, verdict), names);
    }
    let part = |(number, part): (usize, &FlowPart)| {
        let names = (&*part.source, &*part.destination);
        html! {
            <details class="others" open={number < OPEN_PARTS}>
                <summary>
                    <span class="flow-title">{ format!("{} → {}{}", names.0, names.1, part_text(report, part)) }</span>
                    { " " }{ verdict_pill(part.verdict, store.text()) }
                </summary>
                { steps(store, (&part.evidence, part.verdict), names) }
            </details>
        }
    };
    html! { <>{ for parts.iter().enumerate().map(part) }</> }
}

/// On which ports and in which family an answer holds, where it does not for all.
fn part_text(report: &FlowReport, part: &FlowPart) -> String {
    let ports = part.ports.as_ref().map(|ports| format!("{} {ports}", report.protocol));
    let family = part.family.map(|family| family.to_string());
    let pod_port = part.pod_port.map(|port| format!("{} {port}", report.protocol));
    let all: Vec<String> = ports.into_iter().chain(family).chain(pod_port).collect();
    if all.is_empty() { String::new() } else { format!(" ({})", all.join(", ")) }
}

fn steps(
    store: &Store,
    (evidence, verdict): (&Evidence, Verdict),
    (from, to): (&str, &str),
) -> Html {
    let text = store.text();
    html! {
        <ol class="steps">
            { step(store, verdict, (&evidence.egress, fill(text.leaves, &[("name", from)]))) }
            { step(store, verdict, (&evidence.ingress, fill(text.enters, &[("name", to)]))) }
        </ol>
    }
}

fn step(store: &Store, verdict: Verdict, (end, title): (&EndReport, String)) -> Html {
    let class = match end.verdict {
        Verdict::Allow => "is-allow",
        Verdict::Deny => "is-deny",
        Verdict::Unknown => "is-unknown",
    };
    // Amber are the cards that decide the whole: both ends of what passes, the end that stops it.
    let amber = store.selection == Selection::Flow && end.verdict == verdict;
    html! {
        <li class={classes!("step", class)}>
            <h3 class="step-title">{ title }</h3>
            if evidence::has_tiers(end) {
                { tiers(store, end, amber) }
            } else {
                <p class="step-note">{ inline(&sentence(&end.summary)) }</p>
                { for end.tiers.iter().map(|tier| cards(store, evidence::split(end, tier), amber)) }
            }
        </li>
    }
}

/// The way through the tiers, and what becomes of what the last one passes on.
fn tiers(store: &Store, end: &EndReport, amber: bool) -> Html {
    let text = store.text();
    let reached = |tier: &&TierEvidence| tier.outcome != TierOutcome::NotReached;
    let last = end.tiers.iter().rfind(reached);
    let by_default =
        end.verdict == Verdict::Allow && last.is_none_or(|tier| tier.outcome == TierOutcome::Pass);
    html! {
        <ol class="tiers">
            { for end.tiers.iter().map(|tier| tier_step(store, (end, tier), amber)) }
            if by_default {
                <li class="tier is-accept">
                    <h4 class="tier-head"><span class="tier-name">{ text.tier_default }</span>
                        { " " }<span class="tier-outcome">{ text.tier_allowed }</span></h4>
                </li>
            }
        </ol>
    }
}

fn tier_step(store: &Store, (end, tier): (&EndReport, &TierEvidence), amber: bool) -> Html {
    let text = store.text();
    let name = match tier.tier {
        TierKind::Admin => text.tier_admin.to_owned(),
        TierKind::NetworkPolicy => text.tier_network_policy.to_owned(),
        TierKind::Baseline => text.tier_baseline.to_owned(),
        TierKind::Calico => {
            fill(text.tier_calico, &[("name", tier.tier_name.as_deref().unwrap_or_default())])
        }
    };
    let name = match &tier.host_endpoint {
        Some(host) => format!("HostEndpoint {host} · {name}"),
        None => name,
    };
    let (deciding, others) = evidence::split(end, tier);
    let (class, outcome) = match tier.outcome {
        TierOutcome::Accept => ("is-accept", text.tier_accepts),
        TierOutcome::Deny => ("is-deny", text.tier_denies),
        TierOutcome::Pass if deciding.is_empty() => ("is-pass", text.tier_no_match),
        TierOutcome::Pass => ("is-pass", text.tier_passes),
        TierOutcome::Unknown => ("is-unknown", text.tier_unknown),
        TierOutcome::NotReached => ("is-not-reached", text.tier_not_reached),
    };
    let reached = tier.outcome != TierOutcome::NotReached;
    html! {
        <li class={classes!("tier", class)}>
            <h4 class="tier-head"><span class="tier-name">{ name }</span>{ " " }<span class="tier-outcome">{ outcome }</span></h4>
            if reached {
                { cards(store, (deciding, others), amber) }
            } else {
                { folded(store, None, &others) }
            }
        </li>
    }
}

type Policies<'e> = Vec<&'e PolicyEvidence>;

/// Policies that decide, then the others: one or two are shown, more only when wanted.
fn cards(store: &Store, (deciding, others): (Policies<'_>, Policies<'_>), amber: bool) -> Html {
    html! {
        <div class="cards">
            { for deciding.iter().map(|policy| card(store, policy, amber)) }
            if others.len() <= 2 {
                { for others.iter().map(|policy| card(store, policy, false)) }
            } else {
                { folded(store, Some(store.text().other_policies), &others) }
            }
        </div>
    }
}

fn folded(store: &Store, title: Option<&str>, others: &[&PolicyEvidence]) -> Html {
    if others.is_empty() {
        return Html::default();
    }
    let n = u32::try_from(others.len()).unwrap_or(u32::MAX);
    let title = title.map(|title| format!("{title} · ")).unwrap_or_default();
    html! {
        <details class="others">
            <summary class="link">{ title }{ count(store.text().policies, n) }</summary>
            <div class="cards">{ for others.iter().map(|policy| card(store, policy, false)) }</div>
        </details>
    }
}

fn card(store: &Store, policy: &PolicyEvidence, amber: bool) -> Html {
    let location = evidence::lines(policy).into_iter().next().or_else(|| policy.location.clone());
    let priority = policy.priority.map(|own| own.to_string());
    let order = policy.order.map(|own| own.0.to_string());
    let by_rule: Vec<&RuleEvidence> = policy.rules.iter().filter(|rule| rule.decides).collect();
    html! {
        <div class={classes!("card", amber.then_some("is-selected"))}>
            <div class="card-head">
                <span class="card-name">{ policy.policy.name.clone() }
                    if let Some(priority) = priority {
                        { " " }<span class="card-priority">{ fill(store.text().priority, &[("n", &priority)]) }</span>
                    }
                    if let Some(order) = order {
                        { " " }<span class="card-priority">{ fill(store.text().order, &[("n", &order)]) }</span>
                    }
                </span>
                if let Some(location) = location { <LineLink {location} /> }
            </div>
            if by_rule.is_empty() {
                <span class="card-note">{ inline(&policy.summary) }</span>
                if policy.matches != Match::Yes { { reasons(store, policy) } }
            } else {
                { for by_rule.into_iter().map(|rule| rule_lines(policy.tier, rule)) }
            }
        </div>
    }
}

/// What a rule does, where rules differ in that, and its entries that match, one to a line; those
/// that may, with why it is not known.
fn rule_lines(tier: TierKind, rule: &RuleEvidence) -> Html {
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
    let whole = lines.is_empty() && tier == TierKind::NetworkPolicy;
    html! {
        <>
            if tier != TierKind::NetworkPolicy { { action(rule) } }
            if whole { <span class="card-rule">{ short_path(&rule.path).to_owned() }</span> }
            { for lines }
        </>
    }
}

/// `Deny · ingress[1] · rest`; the action as the manifest writes it.
fn action(rule: &RuleEvidence) -> Html {
    let class = match rule.action {
        RuleAction::Accept => "is-accept",
        RuleAction::Deny => "is-deny",
        RuleAction::Pass | RuleAction::Log => "is-pass",
    };
    let name = rule.name.as_deref().map(|name| format!(" · {name}")).unwrap_or_default();
    html! {
        <span class="card-action">
            <b class={class}>{ rule.action.name() }</b>{ format!(" · {}{name}", short_path(&rule.path)) }
        </span>
    }
}

/// Why the rules of a policy do not admit the flow: rules that fit but for their ports first.
fn reasons(store: &Store, policy: &PolicyEvidence) -> Html {
    let (near, far): (Vec<_>, Vec<_>) =
        policy.rules.iter().partition(|rule| rule.peers_match() != Match::No);
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
