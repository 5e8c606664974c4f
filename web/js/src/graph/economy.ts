// Which lines are drawn.
//
// A cluster in which much is open has as many flows as pairs; drawn one by one they hide what
// policies decide. So what is open only because neither end is isolated is drawn from namespace to
// namespace; where every card of a namespace has the same flow, the namespace has it; and what is
// left is gathered between namespaces when it is still too much. Every line knows the flows that it
// stands for. Only how the flows are drawn is decided here: the flows themselves are the engine's.

import { flowsOf, groupBy, groupId, isByDefault, seatsOf, type Flow, type Seat } from "./flows";
import { bothWays, bundle, gather, lineOf, takeFans, type Fan, type Line } from "./lines";
import type { GraphData, GraphNode } from "./types";

export { groupId } from "./flows";
export { FAN_ABOVE, GATHER_ABOVE, type Fan, type Line } from "./lines";

export interface Picture {
  nodes: GraphNode[];
  groups: { name: string; collapsed: boolean; count: number }[];
  lines: Line[];
  /** Namespaces all of whose cards talk to each other only because nothing isolates them. */
  inside: Map<string, Line>;
  /** Nothing is isolated: one statement in place of all lines. */
  openAll: boolean;
  fans: Fan[];
  /** How many flows are open by default and not drawn, as they are too many. */
  undrawn: number;
}

export interface PictureOptions {
  /** Namespaces that the user opened or closed by hand. */
  expanded: Map<string, boolean>;
  /** Selected: flows are drawn on their own whatever they could be part of, nodes with all their lines. */
  selected: Set<string>;
}

/** From how many workloads on namespaces are drawn closed. */
export const COLLAPSE_ABOVE = 60;
/** Between more pairs of places than this, what is open by default is counted and not drawn. */
export const OPEN_ABOVE = 8;
/** Within a namespace, from so many flows on, one mark at its header stands for those open by default. */
const INSIDE_FROM = 4;

export function picture(data: GraphData, { expanded, selected }: PictureOptions): Picture {
  const groups = groupsOf(data, expanded);
  const collapsed = new Set(groups.filter((g) => g.collapsed).map((g) => g.name));
  const seats = seatsOf(data, collapsed);
  const { single, byDefault, decided } = sorted(flowsOf(data, seats), selected);
  const openAll = isOpenAll(data, byDefault.length);
  const chosen = chosenEnds(selected, seats);
  const open = openAll ? { lines: [], inside: new Map<string, Line>(), undrawn: 0 } : drawByDefault(byDefault, chosen);
  const lines = [...single.map(({ edge }) => lineOf(edge)), ...open.lines, ...drawDecided(decided, groups)];
  const thinned = takeFans(bothWays(gather(lines, seats, selected)), selected);
  const nodes = data.nodes.filter((n) => !n.namespace || !collapsed.has(n.namespace));
  return { nodes, groups, openAll, inside: open.inside, undrawn: open.undrawn, ...thinned };
}

function groupsOf(data: GraphData, expanded: Map<string, boolean>): Picture["groups"] {
  const counts = new Map<string, number>();
  for (const { namespace } of data.nodes) if (namespace) counts.set(namespace, (counts.get(namespace) ?? 0) + 1);
  const many = [...counts.values()].reduce((a, b) => a + b, 0) > COLLAPSE_ABOVE;
  return [...counts].map(([name, count]) => ({ name, count, collapsed: !(expanded.get(name) ?? !many) }));
}

/** Flows drawn on their own, flows that nothing isolates, flows that a policy decides. */
function sorted(flows: Flow[], selected: Set<string>) {
  const out = { single: [] as Flow[], byDefault: [] as Flow[], decided: [] as Flow[] };
  for (const flow of flows) {
    if (selected.size && selected.has(flow.edge.id) && flow.from.shown && flow.to.shown) out.single.push(flow);
    else if (isByDefault(flow)) out.byDefault.push(flow);
    else out.decided.push(flow);
  }
  return out;
}

function isOpenAll(data: GraphData, byDefault: number): boolean {
  const workloads = data.nodes.filter((n) => n.kind === "workload");
  const bound = (n: GraphNode) => [n.ingress, n.egress].some((i) => i === "yes" || i === "unknown" || i === "selected");
  return workloads.length > 1 && byDefault > 0 && data.edges.length > 1 && !workloads.some(bound);
}

