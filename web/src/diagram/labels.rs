//! The words of the diagram, as it takes them.

use serde::Serialize;

use crate::text::Text;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Labels {
    diagram: &'static str,
    open_all: &'static str,
    inside: &'static str,
    undrawn: &'static str,
    flows: &'static str,
    workloads: &'static str,
    expand: &'static str,
    collapse: &'static str,
    edge: &'static str,
    states: States,
    isolated_ingress: &'static str,
    isolated_egress: &'static str,
    selected_ingress: &'static str,
    selected_egress: &'static str,
}

#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct States {
    allowed: &'static str,
    unknown: &'static str,
    asked_denied: &'static str,
}

impl Labels {
    pub fn new(text: &Text) -> Self {
        Self {
            diagram: text.diagram_label,
            open_all: text.open_all,
            inside: text.inside,
            undrawn: text.undrawn,
            flows: text.flows,
            workloads: text.some_workloads,
            expand: text.expand,
            collapse: text.collapse,
            edge: text.edge,
            states: States {
                allowed: text.legend_allowed,
                unknown: text.said_unknown,
                asked_denied: text.said_denied,
            },
            isolated_ingress: text.isolated_ingress,
            isolated_egress: text.isolated_egress,
            selected_ingress: text.selected_ingress,
            selected_egress: text.selected_egress,
        }
    }
}
