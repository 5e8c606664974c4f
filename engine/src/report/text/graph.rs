//! The list as a drawing: workloads in their namespaces, arrows with what is allowed.
//!
//! Every workload is drawn, also one that nothing reaches: its loneliness is the answer. Ranges of
//! addresses are drawn where an arrow needs them.

use std::collections::BTreeMap;
use std::fmt::{self, Write};

use rustc_hash::{FxHashMap, FxHashSet};

use super::certain;
use super::diff::Mark;
use super::plain::acts;
use crate::net::{AddrSet, Cidr};
use crate::report::list::ranges;
use crate::report::types::{Connection, EndpointKind, EndpointReport, GroupReport, ListReport};

/// Ranges of addresses written into one node before the rest is only counted.
const MOST_RANGES: usize = 4;

/// What is drawn. Nodes are endpoints and groups, by their place among both.
struct Drawing<'r> {
    namespaces: BTreeMap<&'r str, Vec<Node>>,
    /// Groups of workloads of several namespaces.
    wide: Vec<Node>,
    /// Ranges of addresses with the same arrows share a node: that of the first.
    outside: BTreeMap<usize, AddrSet>,
    arrows: Vec<Arrow<'r>>,
}

/// A node, and the lines that stand in it.
type Node = (usize, Vec<String>);

/// A connection between nodes, and what it surely allows.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
struct Arrow<'r> {
    from: usize,
    to: usize,
    allowed: &'r str,
    suffix: &'static str,
    /// What happens to it, if it is one of a comparison.
    mark: Option<Mark>,
}

impl Arrow<'_> {
    /// A colour that both kinds of drawings know.
    fn colour(&self) -> Option<&'static str> {
        self.mark.map(|mark| match mark {
            Mark::Opened => "green",
            Mark::Closed => "red",
            Mark::Uncertain => "orange",
        })
    }
}

/// An endpoint or a group.
#[derive(Clone, Copy)]
enum Drawn<'r> {
    Endpoint(&'r EndpointReport),
    Group(&'r GroupReport),
}

impl<'r> Drawn<'r> {
    fn at(report: &'r ListReport, node: usize) -> Option<Self> {
        match node.checked_sub(report.endpoints.len()) {
            None => report.endpoints.get(node).map(Self::Endpoint),
            Some(group) => report.groups.get(group).map(Self::Group),
        }
    }

    fn all(report: &'r ListReport) -> impl Iterator<Item = Self> {
        let groups = report.groups.iter().map(Self::Group);
        report.endpoints.iter().map(Self::Endpoint).chain(groups)
    }

    fn id(self) -> &'r str {
        match self {
            Self::Endpoint(endpoint) => &endpoint.id,
            Self::Group(group) => &group.id,
        }
    }

    fn is_outside(self) -> bool {
        let kind = match self {
            Self::Endpoint(endpoint) => endpoint.kind,
            Self::Group(group) => group.kind,
        };
        kind == EndpointKind::Addresses
    }

    fn members(self) -> Vec<&'r str> {
        match self {
            Self::Endpoint(endpoint) => vec![&endpoint.id],
            Self::Group(group) => group.members.iter().map(|id| &**id).collect(),
        }
    }

    /// What stands in a workload's node: lines without quoting.
    fn label(self) -> Vec<String> {
        match self {
            Self::Endpoint(endpoint) => workload_label(endpoint),
            Self::Group(group) => vec![group.name.to_string()],
        }
    }
}

impl<'r> Drawing<'r> {
    /// The drawing of a list, or of a comparison, with what happens to each connection.
    fn new(report: &'r ListReport, marks: &[Mark]) -> Self {
        let endpoints: FxHashMap<&str, &EndpointReport> =
            report.endpoints.iter().map(|endpoint| (&*endpoint.id, endpoint)).collect();
        let (outside, arrows) = share(report, &endpoints, arrows(report, marks));
        let mut drawing = Self { namespaces: BTreeMap::new(), wide: Vec::new(), outside, arrows };
        let named = drawing.arrows.iter().flat_map(|arrow| [arrow.from, arrow.to]).collect();
        for (node, drawn) in nodes(report, &named) {
            let namespace = |id: &str| endpoints.get(id)?.namespace.as_deref();
            let mut of: Vec<Option<&str>> = drawn.members().into_iter().map(namespace).collect();
            of.dedup();
            let place = match of.as_slice() {
                [Some(namespace)] => drawing.namespaces.entry(namespace).or_default(),
                _ => &mut drawing.wide,
            };
            place.push((node, drawn.label()));
        }
        drawing
    }
}

