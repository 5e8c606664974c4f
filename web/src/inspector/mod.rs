//! The right pane: why a flow passes or does not, the reach of a workload, findings.

mod explain;
mod findings;
mod flows;
mod reach;

use yew::prelude::*;

use crate::state::{Action, Pane, Tab, use_store};
use explain::Explain;
use findings::FindingList;
use reach::ReachView;

pub use crate::diagram::LineLink;

#[component]
pub fn InspectorPane() -> Html {
    let store = use_store();
    let text = store.text();
    let info = portcullis_engine::report::Severity::Info;
    let found = store.findings.as_ref().map_or((0, 0), |findings| {
        let all = findings.diagnostics.iter();
        (all.filter(|finding| finding.severity != info).count(), findings.more)
    });
    let badge = match found {
        (0, _) => String::new(),
        (n, 0) => n.to_string(),
        (n, _) => format!("{n}+"),
    };
    let tab = |tab: Tab, name: &'static str, badge: &str| {
        let now = store.tab == tab;
        let store = store.clone();
        let onclick = move |_: MouseEvent| store.dispatch(Action::ShowTab(tab));
        html! {
            <button aria-pressed={now.to_string()} {onclick}>{ name }
                if !badge.is_empty() { <span class="count">{ badge.to_owned() }</span> }
            </button>
        }
    };
    let hide = {
        let store = store.clone();
        move |_: MouseEvent| store.dispatch(Action::ShowPane(Pane::View))
    };
    html! {
        <section class="pane pane-inspector" aria-label={text.inspector}>
            <div class="toolbar">
                <div class="segmented" role="group" aria-label={text.inspector}>
                    { tab(Tab::Explain, text.explain, "") }
                    { tab(Tab::Reach, text.reach, "") }
                    { tab(Tab::Findings, text.findings, &badge) }
                </div>
                <span class="spacer" />
                <button class="btn is-icon is-quiet drawer-toggle" aria-label={text.close} onclick={hide}>{ "×" }</button>
            </div>
            <div class="inspector-body" tabindex="0" role="group" aria-label={text.inspector}>
                if store.tab == Tab::Explain { <Explain /> }
                if store.tab == Tab::Reach { <ReachView /> }
                if store.tab == Tab::Findings { <FindingList /> }
            </div>
        </section>
    }
}
