//! The engine's list as rows and columns: which endpoints send alike, which receive alike, and what
//! is between the two.
//!
//! The list names together who is treated alike, and so does this: no pair is written out.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use portcullis_engine::report::{Connection, Family, ListReport};

use super::flows::Flows;
use super::message::{Edge, PortSet};

/// What is between a row and a column: numbers of port sets.
type Cell = (Option<u32>, Option<u32>);

/// Rows and columns of the list's endpoints, and what is between them.
pub struct Links {
    rows: Vec<u32>,
    columns: Vec<u32>,
    cells: BTreeMap<(u32, u32), Cell>,
    sets: Vec<Joined>,
}

impl Links {
    pub fn new(list: &ListReport) -> Self {
        let blocks = blocks(list);
        let count = list.endpoints.len();
        let rows = lines(count, blocks.iter().map(|block| &block.from));
        let columns = lines(count, blocks.iter().map(|block| &block.to));
        let mut sets = Sets::default();
        let mut cells: BTreeMap<(u32, u32), Cell> = BTreeMap::new();
        for block in &blocks {
            let columns = lines_of(&columns, &block.to);
            for row in lines_of(&rows, &block.from) {
                for column in &columns {
                    sets.join(cells.entry((row, *column)).or_default(), block.connection);
                }
            }
        }
        let links = Self { rows, columns, cells, sets: sets.all };
        links.with_equal_rows_joined().turned().with_equal_rows_joined().turned()
    }

    /// The row and the column of an endpoint: those with the same ones have the same connections.
    /// None if it has no connection.
    pub fn key(&self, endpoint: usize) -> Option<(u32, u32)> {
        let (row, column) = (*self.rows.get(endpoint)?, *self.columns.get(endpoint)?);
        let sends = self.cells.range((row, 0)..=(row, u32::MAX)).next().is_some();
        let receives = || self.cells.keys().any(|(_, to)| *to == column);
        (sends || receives()).then_some((row, column))
    }

    /// The flows between nodes, each of which `speakers` names an endpoint for.
    pub fn flows(&self, speakers: impl Iterator<Item = usize> + Clone) -> Flows {
        let of = |lines: &[u32], endpoint: usize| lines.get(endpoint).copied().unwrap_or(u32::MAX);
        let cells = self.cells.iter();
        let cells =
            cells.map(|(&(from, to), &(allowed, unknown))| Edge { from, to, allowed, unknown });
        Flows {
            rows: speakers.clone().map(|endpoint| of(&self.rows, endpoint)).collect(),
            columns: speakers.map(|endpoint| of(&self.columns, endpoint)).collect(),
            cells: cells.collect(),
        }
    }

    pub fn port_sets(&self, list: &ListReport) -> Vec<PortSet> {
        self.sets.iter().map(|joined| port_set(list, joined)).collect()
    }

    fn with_equal_rows_joined(self) -> Self {
        let mut content: BTreeMap<u32, Vec<(u32, Cell)>> = BTreeMap::new();
        for (&(row, column), &cell) in &self.cells {
            content.entry(row).or_default().push((column, cell));
        }
        let next = joined(&self.rows, content);
        let rows = renamed(&self.rows, &next);
        let cells = self.cells.into_iter();
        let cells = cells
            .filter_map(|((row, column), cell)| Some(((next.get(&row).copied()?, column), cell)));
        Self { rows, cells: cells.collect(), ..self }
    }

    /// Rows as columns, and columns as rows.
    fn turned(self) -> Self {
        let cells = self.cells.into_iter().map(|((row, column), cell)| ((column, row), cell));
        Self { rows: self.columns, columns: self.rows, cells: cells.collect(), sets: self.sets }
    }
}

/// New numbers of lines, the same for those with the same content, in the order of the endpoints.
fn joined(lines: &[u32], mut content: BTreeMap<u32, Vec<(u32, Cell)>>) -> HashMap<u32, u32> {
    let mut numbers: HashMap<Vec<(u32, Cell)>, u32> = HashMap::new();
    let mut next = HashMap::new();
    for line in lines {
        if next.contains_key(line) {
            continue;
        }
        let number = count(numbers.len());
        let own = content.remove(line).unwrap_or_default();
        next.insert(*line, *numbers.entry(own).or_insert(number));
    }
    next
}