/// Nodes of workloads: every workload, alone or in a group, and all groups that arrows name.
fn nodes<'r>(report: &'r ListReport, named: &FxHashSet<usize>) -> Vec<(usize, Drawn<'r>)> {
    let pods = || Drawn::all(report).enumerate().filter(|(_, drawn)| !drawn.is_outside());
    let is_group = |drawn: Drawn<'_>| matches!(drawn, Drawn::Group(_));
    let groups = pods().filter(|(node, drawn)| is_group(*drawn) && named.contains(node));
    let grouped: FxHashSet<&str> = groups.flat_map(|(_, group)| group.members()).collect();
    let is_drawn = |(node, drawn): &(usize, Drawn<'_>)| {
        named.contains(node) || !is_group(*drawn) && !grouped.contains(drawn.id())
    };
    pods().filter(is_drawn).collect()
}

fn arrows<'r>(report: &'r ListReport, marks: &[Mark]) -> Vec<Arrow<'r>> {
    let ids = Drawn::all(report).enumerate();
    let nodes: FxHashMap<&str, usize> = ids.map(|(node, drawn)| (drawn.id(), node)).collect();
    let arrow = |(i, connection): (usize, &'r Connection)| {
        let (allowed, suffix) = certain(connection)?;
        let (from, to) = (*nodes.get(&*connection.from)?, *nodes.get(&*connection.to)?);
        Some(Arrow { from, to, allowed, suffix, mark: marks.get(i).copied() })
    };
    report.connections.iter().enumerate().filter_map(arrow).collect()
}

/// Joins nodes of addresses that have the same arrows: policies that are not in the picture told
/// them apart.
fn share<'r>(
    report: &ListReport,
    endpoints: &FxHashMap<&str, &EndpointReport>,
    arrows: Vec<Arrow<'r>>,
) -> (BTreeMap<usize, AddrSet>, Vec<Arrow<'r>>) {
    let is_outside = |node: usize| Drawn::at(report, node).is_some_and(Drawn::is_outside);
    let mut of: BTreeMap<usize, Vec<Arrow<'r>>> = BTreeMap::new();
    for arrow in &arrows {
        if is_outside(arrow.from) {
            of.entry(arrow.from).or_default().push(Arrow { from: usize::MAX, ..*arrow });
        }
        if is_outside(arrow.to) {
            of.entry(arrow.to).or_default().push(Arrow { to: usize::MAX, ..*arrow });
        }
    }
    let (mut outside, mut first) = (BTreeMap::new(), FxHashMap::default());
    let mut shared = FxHashMap::default();
    for (node, arrows) in of {
        let own = *first.entry(arrows).or_insert(node);
        shared.insert(node, own);
        let known: &mut AddrSet = outside.entry(own).or_default();
        *known = known.union(&addresses(report, endpoints, node));
    }
    let keep = |node: usize| *shared.get(&node).unwrap_or(&node) == node;
    let kept = arrows.into_iter().filter(|arrow| keep(arrow.from) && keep(arrow.to));
    (outside, kept.collect())
}

fn addresses(
    report: &ListReport,
    endpoints: &FxHashMap<&str, &EndpointReport>,
    node: usize,
) -> AddrSet {
    let members = Drawn::at(report, node).into_iter().flat_map(Drawn::members);
    let texts = members.filter_map(|id| endpoints.get(id)).flat_map(|one| &one.addresses);
    AddrSet::from_cidrs(texts.filter_map(|text| Cidr::parse(text).ok()))
}

fn workload_label(endpoint: &EndpointReport) -> Vec<String> {
    let name = endpoint.name.as_deref().unwrap_or_default();
    let kind = endpoint.workload_kind.as_deref().unwrap_or_default();
    std::iter::once(format!("{name}[{kind}]")).chain(endpoint.group.clone()).collect()
}

fn outside_label(addresses: &AddrSet) -> Vec<String> {
    let names = ranges::names(addresses, &AddrSet::default());
    let rest = names.len().saturating_sub(MOST_RANGES);
    let rest = (rest > 0).then(|| format!("and {rest} more"));
    names.into_iter().take(MOST_RANGES).map(|named| named.name).chain(rest).collect()
}

