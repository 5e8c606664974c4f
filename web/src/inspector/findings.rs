//! What is wrong or remarkable, with a way to its line.

use portcullis_engine::report::{DiagnosticReport, Severity};
use yew::prelude::*;

use crate::examples::inline;
use crate::names;
use crate::state::{Action, Store, use_store};
use crate::text::count;

#[component]
pub fn FindingList() -> Html {
    let store = use_store();
    let text = store.text();
    let Some(findings) = store.findings.clone() else {
        return html! {};
    };
    if findings.diagnostics.is_empty() {
        return html! { <div class="blank"><div>{ text.no_findings }</div></div> };
    }
    let of = |severity: Severity| {
        let n = findings.diagnostics.iter().filter(|finding| finding.severity == severity).count();
        u32::try_from(n).unwrap_or(u32::MAX)
    };
    let counts = [
        (text.n_errors, of(Severity::Error)),
        (text.n_warnings, of(Severity::Warning)),
        (text.n_infos, of(Severity::Info)),
    ];
    let counts: Vec<String> =
        counts.into_iter().filter(|(_, n)| *n > 0).map(|(pattern, n)| count(pattern, n)).collect();
    html! {
        <div class="section">
            <div class="section-head"><h2>{ text.findings }</h2><span>{ counts.join(", ") }</span></div>
            <ul class="findings">{ for findings.diagnostics.iter().map(|finding| item(&store, finding)) }</ul>
            if findings.more > 0 { <p class="step-note">{ count(text.more_lines, findings.more) }</p> }
        </div>
    }
}

fn item(store: &Store, finding: &DiagnosticReport) -> Html {
    let class = match finding.severity {
        Severity::Error => "is-error",
        Severity::Warning => "is-warning",
        Severity::Info => "is-info",
    };
    let onclick = {
        let (store, location) = (store.clone(), finding.location.clone());
        move |_: MouseEvent| {
            if let Some(location) = &location {
                store.dispatch(Action::Visit(location.file.to_string(), location.line));
            }
        }
    };
    html! {
        <li><button class="finding" {onclick}>
            <span class={classes!("tag", class)} title={finding.name.clone()}>{ finding.code.clone() }</span>
            <span>{ inline(&finding.message) }
                if let Some(help) = &finding.help { <span class="finding-help">{ " — " }{ inline(help) }</span> }
                if let Some(location) = &finding.location { { " " }<span class="line-link">{ names::place(location) }</span> }
            </span>
        </button></li>
    }
}
