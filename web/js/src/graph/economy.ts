// Which lines are drawn.
//
// A cluster in which much is open has as many flows as pairs; drawn one by one they hide what
// policies decide. So what is open only because neither end is isolated is drawn from namespace to
// namespace; where every card of a namespace has the same flow, the namespace has it; and what is
// left is gathered between namespaces when it is still too much. Every line knows the flows that it
// stands for. Only how the flows are drawn is decided here: the flows themselves are the engine's.

import type { EdgeState, GraphData, GraphEdge, GraphNode } from "./types";

/** A drawn line. Its ends are node ids, or namespaces as `ns:NAME`. */
export interface Line {
  id: string;
  from: string;
  to: string;
  label: string;
  state: EdgeState;
  /** An arrow at both ends. */
  both: boolean;
  /** Ids of the flows that it stands for. */
  edges: string[];
}

export interface Picture {
  nodes: GraphNode[];
  groups: { name: string; collapsed: boolean; count: number }[];
  lines: Line[];
  /** Namespaces all of whose cards talk to each other only because nothing isolates them. */
  inside: Map<string, Line>;
  /** Nothing is isolated: one statement in place of all lines. */
  openAll: boolean;
}

export interface PictureOptions {
  /** Namespaces that the user opened or closed by hand. */
  expanded: Map<string, boolean>;
  /** Flows that are drawn on their own whatever they could be part of. */
  single: Set<string>;
}

/** From how many workloads on namespaces are drawn closed. */
export const COLLAPSE_ABOVE = 60;
/** From how many lines on those between two namespaces become one. */
export const GATHER_ABOVE = 150;

export const groupId = (namespace: string) => `ns:${namespace}`;

export function picture(data: GraphData, options: PictureOptions): Picture {
  const groups = groupsOf(data, options.expanded);
  const collapsed = new Set(groups.filter((g) => g.collapsed).map((g) => g.name));
  const nodes = data.nodes.filter((n) => !n.namespace || !collapsed.has(n.namespace));
  const world = worldOf(data, collapsed);
  const openAll = isOpenAll(data, world);
  const lines: Line[] = [];
  const inside = new Map<string, Line>();
  const rest: GraphEdge[] = [];
  for (const edge of known(data, world)) {
    if (options.single.has(edge.id) && world.shown(edge.from) && world.shown(edge.to)) lines.push(lineOf(edge));
    else if (!(openAll && world.byDefault(edge))) rest.push(edge);
  }
  drawByDefault(rest.filter((e) => world.byDefault(e)), world, lines, inside);
  drawDecided(rest.filter((e) => !world.byDefault(e)), world, lines);
  const merged = bothWays(gather(lines, world, options.single));
  return { nodes, groups, lines: merged, inside, openAll };
}

/** What the rules below ask about nodes. */
interface World {
  home(id: string): string;
  shown(id: string): boolean;
  /** The node, or the closed namespace that holds it. */
  end(id: string): string;
  /** Shown cards of a namespace. */
  cards(namespace: string): string[];
  /** Open because neither end is isolated. */
  byDefault(edge: GraphEdge): boolean;
  has(id: string): boolean;
}

function worldOf(data: GraphData, collapsed: Set<string>): World {
  const byId = new Map(data.nodes.map((n) => [n.id, n]));
  const cards = new Map<string, string[]>();
  for (const n of data.nodes) if (n.namespace) cards.set(n.namespace, [...(cards.get(n.namespace) ?? []), n.id]);
  const home = (id: string) => byId.get(id)?.namespace ?? "";
  const shown = (id: string) => !collapsed.has(home(id));
  const loose = (isolation: GraphNode["ingress"]) => isolation === undefined || isolation === "no" || isolation === "unenforced";
  return {
    home, shown,
    end: (id) => (shown(id) ? id : groupId(home(id))),
    cards: (namespace) => cards.get(namespace) ?? [],
    byDefault: (e) => e.state === "allowed" && loose(byId.get(e.from)?.egress) && loose(byId.get(e.to)?.ingress),
    has: (id) => byId.has(id),
  };
}