/// A graph for Graphviz; namespaces are clusters. Arrows of a comparison are marked.
pub fn write_dot(report: &ListReport, marks: &[Mark], out: &mut dyn Write) -> fmt::Result {
    let drawing = Drawing::new(report, marks);
    out.write_str("digraph portcullis {\n  rankdir=LR;\n  node [shape=box, style=rounded];\n")?;
    for (index, (namespace, nodes)) in drawing.namespaces.iter().enumerate() {
        let name = DotText(namespace);
        writeln!(out, "  subgraph cluster_{index} {{\n    label=\"{name}\";")?;
        for (node, lines) in nodes {
            let label = dot_label(lines);
            writeln!(out, "    {} [label=\"{label}\"];", dot_id(report, *node))?;
        }
        out.write_str("  }\n")?;
    }
    for (node, lines) in &drawing.wide {
        writeln!(out, "  {} [label=\"{}\"];", dot_id(report, *node), dot_label(lines))?;
    }
    for (node, addresses) in &drawing.outside {
        let label = dot_label(&outside_label(addresses));
        writeln!(out, "  {} [label=\"{label}\", shape=oval];", dot_id(report, *node))?;
    }
    for arrow in &drawing.arrows {
        let (from, to) = (dot_id(report, arrow.from), dot_id(report, arrow.to));
        let (allowed, suffix) = (DotText(arrow.allowed), arrow.suffix);
        let colour = arrow.colour().map(|colour| format!(", color={colour}")).unwrap_or_default();
        writeln!(out, "  {from} -> {to} [label=\"{allowed}{suffix}\"{colour}];")?;
    }
    out.write_str("}\n")
}

fn dot_id(report: &ListReport, node: usize) -> String {
    let id = Drawn::at(report, node).map_or("", Drawn::id);
    format!("\"{}\"", DotText(id))
}

fn dot_label(lines: &[String]) -> String {
    let lines: Vec<String> = lines.iter().map(|line| DotText(line).to_string()).collect();
    lines.join("\\n")
}

/// A text within the quotes of the DOT language. A backslash is doubled because labels give `\N` and the
/// like a meaning.
struct DotText<'t>(&'t str);

impl fmt::Display for DotText<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for c in self.0.chars() {
            match c {
                '"' => f.write_str("\\\"")?,
                '\\' => f.write_str("\\\\")?,
                // Graphviz reads entities in labels.
                '&' => f.write_str("&amp;")?,
                c if acts(c) => write!(f, "\\\\u{{{:x}}}", u32::from(c))?,
                c => f.write_char(c)?,
            }
        }
        Ok(())
    }
}

/// A flowchart for Mermaid; namespaces are subgraphs. Nodes are numbered, since names could be
/// words of the language.
pub fn write_mermaid(report: &ListReport, marks: &[Mark], out: &mut dyn Write) -> fmt::Result {
    let drawing = Drawing::new(report, marks);
    out.write_str("flowchart LR\n")?;
    for (index, (namespace, nodes)) in drawing.namespaces.iter().enumerate() {
        let name = MermaidText(namespace);
        writeln!(out, "  subgraph ns{index}[\"{name}\"]")?;
        for (node, lines) in nodes {
            writeln!(out, "    n{node}[\"{}\"]", mermaid_label(lines))?;
        }
        out.write_str("  end\n")?;
    }
    for (node, lines) in &drawing.wide {
        writeln!(out, "  n{node}[\"{}\"]", mermaid_label(lines))?;
    }
    for (node, addresses) in &drawing.outside {
        let label = mermaid_label(&outside_label(addresses));
        writeln!(out, "  n{node}([\"{label}\"])")?;
    }
    for Arrow { from, to, allowed, suffix, .. } in &drawing.arrows {
        let allowed = MermaidText(allowed);
        writeln!(out, "  n{from} -->|\"{allowed}{suffix}\"| n{to}")?;
    }
    for (i, arrow) in drawing.arrows.iter().enumerate() {
        if let Some(colour) = arrow.colour() {
            writeln!(out, "  linkStyle {i} stroke:{colour}")?;
        }
    }
    Ok(())
}

fn mermaid_label(lines: &[String]) -> String {
    let lines: Vec<String> = lines.iter().map(|line| MermaidText(line).to_string()).collect();
    lines.join("<br/>")
}

/// A text within Mermaid's quotes. Whatever could mean something there, to Mermaid, to Markdown or
/// to HTML, is written as the number of its character.
struct MermaidText<'t>(&'t str);

impl fmt::Display for MermaidText<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for c in self.0.chars() {
            match c {
                c if acts(c) => write!(f, "#92;u#123;{:x}#125;", u32::from(c))?,
                c if c.is_ascii_alphanumeric() || " /-.,:[]".contains(c) || !c.is_ascii() => {
                    f.write_char(c)?;
                }
                c => write!(f, "#{};", u32::from(c))?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_stay_names() {
        let hostile = "a\"];b\\N<&\n\x1b";
        assert_eq!(DotText(hostile).to_string(), "a\\\"];b\\\\N<&amp;\\\\u{a}\\\\u{1b}");
        assert_eq!(
            MermaidText(hostile).to_string(),
            "a#34;]#59;b#92;N#60;#38;#92;u#123;a#125;#92;u#123;1b#125;"
        );
    }
}
