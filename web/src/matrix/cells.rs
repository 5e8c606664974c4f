//! The cells in sight, with the names of their rows and columns.

use std::rc::Rc;

use portcullis_engine::report::Protocol;
use yew::prelude::*;

use super::window::{CELL, NAMES, Window};
use super::{At, choose, name, place_of, spoken};
use crate::names;
use crate::state::use_store;
use crate::text::Language;
use crate::worker::message::{Edge, Node, Scene};

/// What the matrix is of. Compared by address: a scene is never changed, only replaced.
#[derive(Clone)]
pub struct Grid {
    pub scene: Rc<Scene>,
    /// Nodes of rows and of columns.
    pub nodes: Rc<[u32]>,
    /// The only port that counts, if it is not all of them.
    pub port: Option<(u16, Protocol)>,
}

impl PartialEq for Grid {
    fn eq(&self, other: &Self) -> bool {
        Rc::ptr_eq(&self.scene, &other.scene)
            && (&self.nodes, self.port) == (&other.nodes, other.port)
    }
}

/// What a cell shows and says.
pub struct Cell {
    pub class: &'static str,
    pub mark: &'static str,
    pub spoken: String,
}

impl Grid {
    pub fn node(&self, at: usize) -> Option<&Node> {
        self.scene.nodes.get(*self.nodes.get(at)? as usize)
    }

    pub fn ends(&self, (row, column): At) -> Option<(&Node, &Node)> {
        self.node(row).zip(self.node(column))
    }

    /// The nearest place that there is.
    pub fn clamped(&self, (row, column): At) -> At {
        let last = self.nodes.len().saturating_sub(1);
        (row.min(last), column.min(last))
    }

    fn edge(&self, (row, column): At) -> Option<Edge> {
        self.scene.flows.edge(*self.nodes.get(row)?, *self.nodes.get(column)?)
    }

    /// The port to ask about, and whether something is allowed or unknown between the two.
    pub fn asked(&self, at: At) -> Option<(Option<(u16, Protocol)>, bool)> {
        self.ends(at)?;
        Some((self.port, self.edge(at).is_some()))
    }

    /// Whether a set of ports counts: has the port that is chosen, or any.
    fn counts(&self, set: Option<u32>) -> bool {
        let set = set.and_then(|set| self.scene.port_sets.get(set as usize));
        set.is_some_and(|set| match self.port {
            None => true,
            Some((port, protocol)) => set.ranges.iter().any(|range| {
                range.protocol == protocol && (range.port..=range.end_port).contains(&port)
            }),
        })
    }

    pub fn cell(&self, at: At, language: Language) -> Option<Cell> {
        let text = language.text();
        let (from, to) = self.ends(at)?;
        let edge = self.edge(at);
        let allowed = edge.is_some_and(|edge| self.counts(edge.allowed));
        let unknown = edge.is_some_and(|edge| self.counts(edge.unknown));
        let (class, mark) = match (from.id == to.id, allowed, unknown) {
            (true, ..) => ("is-self", ""),
            (_, true, false) => ("is-allowed", "✓"),
            (_, true, true) => ("is-allowed", "✓?"),
            (_, false, true) => ("is-unknown", "?"),
            (_, false, false) => ("is-none", "·"),
        };
        let ports = match edge {
            _ if from.id == to.id => text.matrix_self.to_owned(),
            Some(edge) if allowed || unknown => self.ports(&edge, (allowed, unknown), language),
            _ => text.matrix_none.to_owned(),
        };
        let (from, to) = (names::full(from, language), names::full(to, language));
        Some(Cell { class, mark, spoken: spoken(text.flow_of, &from, &to, &ports) })
    }

