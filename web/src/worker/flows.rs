//! Who may send what to whom, at any size.
//!
//! Nodes that send alike have one row, nodes that receive alike have one column, and only what is
//! between a row and a column is kept. So nothing has to be left out where everything is open, and
//! a pair that is not found here is one of which the engine says that nothing passes.

use serde::{Deserialize, Serialize};

use super::message::Edge;

/// What every node may send to every other one. What a node may send to itself is not in it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Flows {
    /// Row of each node, as a source.
    pub rows: Vec<u32>,
    /// Column of each node, as a destination.
    pub columns: Vec<u32>,
    /// What is between rows and columns, sorted by them.
    #[serde(with = "super::message::packed")]
    pub cells: Vec<Edge>,
}

impl Flows {
    /// What passes from one node to another; none if nothing does.
    pub fn edge(&self, from: u32, to: u32) -> Option<Edge> {
        let row = *self.rows.get(from as usize)?;
        let column = *self.columns.get(to as usize)?;
        if from == to {
            return None;
        }
        let at = self.cells.binary_search_by_key(&(row, column), |cell| (cell.from, cell.to));
        let cell = self.cells.get(at.ok()?)?;
        Some(Edge { from, to, ..*cell })
    }

    /// All that a node sends, by destination.
    pub fn from(&self, from: u32) -> Vec<Edge> {
        let row = self.rows.get(from as usize).copied().unwrap_or(u32::MAX);
        let start = self.cells.partition_point(|cell| cell.from < row);
        let cells = self.cells.get(start..).unwrap_or_default();
        let cells = cells.get(..cells.partition_point(|cell| cell.from == row)).unwrap_or_default();
        let edge = |(to, column): (u32, &u32)| {
            let at = cells.binary_search_by_key(column, |cell| cell.to).ok()?;
            Some(Edge { from, to, ..*cells.get(at)? }).filter(|_| from != to)
        };
        (0..).zip(&self.columns).filter_map(edge).collect()
    }

    /// All that a node receives, by source.
    pub fn to(&self, to: u32) -> Vec<Edge> {
        (0..self.nodes()).filter_map(|from| self.edge(from, to)).collect()
    }

    /// All pairs of which something passes or may pass, in order; made as they are asked for.
    pub fn edges(&self) -> impl Iterator<Item = Edge> {
        (0..self.nodes()).flat_map(|from| self.from(from))
    }

    /// How many pairs have a cell that `counts`.
    pub fn count(&self, counts: impl Fn(&Edge) -> bool) -> u64 {
        self.count_among(|_| true, |_| true, counts)
    }

    /// How many pairs of such sources and such destinations have a cell that `counts`.
    pub fn count_among(
        &self,
        is_source: impl Fn(u32) -> bool,
        is_destination: impl Fn(u32) -> bool,
        counts: impl Fn(&Edge) -> bool,
    ) -> u64 {
        let sources = tally(&self.rows, &is_source);
        let destinations = tally(&self.columns, &is_destination);
        let of = |tally: &[u64], at: u32| tally.get(at as usize).copied().unwrap_or(0);
        let cells = self.cells.iter().filter(|cell| counts(cell));
        let all: u64 = cells.map(|cell| of(&sources, cell.from) * of(&destinations, cell.to)).sum();
        all - self.own(|node| is_source(node) && is_destination(node), &counts)
    }

    /// How many of the nodes stand in a cell with themselves, which is no pair.
    fn own(&self, is_counted: impl Fn(u32) -> bool, counts: &impl Fn(&Edge) -> bool) -> u64 {
        let ends = (0..self.nodes()).zip(self.rows.iter().zip(&self.columns));
        let own = ends.filter(|(node, (row, column))| {
            let key = (**row, **column);
            let at = self.cells.binary_search_by_key(&key, |cell| (cell.from, cell.to));
            let cell = at.ok().and_then(|at| self.cells.get(at));
            is_counted(*node) && cell.is_some_and(counts)
        });
        own.count() as u64
    }

    /// How many nodes there are.
    pub fn nodes(&self) -> u32 {
        u32::try_from(self.rows.len()).unwrap_or(u32::MAX)
    }
}

/// How many of the nodes are in each row, or in each column.
fn tally(lines: &[u32], is_counted: impl Fn(u32) -> bool) -> Vec<u64> {
    let size = lines.iter().max().map_or(0, |last| *last as usize + 1);
    let mut counts = vec![0; size];
    for (node, line) in (0u32..).zip(lines) {
        if is_counted(node) {
            counts.get_mut(*line as usize).into_iter().for_each(|count| *count += 1);
        }
    }
    counts
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two nodes alike and a third that they reach.
    fn flows() -> Flows {
        let cell = |from, to| Edge { from, to, allowed: Some(0), unknown: None };
        Flows { rows: vec![0, 0, 1], columns: vec![0, 0, 1], cells: vec![cell(0, 0), cell(0, 1)] }
    }

    #[test]
    fn pairs_are_those_of_their_row_and_column_without_a_node_and_itself() {
        let pairs: Vec<_> = flows().edges().map(|edge| (edge.from, edge.to)).collect();
        assert_eq!(pairs, [(0, 1), (0, 2), (1, 0), (1, 2)]);
        assert_eq!(flows().count(|_| true), 4);
        assert_eq!(flows().edge(2, 0), None);
        assert_eq!(flows().to(2).len(), 2);
    }

    #[test]
    fn pairs_are_counted_without_being_made() {
        let flows = flows();
        let among = |sources: &[u32], destinations: &[u32]| {
            flows.count_among(|n| sources.contains(&n), |n| destinations.contains(&n), |_| true)
        };
        assert_eq!([among(&[0], &[0, 1, 2]), among(&[0, 1], &[2]), among(&[2], &[0])], [2, 2, 0]);
    }
}
