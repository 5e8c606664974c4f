//! The lines of the list: who may send what to whom, those together who are treated alike.

use std::collections::HashMap;

use crate::worker::flows::Flows;
use crate::worker::message::Edge;

/// Fewer ends than this are named one by one, as the command does.
const FEWEST: usize = 3;

/// Some sources, each of which may send the same to each of some destinations but itself.
#[derive(Clone, Debug, PartialEq)]
pub struct Line {
    /// Nodes, ascending; at least one.
    pub from: Vec<u32>,
    /// Nodes, ascending; at least one.
    pub to: Vec<u32>,
    /// What passes, between the first of each.
    pub edge: Edge,
}

impl Line {
    /// Its only pair.
    pub fn pair(&self) -> Option<(u32, u32)> {
        match (self.from.as_slice(), self.to.as_slice()) {
            ([from], [to]) => Some((*from, *to)),
            _ => None,
        }
    }

    /// Its pairs, in order.
    pub fn pairs(&self) -> impl Iterator<Item = (u32, u32)> + '_ {
        let all = self.from.iter().flat_map(|from| self.to.iter().map(move |to| (*from, *to)));
        all.filter(|(from, to)| from != to)
    }

    /// Whether it has a pair.
    pub fn has(&self, from: u32, to: u32) -> bool {
        from != to && self.from.binary_search(&from).is_ok() && self.to.binary_search(&to).is_ok()
    }

    /// Without what its ends cannot be: whoever is alone at one end is not at the other.
    fn checked(mut self) -> Option<Self> {
        if let [only] = *self.from.as_slice() {
            self.to.retain(|to| *to != only);
        }
        if let [only] = *self.to.as_slice() {
            self.from.retain(|from| *from != only);
        }
        let (from, to) = (*self.from.first()?, *self.to.first()?);
        self.edge = Edge { from, to, ..self.edge };
        Some(self)
    }
}

/// All lines with an end that passes a filter, sorted by their first source and destination.
///
/// # Cost
/// Linear in the nodes, and in what is between rows and columns of alike ones.
pub fn lines(
    flows: &Flows,
    is_workload: impl Fn(u32) -> bool,
    passes: impl Fn(u32) -> bool,
) -> Vec<Line> {
    let (rows, columns) = (by_line(&flows.rows), by_line(&flows.columns));
    let mut lines = Vec::new();
    for cell in &flows.cells {
        let of =
            |all: &HashMap<u32, Vec<u32>>, line: u32| all.get(&line).cloned().unwrap_or_default();
        let (from, to) = (of(&rows, cell.from), of(&columns, cell.to));
        let (from_inside, from_outside) = split(&from, &passes);
        let (to_inside, _) = split(&to, &passes);
        for (from, to) in [(from_inside, to), (from_outside, to_inside)] {
            for from in ends(&is_workload, from) {
                for to in ends(&is_workload, to.clone()) {
                    let line = Line { from: from.clone(), to, edge: *cell };
                    lines.extend(line.checked());
                }
            }
        }
    }
    lines.sort_by(|a, b| (&a.from, &a.to).cmp(&(&b.from, &b.to)));
    lines
}

/// Each pair with an end that passes, so many at most.
pub fn pairs(flows: &Flows, passes: impl Fn(u32) -> bool, most: usize) -> Vec<Line> {
    let edges = flows.edges().filter(|edge| passes(edge.from) || passes(edge.to)).take(most);
    edges.map(|edge| Line { from: vec![edge.from], to: vec![edge.to], edge }).collect()
}

fn by_line(lines: &[u32]) -> HashMap<u32, Vec<u32>> {
    let mut all: HashMap<u32, Vec<u32>> = HashMap::new();
    for (node, line) in (0u32..).zip(lines) {
        all.entry(*line).or_default().push(node);
    }
    all
}

fn split(nodes: &[u32], passes: &impl Fn(u32) -> bool) -> (Vec<u32>, Vec<u32>) {
    nodes.iter().partition(|node| passes(**node))
}

/// The ends that some nodes are named by: addresses one by one, and workloads together if they are
/// more than a few.
fn ends(is_workload: &impl Fn(u32) -> bool, nodes: Vec<u32>) -> Vec<Vec<u32>> {
    let (workloads, ranges): (Vec<u32>, Vec<u32>) =
        nodes.into_iter().partition(|node| is_workload(*node));
    let one_by_one = |nodes: Vec<u32>| nodes.into_iter().map(|node| vec![node]).collect();
    let mut ends: Vec<Vec<u32>> = one_by_one(ranges);
    if workloads.len() < FEWEST {
        ends.extend::<Vec<_>>(one_by_one(workloads));
    } else {
        ends.push(workloads);
    }
    ends
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    /// Five workloads and what is outside. The first four are alike, and the last takes from them.
    fn flows() -> Flows {
        let cell = |from, to| Edge { from, to, allowed: Some(0), unknown: None };
        Flows {
            rows: vec![0, 0, 0, 0, 1, 1],
            columns: vec![0, 0, 0, 0, 1, 2],
            cells: vec![cell(0, 0), cell(0, 1), cell(1, 2)],
        }
    }

    const OUTSIDE: u32 = 5;

    #[test]
    fn who_is_alike_is_one_end() {
        let lines = lines(&flows(), |node| node != OUTSIDE, |_| true);
        let ends: Vec<_> = lines.iter().map(|line| (line.from.len(), line.to.len())).collect();
        assert_eq!(ends, [(4, 4), (4, 1), (1, 1)], "{lines:?}");
        let last = lines.last().and_then(Line::pair);
        assert_eq!(last, Some((4, OUTSIDE)));
    }

    /// Whatever is filtered, lines have the pairs that there are, each once.
    #[test]
    fn lines_have_all_pairs_once() {
        let flows = flows();
        for filter in 0..64_u32 {
            let passes = |node: u32| filter >> node & 1 == 1;
            let lines = lines(&flows, |node| node != OUTSIDE, passes);
            let found: Vec<_> = lines.iter().flat_map(Line::pairs).collect();
            let all: BTreeSet<_> = found.iter().copied().collect();
            let wanted: BTreeSet<_> =
                pairs(&flows, passes, 1_000).iter().filter_map(Line::pair).collect();
            assert_eq!((all.len(), &all), (found.len(), &wanted), "{filter:b}");
            assert!(all.iter().all(|(from, to)| lines.iter().any(|line| line.has(*from, *to))));
        }
    }
}
