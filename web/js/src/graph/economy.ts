// Which lines are drawn.
//
// A cluster in which much is open has as many flows as pairs; drawn one by one they hide what
// policies decide. So several flows are drawn as one line: only where every pair of its ends has them,
// or with words that say how many have. That a workload is open is a state of its card. Every line knows
// the flows that it stands for. Only how the flows are drawn is decided here: the flows themselves are
// the engine's.

import { flowsOf, groupBy, groupId, isByDefault, placeOf, seatsOf, type Flow, type Seat } from "./flows";
import { bothWays, bundle, gather, lineOf, takeFans, type Fan, type Line } from "./lines";
import { overview, stateOf } from "./overview";
import type { GraphData, GraphEdge, GraphNode } from "./types";

export { groupId } from "./flows";
export { FAN_ABOVE, GATHER_ABOVE, type Fan, type Line } from "./lines";

/** A namespace: how many workloads it has, how many of them are drawn, are open, are isolated. */
export interface Group {
  name: string;
  count: number;
  shown: number;
  collapsed: boolean;
  /** Only what is selected of it is drawn. */
  part: boolean;
  open: number;
  isolated: number;
}

export interface Picture {
  nodes: GraphNode[];
  groups: Group[];
  lines: Line[];
  /** Namespaces all of whose cards may send each other the same: a mark at the header. */
  inside: Map<string, Line>;
  /** Everything may talk to everything: one statement in place of all lines. */
  openAll: boolean;
  fans: Fan[];
  /** How many flows are open by default and not drawn, as they are too many. */
  undrawn: number;
  /** More workloads than lines could be read between. */
  overview: boolean;
}

export interface PictureOptions {
  /** Namespaces that the user opened or closed by hand. */
  expanded: Map<string, boolean>;
  /** Selected: flows are drawn on their own whatever they could be part of, nodes with all their lines. */
  selected: Set<string>;
  /** A card or a namespace that is pointed at. */
  pointed?: string;
}

/** More flows than this that are open by default are states of their cards, and counted. */
export const OPEN_ABOVE = 8;
/** Within a namespace, from so many flows on, one mark at its header stands for those open by default. */
const INSIDE_FROM = 4;
/** So many lines to single cards before one line between namespaces says how many pairs it is of. */
const CARDS = 6;
/** So many selected flows are drawn on their own. */
const SINGLE = 12;

export function picture(data: GraphData, options: PictureOptions): Picture {
  return data.table ? overview(data, options) : inFull(data, options.selected);
}

/** How many nodes a place has: workloads of a namespace, or one. */
type Sizes = (place: string) => number;

function inFull(data: GraphData, selected: Set<string>): Picture {
  const seats = seatsOf(data);
  const groups = groupsOf(data);
  const sizes = new Map(groups.map((g) => [groupId(g.name), g.count]));
  const size: Sizes = (place) => sizes.get(place) ?? 1;
  const [byDefault, decided] = parted(flowsOf(data, seats), isByDefault);
  const openAll = data.allOpen === true;
  const open = openAll ? nothing() : drawByDefault(byDefault, selected, size);
  const place = (end: string) => (seats.has(end) ? placeOf(seats.get(end)!) : end);
  const gathered = gather([...open.lines, ...drawDecided(decided, size, open)], place, size);
  const lines = withSelected(bothWays(gathered), data.edges, selected);
  const thinned = takeFans(lines, selected);
  return { nodes: data.nodes, groups, openAll, inside: open.inside, undrawn: open.undrawn + (data.undrawn ?? 0), overview: false, ...thinned };
}

function groupsOf(data: GraphData): Group[] {
  const whole = new Map((data.namespaces ?? []).map((n) => [n.name, n.count]));
  const members = groupBy(data.nodes.filter((n) => n.namespace), (n) => n.namespace!);
  return [...members].map(([name, own]) => {
    const count = whole.get(name) ?? own.length;
    return { name, count, shown: own.length, collapsed: false, part: own.length < count, ...stateOf(own) };
  });
}

function parted<T>(items: T[], first: (item: T) => boolean): [T[], T[]] {
  const out: [T[], T[]] = [[], []];
  for (const item of items) out[first(item) ? 0 : 1].push(item);
  return out;
}

interface Open { lines: Line[]; inside: Map<string, Line>; undrawn: number }

const nothing = (): Open => ({ lines: [], inside: new Map(), undrawn: 0 });

/**
 * What is open by default, while it is little or of what is selected; a namespace all of whose cards
 * have each other has a mark at its header in any case.
 */
