// What is drawn of more workloads than lines could be read between: namespaces as a grid, no line at
// rest, and all lines of what is pointed at or selected.

import { edgeEnds, edgeId, groupBy, groupId } from "./flows";
import { bothWays, lineOf, takeFans, type Line } from "./lines";
import { Table } from "./table";
import type { GraphData, GraphNode } from "./types";
import type { Group, Picture, PictureOptions } from "./economy";

/** Of more flows than this the drawing shows the ends only. */
const SINGLE = 12;
/** So many workloads that the filter names are shown, and lines of so many of them. */
const SHOWN = 24;
const FOCUSED = 4;
/** More lines alike of what is pointed at are said beside it, and their other ends are marked. */
const ALIKE = 4;

export function overview(data: GraphData, options: PictureOptions): Picture {
  const table = new Table(data.nodes, data.table!);
  const picked = pickedNodes(data, options.selected);
  const groups = groupsOf(data, options.expanded, picked);
  const end = endsOf(data, groups, picked);
  const nodes = data.nodes.filter((n) => end.get(n.id) === n.id);
  const single = singleLines(data, options.selected, table, end);
  const focus = focusOf(data, options, end);
  const own = new Set(single.map((l) => l.id));
  const many = focusLines(data, table, end, focus).filter((l) => !own.has(l.id));
  const thinned = takeFans(bothWays(many), options.selected, ALIKE);
  const lines = [...single, ...thinned.lines];
  return { nodes, groups, lines, fans: thinned.fans, inside: new Map(), openAll: data.allOpen === true, undrawn: data.undrawn ?? 0, overview: true };
}

/** Nodes that must be seen: ends of selected flows, selected nodes, and what the filter names. */
function pickedNodes(data: GraphData, selected: Set<string>): Set<string> {
  const known = new Set(data.nodes.map((n) => n.id));
  const ids = [...selected].slice(0, SINGLE).flatMap((id) => edgeEnds(id) ?? [id]);
  const hits = data.nodes.filter((n) => n.hit).map((n) => n.id);
  return new Set([...ids, ...(hits.length <= SHOWN ? hits : [])].filter((id) => known.has(id)));
}

function groupsOf(data: GraphData, expanded: Map<string, boolean>, picked: Set<string>): Group[] {
  const members = groupBy(data.nodes.filter((n) => n.namespace), (n) => n.namespace!);
  const groups = [...members].map(([name, own]) => {
    const open = expanded.get(name) ?? members.size === 1;
    const shown = open ? own.length : own.filter((n) => picked.has(n.id)).length;
    return { name, count: own.length, shown, collapsed: shown === 0, part: !open && shown > 0, ...stateOf(own) };
  });
  // What is selected stands first, so that its line is short wherever its namespaces are.
  const sorted = groups.sort((a, b) => a.name.localeCompare(b.name, "en", { numeric: true }));
  return [...sorted.filter((g) => g.part), ...sorted.filter((g) => !g.part)];
}

/** How many of the workloads no policy limits, and how many are isolated both ways. */
export function stateOf(nodes: GraphNode[]): { open: number; isolated: number } {
  return { open: nodes.filter(isOpen).length, isolated: nodes.filter((n) => n.ingress === "yes" && n.egress === "yes").length };
}

const free = (isolation: GraphNode["ingress"]) => isolation === "no" || isolation === "unenforced";

/** A workload that no policy limits in either direction. */
export function isOpen({ kind, ingress, egress }: GraphNode): boolean {
  return kind === "workload" && free(ingress) && free(egress);
}

/** Where the lines of each node end: at its card, or at the box of its namespace. */
function endsOf(data: GraphData, groups: Group[], picked: Set<string>): Map<string, string> {
  const open = new Set(groups.filter((g) => g.shown === g.count).map((g) => g.name));
  const seen = (n: GraphNode) => !n.namespace || open.has(n.namespace) || picked.has(n.id);
  return new Map(data.nodes.map((n) => [n.id, seen(n) ? n.id : groupId(n.namespace!)]));
}

function singleLines(data: GraphData, selected: Set<string>, table: Table, end: Map<string, string>): Line[] {
  const asked = data.edges.filter((e) => end.get(e.from) === e.from && end.get(e.to) === e.to);
  const known = new Set(asked.map((e) => e.id));
  const flows = selected.size > SINGLE ? [] : [...selected].filter((id) => !known.has(id));
  const found = flows.flatMap((id) => {
    const ends = edgeEnds(id);
    const flow = ends && table.find(ends[0], ends[1]);
    return flow ? [lineOf({ id, from: ends[0], to: ends[1], ...flow })] : [];
  });
  return [...asked.map(lineOf), ...found];
}

/** Ends whose lines are all drawn: what is selected, or else pointed at, or else named by the filter. */
function focusOf(data: GraphData, { selected, pointed }: PictureOptions, end: Map<string, string>): string[] {
  const nodes = [...selected].filter((id) => end.has(id));
  const hits = data.nodes.filter((n) => n.hit).map((n) => n.id);
  if (pointed && !nodes.length) return [pointed];
  const chosen = nodes.length ? nodes : selected.size === 0 && hits.length <= FOCUSED ? hits : [];
  return [...new Set(chosen.map((id) => end.get(id)!))];
}

function focusLines(data: GraphData, table: Table, end: Map<string, string>, focus: string[]): Line[] {
  const behind = groupBy(data.nodes, (n) => end.get(n.id)!);
  return focus.flatMap((own) =>
    [...behind.keys()].filter((other) => other !== own && !isAround(data, own, other)).flatMap((other) =>
      [[own, other], [other, own]].flatMap(([from, to]) => between(table, from, to, behind) ?? []),
    ),
  );
}

/** Whether one is the box that the other stands in: no line can be drawn between the two. */
function isAround(data: GraphData, a: string, b: string): boolean {
  const home = (id: string) => groupId(data.nodes.find((n) => n.id === id)?.namespace ?? "");
  return home(a) === b || home(b) === a;
}

/** One line for all that passes from one end to another, and of how many pairs that is. */
function between(table: Table, from: string, to: string, behind: Map<string, GraphNode[]>): Line | undefined {
  const [sources, targets] = [behind.get(from) ?? [], behind.get(to) ?? []];
  const edges: string[] = [];
  const labels = new Set<string>();
  const states = new Set<string>();
  for (const a of sources) {
    for (const b of targets) {
      const found = table.find(a.id, b.id);
      if (!found) continue;
      edges.push(edgeId(a.id, b.id));
      (labels.add(found.label), states.add(found.state));
    }
  }
  if (!edges.length) return undefined;
  const label = labels.size === 1 ? [...labels][0] : "";
  const state = states.has("allowed") ? "allowed" : "unknown";
  const pairs = sources.length * targets.length;
  if (pairs === 1) return lineOf({ id: edges[0], from, to, label, state });
  return { id: `${from} ⇒ ${to}`, from, to, label: states.size === 1 ? label : "", state, both: false, edges, flows: edges.length, pairs };
}