    /// What is allowed, and what is unknown besides; of one port, which of the two it is.
    fn ports(&self, edge: &Edge, (allowed, unknown): (bool, bool), language: Language) -> String {
        let set = |set: Option<u32>| {
            let set = set.and_then(|set| self.scene.port_sets.get(set as usize));
            set.map_or_else(String::new, |set| names::ports(&set.text, language))
        };
        let text = language.text();
        let parts = match self.port {
            Some((port, protocol)) => {
                let state = if allowed { text.said_allowed } else { text.said_unknown };
                return format!("{protocol} {port}, {state}");
            }
            None => [
                allowed.then(|| set(edge.allowed)),
                unknown.then(|| format!("{}?", set(edge.unknown))),
            ],
        };
        parts.into_iter().flatten().collect::<Vec<_>>().join("; ")
    }
}

#[derive(Properties, PartialEq)]
pub struct CellsProps {
    pub grid: Grid,
    pub window: Window,
    pub active: At,
    /// Flows that are amber, by ids of their ends.
    pub picked: Rc<Vec<(String, String)>>,
    pub point: UseStateSetter<Option<At>>,
}

#[component]
pub fn Cells(props: &CellsProps) -> Html {
    let store = use_store();
    let CellsProps { grid, window, point, .. } = props;
    let columns = window.columns.0..window.columns.1.min(grid.nodes.len());
    let rows = window.rows.0..window.rows.1.min(grid.nodes.len());
    let onclick = {
        let (store, grid) = (store.clone(), grid.clone());
        move |event: MouseEvent| {
            if let Some(at) = place_of(&event) {
                choose(&store, &grid, at);
            }
        }
    };
    let over = point.clone();
    let out = point.clone();
    html! {
        <div class="matrix-cells" role="rowgroup" {onclick}
            onpointerover={move |event: PointerEvent| over.set(place_of(&event))}
            onpointerleave={move |_: PointerEvent| out.set(None)}>
            <div class="matrix-head" role="row" aria-rowindex="1">
                <span class="matrix-corner" role="columnheader">{ format!("{} ↓ {} →", store.text().ask_from, store.text().ask_to) }</span>
                { for columns.clone().map(|column| head(props, column, store.language)) }
            </div>
            { for rows.map(|row| html! {
                <div key={row} class="matrix-row" role="row" aria-rowindex={(row + 2).to_string()} style={format!("top: {}px", row as f64 * CELL.1)}>
                    <span class="matrix-from" role="rowheader" title={name(grid, row, store.language)}>{ middle(&name(grid, row, store.language), 24) }</span>
                    { for columns.clone().map(|column| cell(props, (row, column), store.language)) }
                </div>
            }) }
        </div>
    }
}

fn head(props: &CellsProps, column: usize, language: Language) -> Html {
    let name = name(&props.grid, column, language);
    html! {
        <span key={column} class="matrix-to" role="columnheader" aria-colindex={(column + 2).to_string()} style={left(column)} title={name.clone()}>
            <span>{ middle(&name, 17) }</span>
        </span>
    }
}

fn cell(props: &CellsProps, at: At, language: Language) -> Html {
    let Some((cell, (from, to))) = props.grid.cell(at, language).zip(props.grid.ends(at)) else {
        return html! {};
    };
    let picked = props.picked.iter().any(|(a, b)| *a == from.id && *b == to.id);
    let class = classes!(
        "matrix-cell",
        cell.class,
        (at == props.active).then_some("is-active"),
        picked.then_some("is-selected")
    );
    html! {
        <span key={at.1} {class} role="gridcell" id={format!("cell-{}-{}", at.0, at.1)} data-at={format!("{} {}", at.0, at.1)}
            aria-colindex={(at.1 + 2).to_string()} aria-selected={picked.to_string()} aria-label={cell.spoken} style={left(at.1)}>{ cell.mark }</span>
    }
}

fn left(column: usize) -> String {
    format!("left: {}px", NAMES + column as f64 * CELL.0)
}

/// A long name without its middle: names differ at their ends.
fn middle(name: &str, room: usize) -> String {
    let letters: Vec<char> = name.chars().collect();
    if letters.len() <= room {
        return name.to_owned();
    }
    let tail = room / 2;
    let head: String = letters.iter().take(room - tail - 1).collect();
    let end: String = letters.iter().skip(letters.len() - tail).collect();
    format!("{head}…{end}")
}