function drawByDefault(flows: Flow[], selected: Set<string>, size: Sizes): Open {
  const out = nothing();
  const few = flows.length <= OPEN_ABOVE;
  const wanted = ({ from, to }: Flow) => few || selected.has(from.id) || selected.has(to.id);
  for (const part of groupBy(flows, ({ from, to }) => `${placeOf(from)}\n${placeOf(to)}`).values()) {
    const [from, to] = [placeOf(part[0].from), placeOf(part[0].to)];
    if (from === to && isWholeInside(part, size(from))) drawInside(part, out, size(from));
    else {
      const [drawn, left] = parted(part, wanted);
      if (drawn.length) out.lines.push(...(from === to ? drawn.map(({ edge }) => lineOf(edge)) : drawOpen(drawn, size)));
      out.undrawn += left.length;
    }
  }
  return out;
}

function isWholeInside(flows: Flow[], size: number): boolean {
  return flows.length >= INSIDE_FROM && flows.length === size * (size - 1) && flows.every((f) => f.edge.label === flows[0].edge.label);
}

/** Between two places: from and to whole ones where all of their cards are meant, else from and to cards. */
function drawOpen(flows: Flow[], size: Sizes): Line[] {
  return [...groupBy(flows, ({ edge }) => edge.label).values()].flatMap((part) => {
    const [from, to] = [placeOf(part[0].from), placeOf(part[0].to)];
    const [sources, targets] = [new Set(part.map((f) => f.from.id)), new Set(part.map((f) => f.to.id))];
    const all = part.length === sources.size * targets.size;
    const [wholeFrom, wholeTo] = [sources.size === size(from), targets.size === size(to)];
    const count = (wholeFrom ? 1 : sources.size) * (wholeTo ? 1 : targets.size);
    if (!all || count > CARDS) return [bundle(from, to, part.map((f) => f.edge), size(from) * size(to))];
    const end = (seat: Seat, whole: boolean) => (whole && size(placeOf(seat)) > 1 ? placeOf(seat) : seat.id);
    const ends = groupBy(part, (f) => `${end(f.from, wholeFrom)}\n${end(f.to, wholeTo)}`);
    return [...ends.values()].map((own) => bundle(end(own[0].from, wholeFrom), end(own[0].to, wholeTo), own.map((f) => f.edge), own.length));
  });
}

function drawInside(flows: Flow[], out: Open, size: number): void {
  const home = flows[0].from.home;
  out.inside.set(home, bundle(groupId(home), groupId(home), flows.map((f) => f.edge), size * (size - 1)));
}

/** Flows that a policy decides: one by one, or by namespace where all of its cards have them. */
function drawDecided(flows: Flow[], size: Sizes, out: Open): Line[] {
  const lines: Line[] = [];
  for (const part of groupBy(flows, ({ edge }) => `${edge.state}\n${edge.label}`).values()) {
    const rest = new Set(part);
    takeInside(rest, size, out);
    for (const which of ["both", "from", "to"] as const) takeWhole(rest, size, lines, which);
    lines.push(...[...rest].map(({ edge }) => lineOf(edge)));
  }
  return lines;
}

/** Takes from `rest` the flows of namespaces all of whose cards have each other: a mark at the header. */
function takeInside(rest: Set<Flow>, size: Sizes, out: Open): void {
  const inner = [...rest].filter(({ from, to }) => from.home === to.home);
  for (const part of groupBy(inner, ({ from }) => placeOf(from)).values()) {
    if (part[0].edge.state !== "allowed" || !isWholeInside(part, size(placeOf(part[0].from)))) continue;
    drawInside(part, out, size(placeOf(part[0].from)));
    part.forEach((f) => rest.delete(f));
  }
}

/** Takes from `rest` the flows of namespaces all of whose cards have them, at one end or at both. */
function takeWhole(rest: Set<Flow>, size: Sizes, lines: Line[], which: "both" | "from" | "to"): void {
  const across = [...rest].filter(({ from, to }) => from.home !== to.home);
  const source = ({ from }: Flow) => (which === "to" || size(placeOf(from)) === 1 ? from.id : placeOf(from));
  const target = ({ to }: Flow) => (which === "from" || size(placeOf(to)) === 1 ? to.id : placeOf(to));
  for (const part of groupBy(across, (f) => `${source(f)}\n${target(f)}`).values()) {
    const [from, to] = [source(part[0]), target(part[0])];
    if (part.length < 3 || part.length !== size(from) * size(to)) continue;
    lines.push(bundle(from, to, part.map((f) => f.edge), part.length));
    part.forEach((f) => rest.delete(f));
  }
}

/** Selected flows are drawn on their own too, if they are not already. */
function withSelected(lines: Line[], edges: GraphEdge[], selected: Set<string>): Line[] {
  if (selected.size > SINGLE) return lines;
  const drawn = new Set(lines.filter((l) => l.edges.length === (l.both ? 2 : 1)).flatMap((l) => l.edges));
  return [...lines, ...edges.filter((e) => selected.has(e.id) && !drawn.has(e.id)).map(lineOf)];
}