/** Selected nodes and the namespaces that hold them. */
function chosenEnds(selected: Set<string>, seats: Map<string, Seat>): Set<string> {
  const found = [...selected].flatMap((id) => seats.get(id) ?? []);
  return new Set(found.flatMap((seat) => (seat.home ? [seat.id, groupId(seat.home)] : [seat.id])));
}

/** What is open by default: between namespaces one line, within one a mark at its header. */
function drawByDefault(flows: Flow[], chosen: Set<string>) {
  const out = { lines: [] as Line[], inside: new Map<string, Line>(), undrawn: 0 };
  const parts = [...groupBy(flows, ({ from, to }) => from.place * 65_536 + to.place).values()];
  const pairs = new Set(parts.map(([{ from, to }]) => Math.min(from.place, to.place) * 65_536 + Math.max(from.place, to.place)));
  for (const part of parts) {
    const [{ from, to }] = part;
    if (from.place === to.place) drawInside(part, out);
    else if (pairs.size <= OPEN_ABOVE || touches(part, chosen)) out.lines.push(...drawOpen(part));
    else out.undrawn += part.length;
  }
  return out;
}

function touches([{ from, to }]: Flow[], chosen: Set<string>): boolean {
  return chosen.size > 0 && [from, to].some((seat) => chosen.has(seat.home ? groupId(seat.home) : seat.id));
}

function drawOpen(flows: Flow[]): Line[] {
  const parts = [...groupBy(flows, ({ edge }) => edge.label).values()];
  return parts.map((part) => bundle(joint(part.map((f) => f.from)), joint(part.map((f) => f.to)), part.map((f) => f.edge)));
}

function drawInside(flows: Flow[], out: { lines: Line[]; inside: Map<string, Line> }): void {
  const [{ from }] = flows;
  if (!from.shown) return;
  if (flows.length < INSIDE_FROM) out.lines.push(...flows.map(({ edge }) => lineOf(edge)));
  else out.inside.set(from.home, bundle(groupId(from.home), groupId(from.home), flows.map((f) => f.edge)));
}

/** The one node, or the namespace of several. */
function joint(seats: Seat[]): string {
  return seats.every((s) => s.end === seats[0].end) ? seats[0].end : groupId(seats[0].home);
}

/** Flows that a policy decides: one by one, or by namespace where all of its cards have them. */
function drawDecided(flows: Flow[], groups: Picture["groups"]): Line[] {
  const size = new Map(groups.map((g) => [g.name, g.count]));
  const lines: Line[] = [];
  for (const part of groupBy(flows, ({ edge }) => `${edge.state}\n${edge.label}`).values()) {
    const rest = new Set(part);
    takeWhole(rest, size, lines, "both");
    takeWhole(rest, size, lines, "from");
    takeWhole(rest, size, lines, "to");
    const [visible, hidden] = [[...rest].filter(isWhole), [...rest].filter((f) => !isWhole(f) && f.from.end !== f.to.end)];
    lines.push(...visible.map(({ edge }) => lineOf(edge)));
    for (const many of groupBy(hidden, ({ from, to }) => `${from.end}\n${to.end}`).values()) {
      lines.push(bundle(many[0].from.end, many[0].to.end, many.map((f) => f.edge)));
    }
  }
  return lines;
}

function isWhole({ from, to }: Flow): boolean {
  return from.shown && to.shown;
}

/** Takes from `rest` the flows of namespaces all of whose cards have them, at one end or at both. */
function takeWhole(rest: Set<Flow>, size: Map<string, number>, lines: Line[], which: "both" | "from" | "to"): void {
  const across = [...rest].filter(({ from, to }) => from.home !== to.home);
  const key = ({ from, to }: Flow) => `${which === "to" ? from.id : from.home}\n${which === "from" ? to.id : to.home}`;
  for (const part of groupBy(across, key).values()) {
    const [{ from, to }] = part;
    const sources = which === "to" ? 1 : (size.get(from.home) ?? 0);
    const targets = which === "from" ? 1 : (size.get(to.home) ?? 0);
    if (part.length < 3 || part.length !== sources * targets) continue;
    const ends = [sources === 1 ? from.end : groupId(from.home), targets === 1 ? to.end : groupId(to.home)];
    lines.push(bundle(ends[0], ends[1], part.map((f) => f.edge)));
    part.forEach((f) => rest.delete(f));
  }
}