function known(data: GraphData, world: World): GraphEdge[] {
  return data.edges.filter((e) => world.has(e.from) && world.has(e.to) && e.from !== e.to);
}

function groupsOf(data: GraphData, expanded: Map<string, boolean>): Picture["groups"] {
  const counts = new Map<string, number>();
  for (const n of data.nodes) if (n.namespace) counts.set(n.namespace, (counts.get(n.namespace) ?? 0) + 1);
  const many = [...counts.values()].reduce((a, b) => a + b, 0) > COLLAPSE_ABOVE;
  return [...counts].map(([name, count]) => ({ name, count, collapsed: !(expanded.get(name) ?? !many) }));
}

function isOpenAll(data: GraphData, world: World): boolean {
  const workloads = data.nodes.filter((n) => n.kind === "workload");
  const loose = workloads.every((n) => n.ingress !== "yes" && n.egress !== "yes" && n.ingress !== "unknown" && n.egress !== "unknown");
  return loose && workloads.length > 1 && data.edges.length > 1 && data.edges.some((e) => world.byDefault(e));
}

function lineOf(edge: GraphEdge): Line {
  return { id: edge.id, from: edge.from, to: edge.to, label: edge.label, state: edge.state, both: false, edges: [edge.id] };
}

/** One line for many flows; the id follows from what it joins, so that it is the same next time. */
function bundle(from: string, to: string, edges: GraphEdge[]): Line {
  if (edges.length === 1 && edges[0].from === from && edges[0].to === to) return lineOf(edges[0]);
  const labels = new Set(edges.map((e) => e.label));
  const state = edges.map((e) => e.state).sort((a, b) => WEIGHT[b] - WEIGHT[a])[0];
  const label = labels.size === 1 ? edges[0].label : "";
  return { id: `${from} ⇒ ${to} ${state} ${label}`, from, to, label, state, both: false, edges: edges.map((e) => e.id) };
}

const WEIGHT: Record<EdgeState, number> = { "asked-denied": 4, opened: 3, closed: 2, unknown: 1, allowed: 0 };

function groupBy<T>(items: T[], key: (item: T) => string): Map<string, T[]> {
  const out = new Map<string, T[]>();
  for (const item of items) {
    const held = out.get(key(item));
    if (held) held.push(item);
    else out.set(key(item), [item]);
  }
  return out;
}

/** Flows that are open by default: between namespaces one line, within one a mark at its header. */
function drawByDefault(edges: GraphEdge[], world: World, lines: Line[], inside: Map<string, Line>): void {
  const place = (id: string) => world.home(id) || id;
  for (const part of groupBy(edges, (e) => `${place(e.from)}\n${place(e.to)}\n${e.label}`).values()) {
    const [a, b] = [world.home(part[0].from), world.home(part[0].to)];
    if (a && a === b) drawInside(a, part, world, lines, inside);
    else lines.push(bundle(joint(part.map((e) => e.from), world), joint(part.map((e) => e.to), world), part));
  }
}

function drawInside(namespace: string, edges: GraphEdge[], world: World, lines: Line[], inside: Map<string, Line>): void {
  if (!world.shown(edges[0].from)) return;
  if (edges.length < 4) lines.push(...edges.map(lineOf));
  else inside.set(namespace, bundle(groupId(namespace), groupId(namespace), edges));
}

/** The one node, or the namespace of several. */
function joint(ids: string[], world: World): string {
  const ends = new Set(ids.map((id) => world.end(id)));
  return ends.size === 1 ? [...ends][0] : groupId(world.home(ids[0]));
}

