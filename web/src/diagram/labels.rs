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
    overview: &'static str,
    flows: &'static str,
    some: &'static str,
    fan_out: &'static str,
    fan_in: &'static str,
    fan_both: &'static str,
    workloads: &'static str,
    part: &'static str,
    open: &'static str,
    some_open: &'static str,
    isolated: &'static str,
    expand: &'static str,
    collapse: &'static str,
    edge: &'static str,
    both: &'static str,
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
            overview: text.overview,
            flows: text.flows,
            some: text.some_pairs,
            fan_out: text.fan_out,
            fan_in: text.fan_in,
            fan_both: text.fan_both,
            workloads: text.some_workloads,
            part: text.part_drawn,
            open: text.open,
            some_open: text.some_open,
            isolated: text.isolated,
            expand: text.expand,
            collapse: text.collapse,
            edge: text.edge,
            both: text.both_ways,
            states: States {
                allowed: text.said_allowed,
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
