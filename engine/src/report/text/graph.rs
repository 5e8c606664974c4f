//! The list as a drawing: workloads in their namespaces, arrows with what is allowed.
//!
//! Every workload is drawn, also one that nothing reaches: its loneliness is the answer. Ranges of
//! addresses are drawn where an arrow needs them.

use std::collections::BTreeMap;
use std::fmt::{self, Write};

use rustc_hash::{FxHashMap, FxHashSet};

use super::certain;
use super::plain::acts;
use crate::report::types::{EndpointReport, ListReport};

/// Ranges of addresses written into one node before the rest is only counted.
const MOST_RANGES: usize = 4;

/// What is drawn, with the index of each node.
struct Drawing<'r> {
    namespaces: BTreeMap<&'r str, Vec<(usize, &'r EndpointReport)>>,
    outside: Vec<(usize, &'r EndpointReport)>,
    nodes: FxHashMap<&'r str, usize>,
}

impl<'r> Drawing<'r> {
    fn new(report: &'r ListReport) -> Self {
        let certain = report.connections.iter().filter(|c| c.allowed.is_some());
        let linked: FxHashSet<&str> = certain.flat_map(|c| [&*c.from, &*c.to]).collect();
        let mut drawing =
            Self { namespaces: BTreeMap::new(), outside: Vec::new(), nodes: FxHashMap::default() };
        for (index, endpoint) in report.endpoints.iter().enumerate() {
            drawing.nodes.insert(&endpoint.id, index);
            match &endpoint.namespace {
                Some(namespace) => {
                    let nodes = drawing.namespaces.entry(namespace).or_default();
                    nodes.push((index, endpoint));
                }
                None if linked.contains(&*endpoint.id) => drawing.outside.push((index, endpoint)),
                None => {}
            }
        }
        drawing
    }
}

/// What stands in a node: lines without quoting.
fn label(endpoint: &EndpointReport) -> Vec<String> {
    let Some(name) = &endpoint.name else {
        let ranges: Vec<&str> = endpoint.id.split(',').collect();
        let rest = ranges.len().saturating_sub(MOST_RANGES);
        let shown = ranges.into_iter().take(MOST_RANGES).map(str::to_owned);
        let rest = (rest > 0).then(|| format!("and {rest} more"));
        return shown.chain(rest).collect();
    };
    let kind = endpoint.workload_kind.as_deref().unwrap_or_default();
    let own = format!("{name}[{kind}]");
    std::iter::once(own).chain(endpoint.group.clone()).collect()
}

/// A graph for Graphviz; namespaces are clusters.
pub fn write_dot(report: &ListReport, out: &mut dyn Write) -> fmt::Result {
    let drawing = Drawing::new(report);
    out.write_str("digraph portcullis {\n  rankdir=LR;\n  node [shape=box, style=rounded];\n")?;
    for (index, (namespace, nodes)) in drawing.namespaces.iter().enumerate() {
        let name = DotText(namespace);
        writeln!(out, "  subgraph cluster_{index} {{\n    label=\"{name}\";")?;
        for (_, endpoint) in nodes {
            write_dot_node(endpoint, "    ", out)?;
        }
        out.write_str("  }\n")?;
    }
    for (_, endpoint) in &drawing.outside {
        write_dot_node(endpoint, "  ", out)?;
    }
    for connection in &report.connections {
        let Some((allowed, suffix)) = certain(connection) else {
            continue;
        };
        let (from, to) = (DotText(&connection.from), DotText(&connection.to));
        let allowed = DotText(allowed);
        writeln!(out, "  \"{from}\" -> \"{to}\" [label=\"{allowed}{suffix}\"];")?;
    }
    out.write_str("}\n")
}

fn write_dot_node(endpoint: &EndpointReport, indent: &str, out: &mut dyn Write) -> fmt::Result {
    let label = label(endpoint);
    let lines: Vec<String> = label.iter().map(|line| DotText(line).to_string()).collect();
    let (id, label) = (DotText(&endpoint.id), lines.join("\\n"));
    let shape = if endpoint.name.is_none() { ", shape=oval" } else { "" };
    writeln!(out, "{indent}\"{id}\" [label=\"{label}\"{shape}];")
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
pub fn write_mermaid(report: &ListReport, out: &mut dyn Write) -> fmt::Result {
    let drawing = Drawing::new(report);
    out.write_str("flowchart LR\n")?;
    for (index, (namespace, nodes)) in drawing.namespaces.iter().enumerate() {
        let name = MermaidText(namespace);
        writeln!(out, "  subgraph ns{index}[\"{name}\"]")?;
        for (node, endpoint) in nodes {
            writeln!(out, "    n{node}[\"{}\"]", mermaid_label(endpoint))?;
        }
        out.write_str("  end\n")?;
    }
    for (node, endpoint) in &drawing.outside {
        writeln!(out, "  n{node}([\"{}\"])", mermaid_label(endpoint))?;
    }
    for connection in &report.connections {
        let node = |id: &str| drawing.nodes.get(id);
        let ends = node(&connection.from).zip(node(&connection.to));
        if let (Some((allowed, suffix)), Some((from, to))) = (certain(connection), ends) {
            let allowed = MermaidText(allowed);
            writeln!(out, "  n{from} -->|\"{allowed}{suffix}\"| n{to}")?;
        }
    }
    Ok(())
}

fn mermaid_label(endpoint: &EndpointReport) -> String {
    let label = label(endpoint);
    let lines: Vec<String> = label.iter().map(|line| MermaidText(line).to_string()).collect();
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