fn renamed(lines: &[u32], next: &HashMap<u32, u32>) -> Vec<u32> {
    lines.iter().map(|line| next.get(line).copied().unwrap_or(u32::MAX)).collect()
}

/// What every one of some endpoints may send to every other one of some.
struct Block<'l> {
    from: Vec<usize>,
    to: Vec<usize>,
    connection: &'l Connection,
}

/// Connections with their ends by index: those of both families first, then IPv4, then IPv6.
fn blocks(list: &ListReport) -> Vec<Block<'_>> {
    let ids: HashMap<&str, usize> =
        list.endpoints.iter().enumerate().map(|(i, endpoint)| (&*endpoint.id, i)).collect();
    let members = |members: &[Arc<str>]| -> Vec<usize> {
        members.iter().filter_map(|id| ids.get(&**id).copied()).collect()
    };
    let groups: HashMap<&str, Vec<usize>> =
        list.groups.iter().map(|group| (&*group.id, members(&group.members))).collect();
    let end = |id: &Arc<str>| match groups.get(&**id) {
        Some(members) => members.clone(),
        None => members(std::slice::from_ref(id)),
    };
    let connections = list.connections.iter();
    let mut blocks: Vec<Block<'_>> = connections
        .map(|connection| Block {
            from: end(&connection.from),
            to: end(&connection.to),
            connection,
        })
        .collect();
    blocks.sort_by_key(|block| block.connection.family);
    blocks
}

/// The line of each endpoint: those that the same blocks have are on one.
fn lines<'b>(endpoints: usize, blocks: impl Iterator<Item = &'b Vec<usize>>) -> Vec<u32> {
    let mut of: Vec<Vec<u32>> = vec![Vec::new(); endpoints];
    for (number, members) in (0u32..).zip(blocks) {
        for member in members {
            of.get_mut(*member).into_iter().for_each(|own| own.push(number));
        }
    }
    let mut numbers: HashMap<Vec<u32>, u32> = HashMap::new();
    let line = |own| {
        let next = count(numbers.len());
        *numbers.entry(own).or_insert(next)
    };
    of.into_iter().map(line).collect()
}

/// Lines that some endpoints are on, each once.
fn lines_of(lines: &[u32], members: &[usize]) -> BTreeSet<u32> {
    members.iter().filter_map(|member| lines.get(*member).copied()).collect()
}

/// Keys of the list's port sets that one cell has, with the family where they differ by it.
type Joined = Vec<(Arc<str>, Option<Family>)>;

fn port_set(list: &ListReport, joined: &Joined) -> PortSet {
    let text = |(key, family): &(Arc<str>, Option<Family>)| match family {
        Some(family) => format!("{key} ({family})"),
        None => key.to_string(),
    };
    let texts: Vec<String> = joined.iter().map(text).collect();
    let ranges = joined.iter().filter_map(|(key, _)| list.port_sets.get(key));
    PortSet { text: texts.join("; "), ranges: ranges.flatten().cloned().collect() }
}

/// Sets of ports, each once.
#[derive(Default)]
struct Sets {
    all: Vec<Joined>,
    known: HashMap<Joined, u32>,
}

impl Sets {
    fn join(&mut self, (allowed, unknown): &mut Cell, connection: &Connection) {
        let part = |key: &Option<Arc<str>>| Some((Arc::clone(key.as_ref()?), connection.family));
        *allowed = self.joined(*allowed, part(&connection.allowed));
        *unknown = self.joined(*unknown, part(&connection.unknown));
    }

    fn joined(
        &mut self,
        before: Option<u32>,
        part: Option<(Arc<str>, Option<Family>)>,
    ) -> Option<u32> {
        let Some(part) = part else {
            return before;
        };
        let before = before.and_then(|index| self.all.get(index as usize));
        let mut joined = before.cloned().unwrap_or_default();
        if !joined.contains(&part) {
            joined.push(part);
        }
        let next = count(self.all.len());
        Some(*self.known.entry(joined).or_insert_with_key(|joined| {
            self.all.push(joined.clone());
            next
        }))
    }
}

fn count(n: usize) -> u32 {
    u32::try_from(n).unwrap_or(u32::MAX)
}
