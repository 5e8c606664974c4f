//! The right pane: why a flow passes or does not, the reach of a workload, findings.

mod explain;
mod findings;
mod flows;
mod reach;

use yew::prelude::*;

use crate::state::{Action, Tab, use_store};
use explain::Explain;
use findings::FindingList;
use reach::ReachView;

pub use crate::diagram::LineLink;

#[component]
pub fn InspectorPane() -> Html {
    let store = use_store();
    let text = store.text();
    let found = store.findings.as_ref().map_or(0, |findings| {
        let info = portcullis_engine::report::Severity::Info;
        findings.diagnostics.iter().filter(|finding| finding.severity != info).count()
    });
    let tab = |tab: Tab, name: &'static str, badge: usize| {
        let now = store.tab == tab;
        let store = store.clone();
        let onclick = move |_: MouseEvent| store.dispatch(Action::ShowTab(tab));
        html! {
            <button aria-pressed={now.to_string()} {onclick}>{ name }
                if badge > 0 { <span class="count">{ badge }</span> }
            </button>
        }
    };
    html! {
        <section class="pane pane-inspector" aria-label={text.inspector}>
            <div class="toolbar">
                <div class="segmented" role="group" aria-label={text.inspector}>
                    { tab(Tab::Explain, text.explain, 0) }
                    { tab(Tab::Reach, text.reach, 0) }
                    { tab(Tab::Findings, text.findings, found) }
                </div>
            </div>
            <div class="inspector-body" tabindex="0" role="group" aria-label={text.inspector}>
                if store.tab == Tab::Explain { <Explain /> }
                if store.tab == Tab::Reach { <ReachView /> }
                if store.tab == Tab::Findings { <FindingList /> }
            </div>
        </section>
    }
}