/** Flows that a policy decides: one by one, or by namespace where all of its cards have them. */
function drawDecided(edges: GraphEdge[], world: World, lines: Line[]): void {
  for (const part of groupBy(edges, (e) => `${e.state}\n${e.label}`).values()) {
    const rest = new Set(part);
    const cross = part.filter((e) => world.home(e.from) !== world.home(e.to));
    takeWhole(cross, rest, world, lines, (e) => `${world.home(e.from)}\n${world.home(e.to)}`, "both");
    takeWhole(cross, rest, world, lines, (e) => `${world.home(e.from)}\n${e.to}`, "from");
    takeWhole(cross, rest, world, lines, (e) => `${e.from}\n${world.home(e.to)}`, "to");
    const whole = (e: GraphEdge) => world.shown(e.from) && world.shown(e.to);
    lines.push(...[...rest].filter(whole).map(lineOf));
    const hidden = [...rest].filter((e) => !whole(e) && world.end(e.from) !== world.end(e.to));
    for (const many of groupBy(hidden, (e) => `${world.end(e.from)}\n${world.end(e.to)}`).values()) {
      lines.push(bundle(world.end(many[0].from), world.end(many[0].to), many));
    }
  }
}

/** Takes from `rest` the flows of namespaces all of whose cards have them. */
function takeWhole(edges: GraphEdge[], rest: Set<GraphEdge>, world: World, lines: Line[], key: (e: GraphEdge) => string, which: "both" | "from" | "to"): void {
  for (const part of groupBy(edges.filter((e) => rest.has(e)), key).values()) {
    const [a, b] = [world.home(part[0].from), world.home(part[0].to)];
    const sources = which === "to" ? 1 : world.cards(a).length;
    const targets = which === "from" ? 1 : world.cards(b).length;
    if (part.length < 3 || part.length !== sources * targets) continue;
    const from = which === "to" ? world.end(part[0].from) : groupId(a);
    const to = which === "from" ? world.end(part[0].to) : groupId(b);
    lines.push(bundle(sources === 1 ? world.end(part[0].from) : from, targets === 1 ? world.end(part[0].to) : to, part));
    part.forEach((e) => rest.delete(e));
  }
}

/** When there is still too much: one line for all between two namespaces. */
function gather(lines: Line[], world: World, single: Set<string>): Line[] {
  const joined = joinSameEnds(lines);
  if (joined.length <= GATHER_ABOVE) return joined;
  const place = (end: string) => (end.startsWith("ns:") || !world.home(end) ? end : groupId(world.home(end)));
  const out: Line[] = [];
  for (const part of groupBy(joined, (l) => (single.has(l.id) ? l.id : `${place(l.from)}\n${place(l.to)}`)).values()) {
    const within = place(part[0].from) === place(part[0].to);
    if (within || part.length < 2) out.push(...part);
    else out.push(joinLines(place(part[0].from), place(part[0].to), part));
  }
  return out;
}

/** Gathered lines that join the same two ends are one line. */
function joinSameEnds(lines: Line[]): Line[] {
  const gathered = lines.filter((l) => l.edges.length > 1 && l.from.startsWith("ns:") && l.to.startsWith("ns:"));
  if (gathered.length < 12) return lines;
  const rest = lines.filter((l) => !gathered.includes(l));
  const parts = [...groupBy(gathered, (l) => `${l.from}\n${l.to}`).values()];
  return [...rest, ...parts.map((p) => (p.length === 1 ? p[0] : joinLines(p[0].from, p[0].to, p)))];
}

function joinLines(from: string, to: string, lines: Line[]): Line {
  const labels = new Set(lines.map((l) => l.label));
  const state = lines.map((l) => l.state).sort((a, b) => WEIGHT[b] - WEIGHT[a])[0];
  const label = labels.size === 1 ? lines[0].label : "";
  return { id: `${from} ⇒ ${to} all`, from, to, label, state, both: false, edges: lines.flatMap((l) => l.edges) };
}

/** The same flow there and back is one line with two arrows. */
function bothWays(lines: Line[]): Line[] {
  const key = (from: string, to: string, l: Line) => `${from}\n${to}\n${l.state}\n${l.label}`;
  const seen = new Map<string, Line>();
  const out: Line[] = [];
  for (const line of lines) {
    const back = line.label ? seen.get(key(line.to, line.from, line)) : undefined;
    if (back && !back.both) (back.both = true), (back.edges = [...back.edges, ...line.edges]);
    else (seen.set(key(line.from, line.to, line), line), out.push(line));
  }
  return out;
}
